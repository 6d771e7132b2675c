//! The one error of a command, and its exit code.

use std::process::ExitCode;

use crate::admin::AdminError;
use crate::config::ConfigError;
use crate::keys::unlock::UnlockError;
use crate::server::StartError;
use crate::store::StoreError;

/// A failed command. Each kind has its exit code.
#[derive(Debug)]
pub enum CliError {
    /// The command failed.
    Failed(String),
    /// The database has no keys, and therefore no records.
    EmptyDatabase,
    /// The arguments are invalid.
    Usage(String),
    /// A server rejects the credential, or a checked token is invalid.
    NotAuthenticated(String),
    /// A server knows the caller and denies access.
    NoPermission(String),
}

impl CliError {
    /// An invalid argument.
    pub fn usage(error: impl std::fmt::Display) -> Self {
        Self::Usage(error.to_string())
    }

    /// The message and the exit code.
    pub fn report(self) -> (String, ExitCode) {
        let (message, code) = match self {
            Self::Failed(message) => (message, 1),
            Self::EmptyDatabase => (UnlockError::Empty.to_string(), 1),
            Self::Usage(message) => (message, 2),
            Self::NotAuthenticated(message) => (message, 3),
            Self::NoPermission(message) => (message, 4),
        };
        (message, ExitCode::from(code))
    }
}

impl From<AdminError> for CliError {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Invalid(reason) => Self::Usage(reason),
            AdminError::Store(StoreError::Conflict) => {
                Self::Failed("another change was made at the same time; try again".to_owned())
            }
            error => Self::Failed(error.to_string()),
        }
    }
}

// No blanket `From`: an `AdminError` must not become a `StartError` on the way here, which would
// turn exit code 2 into 1.
impl From<StartError> for CliError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Unlock(UnlockError::Empty) => Self::EmptyDatabase,
            error => Self::Failed(error.to_string()),
        }
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        StartError::from(error).into()
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}
