//! What can be administered: one function for each act, whoever calls it.

pub mod client;
pub mod event_log;

use std::sync::Arc;

use crate::clock::Clock;
use crate::model::event::Actor;
use crate::random::Random;
use crate::secret::digest::DigestKey;
use crate::secret::hash::HashError;
use crate::store::StoreError;
use crate::store::change::Store;

/// Who administers what.
#[derive(Debug, Clone)]
pub struct Admin {
    /// What is changed.
    pub store: Store,
    /// The key of secret digests.
    pub secret_digests: DigestKey,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// Who is named in events.
    pub actor: Actor,
}

/// Why an act was not done.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// There is no such thing.
    #[error("there is no {0}")]
    NotFound(String),
    /// It exists already.
    #[error("there is a {0} already")]
    Exists(String),
    /// A secret could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
