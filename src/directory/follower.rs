//! The follower: asks for the events after the last one it applied, ten times a second and whenever this process
//! commits a change, and makes the directory forget what they concern. No notification channel of one engine is
//! needed to know of every change within the second that is promised.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::Directory;
use crate::model::event::EventNumber;
use crate::store::change::Store;
use crate::store::{StoreError, event};

const POLL_EVERY: Duration = Duration::from_millis(100);

/// Events that are read at once.
const PAGE: i64 = 1000;

/// Follows the events of `store` until it is dropped.
pub async fn follow(directory: Arc<Directory>, store: Store) {
    let mut commits = store.commits();
    let mut tick = tokio::time::interval(POLL_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_reachable = true;
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            Ok(()) = commits.changed() => {}
            () = directory.poll_now.notified() => {}
        }
        let polled = poll(&directory).await;
        let was_reachable = std::mem::replace(&mut is_reachable, polled.is_ok());
        match polled {
            Ok(()) if !was_reachable => log::info!("the store is in reach again"),
            // Once, not ten times a second.
            Err(error) if was_reachable => log::error!("cannot follow the events: {error}"),
            Ok(()) | Err(_) => {}
        }
        directory.metrics.follower_lag.set(directory.freshness.age().as_secs_f64());
    }
}

async fn poll(directory: &Directory) -> Result<(), StoreError> {
    loop {
        let applied = directory.applied();
        let events = event::after(&directory.database, applied, PAGE).await?;
        if let (Some(first), Some(last)) = (events.first(), events.last()) {
            if first.number != applied.next() {
                // Events that this node has not seen are gone: it was away for longer than they are kept.
                log::warn!(
                    "events {} to {} are gone; forgetting all that was remembered",
                    applied.next(),
                    first.number
                );
                directory.forget(&crate::model::event::Effect::Everything);
            }
            for event in &events {
                directory.forget(&event.effect());
            }
            advance(directory, last.number);
        }
        if i64::try_from(events.len()).is_ok_and(|length| length < PAGE) {
            directory.freshness.reached_now();
            return Ok(());
        }
    }
}

/// Only after what the events concern was forgotten: a token that says this number must not be made from older knowledge.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; exact up to 2^53 events")]
fn advance(directory: &Directory, number: EventNumber) {
    directory.metrics.applied_event.set(number.get() as f64);
    directory.applied.send_replace(number);
}
