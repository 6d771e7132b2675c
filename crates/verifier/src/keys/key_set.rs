//! The keys of an issuer, by their id: what its JWKS (RFC 7517 §5) has that access tokens can be
//! verified with.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::keys::jwk;
pub use crate::keys::jwk::{LeftOutReason, VerifyingKey};

/// The most keys that a set may have. A longer one is refused as a whole: it is none of an
/// authorization server's.
const MAX_KEYS: usize = 64;

/// The fewest bytes of an HS256 secret (RFC 7518 §3.2).
const MIN_SECRET_LEN: usize = 32;

/// The keys of an issuer.
#[derive(Debug, Clone, Default)]
pub struct KeySet {
    keys: HashMap<Box<str>, Arc<VerifyingKey>>,
    left_out: Vec<LeftOut>,
}

/// A published key that is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key {}: {reason}", kid.as_deref().unwrap_or("without kid"))]
pub struct LeftOut {
    /// Its id, if it has one that can be read.
    pub kid: Option<String>,
    /// Why.
    pub reason: LeftOutReason,
}

/// Why a document is no set of keys to work with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeySetError {
    /// It is no JSON object, or `keys` is missing, no array, or stands twice.
    #[error("it is no JWK set: a JSON object with an array `keys` is expected (RFC 7517 §5)")]
    NotASet,
    /// It has more keys than any authorization server needs.
    #[error("it has more than {MAX_KEYS} keys")]
    TooMany,
    /// It has no key that access tokens can be verified with: none at all, or these.
    #[error("it has no key that can be used{}", reasons(.0))]
    NoUsableKey(Vec<LeftOut>),
    /// The secret for HS256 is guessed too easily.
    #[error("a secret for HS256 has at least {MIN_SECRET_LEN} random bytes (RFC 7518 §3.2)")]
    ShortSecret,
}

fn reasons(left_out: &[LeftOut]) -> String {
    let each: Vec<_> = left_out.iter().map(ToString::to_string).collect();
    if each.is_empty() { String::new() } else { format!(": {}", each.join("; ")) }
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

impl KeySet {
    /// Reads a JWKS, key by key: one of a type that nobody here knows does not spoil the others
    /// (RFC 7517 §5).
    ///
    /// Taken are P-256 (ES256), P-384 (ES384), Ed25519 (`EdDSA`) and RSA of 2048 to 8192 bits
    /// (RS256, or PS256 when `alg` says so). Two different keys with one `kid` are both left
    /// out, and so is a key with private members.
    ///
    /// # Errors
    /// When it is no JWKS, too long, or no key in it can be used.
    pub fn parse(json: &[u8]) -> Result<Self, KeySetError> {
        // `serde` reads an array in the place of an object too.
        let is_object = json.trim_ascii_start().starts_with(b"{");
        let document: Document<'_> =
            serde_json::from_slice(json).ok().filter(|_| is_object).ok_or(KeySetError::NotASet)?;
        if document.keys.len() > MAX_KEYS {
            return Err(KeySetError::TooMany);
        }
        let mut set = Self::default();
        let mut spoilt = Vec::new();
        for key in document.keys {
            match jwk::parse(key.get()) {
                (Some(kid), Ok(key)) => set.add(kid, key, &mut spoilt),
                (kid, result) => {
                    let reason = result.err().unwrap_or(LeftOutReason::NoId);
                    if reason == LeftOutReason::Private {
                        spoilt.extend(kid.clone());
                    }
                    set.left_out.push(LeftOut { kid, reason });
                }
            }
        }
        for kid in spoilt {
            set.keys.remove(kid.as_str());
        }
        if set.keys.is_empty() { Err(KeySetError::NoUsableKey(set.left_out)) } else { Ok(set) }
    }

    fn add(&mut self, kid: String, key: VerifyingKey, spoilt: &mut Vec<String>) {
        match self.keys.entry(kid.as_str().into()) {
            Entry::Vacant(place) => {
                place.insert(Arc::new(key));
            }
            Entry::Occupied(other) if **other.get() == key => {}
            Entry::Occupied(_) => {
                spoilt.push(kid.clone());
                self.left_out.push(LeftOut { kid: Some(kid), reason: LeftOutReason::Ambiguous });
            }
        }
    }

    /// The same set with a secret for HS256, which never comes from a JWKS. Whoever can verify with
    /// it can sign with it too: only where issuer and API are in one hand.
    ///
    /// # Errors
    /// When the secret is shorter than 32 bytes.
    pub fn with_shared_key(mut self, kid: &str, secret: &[u8]) -> Result<Self, KeySetError> {
        if secret.len() < MIN_SECRET_LEN {
            return Err(KeySetError::ShortSecret);
        }
        self.keys.insert(kid.into(), Arc::new(VerifyingKey::shared(secret)));
        Ok(self)
    }

    /// The same set with the keys of `other`, which win where both have one of an id.
    #[must_use]
    pub(crate) fn with(mut self, other: &Self) -> Self {
        self.keys.extend(other.keys.iter().map(|(kid, key)| (kid.clone(), Arc::clone(key))));
        self
    }

    /// The key with this id.
    #[must_use]
    pub fn get(&self, kid: &str) -> Option<&Arc<VerifyingKey>> {
        self.keys.get(kid)
    }

    /// Whether `key` is the one with this id.
    #[must_use]
    pub(crate) fn has(&self, kid: &str, key: &Arc<VerifyingKey>) -> bool {
        // Nearly always it is the very same, and a few pointers are compared sooner than an id is
        // looked up.
        self.keys.values().any(|own| Arc::ptr_eq(own, key))
            || self.get(kid).is_some_and(|own| own == key)
    }

    /// The same set, which follows `before`: a key that is in both stays the very same.
    #[must_use]
    pub(crate) fn following(mut self, before: &Self) -> Self {
        for (kid, key) in &mut self.keys {
            if let Some(same) = before.get(kid).filter(|old| *old == key) {
                *key = Arc::clone(same);
            }
        }
        self
    }

    /// The ids of the keys, in no order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(|kid| &**kid)
    }

    /// The published keys that are not used, for the operator: one whose private half is published
    /// is compromised.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }
}
