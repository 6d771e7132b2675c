//! Sessions: where people are logged in.

use std::net::IpAddr;
use std::time::Duration;

use super::id::id;
use super::user::UserId;
use crate::clock::Timestamp;
use crate::random::Random;
use crate::secret::Secret;
use crate::secret::generated::{self, generate, looks_generated};

/// How the cookie of a session begins.
const PREFIX: &str = "mtss_";

/// The most characters of what a browser calls itself that are kept.
const MAX_USER_AGENT: usize = 200;

id!(
    /// The id of a session, which is not the value of its cookie: `ss_` and 22 base62 characters.
    SessionId,
    "ss_",
    "a session"
);

/// A new value for the cookie of a session: 256 random bits, and a checksum by which what other
/// programs set under the same name is told from it.
#[must_use]
pub fn new_cookie(random: &dyn Random) -> Secret {
    generate(PREFIX, random)
}

/// Whether the value of a cookie has the form of one that is made here.
#[must_use]
pub fn is_cookie(value: &str) -> bool {
    looks_generated(PREFIX, value)
}

/// `text` without the cookies that stand in it, of which the beginning is left.
#[must_use]
pub fn masked(text: &str) -> String {
    generated::masked(PREFIX, text)
}

/// What is kept of the name that a browser gives itself: its first characters, without those that
/// control something.
#[must_use]
pub fn user_agent(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(MAX_USER_AGENT).collect()
}

/// A session as it is kept, without what is in the cookie.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Who is logged in.
    pub user: UserId,
    /// Since when.
    pub created_at: Timestamp,
    /// When it ends, however much it is used.
    pub expires_at: Timestamp,
    /// When it was last used, but for a few minutes.
    pub seen_at: Timestamp,
    /// From where somebody logged in.
    pub address: Option<IpAddr>,
    /// What their browser called itself.
    pub user_agent: String,
}

impl Session {
    /// Whether it is over at `now`, having last been used at `seen_at`.
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
