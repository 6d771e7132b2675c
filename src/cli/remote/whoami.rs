//! `mintery whoami`

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::credential::Credential;
use super::grant::{self, TokenRequest};
use super::http::{Refusal, Remote};
use super::profile::ProfileFlag;
use super::profile_file::Profile;
use crate::cli::error::CliError;
use crate::cli::output::{self, Output, date};
use crate::clock::Timestamp;
use crate::logging::escape;
use crate::secret::Secret;

#[derive(Debug, Args)]
pub struct Whoami {
    #[command(flatten)]
    profile: ProfileFlag,
    #[command(flatten)]
    output: Output,
}

/// The identity of a credential at a server.
#[derive(Debug)]
pub struct Identity {
    /// The server's answer.
    whole: Value,
    members: Members,
}

#[derive(Debug, Deserialize, Serialize)]
struct Members {
    sub: String,
    kind: String,
    name: Option<String>,
    scope: String,
    credential: String,
    expires_at: Option<i64>,
}

impl Whoami {
    pub fn run(&self) -> Result<(), CliError> {
        let profile = self.profile.load()?;
        let identity = Identity::ask(&profile)?;
        if self.output.is_json() {
            output::foreign_json(&identity.whole)
        } else {
            output::line(&identity.table(&profile))
        }
    }
}

impl Identity {
    /// Asks the server. A client requests a token first.
    pub fn ask(profile: &Profile) -> Result<Self, CliError> {
        let remote = Remote::new(&profile.url);
        match &profile.credential {
            Credential::ApiKey(secret) | Credential::AccessToken(secret) => {
                Ok(Self::of_bearer(&remote, secret)?)
            }
            Credential::Client { id, secret } => Ok(Self::of_client(&remote, id, secret)?),
        }
    }

    fn of_bearer(remote: &Remote<'_>, bearer: &Secret) -> Result<Self, Refusal> {
        let answer = remote.get("/api/v1/users/me", &[], bearer)?;
        Ok(Self { members: answer.json()?, whole: answer.json()? })
    }

    fn of_client(remote: &Remote<'_>, id: &str, secret: &Secret) -> Result<Self, Refusal> {
        let scope = match grant::client_credentials(remote, id, secret, &TokenRequest::default()) {
            Ok(granted) => match Self::of_bearer(remote, &granted.token) {
                // Its tokens are valid, for another API.
                Err(refusal) if refusal.is_unauthenticated() => granted.scope,
                told => return told,
            },
            // A client that may only introspect gets no token. The server says so only after
            // authentication.
            Err(refusal) if refusal.is("unauthorized_client") => None,
            Err(refusal) => return Err(refusal),
        };
        let members = Members {
            sub: id.to_owned(),
            kind: "client".to_owned(),
            name: None,
            scope: scope.unwrap_or_default(),
            credential: "client_secret".to_owned(),
            expires_at: None,
        };
        Ok(Self { whole: json!(members), members })
    }

    fn table(&self, profile: &Profile) -> String {
        let Members { sub, kind, name, scope, credential, expires_at } = &self.members;
        let mut table = output::table(&["SERVER", profile.url.as_str()]);
        table.add_row(["subject", &escape(sub)]);
        table.add_row(["kind", &escape(kind)]);
        if let Some(name) = name {
            table.add_row(["name", &escape(name)]);
        }
        table.add_row(["scope", &escape(scope)]);
        table.add_row(["credential", &escape(credential)]);
        if let Some(at) = expires_at {
            table.add_row(["expires", &date(Timestamp::from_secs(*at))]);
        }
        table.to_string()
    }

    /// A short description for people.
    pub fn description(&self) -> String {
        let Members { sub, kind, name, .. } = &self.members;
        let (sub, kind) = (escape(sub), escape(kind).replace("api_key", "API key"));
        match name.as_deref().filter(|name| !name.is_empty()) {
            Some(name) => format!("{kind} \"{}\" ({sub})", escape(name)),
            None => format!("{kind} {sub}"),
        }
    }
}
