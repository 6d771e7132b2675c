//! `mintery whoami`

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cli::CliError;
use crate::cli::output;
use crate::cli::output::{Format, date};
use crate::cli::remote::credential::Credential;
use crate::cli::remote::grant;
use crate::cli::remote::grant::Wanted;
use crate::cli::remote::http::{Refusal, Remote};
use crate::cli::remote::profile::{Profile, ProfileFlag};
use crate::clock::Timestamp;
use crate::logging::escape;
use crate::secret::Secret;

#[derive(Debug, Args)]
pub struct Whoami {
    #[command(flatten)]
    profile: ProfileFlag,
    /// How to print it.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

/// Who one is at a server.
#[derive(Debug)]
pub struct Identity {
    /// As the server says.
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
        match self.output {
            Format::Json => Ok(output::foreign_json(&identity.whole)?),
            Format::Table => Ok(output::line(&identity.table(&profile))?),
        }
    }
}

impl Identity {
    /// Asks the server. A client gets a token for that.
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
        let scope = match grant::of_client(remote, id, secret, &Wanted::default()) {
            Ok(granted) => match Self::of_bearer(remote, &granted.token) {
                // Its tokens are for another API, and good there.
                Err(refusal) if refusal.is_unauthenticated() => granted.scope,
                told => return told,
            },
            // It may introspect, say, and have no tokens. That is only said to one that
            // authenticated.
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

    /// For people, in a few words.
    pub fn description(&self) -> String {
        let Members { sub, kind, name, .. } = &self.members;
        let (sub, kind) = (escape(sub), escape(kind).replace("api_key", "API key"));
        match name.as_deref().filter(|name| !name.is_empty()) {
            Some(name) => format!("{kind} \"{}\" ({sub})", escape(name)),
            None => format!("{kind} {sub}"),
        }
    }
}
