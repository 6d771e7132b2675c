//! The usage counts of API keys on this node, in memory until the flush of every few seconds; and
//! the rate limit of keys.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::counters::Counters;
use super::hourly::Hourly;
use super::usage::OverLimit;
use crate::clock::{Clock, Timestamp};
use crate::model::api_key::ApiKeyId;
use crate::model::usage::{KeyOutcome, LastUse};
use crate::store::api_key_usage::CountedKey;

/// The counts of one key.
#[derive(Debug, Default)]
pub struct KeyUsage(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    hours: Hourly<KeyOutcome>,
    last_use: Option<LastUse>,
    /// The end of the time that all requests so far would have taken at an even pace, by the clock
    /// that does not jump.
    spent_until: Duration,
}

/// A rate limit, and a clock that does not jump.
#[derive(Debug, Clone, Copy)]
pub struct Rate<'a> {
    /// The requests per minute, at least one.
    pub per_minute: u32,
    /// The clock.
    pub clock: &'a dyn Clock,
}

const MINUTE: Duration = Duration::from_mins(1);

impl KeyUsage {
    /// Counts a use, unless `rate` is reached.
    ///
    /// # Errors
    /// The rate is reached; that is counted too.
    pub fn spend(
        &self,
        now: Timestamp,
        from: Option<IpAddr>,
        rate: Option<Rate<'_>>,
    ) -> Result<(), OverLimit> {
        let mut counts = self.lock();
        counts.hours.turn_to(now);
        if let Some(Err(over)) = rate.map(|rate| counts.take_one(rate)) {
            counts.hours.count(KeyOutcome::OverLimit);
            return Err(over);
        }
        counts.hours.count(KeyOutcome::Used);
        counts.note(LastUse { at: now, from });
        Ok(())
    }

    /// Counts a refused request.
    pub fn refuse(&self, now: Timestamp, outcome: KeyOutcome) {
        let mut counts = self.lock();
        counts.hours.turn_to(now);
        counts.hours.count(outcome);
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // No code panics while it holds the lock; and counts are counts.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes out the counts to flush.
    fn take(&self, key: &ApiKeyId) -> Option<CountedKey> {
        let mut counts = self.lock();
        let (outcomes, _) = counts.hours.take();
        let last_use = counts.last_use.take();
        drop(counts);
        let is_something = !outcomes.is_empty() || last_use.is_some();
        is_something.then(|| CountedKey { key: key.clone(), outcomes, last_use })
    }

    /// Puts back counts that the store did not get.
    fn put_back(&self, counted: &CountedKey) {
        let mut counts = self.lock();
        for (hour, outcome, times) in &counted.outcomes {
            counts.hours.put_back(*hour, *outcome, *times);
        }
        if let Some(last_use) = counted.last_use {
            counts.note(last_use);
        }
    }
}

impl Counts {
    /// Spends one request. The requests of a minute may come at once; then they have to come
    /// evenly.
    fn take_one(&mut self, rate: Rate<'_>) -> Result<(), OverLimit> {
        let each = MINUTE / rate.per_minute.max(1);
        let now = rate.clock.elapsed();
        let spent_until = self.spent_until.max(now).saturating_add(each);
        let too_early = spent_until.saturating_sub(now.saturating_add(MINUTE));
        if !too_early.is_zero() {
            return Err(OverLimit { retry_after: too_early.as_secs().saturating_add(1) });
        }
        self.spent_until = spent_until;
        Ok(())
    }

    fn note(&mut self, last_use: LastUse) {
        if self.last_use.is_none_or(|known| known.at <= last_use.at) {
            self.last_use = Some(last_use);
        }
    }
}

/// The counts of all cached keys, and of evicted ones until their flush.
pub type KeyUsages = Counters<ApiKeyId, KeyUsage>;

impl KeyUsages {
    /// Takes out the counts to flush, sorted by key.
    pub fn take_all(&self) -> Vec<CountedKey> {
        let mut counted = self.take(|key, usage| usage.take(key));
        counted.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        counted
    }

    /// Puts back counts that the store did not get.
    pub fn put_back(&self, counted: &[CountedKey]) {
        for of_key in counted {
            self.of(&of_key.key).put_back(of_key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{KeyUsages, Rate};
    use crate::clock::{ManualClock, Timestamp};
    use crate::model::api_key::ApiKeyId;
    use crate::model::usage::{Hour, KeyOutcome};
    use crate::random::SystemRandom;

    #[test]
    fn a_minutes_worth_may_come_at_once_and_then_evenly() {
        let (usages, id) = (KeyUsages::default(), ApiKeyId::generate(&SystemRandom));
        let clock = ManualClock::starting_at(Timestamp::from_secs(0));
        let usage = usages.of(&id);
        let spend = || {
            let rate = Rate { per_minute: 6, clock: &*clock };
            usage.spend(Timestamp::from_secs(0), None, Some(rate)).map_err(|over| over.retry_after)
        };
        for _ in 0..6 {
            assert_eq!(spend(), Ok(()));
        }
        assert_eq!(spend(), Err(11));
        clock.let_pass(Duration::from_millis(9_999));
        assert_eq!(spend(), Err(1));
        clock.let_pass(Duration::from_millis(1));
        assert_eq!((spend(), spend()), (Ok(()), Err(11)));
        clock.let_pass(Duration::from_hours(1));
        assert_eq!((0..10).filter(|_| spend().is_ok()).count(), 6);
        let counted = usages.take_all();
        assert_eq!(
            counted[0].outcomes,
            [(Hour::new(0), KeyOutcome::Used, 13), (Hour::new(0), KeyOutcome::OverLimit, 7)]
        );
    }

    #[test]
    fn counts_are_flushed_once() {
        let (usages, id) = (KeyUsages::default(), ApiKeyId::generate(&SystemRandom));
        let usage = usages.of(&id);
        let address = "192.0.2.1".parse().ok();
        usage.spend(Timestamp::from_secs(10), address, None).unwrap();
        usage.refuse(Timestamp::from_secs(20), KeyOutcome::Expired);
        let counted = usages.take_all();
        assert_eq!(counted[0].last_use.unwrap().at, Timestamp::from_secs(10));
        assert!(usages.take_all().is_empty());
        usage.spend(Timestamp::from_secs(30), None, None).unwrap();
        usages.put_back(&counted);
        let again = usages.take_all();
        assert_eq!(
            again[0].outcomes,
            [(Hour::new(0), KeyOutcome::Used, 2), (Hour::new(0), KeyOutcome::Expired, 1)]
        );
        // The later one stays.
        assert_eq!(again[0].last_use.unwrap().at, Timestamp::from_secs(30));
        drop(usage);
        usages.take_all();
        assert!(usages.known(id.as_str()).is_none(), "nobody remembers it");
    }
}
