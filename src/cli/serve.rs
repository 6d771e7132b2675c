//! `mintery serve`

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::error::CliError;
use super::output;
use super::shared::Shared;
use crate::logging;
use crate::server::{Application, FirstStart, ServeMode, Surroundings};

#[derive(Debug, Args)]
pub struct Serve {
    /// Try Mintery out: listen on this machine only, and create a client, an API key and an
    /// administrator on the first start.
    #[arg(long)]
    dev: bool,
    /// Migrate a PostgreSQL database first.
    #[arg(long)]
    migrate: bool,
    /// The address to listen on.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// The URL by which clients and APIs know this server.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// The number of threads that answer requests.
    #[arg(long, value_name = "N")]
    workers: Option<String>,
}

impl Serve {
    pub async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let flags = [
            ("listen", "--listen", &self.listen),
            ("issuer", "--issuer", &self.issuer),
            ("workers", "--workers", &self.workers),
        ];
        let overrides =
            flags.into_iter().filter_map(|(key, flag, text)| Some((key, flag, text.clone()?)));
        let settings = shared.settings(overrides.collect())?;
        let key_header = settings.api_keys_header.clone();
        logging::start(&settings.log, settings.log_format);
        let mode = ServeMode { dev: self.dev, migrate: self.migrate };
        let mut application =
            Box::pin(Application::build(settings, mode, Surroundings::default())).await?;
        let url = format!("http://{}", application.address());
        log::info!("listening on {url}");
        if self.dev {
            welcome(&url, application.take_first().as_ref(), &key_header)?;
        }
        stop_on_signals(&application)?;
        application.run().await?;
        log::info!("stopped");
        Ok(())
    }
}

/// Stops gracefully on the signals of an orchestrator (TERM) and of a terminal (INT).
fn stop_on_signals(application: &Application) -> Result<(), CliError> {
    let handle = application.handle();
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        log::info!("stopping: finishing the requests in progress, accepting no new ones");
        handle.stop(true).await;
    });
    Ok(())
}

/// Prints the secrets of a first start, and commands to paste.
fn welcome(url: &str, first: Option<&FirstStart>, key_header: &str) -> Result<(), CliError> {
    let Some(FirstStart { client, key, administrator, password }) = first else {
        let again = format!(
            "\nMintery answers on {url}\nThe credentials were shown at the first start. To create another client:\n\n  \
             mintery client create --name demo --scope 'read write'\n"
        );
        return output::line(&again);
    };
    let (username, password) = (administrator.username.as_str(), password.expose());
    let (id, secret, key) = (&client.client.id, client.plain.expose(), key.plain.expose());
    output::line(&format!(
        "\nMintery answers on {url}\n\n\
         Mintery created a client, an API key and an administrator. Secret, key and password are not shown again:\n\n  \
         client_id      {id}\n  \
         client_secret  {secret}\n  \
         api_key        {key}\n  \
         username       {username}\n  \
         password       {password}\n\n\
         Get a token:\n\n  \
         curl -u {id}:{secret} -d grant_type=client_credentials -d scope='read write' {url}/oauth/token\n\n\
         Call a protected route with it:\n\n  \
         TOKEN=$(curl -s -u {id}:{secret} -d grant_type=client_credentials {url}/oauth/token | \
         sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')\n  \
         curl -H \"Authorization: Bearer $TOKEN\" {url}/api/v1/users/me\n\n\
         Or with the API key:\n\n  \
         curl -H \"{key_header}: {key}\" {url}/api/v1/users/me\n\n\
         Log in, and do the same with the cookie:\n\n  \
         curl -c cookies -H 'Content-Type: application/json' -d '{{\"username\":\"{username}\",\"password\":\"{password}\"}}' \
         {url}/api/v1/session\n  \
         curl -b cookies {url}/api/v1/users/me\n\n\
         Without credentials, the same request is refused:\n\n  \
         curl -i {url}/api/v1/users/me\n\n\
         The dashboard is at {url}/dashboard\n"
    ))
}
