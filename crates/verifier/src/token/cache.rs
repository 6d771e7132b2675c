//! Tokens whose signature was found good. A hit still checks its key, time, audience and whatever
//! else may have changed: nothing has to be emptied, and since only good tokens get in, a stranger
//! cannot push out others'.
//!
//! They are remembered as they stand, and overwritten when they are forgotten. A digest would say
//! as much, but a SHA-256 over six hundred bytes takes longer than all the rest of a hit.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::sync::Cache;
use zeroize::Zeroize as _;

use crate::keys::key_set::VerifyingKey;
use crate::revocation::known::Revocations;
use crate::token::access_token::AccessToken;

/// The most tokens that are remembered.
const CAPACITY: usize = 8192;

/// Verified tokens.
pub struct VerifiedTokens(Cache<TokenText, Arc<Verified>>);

/// What is known of a token whose signature was found good.
#[derive(Debug)]
pub struct Verified {
    /// What it says.
    pub token: Arc<AccessToken>,
    /// The key that its signature was checked with.
    pub key: Arc<VerifyingKey>,
    /// The version of the revocations by which it was not void.
    cleared_by: AtomicU64,
}

impl Verified {
    /// A token whose signature this key verified.
    pub fn new(token: AccessToken, key: Arc<VerifyingKey>) -> Self {
        Self { token: Arc::new(token), key, cleared_by: AtomicU64::default() }
    }

    /// Whether it was taken back. Nothing is looked up unless something was since the last time.
    pub fn is_void(&self, revocations: &Revocations) -> bool {
        // Before the look: what is added meanwhile raises it.
        let version = revocations.version();
        if self.cleared_by.load(Ordering::Relaxed) == version {
            return false;
        }
        let is_void = revocations.voids(&self.token.names());
        if !is_void {
            self.cleared_by.store(version, Ordering::Relaxed);
        }
        is_void
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
    /// What is known of `token`, if it was found good before.
    pub fn get(&self, token: &str) -> Option<Arc<Verified>> {
        self.0.get(token)
    }

    /// Remembers a token that was found good.
    pub fn insert(&self, token: &str, known: Arc<Verified>) {
        self.0.insert(TokenText(token.into()), known);
    }
}
