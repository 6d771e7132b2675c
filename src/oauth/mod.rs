//! The OAuth endpoints, without a web framework and without SQL.
//!
//! A new grant is a file in [`grant`]; a new method of client authentication is a file in
//! [`client_auth`]. Callers of protected routes are [`authn`](crate::authn)'s.

pub mod authorization;
pub mod claims;
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

use std::sync::{Arc, Once};
use std::time::Duration;

use http::HeaderName;

use crate::admin::revocation::Revoker;
use crate::authn::context::Context;
use crate::model::address::AddressRanges;
use crate::model::host::AllowedHosts;
use crate::model::signing_key::SigningAlgorithm;
use feed::Feed;
use secret_scanning::LeakScanning;

/// Shared state of the server, in groups: what authentication needs, the terms of tokens, the
/// publication of keys, how requests name their caller, leak reports, revocation.
#[derive(Debug)]
pub struct AuthorizationServer {
    /// State that authentication needs as well.
    pub context: Context,
    /// Terms of tokens without terms of their own.
    pub tokens: TokenTerms,
    /// Publication of the signing keys.
    pub publication: KeyPublication,
    /// Sources of the caller's address and credential in a request.
    pub inbound: Inbound,
    /// Settings of leak reports; absent if none are accepted.
    pub leaks: Option<LeakScanning>,
    /// Revokes single tokens.
    pub revoker: Arc<Revoker>,
    /// The readers of the revocation feed.
    pub feed: Feed,
    /// True if the metadata name an authorization endpoint.
    pub names_authorization_endpoint: bool,
}

/// Terms of a token whose client and API set none.
#[derive(Debug, Clone, Copy)]
pub struct TokenTerms {
    /// The lifetime.
    pub ttl: Duration,
    /// The signing algorithm.
    pub algorithm: SigningAlgorithm,
}

/// Times of the published keys (JWKS).
#[derive(Debug, Clone, Copy)]
pub struct KeyPublication {
    /// The time that verifiers may cache the keys.
    pub max_age: Duration,
    /// The time that a key is published before it signs.
    pub ahead: Duration,
}

/// Sources of the caller's address and credential in an HTTP request.
#[derive(Debug)]
pub struct Inbound {
    /// The proxies that are trusted to name the caller's address.
    pub trusted_proxies: AddressRanges,
    /// Used up by the warning about a proxy that is not among them.
    pub unknown_proxy: Once,
    /// The header that carries an API key, besides `Authorization`.
    pub api_key_header: HeaderName,
    /// The host names of the pages.
    pub hosts: AllowedHosts,
    /// The name of the session cookie.
    pub session_cookie: Box<str>,
}
