//! Time-based one-time passwords (RFC 6238) of authenticator apps: HMAC-SHA-1, a step of 30
//! seconds, six digits.

use aws_lc_rs::{constant_time, hmac};
use zeroize::Zeroizing;

use super::Secret;
use super::base32;
use crate::clock::Timestamp;
use crate::random::Random;

/// The length of a step in seconds.
const STEP_SECS: i64 = 30;

/// The number of accepted steps before and after the current one: clocks differ, and users type
/// slowly.
const TOLERANCE: i64 = 1;

const DIGITS: usize = 6;

/// The secret shared with an app: 160 random bits (RFC 4226 §4, R6).
pub struct TotpSecret(Zeroizing<[u8; 20]>);

impl std::fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TotpSecret(…)")
    }
}

impl TotpSecret {
    /// Generates a secret.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new([0; 20]);
        random.fill(&mut *bytes);
        Self(bytes)
    }

    /// A secret from its bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Zeroizing::new).map(Self)
    }

    /// The bytes, to be sealed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &*self.0
    }

    /// The base32 form, for apps that cannot scan a QR code.
    #[must_use]
    pub fn to_text(&self) -> Secret {
        Secret::new(base32::encode(&*self.0).to_uppercase())
    }

    /// The step of `code` among those accepted at `now` and after `last`; `None` if there is none.
    /// Takes constant time.
    #[must_use]
    pub fn step_of(&self, code: &str, now: Timestamp, last: i64) -> Option<i64> {
        let current = now.as_secs().div_euclid(STEP_SECS);
        let steps = current.saturating_sub(TOLERANCE)..=current.saturating_add(TOLERANCE);
        let is_it = |step: &i64| {
            constant_time::verify_slices_are_equal(self.code(*step).as_bytes(), code.as_bytes())
                .is_ok()
        };
        // Every step is compared.
        let found: Vec<i64> = steps.filter(is_it).collect();
        found.into_iter().find(|step| *step > last)
    }

    /// The code of a step (RFC 4226 §5.3).
    fn code(&self, step: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &*self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let bytes = tag.as_ref();
        let offset = bytes.last().map_or(0, |last| usize::from(last & 0xf));
        let truncated =
            bytes.get(offset..).and_then(<[u8]>::first_chunk::<4>).copied().unwrap_or_default();
        let number = (u32::from_be_bytes(truncated) & 0x7fff_ffff) % 1_000_000;
        format!("{number:0DIGITS$}")
    }
}

/// Parses a typed code, without the space in its middle; `None` if invalid.
#[must_use]
pub fn parse_code(typed: &str) -> Option<String> {
    let code: String =
        typed.chars().filter(|character| *character != ' ').take(DIGITS + 1).collect();
    (code.len() == DIGITS && code.bytes().all(|byte| byte.is_ascii_digit())).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::{TotpSecret, parse_code};
    use crate::clock::Timestamp;

    /// RFC 6238, Appendix B: the last six of its eight digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let secret = TotpSecret::from_bytes(b"12345678901234567890").unwrap();
        for (secs, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(secret.code(secs / 30), code);
            assert_eq!(secret.step_of(code, Timestamp::from_secs(secs), 0), Some(secs / 30));
        }
        assert_eq!(secret.to_text().expose(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    }

    #[test]
    fn a_code_is_valid_one_step_early_or_late_and_only_once() {
        let secret = TotpSecret::from_bytes(b"12345678901234567890").unwrap();
        let step = 1_000_000;
        let code = secret.code(step);
        let at = |secs: i64| secret.step_of(&code, Timestamp::from_secs(secs), 0);
        assert_eq!(at(step * 30 - 31), None);
        assert_eq!(at(step * 30 - 30), Some(step));
        assert_eq!(at(step * 30 + 59), Some(step));
        assert_eq!(at(step * 30 + 60), None);
        let again = |last| secret.step_of(&code, Timestamp::from_secs(step * 30), last);
        assert_eq!((again(step - 1), again(step), again(step + 1)), (Some(step), None, None));
    }

    #[test]
    fn a_code_is_six_digits() {
        assert_eq!(parse_code("123 456").as_deref(), Some("123456"));
        for none in ["", "12345", "1234567", "12345a", "١٢٣٤٥٦", "abcde-fghij", &"1".repeat(10_000)]
        {
            assert_eq!(parse_code(none), None, "{none}");
        }
    }
}
