//! Reads and checks the event log.

use super::{Admin, AdminError};
use crate::model::event::{EventNumber, RecordedEvent};
use crate::store::event;
pub use crate::store::event::Filter;

/// A part of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// The events after a number, in order.
    After(EventNumber),
    /// The events before a number, or at the end of the log, newest first.
    Before(Option<EventNumber>),
    /// The end of the log, in order.
    Last,
}

/// Up to `limit` events.
///
/// # Errors
/// If the store fails.
pub async fn page(
    admin: &Admin,
    asked: Asked,
    limit: i64,
    filter: &Filter,
) -> Result<Vec<RecordedEvent>, AdminError> {
    let database = admin.store.database();
    let end = EventNumber::new(i64::MAX);
    Ok(match asked {
        Asked::After(after) => event::page(database, after, limit, filter).await?,
        Asked::Before(before) => {
            event::page_back(database, before.unwrap_or(end), limit, filter).await?
        }
        Asked::Last => {
            let mut events = event::page_back(database, end, limit, filter).await?;
            events.reverse();
            events
        }
    })
}

/// The number of the last event.
///
/// # Errors
/// If the store fails.
pub async fn last_number(admin: &Admin) -> Result<EventNumber, AdminError> {
    Ok(event::head(admin.store.database()).await?.0)
}

/// The result of a check of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogState {
    /// Every event is unchanged, and none is missing.
    Whole {
        /// The number of events.
        events: i64,
    },
    /// The first event that does not follow from the previous one. It or an earlier event was
    /// edited, deleted or written with another key.
    Broken {
        /// Its number.
        at: EventNumber,
    },
}

/// Recomputes the chain of authentication codes over all events.
///
/// # Errors
/// If the store fails.
pub async fn check(admin: &Admin) -> Result<LogState, AdminError> {
    const PAGE: i64 = 1000;
    let database = admin.store.database();
    let key = admin.store.chain_key();
    let (head, head_seal) = event::head(database).await?;
    let (mut last, mut seal) = (EventNumber::default(), String::new());
    // Up to the head at the start of the check: other processes keep writing.
    while last < head {
        let page = event::from(database, last.next(), PAGE).await?;
        for event in page.iter().filter(|event| event.number <= head) {
            if event.number != last.next() || event.mac != key.mac(&seal, event) {
                return Ok(LogState::Broken { at: last.next() });
            }
            last = event.number;
            seal = key.seal(&event.mac);
        }
        if page.first().is_none_or(|first| first.number > head) {
            return Ok(LogState::Broken { at: last.next() });
        }
    }
    // A database with keys has the event that created them.
    if head == EventNumber::default() || seal != head_seal {
        return Ok(LogState::Broken { at: head.next() });
    }
    Ok(LogState::Whole { events: head.get() })
}
