//! The pace of a task: it ticks often and acts when a period is over by a clock that does not jump.

use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior};

/// The interval between ticks. A tick only reads memory.
const TICK_EVERY: Duration = Duration::from_millis(250);

/// The period of cleanups.
const CLEAN_EVERY: Duration = Duration::from_hours(1);

/// Starts the ticks of a task.
pub fn ticks() -> Interval {
    let mut tick = tokio::time::interval(TICK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick
}

/// A recurring act.
pub struct Recurring {
    /// The elapsed time of the next act.
    next: Duration,
    every: Duration,
}

impl Recurring {
    /// An act whose first time is at `next`.
    pub const fn new(next: Duration, every: Duration) -> Self {
        Self { next, every }
    }

    /// A cleanup, due at once.
    pub const fn cleanup() -> Self {
        Self::new(Duration::ZERO, CLEAN_EVERY)
    }

    /// True if the act is due at `elapsed`; the next time is then a period away.
    pub fn is_due(&mut self, elapsed: Duration) -> bool {
        let is_due = elapsed >= self.next;
        if is_due {
            self.next = elapsed.saturating_add(self.every);
        }
        is_due
    }

    /// Repeats the act at the next tick, as for a batch with more to do.
    pub const fn repeat_at(&mut self, elapsed: Duration) {
        self.next = elapsed;
    }
}
