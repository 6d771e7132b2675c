//! The usual fetcher (feature `fetch`): `ureq`, which blocks, on the verifier's own threads.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use ureq::Agent;
use ureq::http::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::fetch::address::may_fetch;
use crate::fetch::{Document, FETCH_TIMEOUT, Fetch, FetchError, MAX_DOCUMENT_LEN, Request};

/// Connections to the issuer that are kept for the next request, and for how long: most servers
/// close them after five seconds.
const KEPT_CONNECTIONS: usize = 4;
const MAX_IDLE: Duration = Duration::from_secs(4);

const FORM: &str = "application/x-www-form-urlencoded";

/// Fetches over https, and over http from this machine only. It follows no redirect and ignores
/// proxy variables of the environment; a program behind a proxy brings a [`Fetch`] of its own.
/// Certificates are checked against the operating system's roots, or those in the file named by
/// `SSL_CERT_FILE`.
///
/// TLS uses aws-lc-rs, passed explicitly: no process-wide provider is installed or read.
#[derive(Debug, Default)]
pub struct HttpFetcher {
    documents: OnceLock<Agent>,
    /// Keeps connections open.
    requests: OnceLock<Agent>,
}

impl HttpFetcher {
    /// Makes a fetcher, which reads the trusted roots at its first request.
    #[must_use]
    pub const fn new() -> Self {
        Self { documents: OnceLock::new(), requests: OnceLock::new() }
    }
}

/// The HTTP client behind [`HttpFetcher`], which keeps up to `max_idle_connections` open. Serves
/// the commands of Mintery's server too, so that one program has one TLS configuration.
#[must_use]
pub fn agent(max_idle_connections: usize) -> Agent {
    let roots = rustls_native_certs::load_native_certs().certs;
    let roots = roots.iter().map(|root| Certificate::from_der(root).to_owned());
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(roots.collect())))
        .unversioned_rustls_crypto_provider(Arc::new(aws_lc_rs::default_provider()))
        .build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(FETCH_TIMEOUT))
        .max_redirects(0)
        .http_status_as_error(false)
        .proxy(None)
        .max_idle_connections(max_idle_connections)
        .max_idle_age(MAX_IDLE)
        .accept("application/json")
        .user_agent(concat!("mintery/", env!("CARGO_PKG_VERSION")))
        .build();
    config.new_agent()
}

impl Fetch for HttpFetcher {
    fn get(&self, url: &str) -> Result<Document, FetchError> {
        check(url)?;
        let answer = self.documents.get_or_init(|| agent(0)).get(url).call();
        read(answer, MAX_DOCUMENT_LEN)
    }

    fn send(&self, request: &Request<'_>) -> Result<Document, FetchError> {
        check(request.url)?;
        let agent = self.requests.get_or_init(|| agent(KEPT_CONNECTIONS));
        let (authorization, accept) =
            ((AUTHORIZATION, request.authorization), (ACCEPT, request.accept));
        let answer = match request.form {
            None => {
                let get = agent.get(request.url).header(authorization.0, authorization.1);
                let get = get.header(accept.0, accept.1).config();
                get.timeout_global(Some(request.timeout)).build().call()
            }
            Some(form) => {
                let post = agent.post(request.url).header(authorization.0, authorization.1);
                let post = post.header(accept.0, accept.1).content_type(FORM).config();
                post.timeout_global(Some(request.timeout)).build().send(form)
            }
        };
        read(answer, request.max_len)
    }
}

fn check(url: &str) -> Result<(), FetchError> {
    let is_authentic = may_fetch(url).is_some_and(|address| address.is_authentic());
    if is_authentic { Ok(()) } else { Err(FetchError::Insecure) }
}

fn read(
    answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    max_len: usize,
) -> Result<Document, FetchError> {
    let mut answer = answer.map_err(failure)?;
    match answer.status().as_u16() {
        200 => {}
        status @ 300..=399 => return Err(FetchError::Redirect(status)),
        status => return Err(FetchError::Status(status)),
    }
    let cache_control = answer.headers().get(CACHE_CONTROL).and_then(|value| value.to_str().ok());
    let cache_control = cache_control.map(ToOwned::to_owned);
    let longest = u64::try_from(max_len).unwrap_or(u64::MAX);
    let body = answer.body_mut().with_config().limit(longest).read_to_vec().map_err(failure)?;
    Ok(Document { body, cache_control })
}

fn failure(error: ureq::Error) -> FetchError {
    match error {
        ureq::Error::Timeout(_) => FetchError::Timeout,
        ureq::Error::BodyExceedsLimit(_) => FetchError::TooLong,
        other => FetchError::Connection(other.to_string()),
    }
}
