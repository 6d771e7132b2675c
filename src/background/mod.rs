//! The tasks beside the requests: the follower, the rotation of signing keys, the clock, what is
//! counted, what was taken back, and what imports left behind. Each runs until it is stopped.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior};

use crate::admin::{Admin, AdminError, client_import, signing_key};
use crate::clock::{Clock, Timestamp};
use crate::directory::{Directory, follower};
use crate::keys::ring::KeyRing;
use crate::model::key_schedule::{KeyState, NothingToDo};
use crate::model::signing_key::SigningAlgorithm;
use crate::model::usage::{self, Hour};
use crate::store::{self, Database, StoreError, key};

/// The tasks of one application.
#[derive(Debug)]
pub struct Background {
    /// Those that hold nothing that would be lost.
    tasks: Vec<JoinHandle<()>>,
    counting: JoinHandle<()>,
    stopping: Arc<Notify>,
}

/// When signing keys follow one another.
#[derive(Debug, Clone, Copy)]
pub struct RotationPolicy {
    /// How long a key signs; for ever with zero.
    pub every: Duration,
    /// How long a key is published before it signs.
    pub ahead: Duration,
}

/// How often it is looked whether a key is due. It is a look into memory.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// After a rotation that failed, how long the next attempt is waited for.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// How often the keys are read again, though no event says so: another node may have recorded that
/// tokens live longer.
const READ_EVERY: Duration = Duration::from_secs(10);

/// How often the store is told what was counted.
pub const FLUSH_EVERY: Duration = Duration::from_secs(5);

/// How often the clock is compared with that of the store.
pub const CLOCK_EVERY: Duration = Duration::from_secs(10);

/// How long the store has to take the last of it when the server stops.
const LAST_FLUSH: Duration = Duration::from_secs(5);

/// How often what is old is deleted.
const CLEAN_EVERY: Duration = Duration::from_hours(1);

/// How long a key that is gone is still listed, and not lost to a clock that is wrong.
const KEEP_GONE: Duration = Duration::from_hours(24 * 7);

impl Background {
    /// Starts all of them. `admin` acts for Mintery itself.
    #[must_use]
    pub fn start(
        directory: Arc<Directory>,
        ring: Arc<KeyRing>,
        admin: Admin,
        policy: RotationPolicy,
    ) -> Self {
        let (stopping, watched) = (Arc::new(Notify::new()), Arc::clone(&directory));
        let counting =
            look_after_usage(Arc::clone(&directory), admin.clone(), Arc::clone(&stopping));
        let following = follower::follow(directory, admin.store.clone());
        let tasks = vec![
            tokio::spawn(following),
            tokio::spawn(look_after_clock(Arc::clone(&watched), Arc::clone(&admin.clock))),
            tokio::spawn(look_after_revocations(watched, admin.clone())),
            tokio::spawn(look_after_imports(admin.clone())),
            tokio::spawn(look_after_keys(ring, admin, policy)),
        ];
        Self { tasks, counting: tokio::spawn(counting), stopping }
    }

    /// Stops them, once the store was told what was counted.
    pub async fn stop(self) {
        for task in &self.tasks {
            task.abort();
        }
        self.stopping.notify_one();
        if tokio::time::timeout(LAST_FLUSH, self.counting).await.is_err() {
            log::error!("the store does not answer: what was counted in the last seconds is lost");
        }
    }
}

/// When a task looks whether there is something to do.
fn looks() -> Interval {
    let mut tick = tokio::time::interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick
}

/// Something that is done again and again.
struct Due {
    /// When the next time is, by the clock that does not jump.
    at: Duration,
    every: Duration,
}

impl Due {
    const fn first(at: Duration, every: Duration) -> Self {
        Self { at, every }
    }

    /// Whether its time has come; the next one is then a period away.
    fn has_come(&mut self, elapsed: Duration) -> bool {
        let has_come = elapsed >= self.at;
        if has_come {
            self.at = elapsed.saturating_add(self.every);
        }
        has_come
    }
}

/// Tells the store every few seconds what was counted, and for the last time when it is stopped;
/// and deletes what is old.
async fn look_after_usage(directory: Arc<Directory>, admin: Admin, stopping: Arc<Notify>) {
    let mut tick = looks();
    let mut flush = Due::first(FLUSH_EVERY, FLUSH_EVERY);
    let mut clean = Due::first(Duration::ZERO, CLEAN_EVERY);
    let mut has_failed = false;
    loop {
        let is_last = tokio::select! {
            _ = tick.tick() => false,
            () = stopping.notified() => true,
        };
        let elapsed = admin.clock.elapsed();
        if flush.has_come(elapsed) || is_last {
            let flushed = directory.flush_usage().await;
            // Once, not every few seconds.
            if let Err(error) = &flushed
                && (!has_failed || is_last)
            {
                log::warn!("cannot tell the store what was counted: {error}");
            }
            has_failed = flushed.is_err();
        }
        if is_last {
            return;
        }
        if clean.has_come(elapsed) {
            match delete_some(admin.store.database(), admin.clock.now()).await {
                // There is more: a little at each look, so that nobody waits for it.
                Ok(true) => clean.at = elapsed,
                Ok(false) => {}
                Err(error) => log::warn!("cannot delete old counts: {error}"),
            }
        }
    }
}

/// Deletes some of what was counted long ago, of the keys that expired long ago, of the requests
/// that may not be sent again any more, and of the sessions that are over; tells whether there may
/// be more.
async fn delete_some(database: &Database, now: Timestamp) -> Result<bool, StoreError> {
    let long_ago = now.minus(usage::KEPT_FOR);
    let deleted = [
        store::usage::delete_some(database, Hour::of(long_ago)).await?,
        // First the keys: their last use goes with them.
        store::api_key::delete_expired(database, long_ago).await?,
        store::api_key_usage::delete_some(database, Hour::of(long_ago)).await?,
        store::idempotency::delete_some(database, now).await?,
        store::session::delete_expired(database, now).await?,
    ];
    Ok(deleted.contains(&true))
}

/// Compares the clock with that of the store now and then: somebody may set it, or it may drift.
async fn look_after_clock(directory: Arc<Directory>, clock: Arc<dyn Clock>) {
    let mut tick = looks();
    let mut look = Due::first(clock.elapsed().saturating_add(CLOCK_EVERY), CLOCK_EVERY);
    loop {
        tick.tick().await;
        if look.has_come(clock.elapsed())
            && let Err(error) = directory.check_clock().await
        {
            log::debug!("cannot ask the store for its time: {error}");
        }
    }
}

/// Forgets what was taken back once it would have expired anyhow, in memory and at rest.
async fn look_after_revocations(directory: Arc<Directory>, admin: Admin) {
    let mut tick = looks();
    let mut clean = Due::first(Duration::ZERO, CLEAN_EVERY);
    loop {
        tick.tick().await;
        directory.clean_revocations();
        let elapsed = admin.clock.elapsed();
        if clean.has_come(elapsed) {
            match store::revocation::delete_some(admin.store.database(), admin.clock.now()).await {
                // There is more: a little at each look, so that nobody waits for it.
                Ok(true) => clean.at = elapsed,
                Ok(false) => {}
                Err(error) => log::warn!("cannot delete old revocations: {error}"),
            }
        }
    }
}

/// Takes away what is left of imports that did not come to their end, so that the ids in them are
/// free again.
async fn look_after_imports(admin: Admin) {
    let mut tick = looks();
    let mut clean = Due::first(Duration::ZERO, CLEAN_EVERY);
    loop {
        tick.tick().await;
        if clean.has_come(admin.clock.elapsed())
            && let Err(error) = client_import::clean_up(&admin, |why| log::info!("{why}")).await
        {
            log::warn!("cannot take away what is left of imports: {error}");
        }
    }
}

async fn look_after_keys(ring: Arc<KeyRing>, admin: Admin, policy: RotationPolicy) {
    let mut tick = looks();
    let mut not_before = Duration::ZERO;
    let mut read = Due::first(READ_EVERY, READ_EVERY);
    let mut clean = Due::first(Duration::ZERO, CLEAN_EVERY);
    loop {
        tick.tick().await;
        let (now, elapsed) = (admin.clock.now(), admin.clock.elapsed());
        if elapsed < not_before {
            continue;
        }
        let database = admin.store.database();
        let recorded = ring.record_ttl(database).await.map_err(AdminError::from);
        if let Err(error) = recorded.and(rotate_due(&ring, &admin, policy, now).await) {
            log::error!("cannot look after the signing keys: {error}");
            not_before = elapsed.saturating_add(RETRY_AFTER);
        }
        if read.has_come(elapsed)
            && let Err(error) = ring.load(database, now).await
        {
            log::warn!("cannot read the signing keys: {error}");
        }
        if clean.has_come(elapsed)
            && let Err(error) = key::delete_gone(database, now.minus(KEEP_GONE)).await
        {
            log::warn!("cannot delete signing keys that are gone: {error}");
        }
    }
}

/// Lets the next key follow where that is due, and leaves out those that are gone.
async fn rotate_due(
    ring: &KeyRing,
    admin: &Admin,
    policy: RotationPolicy,
    now: Timestamp,
) -> Result<(), AdminError> {
    let mut failed = Ok(());
    for algorithm in due(ring, policy, now) {
        match signing_key::rotate(admin, algorithm, Some(policy.ahead)).await {
            Ok(change) => log::info!(
                "signing key {} follows for {algorithm}, from {} on",
                change.key.kid,
                change.key.term.signs_from.as_secs()
            ),
            // Another node was first; its event is on the way here.
            Err(
                AdminError::NothingToDo(NothingToDo::Waiting { .. })
                | AdminError::Store(StoreError::Conflict),
            ) => {}
            // Others may be due as well.
            Err(error) => failed = Err(error),
        }
    }
    failed?;
    let expired = ring.expire(admin.store.database(), now).await;
    expired.map_err(|error| AdminError::Store(StoreError::Failed(error.to_string())))
}

/// The algorithms whose last key has signed for so long that the next one must be published.
/// Secrets are left alone: whoever verifies with one was given it by hand.
fn due(ring: &KeyRing, policy: RotationPolicy, now: Timestamp) -> Vec<SigningAlgorithm> {
    if policy.every.is_zero() {
        return Vec::new();
    }
    let ring = ring.current();
    let is_due = |term: &crate::model::key_schedule::Term| {
        term.signs_until.is_none()
            && term.state(now) == KeyState::Active
            && term.signs_from.plus(policy.every) <= now.plus(policy.ahead)
    };
    ring.schedules()
        .filter(|key| !key.algorithm.is_symmetric() && is_due(&key.term))
        .map(|key| key.algorithm)
        .collect()
}
