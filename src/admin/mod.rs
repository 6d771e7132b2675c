//! Administration: one function for each act, whatever calls it. Each checks the rights of the
//! caller, changes the store and returns the result. To add an act: a function in the file of its
//! noun, and its callers in the command line, the JSON API and the dashboard.

pub mod api;
pub mod api_key;
mod authority;
pub mod client;
pub mod client_export;
pub mod client_import;
pub mod error;
pub mod event_log;
pub mod json;
pub mod leak;
pub mod names;
pub mod once;
pub mod overview;
pub mod revocation;
pub mod second_factor;
pub mod secret_use;
pub mod session;
pub mod signing_key;
pub mod usage;
pub mod user;
mod version;

use std::sync::Arc;

use api_key::policy::ApiKeyPolicy;
pub use error::AdminError;
use session::SessionPolicy;

use crate::clock::Clock;
use crate::keys::seal::SealingKey;
use crate::model::event::Actor;
use crate::model::scope::ScopeSet;
use crate::random::Random;
use crate::secret::digest::DigestKey;
use crate::secret::pool::HashPool;
use crate::store::change::Store;

/// A caller of administrative acts, with all that the acts need.
#[derive(Debug, Clone)]
pub struct Admin {
    /// The store.
    pub store: Store,
    /// The key of secret digests.
    pub secret_digests: DigestKey,
    /// The settings of API keys.
    pub api_keys: ApiKeyPolicy,
    /// The settings of sessions.
    pub sessions: SessionPolicy,
    /// Seals private signing keys.
    pub sealing: SealingKey,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// The caller as events name it.
    pub actor: Actor,
    /// The scopes that the caller may grant; absent for the operating system's administrator, who
    /// may grant all.
    pub grantable: Option<ScopeSet>,
    /// Hashes secrets.
    pub hashing: HashPool,
}
