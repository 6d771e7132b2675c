//! `mintery token …`

mod decode;
mod verify;

use clap::{Args, Subcommand};
use comfy_table::ContentArrangement;
use serde_json::{Value, json};

use crate::cli::output;
use crate::cli::output::Format;
use crate::cli::remote::credential::Credential;
use crate::cli::remote::grant;
use crate::cli::remote::grant::WantedFlags;
use crate::cli::remote::http::{Answer, Remote};
use crate::cli::remote::profile::{Profile, ProfileFlag};
use crate::cli::remote::token::decode::Decode;
use crate::cli::remote::token::verify::Verify;
use crate::cli::{CliError, secret_input};
use crate::logging::escape;
use crate::secret::Secret;

#[derive(Debug, Subcommand)]
pub enum TokenVerb {
    /// Gets an access token and prints it.
    Get(Get),
    /// Asks the server whether a token is good, and what it says (RFC 7662).
    Introspect(Introspect),
    /// Takes a token back that the client of the profile asked for (RFC 7009).
    Revoke(Revoke),
    /// Shows what a token says. It asks nobody, and verifies nothing.
    Decode(Decode),
    /// Checks a token with the published keys of its issuer, without asking about it.
    Verify(Verify),
}

#[derive(Debug, Args)]
pub struct Get {
    #[command(flatten)]
    wanted: WantedFlags,
    #[command(flatten)]
    profile: ProfileFlag,
    /// How to print it: the token alone, or all that the server says.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

// No doc comment: a command that has these flags would be described by it.
// A token that somebody has.
#[derive(Debug, Args)]
pub struct TokenArgument {
    /// The token: `-` reads it from standard input, or from a prompt that shows nothing.
    #[arg(
        value_name = "TOKEN|-",
        default_value = "-",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    token: String,
}

impl TokenArgument {
    /// The token, without the white space around it.
    pub fn read(&self) -> Result<Secret, CliError> {
        let token = secret_input::read_token(&self.token, "Token: ")?;
        if token.expose().is_empty() {
            return Err(CliError::Usage("no token was given".to_owned()));
        }
        Ok(token)
    }
}

#[derive(Debug, Args)]
#[command(after_help = "The exit code is 3 when the token is not active.")]
pub struct Introspect {
    #[command(flatten)]
    token: TokenArgument,
    #[command(flatten)]
    profile: ProfileFlag,
    /// How to print it.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

#[derive(Debug, Args)]
pub struct Revoke {
    #[command(flatten)]
    token: TokenArgument,
    #[command(flatten)]
    profile: ProfileFlag,
    /// How to print it.
    #[arg(short, long, default_value = "table")]
    output: Format,
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

impl Get {
    fn run(&self) -> Result<(), CliError> {
        let wanted = self.wanted.parse()?;
        let profile = self.profile.load()?;
        let granted = grant::request(&Remote::new(&profile.url), &profile.credential, &wanted)?;
        if self.output == Format::Json {
            return Ok(output::foreign_json(&granted.whole)?);
        }
        let life =
            granted.expires_in.map(|secs| format!("It is good for {secs} s. ")).unwrap_or_default();
        let scope = granted.scope.as_deref().filter(|scope| !scope.is_empty());
        output::note(&format!("{life}Scope: {}", scope.map_or_else(|| "none".to_owned(), escape)))?;
        Ok(output::line(granted.token.expose())?)
    }
}

impl Introspect {
    fn run(&self) -> Result<(), CliError> {
        let answer = ask_about(&self.token, &self.profile, "/oauth/introspect")?;
        let whole: Value = answer.json()?;
        let Some(is_active) = whole.get("active").and_then(Value::as_bool) else {
            return Err(answer.foreign().into());
        };
        match self.output {
            Format::Json => output::foreign_json(&whole)?,
            Format::Table if is_active => {
                let mut table = output::table(&["ACTIVE", "yes"]);
                table.set_content_arrangement(ContentArrangement::Dynamic);
                let members =
                    whole.as_object().into_iter().flatten().filter(|(name, _)| *name != "active");
                decode::add_claims(&mut table, members);
                output::line(&table.to_string())?;
            }
            Format::Table => {}
        }
        if is_active {
            return Ok(());
        }
        let reason = "the token is not active, or not for this client to know of";
        Err(CliError::NotAuthenticated(reason.to_owned()))
    }
}

impl Revoke {
    fn run(&self) -> Result<(), CliError> {
        // RFC 7009 §2.2 leaves the body open.
        ask_about(&self.token, &self.profile, "/oauth/revoke")?;
        match self.output {
            Format::Json => Ok(output::json(&json!({ "revoked": true }))?),
            Format::Table => {
                Ok(output::note("Revoked: if the token was good, it is not any more.")?)
            }
        }
    }
}

/// Sends a token to where the client of a profile may ask about it.
fn ask_about(token: &TokenArgument, profile: &ProfileFlag, path: &str) -> Result<Answer, CliError> {
    let profile = profile.load()?;
    let client = client_of(&profile)?;
    let token = token.read()?;
    Ok(Remote::new(&profile.url).post(path, &[("token", token.expose())], Some(client))?)
}

/// The client of a profile: introspection and revocation are for clients alone.
fn client_of(profile: &Profile) -> Result<(&str, &Secret), CliError> {
    match &profile.credential {
        Credential::Client { id, secret } => Ok((id, secret)),
        other => Err(CliError::Failed(format!(
            "that is for clients, and this profile has an {}: `mintery login --client-id ID` makes one of a client",
            other.kind()
        ))),
    }
}
