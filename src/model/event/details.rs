//! The details of events: JSON for the log, without secrets.

use serde_json::{Value, json};

use super::{Event, RevokedToken};
use crate::model::api_key::ApiKeyId;
use crate::model::leak::Leak;
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;
use crate::model::session::SessionId;
use crate::model::user::{Role, Username};

/// The kind of code that a user logged in with besides the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeKind {
    /// A code of an authenticator app.
    Totp,
    /// A recovery code.
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

/// The permissions of a user after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPermissions {
    /// The role.
    pub role: Role,
    /// The scopes that the user holds at APIs.
    pub scopes: ScopeSet,
    /// The APIs that the user may use besides the default one.
    pub resources: Vec<ResourceUri>,
}

impl UserPermissions {
    fn details(&self, username: &Username) -> Value {
        let resources: Vec<&str> = self.resources.iter().map(ResourceUri::as_str).collect();
        json!({
            "username": username.as_str(), "role": self.role.name(), "scope": self.scopes, "resources": resources
        })
    }
}

impl Event {
    /// The details of the event: a JSON object without secrets.
    #[must_use]
    pub fn details(&self) -> Value {
        match self {
            Self::InstanceInitialised { signing_keys } => json!({ "signing_keys": signing_keys }),
            Self::InstanceDataKeysAdded { purposes } => json!({ "purposes": purposes }),
            Self::ApiKeyCreated { name, owner, environment, .. } => json!({
                "name": name.as_str(), "owner": owner.as_str(), "environment": environment.name()
            }),
            Self::ApiKeyRotated { successor, expires_at, revokes_tokens, .. } => json!({
                "successor": successor.as_str(), "expires_at": expires_at.as_secs(), "tokens_revoked": revokes_tokens
            }),
            Self::ClientUpdated { revokes_tokens, .. }
            | Self::ApiUpdated { revokes_tokens, .. }
            | Self::ApiKeyUpdated { revokes_tokens, .. } => {
                json!({ "tokens_revoked": revokes_tokens })
            }
            Self::ApiKeyLeaked { leak: Leak { owner, place, places, .. }, is_revoked } => json!({
                "owner": owner.as_str(), "url": place.url(), "source": place.source(), "places": places,
                "revoked": is_revoked
            }),
            Self::ApiKeysRevoked { keys } => {
                json!({ "keys": keys.iter().map(ApiKeyId::as_str).collect::<Vec<_>>() })
            }
            Self::UserPasswordSet { kept, .. } => {
                json!({ "kept": kept.as_ref().map(SessionId::as_str) })
            }
            Self::UserSecondFactorConfirmed { kept, .. } => json!({ "kept": kept.as_str() }),
            Self::UserDeleted { username, .. } => json!({ "username": username.as_str() }),
            Self::UserCreated { username, permissions, .. } => permissions.details(username),
            Self::UserUpdated { username, permissions, revokes_tokens, .. } => {
                let mut details = permissions.details(username);
                if let Some(members) = details.as_object_mut() {
                    members.insert("tokens_revoked".to_owned(), json!(revokes_tokens));
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
            | Self::ClientTokensRevoked { .. }
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
}
