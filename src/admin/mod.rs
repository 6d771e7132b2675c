//! What can be administered: one function for each act, whoever calls it.

pub mod api;
pub mod api_key;
pub mod client;
pub mod client_export;
pub mod client_import;
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

use api_key::ApiKeyPolicy;
use session::SessionPolicy;

use crate::clock::Clock;
use crate::keys::seal::SealingKey;
use crate::keys::signing::UnusableKey;
use crate::model::api_key::KeyLimit;
use crate::model::client::MAX_CHOSEN_SECRETS;
use crate::model::client::terms::InvalidClientTerms;
use crate::model::event::Actor;
use crate::model::key_schedule::NothingToDo;
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;
use crate::model::signing_key::SigningAlgorithm;
use crate::random::Random;
use crate::secret::digest::DigestKey;
use crate::secret::hash::HashError;
use crate::secret::pool::{Busy, HashPool};
use crate::store::StoreError;
use crate::store::change::Store;

/// Who administers what.
#[derive(Debug, Clone)]
pub struct Admin {
    /// What is changed.
    pub store: Store,
    /// The key of secret digests.
    pub secret_digests: DigestKey,
    /// What API keys are like.
    pub api_keys: ApiKeyPolicy,
    /// What sessions are like.
    pub sessions: SessionPolicy,
    /// Seals private signing keys.
    pub sealing: SealingKey,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// Who is named in events.
    pub actor: Actor,
    /// The scopes that whoever acts may give to others; all of them with the rights of the
    /// operating system.
    pub grantable: Option<ScopeSet>,
    /// Where secrets are hashed.
    pub hashing: HashPool,
}

impl Admin {
    /// Nobody grants a scope that they do not hold.
    fn may_grant(&self, scopes: &ScopeSet) -> Result<(), AdminError> {
        match &self.grantable {
            Some(held) if !scopes.is_subset_of(held) => {
                Err(AdminError::Forbidden(scopes.minus(held)))
            }
            _ => Ok(()),
        }
    }

    /// Which APIs a client may ask tokens for, and which it stands for, is for those to say who
    /// manage the APIs.
    fn may_give_apis(&self, wanted: &[ResourceUri], had: &[ResourceUri]) -> Result<(), AdminError> {
        let manages_apis = self.grantable.as_ref().is_none_or(|held| held.contains(MANAGES_APIS));
        if manages_apis || wanted.iter().all(|resource| had.contains(resource)) {
            return Ok(());
        }
        Err(AdminError::Forbidden(ScopeSet::parse(MANAGES_APIS).unwrap_or_default()))
    }
}

/// The scope of those who manage APIs.
const MANAGES_APIS: &str = "mintery:apis:write";

/// Why an act was not done.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// There is no such thing.
    #[error("there is no {0}")]
    NotFound(String),
    /// What was asked for names something that there is not.
    #[error("there is no {0}")]
    Unknown(String),
    /// It exists already.
    #[error("there is a {0} already")]
    Exists(String),
    /// It does not go with what is there.
    #[error("{0}")]
    Conflict(String),
    /// Somebody has seen another version of it than there is.
    #[error(
        "somebody else has changed the {0} meanwhile; look at what it is now, and change it again"
    )]
    Changed(&'static str),
    /// A client stands for the API.
    #[error(
        "the client {client} stands for {resource}; take that from it first (`client update --stands-for`)"
    )]
    StoodFor {
        /// The API.
        resource: ResourceUri,
        /// One such client.
        client: String,
    },
    /// It makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// Whoever acts does not hold these scopes, and so cannot give them to others.
    #[error("whoever grants the scope {0} must hold it")]
    Forbidden(ScopeSet),
    /// It would go beyond the limits of the API key that acts.
    #[error("{0}")]
    Beyond(KeyLimit),
    /// It is as it should be already.
    #[error(transparent)]
    NothingToDo(#[from] NothingToDo),
    /// A signing key could not be made, read or sealed.
    #[error(transparent)]
    SigningKey(#[from] UnusableKey),
    /// So many keys are published already that another one has to wait.
    #[error(
        "as many {0} keys as can be are still published, because tokens that they signed are still good; \
         try again when the oldest is gone (`mintery signing-key list`), or retire one"
    )]
    TooManyKeys(SigningAlgorithm),
    /// The client has as many secrets that somebody chose as it may.
    #[error(
        "a client has at most {MAX_CHOSEN_SECRETS} secrets that were not made here; revoke one first, or let one be made"
    )]
    TooManyChosen,
    /// A code is asked for.
    #[error("a code of the second factor is needed")]
    CodeNeeded,
    /// The code of a second factor is not good.
    #[error("the code is wrong, or was used before")]
    WrongCode,
    /// A secret could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// A secret could not be hashed now.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<InvalidClientTerms> for AdminError {
    fn from(error: InvalidClientTerms) -> Self {
        Self::Invalid(error.to_string())
    }
}
