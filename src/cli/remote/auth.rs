//! `mintery auth …`

use clap::{Args, Subcommand};
use serde::Serialize;

use super::credential::Credential;
use super::grant::{self, TokenRequestFlags};
use super::http::Remote;
use super::profile::ProfileFlag;
use crate::cli::error::CliError;
use crate::cli::output::{self, Output};
use crate::logging::escape;
use crate::model::environment::Environments;

#[derive(Debug, Subcommand)]
pub enum AuthVerb {
    /// Check that the server accepts the credential, for these scopes and APIs.
    Check(CheckAuth),
}

#[derive(Debug, Args)]
#[command(
    after_help = "The exit code is 0 if the credential is accepted, 3 if it is rejected, 4 if it lacks a scope."
)]
pub struct CheckAuth {
    #[command(flatten)]
    request: TokenRequestFlags,
    /// Accepted API keys: live, test or any; the server's default if absent.
    #[arg(long, value_name = "ENVIRONMENT")]
    env: Option<Environments>,
    #[command(flatten)]
    profile: ProfileFlag,
    #[command(flatten)]
    output: Output,
}

/// The answer of `/auth/check` to a proxy.
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

impl CheckAuth {
    pub fn run(&self) -> Result<(), CliError> {
        let request = self.request.parse()?;
        let profile = self.profile.load()?;
        let remote = Remote::new(&profile.url);
        let bearer = match &profile.credential {
            Credential::ApiKey(secret) | Credential::AccessToken(secret) => secret.clone(),
            Credential::Client { id, secret } => {
                grant::client_credentials(&remote, id, secret, &request)?.token
            }
        };
        let environment = self.env.map(|env| ("env", env.name()));
        let query: Vec<_> = request.parameters().chain(environment).collect();
        let answer = remote.get("/auth/check", &query, &bearer)?;
        let header = |name| answer.header(name).unwrap_or_default();
        let checked = Checked {
            sub: header("x-auth-subject"),
            kind: header("x-auth-kind"),
            scope: header("x-auth-scope"),
        };
        if checked.sub.is_empty() {
            // Any web server may answer 200.
            return Err(answer.foreign().into());
        }
        if self.output.is_json() {
            return output::foreign_json(&serde_json::json!(checked));
        }
        let mut table = output::table(&["OK", profile.url.as_str()]);
        table.add_row(["subject", &escape(checked.sub)]);
        table.add_row(["kind", &escape(checked.kind)]);
        table.add_row(["scope", &escape(checked.scope)]);
        output::line(&table.to_string())
    }
}
