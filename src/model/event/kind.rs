//! The table of event kinds. A row gives the meaning of a kind, its stored name, the tokens that it
//! revokes and the cached entries that it invalidates. The stored event, the followers of the log
//! and `docs/reference/events.md` follow from its row.
//!
//! To add a kind, add a variant of [`Event`] with its subject and details, a row here, and a sample
//! in the tests. The compiler asks for each of them.

use super::Event;
use super::revoked::RevocationEntry;
use crate::model::revocation::Kind;

/// The tokens that the events of a kind revoke. Sessions and API keys are not tokens: every request
/// reads them from the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revokes {
    /// No tokens: no revocation is ever stored with such an event.
    Never,
    /// All tokens that were issued before, by what this names; or single tokens.
    Always(Kind),
    /// The same, or none: the event says which.
    Sometimes(Kind),
}

/// The cached entries that the events of a kind invalidate; see [`Effect`].
///
/// [`Effect`]: super::Effect
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invalidates {
    /// None.
    Nothing,
    /// The client that is the subject.
    Client,
    /// The absences of clients.
    NewClients,
    /// The API key that is the subject.
    ApiKey,
    /// The API keys in the details.
    ApiKeys,
    /// The user that is the subject.
    User,
    /// All APIs.
    Apis,
    /// All signing keys.
    SigningKeys,
}

/// Makes [`EventKind`] and the kind of each [`Event`] from the rows. Both matches are exhaustive: a
/// variant without a row does not compile, nor does a row without a variant.
macro_rules! event_kinds {
    ($($(#[doc = $meaning:literal])+ $kind:ident: $name:literal, revokes $revokes:expr, invalidates $invalidates:ident;)+) => {
        /// The kind of an event.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum EventKind {
            $($(#[doc = $meaning])+ $kind,)+
        }

        impl EventKind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)+];

            /// The name, as it is stored.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)+ }
            }

            /// The meaning, in a sentence or two.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$kind => concat!($($meaning),+).trim_ascii(),)+ }
            }

            /// The tokens that events of this kind revoke.
            #[must_use]
            pub const fn revokes(self) -> Revokes {
                use Revokes::{Always, Never, Sometimes};
                match self { $(Self::$kind => $revokes,)+ }
            }

            /// The cached entries that events of this kind invalidate.
            #[must_use]
            pub const fn invalidates(self) -> Invalidates {
                match self { $(Self::$kind => Invalidates::$invalidates,)+ }
            }
        }

        impl Event {
            /// The kind of this event.
            #[must_use]
            pub const fn kind(&self) -> EventKind {
                match self { $(Self::$kind { .. } => EventKind::$kind,)+ }
            }
        }
    };
}

event_kinds! {
    /// The database was initialized with its first keys.
    InstanceInitialised: "instance.initialised", revokes Never, invalidates Nothing;
    /// Data keys were added for purposes that had none.
    InstanceDataKeysAdded: "instance.data_keys_added", revokes Never, invalidates Nothing;
    /// A client was created.
    ClientCreated: "client.created", revokes Never, invalidates Client;
    /// A client was enabled.
    ClientEnabled: "client.enabled", revokes Never, invalidates Client;
    /// A client was disabled: it cannot authenticate, and its tokens are revoked.
    ClientDisabled: "client.disabled", revokes Always(Kind::Client), invalidates Client;
    /// A client was deleted, with its secrets.
    ClientDeleted: "client.deleted", revokes Always(Kind::Client), invalidates Client;
    /// A client was updated: its name or permissions. Its tokens are revoked if it may do less than
    /// before.
    ClientUpdated: "client.updated", revokes Sometimes(Kind::Client), invalidates Client;
    /// A secret was added to a client.
    ClientSecretAdded: "client.secret_added", revokes Never, invalidates Client;
    /// A secret of a client was revoked, with the tokens that were issued for it.
    ClientSecretRevoked: "client.secret_revoked", revokes Always(Kind::Credential), invalidates Client;
    /// All tokens of a client were revoked.
    ClientTokensRevoked: "client.tokens_revoked", revokes Always(Kind::Client), invalidates Client;
    /// Single tokens were revoked.
    TokensRevoked: "tokens.revoked", revokes Always(Kind::Token), invalidates Nothing;
    /// Clients were imported, up to 1,000 per event.
    ClientsImported: "clients.imported", revokes Never, invalidates NewClients;
    /// An API was created.
    ApiCreated: "api.created", revokes Never, invalidates Apis;
    /// An API was updated. The tokens for it are revoked if it lost a scope.
    ApiUpdated: "api.updated", revokes Sometimes(Kind::Api), invalidates Apis;
    /// An API was deleted: no tokens are issued for it, and those for it are revoked.
    ApiDeleted: "api.deleted", revokes Always(Kind::Api), invalidates Apis;
    /// All tokens for an API were revoked.
    ApiTokensRevoked: "api.tokens_revoked", revokes Always(Kind::Api), invalidates Apis;
    /// An API key was created.
    ApiKeyCreated: "api_key.created", revokes Never, invalidates ApiKey;
    /// An API key was updated: its name or permissions. Its tokens are revoked if it allows less
    /// than before.
    ApiKeyUpdated: "api_key.updated", revokes Sometimes(Kind::Credential), invalidates ApiKey;
    /// An API key was enabled.
    ApiKeyEnabled: "api_key.enabled", revokes Never, invalidates ApiKey;
    /// An API key was disabled, and its tokens are revoked.
    ApiKeyDisabled: "api_key.disabled", revokes Always(Kind::Credential), invalidates ApiKey;
    /// An API key was replaced by a successor. Its tokens are revoked if they could outlive it.
    ApiKeyRotated: "api_key.rotated", revokes Sometimes(Kind::Credential), invalidates ApiKey;
    /// An API key was revoked, with its tokens.
    ApiKeyRevoked: "api_key.revoked", revokes Always(Kind::Credential), invalidates ApiKey;
    /// API keys were revoked, many at once.
    ApiKeysRevoked: "api_keys.revoked", revokes Always(Kind::Credential), invalidates ApiKeys;
    /// A scanner reported an API key as leaked: the key was revoked or flagged.
    ApiKeyLeaked: "api_key.leaked", revokes Sometimes(Kind::Credential), invalidates ApiKey;
    /// A user was created.
    UserCreated: "user.created", revokes Never, invalidates User;
    /// A user was updated: the username or the permissions. The tokens of the user's API keys are
    /// revoked if the user may do less than before.
    UserUpdated: "user.updated", revokes Sometimes(Kind::Client), invalidates User;
    /// A user was enabled.
    UserEnabled: "user.enabled", revokes Never, invalidates User;
    /// A user was disabled: all their sessions end, and the tokens of their API keys are revoked.
    UserDisabled: "user.disabled", revokes Always(Kind::Client), invalidates User;
    /// A user was deleted, with their sessions and API keys.
    UserDeleted: "user.deleted", revokes Always(Kind::Client), invalidates User;
    /// The password of a user was set: all their other sessions end.
    UserPasswordSet: "user.password_set", revokes Never, invalidates User;
    /// A user logged in.
    UserLoggedIn: "user.logged_in", revokes Never, invalidates User;
    /// A user began to set up a second factor.
    UserSecondFactorBegun: "user.second_factor_begun", revokes Never, invalidates User;
    /// A user confirmed a second factor: all their other sessions end.
    UserSecondFactorConfirmed: "user.second_factor_confirmed", revokes Never, invalidates User;
    /// The second factor of a user was removed.
    UserSecondFactorRemoved: "user.second_factor_removed", revokes Never, invalidates User;
    /// New recovery codes were generated for a user.
    UserRecoveryCodesMade: "user.recovery_codes_made", revokes Never, invalidates User;
    /// A user logged out.
    UserLoggedOut: "user.logged_out", revokes Never, invalidates User;
    /// One session of a user was ended from elsewhere.
    UserSessionRevoked: "user.session_revoked", revokes Never, invalidates User;
    /// All sessions of a user were ended, or all but one.
    UserSessionsRevoked: "user.sessions_revoked", revokes Never, invalidates User;
    /// A signing key was created for an algorithm that had none.
    SigningKeyCreated: "signing_key.created", revokes Never, invalidates SigningKeys;
    /// A signing key was generated to follow the current one.
    SigningKeyRotated: "signing_key.rotated", revokes Never, invalidates SigningKeys;
    /// A signing key was imported to follow the current one.
    SigningKeyImported: "signing_key.imported", revokes Never, invalidates SigningKeys;
    /// A signing key was retired: the tokens that it signed are revoked.
    SigningKeyRetired: "signing_key.retired", revokes Always(Kind::Key), invalidates SigningKeys;
}

impl EventKind {
    /// The kind with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

impl Event {
    /// The revocations to store with this event.
    #[must_use]
    pub fn revocations(&self) -> Vec<RevocationEntry<'_>> {
        let kind = match self.kind().revokes() {
            Revokes::Always(kind) => kind,
            Revokes::Sometimes(kind) if self.revokes_tokens() => kind,
            Revokes::Sometimes(_) | Revokes::Never => return Vec::new(),
        };
        match self {
            Self::TokensRevoked { tokens } => {
                tokens.iter().map(RevocationEntry::of_token).collect()
            }
            Self::ClientSecretRevoked { secret, .. } => {
                vec![RevocationEntry::cut_off(kind, secret.as_str())]
            }
            Self::ApiKeysRevoked { keys } => {
                keys.iter().map(|key| RevocationEntry::cut_off(kind, key.as_str())).collect()
            }
            // An access token has the owner of the API key that it was exchanged for as its
            // subject, so that a user is cut off like a client.
            _ => vec![RevocationEntry::cut_off(kind, self.subject())],
        }
    }

    /// The answer of an event that revokes tokens sometimes. One that does not say revokes them.
    fn revokes_tokens(&self) -> bool {
        match self {
            Self::ClientUpdated { revokes_tokens, .. }
            | Self::ApiUpdated { revokes_tokens, .. }
            | Self::ApiKeyUpdated { revokes_tokens, .. }
            | Self::ApiKeyRotated { revokes_tokens, .. }
            | Self::UserUpdated { revokes_tokens, .. } => *revokes_tokens,
            Self::ApiKeyLeaked { is_revoked, .. } => *is_revoked,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{EventKind, Invalidates, Revokes};
    use crate::clock::Timestamp;
    use crate::model::api_key::{ApiKeyId, Environment, KeyOwner};
    use crate::model::client::{ClientId, SecretId};
    use crate::model::event::{
        Actor, Effect, Event, EventNumber, RecordedEvent, RecordedKind, RevokedToken,
        UserPermissions,
    };
    use crate::model::leak::{Leak, LeakPlace};
    use crate::model::name::DisplayName;
    use crate::model::resource::ResourceUri;
    use crate::model::scope::ScopeSet;
    use crate::model::session::SessionId;
    use crate::model::signing_key::SigningAlgorithm;
    use crate::model::user::{Role, UserId, Username};
    use crate::random::SystemRandom;

    /// An event of each kind; one that revokes tokens sometimes does so if `revokes_tokens`.
    #[expect(clippy::similar_names, reason = "`kid` is the name of the field")]
    fn sample(kind: EventKind, revokes_tokens: bool) -> Event {
        let client = ClientId::parse("a").unwrap();
        let resource = ResourceUri::parse("https://a.example").unwrap();
        let secret = SecretId::parse("cs_0000000000000000000001").unwrap();
        let key = ApiKeyId::parse("ak_1234567890123456789012").unwrap();
        let owner = KeyOwner::Client(client.clone());
        let (user, username) = (UserId::generate(&SystemRandom), Username::parse("ann").unwrap());
        let session = SessionId::generate(&SystemRandom);
        let name = DisplayName::parse("a").unwrap();
        let (kid, algorithm) = ("k".to_owned(), SigningAlgorithm::Es256);
        let at = Timestamp::from_secs(1);
        let permissions =
            UserPermissions { role: Role::Member, scopes: ScopeSet::default(), resources: vec![] };
        match kind {
            EventKind::InstanceInitialised => {
                Event::InstanceInitialised { signing_keys: vec![kid] }
            }
            EventKind::InstanceDataKeysAdded => {
                Event::InstanceDataKeysAdded { purposes: vec![kid] }
            }
            EventKind::ClientCreated => Event::ClientCreated { client, name },
            EventKind::ClientEnabled => Event::ClientEnabled { client },
            EventKind::ClientDisabled => Event::ClientDisabled { client },
            EventKind::ClientDeleted => Event::ClientDeleted { client },
            EventKind::ClientUpdated => Event::ClientUpdated { client, revokes_tokens },
            EventKind::ClientSecretAdded => Event::ClientSecretAdded { client, secret },
            EventKind::ClientSecretRevoked => Event::ClientSecretRevoked { client, secret },
            EventKind::ClientTokensRevoked => Event::ClientTokensRevoked { client },
            EventKind::TokensRevoked => Event::TokensRevoked {
                tokens: vec![RevokedToken { jti: kid, client, expires_at: at }],
            },
            EventKind::ClientsImported => {
                Event::ClientsImported { count: 1, first: client.clone(), last: client }
            }
            EventKind::ApiCreated => Event::ApiCreated { resource, name },
            EventKind::ApiUpdated => Event::ApiUpdated { resource, revokes_tokens },
            EventKind::ApiDeleted => Event::ApiDeleted { resource },
            EventKind::ApiTokensRevoked => Event::ApiTokensRevoked { resource },
            EventKind::ApiKeyCreated => {
                Event::ApiKeyCreated { key, name, owner, environment: Environment::Live }
            }
            EventKind::ApiKeyUpdated => Event::ApiKeyUpdated { key, revokes_tokens },
            EventKind::ApiKeyEnabled => Event::ApiKeyEnabled { key },
            EventKind::ApiKeyDisabled => Event::ApiKeyDisabled { key },
            EventKind::ApiKeyRotated => Event::ApiKeyRotated {
                key: key.clone(),
                successor: key,
                expires_at: at,
                revokes_tokens,
            },
            EventKind::ApiKeyRevoked => Event::ApiKeyRevoked { key },
            EventKind::ApiKeysRevoked => Event::ApiKeysRevoked { keys: vec![key] },
            EventKind::ApiKeyLeaked => Event::ApiKeyLeaked {
                leak: Leak { key, owner, place: LeakPlace::default(), places: 1 },
                is_revoked: revokes_tokens,
            },
            EventKind::UserCreated => Event::UserCreated { user, username, permissions },
            EventKind::UserUpdated => {
                Event::UserUpdated { user, username, permissions, revokes_tokens }
            }
            EventKind::UserEnabled => Event::UserEnabled { user },
            EventKind::UserDisabled => Event::UserDisabled { user },
            EventKind::UserDeleted => Event::UserDeleted { user, username },
            EventKind::UserPasswordSet => Event::UserPasswordSet { user, kept: None },
            EventKind::UserLoggedIn => Event::UserLoggedIn { user, session, code: None },
            EventKind::UserSecondFactorBegun => Event::UserSecondFactorBegun { user },
            EventKind::UserSecondFactorConfirmed => {
                Event::UserSecondFactorConfirmed { user, kept: session }
            }
            EventKind::UserSecondFactorRemoved => Event::UserSecondFactorRemoved { user },
            EventKind::UserRecoveryCodesMade => Event::UserRecoveryCodesMade { user },
            EventKind::UserLoggedOut => Event::UserLoggedOut { user, session },
            EventKind::UserSessionRevoked => Event::UserSessionRevoked { user, session },
            EventKind::UserSessionsRevoked => {
                Event::UserSessionsRevoked { user, kept: None, count: 1 }
            }
            EventKind::SigningKeyCreated => {
                Event::SigningKeyCreated { kid, algorithm, signs_from: at }
            }
            EventKind::SigningKeyRotated => {
                Event::SigningKeyRotated { kid, algorithm, signs_from: at }
            }
            EventKind::SigningKeyImported => {
                Event::SigningKeyImported { kid, algorithm, signs_from: at }
            }
            EventKind::SigningKeyRetired => Event::SigningKeyRetired { kid, algorithm },
        }
    }

    fn recorded(event: &Event) -> RecordedEvent {
        RecordedEvent::new(EventNumber::new(1), Timestamp::from_secs(1), &Actor::System, event)
    }

    #[test]
    fn each_kind_has_a_name_of_its_own() {
        let names: HashSet<_> = EventKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), EventKind::ALL.len());
        for kind in EventKind::ALL {
            let event = sample(*kind, true);
            assert_eq!(event.kind(), *kind);
            assert_eq!(EventKind::from_name(kind.name()), Some(*kind));
            assert_eq!(RecordedKind::from_name(kind.name().to_owned()), recorded(&event).kind);
        }
    }

    /// SEC-10: a follower reads the revocations of exactly the kinds that store any.
    #[test]
    fn followers_read_the_revocations_of_events() {
        for kind in EventKind::ALL {
            for revokes_tokens in [false, true] {
                let event = sample(*kind, revokes_tokens);
                let marks: Vec<_> =
                    event.revocations().iter().map(|entry| entry.mark.kind()).collect();
                let expected = match kind.revokes() {
                    Revokes::Sometimes(_) if !revokes_tokens => vec![],
                    Revokes::Never => vec![],
                    Revokes::Always(mark) | Revokes::Sometimes(mark) => vec![mark],
                };
                assert_eq!(marks, expected, "{kind:?}");
                let may_revoke = recorded(&event).kind.may_revoke();
                assert_eq!(may_revoke, kind.revokes() != Revokes::Never, "{kind:?}");
            }
        }
    }

    /// A kind that is named for a revocation has one in its row. Sessions have none: they are read
    /// from the directory at every request.
    #[test]
    fn named_revocations_apply() {
        for kind in EventKind::ALL {
            let name = kind.name();
            let ends =
                ["revoked", "disabled", "deleted", "retired"].iter().any(|end| name.ends_with(end));
            if ends && !name.contains("session") {
                assert!(matches!(kind.revokes(), Revokes::Always(_)), "{name}");
            }
        }
    }

    #[test]
    fn an_event_invalidates_what_its_name_begins_with() {
        for kind in EventKind::ALL {
            let event = sample(*kind, true);
            let key = || ApiKeyId::parse("ak_1234567890123456789012").unwrap();
            let (noun, _) = kind.name().split_once('.').unwrap();
            let expected = match noun {
                "instance" | "tokens" => (Invalidates::Nothing, Effect::None),
                "client" => (Invalidates::Client, Effect::Client(ClientId::parse("a").unwrap())),
                "clients" => (Invalidates::NewClients, Effect::NewClients),
                "api_key" => (Invalidates::ApiKey, Effect::ApiKey(key())),
                "api_keys" => (Invalidates::ApiKeys, Effect::ApiKeys(vec![key()])),
                "user" => {
                    let user = UserId::parse(event.subject()).unwrap();
                    (Invalidates::User, Effect::User(user))
                }
                "api" => (Invalidates::Apis, Effect::Apis),
                "signing_key" => (Invalidates::SigningKeys, Effect::SigningKeys),
                other => panic!("{other} is new: say here what its events invalidate"),
            };
            assert_eq!((kind.invalidates(), recorded(&event).effect()), expected, "{kind:?}");
        }
    }

    /// SEC-10
    #[test]
    fn an_unknown_kind_may_revoke_and_invalidates_everything() {
        for (name, known) in [
            ("client.suspended", "client.disabled"),
            ("tokens.expired", "tokens.revoked"),
            ("x", "instance.initialised"),
            ("", "user.created"),
        ] {
            let known = EventKind::from_name(known).unwrap();
            let unknown = RecordedEvent {
                kind: RecordedKind::from_name(name.to_owned()),
                ..recorded(&sample(known, true))
            };
            assert_eq!(unknown.kind, RecordedKind::Unknown(name.to_owned()));
            assert_eq!(unknown.kind.name(), name);
            assert!(unknown.kind.may_revoke());
            assert_eq!(unknown.effect(), Effect::Everything);
        }
        let disabled = sample(EventKind::ClientDisabled, true);
        let invalid = RecordedEvent { subject: "\n".to_owned(), ..recorded(&disabled) };
        assert_eq!(invalid.effect(), Effect::Everything);
    }
}
