//! The protocol: what arrives as a form and a header becomes a grant, and a token. Knows neither a
//! web framework nor SQL.
//!
//! A new grant is a file in [`grant`] and an arm of its enum; a new way for clients to authenticate
//! is a file in [`client_auth`] and an arm.

pub mod client_auth;
pub mod error;
pub mod feed;
pub mod form;
pub mod grant;
pub mod introspect;
pub mod metadata;
pub mod request;
pub mod revoke;
pub mod secret_scanning;
pub mod token;

use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;

use crate::admin::Admin;
use crate::admin::revocation::Revoker;
use crate::clock::Clock;
use crate::directory::Directory;
use crate::keys::ring::KeyRing;
use crate::metrics::Metrics;
use crate::model::address::AddressRanges;
use crate::model::api_key::Environments;
use crate::model::issuer::Issuer;
use crate::model::resource::ResourceUri;
use crate::model::signing_key::SigningAlgorithm;
use crate::random::Random;
use crate::secret::check::SecretChecks;
use crate::secret::digest::DigestKey;
use feed::Feed;
use secret_scanning::Scanning;

/// Everything that answering a request takes.
#[derive(Debug)]
pub struct AuthorizationServer {
    /// Who issues.
    pub issuer: Issuer,
    /// How long a token is good.
    pub token_ttl: Duration,
    /// What tokens are signed with.
    pub token_alg: SigningAlgorithm,
    /// What tokens are good for when nothing else is asked for.
    pub default_audience: ResourceUri,
    /// How long verifiers may keep the published keys.
    pub jwks_max_age: Duration,
    /// How long a key is published before it signs.
    pub keys_publish_ahead: Duration,
    /// Whose word is taken for who calls.
    pub trusted_proxies: AddressRanges,
    /// In which header an API key comes, beside `Authorization`.
    pub api_key_header: HeaderName,
    /// Which API keys are accepted where nobody says.
    pub api_key_environments: Environments,
    /// The name of the cookie that people stay logged in by.
    pub session_cookie: Box<str>,
    /// Who may tell of API keys that were found in public, and what is done then.
    pub scanning: Option<Scanning>,
    /// Whether the metadata name an authorization endpoint.
    pub names_authorization_endpoint: bool,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// What this node remembers.
    pub directory: Arc<Directory>,
    /// What acts for Mintery itself, and in the name of whoever may administer.
    pub admin: Admin,
    /// Takes tokens back, one by one.
    pub revoker: Arc<Revoker>,
    /// The keys that sign, and the check of what they signed.
    pub ring: Arc<KeyRing>,
    /// The key of secret digests.
    pub secret_digests: DigestKey,
    /// Checks secrets that have no digest.
    pub checks: SecretChecks,
    /// Who follows what is taken back.
    pub feed: Feed,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}
