//! `mintery logout`

use clap::Args;

use crate::cli::remote::credential::Credential;
use crate::cli::remote::profile::ProfileFlag;
use crate::cli::remote::profile_file::ProfileFile;
use crate::cli::{CliError, output};

#[derive(Debug, Args)]
#[command(
    after_help = "Nothing is taken back at the server: the credential stays good wherever else it is."
)]
pub struct Logout {
    #[command(flatten)]
    profile: ProfileFlag,
}

impl Logout {
    pub fn run(&self) -> Result<(), CliError> {
        let name = self.profile.name()?;
        let removed = ProfileFile::locate()?.remove(&name)?;
        output::note(&format!("Profile {name} is forgotten."))?;
        let Some(profile) = removed else { return Ok(()) };
        let url = &profile.url;
        Ok(output::note(&match profile.credential {
            Credential::ApiKey(_) => format!(
                "The API key is still good at {url}, wherever else it is kept; `mintery key revoke ID` there takes it back."
            ),
            Credential::AccessToken(_) => format!(
                "The access token is still good at {url} until it expires; its client takes it back with `mintery token revoke`."
            ),
            Credential::Client { id, .. } => format!(
                "The secret of client {id} is still good at {url}; `mintery client secret revoke` there takes it back."
            ),
        })?)
    }
}
