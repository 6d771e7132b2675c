//! [`AdminError`], the failure of an administrative act. `http/error/` and the command line map
//! each variant to a status.

use crate::keys::error::UnusableKey;
use crate::model::api_key::KeyLimit;
use crate::model::client::MAX_CHOSEN_SECRETS;
use crate::model::client::terms::InvalidClientTerms;
use crate::model::key_schedule::NothingToDo;
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;
use crate::model::signing_key::SigningAlgorithm;
use crate::secret::hash::HashError;
use crate::secret::pool::Busy;
use crate::store::StoreError;

/// The failure of an administrative act.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The subject of the act does not exist.
    #[error("there is no {0}")]
    NotFound(String),
    /// A reference in the request names something that does not exist.
    #[error("there is no {0}")]
    Unknown(String),
    /// The id or name is taken.
    #[error("{0} already exists")]
    Exists(String),
    /// The current state does not allow the act.
    #[error("{0}")]
    Conflict(String),
    /// The caller has seen another version than the current one.
    #[error("the {0} has changed in the meantime; review it and try again")]
    Changed(&'static str),
    /// A client represents the API.
    #[error(
        "the client {client} stands for {resource}; remove that first (`client update --stands-for`)"
    )]
    StoodFor {
        /// The API.
        resource: ResourceUri,
        /// One such client.
        client: String,
    },
    /// The request violates a rule.
    #[error("{0}")]
    Invalid(String),
    /// The caller does not hold these scopes, so it may neither grant them nor act for a principal
    /// that has them, or the APIs that they manage.
    #[error("you lack the scope {0}, which this act needs")]
    Forbidden(ScopeSet),
    /// The caller was disabled or deleted while its request was answered.
    #[error("the caller was disabled or deleted meanwhile")]
    Gone,
    /// The result would exceed a limit of the calling API key.
    #[error("{0}")]
    Beyond(KeyLimit),
    /// The requested state is the current one.
    #[error(transparent)]
    NothingToDo(#[from] NothingToDo),
    /// A signing key could not be generated, read or sealed.
    #[error(transparent)]
    SigningKey(#[from] UnusableKey),
    /// The number of published keys is at its maximum.
    #[error(
        "too many {0} keys are still published for tokens that have not expired; retire one, or try again when the oldest is gone (`mintery signing-key list`)"
    )]
    TooManyKeys(SigningAlgorithm),
    /// The number of chosen secrets of the client is at its maximum.
    #[error(
        "a client can have at most {MAX_CHOSEN_SECRETS} secrets of your own choice; revoke one first, or let Mintery generate one"
    )]
    TooManyChosen,
    /// The act needs a code of the second factor.
    #[error("a second-factor code is required")]
    CodeNeeded,
    /// The code of the second factor is invalid.
    #[error("the code is wrong or was already used")]
    WrongCode,
    /// A secret could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The queue of secrets to hash is full.
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
