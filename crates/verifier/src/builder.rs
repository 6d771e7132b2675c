//! The builder of a [`Verifier`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::fetch::Fetch;
use crate::fetch::address::{Address, may_fetch};
use crate::keys::jwks_cache::{JwksCache, RefreshError, Source};
use crate::keys::key_set::{KeySet, KeySetError};
use crate::model::environment::Environments;
use crate::revocation::feed::FollowError;
use crate::revocation::follower::{Followed, RevocationFollower};
use crate::revocation::known::Revocations;
use crate::revocation::options::FollowRevocations;
use crate::token::terms::{DEFAULT_ENVIRONMENTS, DEFAULT_SKEW, Terms};
use crate::token::verifier::Verifier;

impl Verifier {
    /// Begins a verifier for the tokens of `issuer`, which discovers the issuer's keys.
    pub fn builder(issuer: impl Into<String>) -> BuilderForIssuer {
        BuilderForIssuer(issuer.into())
    }
}

/// A builder without an audience yet. There is no verifier without one, since a token for another
/// API would open this one (RFC 9068 §4).
#[derive(Debug, Clone)]
#[must_use]
pub struct BuilderForIssuer(String);

impl BuilderForIssuer {
    /// Sets this API, usually its URL: the value that must stand in `aud`, and that clients request
    /// as `resource` (RFC 8707).
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

/// The settings of a verifier.
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

/// The reason why a verifier could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The issuer, or the address of its keys or feed, is neither an https URL nor an http URL of
    /// this machine. An attacker on the way could replace the issuer's keys.
    #[error(
        "{0:?} is not a trusted URL: use https, or http on a loopback address, without user and fragment"
    )]
    Insecure(String),
    /// The audience is not text that fits into `aud` and a header: visible ASCII without quote and
    /// backslash.
    #[error("{0:?} is not an audience: use the URL of this API")]
    Audience(String),
    /// The secret for HS256 cannot be used.
    #[error(transparent)]
    SharedKey(#[from] KeySetError),
    /// The feature `fetch` is off and the program brings no [`Fetch`].
    #[error("no fetcher: pass a `fetcher`, or enable the feature `fetch`")]
    NoFetcher,
    /// A verifier with a fetcher of its own needs another one to follow revocations, since both are
    /// used at the same time.
    #[error("no fetcher for revocations: pass a `fetcher` to `FollowRevocations` too")]
    NoFetcherToFollow,
    /// The operating system refuses a thread.
    #[error("cannot start the thread that refreshes the keys: {0}")]
    Thread(#[from] std::io::Error),
    /// The issuer's keys could not be fetched now. [`VerifierBuilder::start`] does not wait for them.
    #[error(transparent)]
    Keys(#[from] Arc<RefreshError>),
    /// Revocations could not be fetched now. [`VerifierBuilder::start`] does not wait for them.
    #[error(transparent)]
    Revocations(#[from] Arc<FollowError>),
}

impl VerifierBuilder {
    /// Sets the accepted difference of clocks, by which `iat` and `nbf` may lie in the future; 10
    /// seconds by default.
    pub const fn skew(mut self, skew: Duration) -> Self {
        self.skew = skew;
        self
    }

    /// Sets the accepted environments of API keys that tokens are made from: `live` by default, so
    /// that a test key opens nothing in production. Tokens that a client requested have no
    /// environment and are always accepted.
    pub const fn environments(mut self, environments: Environments) -> Self {
        self.environments = environments;
        self
    }

    /// Sets the address of the issuer's keys, for an issuer that does not publish metadata.
    pub fn jwks_uri(mut self, url: impl Into<String>) -> Self {
        self.jwks_uri = Some(url.into());
        self
    }

    /// Sets the interval between two fetches of the keys, in place of the issuer's `Cache-Control`;
    /// at least a second.
    pub fn refresh_every(mut self, interval: Duration) -> Self {
        self.refresh_every = Some(interval.max(Duration::from_secs(1)));
        self
    }

    /// Fetches with `fetch` instead of `HttpFetcher`: through a proxy, or with other roots.
    pub fn fetcher(mut self, fetch: impl Fetch) -> Self {
        self.fetch = Some(Box::new(fetch));
        self
    }

    /// Accepts HS256 too, with this secret under this `kid`. Every holder of the secret can make
    /// tokens, so each API that verifies with it can impersonate every client at every other API.
    /// Use it only where one party runs the issuer and the APIs.
    pub fn shared_key(mut self, kid: impl Into<String>, secret: impl Into<Vec<u8>>) -> Self {
        self.shared_key = Some((kid.into(), secret.into()));
        self
    }

    /// Follows the issuer's revocations, as one of its clients, so that a revoked token is rejected
    /// within a second. [`FollowRevocations::when_stale`] decides while the issuer is out of reach.
    pub fn revocations(mut self, follow: FollowRevocations) -> Self {
        self.revocations = Some(follow);
        self
    }

    /// Reads the time from `clock`.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Builds the verifier, and waits for the issuer's keys and, if they are followed, revocations.
    /// It works in any runtime, or none.
    ///
    /// # Errors
    /// Fails if a setting is invalid, or keys or revocations cannot be fetched now.
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

    /// Builds the verifier without waiting, so that a program starts while the issuer is down. Until
    /// the keys arrive, every well-formed token fails with
    /// [`VerifyError::KeysUnavailable`](crate::VerifyError::KeysUnavailable).
    ///
    /// # Errors
    /// Fails if a setting is invalid.
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
        // Before the fetcher is moved.
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
                let revocations = Arc::clone(&revocations);
                let followed = Followed { issuer, skew, jwks, revocations, fetch };
                Some(RevocationFollower::start(follow, followed, Arc::clone(&clock))?)
            }
            _ => None,
        };
        Ok(Verifier::with_source(terms, jwks, revocations, follower, clock))
    }
}

/// Returns true for bytes that need no escape in a quoted string of a header.
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
