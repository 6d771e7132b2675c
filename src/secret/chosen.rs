//! Secrets that a user chose or imported. They may be guessable, so only a slow hash of them is
//! stored.

use super::Secret;

/// The minimum length: the limits on guesses protect eight characters.
pub const MIN_LEN: usize = 8;

/// The maximum length.
pub const MAX_LEN: usize = 256;

/// The prefixes of generated secrets and API keys.
const RESERVED: [&str; 2] = ["mts_", "mtk_"];

/// An acceptable secret.
#[derive(Debug, Clone)]
pub struct ChosenSecret(Secret);

/// An unacceptable secret. The message does not repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnacceptableSecret {
    /// The length is out of range.
    #[error("a secret of your own must have {MIN_LEN} to {MAX_LEN} characters")]
    Length,
    /// The secret has a character that clients cannot send or may lose.
    #[error("a secret must be printable ASCII, without spaces at the ends")]
    Characters,
    /// The secret repeats one character.
    #[error("a secret must not repeat a single character")]
    Monotonous,
    /// The secret has the form of a generated one, which is recognized in another way.
    #[error(
        "a secret of your own must not begin with mts_ or mtk_, the prefixes of generated secrets"
    )]
    Reserved,
}

impl ChosenSecret {
    /// Parses a secret: 8 to 256 bytes 20–7E (RFC 6749 Appendix A.2).
    ///
    /// # Errors
    /// When the secret is unacceptable.
    pub fn parse(secret: Secret) -> Result<Self, UnacceptableSecret> {
        let plain = secret.expose();
        if !(MIN_LEN..=MAX_LEN).contains(&plain.len()) {
            return Err(UnacceptableSecret::Length);
        }
        if !plain.bytes().all(|byte| matches!(byte, 0x20..=0x7e)) || plain.trim() != plain {
            return Err(UnacceptableSecret::Characters);
        }
        if plain.bytes().all(|byte| plain.starts_with(char::from(byte))) {
            return Err(UnacceptableSecret::Monotonous);
        }
        if RESERVED.iter().any(|prefix| plain.starts_with(prefix)) {
            return Err(UnacceptableSecret::Reserved);
        }
        Ok(Self(secret))
    }

    /// The secret.
    #[must_use]
    pub const fn secret(&self) -> &Secret {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{ChosenSecret, UnacceptableSecret};
    use crate::secret::Secret;

    #[test]
    fn unsendable_and_guessable_secrets_are_rejected() {
        let parse = |plain: &str| ChosenSecret::parse(Secret::new(plain.to_owned())).map(|_| ());
        let longest = "0123456789abcdef".repeat(16);
        for good in ["hunter22", "correct horse battery staple", "p+%&=:\"\\/~", &longest] {
            assert_eq!(parse(good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("", UnacceptableSecret::Length),
            ("hunter2", UnacceptableSecret::Length),
            (&format!("{longest}x"), UnacceptableSecret::Length),
            (&"x".repeat(1_000_000), UnacceptableSecret::Length),
            (" hunter22", UnacceptableSecret::Characters),
            ("hunter22 ", UnacceptableSecret::Characters),
            ("hunter\n22", UnacceptableSecret::Characters),
            ("hünter22", UnacceptableSecret::Characters),
            ("hunter22\u{7f}", UnacceptableSecret::Characters),
            ("xxxxxxxxxx", UnacceptableSecret::Monotonous),
            ("mts_hunter22", UnacceptableSecret::Reserved),
            ("mtk_live_hunter22", UnacceptableSecret::Reserved),
        ] {
            assert_eq!(parse(bad), Err(why), "{bad}");
            assert!(bad.len() < 7 || !why.to_string().contains(bad));
        }
    }
}
