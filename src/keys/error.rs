//! The one error of a single signing key.

use crate::model::signing_key::UnknownAlgorithm;

/// A signing key cannot be generated, parsed, sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot create or read a signing key")]
pub struct UnusableKey;

impl From<UnknownAlgorithm> for UnusableKey {
    fn from(_: UnknownAlgorithm) -> Self {
        Self
    }
}
