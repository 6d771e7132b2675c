//! Recovery codes for a lost authenticator app: 50 random bits each, in two groups of five.

use super::digest::{DigestKey, SecretDigest};
use super::{Secret, base32};
use crate::random::Random;

/// The number of codes per user.
pub const COUNT: usize = 10;

const LEN: usize = 10;

/// Generates codes.
#[must_use]
pub fn generate(random: &dyn Random) -> Vec<Secret> {
    std::iter::repeat_with(|| one(random)).take(COUNT).collect()
}

fn one(random: &dyn Random) -> Secret {
    let mut bytes = crate::random::bytes::<10>(random);
    let mut digits = base32::encode(&bytes);
    zeroize::Zeroize::zeroize(&mut bytes);
    digits.truncate(LEN);
    digits.insert(LEN / 2, '-');
    Secret::new(digits)
}

/// The stored form of a user's code; `None` for text of another form. Case, spaces and the hyphen
/// do not matter.
#[must_use]
pub fn digest(key: &DigestKey, user: &str, typed: &str) -> Option<SecretDigest> {
    let is_part = |character: &char| !matches!(character, ' ' | '-');
    let code: String =
        typed.chars().filter(is_part).take(LEN + 1).collect::<String>().to_ascii_lowercase();
    let is_code =
        code.len() == LEN && code.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'));
    // No cookie begins with this prefix.
    is_code.then(|| key.digest_text(&format!("recovery|{user}|{code}")))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{digest, generate};
    use crate::random::SystemRandom;
    use crate::secret::digest::DigestKey;

    #[test]
    fn a_code_is_known_however_it_is_typed() {
        let key = DigestKey::new(&[1; 32]);
        let codes = generate(&SystemRandom);
        let distinct: HashSet<&str> = codes.iter().map(super::Secret::expose).collect();
        assert_eq!(distinct.len(), 10);
        let code = codes[0].expose();
        assert_eq!((code.len(), code.as_bytes()[5]), (11, b'-'));
        let known = digest(&key, "a", code);
        assert!(known.is_some());
        for typed in [code.to_uppercase(), code.replace('-', " "), code.replace('-', "")] {
            assert_eq!(digest(&key, "a", &typed), known);
        }
        assert_ne!(digest(&key, "b", code), known);
        assert_ne!(digest(&key, "a", codes[1].expose()), known);
        for none in ["", "123456", "abcde-fghi", "abcde-fghij2", "abcde-fghi1", &"a".repeat(10_000)]
        {
            assert_eq!(digest(&key, "a", none), None, "{none}");
        }
    }
}
