//! `mintery token verify`: the check that an API makes, with the library that it makes it with.

use clap::Args;
use comfy_table::ContentArrangement;
use serde::{Deserialize, Serialize};

use crate::cli::CliError;
use crate::cli::output;
use crate::cli::output::{Format, date};
use crate::cli::remote::http::Remote;
use crate::cli::remote::profile::ProfileFlag;
use crate::cli::remote::token::TokenArgument;
use crate::logging::escape;
use crate::model::environment::{Environment, Environments};
use crate::model::scope::ScopeSet;
use mintery_verifier::{BuildError, Principal, RequireScope, Verifier, VerifyError};

#[derive(Debug, Args)]
#[command(
    after_help = "The exit code is 0 when the token is good, 3 when it is not, 4 when it lacks a scope, and 1 when \
                        that cannot be told. What was taken back is not looked at: `mintery token introspect` asks the server."
)]
pub struct Verify {
    #[command(flatten)]
    token: TokenArgument,
    /// Who must have issued it; the server of the profile when this is absent.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// For which API it must be; the issuer itself when this is absent.
    #[arg(long, value_name = "URI")]
    audience: Option<String>,
    /// The scopes that it must have, with spaces between.
    #[arg(long, value_name = "\"A B\"")]
    scope: Option<String>,
    /// From which API keys it may have been made: live, test, or any.
    #[arg(long, value_name = "ENVIRONMENT", default_value = "live")]
    env: Environments,
    #[command(flatten)]
    profile: ProfileFlag,
    /// How to print what it says.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

/// What a good token says.
#[derive(Serialize)]
struct Good<'a> {
    sub: &'a str,
    client_id: &'a str,
    scope: &'a ScopeSet,
    iss: &'a str,
    aud: &'a [String],
    exp: i64,
    iat: i64,
    nbf: i64,
    jti: &'a str,
    /// Of a token that was made from an API key, what the key is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'static str>,
}

impl Verify {
    pub async fn run(&self) -> Result<(), CliError> {
        let scopes =
            ScopeSet::parse(self.scope.as_deref().unwrap_or_default()).map_err(CliError::usage)?;
        let token = self.token.read()?;
        let verifier = self.verifier().await?;
        let principal = verifier.verify(token.expose()).await.map_err(|why| match why {
            VerifyError::KeysUnavailable | VerifyError::StaleRevocations => {
                CliError::Failed(why.to_string())
            }
            _ => CliError::NotAuthenticated(format!("the token is not good: {why}")),
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
            // The server is known by an address of its own, which may be another than that in its
            // tokens.
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
        let good = Good {
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
        if self.output == Format::Json {
            return Ok(output::foreign_json(&serde_json::json!(good))?);
        }
        let mut table = output::table(&["GOOD", "unless it was taken back"]);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.add_row(["expires", &date(token.expires_at)]);
        table.add_row(["subject", &escape(good.sub)]);
        table.add_row(["client", &escape(good.client_id)]);
        if let Some(environment) = good.environment {
            table.add_row(["environment", environment]);
        }
        table.add_row(["scope", good.scope.as_str()]);
        table.add_row(["issuer", &escape(good.iss)]);
        table.add_row(["audience", &escape(&good.aud.join(" "))]);
        Ok(output::line(&table.to_string())?)
    }
}

/// Who a server says that it is (RFC 8414 §2).
fn issuer_at(remote: &Remote<'_>) -> Result<String, CliError> {
    #[derive(Deserialize)]
    struct Metadata {
        issuer: String,
    }
    let Metadata { issuer } = remote.well_known("oauth-authorization-server")?.json()?;
    Ok(issuer)
}
