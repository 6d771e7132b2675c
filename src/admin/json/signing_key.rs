//! Signing keys, without their private part.

use serde::Serialize;

use crate::clock::Timestamp;
use crate::model::key_schedule::ScheduledKey;

/// A signing key with its state.
#[derive(Debug, Serialize)]
pub struct SigningKeyJson<'a> {
    kid: &'a str,
    alg: &'static str,
    state: &'static str,
    signs_from: i64,
    /// Absent while there is no next key.
    signs_until: Option<i64>,
    published_until: Option<i64>,
}

impl<'a> SigningKeyJson<'a> {
    /// The state of a key at `now`.
    #[must_use]
    pub fn at(key: &'a ScheduledKey, now: Timestamp) -> Self {
        Self {
            kid: &key.kid,
            alg: key.algorithm.name(),
            state: key.term.state(now).name(),
            signs_from: key.term.signs_from.as_secs(),
            signs_until: key.term.signs_until.map(Timestamp::as_secs),
            published_until: key.term.published_until().map(Timestamp::as_secs),
        }
    }
}
