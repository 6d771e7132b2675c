//! Flushes the usage counts to the store, and deletes what expired.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::tick::{Recurring, ticks};
use crate::admin::Admin;
use crate::clock::Timestamp;
use crate::directory::Directory;
use crate::model::usage::{self, Hour};
use crate::store::{self, Database, StoreError};

/// The period of flushes.
pub const FLUSH_EVERY: Duration = Duration::from_secs(5);

/// Flushes every few seconds, and once more at the stop.
pub async fn run(directory: Arc<Directory>, admin: Admin, stopping: Arc<Notify>) {
    let mut tick = ticks();
    let mut flush = Recurring::new(FLUSH_EVERY, FLUSH_EVERY);
    let mut clean = Recurring::cleanup();
    let mut has_failed = false;
    loop {
        let is_last = tokio::select! {
            _ = tick.tick() => false,
            () = stopping.notified() => true,
        };
        let elapsed = admin.clock.elapsed();
        if flush.is_due(elapsed) || is_last {
            let flushed = directory.flush_usage().await;
            // Log the first failure of a series, and the last flush.
            if let Err(error) = &flushed
                && (!has_failed || is_last)
            {
                log::warn!("cannot flush the usage counts: {error}");
            }
            has_failed = flushed.is_err();
        }
        if is_last {
            return;
        }
        if clean.is_due(elapsed) {
            match delete_some(admin.store.database(), admin.clock.now()).await {
                // A small batch per tick, so that no request waits for the cleanup.
                Ok(true) => clean.repeat_at(elapsed),
                Ok(false) => {}
                Err(error) => log::warn!("cannot delete old counts: {error}"),
            }
        }
    }
}

/// Deletes a batch of old counts, expired keys, expired idempotency records and ended sessions;
/// returns true if there may be more.
async fn delete_some(database: &Database, now: Timestamp) -> Result<bool, StoreError> {
    let long_ago = now.minus(usage::KEPT_FOR);
    let deleted = [
        store::usage::delete_some(database, Hour::of(long_ago)).await?,
        // The keys come first: their last use goes with them.
        store::api_key::delete_expired(database, long_ago).await?,
        store::api_key_usage::delete_some(database, Hour::of(long_ago)).await?,
        store::idempotency::delete_some(database, now).await?,
        store::session::delete_expired(database, now).await?,
    ];
    Ok(deleted.contains(&true))
}
