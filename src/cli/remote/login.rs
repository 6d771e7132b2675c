//! `mintery login`

use clap::Args;

use super::credential::Credential;
use super::profile::{self, ProfileFlag};
use super::profile_file::{Profile, ProfileFile};
use super::server_url;
use super::whoami::Identity;
use crate::cli::error::CliError;
use crate::cli::{output, secret_input};
use crate::logging::escape;

#[derive(Debug, Args)]
#[command(
    after_help = "The credential is stored in mintery/profiles.toml below $XDG_CONFIG_HOME or ~/.config, \
                        with mode 0600. Instead of a profile, set MINTERY_URL with MINTERY_TOKEN, \
                        or with MINTERY_CLIENT_ID and MINTERY_CLIENT_SECRET, in the environment."
)]
pub struct Login {
    /// The server, such as `https://auth.example.com`; that of an existing profile if absent.
    #[arg(long)]
    url: Option<String>,
    /// An access token or an API key: `-` reads it from standard input; a prompt asks for it if
    /// absent.
    #[arg(long, value_name = "-", allow_hyphen_values = true, conflicts_with_all = ["client_id", "secret"])]
    token: Option<String>,
    /// The id of a client, to log in with its secret.
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// The secret of the client: `-` reads it from standard input; a prompt asks for it if absent.
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
                    return Err(CliError::Usage("the server is missing; pass --url".to_owned()));
                }
                Err(error) => return Err(error),
            },
        };
        let profile = Profile { url, credential: self.credential()? };
        let identity = Identity::ask(&profile)?;
        let replaced = if file.store(&name, &profile)? { ", replacing the old one" } else { "" };
        output::note(&format!(
            "Logged in at {} as {}. The {} is stored in {}, profile {name}{replaced}.",
            profile.url,
            identity.description(),
            profile.credential.kind(),
            escape(&file.path().display().to_string()),
        ))?;
        if ProfileFlag::is_overridden() {
            output::note(
                "MINTERY_URL is set and overrides the profile unless `--profile` names one.",
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
                    "the secret is missing; pass `--secret -` to read it from standard input"
                        .to_owned(),
                ));
            }
            Some(_) => return Err(secret_input::reject_value()),
        }
        let secret = secret_input::read_existing("Client secret: ")?;
        Credential::client(id, secret)
    }

    fn bearer(&self) -> Result<Credential, CliError> {
        if self.token.is_none() && !secret_input::is_terminal() {
            let reason = "the credential is missing; pass `--token -` to read an access token or an API key from standard input, or --client-id for a client";
            return Err(CliError::Usage(reason.to_owned()));
        }
        let token = self.token.as_deref().unwrap_or("-");
        Credential::bearer(secret_input::read_token(token, "Access token or API key: ")?)
    }
}
