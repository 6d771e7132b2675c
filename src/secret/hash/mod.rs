//! The slow stored form: Argon2id in PHC form. It authenticates every client if the data key of the
//! digests is lost, and it is the only form of a chosen secret.
//!
//! Imported hashes are accepted too: Argon2id with other costs, bcrypt and PBKDF2, one file each
//! ([`SecretHash::parse`]). A new form is a file, an arm of `Form` and a line of `Form::parse`.

mod argon2id;
mod bcrypt;
mod pbkdf2;

use std::fmt;

pub use argon2id::HashMemory;

use super::Secret;
use crate::random::{self, Random};

/// A hash as text: `$argon2id$v=19$m=19456,t=2,p=1$…`, or an imported form.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHash(Box<str>);

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

/// An unacceptable hash. The message does not repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashFormatError {
    /// The text is longer than any hash.
    #[error("a hash must have at most {MAX_LEN} characters")]
    TooLong,
    /// The form is unknown.
    #[error("unsupported hash; supported: $argon2id$, $2a$, $2b$, $2y$ and $pbkdf2-sha256$")]
    UnknownForm,
    /// The parts of this form are malformed.
    #[error("the {form} hash is malformed: {what}")]
    Malformed {
        /// The form.
        form: &'static str,
        /// The fault.
        what: &'static str,
    },
    /// A check would cost too much.
    #[error("the {form} hash costs too much: {most}")]
    TooCostly {
        /// The form.
        form: &'static str,
        /// The limit.
        most: &'static str,
    },
}

/// Argon2 refused its input, which does not happen with secrets of accepted lengths.
#[derive(Debug, thiserror::Error)]
#[error("cannot hash a secret: {0}")]
pub struct HashError(argon2::Error);

/// The maximum length of a hash, above that of the longest accepted salt and hash.
const MAX_LEN: usize = 256;

/// A parsed hash.
enum Form {
    Argon2id(argon2id::Argon2id),
    Bcrypt(bcrypt::Bcrypt),
    Pbkdf2(pbkdf2::Pbkdf2),
}

impl Form {
    fn parse(text: &str) -> Result<Self, HashFormatError> {
        if text.len() > MAX_LEN {
            return Err(HashFormatError::TooLong);
        }
        let (form, rest) = text
            .strip_prefix('$')
            .and_then(|text| text.split_once('$'))
            .ok_or(HashFormatError::UnknownForm)?;
        match form {
            argon2id::NAME => argon2id::Argon2id::parse(rest).map(Self::Argon2id),
            "2a" | "2b" | "2y" => bcrypt::Bcrypt::parse(rest).map(Self::Bcrypt),
            pbkdf2::NAME => pbkdf2::Pbkdf2::parse(rest).map(Self::Pbkdf2),
            _ => Err(HashFormatError::UnknownForm),
        }
    }
}

impl SecretHash {
    /// Hashes `secret` with a new salt. Costs about 14 ms: not for an async thread.
    ///
    /// # Errors
    /// When Argon2 refuses its input.
    pub fn of(
        secret: &Secret,
        random: &dyn Random,
        memory: &mut HashMemory,
    ) -> Result<Self, HashError> {
        let salt = random::bytes::<16>(random);
        argon2id::hash(secret, &salt, memory).map(|text| Self(text.into())).map_err(HashError)
    }

    /// Parses an imported hash within the cost limits: Argon2id (`m` up to 64 MiB, `m × t` up to
    /// 256 MiB, `p` up to 16) and PBKDF2-HMAC-SHA-256 (up to 1,000,000 iterations) in PHC form, the
    /// latter also in passlib's, and bcrypt (cost up to 14) in crypt form. It hashes nothing.
    ///
    /// # Errors
    /// When the hash is malformed or too costly.
    pub fn parse(text: &str) -> Result<Self, HashFormatError> {
        Form::parse(text)?;
        Ok(Self(text.into()))
    }

    /// Wraps a stored hash.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text.into())
    }

    /// The stored form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True if this is the hash of `secret`. Costs about 14 ms for an own hash and up to a second
    /// for an imported one: not for an async thread.
    #[must_use]
    pub fn verify(&self, secret: &Secret, memory: &mut HashMemory) -> bool {
        match Form::parse(&self.0) {
            Ok(Form::Argon2id(hash)) => hash.verify(secret, memory),
            Ok(Form::Bcrypt(hash)) => hash.verify(secret),
            Ok(Form::Pbkdf2(hash)) => hash.verify(secret),
            // No such text is ever stored.
            Err(_) => false,
        }
    }

    /// The cost of [`verify`](Self::verify) in multiples of one own hash, for a fair queue.
    #[must_use]
    pub fn work(&self) -> u32 {
        match Form::parse(&self.0) {
            Ok(Form::Argon2id(hash)) => hash.work(),
            Ok(Form::Bcrypt(hash)) => hash.work(),
            Ok(Form::Pbkdf2(hash)) => hash.work(),
            Err(_) => 1,
        }
    }

    /// True if the hash has Mintery's own parameters. Any other hash is replaced once the secret is
    /// known, to check as fast and with as little memory as for other clients.
    #[must_use]
    pub fn is_own(&self) -> bool {
        matches!(Form::parse(&self.0), Ok(Form::Argon2id(hash)) if hash.is_own())
    }

    /// True if the hash covers the whole secret. bcrypt reads 72 bytes and no more: the rest was
    /// not checked and must not enter another hash.
    #[must_use]
    pub fn covers(&self, secret: &Secret) -> bool {
        !matches!(Form::parse(&self.0), Ok(Form::Bcrypt(_)))
            || secret.expose().len() < bcrypt::MAX_SECRET
    }

    /// Spends the cost of one own hash, so that timing does not reveal a missing hash.
    pub fn spend(secret: &Secret, memory: &mut HashMemory) {
        // There is no caller for the error.
        argon2id::hash(secret, &[0; 16], memory).ok();
    }
}

/// Parses a decimal number without leading zeros and sign.
fn number(text: &str) -> Option<u32> {
    let is_plain =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    is_plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{HashFormatError, HashMemory, MAX_LEN, SecretHash};
    use crate::{random::SystemRandom, secret::Secret};

    /// Hashes of other programs: of reference vectors, of Python's hashlib and passlib, of
    /// crypt(3).
    const FOREIGN: [(&str, &str); 9] = [
        (
            "password",
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        ),
        (
            "password",
            "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
        ),
        ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        ("", "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s."),
        ("correct horse", "$2y$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2"),
        (
            "toomanysecrets",
            "$pbkdf2-sha256$29000$N2YMIWQsBWBMae09x1jrPQ$1t8iyB2A.WF/Z5JZv.lfCIhXXN33N23OSgQYThBYRfk",
        ),
        (
            "correct horse",
            "$pbkdf2-sha256$29000$AAECAwQFBgcICQoLDA0ODw$ZvLORN3Wu1.2s6Mb0kBKZ43bylSsC/t0Vz5rE9nJPNg",
        ),
        (
            "correct horse",
            "$pbkdf2-sha256$i=29000,l=32$AAECAwQFBgcICQoLDA0ODw$ZvLORN3Wu1+2s6Mb0kBKZ43bylSsC/t0Vz5rE9nJPNg",
        ),
        (
            "correct horse",
            "$pbkdf2-sha256$1000$./.../.../.../.../.../..$vAg98GPsIGVaDkLBwmbXCyVzDj9ReznFHMoajp5MNmA",
        ),
    ];

    fn secret(plain: &str) -> Secret {
        Secret::new(plain.to_owned())
    }

    #[test]
    fn a_hash_is_argon2id_and_verifies() {
        let memory = &mut HashMemory::default();
        let hash = SecretHash::of(&secret("correct horse"), &SystemRandom, memory).unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
        assert!(hash.is_own());
        assert_eq!(SecretHash::parse(hash.as_str()), Ok(hash.clone()));
        assert!(hash.verify(&secret("correct horse"), memory));
        assert!(!hash.verify(&secret("wrong horse"), memory));
        assert!(!hash.verify(&secret(""), memory));
        assert_eq!(format!("{hash:?}"), "SecretHash(…)");
        let again = SecretHash::of(&secret("correct horse"), &SystemRandom, memory).unwrap();
        assert_ne!(hash, again);
    }

    #[test]
    fn hashes_of_other_programs_are_good() {
        let memory = &mut HashMemory::default();
        for (plain, text) in FOREIGN {
            let hash = SecretHash::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert!(hash.verify(&secret(plain), memory), "{text}");
            assert!(!hash.verify(&secret(&format!("{plain}x")), memory), "{text}");
            assert!(!hash.is_own(), "{text}");
            assert_eq!(hash.as_str(), text);
        }
    }

    #[test]
    fn bcrypt_does_not_cover_what_it_does_not_read() {
        let hash = SecretHash::parse(FOREIGN[2].1).unwrap();
        assert!(hash.covers(&secret(&"x".repeat(71))));
        assert!(!hash.covers(&secret(&"x".repeat(72))));
        assert!(SecretHash::parse(FOREIGN[0].1).unwrap().covers(&secret(&"x".repeat(73))));
    }

    #[test]
    fn an_invalid_hash_is_rejected_with_a_reason_and_never_printed() {
        let salt = "c29tZXNhbHQ";
        let hash = "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let bad = [
            (String::new(), "unsupported hash"),
            ("hunter2-MARKER".to_owned(), "unsupported hash"),
            ("$MARKER".to_owned(), "unsupported hash"),
            ("$1$MARKER$x".to_owned(), "unsupported hash"),
            (format!("$argon2i$v=19$m=65536,t=2,p=1${salt}${hash}"), "unsupported hash"),
            (format!("$argon2d$v=19$m=65536,t=2,p=1${salt}${hash}"), "unsupported hash"),
            (
                "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW".to_owned(),
                "unsupported hash",
            ),
            (format!(" $argon2id$v=19$m=65536,t=2,p=1${salt}${hash}"), "unsupported hash"),
            (format!("$argon2id$v=18$m=65536,t=2,p=1${salt}${hash}"), "version"),
            (format!("$argon2id$v=19$t=2,m=65536,p=1${salt}${hash}"), "m="),
            (format!("$argon2id$v=19$m=65536,t=2${salt}${hash}"), "m="),
            (format!("$argon2id$v=19$m=065536,t=2,p=1${salt}${hash}"), "m="),
            (format!("$argon2id$v=19$m=+65536,t=2,p=1${salt}${hash}"), "m="),
            (format!("$argon2id$v=19$m=65536,t=2,p=1,keyid=MARKER${salt}${hash}"), "m="),
            (format!("$argon2id$v=19$m=65536,t=0,p=1${salt}${hash}"), "at least"),
            (format!("$argon2id$v=19$m=7,t=1,p=1${salt}${hash}"), "at least"),
            (format!("$argon2id$v=19$m=16,t=1,p=4${salt}${hash}"), "at least"),
            (format!("$argon2id$v=19$m=65537,t=1,p=1${salt}${hash}"), "costs too much"),
            (format!("$argon2id$v=19$m=4294967295,t=1,p=1${salt}${hash}"), "costs too much"),
            (format!("$argon2id$v=19$m=65536,t=5,p=1${salt}${hash}"), "costs too much"),
            (format!("$argon2id$v=19$m=8,t=4294967295,p=1${salt}${hash}"), "costs too much"),
            (format!("$argon2id$v=19$m=65536,t=1,p=17${salt}${hash}"), "costs too much"),
            (format!("$argon2id$v=19$m=99999999999,t=1,p=1${salt}${hash}"), "m="),
            (format!("$argon2id$v=19$m=65536,t=2,p=1${salt}"), "salt and hash"),
            (format!("$argon2id$v=19$m=65536,t=2,p=1${salt}$"), "hash"),
            (format!("$argon2id$v=19$m=65536,t=2,p=1${salt}${hash}$"), "salt and hash"),
            (format!("$argon2id$v=19$m=65536,t=2,p=1${salt}=${hash}"), "salt"),
            (format!("$argon2id$v=19$m=65536,t=2,p=1$c29t${hash}"), "salt"),
            (format!("$argon2id$v=19$m=65536,t=2,p=1${salt}${hash}\n"), "hash"),
            (format!("$argon2id$v=19$m=65536,t=2,p=1${salt}$MARKER!!{hash}"), "hash"),
            (format!("$argon2id$v=19$m=65536,t=2,p=1${salt}${}", &hash[..40]), "hash"),
            (format!("$argon2id$v=19$m=65536,t=2,p=1${salt}$CTFhFdXPJO1a"), "hash"),
            ("$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe".to_owned(), "53"),
            ("$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeWW".to_owned(), "53"),
            ("$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyO!!".to_owned(), "base64"),
            ("$2b$5$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW".to_owned(), "cost"),
            ("$2b$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW".to_owned(), "cost"),
            (
                "$2b$15$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW".to_owned(),
                "costs too much",
            ),
            (
                "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW".to_owned(),
                "costs too much",
            ),
            ("$2b$é5$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe".to_owned(), "cost"),
            (format!("$pbkdf2-sha256$1000001${salt}${hash}"), "costs too much"),
            (format!("$pbkdf2-sha256$i=4294967295${salt}${hash}"), "costs too much"),
            (format!("$pbkdf2-sha256$0${salt}${hash}"), "iterations"),
            (format!("$pbkdf2-sha256$i=1000,l=16${salt}${hash}"), "l="),
            (format!("$pbkdf2-sha256$many${salt}${hash}"), "iterations"),
            (format!("$pbkdf2-sha256$1000${salt}"), "salt and hash"),
            (format!("$pbkdf2-sha256$1000${salt}${}", &hash[..12]), "hash"),
            (format!("$pbkdf2-sha512$1000${salt}${hash}"), "unsupported hash"),
            ("$argon2id$".repeat(30), "at most"),
            ("x".repeat(1_000_000), "at most"),
        ];
        for (text, reason) in bad {
            let error = SecretHash::parse(&text).expect_err(&text).to_string();
            assert!(error.contains(reason), "{text}: {error}");
            for piece in ["MARKER", salt, "CTFhF", "CCCC"] {
                assert!(!error.contains(piece), "{error}");
            }
            let memory = &mut HashMemory::default();
            assert!(!SecretHash::from_stored(text).verify(&secret("x"), memory));
        }
    }

    /// A truncated hash must not become one that is easier to match.
    #[test]
    fn a_truncated_hash_is_refused() {
        for (_, text) in FOREIGN {
            for length in 0..text.len() {
                assert!(
                    SecretHash::parse(&text[..length]).is_err() || text.len() - length < 22,
                    "{text} {length}"
                );
            }
        }
        assert_eq!(SecretHash::parse(&"$".repeat(MAX_LEN + 1)), Err(HashFormatError::TooLong));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "(\\$(argon2id|2b|pbkdf2-sha256)\\$)?[ -~é]{0,80}") {
            let _ = SecretHash::parse(&text);
        }

        #[test]
        fn parsed_hashes_are_within_the_caps(m in 0_u32..200_000, t in 0_u32..40, p in 0_u32..40) {
            let text = format!(
                "$argon2id$v=19$m={m},t={t},p={p}$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
            );
            let is_fine = m <= 65_536 && u64::from(m) * u64::from(t) <= 262_144 && (1..=16).contains(&p) && t >= 1
                && m >= 8 * p;
            prop_assert_eq!(SecretHash::parse(&text).is_ok(), is_fine);
        }
    }
}
