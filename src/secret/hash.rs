//! The slow form at rest: Argon2id in PHC form. It is what lets every client in should the data key of the digests be
//! lost, and the only form of a secret that a person chose.

use argon2::{Argon2, PasswordHasher as _};

use super::Secret;
use crate::random::{self, Random};

/// A PHC string, `$argon2id$v=19$m=19456,t=2,p=1$…`.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHash(String);

impl std::fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

/// Argon2 refused its input; with generated input this does not happen.
#[derive(Debug, thiserror::Error)]
#[error("cannot hash a secret: {0}")]
pub struct HashError(argon2::password_hash::Error);

impl SecretHash {
    /// Hashes `secret` with a new salt. Costs about 14 ms and 19 MB: not for an async thread.
    ///
    /// # Errors
    /// When Argon2 refuses its input.
    pub fn of(secret: &Secret, random: &dyn Random) -> Result<Self, HashError> {
        let salt = random::bytes::<16>(random);
        let hash = Argon2::default()
            .hash_password_with_salt(secret.expose().as_bytes(), &salt)
            .map_err(HashError)?;
        Ok(Self(hash.to_string()))
    }

    /// A hash from the store.
    #[must_use]
    pub const fn from_stored(phc: String) -> Self {
        Self(phc)
    }

    /// As it is stored: the PHC string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use argon2::{Argon2, PasswordVerifier as _};

    use super::SecretHash;
    use crate::{random::SystemRandom, secret::Secret};

    #[test]
    fn a_hash_is_argon2id_and_verifies() {
        let hash = SecretHash::of(&Secret::new("correct horse".to_owned()), &SystemRandom).unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(Argon2::default().verify_password(b"correct horse", hash.as_str()).is_ok());
        assert!(Argon2::default().verify_password(b"wrong horse", hash.as_str()).is_err());
        assert_eq!(format!("{hash:?}"), "SecretHash(…)");
    }
}
