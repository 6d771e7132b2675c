//! Authenticated encryption of one key under another: AES-256-GCM with a random nonce. Purpose and
//! id are associated data, so a sealed key moved to another row does not open.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

/// A key that seals other keys.
#[derive(Clone)]
pub struct SealingKey(Arc<RandomizedNonceKey>);

/// A sealed key does not open: wrong key, wrong place, or changed bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sealed with another key, or damaged")]
pub struct DoesNotOpen;

/// The version of the sealed form.
const VERSION: &str = "v1.";

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealingKey(…)")
    }
}

impl SealingKey {
    /// Makes a key from its bytes.
    ///
    /// # Errors
    /// Never with 32 bytes; the library's type requires it.
    pub fn new(key: &[u8; 32]) -> Result<Self, DoesNotOpen> {
        RandomizedNonceKey::new(&AES_256_GCM, key).map(Arc::new).map(Self).map_err(|_| DoesNotOpen)
    }

    /// Seals `plain` for `place`.
    ///
    /// # Errors
    /// When the library refuses, as for 64 GiB and more.
    pub fn seal(&self, place: &str, plain: &[u8]) -> Result<String, DoesNotOpen> {
        let mut sealed = Zeroizing::new(plain.to_vec());
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(place), &mut *sealed)
            .map_err(|_| DoesNotOpen)?;
        let mut bytes = nonce.as_ref().to_vec();
        bytes.extend_from_slice(&sealed);
        Ok(format!("{VERSION}{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Opens bytes sealed for `place`.
    ///
    /// # Errors
    /// When they were sealed with another key or for another place, or changed.
    pub fn open(&self, place: &str, sealed: &str) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
        let encoded = sealed.strip_prefix(VERSION).ok_or(DoesNotOpen)?;
        let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| DoesNotOpen)?;
        let (nonce, ciphertext) = bytes.split_first_chunk::<NONCE_LEN>().ok_or(DoesNotOpen)?;
        let mut plain = Zeroizing::new(ciphertext.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self
            .0
            .open_in_place(nonce, Aad::from(place), &mut plain)
            .map_err(|_| DoesNotOpen)?
            .len();
        plain.truncate(length);
        Ok(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::{DoesNotOpen, SealingKey};

    #[test]
    fn opens_only_with_its_key_at_its_place_and_unchanged() {
        let key = SealingKey::new(&[1; 32]).unwrap();
        let sealed = key.seal("a|1", b"plain").unwrap();
        assert_eq!(key.open("a|1", &sealed).unwrap().as_slice(), b"plain");
        assert_eq!(key.open("a|2", &sealed), Err(DoesNotOpen));
        assert_eq!(SealingKey::new(&[2; 32]).unwrap().open("a|1", &sealed), Err(DoesNotOpen));
        assert_eq!(key.open("a|1", &sealed.replace("v1.", "v2.")), Err(DoesNotOpen));
        assert_eq!(key.open("a|1", "v1."), Err(DoesNotOpen));
        assert_ne!(sealed, key.seal("a|1", b"plain").unwrap());
    }
}
