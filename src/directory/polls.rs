//! The polls of the follower, for requests whose refusal must rest on all that was committed before
//! them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

/// The time that a poll may take. A database that is silent answers none.
const PATIENCE: Duration = Duration::from_secs(1);

/// The polls by number.
#[derive(Debug, Default)]
pub struct Polls {
    begun: AtomicU64,
    ended: watch::Sender<Ended>,
}

/// The last poll that ended.
#[derive(Debug, Default, Clone, Copy)]
struct Ended {
    number: u64,
    is_ok: bool,
}

impl Polls {
    /// Begins a poll and returns its number.
    pub fn begin(&self) -> u64 {
        self.begun.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Ends the poll with this number.
    pub fn end(&self, number: u64, is_ok: bool) {
        self.ended.send_replace(Ended { number, is_ok });
    }

    /// Waits for a poll that begins after the call; `true` if it succeeds. It causes none, so that
    /// inventions of strangers cost nothing but their own time.
    pub async fn next(&self) -> bool {
        let begun = self.begun.load(Ordering::SeqCst);
        let mut ended = self.ended.subscribe();
        let next = ended.wait_for(|ended| ended.number > begun);
        matches!(tokio::time::timeout(PATIENCE, next).await, Ok(Ok(ended)) if ended.is_ok)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Polls;

    #[tokio::test]
    async fn a_poll_that_began_before_does_not_count() {
        let polls = Arc::new(Polls::default());
        let early = polls.begin();
        let waiting = tokio::spawn({
            let polls = Arc::clone(&polls);
            async move { polls.next().await }
        });
        tokio::task::yield_now().await;
        polls.end(early, true);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        let late = polls.begin();
        polls.end(late, true);
        assert!(waiting.await.unwrap());
        let failing = tokio::spawn({
            let polls = Arc::clone(&polls);
            async move { polls.next().await }
        });
        tokio::task::yield_now().await;
        let failed = polls.begin();
        polls.end(failed, false);
        assert!(!failing.await.unwrap());
    }
}
