//! The keys of an issuer, kept fresh by one thread: whatever is thrown at the verifier, the issuer
//! is asked no more than once in an interval, and while it is down, the keys that are known stay.

use std::any::Any;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use arc_swap::ArcSwap;
use quick_cache::sync::Cache;
use tokio::sync::watch;

use crate::clock::{Clock, Timestamp};
use crate::fetch::address::Address;
use crate::fetch::{Fetch, FetchError};
use crate::keys::discovery;
use crate::keys::discovery::DiscoveryError;
use crate::keys::jwk::MAX_KID_LEN;
use crate::keys::key_set::{KeySet, KeySetError};

/// How soon the keys are fetched again when the issuer does not say.
const USUAL_INTERVAL: Duration = Duration::from_mins(5);

/// What the issuer's `max-age` is clamped to.
const INTERVALS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_hours(1));

/// How long after one fetch an unknown key may lead to the next one.
const ASKING_INTERVAL: Duration = Duration::from_secs(10);

/// For how long a key that the issuer does not have is not asked for again.
const UNKNOWN_FOR: Duration = Duration::from_mins(1);

/// The most unknown keys that are remembered.
const UNKNOWN_CAPACITY: usize = 1024;

/// How soon it is tried again after a failure; each time twice as long, up to [`ASKING_INTERVAL`].
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// A clock that somebody moves wakes nobody: the thread looks at it at least this often.
const LONGEST_NAP: Duration = Duration::from_millis(250);

/// The keys of an issuer, and the thread that keeps them fresh. It fetches them again when the
/// issuer's `Cache-Control: max-age` says so (clamped to between a second and an hour; five minutes
/// when it does not say), and sooner when a token comes with an unknown `kid`, but then at most
/// once in ten seconds. The thread ends with the last handle.
#[derive(Clone)]
pub struct JwksCache(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    status: watch::Receiver<JwksStatus>,
}

struct Shared {
    keys: Arc<ArcSwap<KeySet>>,
    clock: Arc<dyn Clock>,
    plan: Mutex<Plan>,
    wake: Condvar,
    /// When a key was found not to be there, by a hash that nobody else can foresee.
    unknown: Cache<u64, Duration>,
    hasher: RandomState,
}

/// What the thread does next. Durations are readings of [`Clock::elapsed`].
struct Plan {
    next: Duration,
    last_began: Option<Duration>,
    is_asked: bool,
    is_looking: bool,
    is_stopped: bool,
}

/// How the keys of an issuer fare.
#[derive(Debug, Clone, Default)]
pub struct JwksStatus {
    /// How many times the issuer was asked.
    pub attempts: u64,
    /// When keys came the last time; nothing before they came the first time.
    pub fetched_at: Option<Timestamp>,
    /// Why the latest attempt failed; nothing when it did not.
    pub error: Option<Arc<RefreshError>>,
}

/// Why keys could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefreshError {
    /// It is not known where they are.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// They are out of reach.
    #[error("the issuer's keys cannot be fetched from {url}: {reason}")]
    Fetch {
        /// From where.
        url: String,
        /// Why.
        reason: FetchError,
    },
    /// What was fetched is nothing to work with.
    #[error("what {url} answers cannot be used: {reason}")]
    Keys {
        /// From where.
        url: String,
        /// Why.
        reason: KeySetError,
    },
    /// The program's own [`Fetch`] panicked.
    #[error("the fetcher panicked: {0}")]
    Panicked(String),
}

/// Where keys come from.
pub struct Source {
    pub issuer: Box<str>,
    /// The address of the keys, when it is configured instead of discovered.
    pub jwks_uri: Option<String>,
    pub fetch: Box<dyn Fetch>,
    /// Keys that are not published.
    pub own: KeySet,
    /// After how long the keys are fetched again, whatever the issuer says.
    pub refresh_every: Option<Duration>,
}

impl JwksCache {
    /// Starts to fetch.
    ///
    /// # Errors
    /// When the machine has no more threads.
    pub(crate) fn start(source: Source, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let plan = Plan {
            next: clock.elapsed(),
            last_began: None,
            is_asked: false,
            is_looking: false,
            is_stopped: false,
        };
        let shared = Arc::new(Shared {
            keys: Arc::new(ArcSwap::from_pointee(source.own.clone())),
            clock,
            plan: Mutex::new(plan),
            wake: Condvar::new(),
            unknown: Cache::new(UNKNOWN_CAPACITY),
            hasher: RandomState::new(),
        });
        let (sender, status) = watch::channel(JwksStatus::default());
        let keeper = Keeper {
            shared: Arc::clone(&shared),
            source,
            found: None,
            failures: 0,
            status: sender,
        };
        thread::Builder::new().name("mintery-jwks".to_owned()).spawn(move || keeper.run())?;
        Ok(Self(Arc::new(Handle { shared, status })))
    }

    /// The keys that are known.
    #[must_use]
    pub fn keys(&self) -> Arc<KeySet> {
        self.0.shared.keys.load_full()
    }

    /// How it fares: for a health check, or a log.
    #[must_use]
    pub fn status(&self) -> JwksStatus {
        self.0.status.borrow().clone()
    }

    pub(crate) fn shared_keys(&self) -> Arc<ArcSwap<KeySet>> {
        Arc::clone(&self.0.shared.keys)
    }

    /// Whether a key that is not known may be one that the issuer has: its keys never came, or it
    /// did not answer lately.
    pub(crate) fn is_cut_off(&self) -> bool {
        let status = self.0.status.borrow();
        status.fetched_at.is_none() || status.error.is_some()
    }

    /// Waits for the first attempt to end.
    ///
    /// # Errors
    /// When it failed.
    pub(crate) async fn first_attempt(&self) -> Result<(), Arc<RefreshError>> {
        let mut status = self.0.status.clone();
        match status.wait_for(|status| status.attempts > 0).await {
            Ok(status) => status.error.clone().map_or(Ok(()), Err),
            // The thread is gone, which nothing but the program's own clock can have done.
            Err(_) => Err(Arc::new(RefreshError::Panicked(
                "the thread that keeps the keys is gone".to_owned(),
            ))),
        }
    }

    /// Fetches the keys now: one of them was taken back.
    pub(crate) fn fetch_now(&self) {
        let shared = &self.0.shared;
        shared.plan().is_asked = true;
        shared.wake.notify_one();
    }

    /// Fetches the keys now and waits for them: the issuer itself, which was asked, answers with a
    /// key that is not known. (What strangers bring leads to [`ask_for`](Self::ask_for), which
    /// does not let them choose when.)
    pub(crate) async fn fetched_now(&self) {
        let Handle { shared, status } = &*self.0;
        let mut status = status.clone();
        let attempts = {
            let mut plan = shared.plan();
            plan.is_asked = true;
            shared.wake.notify_one();
            // One that is under way may have been answered before the key was published.
            status.borrow().attempts + if plan.is_looking { 2 } else { 1 }
        };
        // When the thread is gone, there is nothing to wait for.
        status.wait_for(|status| status.attempts >= attempts).await.ok();
    }

    /// Asks the issuer for a key that is not known, if it may be asked, and waits for the answer.
    /// Says whether it was asked.
    pub(crate) async fn ask_for(&self, kid: &str) -> bool {
        let Handle { shared, status } = &*self.0;
        // Before it is asked, so that no answer is missed.
        let mut status = status.clone();
        status.mark_unchanged();
        if !shared.ask_for(kid) || status.changed().await.is_err() {
            return false;
        }
        let has_answered = status.borrow().error.is_none();
        if has_answered && shared.keys.load().get(kid).is_none() {
            shared.remember_unknown(kid);
        }
        true
    }
}

impl fmt::Debug for JwksCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwksCache")
            .field("status", &*self.0.status.borrow())
            .finish_non_exhaustive()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.plan().is_stopped = true;
        self.shared.wake.notify_one();
    }
}

impl Shared {
    /// The plan stays consistent at every step, so a panic while it is held does no harm.
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an answer of the issuer is on its way that may have the key.
    fn ask_for(&self, kid: &str) -> bool {
        let now = self.clock.elapsed();
        let found_unknown = self.unknown.get(&self.hasher.hash_one(kid));
        if kid.len() > MAX_KID_LEN || found_unknown.is_some_and(|at| now < at + UNKNOWN_FOR) {
            return false;
        }
        let mut plan = self.plan();
        if plan.is_looking || plan.is_asked {
            return true;
        }
        if plan.last_began.is_some_and(|began| now < began + ASKING_INTERVAL) {
            return false;
        }
        plan.is_asked = true;
        self.wake.notify_one();
        true
    }

    fn remember_unknown(&self, kid: &str) {
        self.unknown.insert(self.hasher.hash_one(kid), self.clock.elapsed());
    }

    /// Sleeps until it is time to ask the issuer; false when nobody needs its keys any more.
    fn wait_for_turn(&self) -> bool {
        let mut plan = self.plan();
        loop {
            if plan.is_stopped {
                return false;
            }
            let now = self.clock.elapsed();
            if plan.is_asked || plan.next <= now {
                plan.is_asked = false;
                plan.is_looking = true;
                plan.last_began = Some(now);
                return true;
            }
            let nap = plan.next.saturating_sub(now).min(LONGEST_NAP);
            plan = self.wake.wait_timeout(plan, nap).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn end_turn(&self, pause: Duration) {
        let mut plan = self.plan();
        plan.is_looking = false;
        plan.next = self.clock.elapsed().saturating_add(pause);
    }
}

/// The thread.
struct Keeper {
    shared: Arc<Shared>,
    source: Source,
    /// The address of the keys, once it was discovered, until it fails.
    found: Option<String>,
    failures: u32,
    status: watch::Sender<JwksStatus>,
}

impl Keeper {
    fn run(mut self) {
        while self.shared.wait_for_turn() {
            let fetched = catch_unwind(AssertUnwindSafe(|| self.fetch()))
                .unwrap_or_else(|panic| Err(RefreshError::Panicked(message(&*panic))));
            let error = match fetched {
                Ok((keys, pause)) => {
                    self.failures = 0;
                    let keys = keys.with(&self.source.own).following(&self.shared.keys.load());
                    self.shared.keys.store(Arc::new(keys));
                    self.shared.end_turn(pause);
                    None
                }
                Err(error) => {
                    // It may have moved.
                    self.found = None;
                    let pause = FIRST_RETRY.saturating_mul(2_u32.saturating_pow(self.failures));
                    self.failures = self.failures.saturating_add(1);
                    self.shared.end_turn(pause.min(ASKING_INTERVAL));
                    Some(Arc::new(error))
                }
            };
            // After the turn has ended: whoever finds it not ended yet will hear of its end.
            let now = self.shared.clock.now();
            self.status.send_modify(|status| {
                status.attempts += 1;
                status.fetched_at = if error.is_none() { Some(now) } else { status.fetched_at };
                status.error = error;
            });
        }
    }

    /// The published keys, and how long they need not be fetched again.
    fn fetch(&mut self) -> Result<(KeySet, Duration), RefreshError> {
        let Source { issuer, jwks_uri, fetch, refresh_every, .. } = &self.source;
        let url = match (jwks_uri, &self.found) {
            (Some(url), _) | (None, Some(url)) => url.clone(),
            (None, None) => {
                let url = discover(&**fetch, issuer)?;
                self.found.insert(url).clone()
            }
        };
        let document = match fetch.get(&url) {
            Ok(document) => document,
            Err(reason) => return Err(RefreshError::Fetch { url, reason }),
        };
        match KeySet::parse(&document.body) {
            Ok(keys) => {
                let told =
                    document.max_age().unwrap_or(USUAL_INTERVAL).clamp(INTERVALS.0, INTERVALS.1);
                Ok((keys, refresh_every.unwrap_or(told)))
            }
            Err(reason) => Err(RefreshError::Keys { url, reason }),
        }
    }
}

fn discover(fetch: &dyn Fetch, issuer: &str) -> Result<String, DiscoveryError> {
    match Address::parse(issuer) {
        Some(address) => discovery::jwks_uri(fetch, issuer, address),
        // The builder has refused such an issuer.
        None => Err(DiscoveryError::NotMetadata { url: issuer.to_owned() }),
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}
