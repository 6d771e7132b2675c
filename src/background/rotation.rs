//! Rotates the signing keys: publishes the next key in time, drops expired keys from the ring, and
//! deletes old ones.

use std::sync::Arc;
use std::time::Duration;

use super::tick::{Recurring, ticks};
use crate::admin::{Admin, AdminError, signing_key};
use crate::clock::Timestamp;
use crate::keys::ring::KeyRing;
use crate::model::key_schedule::{KeyState, NothingToDo, Term};
use crate::model::signing_key::SigningAlgorithm;
use crate::store::{StoreError, key};

/// The schedule of signing keys.
#[derive(Debug, Clone, Copy)]
pub struct RotationPolicy {
    /// The time that a key signs; zero for no rotation.
    pub every: Duration,
    /// The time that a key is published before it signs.
    pub ahead: Duration,
}

/// The delay after a failed rotation.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// The period of reading the keys without an event: another node may have recorded a longer token
/// lifetime.
const READ_EVERY: Duration = Duration::from_secs(10);

/// The time that an expired key stays listed, in case a clock is wrong.
const KEEP_GONE: Duration = Duration::from_hours(24 * 7);

/// Rotates the keys until stopped.
pub async fn run(ring: Arc<KeyRing>, admin: Admin, policy: RotationPolicy) {
    let mut tick = ticks();
    let mut not_before = Duration::ZERO;
    let mut read = Recurring::new(READ_EVERY, READ_EVERY);
    let mut clean = Recurring::cleanup();
    loop {
        tick.tick().await;
        let (now, elapsed) = (admin.clock.now(), admin.clock.elapsed());
        if elapsed < not_before {
            continue;
        }
        let database = admin.store.database();
        let recorded = ring.record_ttl(database).await.map_err(AdminError::from);
        if let Err(error) = recorded.and(rotate_due(&ring, &admin, policy, now).await) {
            log::error!("cannot rotate the signing keys: {error}");
            not_before = elapsed.saturating_add(RETRY_AFTER);
        }
        if read.is_due(elapsed)
            && let Err(error) = ring.load(database, now).await
        {
            log::warn!("cannot read the signing keys: {error}");
        }
        if clean.is_due(elapsed)
            && let Err(error) = key::delete_gone(database, now.minus(KEEP_GONE)).await
        {
            log::warn!("cannot delete old signing keys: {error}");
        }
    }
}

/// Publishes the next key of each algorithm where it is due, and drops expired keys.
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
                "created signing key {} for {algorithm}; it signs from {}",
                change.key.kid,
                change.key.term.signs_from.as_secs()
            ),
            // Another node was first; its event will arrive.
            Err(
                AdminError::NothingToDo(NothingToDo::Waiting { .. })
                | AdminError::Store(StoreError::Conflict),
            ) => {}
            // Other algorithms may be due as well.
            Err(error) => failed = Err(error),
        }
    }
    failed?;
    let expired = ring.expire(admin.store.database(), now).await;
    expired.map_err(|error| AdminError::Store(StoreError::Failed(error.to_string())))
}

/// The algorithms whose next key must be published now. Shared secrets are skipped: their verifiers
/// get them by hand.
fn due(ring: &KeyRing, policy: RotationPolicy, now: Timestamp) -> Vec<SigningAlgorithm> {
    if policy.every.is_zero() {
        return Vec::new();
    }
    let ring = ring.current();
    let is_due = |term: &Term| {
        term.signs_until.is_none()
            && term.state(now) == KeyState::Active
            && term.signs_from.plus(policy.every) <= now.plus(policy.ahead)
    };
    ring.schedules()
        .filter(|key| !key.algorithm.is_symmetric() && is_due(&key.term))
        .map(|key| key.algorithm)
        .collect()
}
