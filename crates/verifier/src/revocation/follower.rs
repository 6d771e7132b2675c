//! What was taken back, followed by one thread: it asks the issuer's feed, holds the question open
//! until something is taken back, and starts over when the issuer says so. Whatever is wrong with
//! an answer, what is known stays.

use std::any::Any;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::{Clock, Timestamp};
use crate::fetch::blocking::block_on;
use crate::fetch::{Fetch, FetchError, Request};
use crate::keys::discovery::DiscoveryError;
use crate::keys::jwks_cache::JwksCache;
use crate::model::revocation::{Kind, Revocation};
use crate::revocation::document;
use crate::revocation::document::{Contents, Expected, FeedDocument, FeedDocumentError};
use crate::revocation::introspector::Introspector;
use crate::revocation::known::Revocations;
use crate::revocation::options::{Authorization, FollowRevocations, StaleRevocations};

/// How long the issuer is asked to wait for something to be taken back. An answer is as old as its
/// question, and counts until the next one comes: the knowledge is never older than twice this and
/// the way there and back, so it is short.
const WAIT: Duration = Duration::from_secs(1);

/// How long an answer may take beyond that; long enough for a part of a long list.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How soon after one question the next may follow, however much is taken back.
const PAUSE: Duration = Duration::from_millis(100);

/// The same where the issuer does not wait: too many others wait there.
const LONG_PAUSE: Duration = Duration::from_secs(1);

/// How soon it is tried again after a failure; each time twice as long, up to the second; up to the
/// third where the issuer does not accept the credentials.
const RETRIES: [Duration; 3] =
    [Duration::from_millis(500), Duration::from_secs(5), Duration::from_secs(30)];

/// The most that is taken over at once: 150 MB of memory.
const MAX_ENTRIES: usize = 2_000_000;

/// A clock that somebody moves wakes nobody: the thread looks at it at least this often.
const LONGEST_NAP: Duration = Duration::from_millis(250);

/// What the answer is.
const ACCEPT: &str = "application/revocations+jwt";

/// What was taken back, and the thread that follows it. The thread ends with the last handle.
#[derive(Clone)]
pub struct RevocationFollower(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    status: watch::Receiver<RevocationStatus>,
    when_stale: StaleRevocations,
    max_age: Duration,
    introspector: Option<Introspector>,
}

struct Shared {
    clock: Arc<dyn Clock>,
    plan: Mutex<Plan>,
    wake: Condvar,
    /// The moment as of which everything is known, by the clock that does not jump, in
    /// milliseconds and one; 0 when nothing is.
    known_at: AtomicU64,
    /// The same by the date: the other clock stands still while a machine sleeps.
    known_on: AtomicI64,
}

/// What the thread does next.
struct Plan {
    /// A reading of [`Clock::elapsed`].
    next: Duration,
    is_stopped: bool,
}

/// How following what is taken back fares.
#[derive(Debug, Clone, Default)]
pub struct RevocationStatus {
    /// How many times the issuer was asked.
    pub attempts: u64,
    /// The moment as of which everything is known that was taken back, by the clock of this
    /// machine; nothing before it was known the first time.
    pub known_at: Option<Timestamp>,
    /// The number of the issuer's last event that is known.
    pub event: Option<u64>,
    /// Why the latest attempt failed; nothing when it did not.
    pub error: Option<Arc<FollowError>>,
}

/// Why what was taken back could not be learned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FollowError {
    /// It is not known where the feed is.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// The issuer does not accept this API's own credentials.
    #[error(
        "the issuer does not let {client:?} read what was taken back (status {status}): is the secret right, the client enabled?"
    )]
    Credentials {
        /// The client that asks.
        client: String,
        /// 401 or 403.
        status: u16,
    },
    /// The feed is out of reach.
    #[error("what was taken back cannot be fetched from {url}: {}", told(.reason))]
    Fetch {
        /// From where.
        url: String,
        /// Why.
        reason: FetchError,
    },
    /// The answer is not to be trusted.
    #[error("what the feed answers is refused: {0}")]
    Document(#[from] FeedDocumentError),
    /// The answer does not go together with what is known.
    #[error("what the feed answers is refused: {0}")]
    OutOfOrder(&'static str),
    /// There is no randomness, or the program's own [`Fetch`] panicked.
    #[error("the question could not be asked: {0}")]
    Failed(String),
}

/// The limits of questions are others than those of documents.
fn told(reason: &FetchError) -> String {
    match reason {
        FetchError::Timeout => {
            format!("no complete answer within {} seconds", (WAIT + TIMEOUT).as_secs())
        }
        FetchError::TooLong => {
            format!("the answer is longer than {} KiB", document::MAX_LEN / 1024)
        }
        other => other.to_string(),
    }
}

/// What following takes beside [`FollowRevocations`].
pub struct Following {
    pub issuer: Box<str>,
    pub skew: Duration,
    pub jwks: JwksCache,
    pub revocations: Arc<Revocations>,
    pub fetch: Arc<dyn Fetch + Sync>,
}

impl RevocationFollower {
    /// Starts to follow.
    ///
    /// # Errors
    /// When the machine has no more threads.
    pub(crate) fn start(
        config: FollowRevocations,
        following: Following,
        clock: Arc<dyn Clock>,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            plan: Mutex::new(Plan { next: clock.elapsed(), is_stopped: false }),
            wake: Condvar::new(),
            known_at: AtomicU64::new(0),
            known_on: AtomicI64::new(0),
            clock: Arc::clone(&clock),
        });
        let introspector = (config.when_stale == StaleRevocations::Introspect).then(|| {
            let (fetch, authorization) =
                (Arc::clone(&following.fetch), config.authorization.clone());
            Introspector::new(following.issuer.clone(), fetch, authorization, clock)
        });
        let own_endpoint = own_endpoint(&following.issuer);
        let (sender, status) = watch::channel(RevocationStatus::default());
        let (when_stale, max_age) = (config.when_stale, config.max_age);
        let keeper = Keeper {
            shared: Arc::clone(&shared),
            following,
            client: config.client,
            authorization: config.authorization,
            endpoint: config.url.unwrap_or(own_endpoint),
            position: None,
            parts: None,
            failures: 0,
            status: sender,
        };
        thread::Builder::new().name("mintery-revoked".to_owned()).spawn(move || keeper.run())?;
        Ok(Self(Arc::new(Handle { shared, status, when_stale, max_age, introspector })))
    }

    /// How it fares: for a health check, or a log.
    #[must_use]
    pub fn status(&self) -> RevocationStatus {
        self.0.status.borrow().clone()
    }

    /// How old the knowledge is of what was taken back: [`Duration::MAX`] before there is any.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.0.shared.age()
    }

    /// Waits for the first attempt to end.
    ///
    /// # Errors
    /// When it failed.
    pub(crate) async fn first_attempt(&self) -> Result<(), Arc<FollowError>> {
        let mut status = self.0.status.clone();
        match status.wait_for(|status| status.attempts > 0).await {
            Ok(status) => status.error.clone().map_or(Ok(()), Err),
            // Nothing but the program's own clock can have done that.
            Err(_) => Err(Arc::new(FollowError::Failed("the thread that asks is gone".to_owned()))),
        }
    }

    /// Whether knowledge of this age says too little about a token.
    pub(crate) fn is_stale(&self, age: Duration) -> bool {
        self.0.when_stale != StaleRevocations::Accept && age > self.0.max_age
    }

    /// What asks the issuer instead, if that is wanted.
    pub(crate) fn introspector(&self) -> Option<&Introspector> {
        self.0.introspector.as_ref()
    }
}

impl fmt::Debug for RevocationFollower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationFollower")
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

    /// The greater of two ages. Between the two writes of another thread that is that of the older
    /// knowledge.
    fn age(&self) -> Duration {
        let Some(known_at) = self.known_at.load(Ordering::Acquire).checked_sub(1) else {
            return Duration::MAX;
        };
        let known_on = Timestamp::from_millis(self.known_on.load(Ordering::Acquire));
        let age = self.clock.elapsed().saturating_sub(Duration::from_millis(known_at));
        age.max(self.clock.now().since(known_on))
    }

    fn know(&self, as_of: Moment) {
        let known_at = u64::try_from(as_of.elapsed.as_millis()).unwrap_or(u64::MAX - 1);
        self.known_on.store(as_of.date.as_millis(), Ordering::Release);
        self.known_at.store(known_at.saturating_add(1), Ordering::Release);
    }

    /// Sleeps until it is time to ask; false when nobody needs to know any more.
    fn wait_for_turn(&self) -> bool {
        let mut plan = self.plan();
        loop {
            if plan.is_stopped {
                return false;
            }
            let now = self.clock.elapsed();
            if plan.next <= now {
                return true;
            }
            let nap = plan.next.saturating_sub(now).min(LONGEST_NAP);
            plan = self.wake.wait_timeout(plan, nap).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A moment by both clocks.
#[derive(Debug, Clone, Copy)]
struct Moment {
    elapsed: Duration,
    date: Timestamp,
}

impl Moment {
    fn now(clock: &dyn Clock) -> Self {
        Self { elapsed: clock.elapsed(), date: clock.now() }
    }

    fn minus(self, age: Duration) -> Self {
        Self { elapsed: self.elapsed.saturating_sub(age), date: self.date.minus(age) }
    }
}

/// How far the thread has come.
struct Position {
    event: u64,
    next: String,
}

/// The parts so far of what replaces all that is known.
struct Parts {
    /// The number of the last one.
    number: u64,
    to: u64,
    next: String,
    as_of: Moment,
    entries: Vec<Revocation>,
}

/// What became of a question.
enum Answered {
    /// There are more parts.
    Partly,
    /// Everything is known as of then.
    Fully { as_of: Moment, has_news: bool },
}

/// Where an issuer has its feed, unless something else is configured: at the issuer itself, since a
/// secret is sent there.
fn own_endpoint(issuer: &str) -> String {
    format!("{}/oauth/revocations", issuer.trim_end_matches('/'))
}

/// The thread.
struct Keeper {
    shared: Arc<Shared>,
    following: Following,
    client: String,
    authorization: Authorization,
    /// Where the feed is.
    endpoint: String,
    position: Option<Position>,
    parts: Option<Parts>,
    failures: u32,
    status: watch::Sender<RevocationStatus>,
}

impl Keeper {
    fn run(mut self) {
        while self.shared.wait_for_turn() {
            let began = self.shared.clock.elapsed();
            let answered = catch_unwind(AssertUnwindSafe(|| self.ask()))
                .unwrap_or_else(|panic| Err(FollowError::Failed(message(&*panic))));
            let error = match answered {
                Ok(Answered::Partly) => continue,
                Ok(Answered::Fully { as_of, has_news }) => {
                    self.failures = 0;
                    self.shared.know(as_of);
                    self.following.revocations.clean_some(self.shared.clock.now());
                    let did_wait = self.shared.clock.elapsed().saturating_sub(began) >= WAIT / 2;
                    let pause = if has_news || did_wait { PAUSE } else { LONG_PAUSE };
                    self.shared.plan().next = began.saturating_add(pause);
                    None
                }
                Err(error) => {
                    self.start_over(&error);
                    let [first, usual, refused] = RETRIES;
                    let longest = if matches!(error, FollowError::Credentials { .. }) {
                        refused
                    } else {
                        usual
                    };
                    let pause =
                        first.saturating_mul(2_u32.saturating_pow(self.failures)).min(longest);
                    self.failures = self.failures.saturating_add(1);
                    self.shared.plan().next = self.shared.clock.elapsed().saturating_add(pause);
                    Some(Arc::new(error))
                }
            };
            let known_on = self.shared.known_on.load(Ordering::Acquire);
            let is_known = self.shared.known_at.load(Ordering::Acquire) > 0;
            let event = self.position.as_ref().map(|position| position.event);
            self.status.send_modify(|status| {
                status.attempts += 1;
                status.known_at = is_known.then(|| Timestamp::from_millis(known_on));
                status.event = event.or(status.event);
                status.error = error;
            });
        }
    }

    /// After a failure: the feed may have moved, and what it says of a position that it does not
    /// understand, or answers in a way that is not understood here, will not be better the next
    /// time.
    fn start_over(&mut self, error: &FollowError) {
        self.parts = None;
        let is_lost = match error {
            FollowError::Document(_) | FollowError::OutOfOrder(_) => true,
            FollowError::Fetch { reason, .. } => *reason == FetchError::Status(400),
            _ => false,
        };
        if is_lost {
            self.position = None;
        }
    }

    /// Asks what was taken back since the last time, and takes it over.
    fn ask(&mut self) -> Result<Answered, FollowError> {
        let endpoint = self.endpoint.clone();
        let nonce =
            document::nonce().map_err(|_| FollowError::Failed("no randomness".to_owned()))?;
        let separator = if endpoint.contains('?') { '&' } else { '?' };
        let (after, wait) = match (&self.parts, &self.position) {
            (Some(parts), _) => (format!("&after={}", parts.next), Duration::ZERO),
            (None, Some(position)) => {
                (format!("&after={}&wait={}", position.next, WAIT.as_secs()), WAIT)
            }
            (None, None) => (String::new(), Duration::ZERO),
        };
        let url = format!("{endpoint}{separator}nonce={nonce}{after}");
        // What is answered was made after this.
        let asked = Moment::now(&*self.shared.clock);
        let request = Request {
            url: &url,
            authorization: self.authorization.as_str(),
            accept: ACCEPT,
            form: None,
            timeout: TIMEOUT + wait,
            max_len: document::MAX_LEN,
        };
        let answer = self.following.fetch.send(&request).map_err(|reason| match reason {
            FetchError::Status(status @ (401 | 403)) => {
                FollowError::Credentials { client: self.client.clone(), status }
            }
            reason => FollowError::Fetch { url: endpoint.clone(), reason },
        })?;
        let text = std::str::from_utf8(&answer.body).map_err(|_| FeedDocumentError::Malformed)?;
        let document = self.read(text.trim_ascii_end(), &endpoint, &nonce)?;
        self.take_over(document, asked)
    }

    /// Checks an answer. One that is signed with a key that is not known makes the keys be fetched.
    fn read(&self, text: &str, endpoint: &str, nonce: &str) -> Result<FeedDocument, FollowError> {
        let Following { issuer, jwks, skew, .. } = &self.following;
        let own = own_endpoint(issuer);
        let expected = Expected {
            issuer,
            audience: [endpoint, &own],
            nonce,
            now: self.shared.clock.now(),
            skew: *skew,
        };
        match document::read(text, &jwks.keys(), &expected) {
            Err(FeedDocumentError::UnknownKey) => {
                block_on(jwks.fetched_now());
                Ok(document::read(text, &jwks.keys(), &expected)?)
            }
            read => Ok(read?),
        }
    }

    fn take_over(
        &mut self,
        document: FeedDocument,
        asked: Moment,
    ) -> Result<Answered, FollowError> {
        let FeedDocument { contents, age, to, next, entries } = document;
        let as_of = asked.minus(age.unwrap_or_default());
        let has_keys = entries.iter().any(|entry| entry.mark.kind() == Kind::Key);
        let has_news = !entries.is_empty();
        let revocations = &self.following.revocations;
        let as_of = match contents {
            Contents::Changes { from } => {
                let is_next = self.parts.is_none()
                    && self.position.as_ref().is_some_and(|position| position.event == from);
                if !is_next {
                    return Err(FollowError::OutOfOrder(
                        "it does not begin where this API has come to",
                    ));
                }
                if has_news {
                    revocations.add(entries);
                }
                as_of
            }
            Contents::Part { number, is_last } => {
                let mut parts = match self.parts.take() {
                    // The issuer starts over whenever it has to.
                    _ if number == 1 => {
                        Parts { number, to, next: String::new(), as_of, entries: Vec::new() }
                    }
                    Some(parts)
                        if parts.number.checked_add(1) == Some(number) && parts.to == to =>
                    {
                        parts
                    }
                    _ => return Err(FollowError::OutOfOrder("its part is not the next one")),
                };
                if parts.entries.len() + entries.len() > MAX_ENTRIES {
                    return Err(FollowError::OutOfOrder("it has more than any issuer takes back"));
                }
                parts.entries.extend(entries);
                (parts.number, parts.next) = (number, next.clone());
                if !is_last {
                    if has_keys {
                        self.following.jwks.fetch_now();
                    }
                    self.parts = Some(parts);
                    return Ok(Answered::Partly);
                }
                revocations.replace(parts.entries);
                parts.as_of
            }
        };
        if has_keys {
            // Whoever has the private half could claim any number.
            self.following.jwks.fetch_now();
        }
        self.position = Some(Position { event: to, next });
        Ok(Answered::Fully {
            as_of,
            has_news: has_news || matches!(contents, Contents::Part { .. }),
        })
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    format!("the fetcher panicked: {text}")
}
