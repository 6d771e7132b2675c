//! Secrets: plain while they are on their way ([`Secret`]), made with a checksum ([`generated`]), and what is kept of
//! them ([`hash`], [`digest`]).

pub mod base62;
pub mod digest;
pub mod generated;
pub mod hash;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// A secret in plain. It is never printed, never serialized, and overwritten when it is dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret(String);

impl Secret {
    /// Takes a plain secret into custody.
    #[must_use]
    pub const fn new(plain: String) -> Self {
        Self(plain)
    }

    /// The plain secret, for the one place that must see it: to show it once, to hash it, to compare its digest.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    /// SEC-5
    #[test]
    fn a_secret_is_not_printed() {
        let secret = Secret::new("hunter2".to_owned());
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
}
