//! The usual way to fetch (feature `fetch`): `ureq`, which blocks, on the thread that keeps the
//! keys.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use ureq::Agent;
use ureq::http::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::fetch::{Document, FETCH_TIMEOUT, Fetch, FetchError, MAX_DOCUMENT_LEN, Request};
use crate::keys::discovery::may_fetch;

/// Connections to the issuer that are kept for the next question, and how long: most servers close
/// them after five seconds.
const KEPT_CONNECTIONS: usize = 4;
const MAX_IDLE: Duration = Duration::from_secs(4);

const FORM: &str = "application/x-www-form-urlencoded";

/// Fetches by https, and by http from this very machine alone. It follows no redirect and uses no
/// proxy, whatever the environment says; a program that needs one brings a [`Fetch`] of its own.
/// Certificates are checked against the roots that the operating system trusts, or those in the
/// file that `SSL_CERT_FILE` names.
///
/// The cryptography of TLS is aws-lc-rs, given explicitly: no process-wide provider is installed,
/// and none is used.
#[derive(Debug, Default)]
pub struct HttpFetcher {
    fetching: OnceLock<Agent>,
    /// Keeps connections.
    asking: OnceLock<Agent>,
}

impl HttpFetcher {
    /// A fetcher. What the machine trusts is read when something is fetched the first time.
    #[must_use]
    pub const fn new() -> Self {
        Self { fetching: OnceLock::new(), asking: OnceLock::new() }
    }
}

/// How everything is fetched, with so many connections that are kept.
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
        let answer = self.fetching.get_or_init(|| agent(0)).get(url).call();
        read(answer, MAX_DOCUMENT_LEN)
    }

    fn send(&self, request: &Request<'_>) -> Result<Document, FetchError> {
        check(request.url)?;
        let agent = self.asking.get_or_init(|| agent(KEPT_CONNECTIONS));
        let (authorization, accept) =
            ((AUTHORIZATION, request.authorization), (ACCEPT, request.accept));
        let answer = match request.form {
            None => {
                let asking = agent.get(request.url).header(authorization.0, authorization.1);
                let asking = asking.header(accept.0, accept.1).config();
                asking.timeout_global(Some(request.timeout)).build().call()
            }
            Some(form) => {
                let asking = agent.post(request.url).header(authorization.0, authorization.1);
                let asking = asking.header(accept.0, accept.1).content_type(FORM).config();
                asking.timeout_global(Some(request.timeout)).build().send(form)
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
    let mut answer = answer.map_err(told)?;
    match answer.status().as_u16() {
        200 => {}
        status @ 300..=399 => return Err(FetchError::Redirect(status)),
        status => return Err(FetchError::Status(status)),
    }
    let cache_control = answer.headers().get(CACHE_CONTROL).and_then(|value| value.to_str().ok());
    let cache_control = cache_control.map(ToOwned::to_owned);
    let longest = u64::try_from(max_len).unwrap_or(u64::MAX);
    let body = answer.body_mut().with_config().limit(longest).read_to_vec().map_err(told)?;
    Ok(Document { body, cache_control })
}

fn told(error: ureq::Error) -> FetchError {
    match error {
        ureq::Error::Timeout(_) => FetchError::Timeout,
        ureq::Error::BodyExceedsLimit(_) => FetchError::TooLong,
        other => FetchError::Connection(other.to_string()),
    }
}
