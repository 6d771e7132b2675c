//! What changed. Every change appends one event in its own transaction: the audit log, the
//! invalidation of what nodes remember, and the propagation between nodes are this one sequence.

use std::fmt;

use serde_json::{Value, json};

use super::api_key::{ApiKeyId, Environment, KeyOwner};
use super::client::{ClientId, SecretId};
use super::leak::Leak;
use super::name::DisplayName;
use super::resource::ResourceUri;
use super::revocation::{Kind, Mark};
use super::scope::ScopeSet;
use super::session::SessionId;
use super::signing_key::SigningAlgorithm;
use super::user::{Role, UserId, Username};
use crate::clock::Timestamp;

/// The number of an event. Numbers have no gaps and grow in the order in which changes were
/// committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct EventNumber(i64);

impl EventNumber {
    /// A number from the store.
    #[must_use]
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// For the store.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// For a token id.
    #[must_use]
    pub fn as_u64(self) -> u64 {
        u64::try_from(self.0).unwrap_or(0)
    }

    /// The number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for EventNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What tells an event from those of the same number in other histories, where strangers see it.
pub type Fingerprint = [u8; 8];

/// Who made a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Mintery itself.
    System,
    /// A client, by a token of its own.
    Client(ClientId),
    /// A client, by an API key of its own, or by a token that was made from it.
    ApiKey {
        /// The key.
        key: ApiKeyId,
        /// Whose it is.
        owner: KeyOwner,
    },
    /// Somebody who is logged in.
    User(UserId),
    /// Whoever scans what is public, by a signature.
    SecretScanning,
    /// Somebody at a command line, with the rights of the operating system.
    Cli {
        /// The name of the user.
        user: String,
        /// The name of the machine.
        host: String,
    },
}

impl Actor {
    /// Whether it is this user, in a session of theirs.
    #[must_use]
    pub fn is_user(&self, user: &UserId) -> bool {
        matches!(self, Self::User(own) if own == user)
    }

    /// Who it is, apart from the credential.
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

/// With what kind of code somebody has logged in besides their password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeKind {
    /// Of an authenticator app.
    Totp,
    /// For those who have lost it.
    Recovery,
}

impl CodeKind {
    /// The name, for programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Recovery => "recovery_code",
        }
    }
}

/// What happened. To add one: an arm here, its name and what it is about; the compiler names the
/// rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// An empty database got its keys.
    InstanceInitialised {
        /// The ids of its first signing keys.
        signing_keys: Vec<String>,
    },
    /// There are data keys for purposes that there were not when the database was made.
    InstanceDataKeysAdded {
        /// What for.
        purposes: Vec<String>,
    },
    /// A client was made.
    ClientCreated {
        /// Which.
        client: ClientId,
        /// What it was called.
        name: DisplayName,
    },
    /// A client may authenticate again.
    ClientEnabled {
        /// Which.
        client: ClientId,
    },
    /// A client may not authenticate any more, and its tokens are refused.
    ClientDisabled {
        /// Which.
        client: ClientId,
    },
    /// A client is gone, with its secrets.
    ClientDeleted {
        /// Which.
        client: ClientId,
    },
    /// What a client may do has changed.
    ClientUpdated {
        /// Which.
        client: ClientId,
    },
    /// A client has another secret.
    ClientSecretAdded {
        /// Which.
        client: ClientId,
        /// The id of the secret.
        secret: SecretId,
    },
    /// A secret of a client does not authenticate any more.
    ClientSecretRevoked {
        /// Which.
        client: ClientId,
        /// The id of the secret.
        secret: SecretId,
    },
    /// The tokens of a client are void that were issued before.
    ClientTokensRevoked {
        /// Which.
        client: ClientId,
    },
    /// Single tokens are void.
    TokensRevoked {
        /// Which.
        tokens: Vec<RevokedToken>,
    },
    /// Clients were brought in, many at once.
    ClientsImported {
        /// How many.
        count: u64,
        /// The first of them, by id.
        first: ClientId,
        /// The last of them, by id.
        last: ClientId,
    },
    /// An API was made known.
    ApiCreated {
        /// Its identifier.
        resource: ResourceUri,
        /// What it was called.
        name: DisplayName,
    },
    /// An API was changed.
    ApiUpdated {
        /// Its identifier.
        resource: ResourceUri,
    },
    /// No tokens are made for an API any more.
    ApiDeleted {
        /// Its identifier.
        resource: ResourceUri,
    },
    /// The tokens for an API are void that were issued before.
    ApiTokensRevoked {
        /// Its identifier.
        resource: ResourceUri,
    },
    /// An API key was made.
    ApiKeyCreated {
        /// Which.
        key: ApiKeyId,
        /// What it was called.
        name: DisplayName,
        /// Whose it is.
        owner: KeyOwner,
        /// What it is for.
        environment: Environment,
    },
    /// What an API key allows has changed.
    ApiKeyUpdated {
        /// Which.
        key: ApiKeyId,
        /// Whether it allows less, so that the tokens are void that were made from it.
        voids_tokens: bool,
    },
    /// An API key may be used again.
    ApiKeyEnabled {
        /// Which.
        key: ApiKeyId,
    },
    /// An API key may not be used.
    ApiKeyDisabled {
        /// Which.
        key: ApiKeyId,
    },
    /// Another API key takes the place of one.
    ApiKeyRotated {
        /// Of which.
        key: ApiKeyId,
        /// The one that was made.
        successor: ApiKeyId,
        /// Until when the old one is good.
        expires_at: Timestamp,
        /// Whether tokens that were made from it would be good for longer, and are void.
        voids_tokens: bool,
    },
    /// An API key is gone.
    ApiKeyRevoked {
        /// Which.
        key: ApiKeyId,
    },
    /// API keys are gone, many at once.
    ApiKeysRevoked {
        /// Which.
        keys: Vec<ApiKeyId>,
    },
    /// An API key was found where everybody can read.
    ApiKeyLeaked {
        /// Which, whose, and where.
        leak: Leak,
        /// Whether it is gone therefore; else it is marked.
        is_revoked: bool,
    },
    /// Somebody was made known.
    UserCreated {
        /// Who.
        user: UserId,
        /// What they log in with.
        username: Username,
        /// What they may do.
        granted: Granted,
    },
    /// Somebody has another name, or may do something else.
    UserUpdated {
        /// Who.
        user: UserId,
        /// What they log in with from now on.
        username: Username,
        /// What they may do from now on.
        granted: Granted,
        /// Whether they may do less, so that the tokens are void that were made from their API
        /// keys.
        voids_tokens: bool,
    },
    /// Somebody may log in again.
    UserEnabled {
        /// Who.
        user: UserId,
    },
    /// Somebody may not log in any more, and is logged out everywhere.
    UserDisabled {
        /// Who.
        user: UserId,
    },
    /// Somebody is gone, with their sessions and keys.
    UserDeleted {
        /// Who.
        user: UserId,
        /// What they logged in with.
        username: Username,
    },
    /// Somebody has another password, and is logged out everywhere but perhaps in one session.
    UserPasswordSet {
        /// Who.
        user: UserId,
        /// The session that goes on.
        kept: Option<SessionId>,
    },
    /// Somebody has logged in.
    UserLoggedIn {
        /// Who.
        user: UserId,
        /// Their session.
        session: SessionId,
        /// The code that they have shown besides.
        code: Option<CodeKind>,
    },
    /// Somebody begins to have a second factor.
    UserSecondFactorBegun {
        /// Who.
        user: UserId,
    },
    /// Somebody has a second factor from now on, and recovery codes, and is logged out everywhere
    /// but in one session.
    UserSecondFactorConfirmed {
        /// Who.
        user: UserId,
        /// The session that goes on.
        kept: SessionId,
    },
    /// Somebody has no second factor any more.
    UserSecondFactorRemoved {
        /// Who.
        user: UserId,
    },
    /// Somebody has other recovery codes.
    UserRecoveryCodesMade {
        /// Who.
        user: UserId,
    },
    /// Somebody has logged out.
    UserLoggedOut {
        /// Who.
        user: UserId,
        /// The session that ended.
        session: SessionId,
    },
    /// A session of somebody was ended from elsewhere.
    UserSessionRevoked {
        /// Who.
        user: UserId,
        /// Which session.
        session: SessionId,
    },
    /// Sessions of somebody were ended, all of them but perhaps one.
    UserSessionsRevoked {
        /// Who.
        user: UserId,
        /// The one that goes on.
        kept: Option<SessionId>,
        /// How many ended.
        count: u64,
    },
    /// There is a key for an algorithm that had none.
    SigningKeyCreated {
        /// Its id.
        kid: String,
        /// What it signs with.
        algorithm: SigningAlgorithm,
        /// From when on.
        signs_from: Timestamp,
    },
    /// Another key follows.
    SigningKeyRotated {
        /// The id of the one that follows.
        kid: String,
        /// What it signs with.
        algorithm: SigningAlgorithm,
        /// From when on.
        signs_from: Timestamp,
    },
    /// A key follows that was made elsewhere.
    SigningKeyImported {
        /// Its id.
        kid: String,
        /// What it signs with.
        algorithm: SigningAlgorithm,
        /// From when on.
        signs_from: Timestamp,
    },
    /// A key is void, with all that it signed.
    SigningKeyRetired {
        /// Its id.
        kid: String,
        /// What it signed with.
        algorithm: SigningAlgorithm,
    },
}

impl Event {
    /// The name of what happened.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::InstanceInitialised { .. } => "instance.initialised",
            Self::InstanceDataKeysAdded { .. } => "instance.data_keys_added",
            Self::ClientCreated { .. } => "client.created",
            Self::ClientEnabled { .. } => "client.enabled",
            Self::ClientDisabled { .. } => "client.disabled",
            Self::ClientDeleted { .. } => "client.deleted",
            Self::ClientUpdated { .. } => "client.updated",
            Self::ClientSecretAdded { .. } => "client.secret_added",
            Self::ClientSecretRevoked { .. } => "client.secret_revoked",
            Self::ClientTokensRevoked { .. } => "client.tokens_revoked",
            Self::TokensRevoked { .. } => "tokens.revoked",
            Self::ClientsImported { .. } => "clients.imported",
            Self::ApiCreated { .. } => "api.created",
            Self::ApiUpdated { .. } => "api.updated",
            Self::ApiDeleted { .. } => "api.deleted",
            Self::ApiTokensRevoked { .. } => "api.tokens_revoked",
            Self::ApiKeyCreated { .. } => "api_key.created",
            Self::ApiKeyUpdated { .. } => "api_key.updated",
            Self::ApiKeyEnabled { .. } => "api_key.enabled",
            Self::ApiKeyDisabled { .. } => "api_key.disabled",
            Self::ApiKeyRotated { .. } => "api_key.rotated",
            Self::ApiKeyRevoked { .. } => "api_key.revoked",
            Self::ApiKeysRevoked { .. } => "api_keys.revoked",
            Self::UserCreated { .. } => "user.created",
            Self::UserUpdated { .. } => "user.updated",
            Self::UserEnabled { .. } => "user.enabled",
            Self::UserDisabled { .. } => "user.disabled",
            Self::UserDeleted { .. } => "user.deleted",
            Self::UserPasswordSet { .. } => "user.password_set",
            Self::UserLoggedIn { .. } => "user.logged_in",
            Self::UserSecondFactorBegun { .. } => "user.second_factor_begun",
            Self::UserSecondFactorConfirmed { .. } => "user.second_factor_confirmed",
            Self::UserSecondFactorRemoved { .. } => "user.second_factor_removed",
            Self::UserRecoveryCodesMade { .. } => "user.recovery_codes_made",
            Self::UserLoggedOut { .. } => "user.logged_out",
            Self::UserSessionRevoked { .. } => "user.session_revoked",
            Self::UserSessionsRevoked { .. } => "user.sessions_revoked",
            Self::ApiKeyLeaked { .. } => "api_key.leaked",
            Self::SigningKeyCreated { .. } => "signing_key.created",
            Self::SigningKeyRotated { .. } => "signing_key.rotated",
            Self::SigningKeyImported { .. } => "signing_key.imported",
            Self::SigningKeyRetired { .. } => "signing_key.retired",
        }
    }

    /// What it happened to.
    #[must_use]
    pub fn subject(&self) -> &str {
        match self {
            Self::InstanceInitialised { .. } | Self::InstanceDataKeysAdded { .. } => "instance",
            Self::ApiKeysRevoked { .. } => "api_keys",
            Self::ClientsImported { .. } => "clients",
            // Those that one client took back are about it.
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

    /// What else is worth knowing, without secrets.
    #[must_use]
    pub fn details(&self) -> Value {
        match self {
            Self::InstanceInitialised { signing_keys } => json!({ "signing_keys": signing_keys }),
            Self::InstanceDataKeysAdded { purposes } => json!({ "purposes": purposes }),
            Self::ApiKeyCreated { name, owner, environment, .. } => json!({
                "name": name.as_str(), "owner": owner.as_str(), "environment": environment.name()
            }),
            Self::ApiKeyRotated { successor, expires_at, voids_tokens, .. } => json!({
                "successor": successor.as_str(), "expires_at": expires_at.as_secs(), TOKENS_REVOKED: voids_tokens
            }),
            Self::ApiKeyUpdated { voids_tokens, .. } => json!({ TOKENS_REVOKED: voids_tokens }),
            Self::ApiKeyLeaked { leak: Leak { owner, place, places, .. }, is_revoked } => json!({
                "owner": owner.as_str(), "url": place.url(), "source": place.source(), "places": places,
                REVOKED: is_revoked
            }),
            Self::ApiKeysRevoked { keys } => {
                json!({ "keys": keys.iter().map(ApiKeyId::as_str).collect::<Vec<_>>() })
            }
            Self::UserPasswordSet { kept, .. } => {
                json!({ "kept": kept.as_ref().map(SessionId::as_str) })
            }
            Self::UserSecondFactorConfirmed { kept, .. } => json!({ "kept": kept.as_str() }),
            Self::UserDeleted { username, .. } => json!({ "username": username.as_str() }),
            Self::UserCreated { username, granted, .. } => granted.details(username),
            Self::UserUpdated { username, granted, voids_tokens, .. } => {
                let mut details = granted.details(username);
                if let Some(members) = details.as_object_mut() {
                    members.insert(TOKENS_REVOKED.to_owned(), json!(voids_tokens));
                }
                details
            }
            Self::UserLoggedIn { session, code, .. } => {
                json!({ "session": session.as_str(), "second_factor": code.map(CodeKind::name) })
            }
            Self::UserLoggedOut { session, .. } | Self::UserSessionRevoked { session, .. } => {
                json!({ "session": session.as_str() })
            }
            Self::UserSessionsRevoked { kept, count, .. } => {
                json!({ "count": count, "kept": kept.as_ref().map(SessionId::as_str) })
            }
            Self::ClientCreated { name, .. } | Self::ApiCreated { name, .. } => {
                json!({ "name": name.as_str() })
            }
            Self::ClientsImported { count, first, last } => {
                json!({ "count": count, "first": first.as_str(), "last": last.as_str() })
            }
            Self::ClientSecretAdded { secret, .. } | Self::ClientSecretRevoked { secret, .. } => {
                json!({ "secret": secret.as_str() })
            }
            Self::ClientEnabled { .. }
            | Self::ClientDisabled { .. }
            | Self::ClientDeleted { .. }
            | Self::ClientUpdated { .. }
            | Self::ClientTokensRevoked { .. }
            | Self::ApiUpdated { .. }
            | Self::ApiDeleted { .. }
            | Self::ApiTokensRevoked { .. }
            | Self::ApiKeyEnabled { .. }
            | Self::ApiKeyDisabled { .. }
            | Self::UserEnabled { .. }
            | Self::UserDisabled { .. }
            | Self::UserSecondFactorBegun { .. }
            | Self::UserSecondFactorRemoved { .. }
            | Self::UserRecoveryCodesMade { .. }
            | Self::ApiKeyRevoked { .. } => json!({}),
            Self::TokensRevoked { tokens } => {
                let token = |token: &RevokedToken| json!({ "jti": token.jti, "client": token.client.as_str() });
                json!({ "tokens": tokens.iter().map(token).collect::<Vec<_>>() })
            }
            Self::SigningKeyCreated { algorithm, signs_from, .. }
            | Self::SigningKeyRotated { algorithm, signs_from, .. }
            | Self::SigningKeyImported { algorithm, signs_from, .. } => {
                json!({ "alg": algorithm.name(), "signs_from": signs_from.as_secs() })
            }
            Self::SigningKeyRetired { algorithm, .. } => json!({ "alg": algorithm.name() }),
        }
    }

    /// What is void from now on: kept together with the event. A kind of event that takes something
    /// back is named by [`RecordedEvent::takes_back`] too.
    #[must_use]
    pub fn revocations(&self) -> Vec<TakenBack<'_>> {
        let cut_off =
            |kind, name| TakenBack { mark: Mark::of(kind, name), expires_at: None, client: None };
        match self {
            Self::ClientDisabled { client }
            | Self::ClientDeleted { client }
            | Self::ClientTokensRevoked { client } => vec![cut_off(Kind::Client, client.as_str())],
            Self::ClientSecretRevoked { secret, .. } => vec![cut_off(Kind::Credential, secret.as_str())],
            Self::ApiDeleted { resource } | Self::ApiTokensRevoked { resource } => {
                vec![cut_off(Kind::Api, resource.as_str())]
            }
            Self::SigningKeyRetired { kid, .. } => vec![cut_off(Kind::Key, kid)],
            Self::TokensRevoked { tokens } => tokens.iter().map(RevokedToken::taken_back).collect(),
            // The key itself is looked up at every request; what was made from it is not.
            Self::ApiKeyDisabled { key }
            | Self::ApiKeyRevoked { key }
            | Self::ApiKeyLeaked { leak: Leak { key, .. }, is_revoked: true }
            | Self::ApiKeyUpdated { key, voids_tokens: true }
            | Self::ApiKeyRotated { key, voids_tokens: true, .. } => {
                vec![cut_off(Kind::Credential, key.as_str())]
            }
            Self::ApiKeysRevoked { keys } => {
                keys.iter().map(|key| cut_off(Kind::Credential, key.as_str())).collect()
            }
            // What was made from the keys of a user has them as its subject, as what was made from those of a client.
            Self::UserDisabled { user }
            | Self::UserDeleted { user, .. }
            | Self::UserUpdated { user, voids_tokens: true, .. } => {
                vec![cut_off(Kind::Client, user.as_str())]
            }
            Self::ApiKeyCreated { .. }
            | Self::ApiKeyUpdated { voids_tokens: false, .. }
            | Self::ApiKeyEnabled { .. }
            // A session is looked up at every request too.
            | Self::UserCreated { .. }
            | Self::UserUpdated { voids_tokens: false, .. }
            | Self::UserEnabled { .. }
            | Self::UserPasswordSet { .. }
            | Self::UserLoggedIn { .. }
            | Self::UserSecondFactorBegun { .. }
            | Self::UserSecondFactorConfirmed { .. }
            | Self::UserSecondFactorRemoved { .. }
            | Self::UserRecoveryCodesMade { .. }
            | Self::UserLoggedOut { .. }
            | Self::UserSessionRevoked { .. }
            | Self::UserSessionsRevoked { .. }
            | Self::ApiKeyLeaked { is_revoked: false, .. }
            | Self::ApiKeyRotated { voids_tokens: false, .. }
            | Self::InstanceInitialised { .. }
            | Self::InstanceDataKeysAdded { .. }
            | Self::ClientCreated { .. }
            | Self::ClientEnabled { .. }
            | Self::ClientUpdated { .. }
            | Self::ClientSecretAdded { .. }
            | Self::ClientsImported { .. }
            | Self::ApiCreated { .. }
            | Self::ApiUpdated { .. }
            | Self::SigningKeyCreated { .. }
            | Self::SigningKeyRotated { .. }
            | Self::SigningKeyImported { .. } => Vec::new(),
        }
    }
}

/// What somebody may do, as an event tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// What they are here for.
    pub role: Role,
    /// What they may do at APIs.
    pub scopes: ScopeSet,
    /// The APIs that they may use beside the default one.
    pub resources: Vec<ResourceUri>,
}

impl Granted {
    fn details(&self, username: &Username) -> Value {
        let resources: Vec<&str> = self.resources.iter().map(ResourceUri::as_str).collect();
        json!({
            "username": username.as_str(), "role": self.role.name(), "scope": self.scopes, "resources": resources
        })
    }
}

/// A token that was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedToken {
    /// Its id.
    pub jti: String,
    /// The client that asked for it.
    pub client: ClientId,
    /// When it would have expired.
    pub expires_at: Timestamp,
}

impl RevokedToken {
    fn taken_back(&self) -> TakenBack<'_> {
        TakenBack {
            mark: Mark::of(Kind::Token, &self.jti),
            expires_at: Some(self.expires_at),
            client: Some(&self.client),
        }
    }
}

/// Something that an event takes back.
#[derive(Debug, Clone, Copy)]
pub struct TakenBack<'a> {
    /// What.
    pub mark: Mark,
    /// Until when it could have been good; as long as any token when absent.
    pub expires_at: Option<Timestamp>,
    /// The client whose single token it is.
    pub client: Option<&'a ClientId>,
}

/// An event as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedEvent {
    /// Its number.
    pub number: EventNumber,
    /// When it happened, by the clock of the node that made the change.
    pub at: Timestamp,
    /// Who made the change.
    pub actor: String,
    /// The name of what happened.
    pub kind: String,
    /// What it happened to.
    pub subject: String,
    /// A JSON object.
    pub details: String,
    /// The authentication code over this event and the one before.
    pub mac: String,
}

/// What a node has to do about an event: what it must forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Nothing that a node remembers has changed.
    None,
    /// This client is not what it was.
    Client(ClientId),
    /// There are clients that there were not. Nobody remembers anything of them, but perhaps that
    /// they did not exist.
    NewClients,
    /// This API key is not what it was.
    ApiKey(ApiKeyId),
    /// These API keys are not what they were.
    ApiKeys(Vec<ApiKeyId>),
    /// This user, or what they are logged in with, is not what it was.
    User(UserId),
    /// The APIs are not what they were.
    Apis,
    /// The signing keys are not what they were.
    SigningKeys,
    /// Something that this release does not know (a newer node made it): forget everything.
    Everything,
}

/// What the details of a change say of a key, or of a user, that may have taken back what was made
/// from it.
const TOKENS_REVOKED: &str = "tokens_revoked";

/// What they say of a key that is gone because of what happened.
const REVOKED: &str = "revoked";

impl RecordedEvent {
    /// What a node that remembers things has to do about it.
    #[must_use]
    pub fn effect(&self) -> Effect {
        match self.kind.split_once('.') {
            Some(("client", _)) => {
                ClientId::parse(&self.subject).map_or(Effect::Everything, Effect::Client)
            }
            Some(("clients", "imported")) => Effect::NewClients,
            Some(("api_key", _)) => {
                ApiKeyId::parse(&self.subject).map_or(Effect::Everything, Effect::ApiKey)
            }
            Some(("api_keys", "revoked")) => {
                self.listed_keys().map_or(Effect::Everything, Effect::ApiKeys)
            }
            Some(("user", _)) => {
                UserId::parse(&self.subject).map_or(Effect::Everything, Effect::User)
            }
            Some(("api", _)) => Effect::Apis,
            Some(("signing_key", _)) => Effect::SigningKeys,
            // What was taken back is read apart from this.
            Some(("instance", _) | ("tokens", "revoked")) => Effect::None,
            _ => Effect::Everything,
        }
    }

    /// The API keys that the details name.
    fn listed_keys(&self) -> Option<Vec<ApiKeyId>> {
        let details: Value = serde_json::from_str(&self.details).ok()?;
        let key = |id: &Value| ApiKeyId::parse(id.as_str()?).ok();
        details.get("keys")?.as_array()?.iter().map(key).collect()
    }

    /// Whether something was taken back with it.
    #[must_use]
    pub fn takes_back(&self) -> bool {
        match self.kind.as_str() {
            "client.disabled"
            | "client.deleted"
            | "client.tokens_revoked"
            | "client.secret_revoked"
            | "api.deleted"
            | "api.tokens_revoked"
            | "api_key.disabled"
            | "api_key.revoked"
            | "api_keys.revoked"
            | "user.disabled"
            | "user.deleted"
            | "signing_key.retired"
            | "tokens.revoked" => true,
            "api_key.updated" | "api_key.rotated" | "user.updated" => self.says(TOKENS_REVOKED),
            "api_key.leaked" => self.says(REVOKED),
            _ => false,
        }
    }

    /// Whether a member of the details is `true`.
    fn says(&self, member: &str) -> bool {
        let details: Value = serde_json::from_str(&self.details).unwrap_or_default();
        details.get(member) == Some(&Value::Bool(true))
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, EventNumber, Granted, RecordedEvent, RevokedToken};
    use crate::clock::Timestamp;
    use crate::model::api_key::{ApiKeyId, KeyOwner};
    use crate::model::client::{ClientId, SecretId};
    use crate::model::leak::{Leak, LeakPlace};
    use crate::model::resource::ResourceUri;
    use crate::model::scope::ScopeSet;
    use crate::model::signing_key::SigningAlgorithm;
    use crate::model::user::{Role, UserId, Username};
    use crate::random::SystemRandom;

    /// A node that follows asks for what was taken back exactly when something was.
    #[test]
    fn the_log_shows_which_events_take_something_back() {
        let client = ClientId::parse("a").unwrap();
        let resource = ResourceUri::parse("https://a.example").unwrap();
        let secret = SecretId::parse("cs_0000000000000000000001").unwrap();
        let key = ApiKeyId::parse("ak_1234567890123456789012").unwrap();
        let kid = || "k".to_owned();
        let algorithm = SigningAlgorithm::Es256;
        let token = RevokedToken {
            jti: kid(),
            client: client.clone(),
            expires_at: Timestamp::from_secs(1),
        };
        let updated = |voids_tokens| Event::ApiKeyUpdated { key: key.clone(), voids_tokens };
        let rotated = |voids_tokens| Event::ApiKeyRotated {
            key: key.clone(),
            successor: key.clone(),
            expires_at: Timestamp::from_secs(1),
            voids_tokens,
        };
        let (user, username) = (UserId::generate(&SystemRandom), Username::parse("ann").unwrap());
        let user_updated = |voids_tokens| Event::UserUpdated {
            user: user.clone(),
            username: username.clone(),
            granted: Granted {
                role: Role::Member,
                scopes: ScopeSet::default(),
                resources: Vec::new(),
            },
            voids_tokens,
        };
        let leaked = |is_revoked| {
            let (key, owner) = (key.clone(), KeyOwner::Client(client.clone()));
            Event::ApiKeyLeaked {
                leak: Leak { key, owner, place: LeakPlace::default(), places: 1 },
                is_revoked,
            }
        };
        let taking_back = [
            Event::ClientDisabled { client: client.clone() },
            Event::ClientDeleted { client: client.clone() },
            Event::ClientTokensRevoked { client: client.clone() },
            Event::ClientSecretRevoked { client: client.clone(), secret: secret.clone() },
            Event::ApiDeleted { resource: resource.clone() },
            Event::ApiTokensRevoked { resource: resource.clone() },
            Event::SigningKeyRetired { kid: kid(), algorithm },
            Event::TokensRevoked { tokens: vec![token] },
            Event::ApiKeyDisabled { key: key.clone() },
            Event::ApiKeyRevoked { key: key.clone() },
            Event::ApiKeysRevoked { keys: vec![key.clone()] },
            updated(true),
            rotated(true),
            leaked(true),
            Event::UserDisabled { user: user.clone() },
            Event::UserDeleted { user: user.clone(), username: username.clone() },
            user_updated(true),
        ];
        let others = [
            Event::InstanceInitialised { signing_keys: vec![kid()] },
            Event::ClientEnabled { client: client.clone() },
            Event::ClientUpdated { client: client.clone() },
            Event::ClientSecretAdded { client: client.clone(), secret },
            Event::ApiUpdated { resource },
            Event::SigningKeyRotated { kid: kid(), algorithm, signs_from: Timestamp::from_secs(1) },
            Event::ApiKeyEnabled { key: key.clone() },
            updated(false),
            rotated(false),
            leaked(false),
            Event::UserEnabled { user: user.clone() },
            Event::UserPasswordSet { user: user.clone(), kept: None },
            user_updated(false),
        ];
        for event in taking_back.into_iter().chain(others) {
            let recorded = RecordedEvent {
                number: EventNumber::new(1),
                at: Timestamp::from_secs(1),
                actor: String::new(),
                kind: event.kind().to_owned(),
                subject: event.subject().to_owned(),
                details: event.details().to_string(),
                mac: String::new(),
            };
            assert_eq!(recorded.takes_back(), !event.revocations().is_empty(), "{}", event.kind());
        }
    }
}
