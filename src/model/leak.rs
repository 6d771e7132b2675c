//! API keys that were found in public.

use super::api_key::{ApiKeyId, KeyOwner};
use super::named::named;

named! {
    /// The policy for a key that was found in public.
    #[derive(Default)]
    pub enum LeakPolicy: "it should be" {
        /// Revoke the key at once.
        #[default]
        Revoke = "revoke",
        /// Flag the key; it stays valid until its owner has replaced it.
        Flag = "flag",
    }
}

/// The place in which a key was found, as its finder reports it: of bounded length, without
/// terminal control characters, and without the key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LeakPlace {
    url: String,
    source: String,
}

impl LeakPlace {
    /// The place that was reported together with the secret `found`.
    #[must_use]
    pub fn new(url: &str, source: &str, found: &str) -> Self {
        /// Room for the address of a line in a long path of a long branch.
        const LONGEST_URL: usize = 512;
        const LONGEST_SOURCE: usize = 64;
        Self { url: tidy(url, found, LONGEST_URL), source: tidy(source, found, LONGEST_SOURCE) }
    }

    /// The address; empty if it was not reported.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The kind of place, such as `content` or `commit`; empty if it was not reported.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }
}

/// Keeps printable ASCII, which addresses are made of: no terminal control characters, and nothing
/// that looks like another text.
fn tidy(text: &str, found: &str, longest: usize) -> String {
    let text = if found.is_empty() { text.to_owned() } else { text.replace(found, "...") };
    text.chars().filter(|char| matches!(char, ' '..='~')).take(longest).collect()
}

/// The report of a found key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// The key.
    pub key: ApiKeyId,
    /// Its owner.
    pub owner: KeyOwner,
    /// The first of the reported places.
    pub place: LeakPlace,
    /// The number of reported places.
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
