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
#[expect(missing_docs, reason = "most fields are named after their types")]
pub enum Event {
    /// An empty database got its keys.
    InstanceInitialised {
        /// The ids of the first signing keys.
        signing_keys: Vec<String>,
    },
    /// Data keys were added for purposes that the database had none for.
    InstanceDataKeysAdded { purposes: Vec<String> },
    /// A client was created.
    ClientCreated { client: ClientId, name: DisplayName },
    /// A client was enabled.
    ClientEnabled { client: ClientId },
    /// A client was disabled: it cannot authenticate, and its tokens are revoked.
    ClientDisabled { client: ClientId },
    /// A client was deleted, with its secrets.
    ClientDeleted { client: ClientId },
    /// A client was updated: its name or permissions.
    ClientUpdated { client: ClientId },
    /// A secret was added to a client.
    ClientSecretAdded { client: ClientId, secret: SecretId },
    /// A secret of a client was revoked, with the tokens that were issued for it.
    ClientSecretRevoked { client: ClientId, secret: SecretId },
    /// All tokens of a client were revoked.
    ClientTokensRevoked { client: ClientId },
    /// Single tokens were revoked.
    TokensRevoked { tokens: Vec<RevokedToken> },
    /// Clients were imported, many at once.
    ClientsImported {
        count: u64,
        /// The first of them by id.
        first: ClientId,
        /// The last of them by id.
        last: ClientId,
    },
    /// An API was created.
    ApiCreated { resource: ResourceUri, name: DisplayName },
    /// An API was updated.
    ApiUpdated { resource: ResourceUri },
    /// An API was deleted: no tokens are issued for it, and those for it are revoked.
    ApiDeleted { resource: ResourceUri },
    /// All tokens for an API were revoked.
    ApiTokensRevoked { resource: ResourceUri },
    /// An API key was created.
    ApiKeyCreated { key: ApiKeyId, name: DisplayName, owner: KeyOwner, environment: Environment },
    /// An API key was updated: its name or permissions.
    ApiKeyUpdated {
        key: ApiKeyId,
        /// The key allows less than before, so its tokens are revoked.
        revokes_tokens: bool,
    },
    /// An API key was enabled.
    ApiKeyEnabled { key: ApiKeyId },
    /// An API key was disabled.
    ApiKeyDisabled { key: ApiKeyId },
    /// An API key was replaced by a successor.
    ApiKeyRotated {
        key: ApiKeyId,
        successor: ApiKeyId,
        /// The time until which the old key stays valid.
        expires_at: Timestamp,
        /// Tokens of the old key could outlive it, so they are revoked.
        revokes_tokens: bool,
    },
    /// An API key was revoked.
    ApiKeyRevoked { key: ApiKeyId },
    /// API keys were revoked, many at once.
    ApiKeysRevoked { keys: Vec<ApiKeyId> },
    /// An API key was found in public.
    ApiKeyLeaked {
        leak: Leak,
        /// The key was revoked because of it; otherwise it was flagged.
        is_revoked: bool,
    },
    /// A user was created.
    UserCreated { user: UserId, username: Username, permissions: UserPermissions },
    /// A user was updated: the username or the permissions.
    UserUpdated {
        user: UserId,
        username: Username,
        permissions: UserPermissions,
        /// The user may do less than before, so the tokens of their API keys are revoked.
        revokes_tokens: bool,
    },
    /// A user was enabled.
    UserEnabled { user: UserId },
    /// A user was disabled: all their sessions end.
    UserDisabled { user: UserId },
    /// A user was deleted, with their sessions and API keys.
    UserDeleted { user: UserId, username: Username },
    /// The password of a user was set: all their other sessions end.
    UserPasswordSet {
        user: UserId,
        /// The session that goes on.
        kept: Option<SessionId>,
    },
    /// A user logged in.
    UserLoggedIn {
        user: UserId,
        session: SessionId,
        /// The code that was presented besides the password.
        code: Option<CodeKind>,
    },
    /// A user began to set up a second factor.
    UserSecondFactorBegun { user: UserId },
    /// A user confirmed a second factor: all their other sessions end.
    UserSecondFactorConfirmed {
        user: UserId,
        /// The session that goes on.
        kept: SessionId,
    },
    /// The second factor of a user was removed.
    UserSecondFactorRemoved { user: UserId },
    /// New recovery codes were generated for a user.
    UserRecoveryCodesMade { user: UserId },
    /// A user logged out.
    UserLoggedOut { user: UserId, session: SessionId },
    /// A session of a user was ended from elsewhere.
    UserSessionRevoked { user: UserId, session: SessionId },
    /// All sessions of a user were ended, or all but one.
    UserSessionsRevoked {
        user: UserId,
        /// The session that goes on.
        kept: Option<SessionId>,
        count: u64,
    },
    /// A signing key was created for an algorithm that had none.
    SigningKeyCreated { kid: String, algorithm: SigningAlgorithm, signs_from: Timestamp },
    /// A signing key was generated to follow the current one.
    SigningKeyRotated { kid: String, algorithm: SigningAlgorithm, signs_from: Timestamp },
    /// A signing key was imported to follow the current one.
    SigningKeyImported { kid: String, algorithm: SigningAlgorithm, signs_from: Timestamp },
    /// A signing key was retired: the tokens that it signed are revoked.
    SigningKeyRetired { kid: String, algorithm: SigningAlgorithm },
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
            | Self::ClientUpdated { client }
            | Self::ClientTokensRevoked { client }
            | Self::ClientSecretAdded { client, .. }
            | Self::ClientSecretRevoked { client, .. } => client.as_str(),
            Self::ApiCreated { resource, .. }
            | Self::ApiUpdated { resource }
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
