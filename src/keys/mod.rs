//! Key material: the master key wraps the data keys ([`master`], [`seal`], [`data_keys`]), a data key seals the signing
//! keys ([`signing`]), and the [`ring`] holds those that sign and verify now. An empty database gets its keys in
//! [`unlock`].

pub mod data_keys;
pub mod master;
pub mod ring;
pub mod seal;
pub mod signer;
pub mod signing;
pub mod unlock;
