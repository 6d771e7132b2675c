//! Secrets: [`Secret`] holds one in plain text, [`generated`] makes one with a checksum, [`chosen`]
//! and [`password`] accept one from a user, with [`totp`] and [`recovery_code`] as second factors.
//! [`hash`] and [`digest`] are the stored forms. Hashes take time and memory: [`pool`] bounds both,
//! and [`check`] uses it.

mod base32;
pub mod base62;
pub mod check;
pub mod chosen;
pub mod digest;
pub mod generated;
pub mod hash;
pub mod password;
pub mod pool;
pub mod recovery_code;
pub mod totp;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// A secret in plain text. It is never printed or serialized, and zeroized on drop.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret(String);

impl Secret {
    /// Wraps a plain secret.
    #[must_use]
    pub const fn new(plain: String) -> Self {
        Self(plain)
    }

    /// Exposes the plain secret: to show it once, to hash it, to compare its digest.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The error does not name a value of another type, as it otherwise would: it may be the
        // secret.
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(plain) => Ok(Self(plain)),
            _ => Err(serde::de::Error::custom("a secret must be a string")),
        }
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
        for json in ["12345678", "[\"hunter2\"]", "\"hunter2"] {
            let error = serde_json::from_str::<Secret>(json).unwrap_err().to_string();
            assert!(!error.contains("12345678") && !error.contains("hunter2"), "{error}");
        }
        assert_eq!(serde_json::from_str::<Secret>("\"hunter2\"").unwrap().expose(), "hunter2");
    }
}
