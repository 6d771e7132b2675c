//! The handle of a verifier that follows the revocation feed: how old the knowledge is, and whether
//! that is too old. A thread reads the [feed](super::feed).

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::fetch::Fetch;
use crate::keys::jwks_cache::JwksCache;
use crate::poller::Poller;
use crate::revocation::feed::{Feed, FeedReader, FollowError, RevocationStatus};
use crate::revocation::freshness::Freshness;
use crate::revocation::introspector::Introspector;
use crate::revocation::known::Revocations;
use crate::revocation::options::{FollowRevocations, StaleRevocations};

/// The thread that follows the revocation feed, and its state. The thread ends with the last
/// handle.
#[derive(Clone)]
pub struct RevocationFollower(Arc<Following>);

struct Following {
    freshness: Arc<Freshness>,
    when_stale: StaleRevocations,
    max_age: Duration,
    introspector: Option<Introspector>,
    poller: Poller<RevocationStatus>,
}

/// The parts of a verifier that following needs, beside [`FollowRevocations`].
pub struct Followed {
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
    /// Fails if the operating system refuses a thread.
    pub(crate) fn start(
        config: FollowRevocations,
        followed: Followed,
        clock: Arc<dyn Clock>,
    ) -> io::Result<Self> {
        let FollowRevocations { client, authorization, url, when_stale, max_age, .. } = config;
        let Followed { issuer, skew, jwks, revocations, fetch } = followed;
        let introspector = (when_stale == StaleRevocations::Introspect).then(|| {
            let (issuer, fetch) = (issuer.clone(), Arc::clone(&fetch));
            Introspector::new(issuer, fetch, authorization.clone(), Arc::clone(&clock))
        });
        let freshness = Arc::new(Freshness::unknown(Arc::clone(&clock)));
        let reader = FeedReader::new(Feed {
            issuer,
            url,
            client,
            authorization,
            fetch,
            skew,
            jwks,
            revocations,
            freshness: Arc::clone(&freshness),
            clock: Arc::clone(&clock),
        });
        let poller = Poller::start("mintery-revoked", clock, reader)?;
        Ok(Self(Arc::new(Following { freshness, when_stale, max_age, introspector, poller })))
    }

    /// The state of following, for a health check or a log.
    #[must_use]
    pub fn status(&self) -> RevocationStatus {
        self.0.poller.status().clone()
    }

    /// The age of the knowledge of revocations: [`Duration::MAX`] before there is any.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.0.freshness.age()
    }

    /// Waits for the first attempt.
    ///
    /// # Errors
    /// Fails if the attempt failed.
    pub(crate) async fn first_attempt(&self) -> Result<(), Arc<FollowError>> {
        let gone = || FollowError::Failed("the follower's thread has ended".to_owned());
        self.0.poller.first_attempt(gone).await
    }

    /// Returns true if knowledge of this age is too old for a decision.
    pub(crate) fn is_stale(&self, age: Duration) -> bool {
        self.0.when_stale != StaleRevocations::Accept && age > self.0.max_age
    }

    /// The part that asks the issuer about single tokens instead, if that is configured.
    pub(crate) fn introspector(&self) -> Option<&Introspector> {
        self.0.introspector.as_ref()
    }
}

impl fmt::Debug for RevocationFollower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationFollower")
            .field("status", &*self.0.poller.status())
            .finish_non_exhaustive()
    }
}
