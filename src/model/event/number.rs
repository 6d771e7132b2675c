//! Event numbers and fingerprints: what an event is referred to by. This file imports nothing of the
//! model, so that any type of it can hold an event number.

use std::fmt;

/// The number of an event. Numbers have no gaps and grow in the order in which changes were
/// committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct EventNumber(i64);

impl EventNumber {
    /// A number from the store.
    #[must_use]
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// The number, for the store.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The number, for a token id.
    #[must_use]
    pub fn as_u64(self) -> u64 {
        u64::try_from(self.0).unwrap_or(0)
    }

    /// The number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for EventNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The public fingerprint of an event. It differs from those of the events that have the same
/// number in other histories, such as one that goes on from a restored backup.
pub type Fingerprint = [u8; 8];
