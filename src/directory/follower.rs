//! The follower: reads the events after the last applied one, ten times a second and whenever this
//! process commits a change, and applies their effects to the directory. That keeps the promise of
//! one second without the notification channel of any engine.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::{Directory, Position};
use crate::model::event::{Effect, EventNumber, RecordedEvent, RecordedKind};
use crate::store::change::Store;
use crate::store::{StoreError, event};

const POLL_EVERY: Duration = Duration::from_millis(100);

/// The maximum number of events per read.
const PAGE: i64 = 1000;

/// Follows the events of `store` after the one that `directory` has applied, until it is dropped.
pub async fn follow(directory: Arc<Directory>, store: Store) {
    // Not known yet: the first poll starts over, on empty caches.
    let mut mac = String::new();
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
        let number = directory.polls.begin();
        let polled = poll(&directory, &store, &mut mac).await;
        directory.polls.end(number, polled.is_ok());
        let was_reachable = std::mem::replace(&mut is_reachable, polled.is_ok());
        match polled {
            Ok(()) if !was_reachable => log::info!("the store is reachable again"),
            // Once, not ten times a second.
            Err(error) if was_reachable => log::error!("cannot read new events: {error}"),
            Ok(()) | Err(_) => {}
        }
        directory.metrics.follower_lag.set(directory.freshness.age().as_secs_f64());
        directory.database.count_connections();
    }
}

/// Applies all events since the last poll. Reads the last applied event again, too: if it is gone
/// or another one, the database is not the one that this node followed.
async fn poll(directory: &Directory, store: &Store, mac: &mut String) -> Result<(), StoreError> {
    // Before the read: the answer lacks what is committed after it was made.
    let mut asked_at;
    loop {
        asked_at = directory.clock.elapsed();
        directory.metrics.follower_lag.set(directory.freshness.age().as_secs_f64());
        let applied = directory.applied();
        let events = event::from(&directory.database, applied, PAGE).await?;
        let Some((_, new)) =
            events.split_first().filter(|(last, _)| last.number == applied && last.mac == *mac)
        else {
            start_over(directory, store, mac).await?;
            break;
        };
        // Events have no gaps: no change wrote an event behind one.
        let expected = std::iter::successors(Some(applied.next()), |number| Some(number.next()));
        let new = new.iter().zip(expected).take_while(|(event, number)| event.number == *number);
        let new: Vec<&RecordedEvent> = new.map(|(event, _)| event).collect();
        let mut revoking =
            new.iter().filter(|event| event.kind.may_revoke()).map(|event| event.number);
        if let Some(first) = revoking.next() {
            directory.learn_revocations(first, revoking.next_back().unwrap_or(first)).await?;
        }
        for event in new {
            let effect = event.effect();
            directory.react(&effect).await?;
            mac.clone_from(&event.mac);
            let position = position(store, event.number, mac);
            if let RecordedKind::Unknown(kind) = &event.kind {
                log::warn!(
                    "event {} has the unknown kind {kind:?} of a newer release: this node reloaded everything; upgrade it",
                    event.number
                );
            }
            if effect == Effect::Everything {
                // It may have revoked tokens in a way that this release does not know.
                directory.recent.begin(position);
            } else {
                directory.recent.advance(position);
            }
            advance(directory, event.number);
        }
        if i64::try_from(events.len()).is_ok_and(|length| length < PAGE)
            || directory.applied() == applied
        {
            break;
        }
    }
    directory.freshness.reached(asked_at);
    Ok(())
}

/// Goes on from the head with empty caches: a backup was restored, a replica that lagged took over,
/// or this node was away for longer than events are kept. Its cached entries may belong to a past
/// that never happened.
async fn start_over(
    directory: &Directory,
    store: &Store,
    mac: &mut String,
) -> Result<(), StoreError> {
    let (head, seal) = event::head(&directory.database).await?;
    if head == directory.applied() && seal == store.chain_key().seal(mac) {
        // It is the same history, from which this event was removed.
        return Ok(());
    }
    let last = event::from(&directory.database, head, 1).await?;
    if !mac.is_empty() {
        log::error!(
            "event {} differs from the event that this node applied; it clears its caches and continues from event {head}. If a backup was restored, rotate and retire the signing keys to revoke the tokens issued after the backup",
            directory.applied()
        );
    }
    directory.react(&Effect::Everything).await?;
    *mac = last.into_iter().next().map(|event| event.mac).unwrap_or_default();
    directory.recent.begin(position(store, head, mac));
    advance(directory, head);
    Ok(())
}

fn position(store: &Store, number: EventNumber, mac: &str) -> Position {
    Position { number, fingerprint: store.chain_key().fingerprint(mac) }
}

/// Called after the effect of the event: a token that says this number must not be issued from
/// older entries.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; exact up to 2^53 events")]
fn advance(directory: &Directory, number: EventNumber) {
    directory.metrics.applied_event.set(number.get() as f64);
    directory.applied.send_replace(number);
}
