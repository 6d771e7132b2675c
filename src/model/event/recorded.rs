//! An event as it is stored in the log, and what a node that follows the log does about it.

use serde_json::Value;

use super::kind::{EventKind, Invalidates, Revokes};
use super::number::EventNumber;
use super::{Actor, Event};
use crate::clock::Timestamp;
use crate::model::api_key::ApiKeyId;
use crate::model::client::ClientId;
use crate::model::user::UserId;

/// An event as it is stored in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedEvent {
    /// Its number.
    pub number: EventNumber,
    /// The time of the change, by the clock of the node that made it.
    pub at: Timestamp,
    /// The author of the change.
    pub actor: String,
    /// The kind of the change.
    pub kind: RecordedKind,
    /// The id of the changed object.
    pub subject: String,
    /// A JSON object.
    pub details: String,
    /// The authentication code over this event and the one before.
    pub mac: String,
}

/// The kind of a recorded event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordedKind {
    /// A kind of this release.
    Known(EventKind),
    /// The name of a kind that only newer releases know.
    Unknown(String),
}

impl RecordedKind {
    /// Parses the name of a kind from the store.
    #[must_use]
    pub fn from_name(name: String) -> Self {
        EventKind::from_name(&name).map_or(Self::Unknown(name), Self::Known)
    }

    /// The name of the kind, as it is stored.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Known(kind) => kind.name(),
            Self::Unknown(name) => name,
        }
    }

    /// `true` if revocations may be stored with an event of this kind. An unknown kind may have
    /// any.
    #[must_use]
    pub fn may_revoke(&self) -> bool {
        match self {
            Self::Known(kind) => kind.revokes() != Revokes::Never,
            Self::Unknown(_) => true,
        }
    }
}

/// The cached entries that an event invalidates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// None.
    None,
    /// This client, or its absence.
    Client(ClientId),
    /// The absences of clients: many were created at once.
    NewClients,
    /// This API key.
    ApiKey(ApiKeyId),
    /// These API keys.
    ApiKeys(Vec<ApiKeyId>),
    /// This user, and the sessions and API keys that were read together with them.
    User(UserId),
    /// The APIs.
    Apis,
    /// The signing keys.
    SigningKeys,
    /// All of them, the known revocations included: the kind of the event is unknown, or its
    /// subject invalid.
    Everything,
}

impl RecordedEvent {
    /// The record of `event`, still without its authentication code.
    #[must_use]
    pub fn new(number: EventNumber, at: Timestamp, actor: &Actor, event: &Event) -> Self {
        Self {
            number,
            at,
            actor: actor.to_string(),
            kind: RecordedKind::Known(event.kind()),
            subject: event.subject().to_owned(),
            details: event.details().to_string(),
            mac: String::new(),
        }
    }

    /// The cached entries that this event invalidates.
    #[must_use]
    pub fn effect(&self) -> Effect {
        let RecordedKind::Known(kind) = self.kind else { return Effect::Everything };
        let effect = match kind.invalidates() {
            Invalidates::Nothing => Some(Effect::None),
            Invalidates::Client => ClientId::parse(&self.subject).ok().map(Effect::Client),
            Invalidates::NewClients => Some(Effect::NewClients),
            Invalidates::ApiKey => ApiKeyId::parse(&self.subject).ok().map(Effect::ApiKey),
            Invalidates::ApiKeys => self.listed_keys().map(Effect::ApiKeys),
            Invalidates::User => UserId::parse(&self.subject).ok().map(Effect::User),
            Invalidates::Apis => Some(Effect::Apis),
            Invalidates::SigningKeys => Some(Effect::SigningKeys),
        };
        effect.unwrap_or(Effect::Everything)
    }

    /// The API keys that the details list.
    fn listed_keys(&self) -> Option<Vec<ApiKeyId>> {
        let details: Value = serde_json::from_str(&self.details).ok()?;
        let key = |id: &Value| ApiKeyId::parse(id.as_str()?).ok();
        details.get("keys")?.as_array()?.iter().map(key).collect()
    }
}
