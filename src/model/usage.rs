//! Usage counts per client, API key and hour. Counts are not changes: they have no event, and a
//! crash can lose the last few seconds.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use super::named::named;
use crate::clock::Timestamp;

/// An hour of Unix time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hour(i64);

const LENGTH: i64 = 60 * 60;

impl Hour {
    /// The hour that a moment is in.
    #[must_use]
    pub const fn of(at: Timestamp) -> Self {
        Self(at.as_secs().div_euclid(LENGTH))
    }

    /// An hour from the store.
    #[must_use]
    pub const fn new(hour: i64) -> Self {
        Self(hour)
    }

    /// For the store: hours since the epoch.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Its first moment.
    #[must_use]
    pub const fn begins(self) -> Timestamp {
        Timestamp::from_secs(self.0.saturating_mul(LENGTH))
    }

    /// The whole seconds from `now` until the next hour, at least one.
    #[must_use]
    pub fn secs_left(self, now: Timestamp) -> u64 {
        let next = Self(self.0.saturating_add(1)).begins();
        next.since(now).as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX).max(1)
    }
}

/// An outcome that is counted.
pub trait Countable: Copy + Ord + fmt::Debug + 'static {
    /// The counts of all outcomes: an array as long as [`Countable::ALL`].
    type Counts: AsRef<[u32]> + AsMut<[u32]> + Copy + Eq + Default;

    /// All outcomes, in order.
    const ALL: &'static [Self];

    /// The name for programs and the store.
    fn name(self) -> &'static str;

    /// The index in [`Countable::ALL`].
    fn place(self) -> usize;
}

named! {
    /// The outcome of a token request.
    #[derive(PartialOrd, Ord)]
    pub enum Outcome: "an outcome is" {
        /// A token was issued.
        Token = "token",
        /// None of the client's secrets was presented.
        WrongSecret = "wrong_secret",
        /// The secret has expired.
        ExpiredSecret = "expired_secret",
        /// The client is disabled.
        Disabled = "disabled",
        /// The request was malformed.
        InvalidRequest = "invalid_request",
        /// The scope is not allowed for the client or the resource.
        InvalidScope = "invalid_scope",
        /// The resource is unknown, or not allowed for the client.
        InvalidTarget = "invalid_target",
        /// The grant type is not allowed for the client.
        UnauthorizedClient = "unauthorized_client",
        /// The client has reached its limit of tokens per hour.
        OverLimit = "over_limit",
        /// The server failed.
        Failed = "failed",
    }
}

impl Countable for Outcome {
    type Counts = [u32; Self::ALL.len()];

    const ALL: &'static [Self] = &Self::ALL;

    fn name(self) -> &'static str {
        self.name()
    }

    fn place(self) -> usize {
        self as usize
    }
}

named! {
    /// The outcome of a request with a known API key.
    #[derive(PartialOrd, Ord)]
    pub enum KeyOutcome: "an outcome is" {
        /// The request was accepted.
        Used = "used",
        /// The key has expired.
        Expired = "expired",
        /// The key, or its owner, is disabled.
        Disabled = "disabled",
        /// The key is for another environment.
        OtherEnvironment = "other_environment",
        /// The address is not allowed.
        OtherAddress = "other_address",
        /// The API is not allowed.
        OtherResource = "other_resource",
        /// A scope is missing.
        MissingScope = "missing_scope",
        /// The key has reached its rate limit.
        OverLimit = "over_limit",
    }
}

impl Countable for KeyOutcome {
    type Counts = [u32; Self::ALL.len()];

    const ALL: &'static [Self] = &Self::ALL;

    fn name(self) -> &'static str {
        self.name()
    }

    fn place(self) -> usize {
        self as usize
    }
}

/// Counts by outcome.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Tally<O: Countable>(O::Counts);

impl<O: Countable> Default for Tally<O> {
    fn default() -> Self {
        Self(O::Counts::default())
    }
}

impl<O: Countable> Tally<O> {
    /// Counts one.
    pub fn count(&mut self, outcome: O) {
        self.add(outcome, 1);
    }

    /// Counts several.
    pub fn add(&mut self, outcome: O, times: u32) {
        if let Some(own) = self.0.as_mut().get_mut(outcome.place()) {
            *own = own.saturating_add(times);
        }
    }

    /// The count of an outcome.
    #[must_use]
    pub fn get(&self, outcome: O) -> u32 {
        self.0.as_ref().get(outcome.place()).copied().unwrap_or_default()
    }

    /// `true` if all counts are zero.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0 == O::Counts::default()
    }

    /// The outcomes with a count above zero.
    pub fn iter(&self) -> impl Iterator<Item = (O, u32)> + '_ {
        O::ALL.iter().copied().zip(self.0.as_ref().iter().copied()).filter(|(_, times)| *times > 0)
    }

    /// Adds other counts.
    pub fn merge(&mut self, other: &Self) {
        for (outcome, times) in other.iter() {
            self.add(outcome, times);
        }
    }
}

impl<O: Countable> fmt::Debug for Tally<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(outcome, times)| (outcome.name(), times))).finish()
    }
}

/// The last accepted use of a credential, from any address or from a given one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastUse {
    /// The time.
    pub at: Timestamp,
    /// The address, if known.
    pub from: Option<IpAddr>,
}

/// The usage of a client in an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HourOfUse {
    /// The id of the client, which may have been deleted.
    pub client: String,
    /// The hour.
    pub hour: Hour,
    /// The counts by outcome name; a newer release may have added names.
    pub outcomes: Vec<(String, i64)>,
}

/// The usage of an API key in an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HourOfKeyUse {
    /// The hour.
    pub hour: Hour,
    /// The counts by outcome name; a newer release may have added names.
    pub outcomes: Vec<(String, i64)>,
}

/// The highest hourly limit; a higher one would not limit.
pub const MAX_LIMIT: u64 = 1_000_000_000;

/// The maximum number of stored addresses per secret. A new one replaces the oldest.
pub const MAX_ADDRESSES: i64 = 16;

/// The maximum delay until a use is visible, unless a node cannot reach the store: nodes flush
/// every five seconds, and a flush takes a moment.
pub const KNOWN_AFTER: Duration = Duration::from_secs(10);

/// The retention of counts. The last use of a secret is stored as long as the secret.
pub const KEPT_FOR: Duration = Duration::from_hours(24 * 35);

#[cfg(test)]
mod tests {
    use super::{Countable, Hour, KeyOutcome, Outcome, Tally};
    use crate::clock::Timestamp;

    #[test]
    fn an_hour_has_its_seconds() {
        let at = Timestamp::from_millis;
        let hour = Hour::of(at(7_200_000));
        assert_eq!((hour, hour.begins()), (Hour::new(2), at(7_200_000)));
        assert_eq!(Hour::of(at(10_799_999)), hour);
        assert_eq!(Hour::of(at(-1)), Hour::new(-1));
        for (now, left) in [(7_200_000, 3600), (7_200_001, 3600), (10_799_000, 1), (10_799_999, 1)]
        {
            assert_eq!(hour.secs_left(at(now)), left, "{now}");
        }
    }

    #[test]
    fn every_outcome_has_its_place() {
        has_places::<Outcome>();
        has_places::<KeyOutcome>();
    }

    fn has_places<O: Countable>() {
        assert_eq!(O::Counts::default().as_ref().len(), O::ALL.len());
        for (place, outcome) in O::ALL.iter().copied().enumerate() {
            assert_eq!(outcome.place(), place);
            let mut tally = Tally::default();
            tally.count(outcome);
            assert_eq!(tally.iter().collect::<Vec<_>>(), [(outcome, 1)]);
        }
    }
}
