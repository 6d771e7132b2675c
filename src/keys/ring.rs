//! The keys that this node signs with, and those that it publishes.

use jsonwebtoken::jwk::JwkSet;

use super::data_keys::DataKeys;
use super::signer::{SignerFactory, TokenSigner};
use super::signing::{SigningKey, UnusableKey};
use crate::model::signing_key::SigningAlgorithm;
use crate::store::{Database, StoreError, key};

/// One signer for each algorithm, and the public halves of all keys.
pub struct Ring {
    signers: Vec<(SigningAlgorithm, Box<dyn TokenSigner>)>,
    jwks: JwkSet,
}

/// Why there is no ring.
#[derive(Debug, thiserror::Error)]
pub enum RingError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key does not open.
    #[error(transparent)]
    Key(#[from] UnusableKey),
    /// No key for the algorithm that tokens are signed with by default.
    #[error("there is no signing key for {0}")]
    NoKey(SigningAlgorithm),
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring").field("keys", &self.jwks.keys.len()).finish_non_exhaustive()
    }
}

impl Ring {
    /// Opens the keys in the store. The one that signs by default is published first, because some verifiers take the
    /// first that fits.
    ///
    /// # Errors
    /// When the store fails, a key does not open, or none is for `default_algorithm`.
    pub async fn load(
        database: &Database,
        data_keys: &DataKeys,
        default_algorithm: SigningAlgorithm,
        make_signer: SignerFactory,
    ) -> Result<Self, RingError> {
        let stored = key::signing_keys(database).await?;
        let opened = stored.iter().map(|stored| SigningKey::open(&data_keys.sealing, stored));
        let mut keys = opened.collect::<Result<Vec<_>, _>>()?;
        keys.sort_by_key(|key| key.algorithm != default_algorithm);
        let jwks = JwkSet { keys: keys.iter().map(|key| key.public.clone()).collect() };
        let signers: Vec<_> = keys.into_iter().map(|key| (key.algorithm, make_signer(key))).collect();
        let ring = Self { signers, jwks };
        ring.signer(default_algorithm).ok_or(RingError::NoKey(default_algorithm))?;
        Ok(ring)
    }

    /// What signs with `algorithm`.
    #[must_use]
    pub fn signer(&self, algorithm: SigningAlgorithm) -> Option<&dyn TokenSigner> {
        self.signers.iter().find(|(own, _)| *own == algorithm).map(|(_, signer)| &**signer)
    }

    /// The public halves (RFC 7517 §5).
    #[must_use]
    pub const fn jwks(&self) -> &JwkSet {
        &self.jwks
    }
}
