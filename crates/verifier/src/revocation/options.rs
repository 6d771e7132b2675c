//! The settings of a verifier that follows revocations: the client in whose name it asks, and the
//! policy while it cannot.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::fetch::Fetch;
use crate::fetch::authorization::Authorization;

/// The default of [`FollowRevocations::max_age`].
pub const DEFAULT_MAX_AGE: Duration = Duration::from_secs(10);

/// The policy for tokens while revocations are not known for sure: the issuer is out of reach, or
/// cut off from its own database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum StaleRevocations {
    /// Accept them by the revocations that are known. An attacker who blocks the feed keeps a
    /// revoked token alive until it expires. [`Principal::freshness`](crate::Principal::freshness)
    /// gives each handler the age of the knowledge.
    Accept,
    /// Fail closed with
    /// [`VerifyError::StaleRevocations`](crate::VerifyError::StaleRevocations), a response of 503:
    /// the API is down once the issuer has been down for longer than `max_age`. The default, so
    /// that a revoked token never opens anything.
    #[default]
    Refuse,
    /// Ask the issuer about each token (RFC 7662) with the same credentials, and
    /// [`Refuse`](Self::Refuse) if that fails. An answer counts for a second.
    Introspect,
}

/// Makes a verifier follow revocations, as a client of the issuer. The client needs no scope.
#[must_use]
pub struct FollowRevocations {
    pub(crate) client: String,
    pub(crate) authorization: Authorization,
    pub(crate) url: Option<String>,
    pub(crate) when_stale: StaleRevocations,
    pub(crate) max_age: Duration,
    pub(crate) fetch: Option<Arc<dyn Fetch + Sync>>,
}

impl fmt::Debug for FollowRevocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FollowRevocations")
            .field("client", &self.client)
            .field("when_stale", &self.when_stale)
            .field("max_age", &self.max_age)
            .finish_non_exhaustive()
    }
}

impl FollowRevocations {
    /// Asks as the client with this id and secret.
    pub fn with_secret(client_id: impl Into<String>, secret: impl Into<String>) -> Self {
        let client = client_id.into();
        let authorization = Authorization::basic(&client, secret.into());
        Self::new(client, authorization)
    }

    /// Asks with an API key of a client. A key opens the feed alone, so
    /// [`StaleRevocations::Introspect`] then equals [`Refuse`](StaleRevocations::Refuse).
    pub fn with_api_key(key: impl Into<String>) -> Self {
        Self::new("the owner of the API key".to_owned(), Authorization::bearer(key.into()))
    }

    fn new(client: String, authorization: Authorization) -> Self {
        Self {
            client,
            authorization,
            url: None,
            when_stale: StaleRevocations::default(),
            max_age: DEFAULT_MAX_AGE,
            fetch: None,
        }
    }

    /// Sets the address of the feed, for an issuer that does not publish metadata. The secret is
    /// sent there.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// Sets the policy while the knowledge is older than [`max_age`](Self::max_age).
    pub const fn when_stale(mut self, policy: StaleRevocations) -> Self {
        self.when_stale = policy;
        self
    }

    /// Sets the greatest age of the knowledge; ten seconds by default. Below three, it is exceeded
    /// now and then although all is well.
    pub const fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = max_age;
        self
    }

    /// Asks with `fetch`, which needs [`Fetch::send`], instead of `HttpFetcher`. A verifier with a
    /// [`fetcher`](crate::VerifierBuilder::fetcher) of its own needs one here too, since another
    /// thread follows the feed.
    pub fn fetcher(mut self, fetch: impl Fetch + Sync) -> Self {
        self.fetch = Some(Arc::new(fetch));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::FollowRevocations;

    #[test]
    fn credentials_are_not_printed() {
        let follow = FollowRevocations::with_secret("a:b", "c d");
        // printf 'a%%3Ab:c+d' | base64
        assert_eq!(follow.authorization.as_str(), "Basic YSUzQWI6Yytk");
        assert!(!format!("{follow:?}").contains("Basic"));
    }
}
