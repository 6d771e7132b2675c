//! How a [`Verifier`] is put together.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::fetch::Fetch;
use crate::fetch::address::Address;
use crate::keys::discovery::may_fetch;
use crate::keys::jwks_cache::{JwksCache, RefreshError, Source};
use crate::keys::key_set::{KeySet, KeySetError};
use crate::model::environment::Environments;
use crate::revocation::follower::{FollowError, Following, RevocationFollower};
use crate::revocation::known::Revocations;
use crate::revocation::options::FollowRevocations;
use crate::token::verifier::{DEFAULT_ENVIRONMENTS, DEFAULT_SKEW, Terms, Verifier};

/// A verifier for an issuer, that does not know yet which API it is for: without that, a token for
/// somebody else's API would open this one (RFC 9068 §4).
#[derive(Debug, Clone)]
#[must_use]
pub struct BuilderForIssuer(String);

impl BuilderForIssuer {
    pub(crate) const fn new(issuer: String) -> Self {
        Self(issuer)
    }

    /// This API: what must stand in `aud`, and what clients ask for as `resource` (RFC 8707).
    /// Usually its URL.
    pub fn audience(self, audience: impl Into<String>) -> VerifierBuilder {
        VerifierBuilder {
            issuer: self.0,
            audience: audience.into(),
            skew: DEFAULT_SKEW,
            environments: DEFAULT_ENVIRONMENTS,
            jwks_uri: None,
            refresh_every: None,
            fetch: None,
            shared_key: None,
            revocations: None,
            clock: Arc::new(SystemClock::default()),
        }
    }
}

/// A verifier in the making.
#[must_use]
pub struct VerifierBuilder {
    issuer: String,
    audience: String,
    skew: Duration,
    environments: Environments,
    jwks_uri: Option<String>,
    refresh_every: Option<Duration>,
    fetch: Option<Box<dyn Fetch>>,
    shared_key: Option<(String, Vec<u8>)>,
    revocations: Option<FollowRevocations>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for VerifierBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifierBuilder")
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

/// Why there is no verifier.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The issuer, or the address of its keys, is no https URL, and no http URL of this very
    /// machine. Anybody on the way could put keys of their own in place of the issuer's.
    #[error(
        "{0:?} is not to be trusted: https is needed, or http on this very machine, and no user or fragment"
    )]
    Insecure(String),
    /// The audience is no text that can stand in `aud` and in a header: visible ASCII, no quote, no
    /// backslash.
    #[error("{0:?} is no audience: the URL of this API is expected")]
    Audience(String),
    /// The secret for HS256 cannot be used.
    #[error(transparent)]
    SharedKey(#[from] KeySetError),
    /// Without the feature `fetch` the program has to bring a [`Fetch`].
    #[error("nothing to fetch with: give a `fetcher`, or enable the feature `fetch`")]
    NoFetcher,
    /// A verifier with a fetcher of its own follows what is taken back with another one, since that
    /// goes on at the same time.
    #[error("nothing to follow what is taken back with: give `FollowRevocations` a `fetcher` too")]
    NoFetcherToFollow,
    /// The operating system refuses a thread.
    #[error("no thread to keep the keys: {0}")]
    Thread(#[from] std::io::Error),
    /// The issuer's keys could not be had now. [`VerifierBuilder::start`] does not insist on them.
    #[error(transparent)]
    Keys(#[from] Arc<RefreshError>),
    /// What was taken back could not be learned now. [`VerifierBuilder::start`] does not insist on
    /// that.
    #[error(transparent)]
    Revocations(#[from] Arc<FollowError>),
}

impl VerifierBuilder {
    /// How far into the future `iat` and `nbf` may be, for clocks that do not agree; 10 seconds by
    /// default.
    pub const fn skew(mut self, skew: Duration) -> Self {
        self.skew = skew;
        self
    }

    /// From which API keys a token may be made: those for the real thing (`live`) by default, so
    /// that a key for trying out opens nothing that matters. Tokens that a client asked for
    /// have no environment, and are not concerned.
    pub const fn environments(mut self, environments: Environments) -> Self {
        self.environments = environments;
        self
    }

    /// Where the issuer's keys are, for one that does not publish metadata.
    pub fn jwks_uri(mut self, url: impl Into<String>) -> Self {
        self.jwks_uri = Some(url.into());
        self
    }

    /// After how long the keys are fetched again, whatever the issuer's `Cache-Control` says; at
    /// least a second.
    pub fn refresh_every(mut self, interval: Duration) -> Self {
        self.refresh_every = Some(interval.max(Duration::from_secs(1)));
        self
    }

    /// Fetches with `fetch` instead of `HttpFetcher`: through a proxy, say, or with other roots.
    pub fn fetcher(mut self, fetch: impl Fetch) -> Self {
        self.fetch = Some(Box::new(fetch));
        self
    }

    /// Accepts HS256 too, with this secret under this `kid`. Whoever has the secret can make
    /// tokens: every API that verifies with it can impersonate every client at every other.
    /// Only where issuer and APIs are in one hand.
    pub fn shared_key(mut self, kid: impl Into<String>, secret: impl Into<Vec<u8>>) -> Self {
        self.shared_key = Some((kid.into(), secret.into()));
        self
    }

    /// Follows what the issuer takes back, in the name of a client of it: what is taken back is
    /// refused here within a second. What is done while that cannot be followed is part of it;
    /// see [`FollowRevocations::when_stale`].
    pub fn revocations(mut self, follow: FollowRevocations) -> Self {
        self.revocations = Some(follow);
        self
    }

    /// Takes the time from `clock`.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Finds the issuer's metadata and keys. It works in any runtime, or none.
    ///
    /// # Errors
    /// When something is configured wrongly, or the keys, or what was taken back where that is
    /// followed, cannot be had now.
    pub async fn build(self) -> Result<Verifier, BuildError> {
        let verifier = self.start()?;
        if let Some(jwks) = verifier.jwks() {
            jwks.first_attempt().await?;
        }
        if let Some(follower) = verifier.follower() {
            follower.first_attempt().await?;
        }
        Ok(verifier)
    }

    /// The same without waiting for the keys, and for what was taken back: a program starts while
    /// the issuer is down. Until the keys have come, every well-formed token is answered with
    /// [`VerifyError::KeysUnavailable`](crate::VerifyError::KeysUnavailable).
    ///
    /// # Errors
    /// When something is configured wrongly.
    pub fn start(self) -> Result<Verifier, BuildError> {
        let feed = self.revocations.as_ref().and_then(|follow| follow.url.as_ref());
        for url in self.jwks_uri.iter().chain([&self.issuer]).chain(feed) {
            if !may_fetch(url).is_some_and(|address| address.is_authentic()) {
                return Err(BuildError::Insecure(url.clone()));
            }
        }
        if Address::parse(&self.issuer).is_none() {
            return Err(BuildError::Insecure(self.issuer));
        }
        if self.audience.is_empty() || !self.audience.bytes().all(is_audience_byte) {
            return Err(BuildError::Audience(self.audience));
        }
        let own = match self.shared_key {
            Some((kid, secret)) => KeySet::default().with_shared_key(&kid, &secret)?,
            None => KeySet::default(),
        };
        let (clock, skew, environments) = (self.clock, self.skew, self.environments);
        // Asked before the fetcher is given away.
        let to_follow = match &self.revocations {
            Some(FollowRevocations { fetch: Some(fetch), .. }) => Some(Arc::clone(fetch)),
            Some(_) if self.fetch.is_some() => return Err(BuildError::NoFetcherToFollow),
            Some(_) => Some(usual_fetcher().ok_or(BuildError::NoFetcher)?.into()),
            None => None,
        };
        let usual = || usual_fetcher().map(|fetch| fetch as Box<dyn Fetch>);
        let source = Source {
            issuer: self.issuer.as_str().into(),
            jwks_uri: self.jwks_uri,
            fetch: self.fetch.or_else(usual).ok_or(BuildError::NoFetcher)?,
            own,
            refresh_every: self.refresh_every,
        };
        let terms = Terms {
            issuer: self.issuer.into(),
            audience: self.audience.into(),
            skew,
            environments,
        };
        let jwks = JwksCache::start(source, Arc::clone(&clock))?;
        let revocations: Arc<Revocations> = Arc::default();
        let follower = match (self.revocations, to_follow) {
            (Some(follow), Some(fetch)) => {
                let (issuer, jwks) = (terms.issuer.clone(), jwks.clone());
                let following =
                    Following { issuer, skew, jwks, revocations: Arc::clone(&revocations), fetch };
                Some(RevocationFollower::start(follow, following, Arc::clone(&clock))?)
            }
            _ => None,
        };
        Ok(Verifier::with_source(terms, jwks, revocations, follower, clock))
    }
}

/// What may stand in a quoted string of a header as it is.
const fn is_audience_byte(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

#[cfg(feature = "fetch")]
#[expect(clippy::unnecessary_wraps, reason = "without the feature there is none")]
fn usual_fetcher() -> Option<Box<dyn Fetch + Sync>> {
    Some(Box::new(crate::fetch::http::HttpFetcher::new()))
}

#[cfg(not(feature = "fetch"))]
const fn usual_fetcher() -> Option<Box<dyn Fetch + Sync>> {
    None
}
