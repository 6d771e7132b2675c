//! The command line. Most commands act on the database of the settings; those in `remote` act on a
//! server over HTTP, with the credential of a profile.
//!
//! To add a noun, write a file with an enum of its verbs, and add one variant to `Noun` and one
//! arm to [`main`].
//!
//! To add a verb:
//!
//! 1. Add a variant to the enum of its noun (`client/mod.rs`, `key.rs`, …) with a struct of flags.
//!    Their doc comments are the help text: imperative, one sentence.
//! 2. Flatten `output::Output` into the struct, so that `-o json` works as everywhere.
//! 3. In `run`, parse the arguments first (`input`), then open the database (`session::admin`),
//!    then call one function in `crate::admin`. `?` turns its error into the exit code (`error`).
//! 4. Print a result with `output.show` or `output.list`, a change with `output.confirm`.
//! 5. Add a test in `tests/cli/`.

mod api;
mod client;
mod completions;
mod config;
mod db;
mod doctor;
mod error;
mod event;
mod input;
mod key;
mod output;
mod remote;
mod secret_input;
mod serve;
mod session;
mod shared;
mod signing_key;
mod token_size;
mod user;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use self::shared::Shared;

/// Issue access tokens to machines, manage their credentials, and protect APIs.
#[derive(Debug, Parser)]
#[command(name = "mintery", version, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    shared: Shared,
    #[command(subcommand)]
    noun: Noun,
}

#[derive(Debug, Subcommand)]
enum Noun {
    /// Serve requests until stopped.
    Serve(serve::Serve),
    /// Manage clients.
    #[command(subcommand)]
    Client(client::ClientVerb),
    /// Manage API keys.
    #[command(subcommand)]
    Key(key::KeyVerb),
    /// Manage users.
    #[command(subcommand)]
    User(user::UserVerb),
    /// Manage the APIs that accept tokens.
    #[command(subcommand)]
    Api(api::ApiVerb),
    /// Manage the keys that sign tokens.
    #[command(subcommand)]
    SigningKey(signing_key::SigningKeyVerb),
    /// Show the event log.
    #[command(subcommand)]
    Event(event::EventVerb),
    /// Migrate and check the database.
    #[command(subcommand)]
    Db(db::DbVerb),
    /// Show the settings.
    #[command(subcommand)]
    Config(config::ConfigVerb),
    /// Check the environment of the server and say what to do. Changes nothing.
    Doctor(doctor::Doctor),
    /// Store a credential for the commands that act on a server over HTTP.
    Login(remote::login::Login),
    /// Delete the credential that `login` stored.
    Logout(remote::logout::Logout),
    /// Show the identity of the stored credential.
    Whoami(remote::whoami::Whoami),
    /// Check a credential at the server.
    #[command(subcommand)]
    Auth(remote::auth::AuthVerb),
    /// Alias of `auth check`, in one word.
    #[command(name = "auth/check", hide = true)]
    AuthCheck(remote::auth::CheckAuth),
    /// Get, inspect and revoke access tokens.
    #[command(subcommand)]
    Token(remote::token::TokenVerb),
    /// Print the completion script for a shell.
    Completions(completions::Completions),
}

/// The command with all nouns and verbs.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the command of the process.
#[must_use]
pub fn main() -> ExitCode {
    let Cli { shared, noun } = &Cli::parse();
    let done = actix_web::rt::System::new().block_on(async {
        match noun {
            Noun::Serve(serve) => serve.run(shared).await,
            Noun::Client(verb) => verb.run(shared).await,
            Noun::Key(verb) => verb.run(shared).await,
            Noun::User(verb) => verb.run(shared).await,
            Noun::Api(verb) => verb.run(shared).await,
            Noun::SigningKey(verb) => verb.run(shared).await,
            Noun::Event(verb) => verb.run(shared).await,
            Noun::Db(verb) => verb.run(shared).await,
            Noun::Config(verb) => verb.run(shared),
            Noun::Doctor(doctor) => doctor.run(shared).await,
            Noun::Login(login) => login.run(),
            Noun::Logout(logout) => logout.run(),
            Noun::Whoami(whoami) => whoami.run(),
            Noun::Auth(verb) => verb.run(),
            Noun::AuthCheck(check) => check.run(),
            Noun::Token(verb) => verb.run().await,
            Noun::Completions(completions) => completions.run(),
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let (message, code) = error.report();
            output::error(&message);
            code
        }
    }
}
