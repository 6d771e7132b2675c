//! API keys: credentials that a program sends with every request, instead of exchanging them for a
//! token first.

use std::sync::Arc;

use super::address::AddressRanges;
use super::client::{ClientId, InvalidClientId};
pub use super::environment::{Environment, Environments, InvalidEnvironment, InvalidEnvironments};
use super::id::id;
use super::name::DisplayName;
use super::scope::ScopeSet;
use super::user::UserId;
use crate::clock::Timestamp;
use crate::random::Random;
use crate::secret::Secret;
use crate::secret::generated::{generate, looks_generated, masked};

/// The maximum number of address ranges of a key: each request is checked against all.
pub const MAX_RANGES: usize = 32;

/// The highest rate limit; a higher one would not limit.
pub const MAX_PER_MINUTE: u32 = 1_000_000;

id!(
    /// The id of an API key: `ak_` and 22 base62 characters.
    ApiKeyId,
    "ak_",
    "an API key"
);

/// An invalid prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the prefix of API keys must be 2 to 16 lower-case letters and digits, starting with a letter"
)]
pub struct InvalidPrefix;

/// The format of keys: prefix, environment, 43 base62 digits (256 random bits), and 6 of CRC-32.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFormat {
    live: Arc<str>,
    test: Arc<str>,
}

impl KeyFormat {
    /// The format with `prefix`, and an underscore if the prefix does not end in one.
    ///
    /// # Errors
    /// If the prefix is too short or too long, or has another meaning.
    pub fn new(prefix: &str) -> Result<Self, InvalidPrefix> {
        let prefix = prefix.strip_suffix('_').unwrap_or(prefix);
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if !(2..=16).contains(&prefix.len())
            || !prefix.bytes().all(is_plain)
            || !prefix.starts_with(|first: char| first.is_ascii_lowercase())
        {
            return Err(InvalidPrefix);
        }
        Ok(Self { live: format!("{prefix}_live_").into(), test: format!("{prefix}_test_").into() })
    }

    /// The prefix.
    #[must_use]
    pub fn prefix(&self) -> &str {
        self.live.split('_').next().unwrap_or_default()
    }

    /// A new key.
    #[must_use]
    pub fn generate(&self, environment: Environment, random: &dyn Random) -> Secret {
        let before = match environment {
            Environment::Live => &self.live,
            Environment::Test => &self.test,
        };
        generate(before, random)
    }

    /// `true` if `text` looks like a key, well-formed or not. No access token does.
    #[must_use]
    pub fn is_meant(&self, text: &str) -> bool {
        text.starts_with(&*self.live) || text.starts_with(&*self.test)
    }

    /// `true` if `text` contains something that looks like a key.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        text.contains(&*self.live) || text.contains(&*self.test)
    }

    /// `text` with its keys masked except for their beginnings.
    #[must_use]
    pub fn masked(&self, text: &str) -> String {
        masked(&self.test, &masked(&self.live, text))
    }

    /// The environment of a key; `None` if it is malformed or has a wrong checksum.
    #[must_use]
    pub fn environment(&self, key: &str) -> Option<Environment> {
        if looks_generated(&self.live, key) {
            Some(Environment::Live)
        } else {
            looks_generated(&self.test, key).then_some(Environment::Test)
        }
    }
}

impl Default for KeyFormat {
    fn default() -> Self {
        Self { live: "mtk_live_".into(), test: "mtk_test_".into() }
    }
}

/// The owner of a key: the principal that it acts for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyOwner {
    /// A program.
    Client(ClientId),
    /// A user.
    User(UserId),
}

impl KeyOwner {
    /// Parses the id of an owner. No client id has the form of a user id.
    ///
    /// # Errors
    /// If it is neither.
    pub fn parse(text: &str) -> Result<Self, InvalidClientId> {
        match UserId::parse(text) {
            Ok(user) => Ok(Self::User(user)),
            Err(_) => ClientId::parse(text).map(Self::Client),
        }
    }

    /// The id of the owner.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Client(id) => id.as_str(),
            Self::User(id) => id.as_str(),
        }
    }
}

/// A limit of a key, besides its scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyLimit {
    /// The lifetime.
    #[error(
        "an API key cannot create a key that expires later than itself: set an earlier expiry (`expires_in`)"
    )]
    End,
    /// The allowed addresses.
    #[error(
        "an API key cannot create a key with more addresses than its own: set addresses (`allowed_addresses`)"
    )]
    Addresses,
    /// The rate limit.
    #[error(
        "an API key cannot create a key with a higher rate limit than its own: set a limit (`max_requests_per_minute`)"
    )]
    Rate,
    /// The environment.
    #[error("a test key cannot create a live key (`environment`)")]
    Environment,
}

/// A stored API key, without its text.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// The display name.
    pub name: DisplayName,
    /// The owner.
    pub owner: KeyOwner,
    /// The environment.
    pub environment: Environment,
    /// The last digits before the checksum, to recognize the key by.
    pub hint: String,
    /// The scopes, limited at each use to those of the owner.
    pub scopes: ScopeSet,
    /// The allowed addresses; every address if empty.
    pub allowed: AddressRanges,
    /// The rate limit in requests per minute per node; unlimited if absent.
    pub max_per_minute: Option<u32>,
    /// The key that replaces it.
    pub successor: Option<ApiKeyId>,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The time of expiry.
    pub expires_at: Option<Timestamp>,
    /// The time of disabling.
    pub disabled_at: Option<Timestamp>,
    /// The time when it was found in public.
    pub leaked_at: Option<Timestamp>,
}

impl ApiKey {
    /// `true` if it is not disabled.
    #[must_use]
    pub const fn is_enabled(&self) -> bool {
        self.disabled_at.is_none()
    }

    /// `true` if it allows less than `before`, so that a token exchanged for it earlier may allow
    /// more: it has fewer scopes, a shorter lifetime or fewer addresses.
    #[must_use]
    pub fn allows_less_than(&self, before: &Self) -> bool {
        let ends = |key: &Self| key.expires_at.unwrap_or(Timestamp::from_millis(i64::MAX));
        !before.scopes.is_subset_of(&self.scopes)
            || ends(self) < ends(before)
            || (before.allowed.is_empty() && !self.allowed.is_empty())
    }

    /// The first limit that exceeds those of `other`.
    #[must_use]
    pub fn goes_beyond(&self, other: &Self) -> Option<KeyLimit> {
        let ends = |key: &Self| key.expires_at.unwrap_or(Timestamp::from_millis(i64::MAX));
        let rate = |key: &Self| key.max_per_minute.unwrap_or(u32::MAX);
        if self.environment == Environment::Live && other.environment == Environment::Test {
            Some(KeyLimit::Environment)
        } else if ends(self) > ends(other) {
            Some(KeyLimit::End)
        } else if !self.allowed.are_within(&other.allowed) {
            Some(KeyLimit::Addresses)
        } else if rate(self) > rate(other) {
            Some(KeyLimit::Rate)
        } else {
            None
        }
    }

    /// `true` if it is expired at `now`.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::{Environment, KeyFormat};
    use crate::random::SystemRandom;

    #[test]
    fn a_key_has_its_environment_and_a_changed_one_is_invalid() {
        let format = KeyFormat::default();
        for (environment, before) in
            [(Environment::Live, "mtk_live_"), (Environment::Test, "mtk_test_")]
        {
            let key = format.generate(environment, &SystemRandom);
            let key = key.expose();
            assert!(key.starts_with(before) && key.len() == 9 + 43 + 6, "{key}");
            assert_eq!(format.environment(key), Some(environment));
            assert!(format.is_meant(key) && format.is_in(&format!("x={key}")));
            assert_eq!(format.masked(&format!("no client {key}")), format!("no client {before}…"));
            for position in 0..key.len() {
                let mut bytes = key.as_bytes().to_vec();
                bytes[position] = if bytes[position] == b'x' { b'y' } else { b'x' };
                assert_eq!(format.environment(std::str::from_utf8(&bytes).unwrap()), None);
            }
            // The checksum covers the environment.
            let other = if environment == Environment::Live {
                key.replace("live", "test")
            } else {
                key.replace("test", "live")
            };
            assert_eq!(format.environment(&other), None);
            assert_eq!(KeyFormat::new("acme").unwrap().environment(key), None);
        }
        assert_eq!(KeyFormat::new("mtk"), Ok(format.clone()));
        for acme in ["acme", "acme_"] {
            assert_eq!(KeyFormat::new(acme).unwrap().prefix(), "acme");
        }
        for no_key in ["", "mtk_live", "eyJhbGciOiJFUzI1NiJ9.e30.x", "mts_0", "MTK_LIVE_"] {
            assert!(!format.is_meant(no_key) && !format.is_in(no_key), "{no_key}");
        }
        for bad in
            ["", "_", "m", "m_", "acme__", "Mtk", "m_k", "1mtk", "mtk ", "abcdefghijklmnopq", "mü"]
        {
            assert!(KeyFormat::new(bad).is_err(), "{bad}");
        }
    }
}
