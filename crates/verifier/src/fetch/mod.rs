//! How a document of the issuer is fetched: a trait, so that a program can bring a client of its
//! own. The feature `fetch` has one ready, `HttpFetcher`.

pub(crate) mod address;
pub(crate) mod blocking;
#[cfg(feature = "fetch")]
pub(crate) mod http;

use std::fmt;
use std::time::Duration;

/// The longest document that is taken.
pub const MAX_DOCUMENT_LEN: usize = 64 * 1024;

/// How long fetching one document may take.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(3);

/// Fetches documents by HTTP.
///
/// It is called on a thread of its own and may block. It should follow no redirect (whoever can
/// make the issuer's host redirect would choose the keys), take no more than [`MAX_DOCUMENT_LEN`]
/// bytes, and give up after [`FETCH_TIMEOUT`]: a request that brings a token with an unknown key waits for it.
pub trait Fetch: Send + 'static {
    /// Fetches the document at `url` with GET.
    ///
    /// # Errors
    /// When there is no answer, or none with the status 200.
    fn get(&self, url: &str) -> Result<Document, FetchError>;

    /// Asks the issuer something in the name of this API: what was taken back, whether a token is
    /// good. A fetcher that has only documents to offer leaves this out; with it nothing that
    /// was taken back is known before it expires.
    ///
    /// The rules are the same, with the limits of the request. It is worth keeping the connection:
    /// the next request comes soon.
    ///
    /// # Errors
    /// When there is no answer, or none with the status 200.
    fn send(&self, request: &Request<'_>) -> Result<Document, FetchError> {
        let _ = request;
        Err(FetchError::Unsupported)
    }
}

/// What the issuer is asked.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Request<'a> {
    /// Where.
    pub url: &'a str,
    /// The value of the header `Authorization`. It is a secret.
    pub authorization: &'a str,
    /// The value of the header `Accept`.
    pub accept: &'a str,
    /// The body of a POST, `application/x-www-form-urlencoded`; absent for a GET. It may have a
    /// token.
    pub form: Option<&'a str>,
    /// How long it may take.
    pub timeout: Duration,
    /// The longest answer that is taken.
    pub max_len: usize,
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("url", &self.url).finish_non_exhaustive()
    }
}

/// What was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The bytes.
    pub body: Vec<u8>,
    /// The header `Cache-Control`, if there is one.
    pub cache_control: Option<String>,
}

/// Why a document could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Plain http to another machine: anybody on the way could put keys of their own in place of
    /// the issuer's.
    #[error("only https is fetched, and http from this very machine")]
    Insecure,
    /// No complete answer in time: the issuer is down or slow, or a firewall swallows the packets.
    #[error("no complete answer within {} seconds", FETCH_TIMEOUT.as_secs())]
    Timeout,
    /// No connection, or it broke: the name does not resolve, nobody listens, the certificate is
    /// not trusted.
    #[error("{0}")]
    Connection(String),
    /// A redirect, which is not followed: the configured address has to be the one that answers.
    #[error("it redirects, which is not followed: name the address that answers (status {0})")]
    Redirect(u16),
    /// Another status than 200.
    #[error("it answers with status {0}")]
    Status(u16),
    /// A document that is too long for what it should be.
    #[error("the answer is longer than {} KiB", MAX_DOCUMENT_LEN / 1024)]
    TooLong,
    /// The program's own [`Fetch`] has no [`send`](Fetch::send).
    #[error("the fetcher asks nothing: it has no `send`")]
    Unsupported,
}

impl Document {
    /// For how long the issuer says that the document stays as it is (RFC 9111 §5.2.2.1).
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
