//! `mintery token verify`: verifies a token with the library that APIs use.

use clap::Args;
use comfy_table::ContentArrangement;
use serde::{Deserialize, Serialize};

use super::argument::TokenArgument;
use crate::cli::error::CliError;
use crate::cli::output::{self, Output, date};
use crate::cli::remote::http::Remote;
use crate::cli::remote::profile::ProfileFlag;
use crate::logging::escape;
use crate::model::environment::{Environment, Environments};
use crate::model::scope::ScopeSet;
use mintery_verifier::{BuildError, Principal, RequireScope, Verifier, VerifyError};

#[derive(Debug, Args)]
#[command(
    after_help = "The exit code is 0 if the token is valid, 3 if it is invalid, 4 if it lacks a scope, and 1 if \
                        it cannot be verified. Revocations are not checked; `mintery token introspect` asks the server."
)]
pub struct VerifyToken {
    #[command(flatten)]
    token: TokenArgument,
    /// The expected issuer; the server of the profile if absent.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// The expected audience; the issuer if absent.
    #[arg(long, value_name = "URI")]
    audience: Option<String>,
    /// Required scopes, separated by spaces.
    #[arg(long, value_name = "\"A B\"")]
    scope: Option<String>,
    /// Accepted environments of a token from an API key: live, test or any.
    #[arg(long, value_name = "ENVIRONMENT", default_value = "live")]
    env: Environments,
    #[command(flatten)]
    profile: ProfileFlag,
    #[command(flatten)]
    output: Output,
}

/// The claims of a valid token.
#[derive(Serialize)]
struct VerifiedClaims<'a> {
    sub: &'a str,
    client_id: &'a str,
    scope: &'a ScopeSet,
    iss: &'a str,
    aud: &'a [String],
    exp: i64,
    iat: i64,
    nbf: i64,
    jti: &'a str,
    /// The environment of the API key that the token was exchanged for.
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'static str>,
}

impl VerifyToken {
    pub async fn run(&self) -> Result<(), CliError> {
        let scopes =
            ScopeSet::parse(self.scope.as_deref().unwrap_or_default()).map_err(CliError::usage)?;
        let token = self.token.read()?;
        let verifier = self.verifier().await?;
        let principal = verifier.verify(token.expose()).await.map_err(|why| match why {
            VerifyError::KeysUnavailable | VerifyError::StaleRevocations => {
                CliError::Failed(why.to_string())
            }
            _ => CliError::NotAuthenticated(format!("the token is invalid: {why}")),
        })?;
        RequireScope::all(scopes.iter())
            .check(&principal)
            .map_err(|missing| CliError::NoPermission(missing.to_string()))?;
        self.print(&verifier, &principal)
    }

    async fn verifier(&self) -> Result<Verifier, CliError> {
        let verifier_of = |issuer: &str| {
            let audience = self.audience.as_deref().unwrap_or(issuer);
            Verifier::builder(issuer).audience(audience).environments(self.env)
        };
        let built = if let Some(issuer) = &self.issuer {
            verifier_of(issuer).build().await
        } else {
            let url = self.profile.load()?.url;
            let issuer = issuer_at(&Remote::new(&url))?;
            // The address of the server may differ from the issuer in its tokens.
            let keys = url.endpoint("/.well-known/jwks.json");
            verifier_of(&issuer).jwks_uri(keys).build().await
        };
        built.map_err(|error| match error {
            BuildError::Insecure(_) if self.issuer.is_some() => CliError::usage(error),
            BuildError::Audience(_) => CliError::usage(error),
            other => CliError::Failed(escape(&other.to_string())),
        })
    }

    fn print(&self, verifier: &Verifier, principal: &Principal) -> Result<(), CliError> {
        let token = principal.token();
        let claims = VerifiedClaims {
            sub: &token.subject,
            client_id: &token.client_id,
            scope: &token.scopes,
            iss: verifier.issuer(),
            aud: &token.audience,
            exp: token.expires_at.as_secs(),
            iat: token.issued_at.as_secs(),
            nbf: token.not_before.as_secs(),
            jti: &token.jti,
            environment: principal.environment().map(Environment::name),
        };
        if self.output.is_json() {
            return output::foreign_json(&serde_json::json!(claims));
        }
        let mut table = output::table(&["VALID", "unless revoked"]);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.add_row(["expires", &date(token.expires_at)]);
        table.add_row(["subject", &escape(claims.sub)]);
        table.add_row(["client", &escape(claims.client_id)]);
        if let Some(environment) = claims.environment {
            table.add_row(["environment", environment]);
        }
        table.add_row(["scope", claims.scope.as_str()]);
        table.add_row(["issuer", &escape(claims.iss)]);
        table.add_row(["audience", &escape(&claims.aud.join(" "))]);
        output::line(&table.to_string())
    }
}

/// The issuer in the metadata of a server (RFC 8414 §2).
fn issuer_at(remote: &Remote<'_>) -> Result<String, CliError> {
    #[derive(Deserialize)]
    struct Metadata {
        issuer: String,
    }
    let Metadata { issuer } = remote.well_known("oauth-authorization-server")?.json()?;
    Ok(issuer)
}
