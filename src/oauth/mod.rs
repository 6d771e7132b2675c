//! The OAuth endpoints, without a web framework and without SQL.
//!
//! A new grant is a file in [`grant`]; a new method of client authentication is a file in
//! [`client_auth`]. Callers of protected routes are [`authn`](crate::authn)'s.

pub mod client_auth;
pub mod error;
pub mod feed;
pub mod form;
pub mod grant;
pub mod introspect;
pub mod issue;
pub mod metadata;
pub mod request;
pub mod revoke;
pub mod secret_scanning;
pub mod token;

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;

use crate::admin::revocation::Revoker;
use crate::authn::context::Context;
use crate::model::address::AddressRanges;
use crate::model::signing_key::SigningAlgorithm;
use feed::Feed;
use secret_scanning::LeakScanning;

/// Shared state of the OAuth endpoints.
#[derive(Debug)]
pub struct AuthorizationServer {
    /// The state that authentication needs, too.
    pub context: Context,
    /// The lifetime of a token.
    pub token_ttl: Duration,
    /// The algorithm that signs tokens.
    pub token_alg: SigningAlgorithm,
    /// The time that verifiers may cache the published keys.
    pub jwks_max_age: Duration,
    /// The time that a key is published before it signs.
    pub keys_publish_ahead: Duration,
    /// The proxies that are trusted to name the caller's address.
    pub trusted_proxies: AddressRanges,
    /// The header that carries an API key, besides `Authorization`.
    pub api_key_header: HeaderName,
    /// The name of the session cookie.
    pub session_cookie: Box<str>,
    /// The accepted leak scanners, and the policy for their reports.
    pub scanning: Option<LeakScanning>,
    /// True if the metadata name an authorization endpoint.
    pub names_authorization_endpoint: bool,
    /// Revokes single tokens.
    pub revoker: Arc<Revoker>,
    /// The readers of the revocation feed.
    pub feed: Feed,
}

impl Deref for AuthorizationServer {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.context
    }
}
