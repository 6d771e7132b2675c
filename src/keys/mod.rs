//! Key material. The master key wraps the data keys ([`master`], [`seal`], [`data_keys`]). A data
//! key seals the signing keys ([`signing`], made of a [`pair`] with its public half, [`jwk`]), and
//! the [`ring`] holds the keys that sign and verify now. [`unlock`] gives an empty database its
//! keys; [`pem`] reads an imported key.

pub mod data_keys;
pub mod error;
pub mod jwk;
pub mod master;
pub mod pair;
pub mod pem;
pub mod ring;
pub mod scanner_keys;
pub mod seal;
pub mod signer;
pub mod signing;
pub mod unlock;
