//! The keys of the issuer: found, fetched, read and kept fresh.

pub(crate) mod discovery;
pub(crate) mod jwk;
pub(crate) mod jwks_cache;
pub(crate) mod key_set;
