//! The age of what this node knows: the time since the last successful poll of the follower.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::{Clock, Timestamp};

/// The time of the follower's last successful poll. Measured by the clock that does not jump: a
/// corrected date is no outage.
#[derive(Debug)]
pub struct Freshness {
    clock: Arc<dyn Clock>,
    grace: Duration,
    reached_at: AtomicU64,
}

/// The state of a node that follows the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// The node knows every change within the second.
    Current,
    /// The store is unreachable; cached entries are still served.
    Degraded {
        /// The time since which it is unreachable.
        since: Timestamp,
    },
    /// The store has been unreachable for longer than the grace: nothing is served.
    Unavailable {
        /// The time since which it is unreachable.
        since: Timestamp,
    },
}

/// The promised time within which changes are known. A follower whose last success is older lags.
const PROMISE: Duration = Duration::from_secs(1);

impl Freshness {
    pub fn new(grace: Duration, clock: Arc<dyn Clock>) -> Self {
        let reached_at = AtomicU64::new(millis(clock.elapsed()));
        Self { clock, grace, reached_at }
    }

    #[cfg(test)]
    pub fn reached_now(&self) {
        self.reached(self.clock.elapsed());
    }

    /// Notes a successful poll that began at `at`, by the clock that does not jump.
    pub fn reached(&self, at: Duration) {
        self.reached_at.store(millis(at), Ordering::Release);
    }

    pub fn age(&self) -> Duration {
        let reached_at = Duration::from_millis(self.reached_at.load(Ordering::Acquire));
        self.clock.elapsed().saturating_sub(reached_at)
    }

    /// `true` if cached entries may be served. A grace of zero still allows the promised time: a
    /// poll every tenth of a second cannot be younger.
    pub fn is_within_grace(&self) -> bool {
        self.age() <= self.grace.max(PROMISE)
    }

    pub fn health(&self) -> Health {
        let age = self.age();
        let now = self.clock.now().as_millis();
        let since =
            Timestamp::from_millis(now.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(0)));
        if age <= PROMISE {
            Health::Current
        } else if self.is_within_grace() {
            Health::Degraded { since }
        } else {
            Health::Unavailable { since }
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::{Freshness, Health};
    use crate::clock::{Clock, ManualClock, Timestamp};

    #[test]
    fn serves_within_the_grace_and_not_after_it() {
        let clock = ManualClock::starting_at(Timestamp::from_secs(1_000_000));
        let freshness =
            Freshness::new(Duration::from_mins(5), Arc::clone(&clock) as Arc<dyn Clock>);
        let since = clock.now();
        assert_eq!(freshness.health(), Health::Current);
        clock.let_pass(Duration::from_mins(5));
        assert_eq!(freshness.health(), Health::Degraded { since });
        assert!(freshness.is_within_grace());
        clock.let_pass(Duration::from_millis(1));
        assert_eq!(freshness.health(), Health::Unavailable { since });
        freshness.reached_now();
        assert_eq!(freshness.health(), Health::Current);
    }

    #[test]
    fn a_corrected_date_is_no_outage() {
        let clock = ManualClock::starting_at(Timestamp::from_secs(1_000_000));
        let freshness = Freshness::new(Duration::ZERO, Arc::clone(&clock) as Arc<dyn Clock>);
        clock.advance(Duration::from_hours(1));
        assert_eq!(freshness.health(), Health::Current);
    }
}
