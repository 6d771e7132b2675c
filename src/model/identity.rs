//! Identities of callers, and the credentials that prove them.

use super::api_key::ApiKeyId;
use super::client::ClientId;
use super::name::DisplayName;
use super::scope::ScopeSet;
use super::session::SessionId;
use super::user::{Role, UserId, Username};
use crate::clock::Timestamp;

/// The client or user that a credential stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// A client.
    Client {
        /// The id.
        id: ClientId,
        /// The display name.
        name: DisplayName,
    },
    /// A user.
    User {
        /// The id.
        id: UserId,
        /// The name for log-in.
        name: Username,
        /// The role.
        role: Role,
    },
}

impl Identity {
    /// The id, as in `sub`.
    #[must_use]
    pub fn subject(&self) -> &str {
        match self {
            Self::Client { id, .. } => id.as_str(),
            Self::User { id, .. } => id.as_str(),
        }
    }

    /// The display name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Client { name, .. } => name.as_str(),
            Self::User { name, .. } => name.as_str(),
        }
    }

    /// The kind of identity, in JSON.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Client { .. } => "client",
            Self::User { .. } => "user",
        }
    }
}

/// The credential of a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A token that the identity requested.
    AccessToken,
    /// A token that was exchanged for an API key.
    KeyToken {
        /// The id of the key.
        key: ApiKeyId,
    },
    /// An API key.
    ApiKey {
        /// The id.
        id: ApiKeyId,
        /// The display name.
        name: DisplayName,
    },
    /// The cookie of a session.
    Session(SessionId),
}

impl Credential {
    /// The id of the session or API key, also of an exchanged one; other tokens have none.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::AccessToken => None,
            Self::KeyToken { key: id } | Self::ApiKey { id, .. } => Some(id.as_str()),
            Self::Session(id) => Some(id.as_str()),
        }
    }

    /// The kind of credential, in JSON.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::AccessToken | Self::KeyToken { .. } => "access_token",
            Self::ApiKey { .. } => "api_key",
            Self::Session(_) => "session",
        }
    }
}

/// An authenticated caller.
#[derive(Debug, Clone)]
pub struct Authenticated {
    /// The identity.
    pub identity: Identity,
    /// The credential.
    pub credential: Credential,
    /// The scopes that the credential allows.
    pub scopes: ScopeSet,
    /// The end of the credential.
    pub expires_at: Option<Timestamp>,
}

impl Authenticated {
    /// The kind of caller, in JSON: `api_key` for an API key and for a token exchanged for one, which
    /// may do no more than the key; else the kind of the identity.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match &self.credential {
            Credential::AccessToken | Credential::Session(_) => self.identity.kind(),
            Credential::KeyToken { .. } | Credential::ApiKey { .. } => "api_key",
        }
    }

    /// The display name of the API key or of the identity. (A token does not carry the name of its
    /// key.)
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.credential {
            Credential::AccessToken | Credential::KeyToken { .. } | Credential::Session(_) => {
                self.identity.name()
            }
            Credential::ApiKey { name, .. } => name.as_str(),
        }
    }
}
