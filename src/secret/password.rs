//! Passwords of users. Only a slow hash of them is stored.

use zeroize::Zeroizing;
use zxcvbn::feedback::Feedback;

use super::{Secret, base62};
use crate::random::{self, Random};

/// The minimum number of characters.
pub const MIN_LEN: usize = 8;

/// The maximum number of characters. All of them count.
pub const MAX_LEN: usize = 256;

/// The maximum number of bytes, with the longest characters.
pub const MAX_PASSWORD_BYTES: usize = 4 * MAX_LEN;

/// The minimum zxcvbn score: it withstands a fast attack on stolen hashes (10^8 guesses).
const LEAST_SCORE: zxcvbn::Score = zxcvbn::Score::Three;

/// The number of characters judged at once: the time grows with its square, up to seconds.
const PIECE: usize = 32;

/// The number of characters judged at all. The rest may be anything.
const MAX_JUDGED: usize = 3 * PIECE;

/// An acceptable password.
#[derive(Debug, Clone)]
pub struct Password {
    plain: Secret,
    is_generated: bool,
}

/// An unacceptable password. The message does not repeat it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnacceptablePassword {
    /// The password is too short.
    #[error("a password must have at least {MIN_LEN} characters")]
    TooShort,
    /// The password is too long.
    #[error("a password must have at most {MAX_LEN} characters")]
    TooLong,
    /// The password is easy to guess.
    #[error("the password is easy to guess. {0}")]
    Guessable(String),
    /// The password has a character that gets lost on the way.
    #[error("a password must not contain control characters such as line ends")]
    Characters,
}

impl Password {
    /// Parses a password.
    ///
    /// # Errors
    /// When the password is unacceptable.
    pub fn parse(secret: Secret) -> Result<Self, UnacceptablePassword> {
        let count = secret.expose().chars().count();
        if count < MIN_LEN {
            return Err(UnacceptablePassword::TooShort);
        }
        if count > MAX_LEN {
            return Err(UnacceptablePassword::TooLong);
        }
        if secret.expose().chars().any(char::is_control) {
            return Err(UnacceptablePassword::Characters);
        }
        Ok(Self { plain: secret, is_generated: false })
    }

    /// Generates a password of 128 random bits.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = random::bytes::<16>(random);
        let plain = Secret::new(base62::encode(&bytes, 22));
        zeroize::Zeroize::zeroize(&mut bytes);
        Self { plain, is_generated: true }
    }

    /// Checks that the password is hard to guess for an attacker who knows the texts `known` about
    /// its owner. Takes a few milliseconds and keeps dictionaries in memory: not for an async
    /// thread.
    ///
    /// # Errors
    /// [`UnacceptablePassword::Guessable`] with the weakness and a suggestion.
    pub fn check_strength(&self, known: &[&str]) -> Result<(), UnacceptablePassword> {
        if self.is_generated {
            return Ok(());
        }
        let characters: Vec<char> = self.plain.expose().chars().take(MAX_JUDGED).collect();
        let mut judged = characters.chunks(PIECE).map(|piece| {
            let piece = Zeroizing::new(piece.iter().collect::<String>());
            zxcvbn::zxcvbn(&piece, known)
        });
        let Some(first) = judged.next() else { return Ok(()) };
        if first.score() >= LEAST_SCORE || judged.any(|piece| piece.score() >= LEAST_SCORE) {
            return Ok(());
        }
        let feedback = first.feedback();
        let warning = feedback.and_then(Feedback::warning).map(|warning| warning.to_string());
        let suggestions = feedback.map(Feedback::suggestions).unwrap_or_default();
        let mut advice: Vec<String> = warning.into_iter().collect();
        advice.extend(suggestions.iter().map(ToString::to_string));
        if advice.is_empty() {
            advice.push("Use several unrelated words.".to_owned());
        }
        Err(UnacceptablePassword::Guessable(advice.join(" ")))
    }

    /// Exposes the password.
    #[must_use]
    pub const fn secret(&self) -> &Secret {
        &self.plain
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_LEN, PIECE, Password, UnacceptablePassword};
    use crate::secret::Secret;

    fn parse(plain: &str) -> Result<Password, UnacceptablePassword> {
        Password::parse(Secret::new(plain.to_owned()))
    }

    #[test]
    fn all_characters_of_a_password_count_and_none_is_cut() {
        for good in ["lorry-Umbrella-7", "пароль на каждый день", " spaces ", &"é".repeat(MAX_LEN)]
        {
            assert_eq!(parse(good).unwrap().secret().expose(), good);
        }
        assert_eq!(parse("ééééééé").unwrap_err(), UnacceptablePassword::TooShort);
        assert_eq!(parse(&"x".repeat(MAX_LEN + 1)).unwrap_err(), UnacceptablePassword::TooLong);
        assert_eq!(parse("lorry\nUmbrella").unwrap_err(), UnacceptablePassword::Characters);
        assert_eq!(parse("lorry\0Umbrella").unwrap_err(), UnacceptablePassword::Characters);
    }

    #[test]
    fn a_guessable_password_is_rejected() {
        let known = ["jocelyn.fortescue"];
        for bad in
            ["password1234", "jocelyn.fortescue", "aaaaaaaaaaaaaaaa", "qwertyuiop", "P@ssw0rd123"]
        {
            let refused = parse(bad).unwrap().check_strength(&known).unwrap_err();
            assert!(
                matches!(&refused, UnacceptablePassword::Guessable(why) if !why.contains(bad)),
                "{bad}"
            );
        }
        parse("lorry-Umbrella-7-quince").unwrap().check_strength(&known).unwrap();
        // Of a long one the beginning is looked at, piece by piece.
        parse(&"lorry-Umbrella-7-quince".repeat(11)).unwrap().check_strength(&known).unwrap();
        let late = format!("{}lorry-Umbrella-7-quince", "a".repeat(40));
        parse(&late).unwrap().check_strength(&known).unwrap();
        let too_late = format!("{}lorry-Umbrella-7-quince", "a".repeat(100));
        parse(&too_late).unwrap().check_strength(&known).unwrap_err();
        let twice = "password1234".repeat(2);
        parse(&twice).unwrap().check_strength(&known).unwrap_err();
    }

    /// SEC-3
    #[test]
    fn a_long_password_is_judged_almost_as_fast_as_a_short_one() {
        // All the ways in which a letter is written otherwise.
        let long = parse(&"4@8({[<369&#!1/|0$5+7%2".repeat(11)).unwrap();
        let short = parse(&long.plain.expose()[..PIECE]).unwrap();
        let once = |password: &Password| {
            let begun = std::time::Instant::now();
            password.check_strength(&[]).unwrap();
            begun.elapsed()
        };
        // Not the first time, which reads the dictionaries, nor one in which others had the core.
        let time = |password: &Password| (0..3).map(|_| once(password)).min().unwrap();
        let (short, long) = (time(&short), time(&long));
        assert!(long < short * 8, "{long:?} {short:?}");
    }
}
