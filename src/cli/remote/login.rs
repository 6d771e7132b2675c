//! `mintery login`

use clap::Args;

use crate::cli::remote::credential::Credential;
use crate::cli::remote::profile;
use crate::cli::remote::profile::{Profile, ProfileFlag};
use crate::cli::remote::profile_file::ProfileFile;
use crate::cli::remote::server_url;
use crate::cli::remote::whoami::Identity;
use crate::cli::{CliError, output, secret_input};
use crate::logging::escape;

#[derive(Debug, Args)]
#[command(
    after_help = "The credential is kept in mintery/profiles.toml below $XDG_CONFIG_HOME or ~/.config, \
                        with mode 0600. Instead of a profile the environment may name MINTERY_URL with MINTERY_TOKEN, \
                        or with MINTERY_CLIENT_ID and MINTERY_CLIENT_SECRET."
)]
pub struct Login {
    /// The server, as `https://auth.example.com`; that of the profile, when it is there already.
    #[arg(long)]
    url: Option<String>,
    /// An access token or an API key: `-` reads it from standard input. Without this a prompt asks
    /// for it.
    #[arg(long, value_name = "-", allow_hyphen_values = true, conflicts_with_all = ["client_id", "secret"])]
    token: Option<String>,
    /// The id of a client, instead of a token.
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// The secret of the client: `-` reads it from standard input. Without this a prompt asks for
    /// it.
    #[arg(long, value_name = "-", allow_hyphen_values = true, requires = "client_id")]
    secret: Option<String>,
    #[command(flatten)]
    profile: ProfileFlag,
}

impl Login {
    pub fn run(&self) -> Result<(), CliError> {
        let name = self.profile.name()?;
        let file = ProfileFile::locate()?;
        let url = match self.url.clone().or_else(profile::url_from_environment) {
            Some(url) => server_url::parse(&url)?,
            None => match file.load(&name) {
                Ok(known) => known.url,
                Err(CliError::NotAuthenticated(_)) => {
                    return Err(CliError::Usage("--url says which server".to_owned()));
                }
                Err(error) => return Err(error),
            },
        };
        let profile = Profile { url, credential: self.credential()? };
        let identity = Identity::ask(&profile)?;
        let replaced = if file.store(&name, &profile)? { ", in place of what it was" } else { "" };
        output::note(&format!(
            "Logged in at {} as {}. The {} is kept in {}, profile {name}{replaced}.",
            profile.url,
            identity.description(),
            profile.credential.kind(),
            escape(&file.path().display().to_string()),
        ))?;
        if ProfileFlag::is_overridden() {
            output::note(
                "MINTERY_URL is set, and goes before profiles that `--profile` does not name.",
            )?;
        }
        Ok(())
    }

    fn credential(&self) -> Result<Credential, CliError> {
        let Some(id) = &self.client_id else { return self.bearer() };
        match self.secret.as_deref() {
            Some("-") => {}
            None if secret_input::is_terminal() => {}
            None => {
                return Err(CliError::Usage(
                    "--secret - reads the secret from standard input".to_owned(),
                ));
            }
            Some(_) => return Err(secret_input::refuse_value()),
        }
        let secret = secret_input::read_existing("Client secret: ")?;
        Credential::client(id, secret)
    }

    fn bearer(&self) -> Result<Credential, CliError> {
        if self.token.is_none() && !secret_input::is_terminal() {
            let reason = "--token - reads an access token or an API key from standard input; --client-id is for a client";
            return Err(CliError::Usage(reason.to_owned()));
        }
        let token = self.token.as_deref().unwrap_or("-");
        Credential::bearer(secret_input::read_token(token, "Access token or API key: ")?)
    }
}
