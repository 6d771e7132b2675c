//! The digest of a secret with 256 random bits: HMAC-SHA-256 under a data key. Such a secret cannot
//! be guessed, so the digest need not be slow.

use std::sync::Arc;

use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Secret;

/// The data key of digests.
#[derive(Clone)]
pub struct DigestKey(Arc<Keys>);

struct Keys {
    digests: hmac::Key,
    tags: hmac::Key,
}

impl std::fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DigestKey(…)")
    }
}

/// The stored digest of a generated secret.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SecretDigest([u8; 32]);

impl std::fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretDigest(…)")
    }
}

impl DigestKey {
    /// Makes a key from the bytes of a data key.
    #[must_use]
    pub fn new(data_key: &[u8; 32]) -> Self {
        let digests = hmac::Key::new(hmac::HMAC_SHA256, data_key);
        let tags = hmac::sign(&digests, b"tags of secrets that somebody chose");
        let tags = hmac::Key::new(hmac::HMAC_SHA256, tags.as_ref());
        Self(Arc::new(Keys { digests, tags }))
    }

    /// Two bits of a chosen secret and its id. They usually tell which of two secrets is worth a
    /// slow hash. There are no more, because they are stored: with the database and the master key
    /// they spare an attacker three of four hashes, without them nothing.
    #[must_use]
    pub fn tag(&self, id: &str, secret: &Secret) -> String {
        let mut context = hmac::Context::with_key(&self.0.tags);
        context.update(id.as_bytes());
        context.update(b"|");
        context.update(secret.expose().as_bytes());
        let first = context.sign().as_ref().first().copied().unwrap_or_default();
        (first & 3).to_string()
    }

    /// Digests `secret`.
    #[must_use]
    pub fn digest(&self, secret: &Secret) -> SecretDigest {
        self.digest_text(secret.expose())
    }

    /// Digests a secret from a request.
    #[must_use]
    pub fn digest_text(&self, secret: &str) -> SecretDigest {
        self.digest_bytes(secret.as_bytes())
    }

    /// Digests untrusted bytes.
    #[must_use]
    pub fn digest_bytes(&self, bytes: &[u8]) -> SecretDigest {
        let tag = hmac::sign(&self.0.digests, bytes);
        let mut digest = [0; 32];
        digest.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        SecretDigest(digest)
    }
}

impl SecretDigest {
    /// True if both digests are of the same secret. The comparison takes constant time.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }

    /// The stored form: base64url.
    #[must_use]
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The stored form of a missing digest: no findable secret has it, so a release that requires
    /// digests never matches it.
    pub const NONE: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    /// Parses the stored form.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{DigestKey, SecretDigest};
    use crate::secret::Secret;

    #[test]
    fn a_tag_is_two_bits_that_depend_on_key_place_and_secret() {
        let tags = |key: u8, place: &str| -> Vec<String> {
            let key = DigestKey::new(&[key; 32]);
            (0..64).map(|number| key.tag(place, &Secret::new(format!("secret {number}")))).collect()
        };
        let all: HashSet<String> = tags(1, "a").into_iter().collect();
        assert_eq!(all, ["0", "1", "2", "3"].map(str::to_owned).into());
        assert_eq!(tags(1, "a"), tags(1, "a"));
        assert_ne!(tags(1, "a"), tags(1, "b"));
        assert_ne!(tags(1, "a"), tags(2, "a"));
    }

    /// SEC-5
    #[test]
    fn a_digest_is_not_printed_and_none_is_of_no_secret() {
        let digest = DigestKey::new(&[1; 32]).digest(&Secret::new("hunter2".to_owned()));
        assert_eq!(format!("{digest:?}"), "SecretDigest(…)");
        assert_eq!(SecretDigest::from_text(&digest.to_text()), Some(digest.clone()));
        let none = SecretDigest::from_text(SecretDigest::NONE)
            .expect("a release that knows no other can read it");
        assert!(!none.matches(&digest));
    }
}
