//! The latest revocations in order, and the latest events that this node applied. A follower of the
//! feed that is at most that far behind is answered from memory, however many there are; any other
//! from the store. Bounded.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::model::event::{EventNumber, Fingerprint};
use crate::model::revocation::Revocation;

/// The maximum number of stored fingerprints: 80 kB.
const MAX_EVENTS: usize = 10_000;

/// The maximum number of stored revocations: 500 kB.
const MAX_ENTRIES: usize = 10_000;

/// A position in a history: all events up to this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The number of the event.
    pub number: EventNumber,
    /// Its fingerprint, which differs in other histories.
    pub fingerprint: Fingerprint,
}

/// The result of comparing a position with the history of this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// The position is in this history.
    Yes,
    /// The position is in another history.
    No,
    /// The position is older than the stored history.
    Earlier,
    /// This node has not applied that event yet.
    Later,
}

/// The latest revocations and events; see the head of this file.
#[derive(Debug, Default)]
pub struct Recent {
    state: Mutex<State>,
    /// Raised by each revocation, and at the start of another history.
    news: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    /// Raised at the start of another history.
    era: u64,
    last: EventNumber,
    /// The fingerprints of the events up to the last one. Empty before the first poll of the
    /// follower.
    fingerprints: VecDeque<Fingerprint>,
    /// All revocations after this event are in `entries`.
    complete_after: EventNumber,
    /// The revocations by the number of their event.
    entries: VecDeque<Revocation>,
}

impl Recent {
    /// Restarts at `position`, with no revocation up to it. Known later ones stay.
    pub(super) fn begin(&self, position: Position) {
        {
            let mut state = self.state();
            let mut entries = std::mem::take(&mut state.entries);
            entries.retain(|entry| entry.number > position.number.as_u64());
            *state = State {
                era: state.era + 1,
                last: position.number,
                fingerprints: VecDeque::from([position.fingerprint]),
                complete_after: position.number,
                entries,
            };
        }
        self.tell();
    }

    /// Removes the revocations of event `first` and of later ones, which are not applied yet.
    pub(super) fn forget_from(&self, first: EventNumber) {
        let mut state = self.state();
        while state.entries.back().is_some_and(|entry| entry.number >= first.as_u64()) {
            state.entries.pop_back();
        }
    }

    /// Adds the revocations of events that are about to be applied, in their order.
    pub(super) fn add(&self, revocations: &[Revocation]) {
        let mut state = self.state();
        state.entries.extend(revocations);
        while state.entries.len() > MAX_ENTRIES
            && let Some(forgotten) = state.entries.pop_front()
        {
            let number = EventNumber::new(i64::try_from(forgotten.number).unwrap_or(i64::MAX));
            state.complete_after = state.complete_after.max(number);
        }
    }

    /// Records that the event at `position` was applied.
    pub(super) fn advance(&self, position: Position) {
        let is_news = {
            let mut state = self.state();
            state.last = position.number;
            state.fingerprints.push_back(position.fingerprint);
            if state.fingerprints.len() > MAX_EVENTS {
                state.fingerprints.pop_front();
            }
            let number = position.number.as_u64();
            state.up_to(number).next().is_some_and(|entry| entry.number == number)
        };
        if is_news {
            self.tell();
        }
    }

    /// The number of the current history; another history has another number.
    #[must_use]
    pub fn era(&self) -> u64 {
        self.state().era
    }

    /// The last applied event; none before the first poll of the follower.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.state().position()
    }

    /// Compares `position` with the stored history of this node.
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

    /// The revocations after event `number`, and the position of this node; `None` if they are no
    /// longer stored.
    #[must_use]
    pub fn since(&self, number: EventNumber) -> Option<(Vec<Revocation>, Position)> {
        let state = self.state();
        if number < state.complete_after {
            return None;
        }
        let new =
            state.up_to(state.last.as_u64()).take_while(|entry| entry.number > number.as_u64());
        Some((new.copied().collect(), state.position()?))
    }

    /// Changes with each revocation, and at the start of another history.
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
    /// The revocations up to this event, the last first. Those behind it are about to be applied.
    fn up_to(&self, number: u64) -> impl Iterator<Item = &Revocation> {
        self.entries.iter().rev().skip_while(move |entry| entry.number > number)
    }

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
    fn unapplied_revocations_are_not_returned() {
        let recent = Recent::default();
        assert_eq!((recent.position(), recent.knows(position(0))), (None, Known::Later));
        recent.begin(position(5));
        let mut news = recent.news();
        assert_eq!((since(&recent, 4), since(&recent, 5)), (None, Some(vec![])));
        recent.add(&[revocation("a", 7), revocation("b", 8), revocation("c", 8)]);
        assert_eq!(since(&recent, 5), Some(vec![]));
        recent.advance(position(6));
        assert!(!news.has_changed().unwrap());
        assert_eq!(since(&recent, 5), Some(vec![]));
        recent.advance(position(7));
        assert!(news.has_changed().unwrap());
        news.mark_unchanged();
        assert_eq!((since(&recent, 6), since(&recent, 7)), (Some(vec![7]), Some(vec![])));
        recent.advance(position(8));
        assert!(news.has_changed().unwrap());
        // A reader that reached 7 on another node gets the rest here, wherever this node has
        // stopped.
        assert_eq!((since(&recent, 6), since(&recent, 7)), (Some(vec![8, 8, 7]), Some(vec![8, 8])));
        assert_eq!(recent.position(), Some(position(8)));
    }

    /// Events that cannot be applied are read again; the events after an unknown one are still
    /// delivered.
    #[test]
    fn revocations_are_added_once() {
        let recent = Recent::default();
        recent.begin(position(5));
        for _ in 0..2 {
            recent.forget_from(EventNumber::new(6));
            recent.add(&[revocation("a", 6), revocation("b", 8)]);
        }
        recent.advance(position(6));
        recent.begin(position(7));
        recent.advance(position(8));
        assert_eq!((since(&recent, 6), since(&recent, 7)), (None, Some(vec![8])));
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
            recent.add(&[revocation("a", u64::try_from(number).unwrap())]);
            recent.advance(position(number));
        }
        assert_eq!(recent.knows(position(10)), Known::Earlier);
        assert_eq!(recent.knows(position(11)), Known::Yes);
        assert_eq!((since(&recent, 9), since(&recent, 10).unwrap().len()), (None, MAX_ENTRIES));
    }
}
