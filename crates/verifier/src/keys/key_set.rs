//! The keys of an issuer by their id: those in its JWKS (RFC 7517 §5) that can verify access tokens.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::keys::jwk;
use crate::keys::jwk::{LeftOutReason, VerifyingKey};

/// The maximum number of keys in a set. A larger set is rejected as a whole: no authorization server has one.
const MAX_KEYS: usize = 64;

/// The fewest bytes of an HS256 secret (RFC 7518 §3.2).
const MIN_SECRET_LEN: usize = 32;

/// The keys of an issuer. Mintery's own routes verify with one too.
#[derive(Debug, Clone, Default)]
pub struct KeySet {
    keys: HashMap<Box<str>, Arc<VerifyingKey>>,
    left_out: Vec<LeftOut>,
}

/// A published key that is not used, and the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key {}: {reason}", kid.as_deref().unwrap_or("without kid"))]
pub struct LeftOut {
    /// Its id, if it is readable.
    pub kid: Option<String>,
    /// The reason.
    pub reason: LeftOutReason,
}

/// The reason why a document is not a usable set of keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeySetError {
    /// It is not a JSON object, or its `keys` is missing, repeated, or not an array.
    #[error("not a JWK set: expected a JSON object with an array `keys` (RFC 7517 §5)")]
    NotASet,
    /// It has more keys than any authorization server needs.
    #[error("it has more than {MAX_KEYS} keys")]
    TooMany,
    /// It has no key that can verify access tokens: no keys, or only these.
    #[error("it has no usable key{}", reasons(.0))]
    NoUsableKey(Vec<LeftOut>),
    /// The secret for HS256 is too easy to guess.
    #[error("an HS256 secret must have at least {MIN_SECRET_LEN} random bytes (RFC 7518 §3.2)")]
    ShortSecret,
}

fn reasons(left_out: &[LeftOut]) -> String {
    let each: Vec<_> = left_out.iter().map(ToString::to_string).collect();
    if each.is_empty() { String::new() } else { format!(": {}", each.join("; ")) }
}

#[derive(Deserialize)]
struct Jwks<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

impl KeySet {
    /// Parses a JWKS, key by key: a key of unknown type does not spoil the others (RFC 7517 §5).
    ///
    /// Accepted are P-256 (ES256), P-384 (ES384), Ed25519 (`EdDSA`) and RSA of 2048 to 8192 bits
    /// (RS256, or PS256 if `alg` says so). Two different keys with one `kid` are both left out, and
    /// so is a key with private members.
    ///
    /// # Errors
    /// Fails if it is not a JWKS, is too long, or has no usable key.
    pub fn parse(json: &[u8]) -> Result<Self, KeySetError> {
        // `serde` would accept an array in place of an object.
        let is_object = json.trim_ascii_start().starts_with(b"{");
        let document: Jwks<'_> =
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

    /// Adds a secret for HS256, which never comes from a JWKS. Every holder of the secret can sign
    /// with it: use it only where one party runs issuer and API.
    ///
    /// # Errors
    /// Fails if the secret is shorter than 32 bytes.
    pub fn with_shared_key(mut self, kid: &str, secret: &[u8]) -> Result<Self, KeySetError> {
        if secret.len() < MIN_SECRET_LEN {
            return Err(KeySetError::ShortSecret);
        }
        self.keys.insert(kid.into(), Arc::new(VerifyingKey::shared(secret)));
        Ok(self)
    }

    /// Adds the keys of `other`, which win over keys with the same id.
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

    /// Returns true if `key` is the one with this id.
    #[must_use]
    pub(crate) fn has(&self, kid: &str, key: &Arc<VerifyingKey>) -> bool {
        // Nearly always it is the same allocation, and comparing a few pointers is faster than
        // looking up an id.
        self.keys.values().any(|own| Arc::ptr_eq(own, key))
            || self.get(kid).is_some_and(|own| own == key)
    }

    /// The set as successor of `before`: a key in both keeps its allocation.
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

    /// The published keys that are not used, for the operator: a key whose private half is published
    /// is compromised.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }
}
