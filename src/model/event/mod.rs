//! Events. Every change appends one event in its own transaction: this one sequence is the audit
//! log, the invalidation of what nodes cache, and the propagation between nodes.
//!
//! To add a kind of event, see [`kind`].

mod actor;
mod details;
pub mod kind;
pub mod number;
mod recorded;
mod revoked;

pub use actor::Actor;
pub use details::{CodeKind, UserPermissions};
pub use kind::EventKind;
pub use number::{EventNumber, Fingerprint};
pub use recorded::{Effect, RecordedEvent, RecordedKind};
pub use revoked::{RevocationEntry, RevokedToken};

use super::api_key::{ApiKeyId, Environment, KeyOwner};
use super::client::{ClientId, SecretId};
use super::leak::Leak;
use super::name::DisplayName;
use super::resource::ResourceUri;
use super::session::SessionId;
use super::signing_key::SigningAlgorithm;
use super::user::{UserId, Username};
use crate::clock::Timestamp;

/// A change, with the data that its entry in the log needs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "`EventKind` documents the variants; most fields have the names of their types"
)]
pub enum Event {
    InstanceInitialised {
        /// The ids of the first signing keys.
        signing_keys: Vec<String>,
    },
    InstanceDataKeysAdded {
        purposes: Vec<String>,
    },
    ClientCreated {
        client: ClientId,
        name: DisplayName,
    },
    ClientEnabled {
        client: ClientId,
    },
    ClientDisabled {
        client: ClientId,
    },
    ClientDeleted {
        client: ClientId,
    },
    ClientUpdated {
        client: ClientId,
        /// The client may do less than before, or the caller asked for it.
        revokes_tokens: bool,
    },
    ClientSecretAdded {
        client: ClientId,
        secret: SecretId,
    },
    ClientSecretRevoked {
        client: ClientId,
        secret: SecretId,
    },
    ClientTokensRevoked {
        client: ClientId,
    },
    TokensRevoked {
        tokens: Vec<RevokedToken>,
    },
    ClientsImported {
        count: u64,
        /// The first of them by id.
        first: ClientId,
        /// The last of them by id.
        last: ClientId,
    },
    ApiCreated {
        resource: ResourceUri,
        name: DisplayName,
    },
    ApiUpdated {
        resource: ResourceUri,
        /// The API lost a scope, or the caller asked for it.
        revokes_tokens: bool,
    },
    ApiDeleted {
        resource: ResourceUri,
    },
    ApiTokensRevoked {
        resource: ResourceUri,
    },
    ApiKeyCreated {
        key: ApiKeyId,
        name: DisplayName,
        owner: KeyOwner,
        environment: Environment,
    },
    ApiKeyUpdated {
        key: ApiKeyId,
        /// The key allows less than before, so its tokens are revoked.
        revokes_tokens: bool,
    },
    ApiKeyEnabled {
        key: ApiKeyId,
    },
    ApiKeyDisabled {
        key: ApiKeyId,
    },
    ApiKeyRotated {
        key: ApiKeyId,
        successor: ApiKeyId,
        /// The time until which the old key stays valid.
        expires_at: Timestamp,
        /// Tokens of the old key could outlive it, so they are revoked.
        revokes_tokens: bool,
    },
    ApiKeyRevoked {
        key: ApiKeyId,
    },
    ApiKeysRevoked {
        keys: Vec<ApiKeyId>,
    },
    ApiKeyLeaked {
        leak: Leak,
        /// The key was revoked because of it; otherwise it was flagged.
        is_revoked: bool,
    },
    UserCreated {
        user: UserId,
        username: Username,
        permissions: UserPermissions,
    },
    UserUpdated {
        user: UserId,
        username: Username,
        permissions: UserPermissions,
        /// The user may do less than before, so the tokens of their API keys are revoked.
        revokes_tokens: bool,
    },
    UserEnabled {
        user: UserId,
    },
    UserDisabled {
        user: UserId,
    },
    UserDeleted {
        user: UserId,
        username: Username,
    },
    UserPasswordSet {
        user: UserId,
        /// The session that goes on.
        kept: Option<SessionId>,
    },
    UserLoggedIn {
        user: UserId,
        session: SessionId,
        /// The code that was presented besides the password.
        code: Option<CodeKind>,
    },
    UserSecondFactorBegun {
        user: UserId,
    },
    UserSecondFactorConfirmed {
        user: UserId,
        /// The session that goes on.
        kept: SessionId,
    },
    UserSecondFactorRemoved {
        user: UserId,
    },
    UserRecoveryCodesMade {
        user: UserId,
    },
    UserLoggedOut {
        user: UserId,
        session: SessionId,
    },
    UserSessionRevoked {
        user: UserId,
        session: SessionId,
    },
    UserSessionsRevoked {
        user: UserId,
        /// The session that goes on.
        kept: Option<SessionId>,
        count: u64,
    },
    SigningKeyCreated {
        kid: String,
        algorithm: SigningAlgorithm,
        signs_from: Timestamp,
    },
    SigningKeyRotated {
        kid: String,
        algorithm: SigningAlgorithm,
        signs_from: Timestamp,
    },
    SigningKeyImported {
        kid: String,
        algorithm: SigningAlgorithm,
        signs_from: Timestamp,
    },
    SigningKeyRetired {
        kid: String,
        algorithm: SigningAlgorithm,
    },
}

impl Event {
    /// The id of the changed object, or what stands for many of them.
    #[must_use]
    pub fn subject(&self) -> &str {
        match self {
            Self::InstanceInitialised { .. } | Self::InstanceDataKeysAdded { .. } => "instance",
            Self::ApiKeysRevoked { .. } => "api_keys",
            Self::ClientsImported { .. } => "clients",
            // The client, if it revoked all of them.
            Self::TokensRevoked { tokens } => match tokens.as_slice() {
                [first, rest @ ..] if rest.iter().all(|token| token.client == first.client) => {
                    first.client.as_str()
                }
                _ => "tokens",
            },
            Self::ClientCreated { client, .. }
            | Self::ClientEnabled { client }
            | Self::ClientDisabled { client }
            | Self::ClientDeleted { client }
            | Self::ClientUpdated { client, .. }
            | Self::ClientTokensRevoked { client }
            | Self::ClientSecretAdded { client, .. }
            | Self::ClientSecretRevoked { client, .. } => client.as_str(),
            Self::ApiCreated { resource, .. }
            | Self::ApiUpdated { resource, .. }
            | Self::ApiDeleted { resource }
            | Self::ApiTokensRevoked { resource } => resource.as_str(),
            Self::ApiKeyCreated { key, .. }
            | Self::ApiKeyUpdated { key, .. }
            | Self::ApiKeyEnabled { key }
            | Self::ApiKeyDisabled { key }
            | Self::ApiKeyRotated { key, .. }
            | Self::ApiKeyRevoked { key } => key.as_str(),
            Self::UserCreated { user, .. }
            | Self::UserUpdated { user, .. }
            | Self::UserEnabled { user }
            | Self::UserDisabled { user }
            | Self::UserDeleted { user, .. }
            | Self::UserPasswordSet { user, .. }
            | Self::UserLoggedIn { user, .. }
            | Self::UserSecondFactorBegun { user }
            | Self::UserSecondFactorConfirmed { user, .. }
            | Self::UserSecondFactorRemoved { user }
            | Self::UserRecoveryCodesMade { user }
            | Self::UserLoggedOut { user, .. }
            | Self::UserSessionRevoked { user, .. }
            | Self::UserSessionsRevoked { user, .. } => user.as_str(),
            Self::ApiKeyLeaked { leak, .. } => leak.key.as_str(),
            Self::SigningKeyCreated { kid, .. }
            | Self::SigningKeyRotated { kid, .. }
            | Self::SigningKeyImported { kid, .. }
            | Self::SigningKeyRetired { kid, .. } => kid,
        }
    }
}
