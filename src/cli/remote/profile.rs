//! Chooses the server and the credential of a command: from a profile or from the environment.

use clap::Args;

use super::credential::Credential;
use super::profile_file::{Profile, ProfileFile};
use super::server_url;
use crate::cli::error::CliError;
use crate::secret::Secret;

/// The name of the default profile.
const DEFAULT_NAME: &str = "default";

/// The maximum length of a profile name.
const MAX_NAME_LEN: usize = 64;

// A doc comment here would become the description of each command that has this flag.
// The flag of a command that acts on a server.
#[derive(Debug, Args)]
pub struct ProfileFlag {
    /// The profile of `login`, with server and credential; `MINTERY_CLI_PROFILE` or `default` if
    /// absent.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
}

impl ProfileFlag {
    /// The effective profile name.
    pub fn name(&self) -> Result<String, CliError> {
        let name = self.profile.clone().or_else(|| variable("MINTERY_CLI_PROFILE"));
        let name = name.unwrap_or_else(|| DEFAULT_NAME.to_owned());
        let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if (1..=MAX_NAME_LEN).contains(&name.len()) && name.bytes().all(is_name_byte) {
            Ok(name)
        } else {
            Err(CliError::Usage(
                "invalid profile name; use letters, digits, dots, `_` and `-`".to_owned(),
            ))
        }
    }

    /// Loads the server and the credential. A flag beats the environment, which beats the default
    /// profile.
    pub fn load(&self) -> Result<Profile, CliError> {
        match from_environment()? {
            Some(profile) if self.profile.is_none() => Ok(profile),
            _ => ProfileFile::locate()?.load(&self.name()?),
        }
    }

    /// True if the environment overrides the default profile.
    pub fn is_overridden() -> bool {
        variable(URL).is_some()
    }
}

const URL: &str = "MINTERY_URL";
const TOKEN: &str = "MINTERY_TOKEN";
const CLIENT_ID: &str = "MINTERY_CLIENT_ID";
const CLIENT_SECRET: &str = "MINTERY_CLIENT_SECRET";

/// A non-empty environment variable.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The server URL of the environment.
pub fn url_from_environment() -> Option<String> {
    variable(URL)
}

/// The profile of the environment, complete or none: a credential must not go to another server.
fn from_environment() -> Result<Option<Profile>, CliError> {
    // Mounted secrets often end with a line end.
    let token = variable(TOKEN).map(|token| Secret::new(token.trim().to_owned()));
    let url = variable(URL);
    let client = (variable(CLIENT_ID), variable(CLIENT_SECRET).map(Secret::new));
    let credential = match (token, client) {
        (None, (None, None)) => None,
        (Some(token), (None, None)) => Some(Credential::bearer(token)?),
        (None, (Some(id), Some(secret))) => Some(Credential::client(&id, secret)?),
        (Some(_), _) => {
            let reason = "MINTERY_TOKEN is set together with MINTERY_CLIENT_ID or MINTERY_CLIENT_SECRET; set one credential";
            return Err(CliError::Usage(reason.to_owned()));
        }
        (None, _) => {
            let reason = "only one of MINTERY_CLIENT_ID and MINTERY_CLIENT_SECRET is set; set both";
            return Err(CliError::Usage(reason.to_owned()));
        }
    };
    match (url, credential) {
        (None, None) => Ok(None),
        (Some(url), Some(credential)) => {
            Ok(Some(Profile { url: server_url::parse(&url)?, credential }))
        }
        (Some(_), None) => {
            let reason = "MINTERY_URL is set without a credential; set MINTERY_TOKEN, or MINTERY_CLIENT_ID and MINTERY_CLIENT_SECRET";
            Err(CliError::Usage(reason.to_owned()))
        }
        (None, Some(_)) => {
            let reason = "the environment has a credential without its server; set MINTERY_URL";
            Err(CliError::Usage(reason.to_owned()))
        }
    }
}
