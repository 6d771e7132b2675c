//! Scopes and their algebra (RFC 6749 §3.3).

use std::fmt;

/// The prefix of the scopes that are Mintery's own: never a default, good for nothing but the issuer's own API.
pub const OWN_PREFIX: &str = "mintery:";

/// A set of scope tokens, each of bytes 21, 23–5B, 5D–7E. Kept sorted and without repeats, since neither order nor
/// repetition means anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ScopeSet(Vec<Box<str>>);

/// Text that is no scope list of RFC 6749 §3.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a scope list is tokens of printable ASCII without quote and backslash, one space between")]
pub struct InvalidScope;

impl ScopeSet {
    /// Parses a scope list; the empty text is the empty set.
    ///
    /// # Errors
    /// When a byte stands in it that no scope token may have, or the tokens are not separated by exactly one space.
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let mut tokens = Vec::new();
        for token in text.split(' ') {
            if token.is_empty() || !token.bytes().all(is_scope_byte) {
                return Err(InvalidScope);
            }
            tokens.push(Box::from(token));
        }
        Ok(Self::from_tokens(tokens))
    }

    fn from_tokens(mut tokens: Vec<Box<str>>) -> Self {
        tokens.sort_unstable();
        tokens.dedup();
        Self(tokens)
    }

    /// Whether no scope is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `token` is in it.
    #[must_use]
    pub fn contains(&self, token: &str) -> bool {
        self.0.binary_search_by(|own| (**own).cmp(token)).is_ok()
    }

    /// Whether every scope of it is in `other`.
    #[must_use]
    pub fn is_subset_of(&self, other: &Self) -> bool {
        self.0.iter().all(|token| other.contains(token))
    }

    /// The scopes of it that are not in `other`.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        Self(
            self.0
                .iter()
                .filter(|token| !other.contains(token))
                .cloned()
                .collect(),
        )
    }

    /// Both sets in one.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::from_tokens(self.0.iter().chain(&other.0).cloned().collect())
    }

    /// The scopes that are not Mintery's own.
    #[must_use]
    pub fn without_own(&self) -> Self {
        Self(
            self.0
                .iter()
                .filter(|token| !token.starts_with(OWN_PREFIX))
                .cloned()
                .collect(),
        )
    }

    /// Whether one of them is Mintery's own.
    #[must_use]
    pub fn has_own(&self) -> bool {
        self.0.iter().any(|token| token.starts_with(OWN_PREFIX))
    }

    /// The tokens, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|token| &**token)
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, token) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(" ")?;
            }
            f.write_str(token)?;
        }
        Ok(())
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
        for text in [
            " ", "a  b", " a", "a ", "a\"b", "a\\b", "a\tb", "a\nb", "é", "a\u{0}",
        ] {
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
        fn what_is_printed_parses_to_the_same(set in scope_set()) {
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
        }
    }
}
