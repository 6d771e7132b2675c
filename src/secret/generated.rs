//! Generated secrets: a prefix for scanners, 43 base62 digits (256 random bits), and 6 of CRC-32,
//! which expose a typing error or a guess without a lookup.

use super::{Secret, base62};
use crate::random::{self, Random};

/// The prefix of client secrets.
pub const CLIENT_SECRET_PREFIX: &str = "mts_";

/// The length of a hint.
pub const HINT_LEN: usize = 4;

const BODY_LEN: usize = 43;
const CHECKSUM_LEN: usize = 6;

/// Generates a secret with `prefix`.
#[must_use]
pub fn generate(prefix: &str, random: &dyn Random) -> Secret {
    let mut entropy = random::bytes::<32>(random);
    let mut plain = format!("{prefix}{}", base62::encode(&entropy, BODY_LEN));
    zeroize::Zeroize::zeroize(&mut entropy);
    let checksum = checksum(&plain);
    plain.push_str(&checksum);
    Secret::new(plain)
}

/// True if `presented` has the form and checksum of a secret generated with `prefix`.
#[must_use]
pub fn looks_generated(prefix: &str, presented: &str) -> bool {
    presented.len() == prefix.len() + BODY_LEN + CHECKSUM_LEN
        && presented.starts_with(prefix)
        && presented.split_at_checked(prefix.len() + BODY_LEN).is_some_and(|(body, sum)| {
            body.get(prefix.len()..).is_some_and(base62::is_base62) && is_checksum(sum, body)
        })
}

/// Replaces with `…` every text after a `prefix` that is long enough for the rest of a secret, even
/// mistyped or cut: a user may have put a secret in the wrong place.
#[must_use]
pub fn masked(prefix: &str, text: &str) -> String {
    /// Half of a secret; a shorter text is part of a word.
    const LONG: usize = 20;
    let mut parts = text.split(prefix);
    let mut masked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|next: char| next.is_ascii_alphanumeric());
        masked.push_str(prefix);
        if part.len() - rest.len() < LONG {
            masked.push_str(part);
        } else {
            masked.push('…');
            masked.push_str(rest);
        }
    }
    masked
}

/// The hint of a secret, by which its owner recognizes it: the [`HINT_LEN`] digits before the
/// checksum.
#[must_use]
pub fn hint(secret: &Secret) -> String {
    let plain = secret.expose();
    let end = plain.len().saturating_sub(CHECKSUM_LEN);
    plain.get(end.saturating_sub(HINT_LEN)..end).unwrap_or_default().to_owned()
}

fn checksum(text: &str) -> String {
    base62::encode(&crc32fast::hash(text.as_bytes()).to_be_bytes(), CHECKSUM_LEN)
}

/// True if `sum` is the checksum of `text`. Allocates nothing: every request with an API key asks
/// this.
fn is_checksum(sum: &str, text: &str) -> bool {
    let mut left = crc32fast::hash(text.as_bytes());
    sum.bytes().rev().all(|digit| {
        let expected = base62::digit(left % 62);
        left /= 62;
        digit == expected
    })
}

#[cfg(test)]
mod tests {
    use super::{CLIENT_SECRET_PREFIX, generate, hint, looks_generated, masked};
    use crate::random::SystemRandom;

    #[test]
    fn a_generated_secret_looks_generated_and_a_changed_one_does_not() {
        let secret = generate(CLIENT_SECRET_PREFIX, &SystemRandom);
        let plain = secret.expose();
        assert_eq!(plain.len(), 53);
        assert!(looks_generated(CLIENT_SECRET_PREFIX, plain));
        assert!(!looks_generated("mtk_", plain));
        for position in 0..plain.len() {
            let mut bytes = plain.as_bytes().to_vec();
            bytes[position] = if bytes[position] == b'x' { b'y' } else { b'x' };
            assert!(!looks_generated(CLIENT_SECRET_PREFIX, std::str::from_utf8(&bytes).unwrap()));
        }
        assert!(!looks_generated(CLIENT_SECRET_PREFIX, "mts_"));
        assert!(!looks_generated(CLIENT_SECRET_PREFIX, &"é".repeat(27)));
    }

    /// SEC-5
    #[test]
    fn a_secret_in_a_text_is_masked() {
        let secret = generate(CLIENT_SECRET_PREFIX, &SystemRandom);
        let plain = secret.expose();
        let mask = |text: &str| masked(CLIENT_SECRET_PREFIX, text);
        assert_eq!(mask(&format!("no {plain}, nor {plain}")), "no mts_…, nor mts_…");
        assert_eq!(mask(&plain[..40]), "mts_…");
        for harmless in
            ["", "mts_", "mts_read mts_write", "there is no client mc_0000000000000000000000"]
        {
            assert_eq!(mask(harmless), harmless);
        }
    }

    #[test]
    fn the_hint_is_in_the_secret() {
        let secret = generate(CLIENT_SECRET_PREFIX, &SystemRandom);
        assert_eq!(hint(&secret).len(), 4);
        assert!(secret.expose().contains(&hint(&secret)));
    }
}
