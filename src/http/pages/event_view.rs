//! Events as pages show them: in words, with the names of actor and subject.

use serde_json::Value;

use super::display::ShownTime;
use super::failure::Failure;
use super::form::sentence;
use super::links;
use super::party::{self, Party};
use super::visit::Visit;
use crate::admin::event_log::{self, Asked, Filter};
use crate::admin::names::{Named, Names};
use crate::clock::Timestamp;
use crate::model::api_key::KeyOwner;
use crate::model::event::{EventNumber, RecordedEvent};
use crate::model::own_scope::OwnScope;

/// Events on the page of their subject.
const OF_SUBJECT: i64 = 8;

/// Events on the overview.
const LATEST: i64 = 6;

/// An event of a page.
pub struct EventView {
    pub number: EventNumber,
    pub at: ShownTime,
    pub actor: Party,
    /// The kind in words.
    pub action: String,
    pub subject: Party,
    /// `true` if actor and subject are the same.
    pub is_own: bool,
    pub details: Vec<(String, String)>,
}

impl EventView {
    fn new(event: &RecordedEvent, names: &Names, now: Timestamp) -> Self {
        let subject = match party::named_kind(event.kind.name()) {
            Some(kind) => Party::new(kind, &event.subject, names),
            None => Party::unnamed(&event.subject, unnamed_path(event.kind.name(), &event.subject)),
        };
        let mut details = details(&event.details, names, now);
        // The name of the subject is shown already.
        details.retain(|(_, value)| !subject.is_named || *value != subject.label);
        Self {
            number: event.number,
            at: ShownTime::new(event.at, now),
            actor: Party::actor(&event.actor, names),
            action: in_words(event.kind.name()),
            is_own: event.actor.split_once(':').is_some_and(|(_, id)| id == event.subject),
            subject,
            details,
        }
    }

    /// Events with the names of their actors, subjects and owners.
    pub async fn with_names(
        visit: &Visit<'_>,
        events: &[RecordedEvent],
    ) -> Result<Vec<Self>, Failure> {
        let ids = events.iter().flat_map(|event| {
            let subject =
                party::named_kind(event.kind.name()).map(|named| (named, event.subject.clone()));
            [party::named_actor(&event.actor), subject, owner(&event.details)]
        });
        let names = party::visible_names(visit, ids.flatten().collect()).await?;
        Ok(events.iter().map(|event| Self::new(event, &names, visit.visitor.now)).collect())
    }
}

/// The kind in words: `api_key.revoked` is “API key revoked”.
fn in_words(kind: &str) -> String {
    let text = kind.replace(['.', '_'], " ");
    let text = match text.strip_prefix("api") {
        Some(rest) => format!("API{rest}"),
        None => sentence(&text),
    };
    text.replace("initialised", "set up")
}

/// The page of a subject without a name.
fn unnamed_path(kind: &str, subject: &str) -> Option<String> {
    match kind.split_once('.')?.0 {
        "api" => Some(links::api_path(subject, "show")),
        "signing_key" => Some(links::signing_key_path(subject)),
        _ => None,
    }
}

/// The owner in the details of an event.
fn owner(json: &str) -> Option<(Named, String)> {
    let details: Value = serde_json::from_str(json).ok()?;
    KeyOwner::parse(details.get("owner")?.as_str()?).ok().map(|owner| party::named_owner(&owner))
}

/// The details of an event: name and value.
fn details(json: &str, names: &Names, now: Timestamp) -> Vec<(String, String)> {
    let Ok(Value::Object(members)) = serde_json::from_str(json) else { return Vec::new() };
    let in_text = |(name, value): (String, Value)| {
        let text = match (name.as_str(), value) {
            (_, Value::Null | Value::Bool(false)) => return None,
            (_, Value::Bool(true)) => "yes".to_owned(),
            ("expires_at" | "signs_from", Value::Number(secs)) => {
                let secs = secs.as_i64()?;
                ShownTime::new(Timestamp::from_secs(secs), now).date()
            }
            ("owner", Value::String(id)) => {
                let known = KeyOwner::parse(&id).ok().map(|owner| party::named_owner(&owner));
                known
                    .and_then(|(named, id)| names.of(named, &id).map(ToOwned::to_owned))
                    .unwrap_or(id)
            }
            (_, Value::Array(values)) => {
                values.into_iter().map(plain).collect::<Vec<_>>().join(", ")
            }
            (_, value) => plain(value),
        };
        Some((name.replace('_', " "), shortened(&text)))
    };
    members.into_iter().filter_map(in_text).collect()
}

/// A value without quotes.
fn plain(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// The beginning of a long text.
fn shortened(text: &str) -> String {
    const MAX_CHARS: usize = 200;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The last events of a subject; empty for a user who may not see them.
pub async fn events_of(visit: &Visit<'_>, subject: &str) -> Result<Vec<EventView>, Failure> {
    let filter = Filter { subject: Some(subject.to_owned()), ..Filter::default() };
    newest(visit, OF_SUBJECT, &filter).await
}

/// The last events of all subjects; empty for a user who may not see them.
pub async fn latest_events(visit: &Visit<'_>) -> Result<Vec<EventView>, Failure> {
    newest(visit, LATEST, &Filter::default()).await
}

async fn newest(visit: &Visit<'_>, limit: i64, filter: &Filter) -> Result<Vec<EventView>, Failure> {
    if !visit.visitor.may(OwnScope::EventsRead) {
        return Ok(Vec::new());
    }
    let events = event_log::page(&visit.visitor.admin, Asked::Before(None), limit, filter).await?;
    EventView::with_names(visit, &events).await
}

#[cfg(test)]
mod tests {
    use super::{Names, details, in_words};
    use crate::clock::Timestamp;

    #[test]
    fn events_are_shown_in_words() {
        assert_eq!(in_words("api_key.revoked"), "API key revoked");
        assert_eq!(in_words("client.secret_added"), "Client secret added");
        let now = Timestamp::from_secs(1_795_305_600);
        let shown = |json| details(json, &Names::default(), now);
        assert_eq!(shown("{\"secret\":\"cs_1\",\"n\":2}").len(), 2);
        assert!(shown("[").is_empty());
        assert!(shown("{\"second_factor\":null,\"tokens_revoked\":false}").is_empty());
        let expires = ("expires at".to_owned(), "2026-11-22 00:00 UTC".to_owned());
        assert_eq!(shown("{\"expires_at\":1795305600}"), [expires]);
    }
}
