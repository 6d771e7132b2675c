//! Passwords: what people choose to log in with. They are kept as a slow hash alone.

use super::Secret;

/// The fewest characters.
pub const MIN_LEN: usize = 8;

/// The most characters. All of them count.
pub const MAX_LEN: usize = 256;

/// The most bytes of a password: of characters that take the most.
pub const MAX_PASSWORD_BYTES: usize = 4 * MAX_LEN;

/// A password that may be chosen.
#[derive(Debug, Clone)]
pub struct Password(Secret);

/// Why a password is not taken. It says nothing of what was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnacceptablePassword {
    /// It is too short.
    #[error("a password has at least {MIN_LEN} characters")]
    TooShort,
    /// It is too long.
    #[error("a password has at most {MAX_LEN} characters")]
    TooLong,
    /// It has a character that gets lost on the way.
    #[error("a password has no control characters, such as the end of a line")]
    Characters,
}

impl Password {
    /// Takes a password.
    ///
    /// # Errors
    /// When it is not acceptable, and why.
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
        Ok(Self(secret))
    }

    /// The password.
    #[must_use]
    pub const fn secret(&self) -> &Secret {
        &self.0
    }
}
