//! The keys of the issuer: found, fetched, parsed and kept fresh.
//!
//! | to read | type |
//! | --- | --- |
//! | the state of a verifier's keys | [`JwksCache`], [`JwksStatus`], [`RefreshError`], [`DiscoveryError`] |
//! | the keys themselves | [`KeySet`], [`VerifyingKey`], [`LeftOut`] for published keys that are not used |
//!
//! Mintery's own routes verify with a [`KeySet`] of the server's signing keys.

pub(crate) mod discovery;
pub(crate) mod jwk;
pub(crate) mod jwks_cache;
pub(crate) mod key_set;

pub use discovery::DiscoveryError;
pub use jwk::{LeftOutReason, VerifyingKey};
pub use jwks_cache::{JwksCache, JwksStatus, RefreshError};
pub use key_set::{KeySet, KeySetError, LeftOut};
