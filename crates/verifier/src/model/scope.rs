//! Scopes and their algebra (RFC 6749 §3.3).

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// The prefix of Mintery's own scopes: never granted by default, and only accepted by the issuer's
/// own API.
pub const OWN_PREFIX: &str = "mintery:";

/// A set of scope tokens, each of bytes 21, 23–5B, 5D–7E. It is stored as the text that is sent,
/// sorted and without repeats, so that clones and comparisons are cheap.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ScopeSet(Arc<str>);

/// The error for text that is not a scope list (RFC 6749 §3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "scopes must be printable ASCII without quotes and backslashes, separated by single spaces"
)]
pub struct InvalidScope;

impl ScopeSet {
    /// Parses a scope list; the empty text is the empty set.
    ///
    /// # Errors
    /// Fails if a byte is not allowed in a scope token, or tokens are not separated by exactly one space.
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        if text.split(' ').any(|token| token.is_empty() || !token.bytes().all(is_scope_byte)) {
            return Err(InvalidScope);
        }
        if text.split(' ').is_sorted_by(|one, next| one < next) {
            return Ok(Self(text.into()));
        }
        Ok(Self::from_tokens(text.split(' ').collect()))
    }

    fn from_tokens(mut tokens: Vec<&str>) -> Self {
        tokens.sort_unstable();
        tokens.dedup();
        Self(tokens.join(" ").into())
    }

    /// The scope list, sorted and without repeats.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns true for the empty set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns true if `token` is in the set.
    #[must_use]
    pub fn contains(&self, token: &str) -> bool {
        self.iter().any(|own| own == token)
    }

    /// Returns true if every scope is in `other` too.
    #[must_use]
    pub fn is_subset_of(&self, other: &Self) -> bool {
        // Usually a token has all scopes of its client.
        if self == other {
            return true;
        }
        // Both are sorted: one walk through either.
        let mut others = other.iter();
        self.iter().all(|token| others.find(|other| *other >= token) == Some(token))
    }

    /// The scopes that are not in `other`.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let mut others = other.iter().peekable();
        let is_missing = |token: &&str| {
            while others.next_if(|other| *other < *token).is_some() {}
            others.peek() != Some(token)
        };
        Self(self.iter().filter(is_missing).collect::<Vec<_>>().join(" ").into())
    }

    /// The scopes that are in `other` too.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        if self.is_subset_of(other) { self.clone() } else { self.minus(&self.minus(other)) }
    }

    /// The scopes of both sets.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        if self.is_empty() {
            return other.clone();
        }
        Self::from_tokens(self.iter().chain(other.iter()).collect())
    }

    /// The scopes without Mintery's own.
    #[must_use]
    pub fn without_own(&self) -> Self {
        Self(
            self.iter()
                .filter(|token| !token.starts_with(OWN_PREFIX))
                .collect::<Vec<_>>()
                .join(" ")
                .into(),
        )
    }

    /// Returns true if one of them is Mintery's own.
    #[must_use]
    pub fn has_own(&self) -> bool {
        // Most scopes have no colon, which is found faster than the beginning of a token.
        self.0.contains(':') && self.iter().any(|token| token.starts_with(OWN_PREFIX))
    }

    /// The tokens, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split_terminator(' ')
    }
}

impl Serialize for ScopeSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl Default for ScopeSet {
    fn default() -> Self {
        Self("".into())
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const fn is_scope_byte(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{InvalidScope, ScopeSet};

    /// 6749-9
    #[test]
    fn refuses_what_is_no_scope_list() {
        for text in [" ", "a  b", " a", "a ", "a\"b", "a\\b", "a\tb", "a\nb", "é", "a\u{0}"] {
            assert_eq!(ScopeSet::parse(text), Err(InvalidScope), "{text:?}");
        }
    }

    /// 6749-9
    #[test]
    fn order_and_repeats_do_not_matter() {
        assert_eq!(ScopeSet::parse("b a b").unwrap(), ScopeSet::parse("a b").unwrap());
        assert_eq!(ScopeSet::parse("b a b").unwrap().to_string(), "a b");
    }

    /// SEC-12
    #[test]
    fn own_scopes_are_told_apart() {
        let scopes = ScopeSet::parse("read mintery:clients:read").unwrap();
        assert!(scopes.has_own());
        assert_eq!(scopes.without_own().to_string(), "read");
    }

    fn scope_set() -> impl Strategy<Value = ScopeSet> {
        proptest::collection::vec("[a-c]{1,2}", 0..6)
            .prop_map(|tokens| ScopeSet::parse(&tokens.join(" ")).unwrap())
    }

    proptest! {
        #[test]
        fn printed_scopes_parse_to_the_same(set in scope_set()) {
            prop_assert_eq!(ScopeSet::parse(&set.to_string()).unwrap(), set);
        }

        #[test]
        fn parsing_never_panics_and_keeps_every_token(text in "[ -~]{0,40}") {
            if let Ok(set) = ScopeSet::parse(&text) {
                for token in text.split(' ').filter(|token| !token.is_empty()) {
                    prop_assert!(set.contains(token));
                }
            }
        }

        #[test]
        fn the_algebra_holds(a in scope_set(), b in scope_set()) {
            prop_assert!(a.is_subset_of(&a.union(&b)));
            prop_assert_eq!(a.minus(&b).is_empty(), a.is_subset_of(&b));
            prop_assert!(a.minus(&b).iter().all(|token| !b.contains(token)));
            prop_assert_eq!(a.is_subset_of(&b), a.iter().all(|token| b.contains(token)));
            prop_assert_eq!(a.minus(&b).union(&b), a.union(&b));
        }
    }
}
