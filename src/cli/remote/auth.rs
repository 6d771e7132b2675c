//! `mintery auth …`

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::cli::CliError;
use crate::cli::output;
use crate::cli::output::Format;
use crate::cli::remote::credential::Credential;
use crate::cli::remote::grant;
use crate::cli::remote::grant::WantedFlags;
use crate::cli::remote::http::Remote;
use crate::cli::remote::profile::ProfileFlag;
use crate::logging::escape;
use crate::model::environment::Environments;

#[derive(Debug, Subcommand)]
pub enum AuthVerb {
    /// Tells whether the credential is good at the server, for these scopes and APIs.
    Check(Check),
}

#[derive(Debug, Args)]
#[command(
    after_help = "The exit code is 0 when it is, 3 when the credential is not good there, 4 when it lacks a scope."
)]
pub struct Check {
    #[command(flatten)]
    wanted: WantedFlags,
    /// Which API keys it is asked for: live, test, or any; what the server takes when this is
    /// absent.
    #[arg(long, value_name = "ENVIRONMENT")]
    env: Option<Environments>,
    #[command(flatten)]
    profile: ProfileFlag,
    /// How to print it.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

/// What `/auth/check` tells a proxy.
#[derive(Serialize)]
struct Checked<'a> {
    sub: &'a str,
    kind: &'a str,
    scope: &'a str,
}

impl AuthVerb {
    pub fn run(&self) -> Result<(), CliError> {
        match self {
            Self::Check(check) => check.run(),
        }
    }
}

impl Check {
    pub fn run(&self) -> Result<(), CliError> {
        let wanted = self.wanted.parse()?;
        let profile = self.profile.load()?;
        let remote = Remote::new(&profile.url);
        let bearer = match &profile.credential {
            Credential::ApiKey(secret) | Credential::AccessToken(secret) => secret.clone(),
            Credential::Client { id, secret } => {
                grant::of_client(&remote, id, secret, &wanted)?.token
            }
        };
        let environment = self.env.map(|env| ("env", env.name()));
        let query: Vec<_> = wanted.parameters().chain(environment).collect();
        let answer = remote.get("/auth/check", &query, &bearer)?;
        let header = |name| answer.header(name).unwrap_or_default();
        let checked = Checked {
            sub: header("x-auth-subject"),
            kind: header("x-auth-kind"),
            scope: header("x-auth-scope"),
        };
        if checked.sub.is_empty() {
            // Any web server answers 200 to something.
            return Err(answer.foreign().into());
        }
        if self.output == Format::Json {
            return Ok(output::foreign_json(&serde_json::json!(checked))?);
        }
        let mut table = output::table(&["OK", profile.url.as_str()]);
        table.add_row(["subject", &escape(checked.sub)]);
        table.add_row(["kind", &escape(checked.kind)]);
        table.add_row(["scope", &escape(checked.scope)]);
        Ok(output::line(&table.to_string())?)
    }
}
