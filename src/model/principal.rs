//! Who calls, and with what.

use super::client::ClientId;
use super::name::DisplayName;
use super::scope::ScopeSet;
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
}

impl Principal {
    /// The id, as it stands in `sub`.
    #[must_use]
    pub fn subject(&self) -> &str {
        match self {
            Self::Client { id, .. } => id.as_str(),
        }
    }

    /// What people call it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Client { name, .. } => name.as_str(),
        }
    }

    /// What kind of principal it is, for programs.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Client { .. } => "client",
        }
    }
}

/// With what somebody proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A token that was issued here.
    AccessToken,
}

impl Credential {
    /// What kind of credential it is, for programs.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::AccessToken => "access_token",
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
