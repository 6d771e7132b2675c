//! What was taken back lately, in order, and which events this node applied: whoever has followed so far is told the rest
//! from memory, however many they are. Bounded; whoever is further behind is answered from the store.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::model::event::{EventNumber, Fingerprint};
use crate::model::revocation::Revocation;

/// The most events of which it is remembered which they were: 80 kB.
const MAX_EVENTS: usize = 10_000;

/// The most of what was taken back that is remembered: 500 kB.
const MAX_ENTRIES: usize = 10_000;

/// A place in a history: all that happened up to this event, and no other event of that number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The number of the event.
    pub number: EventNumber,
    /// What tells it from events of that number in other histories.
    pub fingerprint: Fingerprint,
}

/// What is known here of a position that somebody names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It is a place in this history.
    Yes,
    /// It is one of another history.
    No,
    /// It is longer ago than is remembered.
    Earlier,
    /// This node has not come so far.
    Later,
}

/// See the head of this file.
#[derive(Debug, Default)]
pub struct Recent {
    state: Mutex<State>,
    /// Raised when something was taken back, and when another history goes on.
    news: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    /// Raised when another history goes on.
    era: u64,
    last: EventNumber,
    /// Of the events up to the last one. Empty before the follower has read that.
    fingerprints: VecDeque<Fingerprint>,
    /// What was taken back after this event is here.
    complete_after: EventNumber,
    entries: VecDeque<Entry>,
}

#[derive(Debug)]
struct Entry {
    /// Who has come so far has been told.
    number: EventNumber,
    revocation: Revocation,
}

impl Recent {
    /// Begins anew at `position`, about which and before which nothing is remembered.
    pub(super) fn begin(&self, position: Position) {
        {
            let mut state = self.state();
            *state = State {
                era: state.era + 1,
                last: position.number,
                fingerprints: VecDeque::from([position.fingerprint]),
                complete_after: position.number,
                entries: VecDeque::new(),
            };
        }
        self.tell();
    }

    /// Remembers what was taken back by event `number` or a later one, before that is applied.
    pub(super) fn add(&self, number: EventNumber, revocations: &[Revocation]) {
        let mut state = self.state();
        state.entries.extend(revocations.iter().map(|revocation| Entry { number, revocation: *revocation }));
        while state.entries.len() > MAX_ENTRIES
            && let Some(forgotten) = state.entries.pop_front()
        {
            state.complete_after = state.complete_after.max(forgotten.number);
        }
    }

    /// Notes that the event at `position` was applied.
    pub(super) fn advance(&self, position: Position) {
        let is_news = {
            let mut state = self.state();
            state.last = position.number;
            state.fingerprints.push_back(position.fingerprint);
            if state.fingerprints.len() > MAX_EVENTS {
                state.fingerprints.pop_front();
            }
            state.entries.back().is_some_and(|entry| entry.number == position.number)
        };
        if is_news {
            self.tell();
        }
    }

    /// The history that goes on: another number is another history.
    #[must_use]
    pub fn era(&self) -> u64 {
        self.state().era
    }

    /// How far this node has come; nothing before the follower has looked.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.state().position()
    }

    /// Whether `position` is a place in this history, as far as that is remembered.
    #[must_use]
    pub fn knows(&self, position: Position) -> Known {
        let state = self.state();
        if position.number > state.last || state.fingerprints.is_empty() {
            return Known::Later;
        }
        let back = usize::try_from(state.last.get().saturating_sub(position.number.get())).ok();
        let index = back.and_then(|back| state.fingerprints.len().checked_sub(back + 1));
        match index.and_then(|index| state.fingerprints.get(index)) {
            Some(own) if *own == position.fingerprint => Known::Yes,
            Some(_) => Known::No,
            None => Known::Earlier,
        }
    }

    /// What was taken back after event `number`, and how far this node has come; nothing when that is not remembered.
    #[must_use]
    pub fn since(&self, number: EventNumber) -> Option<(Vec<Revocation>, Position)> {
        let state = self.state();
        if number < state.complete_after {
            return None;
        }
        // Those behind the last event are about to be applied.
        let newest = state.entries.iter().rev().skip_while(|entry| entry.number > state.last);
        let new = newest.take_while(|entry| entry.number > number);
        Some((new.map(|entry| entry.revocation).collect(), state.position()?))
    }

    /// Changes whenever something was taken back, and when another history goes on.
    #[must_use]
    pub fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    fn tell(&self) {
        self.news.send_modify(|version| *version += 1);
    }

    /// The state stays consistent at every step, so a panic while it is held does no harm.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn position(&self) -> Option<Position> {
        let fingerprint = *self.fingerprints.back()?;
        Some(Position { number: self.last, fingerprint })
    }
}

#[cfg(test)]
mod tests {
    use super::{Known, MAX_ENTRIES, MAX_EVENTS, Position, Recent};
    use crate::clock::Timestamp;
    use crate::model::event::EventNumber;
    use crate::model::revocation::{Kind, Mark, Revocation};

    fn position(number: i64) -> Position {
        Position { number: EventNumber::new(number), fingerprint: number.to_be_bytes() }
    }

    fn revocation(name: &str, number: u64) -> Revocation {
        Revocation { mark: Mark::of(Kind::Client, name), number, until: Timestamp::from_secs(1) }
    }

    fn since(recent: &Recent, number: i64) -> Option<Vec<u64>> {
        let (new, _) = recent.since(EventNumber::new(number))?;
        Some(new.iter().map(|revocation| revocation.number).collect())
    }

    #[test]
    fn what_is_not_applied_yet_is_not_told() {
        let recent = Recent::default();
        assert_eq!((recent.position(), recent.knows(position(0))), (None, Known::Later));
        recent.begin(position(5));
        let mut news = recent.news();
        assert_eq!((since(&recent, 4), since(&recent, 5)), (None, Some(vec![])));
        recent.add(EventNumber::new(7), &[revocation("a", 7), revocation("b", 8)]);
        assert_eq!(since(&recent, 5), Some(vec![]));
        recent.advance(position(6));
        assert!(!news.has_changed().unwrap());
        assert_eq!(since(&recent, 5), Some(vec![]));
        recent.advance(position(7));
        assert!(news.has_changed().unwrap());
        news.mark_unchanged();
        assert_eq!((since(&recent, 6), since(&recent, 7)), (Some(vec![8, 7]), Some(vec![])));
        recent.advance(position(8));
        assert!(!news.has_changed().unwrap());
        assert_eq!(recent.position(), Some(position(8)));
    }

    #[test]
    fn a_position_is_known_for_what_it_is() {
        let recent = Recent::default();
        recent.begin(position(5));
        recent.advance(position(6));
        assert_eq!([4, 5, 6, 7].map(|number| recent.knows(position(number))), {
            [Known::Earlier, Known::Yes, Known::Yes, Known::Later]
        });
        let other = Position { fingerprint: [0; 8], ..position(6) };
        assert_eq!(recent.knows(other), Known::No);
        let (era, news) = (recent.era(), recent.news());
        recent.begin(position(3));
        assert!(recent.era() != era && news.has_changed().unwrap());
        assert_eq!(recent.knows(position(6)), Known::Later);
    }

    #[test]
    fn only_so_much_is_remembered() {
        let recent = Recent::default();
        recent.begin(position(0));
        let most = i64::try_from(MAX_EVENTS.max(MAX_ENTRIES)).unwrap();
        for number in 1..=most + 10 {
            recent.add(EventNumber::new(number), &[revocation("a", 1)]);
            recent.advance(position(number));
        }
        assert_eq!(recent.knows(position(10)), Known::Earlier);
        assert_eq!(recent.knows(position(11)), Known::Yes);
        assert_eq!((since(&recent, 9), since(&recent, 10).unwrap().len()), (None, MAX_ENTRIES));
    }
}
