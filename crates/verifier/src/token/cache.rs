//! A cache of tokens with a verified signature. A hit still checks key, time, audience and
//! revocation, so the cache is never invalidated; and since only verified tokens enter it, an
//! attacker cannot push out those of others.
//!
//! The key is the token itself, overwritten on removal. A digest would do as well, but a SHA-256 over
//! six hundred bytes takes longer than the rest of a hit.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::sync::Cache;
use zeroize::Zeroize as _;

use crate::keys::jwk::VerifyingKey;
use crate::revocation::known::Revocations;
use crate::token::access_token::AccessToken;

/// The maximum number of cached tokens.
const CAPACITY: usize = 8192;

/// Verified tokens.
pub struct VerifiedTokens(Cache<TokenText, Arc<Verified>>);

/// A token with a verified signature.
#[derive(Debug)]
pub struct Verified {
    /// Its contents.
    pub token: Arc<AccessToken>,
    /// The key that verified it.
    pub key: Arc<VerifyingKey>,
    /// The version of the revocations at which it was last found not revoked.
    cleared_by: AtomicU64,
}

impl Verified {
    /// A token that this key verified.
    pub fn new(token: AccessToken, key: Arc<VerifyingKey>) -> Self {
        Self { token: Arc::new(token), key, cleared_by: AtomicU64::default() }
    }

    /// Returns true if it is revoked. Looks nothing up at a version that was checked before.
    pub fn is_revoked(&self, revocations: &Revocations) -> bool {
        // Before the lookup: a revocation that is added meanwhile changes it.
        let version = revocations.version();
        if self.cleared_by.load(Ordering::Relaxed) == version {
            return false;
        }
        let is_revoked = revocations.voids(&self.token.names());
        if !is_revoked {
            self.cleared_by.store(version, Ordering::Relaxed);
        }
        is_revoked
    }
}

/// A token in compact form.
#[derive(Clone, PartialEq, Eq)]
struct TokenText(Box<str>);

impl Drop for TokenText {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Hash for TokenText {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (*self.0).hash(state);
    }
}

impl Borrow<str> for TokenText {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Default for VerifiedTokens {
    fn default() -> Self {
        Self(Cache::new(CAPACITY))
    }
}

impl VerifiedTokens {
    /// The verified token, if it is in the cache.
    pub fn get(&self, token: &str) -> Option<Arc<Verified>> {
        self.0.get(token)
    }

    /// Adds a verified token.
    pub fn insert(&self, token: &str, known: Arc<Verified>) {
        self.0.insert(TokenText(token.into()), known);
    }
}
