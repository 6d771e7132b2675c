//! Who calls, and with what.

use super::api_key::ApiKeyId;
use super::client::ClientId;
use super::name::DisplayName;
use super::scope::ScopeSet;
use super::session::SessionId;
use super::user::{Role, UserId, Username};
use crate::clock::Timestamp;

/// Who a credential stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// A program.
    Client {
        /// Its id.
        id: ClientId,
        /// What people call it.
        name: DisplayName,
    },
    /// Somebody.
    User {
        /// Their id.
        id: UserId,
        /// What they log in with.
        name: Username,
        /// What they are here for.
        role: Role,
    },
}

impl Principal {
    /// The id, as it stands in `sub`.
    #[must_use]
    pub fn subject(&self) -> &str {
        match self {
            Self::Client { id, .. } => id.as_str(),
            Self::User { id, .. } => id.as_str(),
        }
    }

    /// What people call it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Client { name, .. } => name.as_str(),
            Self::User { name, .. } => name.as_str(),
        }
    }

    /// What kind of principal it is, for programs.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Client { .. } => "client",
            Self::User { .. } => "user",
        }
    }
}

/// With what somebody proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A token that was issued here.
    AccessToken,
    /// A token that was made from a key of the principal's.
    KeyToken {
        /// The id of the key.
        key: ApiKeyId,
    },
    /// A key of the principal's.
    ApiKey {
        /// Its id.
        id: ApiKeyId,
        /// What people call it.
        name: DisplayName,
    },
    /// The cookie of a session.
    Session(SessionId),
}

impl Credential {
    /// The id of a key, also where a token was made from it; any other token has none that anybody
    /// would look for.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::AccessToken => None,
            Self::KeyToken { key: id } | Self::ApiKey { id, .. } => Some(id.as_str()),
            Self::Session(id) => Some(id.as_str()),
        }
    }

    /// What kind of credential it is, for programs.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::AccessToken | Self::KeyToken { .. } => "access_token",
            Self::ApiKey { .. } => "api_key",
            Self::Session(_) => "session",
        }
    }
}

/// A principal who was recognised, by what, and how far that reaches.
#[derive(Debug, Clone)]
pub struct Authenticated {
    /// Who.
    pub principal: Principal,
    /// By what.
    pub credential: Credential,
    /// What it allows.
    pub scopes: ScopeSet,
    /// Until when.
    pub expires_at: Option<Timestamp>,
}

impl Authenticated {
    /// What kind of caller it is, for programs: that of the principal, unless it is one of its
    /// keys, or has made a token from one: what keys may not do somewhere, such a token may not
    /// do either.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match &self.credential {
            Credential::AccessToken | Credential::Session(_) => self.principal.kind(),
            Credential::KeyToken { .. } | Credential::ApiKey { .. } => "api_key",
        }
    }

    /// What people call the caller: the key where it is one. (A token does not say how its key is
    /// called.)
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.credential {
            Credential::AccessToken | Credential::KeyToken { .. } | Credential::Session(_) => {
                self.principal.name()
            }
            Credential::ApiKey { name, .. } => name.as_str(),
        }
    }
}
