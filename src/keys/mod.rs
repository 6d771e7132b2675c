//! Key material: the master key wraps the data keys ([`master`], [`seal`], [`data_keys`]), a data
//! key seals the signing keys ([`signing`], made of a [`pair`] with its public half, [`jwk`]), and
//! the [`ring`] holds those that sign and verify now. An empty database gets its keys in
//! [`unlock`]; a key that was made elsewhere comes as [`pem`].

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
