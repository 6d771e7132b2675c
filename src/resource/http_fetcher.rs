//! The usual way to fetch (feature `fetch`): `ureq`, which blocks, on the thread that keeps the keys.

use std::sync::{Arc, OnceLock};

use rustls::crypto::aws_lc_rs;
use ureq::Agent;
use ureq::http::header::CACHE_CONTROL;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::discovery::may_fetch;
use super::fetch::{Document, FETCH_TIMEOUT, Fetch, FetchError, MAX_DOCUMENT_LEN};

/// Fetches by https, and by http from this very machine alone. It follows no redirect and uses no proxy, whatever the
/// environment says; a program that needs one brings a [`Fetch`] of its own. Certificates are checked against the roots
/// that the operating system trusts, or those in the file that `SSL_CERT_FILE` names.
///
/// The cryptography of TLS is aws-lc-rs, given explicitly: no process-wide provider is installed, and none is used.
#[derive(Debug, Default)]
pub struct HttpFetcher(OnceLock<Agent>);

impl HttpFetcher {
    /// A fetcher. What the machine trusts is read when something is fetched the first time.
    #[must_use]
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }
}

/// How everything is fetched.
fn agent() -> Agent {
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
        .max_idle_connections(0)
        .accept("application/json")
        .user_agent(concat!("mintery/", env!("CARGO_PKG_VERSION")))
        .build();
    config.new_agent()
}

impl Fetch for HttpFetcher {
    fn get(&self, url: &str) -> Result<Document, FetchError> {
        if !may_fetch(url).is_some_and(|address| address.is_authentic()) {
            return Err(FetchError::Insecure);
        }
        let mut answer = self.0.get_or_init(agent).get(url).call().map_err(told)?;
        match answer.status().as_u16() {
            200 => {}
            status @ 300..=399 => return Err(FetchError::Redirect(status)),
            status => return Err(FetchError::Status(status)),
        }
        let cache_control = answer.headers().get(CACHE_CONTROL).and_then(|value| value.to_str().ok());
        let cache_control = cache_control.map(ToOwned::to_owned);
        let longest = u64::try_from(MAX_DOCUMENT_LEN).unwrap_or(u64::MAX);
        let body = answer.body_mut().with_config().limit(longest).read_to_vec().map_err(told)?;
        Ok(Document { body, cache_control })
    }
}

fn told(error: ureq::Error) -> FetchError {
    match error {
        ureq::Error::Timeout(_) => FetchError::Timeout,
        ureq::Error::BodyExceedsLimit(_) => FetchError::TooLong,
        other => FetchError::Connection(other.to_string()),
    }
}
