//! The schedule of signing keys: when each signs and how long it is published, `next → active →
//! retiring → gone`.
//!
//! The keys of one algorithm follow each other without a gap: each term begins where the previous
//! one ends, and the last has no end yet. States follow from these times and the clock, so that a
//! transition writes nothing and all nodes agree.

use std::time::Duration;

use super::named::named;
use super::signing_key::SigningAlgorithm;
use crate::clock::Timestamp;

/// The maximum difference between the clocks of two machines: the accepted skew in both directions.
const CLOCKS_APART: Duration = Duration::from_secs(20);

named! {
    /// The state of a signing key.
    #[derive(PartialOrd, Ord)]
    pub enum KeyState: "the state of a signing key is" {
        /// It signs.
        Active = "active",
        /// It no longer signs, and is published until its last token expires.
        Retiring = "retiring",
        /// It is published, so that verifiers know it before it signs.
        Next = "next",
        /// It is no longer published.
        Gone = "gone",
    }
}

/// The term of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// The start of signing.
    pub signs_from: Timestamp,
    /// The end of signing, when the next key starts; `None` while there is no next key.
    pub signs_until: Option<Timestamp>,
    /// The longest lifetime of a token that it may have signed.
    pub longest_ttl: Duration,
    /// The time when it was revoked, with every token it signed.
    pub taken_back_at: Option<Timestamp>,
}

impl Term {
    /// The term of a new key that signs from `signs_from`.
    #[must_use]
    pub const fn from(signs_from: Timestamp) -> Self {
        Self { signs_from, signs_until: None, longest_ttl: Duration::ZERO, taken_back_at: None }
    }

    /// The state of the key at `now`.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> KeyState {
        let has_come = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        if self.taken_back_at.is_some() || has_come(self.published_until()) {
            KeyState::Gone
        } else if has_come(self.signs_until) {
            KeyState::Retiring
        } else if self.signs_from > now {
            KeyState::Next
        } else {
            KeyState::Active
        }
    }

    /// The time when its last token has expired by every accepted clock; `None` while there is no
    /// next key.
    #[must_use]
    pub fn published_until(&self) -> Option<Timestamp> {
        let last_token = |until: Timestamp| until.plus(self.longest_ttl).plus(CLOCKS_APART);
        self.taken_back_at.or_else(|| self.signs_until.map(last_token))
    }

    const fn is_last(&self) -> bool {
        self.signs_until.is_none() && self.taken_back_at.is_none()
    }
}

/// A key with its term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledKey {
    /// The id.
    pub kid: String,
    /// The algorithm.
    pub algorithm: SigningAlgorithm,
    /// The term.
    pub term: Term,
}

/// A step in the schedule of an algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// Ensures that there is a key.
    Ensure,
    /// Creates the next key, published for this time before it signs.
    Rotate {
        /// The time of publication before signing.
        ahead: Duration,
    },
    /// Makes the waiting key sign now; a new one if none is waiting.
    RotateNow,
    /// Imports the next key, instead of a waiting one.
    Import {
        /// The time of publication before signing.
        ahead: Duration,
    },
    /// Revokes a key now, with every token it signed.
    TakeBack {
        /// The key id.
        kid: &'a str,
        /// `true` if a new key replaces it when none is waiting.
        followed: bool,
    },
}

/// The result of a step.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// The start of signing of a new key; `None` if none is needed.
    pub new_signs_from: Option<Timestamp>,
    /// The keys with their new terms, in an order in which never two have no end.
    pub changed: Vec<(ScheduledKey, Term)>,
}

/// The reason why there is nothing to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NothingToDo {
    /// A key is already waiting.
    #[error(
        "the next key, {kid}, is already published and waiting to sign; `signing-key rotate --now` makes it sign immediately"
    )]
    Waiting {
        /// The key id.
        kid: String,
    },
    /// A key exists.
    #[error("a key for this algorithm already exists")]
    Present,
    /// The key does not exist.
    #[error("unknown key")]
    Unknown,
    /// The key is already gone.
    #[error("the key has already been removed")]
    Gone,
}

/// Plans `step` at `now` for `keys`, all keys of one algorithm.
///
/// # Errors
/// If there is nothing to do, with the reason.
pub fn plan(keys: &[ScheduledKey], step: Step<'_>, now: Timestamp) -> Result<Plan, NothingToDo> {
    let last = keys.iter().find(|key| key.term.is_last());
    let waiting = last.filter(|key| key.term.signs_from > now);
    match (step, waiting) {
        (Step::TakeBack { kid, followed }, _) => {
            let key = keys.iter().find(|key| key.kid == kid).ok_or(NothingToDo::Unknown)?;
            let mut plan = take_back(keys, key, waiting, now)?;
            plan.new_signs_from = plan.new_signs_from.filter(|_| followed);
            Ok(plan)
        }
        (Step::Ensure, _) if last.is_some() => Err(NothingToDo::Present),
        (Step::Rotate { .. }, Some(waiting)) => {
            Err(NothingToDo::Waiting { kid: waiting.kid.clone() })
        }
        (Step::RotateNow, Some(waiting)) => {
            let moved = (waiting.clone(), Term { signs_from: now, ..waiting.term });
            let changed = before(keys, waiting)
                .map(|key| end(key, Some(now)))
                .into_iter()
                .chain([moved])
                .collect();
            Ok(Plan { new_signs_from: None, changed })
        }
        (Step::Import { ahead }, Some(waiting)) => {
            let at = now.plus(ahead);
            let ended = before(keys, waiting).map(|key| end(key, Some(at)));
            let changed = [taken_back(waiting, now)].into_iter().chain(ended).collect();
            Ok(Plan { new_signs_from: Some(at), changed })
        }
        (step, _) => {
            let ahead = match step {
                Step::Rotate { ahead } | Step::Import { ahead } if last.is_some() => ahead,
                // No other key signs in between.
                _ => Duration::ZERO,
            };
            let at = now.plus(ahead);
            let changed = last.map(|key| end(key, Some(at))).into_iter().collect();
            Ok(Plan { new_signs_from: Some(at), changed })
        }
    }
}

fn take_back(
    keys: &[ScheduledKey],
    key: &ScheduledKey,
    waiting: Option<&ScheduledKey>,
    now: Timestamp,
) -> Result<Plan, NothingToDo> {
    let mut plan = Plan { new_signs_from: None, changed: vec![taken_back(key, now)] };
    match key.term.state(now) {
        KeyState::Gone => return Err(NothingToDo::Gone),
        KeyState::Retiring => {}
        KeyState::Next => match before(keys, key) {
            Some(before) => plan.changed.push(end(before, None)),
            None => plan.new_signs_from = Some(now),
        },
        KeyState::Active => match waiting {
            Some(waiting) => {
                plan.changed.push((waiting.clone(), Term { signs_from: now, ..waiting.term }));
            }
            None => plan.new_signs_from = Some(now),
        },
    }
    Ok(plan)
}

/// The key before `next`.
fn before<'a>(keys: &'a [ScheduledKey], next: &ScheduledKey) -> Option<&'a ScheduledKey> {
    let is_before = |key: &&ScheduledKey| {
        key.kid != next.kid
            && key.term.taken_back_at.is_none()
            && key.term.signs_until == Some(next.term.signs_from)
    };
    keys.iter().find(is_before)
}

fn end(key: &ScheduledKey, signs_until: Option<Timestamp>) -> (ScheduledKey, Term) {
    (key.clone(), Term { signs_until, ..key.term })
}

fn taken_back(key: &ScheduledKey, now: Timestamp) -> (ScheduledKey, Term) {
    let signs_until = Some(key.term.signs_until.map_or(now, |until| until.min(now)));
    (key.clone(), Term { signs_until, taken_back_at: Some(now), ..key.term })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{KeyState, NothingToDo, ScheduledKey, Step, Term, plan};
    use crate::clock::Timestamp;
    use crate::model::signing_key::SigningAlgorithm;

    const TTL: Duration = Duration::from_hours(1);

    /// The keys of one algorithm, as in the store.
    #[derive(Default)]
    struct Keys {
        keys: Vec<ScheduledKey>,
        made: usize,
    }

    impl Keys {
        fn take(&mut self, step: Step<'_>, now: Timestamp) -> Result<(), NothingToDo> {
            let plan = plan(&self.keys, step, now)?;
            for (before, term) in plan.changed {
                let key = self.keys.iter_mut().find(|key| **key == before).unwrap();
                key.term = term;
                let open = self.keys.iter().filter(|key| key.term.signs_until.is_none()).count();
                assert!(open <= 1, "two keys without an end");
            }
            if let Some(signs_from) = plan.new_signs_from {
                self.made += 1;
                let term = Term { longest_ttl: TTL, ..Term::from(signs_from) };
                let kid = format!("k{}", self.made);
                self.keys.push(ScheduledKey { kid, algorithm: SigningAlgorithm::Es256, term });
            }
            Ok(())
        }

        fn in_state(&self, state: KeyState, now: Timestamp) -> Vec<&str> {
            self.keys
                .iter()
                .filter(|key| key.term.state(now) == state)
                .map(|key| key.kid.as_str())
                .collect()
        }
    }

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_secs(1_000_000).plus(Duration::from_secs(secs))
    }

    #[test]
    fn a_key_goes_from_next_to_gone() {
        let mut keys = Keys::default();
        keys.take(Step::Ensure, at(0)).unwrap();
        assert_eq!(keys.in_state(KeyState::Active, at(0)), ["k1"]);
        assert_eq!(keys.take(Step::Ensure, at(1)), Err(NothingToDo::Present));
        let rotate = Step::Rotate { ahead: Duration::from_secs(100) };
        keys.take(rotate, at(0)).unwrap();
        assert!(matches!(keys.take(rotate, at(99)), Err(NothingToDo::Waiting { .. })));
        assert_eq!(keys.in_state(KeyState::Next, at(99)), ["k2"]);
        assert_eq!(keys.in_state(KeyState::Active, at(99)), ["k1"]);
        assert_eq!(keys.in_state(KeyState::Active, at(100)), ["k2"]);
        assert_eq!(keys.in_state(KeyState::Retiring, at(100 + 3619)), ["k1"]);
        assert_eq!(keys.in_state(KeyState::Gone, at(100 + 3620)), ["k1"]);
    }

    #[test]
    fn a_waiting_key_can_be_hurried_replaced_and_revoked() {
        let ahead = Duration::from_secs(100);
        let mut keys = Keys::default();
        keys.take(Step::Ensure, at(0)).unwrap();
        keys.take(Step::Rotate { ahead }, at(1)).unwrap();
        keys.take(Step::RotateNow, at(2)).unwrap();
        assert_eq!(keys.in_state(KeyState::Active, at(2)), ["k2"]);
        keys.take(Step::Rotate { ahead }, at(3)).unwrap();
        keys.take(Step::Import { ahead }, at(4)).unwrap();
        assert_eq!(keys.in_state(KeyState::Gone, at(4)), ["k3"]);
        assert_eq!(keys.in_state(KeyState::Next, at(4)), ["k4"]);
        keys.take(Step::TakeBack { kid: "k4", followed: true }, at(5)).unwrap();
        assert_eq!(keys.in_state(KeyState::Active, at(1000)), ["k2"]);
        keys.take(Step::TakeBack { kid: "k2", followed: true }, at(6)).unwrap();
        assert_eq!(keys.in_state(KeyState::Active, at(6)), ["k5"]);
        assert_eq!(
            keys.take(Step::TakeBack { kid: "k2", followed: true }, at(7)),
            Err(NothingToDo::Gone)
        );
        assert_eq!(
            keys.take(Step::TakeBack { kid: "k9", followed: true }, at(7)),
            Err(NothingToDo::Unknown)
        );
    }

    proptest! {
        /// After any steps exactly one key signs at every moment, and no key vanishes before its
        /// last token expires, unless it was revoked.
        #[test]
        fn one_key_signs_at_every_moment(steps in proptest::collection::vec((0..5_u8, 0..200_u64, 0..300_u64, 0..8_usize), 1..20)) {
            let mut keys = Keys::default();
            let mut now = at(0);
            keys.take(Step::Ensure, now).unwrap();
            for (step, pause, ahead, which) in steps {
                now = now.plus(Duration::from_secs(pause));
                let ahead = Duration::from_secs(ahead);
                let kid = keys.keys.get(which).map(|key| key.kid.clone()).unwrap_or_default();
                let step = match step {
                    0 => Step::Ensure,
                    1 => Step::Rotate { ahead },
                    2 => Step::RotateNow,
                    3 => Step::Import { ahead },
                    _ => Step::TakeBack { kid: &kid, followed: true },
                };
                // Doing nothing is not a failure.
                let _ = keys.take(step, now);
                for later in [0, 1, 50, 150, 299, 300, 1000] {
                    let moment = now.plus(Duration::from_secs(later));
                    prop_assert_eq!(keys.in_state(KeyState::Active, moment).len(), 1, "{:?}", keys.keys);
                }
                for key in &keys.keys {
                    if let (Some(until), None) = (key.term.signs_until, key.term.taken_back_at) {
                        prop_assert!(key.term.published_until() > Some(until.plus(TTL)));
                    }
                }
            }
        }
    }
}
