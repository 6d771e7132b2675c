//! A thread that takes turns at a [`Task`], sleeps in between, reports, and ends with its
//! [`Poller`]. All background work of the crate is done so; a new job is a [`Task`] and the
//! [`Status`] that it reports.
//!
//! A verifier runs one poller for the keys and one for the revocation feed. One thread for both
//! would be late at both: fetching keys takes up to nine seconds (two addresses of metadata, then
//! the keys), while the feed is read every second; and the feed keeps each question open for a
//! second, while a request with a new `kid` waits for the keys.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::Clock;

/// The longest sleep between two looks at the clock, since a test's clock wakes no thread.
const LONGEST_NAP: Duration = Duration::from_millis(250);

/// Background work in turns.
pub trait Task: Send + 'static {
    /// The report.
    type Status: Status;

    /// Takes one turn. Returns the reading of [`Clock::elapsed`] at which the next one is due, or
    /// nothing if it follows at once and this one is not reported.
    fn turn(&mut self) -> Option<Duration>;

    /// Writes the result of the turn into the report.
    fn report(&mut self, status: &mut Self::Status);
}

/// The report of a task, as health checks read it.
pub trait Status: Default + Send + Sync + 'static {
    /// The reason for a failed turn.
    type Error;

    /// The number of reported turns.
    fn attempts(&self) -> u64;

    /// The result of the latest turn.
    fn result(&self) -> Result<(), Arc<Self::Error>>;
}

/// The handle of a thread, which ends when the handle is dropped.
pub struct Poller<S> {
    turns: Arc<Turns>,
    status: watch::Receiver<S>,
}

/// The schedule that handle and thread share.
struct Turns {
    clock: Arc<dyn Clock>,
    plan: Mutex<Plan>,
    wake: Condvar,
}

/// The state of the schedule. Durations are readings of [`Clock::elapsed`].
struct Plan {
    next: Duration,
    last_began: Option<Duration>,
    is_requested: bool,
    is_running: bool,
    is_stopped: bool,
}

impl<S: Status> Poller<S> {
    /// Starts the thread `name`, whose first turn begins at once.
    ///
    /// # Errors
    /// Fails if the operating system refuses a thread.
    pub fn start<T: Task<Status = S>>(
        name: &str,
        clock: Arc<dyn Clock>,
        mut task: T,
    ) -> io::Result<Self> {
        let plan = Plan {
            next: clock.elapsed(),
            last_began: None,
            is_requested: false,
            is_running: false,
            is_stopped: false,
        };
        let turns = Arc::new(Turns { clock, plan: Mutex::new(plan), wake: Condvar::new() });
        let (sender, status) = watch::channel(S::default());
        let schedule = Arc::clone(&turns);
        let run = move || {
            while schedule.wait_for_turn() {
                let Some(next) = task.turn() else { continue };
                schedule.end_turn(next);
                // After the end: a caller that still found the turn running sees this report.
                sender.send_modify(|status| task.report(status));
            }
        };
        thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Self { turns, status })
    }

    /// The latest report.
    pub fn status(&self) -> watch::Ref<'_, S> {
        self.status.borrow()
    }

    /// Waits for the first report.
    ///
    /// # Errors
    /// Fails if the turn failed; `gone` when a panic of the program's own clock ended the thread.
    pub async fn first_attempt(&self, gone: fn() -> S::Error) -> Result<(), Arc<S::Error>> {
        let mut status = self.status.clone();
        match status.wait_for(|status| status.attempts() > 0).await {
            Ok(status) => status.result(),
            Err(_) => Err(Arc::new(gone())),
        }
    }

    /// Requests a turn now.
    pub fn request(&self) {
        self.turns.request(&mut self.turns.plan());
    }

    /// Requests a turn now and waits for one that begins after this call.
    pub async fn run(&self) {
        let mut status = self.status.clone();
        let attempts = {
            let mut plan = self.turns.plan();
            self.turns.request(&mut plan);
            // One that is running may have had its answer before this call.
            status.borrow().attempts() + if plan.is_running { 2 } else { 1 }
        };
        // Without a thread there is nothing to wait for.
        status.wait_for(|status| status.attempts() >= attempts).await.ok();
    }

    /// Waits for the turn that is running or requested, or requests one if the last began at least
    /// `interval` ago. Returns false, without waiting, if none may begin yet.
    pub async fn join(&self, interval: Duration) -> bool {
        // Before the request, so that no report is missed.
        let mut status = self.status.clone();
        status.mark_unchanged();
        self.turns.may_join(interval) && status.changed().await.is_ok()
    }
}

impl<S> Drop for Poller<S> {
    fn drop(&mut self) {
        self.turns.plan().is_stopped = true;
        self.turns.wake.notify_one();
    }
}

impl Turns {
    /// The plan is consistent at every step, so a panic while it is locked does no harm.
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn request(&self, plan: &mut Plan) {
        plan.is_requested = true;
        self.wake.notify_one();
    }

    fn may_join(&self, interval: Duration) -> bool {
        let now = self.clock.elapsed();
        let mut plan = self.plan();
        if plan.is_running || plan.is_requested {
            return true;
        }
        let may_begin = plan.last_began.is_none_or(|began| now >= began + interval);
        if may_begin {
            self.request(&mut plan);
        }
        may_begin
    }

    /// Sleeps until a turn is due or requested. Returns false once the handle is dropped.
    fn wait_for_turn(&self) -> bool {
        let mut plan = self.plan();
        loop {
            if plan.is_stopped {
                return false;
            }
            let now = self.clock.elapsed();
            if plan.is_requested || plan.next <= now {
                plan.is_requested = false;
                plan.is_running = true;
                plan.last_began = Some(now);
                return true;
            }
            let nap = plan.next.saturating_sub(now).min(LONGEST_NAP);
            plan = self.wake.wait_timeout(plan, nap).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn end_turn(&self, next: Duration) {
        let mut plan = self.plan();
        plan.is_running = false;
        plan.next = next;
    }
}

/// The pause after a failure, doubled with each failure in a row.
#[derive(Debug, Default)]
pub struct Retries(u32);

impl Retries {
    /// Begins anew, after a success.
    pub const fn reset(&mut self) {
        self.0 = 0;
    }

    /// The pause after one more failure: `first`, and up to `longest`.
    pub fn pause(&mut self, first: Duration, longest: Duration) -> Duration {
        let pause = first.saturating_mul(2_u32.saturating_pow(self.0));
        self.0 = self.0.saturating_add(1);
        pause.min(longest)
    }
}

/// Runs code of the program, a [`Fetch`](crate::Fetch) say, and returns its panic as an error.
pub fn catch<T, E>(
    job: impl FnOnce() -> Result<T, E>,
    panicked: impl FnOnce(String) -> E,
) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(job)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(panicked(text.unwrap_or_default()))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Retries, catch};

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut retries = Retries::default();
        let mut pause = || retries.pause(Duration::from_secs(1), Duration::from_secs(10)).as_secs();
        assert_eq!([pause(), pause(), pause(), pause(), pause(), pause()], [1, 2, 4, 8, 10, 10]);
        retries.reset();
        assert_eq!(retries.pause(Duration::from_secs(1), Duration::MAX).as_secs(), 1);
    }

    #[test]
    fn a_panic_is_an_error_with_its_message() {
        let caught = |text: &'static str| catch::<(), _>(|| panic!("{text}"), |text| text);
        assert_eq!(caught("no disk"), Err("no disk".to_owned()));
        assert_eq!(catch(|| Ok::<_, String>(1), |text| text), Ok(1));
    }
}
