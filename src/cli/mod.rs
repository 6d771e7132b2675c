//! The command line: one file for each noun. Most act on the database that the settings name;
//! `login`, `logout`, `whoami`, `auth` and `token` act on a server over HTTP (`remote`), with the
//! credential of a `profile`, and know neither.

mod api;
mod client;
mod completions;
mod config;
mod db;
mod doctor;
mod event;
mod key;
mod output;
mod remote;
mod secret_input;
mod serve;
mod session;
mod signing_key;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::admin::AdminError;
use crate::config::{Overrides, Settings};
use crate::keys::unlock::UnlockError;
use crate::model::patch::Patch;
use crate::server::StartError;
use crate::store::StoreError;

/// Gives machines access tokens in exchange for their own credentials, manages those credentials,
/// and protects APIs.
#[derive(Debug, Parser)]
#[command(name = "mintery", version, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    shared: Shared,
    #[command(subcommand)]
    noun: Noun,
}

/// Flags of all commands.
#[derive(Debug, Args)]
struct Shared {
    /// Reads the settings from this file instead of mintery.toml.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Options of all commands")]
    config: Option<PathBuf>,
    /// The database: `sqlite://PATH` or `postgres://USER@HOST/NAME`.
    #[arg(long, global = true, value_name = "URL", help_heading = "Options of all commands")]
    database_url: Option<String>,
    /// The file with the master key.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Options of all commands")]
    master_key_file: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Noun {
    /// Answers requests until it is stopped.
    Serve(serve::Serve),
    /// Manages clients.
    #[command(subcommand)]
    Client(client::ClientVerb),
    /// Manages API keys.
    #[command(subcommand)]
    Key(key::KeyVerb),
    /// Manages the people who can log in.
    #[command(subcommand)]
    User(user::UserVerb),
    /// Manages the APIs that tokens are made for.
    #[command(subcommand)]
    Api(api::ApiVerb),
    /// Manages the keys that tokens are signed with.
    #[command(subcommand)]
    SigningKey(signing_key::SigningKeyVerb),
    /// Tells what changed.
    #[command(subcommand)]
    Event(event::EventVerb),
    /// Looks after the database.
    #[command(subcommand)]
    Db(db::DbVerb),
    /// Says what the settings are.
    #[command(subcommand)]
    Config(config::ConfigVerb),
    /// Looks for what would keep the server from working here, and says what to do; it changes
    /// nothing.
    Doctor(doctor::Doctor),
    /// Keeps a credential for a server, for the commands that act over HTTP.
    Login(remote::login::Login),
    /// Forgets the credential that `login` kept.
    Logout(remote::logout::Logout),
    /// Tells who one is at the server that `login` named.
    Whoami(remote::whoami::Whoami),
    /// Asks the server whether a credential is good.
    #[command(subcommand)]
    Auth(remote::auth::AuthVerb),
    /// The same as `auth check`, in one word.
    #[command(name = "auth/check", hide = true)]
    AuthCheck(remote::auth::Check),
    /// Gets access tokens from the server, and looks at them.
    #[command(subcommand)]
    Token(remote::token::TokenVerb),
    /// Prints the script that completes these commands in a shell.
    Completions(completions::Completions),
}

/// Why a command failed.
#[derive(Debug)]
enum CliError {
    /// It did not work.
    Failed(String),
    /// The database has no keys yet, and so nothing else either.
    EmptyDatabase,
    /// It was called in a way that makes no sense.
    Usage(String),
    /// A server does not know who calls; or a token that was to be checked is not good.
    NotAuthenticated(String),
    /// A server knows, and does not allow it.
    NoPermission(String),
}

impl<E: Into<StartError>> From<E> for CliError {
    fn from(error: E) -> Self {
        match error.into() {
            StartError::Unlock(UnlockError::Empty) => Self::EmptyDatabase,
            error => Self::Failed(error.to_string()),
        }
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl CliError {
    fn usage(error: impl std::fmt::Display) -> Self {
        Self::Usage(error.to_string())
    }

    fn admin(error: AdminError) -> Self {
        match error {
            AdminError::Invalid(reason) => Self::Usage(reason),
            AdminError::Store(StoreError::Conflict) => {
                Self::Failed("somebody else changed it at the same moment; try again".to_owned())
            }
            error => StartError::from(error).into(),
        }
    }
}

/// The value of a flag that takes away what was set when it is `nothing`.
fn unless<T, E: std::fmt::Display>(
    text: Option<&str>,
    nothing: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Patch<T>, CliError> {
    match text {
        None => Ok(Patch::Keep),
        Some(text) if text == nothing => Ok(Patch::Clear),
        Some(text) => parse(text).map(Patch::Set).map_err(CliError::usage),
    }
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    text.parse().map(Duration::from_secs).map_err(|_| "a time is a number of seconds")
}

impl Shared {
    fn settings(&self, more: Overrides) -> Result<Settings, CliError> {
        let mut overrides = self.overrides();
        overrides.extend(more);
        Ok(Settings::load(&overrides, environment(), self.config.as_deref())?)
    }

    fn overrides(&self) -> Overrides {
        let flags = [
            ("database_url", "--database-url", &self.database_url),
            ("master_key_file", "--master-key-file", &self.master_key_file),
        ];
        flags.into_iter().filter_map(|(key, flag, text)| Some((key, flag, text.clone()?))).collect()
    }
}

/// The environment, as far as it is text.
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = actix_web::rt::System::new().block_on(async {
        match &cli.noun {
            Noun::Serve(serve) => serve.run(&cli.shared).await,
            Noun::Client(verb) => verb.run(&cli.shared).await,
            Noun::Key(verb) => verb.run(&cli.shared).await,
            Noun::User(verb) => verb.run(&cli.shared).await,
            Noun::Api(verb) => verb.run(&cli.shared).await,
            Noun::SigningKey(verb) => verb.run(&cli.shared).await,
            Noun::Event(verb) => verb.run(&cli.shared).await,
            Noun::Db(verb) => verb.run(&cli.shared).await,
            Noun::Config(verb) => verb.run(&cli.shared),
            Noun::Doctor(doctor) => doctor.run(&cli.shared).await,
            Noun::Login(login) => login.run(),
            Noun::Logout(logout) => logout.run(),
            Noun::Whoami(whoami) => whoami.run(),
            Noun::Auth(verb) => verb.run(),
            Noun::AuthCheck(check) => check.run(),
            Noun::Token(verb) => verb.run().await,
            Noun::Completions(completions) => completions.run(),
        }
    });
    let (message, code) = match done {
        Ok(()) => return ExitCode::SUCCESS,
        Err(CliError::Failed(message)) => (message, 1),
        Err(CliError::EmptyDatabase) => (UnlockError::Empty.to_string(), 1),
        Err(CliError::Usage(message)) => (message, 2),
        Err(CliError::NotAuthenticated(message)) => (message, 3),
        Err(CliError::NoPermission(message)) => (message, 4),
    };
    output::error(&message);
    ExitCode::from(code)
}
