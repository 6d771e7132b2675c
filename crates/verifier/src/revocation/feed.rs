//! One reader of the issuer's revocation feed (`docs/reference/revocation-feed.md`), as a task of a
//! [`Poller`](crate::poller::Poller): asks, holds the question open until something is revoked, and
//! starts over when the issuer says so. A faulty answer changes nothing that is known.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::fetch::authorization::Authorization;
use crate::fetch::blocking::block_on;
use crate::fetch::{Fetch, FetchError, Request};
use crate::keys::discovery::DiscoveryError;
use crate::keys::jwks_cache::JwksCache;
use crate::model::revocation::{Kind, Revocation};
use crate::poller::{Retries, Status, Task, catch};
use crate::revocation::document;
use crate::revocation::document::{Contents, Expected, FeedDocument, FeedDocumentError};
use crate::revocation::freshness::{AsOf, Freshness};
use crate::revocation::known::Revocations;

/// The time for which the issuer is asked to wait for a revocation. An answer is as old as its
/// question and counts until the next one: knowledge is at most twice this old, plus the way there
/// and back, so this is short.
const WAIT: Duration = Duration::from_secs(1);

/// The time that an answer may take beyond that; enough for a part of a long list.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The least time from one question to the next, however much is revoked.
const PAUSE: Duration = Duration::from_millis(100);

/// The same where the issuer does not wait, because too many others wait there.
const LONG_PAUSE: Duration = Duration::from_secs(1);

/// The pause after a failure: the first, doubled each time up to the second, or up to the third if
/// the issuer rejects the credentials.
const RETRIES: [Duration; 3] =
    [Duration::from_millis(500), Duration::from_secs(5), Duration::from_secs(30)];

/// The maximum number of entries of a complete list: 150 MB of memory.
const MAX_ENTRIES: usize = 2_000_000;

/// The media type of an answer.
const ACCEPT: &str = "application/revocations+jwt";

/// The state of following the feed.
#[derive(Debug, Clone, Default)]
pub struct RevocationStatus {
    /// The number of complete answers and failures.
    pub attempts: u64,
    /// The moment as of which all revocations are known, by the clock of this machine; nothing
    /// before the first answer.
    pub known_at: Option<Timestamp>,
    /// The number of the issuer's last known event.
    pub event: Option<u64>,
    /// The reason why the latest attempt failed; nothing if it succeeded.
    pub error: Option<Arc<FollowError>>,
}

impl Status for RevocationStatus {
    type Error = FollowError;

    fn attempts(&self) -> u64 {
        self.attempts
    }

    fn result(&self) -> Result<(), Arc<FollowError>> {
        self.error.clone().map_or(Ok(()), Err)
    }
}

/// The reason why the feed could not be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FollowError {
    /// The URL of the feed is unknown.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// The issuer rejects this API's own credentials.
    #[error(
        "the issuer does not let {client:?} read revocations (status {status}): check the client, its secret and its scope"
    )]
    Credentials {
        /// The requesting client.
        client: String,
        /// 401 or 403.
        status: u16,
    },
    /// The feed is unreachable.
    #[error("cannot fetch revocations from {url}: {}", of_question(.reason))]
    Fetch {
        /// The address of the feed.
        url: String,
        /// The failure of the fetcher.
        reason: FetchError,
    },
    /// The answer cannot be trusted.
    #[error("the feed's response is invalid: {0}")]
    Document(#[from] FeedDocumentError),
    /// The response does not continue the known revocations.
    #[error("the feed's response is invalid: {0}")]
    OutOfOrder(&'static str),
    /// The machine has no randomness, or the program's own [`Fetch`] panicked.
    #[error("cannot send the request: {0}")]
    Failed(String),
}

/// The failure with the limits of a question, which are not those of a document.
fn of_question(reason: &FetchError) -> String {
    match reason {
        FetchError::Timeout => {
            format!("no complete response within {} seconds", (WAIT + TIMEOUT).as_secs())
        }
        FetchError::TooLong => {
            format!("the response is longer than {} KiB", document::MAX_LEN / 1024)
        }
        other => other.to_string(),
    }
}

/// A feed, the credentials to read it, and the places where its contents go.
pub struct Feed {
    pub issuer: Box<str>,
    /// The address, if it is configured.
    pub url: Option<String>,
    /// The client that asks, for errors.
    pub client: String,
    pub authorization: Authorization,
    pub fetch: Arc<dyn Fetch + Sync>,
    pub skew: Duration,
    pub jwks: JwksCache,
    pub revocations: Arc<Revocations>,
    pub freshness: Arc<Freshness>,
    pub clock: Arc<dyn Clock>,
}

/// The task: a feed, and the progress in reading it.
pub struct FeedReader {
    feed: Feed,
    endpoint: String,
    position: Option<Position>,
    parts: Option<Parts>,
    retries: Retries,
    error: Option<Arc<FollowError>>,
}

/// The last known position.
struct Position {
    event: u64,
    next: String,
}

/// The parts so far of a list that replaces all that is known.
struct Parts {
    /// The number of the last one.
    number: u64,
    to: u64,
    next: String,
    as_of: AsOf,
    entries: Vec<Revocation>,
}

/// The result of a question.
enum Answered {
    /// More parts follow.
    Partly,
    /// All is known as of then.
    Fully { as_of: AsOf, has_news: bool },
}

/// The address of an issuer's feed unless it is configured: at the issuer itself, since a secret is
/// sent there.
fn own_endpoint(issuer: &str) -> String {
    format!("{}/oauth/revocations", issuer.trim_end_matches('/'))
}

impl Task for FeedReader {
    type Status = RevocationStatus;

    fn turn(&mut self) -> Option<Duration> {
        let clock = Arc::clone(&self.feed.clock);
        let began = clock.elapsed();
        let panicked = |text| FollowError::Failed(format!("the fetcher panicked: {text}"));
        match catch(|| self.ask(), panicked) {
            Ok(Answered::Partly) => None,
            Ok(Answered::Fully { as_of, has_news }) => {
                self.retries.reset();
                self.error = None;
                self.feed.freshness.set(as_of);
                self.feed.revocations.clean_some(clock.now());
                let did_wait = clock.elapsed().saturating_sub(began) >= WAIT / 2;
                let pause = if has_news || did_wait { PAUSE } else { LONG_PAUSE };
                Some(began.saturating_add(pause))
            }
            Err(error) => {
                self.start_over(&error);
                let [first, usual, rejected] = RETRIES;
                let is_rejected = matches!(error, FollowError::Credentials { .. });
                let pause = self.retries.pause(first, if is_rejected { rejected } else { usual });
                self.error = Some(Arc::new(error));
                Some(clock.elapsed().saturating_add(pause))
            }
        }
    }

    fn report(&mut self, status: &mut RevocationStatus) {
        let event = self.position.as_ref().map(|position| position.event);
        status.attempts += 1;
        status.known_at = self.feed.freshness.known_on();
        status.event = event.or(status.event);
        status.error.clone_from(&self.error);
    }
}

impl FeedReader {
    pub fn new(mut feed: Feed) -> Self {
        let endpoint = feed.url.take().unwrap_or_else(|| own_endpoint(&feed.issuer));
        let retries = Retries::default();
        Self { feed, endpoint, position: None, parts: None, retries, error: None }
    }

    /// Forgets the position after a failure that would repeat: the issuer does not understand the
    /// position, or its answer to it is not understood here.
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

    /// Asks for the revocations since the last answer, and takes them over.
    fn ask(&mut self) -> Result<Answered, FollowError> {
        let nonce =
            document::nonce().map_err(|_| FollowError::Failed("no randomness".to_owned()))?;
        let separator = if self.endpoint.contains('?') { '&' } else { '?' };
        let (after, wait) = match (&self.parts, &self.position) {
            (Some(parts), _) => (format!("&after={}", parts.next), Duration::ZERO),
            (None, Some(position)) => {
                (format!("&after={}&wait={}", position.next, WAIT.as_secs()), WAIT)
            }
            (None, None) => (String::new(), Duration::ZERO),
        };
        let url = format!("{}{separator}nonce={nonce}{after}", self.endpoint);
        // Before the question: the answer is made later.
        let asked = AsOf::now(&*self.feed.clock);
        let request = Request {
            url: &url,
            authorization: self.feed.authorization.as_str(),
            accept: ACCEPT,
            form: None,
            timeout: TIMEOUT + wait,
            max_len: document::MAX_LEN,
        };
        let answer = self.feed.fetch.send(&request).map_err(|reason| match reason {
            FetchError::Status(status @ (401 | 403)) => {
                FollowError::Credentials { client: self.feed.client.clone(), status }
            }
            reason => FollowError::Fetch { url: self.endpoint.clone(), reason },
        })?;
        let text = std::str::from_utf8(&answer.body).map_err(|_| FeedDocumentError::Malformed)?;
        let document = self.read(text.trim_ascii_end(), &nonce)?;
        self.take_over(document, asked)
    }

    /// Checks an answer. An unknown signing key makes the keys be fetched first.
    fn read(&self, text: &str, nonce: &str) -> Result<FeedDocument, FollowError> {
        let Feed { issuer, jwks, skew, clock, .. } = &self.feed;
        let own = own_endpoint(issuer);
        let expected = Expected {
            issuer,
            audience: [&self.endpoint, &own],
            nonce,
            now: clock.now(),
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

    fn take_over(&mut self, document: FeedDocument, asked: AsOf) -> Result<Answered, FollowError> {
        let as_of = asked.minus(document.age.unwrap_or_default());
        let has_keys = document.entries.iter().any(|entry| entry.mark.kind() == Kind::Key);
        let (to, next) = (document.to, document.next.clone());
        let answered = match document.contents {
            Contents::Changes { from } => self.add_changes(from, document.entries, as_of)?,
            Contents::Part { number, is_last } => {
                self.add_part(number, is_last, document, as_of)?
            }
        };
        if has_keys {
            // The holder of a stolen key could write any event number into a token.
            self.feed.jwks.fetch_now();
        }
        if matches!(answered, Answered::Fully { .. }) {
            self.position = Some(Position { event: to, next });
        }
        Ok(answered)
    }

    /// Adds the revocations since event `from`.
    fn add_changes(
        &self,
        from: u64,
        entries: Vec<Revocation>,
        as_of: AsOf,
    ) -> Result<Answered, FollowError> {
        let is_next = self.parts.is_none()
            && self.position.as_ref().is_some_and(|position| position.event == from);
        if !is_next {
            return Err(FollowError::OutOfOrder(
                "it does not continue from the last applied event",
            ));
        }
        let has_news = !entries.is_empty();
        if has_news {
            self.feed.revocations.add(entries);
        }
        Ok(Answered::Fully { as_of, has_news })
    }

    /// Adds one part of the list that replaces all that is known, and replaces it after the last.
    fn add_part(
        &mut self,
        number: u64,
        is_last: bool,
        document: FeedDocument,
        as_of: AsOf,
    ) -> Result<Answered, FollowError> {
        let FeedDocument { to, next, entries, .. } = document;
        let mut parts = match self.parts.take() {
            // The issuer starts over whenever it has to.
            _ if number == 1 => {
                Parts { number, to, next: String::new(), as_of, entries: Vec::new() }
            }
            Some(parts) if parts.number.checked_add(1) == Some(number) && parts.to == to => parts,
            _ => return Err(FollowError::OutOfOrder("it is not the next part")),
        };
        if parts.entries.len() + entries.len() > MAX_ENTRIES {
            return Err(FollowError::OutOfOrder("it has too many revocations"));
        }
        parts.entries.extend(entries);
        (parts.number, parts.next) = (number, next);
        if is_last {
            self.feed.revocations.replace(parts.entries);
            return Ok(Answered::Fully { as_of: parts.as_of, has_news: true });
        }
        self.parts = Some(parts);
        Ok(Answered::Partly)
    }
}
