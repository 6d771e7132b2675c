//! The authors of changes.

use std::fmt;

use crate::model::api_key::{ApiKeyId, KeyOwner};
use crate::model::client::ClientId;
use crate::model::user::UserId;

/// The author of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Mintery itself.
    System,
    /// A client with an access token of its own.
    Client(ClientId),
    /// An API key, or an access token that was exchanged for it.
    ApiKey {
        /// The key.
        key: ApiKeyId,
        /// The owner of the key.
        owner: KeyOwner,
    },
    /// A user in a session.
    User(UserId),
    /// A secret scanning service, authenticated by its signature.
    SecretScanning,
    /// A user of the operating system at the command line.
    Cli {
        /// The name of the user.
        user: String,
        /// The name of the machine.
        host: String,
    },
}

impl Actor {
    /// `true` if the actor is this user in a session.
    #[must_use]
    pub fn is_user(&self, user: &UserId) -> bool {
        matches!(self, Self::User(own) if own == user)
    }

    /// The client or user that acts, by any credential.
    #[must_use]
    pub fn principal(&self) -> Option<KeyOwner> {
        match self {
            Self::Client(id) => Some(KeyOwner::Client(id.clone())),
            Self::ApiKey { owner, .. } => Some(owner.clone()),
            Self::User(id) => Some(KeyOwner::User(id.clone())),
            Self::System | Self::SecretScanning | Self::Cli { .. } => None,
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("system"),
            Self::SecretScanning => f.write_str("secret_scanning"),
            Self::Client(id) => write!(f, "client:{id}"),
            Self::ApiKey { key, .. } => write!(f, "api_key:{key}"),
            Self::User(id) => write!(f, "user:{id}"),
            Self::Cli { user, host } => write!(f, "cli:{user}@{host}"),
        }
    }
}
