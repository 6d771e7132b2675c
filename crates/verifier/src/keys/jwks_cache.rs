//! The keys of an issuer, kept fresh by a thread. Whatever tokens arrive, the issuer is asked at
//! most once in an interval; while it is down, the known keys stay.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use quick_cache::sync::Cache;

use crate::clock::{Clock, Timestamp};
use crate::fetch::address::Address;
use crate::fetch::{Fetch, FetchError};
use crate::keys::discovery;
use crate::keys::discovery::DiscoveryError;
use crate::keys::jwk::MAX_KID_LEN;
use crate::keys::key_set::{KeySet, KeySetError};
use crate::poller::{Poller, Retries, Status, Task, catch};

/// The interval between two fetches if the issuer names none.
const USUAL_INTERVAL: Duration = Duration::from_mins(5);

/// The limits of the issuer's `max-age`.
const INTERVALS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_hours(1));

/// The time after one fetch before an unknown key may lead to the next.
const ASKING_INTERVAL: Duration = Duration::from_secs(10);

/// The time for which a key that the issuer does not have is not asked for again.
const UNKNOWN_FOR: Duration = Duration::from_mins(1);

/// The maximum number of remembered unknown keys.
const UNKNOWN_CAPACITY: usize = 1024;

/// The pause after a failure, doubled each time up to [`ASKING_INTERVAL`].
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// The keys of an issuer, and the thread that keeps them fresh. It fetches them again after the
/// issuer's `Cache-Control: max-age` (clamped to between a second and an hour; five minutes without
/// one), and sooner when a token has an unknown `kid`, but then at most once in ten seconds. The
/// thread ends with the last handle.
#[derive(Clone)]
pub struct JwksCache(Arc<CachedKeys>);

struct CachedKeys {
    keys: Arc<ArcSwap<KeySet>>,
    unknown: UnknownKeys,
    poller: Poller<JwksStatus>,
}

/// The state of the keys of an issuer.
#[derive(Debug, Clone, Default)]
pub struct JwksStatus {
    /// The number of fetches, failed ones included.
    pub attempts: u64,
    /// The moment of the latest successful fetch; nothing before the first.
    pub fetched_at: Option<Timestamp>,
    /// The reason why the latest fetch failed; nothing if it succeeded.
    pub error: Option<Arc<RefreshError>>,
}

impl Status for JwksStatus {
    type Error = RefreshError;

    fn attempts(&self) -> u64 {
        self.attempts
    }

    fn result(&self) -> Result<(), Arc<RefreshError>> {
        self.error.clone().map_or(Ok(()), Err)
    }
}

/// The reason why keys could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefreshError {
    /// Their address is not known.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// They are out of reach.
    #[error("cannot fetch the issuer's keys from {url}: {reason}")]
    Fetch {
        /// The address of the keys.
        url: String,
        /// The failure of the fetcher.
        reason: FetchError,
    },
    /// The document has no usable key.
    #[error("cannot use the response of {url}: {reason}")]
    Keys {
        /// The address of the keys.
        url: String,
        /// The fault of the document.
        reason: KeySetError,
    },
    /// The program's own [`Fetch`] panicked.
    #[error("the fetcher panicked: {0}")]
    Panicked(String),
}

/// The source of keys.
pub struct Source {
    pub issuer: Box<str>,
    /// The address of the keys, if it is configured instead of discovered.
    pub jwks_uri: Option<String>,
    pub fetch: Box<dyn Fetch>,
    /// Keys that are not published.
    pub own: KeySet,
    /// The interval between two fetches, in place of the issuer's.
    pub refresh_every: Option<Duration>,
}

impl JwksCache {
    /// Starts to fetch.
    ///
    /// # Errors
    /// Fails if the operating system refuses a thread.
    pub(crate) fn start(source: Source, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let keys = Arc::new(ArcSwap::from_pointee(source.own.clone()));
        let unknown = UnknownKeys {
            clock: Arc::clone(&clock),
            found_at: Cache::new(UNKNOWN_CAPACITY),
            hasher: RandomState::new(),
        };
        let refresh = Refresh {
            keys: Arc::clone(&keys),
            clock: Arc::clone(&clock),
            source,
            found: None,
            retries: Retries::default(),
            fetched_at: None,
            error: None,
        };
        let poller = Poller::start("mintery-jwks", clock, refresh)?;
        Ok(Self(Arc::new(CachedKeys { keys, unknown, poller })))
    }

    /// The known keys.
    #[must_use]
    pub fn keys(&self) -> Arc<KeySet> {
        self.0.keys.load_full()
    }

    /// The state of the keys, for a health check or a log.
    #[must_use]
    pub fn status(&self) -> JwksStatus {
        self.0.poller.status().clone()
    }

    pub(crate) fn shared_keys(&self) -> Arc<ArcSwap<KeySet>> {
        Arc::clone(&self.0.keys)
    }

    /// Returns true if the issuer may have a key that is not known here: its keys never arrived, or
    /// the latest fetch failed.
    pub(crate) fn is_cut_off(&self) -> bool {
        let status = self.0.poller.status();
        status.fetched_at.is_none() || status.error.is_some()
    }

    /// Waits for the first fetch.
    ///
    /// # Errors
    /// Fails if the attempt failed.
    pub(crate) async fn first_attempt(&self) -> Result<(), Arc<RefreshError>> {
        let gone =
            || RefreshError::Panicked("the thread that refreshes the keys has ended".to_owned());
        self.0.poller.first_attempt(gone).await
    }

    /// Fetches the keys now, because one of them was revoked.
    pub(crate) fn fetch_now(&self) {
        self.0.poller.request();
    }

    /// Fetches the keys now and waits for them, because the issuer itself answered with an unknown
    /// key. (A caller's unknown key leads to [`ask_for`](Self::ask_for), which does not let the
    /// caller choose the moment.)
    pub(crate) async fn fetched_now(&self) {
        self.0.poller.run().await;
    }

    /// Asks the issuer for an unknown key, if it may be asked, and waits for the answer. Returns
    /// false if it was not asked.
    pub(crate) async fn ask_for(&self, kid: &str) -> bool {
        let CachedKeys { keys, unknown, poller } = &*self.0;
        if kid.len() > MAX_KID_LEN || unknown.has(kid) || !poller.join(ASKING_INTERVAL).await {
            return false;
        }
        let has_answered = poller.status().error.is_none();
        if has_answered && keys.load().get(kid).is_none() {
            unknown.add(kid);
        }
        true
    }
}

impl fmt::Debug for JwksCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwksCache")
            .field("status", &*self.0.poller.status())
            .finish_non_exhaustive()
    }
}

/// The keys that the issuer was asked for and does not have.
struct UnknownKeys {
    clock: Arc<dyn Clock>,
    /// The moments of the answers, by a hash that no caller can foresee.
    found_at: Cache<u64, Duration>,
    hasher: RandomState,
}

impl UnknownKeys {
    fn has(&self, kid: &str) -> bool {
        let found_at = self.found_at.get(&self.hasher.hash_one(kid));
        found_at.is_some_and(|at| self.clock.elapsed() < at + UNKNOWN_FOR)
    }

    fn add(&self, kid: &str) {
        self.found_at.insert(self.hasher.hash_one(kid), self.clock.elapsed());
    }
}

/// The work of the thread.
struct Refresh {
    keys: Arc<ArcSwap<KeySet>>,
    clock: Arc<dyn Clock>,
    source: Source,
    /// The discovered address of the keys, until it fails.
    found: Option<String>,
    retries: Retries,
    fetched_at: Option<Timestamp>,
    error: Option<Arc<RefreshError>>,
}

impl Task for Refresh {
    type Status = JwksStatus;

    fn turn(&mut self) -> Option<Duration> {
        let pause = match catch(|| self.fetch(), RefreshError::Panicked) {
            Ok((keys, pause)) => {
                self.retries.reset();
                let keys = keys.with(&self.source.own).following(&self.keys.load());
                self.keys.store(Arc::new(keys));
                self.fetched_at = Some(self.clock.now());
                self.error = None;
                pause
            }
            Err(error) => {
                // The keys may have moved.
                self.found = None;
                self.error = Some(Arc::new(error));
                self.retries.pause(FIRST_RETRY, ASKING_INTERVAL)
            }
        };
        Some(self.clock.elapsed().saturating_add(pause))
    }

    fn report(&mut self, status: &mut JwksStatus) {
        status.attempts += 1;
        status.fetched_at = self.fetched_at;
        status.error.clone_from(&self.error);
    }
}

impl Refresh {
    /// The published keys, and the pause before the next fetch.
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
                let max_age = document.max_age().unwrap_or(USUAL_INTERVAL);
                Ok((keys, refresh_every.unwrap_or(max_age.clamp(INTERVALS.0, INTERVALS.1))))
            }
            Err(reason) => Err(RefreshError::Keys { url, reason }),
        }
    }
}

fn discover(fetch: &dyn Fetch, issuer: &str) -> Result<String, DiscoveryError> {
    match Address::parse(issuer) {
        Some(address) => discovery::jwks_uri(fetch, issuer, address),
        // The builder rejects such an issuer.
        None => Err(DiscoveryError::NotMetadata { url: issuer.to_owned() }),
    }
}
