//! API keys that were found where everybody can read.

use super::api_key::{ApiKeyId, KeyOwner};
use super::named::named;

named! {
    /// The reaction to a key that was found in public.
    #[derive(Default)]
    pub enum LeakPolicy: "it should be" {
        /// Revoke it at once.
        #[default]
        Revoke = "revoke",
        /// Mark it; it stays valid until its owner replaces it.
        Flag = "flag",
    }
}

/// Where a key was found, as whoever found it says: of bounded length, without what a terminal
/// would obey, and without the key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LeakPlace {
    url: String,
    source: String,
}

impl LeakPlace {
    /// The place that was told together with the secret `found`.
    #[must_use]
    pub fn new(url: &str, source: &str, found: &str) -> Self {
        /// The address of a line in a long path of a long branch.
        const LONGEST_URL: usize = 512;
        const LONGEST_SOURCE: usize = 64;
        Self { url: tidy(url, found, LONGEST_URL), source: tidy(source, found, LONGEST_SOURCE) }
    }

    /// Its address; empty when it was not told.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What kind of place it is, such as `content` or `commit`; empty when it was not told.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }
}

/// Printable ASCII alone, as addresses are made of: nothing that a terminal would obey, or show as
/// something else.
fn tidy(text: &str, found: &str, longest: usize) -> String {
    let text = if found.is_empty() { text.to_owned() } else { text.replace(found, "...") };
    text.chars().filter(|char| matches!(char, ' '..='~')).take(longest).collect()
}

/// That a key was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// Which.
    pub key: ApiKeyId,
    /// Whose it is.
    pub owner: KeyOwner,
    /// Where, the first of all places that were told at once.
    pub place: LeakPlace,
    /// How many those are.
    pub places: u64,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{LeakPlace, LeakPolicy};

    #[test]
    fn policies_have_names() {
        for policy in [LeakPolicy::Revoke, LeakPolicy::Flag] {
            assert_eq!(policy.name().parse(), Ok(policy));
        }
        assert!("Revoke".parse::<LeakPolicy>().is_err() && "".parse::<LeakPolicy>().is_err());
    }

    /// SEC-5
    #[test]
    fn a_place_does_not_tell_what_was_found() {
        let place = LeakPlace::new("https://x/?k=mtk_1&again=mtk_1", "mtk_1", "mtk_1");
        assert_eq!((place.url(), place.source()), ("https://x/?k=...&again=...", "..."));
        assert_eq!(LeakPlace::new("https://x", "content", "").url(), "https://x");
    }

    proptest! {
        /// SEC-3, SEC-6
        #[test]
        fn a_place_is_bounded_and_harmless(url in ".{0,600}", source in "\\PC{0,100}|[\u{0}-\u{9f}]{0,100}") {
            let place = LeakPlace::new(&url, &source, "secret");
            prop_assert!(place.url().len() <= 512 && place.source().len() <= 64);
            prop_assert!(place.url().chars().chain(place.source().chars()).all(|char| (' '..='~').contains(&char)));
        }
    }
}
