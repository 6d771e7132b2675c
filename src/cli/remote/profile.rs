//! Which server a command acts on, and with which credential: those of a profile, or of the
//! environment.

use clap::Args;

use crate::cli::CliError;
use crate::cli::remote::credential::Credential;
use crate::cli::remote::profile_file::ProfileFile;
use crate::cli::remote::server_url;
use crate::model::issuer::Issuer;
use crate::secret::Secret;

/// A server, and what one authenticates with there.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Where it answers.
    pub url: Issuer,
    /// Who one is there.
    pub credential: Credential,
}

/// The name of the profile when nobody says one.
const DEFAULT_NAME: &str = "default";

/// The longest name of a profile.
const MAX_NAME_LEN: usize = 64;

// No doc comment: a command that has these flags would be described by it.
// The flags of a command that acts on a server.
#[derive(Debug, Args)]
pub struct ProfileFlag {
    /// The profile that `login` made, which says the server and the credential;
    /// `MINTERY_CLI_PROFILE` or `default` when this is absent.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
}

impl ProfileFlag {
    /// The name that counts.
    pub fn name(&self) -> Result<String, CliError> {
        let name = self.profile.clone().or_else(|| variable("MINTERY_CLI_PROFILE"));
        let name = name.unwrap_or_else(|| DEFAULT_NAME.to_owned());
        let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if (1..=MAX_NAME_LEN).contains(&name.len()) && name.bytes().all(is_name_byte) {
            Ok(name)
        } else {
            Err(CliError::Usage(
                "the name of a profile is of letters, digits, dots, `_` and `-`".to_owned(),
            ))
        }
    }

    /// The server and the credential. A flag beats the environment, which beats the profile that is
    /// used otherwise.
    pub fn load(&self) -> Result<Profile, CliError> {
        match from_environment()? {
            Some(profile) if self.profile.is_none() => Ok(profile),
            _ => ProfileFile::locate()?.load(&self.name()?),
        }
    }

    /// Whether the environment goes before the profile that a flag does not name.
    pub fn is_overridden() -> bool {
        variable(URL).is_some()
    }
}

const URL: &str = "MINTERY_URL";
const TOKEN: &str = "MINTERY_TOKEN";
const CLIENT_ID: &str = "MINTERY_CLIENT_ID";
const CLIENT_SECRET: &str = "MINTERY_CLIENT_SECRET";

/// A variable of the environment that is set to something.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The URL that the environment names.
pub fn url_from_environment() -> Option<String> {
    variable(URL)
}

/// What the environment says, all of it or nothing: a credential for one server must not go to
/// another.
fn from_environment() -> Result<Option<Profile>, CliError> {
    // Where secrets are mounted, a line end often goes along.
    let token = variable(TOKEN).map(|token| Secret::new(token.trim().to_owned()));
    let url = variable(URL);
    let client = (variable(CLIENT_ID), variable(CLIENT_SECRET).map(Secret::new));
    let credential = match (token, client) {
        (None, (None, None)) => None,
        (Some(token), (None, None)) => Some(Credential::bearer(token)?),
        (None, (Some(id), Some(secret))) => Some(Credential::client(&id, secret)?),
        (Some(_), _) => {
            let reason = "MINTERY_TOKEN is set, and MINTERY_CLIENT_ID or MINTERY_CLIENT_SECRET too: one credential, please";
            return Err(CliError::Usage(reason.to_owned()));
        }
        (None, _) => {
            let reason = "of MINTERY_CLIENT_ID and MINTERY_CLIENT_SECRET only one is set";
            return Err(CliError::Usage(reason.to_owned()));
        }
    };
    match (url, credential) {
        (None, None) => Ok(None),
        (Some(url), Some(credential)) => {
            Ok(Some(Profile { url: server_url::parse(&url)?, credential }))
        }
        (Some(_), None) => {
            let reason = "MINTERY_URL is set without a credential: MINTERY_TOKEN, or MINTERY_CLIENT_ID and MINTERY_CLIENT_SECRET";
            Err(CliError::Usage(reason.to_owned()))
        }
        (None, Some(_)) => {
            let reason = "a credential is set in the environment without MINTERY_URL, which says for which server it is";
            Err(CliError::Usage(reason.to_owned()))
        }
    }
}
