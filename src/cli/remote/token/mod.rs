//! `mintery token …`

mod argument;
mod claims;
mod decode;
mod verify;

use clap::{Args, Subcommand};
use comfy_table::ContentArrangement;
use serde_json::{Value, json};

use self::argument::TokenArgument;
use self::claims::add_claims;
use self::decode::DecodeToken;
use self::verify::VerifyToken;
use super::credential::Credential;
use super::grant::{self, TokenRequestFlags};
use super::http::{Answer, Remote};
use super::profile::ProfileFlag;
use super::profile_file::Profile;
use crate::cli::error::CliError;
use crate::cli::output::{self, Output};
use crate::logging::escape;
use crate::secret::Secret;

#[derive(Debug, Subcommand)]
pub enum TokenVerb {
    /// Get an access token and print it.
    Get(GetToken),
    /// Introspect a token at the server (RFC 7662).
    Introspect(IntrospectToken),
    /// Revoke a token issued to the client of the profile (RFC 7009).
    Revoke(RevokeToken),
    /// Print the claims of a token, offline and unverified.
    Decode(DecodeToken),
    /// Verify a token with the published keys of its issuer.
    Verify(VerifyToken),
}

#[derive(Debug, Args)]
pub struct GetToken {
    #[command(flatten)]
    request: TokenRequestFlags,
    #[command(flatten)]
    profile: ProfileFlag,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
#[command(after_help = "The exit code is 3 if the token is not active.")]
pub struct IntrospectToken {
    #[command(flatten)]
    token: TokenArgument,
    #[command(flatten)]
    profile: ProfileFlag,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub struct RevokeToken {
    #[command(flatten)]
    token: TokenArgument,
    #[command(flatten)]
    profile: ProfileFlag,
    #[command(flatten)]
    output: Output,
}

impl TokenVerb {
    pub async fn run(&self) -> Result<(), CliError> {
        match self {
            Self::Get(get) => get.run(),
            Self::Introspect(introspect) => introspect.run(),
            Self::Revoke(revoke) => revoke.run(),
            Self::Decode(decode) => decode.run(),
            Self::Verify(verify) => verify.run().await,
        }
    }
}

impl GetToken {
    fn run(&self) -> Result<(), CliError> {
        let request = self.request.parse()?;
        let profile = self.profile.load()?;
        let granted = grant::request(&Remote::new(&profile.url), &profile.credential, &request)?;
        if self.output.is_json() {
            return output::foreign_json(&granted.whole);
        }
        let life =
            granted.expires_in.map(|secs| format!("Valid for {secs} s. ")).unwrap_or_default();
        let scope = granted.scope.as_deref().filter(|scope| !scope.is_empty());
        output::note(&format!("{life}Scope: {}", scope.map_or_else(|| "none".to_owned(), escape)))?;
        output::line(granted.token.expose())
    }
}

impl IntrospectToken {
    fn run(&self) -> Result<(), CliError> {
        let answer = ask_about(&self.token, &self.profile, "/oauth/introspect")?;
        let whole: Value = answer.json()?;
        let Some(is_active) = whole.get("active").and_then(Value::as_bool) else {
            return Err(answer.foreign().into());
        };
        if self.output.is_json() {
            output::foreign_json(&whole)?;
        } else if is_active {
            let mut table = output::table(&["ACTIVE", "yes"]);
            table.set_content_arrangement(ContentArrangement::Dynamic);
            let members =
                whole.as_object().into_iter().flatten().filter(|(name, _)| *name != "active");
            add_claims(&mut table, members);
            output::line(&table.to_string())?;
        }
        if is_active {
            return Ok(());
        }
        let reason = "the token is not active, or this client may not introspect it";
        Err(CliError::NotAuthenticated(reason.to_owned()))
    }
}

impl RevokeToken {
    fn run(&self) -> Result<(), CliError> {
        // RFC 7009 §2.2 leaves the body open.
        ask_about(&self.token, &self.profile, "/oauth/revoke")?;
        self.output.confirm(&json!({ "revoked": true }), || {
            "The token is revoked if it was valid.".to_owned()
        })
    }
}

/// Sends a token to an endpoint, authenticated as the client of the profile.
fn ask_about(token: &TokenArgument, profile: &ProfileFlag, path: &str) -> Result<Answer, CliError> {
    let profile = profile.load()?;
    let client = client_of(&profile)?;
    let token = token.read()?;
    Ok(Remote::new(&profile.url).post(path, &[("token", token.expose())], Some(client))?)
}

/// The client of a profile. Only clients may introspect and revoke.
fn client_of(profile: &Profile) -> Result<(&str, &Secret), CliError> {
    match &profile.credential {
        Credential::Client { id, secret } => Ok((id, secret)),
        other => Err(CliError::Failed(format!(
            "this command needs a client, but the profile has an {}; run `mintery login --client-id ID`",
            other.kind()
        ))),
    }
}
