//! When a signing key signs, and until when it is published: `next → active → retiring → gone`.
//!
//! The keys of one algorithm follow one another without a gap: where the term of one ends that of
//! the next begins, and the last has no end yet. States follow from these moments and the time, so
//! that nothing has to be written when one becomes another, and all nodes agree.

use std::time::Duration;

use super::named::named;
use super::signing_key::SigningAlgorithm;
use crate::clock::Timestamp;

/// How far the clocks of two machines may be apart: each by the skew that is accepted, in the other
/// direction.
const CLOCKS_APART: Duration = Duration::from_secs(20);

named! {
    /// The state of a signing key.
    #[derive(PartialOrd, Ord)]
    pub enum KeyState: "the state of a signing key is" {
        /// It signs.
        Active = "active",
        /// It signs no more, and is published until the last token that it signed has expired.
        Retiring = "retiring",
        /// It is published, so that verifiers know it before it signs.
        Next = "next",
        /// It is not published any more.
        Gone = "gone",
    }
}

/// The term of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// From this moment on it signs.
    pub signs_from: Timestamp,
    /// From this moment on another one signs; nothing while none follows.
    pub signs_until: Option<Timestamp>,
    /// The longest life of a token that it may have signed.
    pub longest_ttl: Duration,
    /// When it was taken back, with all that it signed.
    pub taken_back_at: Option<Timestamp>,
}

impl Term {
    /// The term of a key that signs from `signs_from` on, and that has signed nothing yet.
    #[must_use]
    pub const fn from(signs_from: Timestamp) -> Self {
        Self { signs_from, signs_until: None, longest_ttl: Duration::ZERO, taken_back_at: None }
    }

    /// What the key is doing at `now`.
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

    /// When the last token that it signed has expired, whatever the clock says that looks; nothing
    /// while none follows.
    #[must_use]
    pub fn published_until(&self) -> Option<Timestamp> {
        let last_token = |until: Timestamp| until.plus(self.longest_ttl).plus(CLOCKS_APART);
        self.taken_back_at.or_else(|| self.signs_until.map(last_token))
    }

    const fn is_last(&self) -> bool {
        self.signs_until.is_none() && self.taken_back_at.is_none()
    }
}

/// A key and its term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledKey {
    /// Its id.
    pub kid: String,
    /// What it is used with.
    pub algorithm: SigningAlgorithm,
    /// Its term.
    pub term: Term,
}

/// What is to be done with the keys of an algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// There is to be a key.
    Ensure,
    /// A new key follows after this time, for which it is published before it signs.
    Rotate {
        /// For how long.
        ahead: Duration,
    },
    /// The key that waits signs at once; where none waits, a new one.
    RotateNow,
    /// A key that was made elsewhere follows after this time, instead of one that waits.
    Import {
        /// For how long it is published before it signs.
        ahead: Duration,
    },
    /// A key is void at once, with all that it signed.
    TakeBack {
        /// Which.
        kid: &'a str,
        /// Whether another takes its place where none waits.
        followed: bool,
    },
}

/// What a step comes to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// From when on a key that is not there yet signs; nothing when none is needed.
    pub new_signs_from: Option<Timestamp>,
    /// The keys whose term changes: what it was, and what it becomes. In an order in which at no
    /// moment two have no end.
    pub changed: Vec<(ScheduledKey, Term)>,
}

/// Why nothing is to be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NothingToDo {
    /// A key waits already.
    #[error(
        "the next key, {kid}, is already published and waiting to sign; `signing-key rotate --now` makes it sign immediately"
    )]
    Waiting {
        /// Which.
        kid: String,
    },
    /// There is a key.
    #[error("a key for this algorithm already exists")]
    Present,
    /// There is no such key.
    #[error("unknown key")]
    Unknown,
    /// It is gone already.
    #[error("the key has already been removed")]
    Gone,
}

/// What `step` comes to at `now`, `keys` being all of one algorithm.
///
/// # Errors
/// When there is nothing to do, with the reason.
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
                // Nobody else signs meanwhile.
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

/// The key that `next` takes over from.
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

    /// The keys of one algorithm, as the store would keep them.
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
    fn a_key_that_waits_can_be_hurried_replaced_and_taken_back() {
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
        /// Whatever is done, exactly one key signs at every moment from then on, and no key vanishes before the last
        /// token that it signed has expired, unless it was taken back.
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
                // That there is nothing to do is no failure.
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
