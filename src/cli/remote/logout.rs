//! `mintery logout`

use clap::Args;

use super::credential::Credential;
use super::profile::ProfileFlag;
use super::profile_file::ProfileFile;
use crate::cli::error::CliError;
use crate::cli::output;

#[derive(Debug, Args)]
#[command(after_help = "Nothing is revoked at the server: the credential stays valid.")]
pub struct Logout {
    #[command(flatten)]
    profile: ProfileFlag,
}

impl Logout {
    pub fn run(&self) -> Result<(), CliError> {
        let name = self.profile.name()?;
        let removed = ProfileFile::locate()?.remove(&name)?;
        output::note(&format!("Profile {name} deleted."))?;
        let Some(profile) = removed else { return Ok(()) };
        let url = &profile.url;
        output::note(&match profile.credential {
            Credential::ApiKey(_) => format!(
                "The API key is still valid at {url}; `mintery key revoke ID` there revokes it."
            ),
            Credential::AccessToken(_) => format!(
                "The access token is still valid at {url} until it expires; its client can revoke it with `mintery token revoke`."
            ),
            Credential::Client { id, .. } => format!(
                "The secret of client {id} is still valid at {url}; `mintery client secret revoke` there revokes it."
            ),
        })
    }
}
