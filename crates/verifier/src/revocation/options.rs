//! How a verifier follows what is taken back: in whose name, and what it does when it cannot.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::fetch::Fetch;

/// How old the knowledge may be of what was taken back, unless it is said otherwise.
pub const DEFAULT_MAX_AGE: Duration = Duration::from_secs(10);

/// What becomes of tokens while it is not known for sure whether they were taken back: the issuer
/// is out of reach, or does not know itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum StaleRevocations {
    /// They are good as far as is known: who stops the feed makes what was taken back live until it
    /// expires. [`Principal::freshness`](crate::Principal::freshness) tells each handler how
    /// old the knowledge is.
    Accept,
    /// [`VerifyError::StaleRevocations`](crate::VerifyError::StaleRevocations), an answer of 503:
    /// an API whose issuer is down for longer than the knowledge may be old is down too. The
    /// default, for what was taken back must not open anything.
    #[default]
    Refuse,
    /// The issuer is asked about each token (RFC 7662) with the same credentials; as
    /// [`Refuse`](Self::Refuse) when that fails. An answer counts for a second.
    Introspect,
}

/// Makes a verifier follow what is taken back, as a client of the issuer, which needs no scope for
/// that.
#[must_use]
pub struct FollowRevocations {
    pub(crate) client: String,
    pub(crate) authorization: Authorization,
    pub(crate) url: Option<String>,
    pub(crate) when_stale: StaleRevocations,
    pub(crate) max_age: Duration,
    pub(crate) fetch: Option<Arc<dyn Fetch + Sync>>,
}

/// The value of a header, wiped when it is forgotten.
#[derive(Clone)]
pub(crate) struct Authorization(Zeroizing<String>);

impl Authorization {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
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
    /// As the client with this id and secret.
    pub fn with_secret(client_id: impl Into<String>, secret: impl Into<String>) -> Self {
        let (client, secret) = (client_id.into(), Zeroizing::new(secret.into()));
        let authorization = Authorization(basic(&client, &secret));
        Self {
            client,
            authorization,
            url: None,
            when_stale: StaleRevocations::default(),
            max_age: DEFAULT_MAX_AGE,
            fetch: None,
        }
    }

    /// As the client whose API key this is. A key asks for the feed alone:
    /// [`StaleRevocations::Introspect`] then is as [`Refuse`](StaleRevocations::Refuse).
    pub fn with_api_key(key: impl Into<String>) -> Self {
        let key = Zeroizing::new(key.into());
        let authorization = Authorization(Zeroizing::new(["Bearer ", key.trim()].concat()));
        Self {
            client: "the owner of the API key".to_owned(),
            authorization,
            ..Self::with_secret("", "")
        }
    }

    /// Where the feed is, for an issuer that does not publish metadata. The secret is sent there.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// What becomes of tokens while the knowledge is older than it may be.
    pub const fn when_stale(mut self, policy: StaleRevocations) -> Self {
        self.when_stale = policy;
        self
    }

    /// How old the knowledge may be; ten seconds by default. Below three it is now and then older
    /// though all is well.
    pub const fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = max_age;
        self
    }

    /// Asks with `fetch`, which needs [`Fetch::send`], instead of `HttpFetcher`. A verifier with a
    /// [`fetcher`](crate::VerifierBuilder::fetcher) of its own needs one here too: the feed is
    /// followed on another thread.
    pub fn fetcher(mut self, fetch: impl Fetch + Sync) -> Self {
        self.fetch = Some(Arc::new(fetch));
        self
    }
}

/// The value of `Authorization` of a client (RFC 6749 §2.3.1): both are form-encoded before they
/// are put together.
#[must_use]
pub fn basic(client: &str, secret: &str) -> Zeroizing<String> {
    let pair = Zeroizing::new([&*form_encoded(client), ":", &*form_encoded(secret)].concat());
    let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
    Zeroizing::new(["Basic ", &encoded].concat())
}

/// `application/x-www-form-urlencoded` (RFC 6749 Appendix B).
pub fn form_encoded(text: &str) -> Zeroizing<String> {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |value: u8| HEX.get(usize::from(value)).copied().map_or('0', char::from);
    // Room for all of it, so that nothing is left behind where it grew.
    let mut encoded = Zeroizing::new(String::with_capacity(text.len() * 3));
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => {
                encoded.push(char::from(byte));
            }
            b' ' => encoded.push('+'),
            _ => encoded.extend(['%', digit(byte >> 4), digit(byte & 15)]),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::{FollowRevocations, form_encoded};

    #[test]
    fn credentials_are_encoded_as_the_rfc_says() {
        assert_eq!(*form_encoded("a b:c%+é-._*~"), "a+b%3Ac%25%2B%C3%A9-._*%7E");
        let follow = FollowRevocations::with_secret("a:b", "c d");
        // printf 'a%%3Ab:c+d' | base64
        assert_eq!(follow.authorization.as_str(), "Basic YSUzQWI6Yytk");
        assert!(!format!("{follow:?}").contains("Basic"));
    }
}
