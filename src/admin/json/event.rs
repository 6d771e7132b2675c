//! Events.

use serde::Serialize;
use serde_json::Value;

use crate::model::event::RecordedEvent;

/// An event.
#[derive(Debug, Serialize)]
pub struct EventJson<'a> {
    number: i64,
    at: i64,
    actor: &'a str,
    kind: &'a str,
    subject: &'a str,
    details: Value,
}

impl<'a> From<&'a RecordedEvent> for EventJson<'a> {
    fn from(event: &'a RecordedEvent) -> Self {
        Self {
            number: event.number.get(),
            at: event.at.as_secs(),
            actor: &event.actor,
            kind: event.kind.name(),
            subject: &event.subject,
            details: serde_json::from_str(&event.details).unwrap_or_default(),
        }
    }
}
