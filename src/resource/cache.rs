//! Tokens whose signature was found good, by their digest. A hit still checks time, audience and whatever else may
//! have changed: nothing has to be emptied, and since only good tokens get in, a stranger cannot push out others'.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use quick_cache::sync::Cache;

use super::verifier::AccessToken;

/// The most tokens that are remembered.
const CAPACITY: usize = 8192;

/// Verified tokens by SHA-256.
pub struct VerifiedTokens(Cache<Digest, Arc<AccessToken>>);

/// The SHA-256 of a token.
pub type Digest = [u8; 32];

impl Default for VerifiedTokens {
    fn default() -> Self {
        Self(Cache::new(CAPACITY))
    }
}

impl VerifiedTokens {
    /// What `token` is remembered by.
    pub fn digest_of(token: &str) -> Digest {
        let mut bytes = Digest::default();
        bytes.iter_mut().zip(digest(&SHA256, token.as_bytes()).as_ref()).for_each(|(to, from)| *to = *from);
        bytes
    }

    /// The token with this digest, if it was found good before.
    pub fn get(&self, digest: &Digest) -> Option<Arc<AccessToken>> {
        self.0.get(digest)
    }

    /// Remembers a token that was found good.
    pub fn insert(&self, digest: Digest, token: Arc<AccessToken>) {
        self.0.insert(digest, token);
    }
}
