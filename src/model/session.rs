//! Sessions of logged-in users.

use std::net::IpAddr;
use std::time::Duration;

use super::id::id;
use super::user::UserId;
use crate::clock::Timestamp;
use crate::random::Random;
use crate::secret::Secret;
use crate::secret::generated::{self, generate, looks_generated};

/// The prefix of session cookies.
const PREFIX: &str = "mtss_";

/// The maximum stored length of a User-Agent.
const MAX_USER_AGENT: usize = 200;

id!(
    /// The id of a session, different from its cookie: `ss_` and 22 base62 characters.
    SessionId,
    "ss_",
    "a session"
);

/// Generates a cookie value: 256 random bits, and a checksum that distinguishes it from cookies of
/// other programs with the same name.
#[must_use]
pub fn new_cookie(random: &dyn Random) -> Secret {
    generate(PREFIX, random)
}

/// `true` if a cookie has the form of generated ones.
#[must_use]
pub fn is_cookie(value: &str) -> bool {
    looks_generated(PREFIX, value)
}

/// `text` with its session cookies masked except for their beginnings.
#[must_use]
pub fn masked(text: &str) -> String {
    generated::masked(PREFIX, text)
}

/// The stored part of a User-Agent: its first characters, without control characters.
#[must_use]
pub fn user_agent(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(MAX_USER_AGENT).collect()
}

/// A stored session, without its cookie.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The user.
    pub user: UserId,
    /// The time of the log-in.
    pub created_at: Timestamp,
    /// The latest end.
    pub expires_at: Timestamp,
    /// The last use, accurate to a few minutes.
    pub seen_at: Timestamp,
    /// The address of the log-in.
    pub address: Option<IpAddr>,
    /// The User-Agent of the browser.
    pub user_agent: String,
}

impl Session {
    /// `true` if it has ended at `now`, with its last use at `seen_at`.
    #[must_use]
    pub fn is_over(&self, seen_at: Timestamp, now: Timestamp, idle: Duration) -> bool {
        self.expires_at <= now || seen_at.plus(idle) <= now
    }
}

#[cfg(test)]
mod tests {
    use super::{SessionId, is_cookie, new_cookie, user_agent};
    use crate::random::SystemRandom;

    #[test]
    fn a_cookie_is_told_from_those_of_others() {
        let cookie = new_cookie(&SystemRandom);
        assert!(is_cookie(cookie.expose()));
        let cut = &cookie.expose()[..cookie.expose().len() - 1];
        for other in ["", "abc", "s%3AeyJ.signature", "mtss_", cut, &"x".repeat(10_000)] {
            assert!(!is_cookie(other), "{other}");
        }
        assert!(SessionId::parse(SessionId::generate(&SystemRandom).as_str()).is_ok());
        assert!(SessionId::parse(cookie.expose()).is_err());
    }

    #[test]
    fn a_user_agent_is_bounded() {
        assert_eq!(user_agent("curl/8\u{1b}[31m\n"), "curl/8[31m");
        assert_eq!(user_agent(&"é".repeat(10_000)).chars().count(), 200);
    }
}
