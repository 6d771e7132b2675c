//! The state that authentication needs, shared by all requests of a node.

use std::sync::Arc;

use crate::admin::Admin;
use crate::clock::Clock;
use crate::directory::Directory;
use crate::keys::ring::KeyRing;
use crate::metrics::Metrics;
use crate::model::api_key::Environments;
use crate::model::issuer::Issuer;
use crate::model::resource::ResourceUri;
use crate::random::Random;
use crate::secret::check::SecretChecks;
use crate::secret::digest::DigestKey;

/// Shared state of authentication: identifiers, caches, keys and the acts that a log-in performs.
#[derive(Debug)]
pub struct Context {
    /// The issuer, which is also the identifier of Mintery's own API.
    pub issuer: Issuer,
    /// The identifier of Mintery's own API: the issuer.
    pub own_api: ResourceUri,
    /// The audience of a token whose request names no resource.
    pub default_audience: ResourceUri,
    /// The environments of API keys that are accepted unless a request asks for another.
    pub api_key_environments: Environments,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// The caches of this node.
    pub directory: Arc<Directory>,
    /// The signing keys, and the verifier of tokens signed with them.
    pub ring: Arc<KeyRing>,
    /// The key of secret digests.
    pub secret_digests: DigestKey,
    /// The queue of secrets that only a slow hash can check.
    pub checks: SecretChecks,
    /// Administrative acts in the name of Mintery itself, with the policies for keys and sessions.
    pub admin: Admin,
    /// Counters.
    pub metrics: Arc<Metrics>,
}
