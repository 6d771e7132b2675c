//! The pool that hashes secrets. A hash takes a core and 19 MB for 14 ms, so there are few slots,
//! half of the cores, and a short queue; excess work is refused at once. The queue is fair:
//! networks take turns, and in a full queue the longest lane gives way. No caller can fill it for
//! others.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::hash::HashMemory;
use crate::metrics::HashMetrics;
use crate::network::Network;

/// The work that may wait per slot, in multiples of one own hash: about a second.
const WAITING_PER_SLOT: u32 = 64;

/// The lane of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Administration.
    Administration,
    /// Authentication from a network.
    Network(Network),
}

/// The queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many secrets are waiting to be hashed")]
pub struct Busy;

/// The slots, each with a thread and memory of its own, and the queue.
#[derive(Clone)]
pub struct HashPool(Arc<Inner>);

struct Inner {
    slots: usize,
    metrics: HashMetrics,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The lanes in order of their turns; none is empty.
    lanes: VecDeque<Waiting>,
    /// The waiting work of all networks.
    work: u32,
    /// The number of running threads.
    running: usize,
    /// The memory of idle slots.
    idle: Vec<HashMemory>,
}

struct Waiting {
    lane: Lane,
    jobs: VecDeque<Job>,
}

struct Job {
    /// The cost, in multiples of one own hash.
    work: u32,
    act: Box<dyn FnOnce(&mut HashMemory) + Send>,
}

impl Waiting {
    fn work(&self) -> u32 {
        self.jobs.iter().map(|job| job.work).sum()
    }
}

impl std::fmt::Debug for HashPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HashPool({} slots)", self.0.slots)
    }
}

impl Default for HashPool {
    /// A pool without metrics.
    fn default() -> Self {
        Self::new(&HashMetrics::unseen())
    }
}

impl HashPool {
    /// Makes a pool with half of the cores.
    #[must_use]
    pub fn new(metrics: &HashMetrics) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self::with_slots((cores / 2).max(1), metrics)
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; exact up to 2^53 slots")]
    fn with_slots(slots: usize, metrics: &HashMetrics) -> Self {
        metrics.slots.set(slots as f64);
        Self(Arc::new(Inner { slots, metrics: metrics.clone(), state: Mutex::default() }))
    }

    /// Runs `work`, which makes one own hash, in its turn and returns its result. The receiver
    /// fails if the job had to give way.
    ///
    /// # Errors
    /// [`Busy`] when the queue is full.
    pub fn submit<T, F>(&self, lane: Lane, work: F) -> Result<oneshot::Receiver<T>, Busy>
    where
        T: Send + 'static,
        F: FnOnce(&mut HashMemory) -> T + Send + 'static,
    {
        let (done, outcome) = oneshot::channel();
        self.enqueue(lane, 1, move |memory| {
            done.send(work(memory)).ok();
        })?;
        Ok(outcome)
    }

    /// Runs `act`, of cost `work` in multiples of one own hash, in its turn, or drops it.
    ///
    /// # Errors
    /// [`Busy`] when the queue is full.
    pub fn enqueue(
        &self,
        lane: Lane,
        work: u32,
        act: impl FnOnce(&mut HashMemory) + Send + 'static,
    ) -> Result<(), Busy> {
        let inner = &self.0;
        let mut state = inner.lock();
        let capacity =
            u32::try_from(inner.slots).unwrap_or(u32::MAX).saturating_mul(WAITING_PER_SLOT);
        let pushed_out = state.enqueue(lane, Job { work, act: Box::new(act) }, capacity);
        let has_room = state.running < inner.slots && pushed_out.is_ok();
        state.running += usize::from(has_room);
        inner.show(&state);
        drop(state);
        if has_room {
            inner.start();
        }
        // Jobs that gave way are dropped here, without a lock.
        let refused = pushed_out.as_ref().map_or(1, Vec::len);
        inner.metrics.refused.increment(refused.try_into().unwrap_or(u64::MAX));
        pushed_out.map(drop)
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; exact up to 2^53 hashes")]
    fn show(&self, state: &State) {
        self.metrics
            .waiting
            .set(state.lanes.iter().map(|lane| lane.jobs.len()).sum::<usize>() as f64);
        self.metrics.running.set(state.running as f64);
    }

    /// Starts a thread for a slot.
    fn start(self: &Arc<Self>) {
        let inner = Arc::clone(self);
        let thread = std::thread::Builder::new().name("mintery-hash".to_owned());
        if let Err(error) = thread.spawn(move || inner.work()) {
            log::error!("cannot start a hashing thread: {error}");
            let mut state = self.lock();
            state.running -= 1;
            // Without a thread the jobs are dropped, outside of the lock.
            let given_up =
                if state.running == 0 { std::mem::take(&mut state.lanes) } else { VecDeque::new() };
            if !given_up.is_empty() {
                state.work = 0;
            }
            self.show(&state);
            drop(state);
        }
    }

    /// Runs jobs until the queue is empty.
    fn work(&self) {
        let mut memory = self.lock().idle.pop().unwrap_or_default();
        loop {
            let mut state = self.lock();
            let Some(job) = state.next() else {
                state.running -= 1;
                state.idle.push(memory);
                self.show(&state);
                return;
            };
            self.show(&state);
            drop(state);
            self.metrics.begun.increment(1);
            if catch_unwind(AssertUnwindSafe(|| (job.act)(&mut memory))).is_err() {
                log::error!("hashing a secret panicked");
            }
        }
    }
}

impl State {
    /// Appends a job to its lane. In a full queue it removes and returns the last jobs of the lane
    /// with the most work, unless its own lane would then have as much. A job larger than the queue
    /// needs an empty one.
    fn enqueue(&mut self, lane: Lane, job: Job, capacity: u32) -> Result<Vec<Job>, Busy> {
        let own = self.lanes.iter().find(|waiting| waiting.lane == lane).map_or(0, Waiting::work);
        let own = own.saturating_add(job.work);
        let mut pushed_out = Vec::new();
        if lane == Lane::Administration {
            if own > capacity {
                return Err(Busy);
            }
        } else {
            while self.work > 0 && self.work.saturating_add(job.work) > capacity {
                let Some((from, last)) = self.push_out(own) else {
                    // No room was made: restore the jobs.
                    while let Some((lane, job)) = pushed_out.pop() {
                        self.push(lane, job);
                    }
                    return Err(Busy);
                };
                pushed_out.push((from, last));
            }
        }
        self.push(lane, job);
        Ok(pushed_out.into_iter().map(|(_, job)| job).collect())
    }

    /// Removes the last job of the network with the most work, if that is more than `work`.
    fn push_out(&mut self, work: u32) -> Option<(Lane, Job)> {
        let networks =
            (0..).zip(&self.lanes).filter(|(_, waiting)| waiting.lane != Lane::Administration);
        let (index, heaviest) = networks.max_by_key(|(_, waiting)| waiting.work())?;
        if heaviest.work() <= work {
            return None;
        }
        let waiting = self.lanes.get_mut(index)?;
        let (lane, last) = (waiting.lane, waiting.jobs.pop_back()?);
        if waiting.jobs.is_empty() {
            self.lanes.remove(index);
        }
        self.work -= last.work;
        Some((lane, last))
    }

    fn push(&mut self, lane: Lane, job: Job) {
        if lane != Lane::Administration {
            self.work += job.work;
        }
        match self.lanes.iter_mut().find(|waiting| waiting.lane == lane) {
            Some(waiting) => waiting.jobs.push_back(job),
            None => self.lanes.push_back(Waiting { lane, jobs: VecDeque::from([job]) }),
        }
    }

    /// Takes the next job of the lane whose turn it is; the lane moves to the end. Administration
    /// is always first: it is trusted and has the least work.
    fn next(&mut self) -> Option<Job> {
        let first =
            self.lanes.iter().position(|waiting| waiting.lane == Lane::Administration).unwrap_or(0);
        let mut first = self.lanes.remove(first)?;
        let job = first.jobs.pop_front();
        let lane = first.lane;
        if !first.jobs.is_empty() {
            self.lanes.push_back(first);
        }
        if let Some(job) = job.as_ref().filter(|_| lane != Lane::Administration) {
            self.work -= job.work;
        }
        job
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, mpsc};

    use tokio::sync::oneshot;

    use super::{Busy, HashPool, Lane, WAITING_PER_SLOT};
    use crate::metrics::HashMetrics;
    use crate::network::Network;

    fn lane(number: u8) -> Lane {
        Lane::Network(Network::of([192, 0, 2, number].into()))
    }

    /// A pool with one slot, busy until a message is sent.
    fn blocked() -> (HashPool, mpsc::Sender<()>) {
        let pool = HashPool::with_slots(1, &HashMetrics::unseen());
        let (release, wait) = mpsc::channel::<()>();
        let (started, start) = mpsc::channel();
        let work = move |_: &mut _| {
            started.send(()).unwrap();
            wait.recv().ok();
        };
        pool.enqueue(lane(0), 1, work).unwrap();
        start.recv().unwrap();
        (pool, release)
    }

    /// SEC-3, 6749-17: a caller that fills the queue delays others by no more than their turn.
    #[tokio::test]
    async fn the_longest_lane_gives_way() {
        let (pool, release) = blocked();
        let order = Arc::new(Mutex::new(Vec::new()));
        let job = |name: &'static str| {
            let order = Arc::clone(&order);
            move |_: &mut _| order.lock().unwrap().push(name)
        };
        let mut attacks = Vec::new();
        for _ in 0..WAITING_PER_SLOT {
            attacks.push(pool.submit(lane(1), job("attack")).unwrap());
        }
        assert_eq!(pool.submit(lane(1), job("attack")).unwrap_err(), Busy);
        let owner = pool.submit(lane(2), job("owner")).unwrap();
        let second = pool.submit(lane(2), job("owner")).unwrap();
        let admin = pool.submit(Lane::Administration, job("admin")).unwrap();
        release.send(()).unwrap();
        for outcome in [owner, second, admin] {
            outcome.await.unwrap();
        }
        assert_eq!(order.lock().unwrap()[..4], ["admin", "attack", "owner", "attack"]);
        let mut refused = 0;
        for attack in attacks {
            refused += usize::from(attack.await.is_err());
        }
        assert_eq!(
            refused, 2,
            "the last two of the attack gave way to the owner, none to the administrator"
        );
    }

    /// 6749-17: a job as costly as many counts as many. It waits alone, gives way, and never delays
    /// administration.
    #[tokio::test]
    async fn a_costly_hash_takes_the_room_of_many() {
        let (pool, release) = blocked();
        let costly = |number| {
            let (done, outcome) = oneshot::channel();
            pool.enqueue(lane(number), 95, move |_| done.send("costly").unwrap()).map(|()| outcome)
        };
        let first = costly(1).unwrap();
        assert_eq!(costly(2).unwrap_err(), Busy);
        let admin = pool.submit(Lane::Administration, |_| "admin").unwrap();
        let owner = pool.submit(lane(3), |_| "owner").unwrap();
        assert!(first.await.is_err(), "it takes the room that others need");
        release.send(()).unwrap();
        assert_eq!((admin.await.unwrap(), owner.await.unwrap()), ("admin", "owner"));
    }

    #[tokio::test]
    async fn there_are_never_more_at_once_than_slots() {
        let pool = HashPool::with_slots(2, &HashMetrics::unseen());
        let running = Arc::new(Mutex::new((0, 0)));
        let outcomes: Vec<oneshot::Receiver<()>> = (0..40)
            .map(|number| {
                let running = Arc::clone(&running);
                let work = move |_: &mut _| {
                    {
                        let mut count = running.lock().unwrap();
                        count.0 += 1;
                        count.1 = count.0.max(count.1);
                    }
                    std::thread::yield_now();
                    running.lock().unwrap().0 -= 1;
                };
                pool.submit(lane(number % 7), work).unwrap()
            })
            .collect();
        for outcome in outcomes {
            outcome.await.unwrap();
        }
        assert!(running.lock().unwrap().1 <= 2);
    }

    #[tokio::test]
    async fn a_job_that_fails_leaves_the_others_alone() {
        let pool = HashPool::with_slots(1, &HashMetrics::unseen());
        let failed = pool.submit::<(), _>(lane(1), |_| panic!("on purpose")).unwrap();
        let done = pool.submit(lane(1), |_| 7).unwrap();
        assert!(failed.await.is_err());
        assert_eq!(done.await.unwrap(), 7);
    }
}
