//! The age of the knowledge of revocations, by two clocks: one that does not jump when the date is
//! corrected, and the date, since the former stands still while a machine sleeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::{Clock, Timestamp};

/// The moment as of which all revocations are known. One thread writes it; requests read it without
/// a lock.
pub struct Freshness {
    clock: Arc<dyn Clock>,
    /// A reading of [`Clock::elapsed`] in milliseconds, plus one; 0 before anything is known.
    known_at: AtomicU64,
    /// The same by the date.
    known_on: AtomicI64,
}

/// A moment by both clocks.
#[derive(Debug, Clone, Copy)]
pub struct AsOf {
    elapsed: Duration,
    date: Timestamp,
}

impl AsOf {
    /// The present moment.
    pub fn now(clock: &dyn Clock) -> Self {
        Self { elapsed: clock.elapsed(), date: clock.now() }
    }

    /// The moment `age` earlier.
    pub fn minus(self, age: Duration) -> Self {
        Self { elapsed: self.elapsed.saturating_sub(age), date: self.date.minus(age) }
    }
}

impl Freshness {
    /// No knowledge yet.
    pub const fn unknown(clock: Arc<dyn Clock>) -> Self {
        Self { clock, known_at: AtomicU64::new(0), known_on: AtomicI64::new(0) }
    }

    /// The age of the knowledge: [`Duration::MAX`] before there is any. Of the two ages it is the
    /// greater, which between the two writes of the thread is that of the older knowledge.
    pub fn age(&self) -> Duration {
        let Some(known_at) = self.known_at.load(Ordering::Acquire).checked_sub(1) else {
            return Duration::MAX;
        };
        let known_on = Timestamp::from_millis(self.known_on.load(Ordering::Acquire));
        let age = self.clock.elapsed().saturating_sub(Duration::from_millis(known_at));
        age.max(self.clock.now().since(known_on))
    }

    /// The date as of which all is known; nothing before there is any knowledge.
    pub fn known_on(&self) -> Option<Timestamp> {
        let known_on = self.known_on.load(Ordering::Acquire);
        let is_known = self.known_at.load(Ordering::Acquire) > 0;
        is_known.then(|| Timestamp::from_millis(known_on))
    }

    /// Records that all is known as of this moment.
    pub fn set(&self, as_of: AsOf) {
        let known_at = u64::try_from(as_of.elapsed.as_millis()).unwrap_or(u64::MAX - 1);
        self.known_on.store(as_of.date.as_millis(), Ordering::Release);
        self.known_at.store(known_at.saturating_add(1), Ordering::Release);
    }
}
