//! Counts by the hour, of this hour and of those that were not flushed yet.

use crate::clock::Timestamp;
use crate::model::usage::{Countable, Hour, Tally};

/// The most hours that are kept while the store is out of reach. A node serves for no longer than a
/// day without it.
pub const MAX_WAITING: usize = 30;

/// The counts of outcomes by the hour.
#[derive(Debug)]
pub struct Hourly<O: Countable> {
    hour: Hour,
    /// The counts of this hour that are not being flushed yet.
    tally: Tally<O>,
    /// The same of earlier hours.
    waiting: Vec<(Hour, Tally<O>)>,
}

impl<O: Countable> Default for Hourly<O> {
    fn default() -> Self {
        Self { hour: Hour::default(), tally: Tally::default(), waiting: Vec::new() }
    }
}

impl<O: Countable> Hourly<O> {
    /// The current hour.
    pub const fn hour(&self) -> Hour {
        self.hour
    }

    /// The counts of this hour since they were last taken.
    pub const fn tally(&self) -> &Tally<O> {
        &self.tally
    }

    /// Counts an outcome in this hour.
    pub fn count(&mut self, outcome: O) {
        self.tally.count(outcome);
    }

    /// Turns to the hour of `now`; returns whether that is another one.
    pub fn turn_to(&mut self, now: Timestamp) -> bool {
        let hour = Hour::of(now);
        let is_other = hour != self.hour;
        if is_other {
            let (before, tally) = (self.hour, std::mem::take(&mut self.tally));
            self.wait(before, &tally);
            self.hour = hour;
        }
        is_other
    }

    /// Takes out all counts, sorted, and those of this hour.
    pub fn take(&mut self) -> (Vec<(Hour, O, u32)>, Tally<O>) {
        let tally = std::mem::take(&mut self.tally);
        let hours = std::mem::take(&mut self.waiting).into_iter().chain([(self.hour, tally)]);
        let outcomes = |(hour, tally): (Hour, Tally<O>)| {
            tally.iter().map(|(outcome, times)| (hour, outcome, times)).collect::<Vec<_>>()
        };
        let mut counted: Vec<_> = hours.flat_map(outcomes).collect();
        counted.sort_unstable();
        (counted, tally)
    }

    /// Puts back counts that were taken; returns whether they are of this hour.
    pub fn put_back(&mut self, hour: Hour, outcome: O, times: u32) -> bool {
        let is_this = hour == self.hour;
        if is_this {
            self.tally.add(outcome, times);
        } else {
            let mut tally = Tally::default();
            tally.add(outcome, times);
            self.wait(hour, &tally);
        }
        is_this
    }

    fn wait(&mut self, hour: Hour, tally: &Tally<O>) {
        if tally.is_empty() {
            return;
        }
        if let Some((_, own)) = self.waiting.iter_mut().find(|(own, _)| *own == hour) {
            own.merge(tally);
            return;
        }
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.remove(0);
        }
        self.waiting.push((hour, *tally));
    }
}
