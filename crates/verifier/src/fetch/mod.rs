//! HTTP requests to the issuer, behind the trait [`Fetch`]: a program may bring a client of its
//! own. `HttpFetcher` is the usual one (feature `fetch`).
//!
//! [`authorization`] and `http::agent` serve the commands of Mintery's server too.

pub(crate) mod address;
pub mod authorization;
pub(crate) mod blocking;
#[cfg(feature = "fetch")]
pub mod http;

use std::fmt;
use std::time::Duration;

/// The longest document that is accepted, in bytes.
pub const MAX_DOCUMENT_LEN: usize = 64 * 1024;

/// The longest time for fetching one document.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(3);

/// Fetches documents by HTTP.
///
/// The verifier calls it on a thread of its own, so it may block. It should follow no redirect (an
/// open redirect at the issuer's host would let an attacker choose the keys), accept at most
/// [`MAX_DOCUMENT_LEN`] bytes, and give up after [`FETCH_TIMEOUT`]: a request whose token has an
/// unknown key waits for it.
pub trait Fetch: Send + 'static {
    /// Fetches the document at `url` with GET.
    ///
    /// # Errors
    /// Fails if no answer with the status 200 arrives.
    fn get(&self, url: &str) -> Result<Document, FetchError>;

    /// Sends a request with the credentials of this API: for revocations, or about one token. A
    /// fetcher for documents alone leaves this out, and then revocations cannot be followed.
    ///
    /// The rules are the same, with the limits of the request. Keep the connection open: the next
    /// request follows soon.
    ///
    /// # Errors
    /// Fails if no answer with the status 200 arrives.
    fn send(&self, request: &Request<'_>) -> Result<Document, FetchError> {
        let _ = request;
        Err(FetchError::Unsupported)
    }
}

/// A request to the issuer with the credentials of this API.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Request<'a> {
    /// The address.
    pub url: &'a str,
    /// The value of the header `Authorization`, a secret.
    pub authorization: &'a str,
    /// The value of the header `Accept`.
    pub accept: &'a str,
    /// The body of a POST, `application/x-www-form-urlencoded`, which may hold a token; absent for
    /// a GET.
    pub form: Option<&'a str>,
    /// The longest time for it.
    pub timeout: Duration,
    /// The longest answer that is accepted, in bytes.
    pub max_len: usize,
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("url", &self.url).finish_non_exhaustive()
    }
}

/// A fetched document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The bytes.
    pub body: Vec<u8>,
    /// The header `Cache-Control`, if the answer has one.
    pub cache_control: Option<String>,
}

/// The reason why a document could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Plain http to another machine: an attacker on the way could replace the issuer's keys.
    #[error("only https is allowed, and http on a loopback address")]
    Insecure,
    /// No complete answer in time: the issuer is down or slow, or a firewall drops the packets.
    #[error("no complete response within {} seconds", FETCH_TIMEOUT.as_secs())]
    Timeout,
    /// No connection, or a broken one: the name does not resolve, the port is closed, or the
    /// certificate is not trusted.
    #[error("{0}")]
    Connection(String),
    /// A redirect, which is never followed: configure the address that answers.
    #[error("redirects are not followed: use the final URL (status {0})")]
    Redirect(u16),
    /// A status other than 200.
    #[error("the response has status {0}")]
    Status(u16),
    /// A document over the limit.
    #[error("the response is longer than {} KiB", MAX_DOCUMENT_LEN / 1024)]
    TooLong,
    /// The program's own [`Fetch`] has no [`send`](Fetch::send).
    #[error("the fetcher cannot send: `send` is not implemented")]
    Unsupported,
}

impl Document {
    /// The time for which the issuer declares the document fresh (RFC 9111 §5.2.2.1).
    pub(crate) fn max_age(&self) -> Option<Duration> {
        let directives = self.cache_control.as_deref()?.split(',');
        let mut ages = directives.filter_map(|directive| {
            let (name, value) = directive.split_once('=')?;
            let is_age = name.trim().eq_ignore_ascii_case("max-age");
            is_age.then(|| value.trim().trim_matches('"').parse().ok())?
        });
        ages.next().map(Duration::from_secs)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Document;

    #[test]
    fn the_age_is_read_from_among_other_directives() {
        let age = |header: &str| {
            Document { body: Vec::new(), cache_control: Some(header.to_owned()) }
                .max_age()
                .map(|age| age.as_secs())
        };
        assert_eq!(age("public, max-age=3600"), Some(3600));
        assert_eq!(age("Max-Age = \"60\", must-revalidate"), Some(60));
        assert_eq!(age("max-age=0"), Some(0));
        for none in ["", "no-store", "max-age", "max-age=", "max-age=-1", "max-age=x", "s-maxage=5"]
        {
            assert_eq!(age(none), None, "{none}");
        }
        assert_eq!(age("max-age=18446744073709551615"), Some(Duration::MAX.as_secs()));
    }
}
