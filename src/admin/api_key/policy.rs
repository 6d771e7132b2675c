//! The settings of API keys: format, digest and lifetime.

use std::time::Duration;

use crate::admin::client::check_life;
use crate::admin::error::AdminError;
use crate::model::api_key::KeyFormat;
use crate::model::patch::Patch;
use crate::secret::digest::{DigestKey, SecretDigest};

/// The settings of API keys.
#[derive(Debug, Clone)]
pub struct ApiKeyPolicy {
    /// The key of their digests.
    pub digests: DigestKey,
    /// Their format.
    pub format: KeyFormat,
    /// The maximum lifetime; unlimited if zero.
    pub max_ttl: Duration,
}

impl ApiKeyPolicy {
    /// The defaults.
    #[must_use]
    pub fn usual(digests: DigestKey) -> Self {
        Self { digests, format: KeyFormat::default(), max_ttl: Duration::ZERO }
    }

    /// The digest that identifies a key. It leaves out the prefix, which all keys share: the rest
    /// fits into one block of the hash, so each request with a key waits for one block less.
    #[must_use]
    pub fn digest(&self, key: &str) -> SecretDigest {
        self.digests.digest_text(key.split_once('_').map_or(key, |(_prefix, rest)| rest))
    }

    /// The lifetime, counted from now, of a key that has already existed for `lived`; absent if it
    /// does not expire.
    pub(super) fn life(
        &self,
        wanted: Patch<Duration>,
        lived: Option<Duration>,
    ) -> Result<Option<Duration>, AdminError> {
        let most = (!self.max_ttl.is_zero())
            .then(|| self.max_ttl.saturating_sub(lived.unwrap_or_default()));
        let too_long = || {
            let most = self.max_ttl.as_secs();
            AdminError::Invalid(format!(
                "the lifetime of an API key must be at most {most} seconds (`api_keys.max_ttl`)"
            ))
        };
        match (wanted, most) {
            (Patch::Keep, most) => Ok(most),
            (Patch::Clear, Some(_)) => Err(too_long()),
            (Patch::Clear, None) => Ok(None),
            (Patch::Set(life), Some(most)) if life > most => Err(too_long()),
            (Patch::Set(life), _) => {
                check_life(Some(life))?;
                Ok(Some(life))
            }
        }
    }

    /// The lifetime, or the maximum if that is shorter.
    pub(super) fn cap(&self, life: Duration) -> Duration {
        if self.max_ttl.is_zero() { life } else { life.min(self.max_ttl) }
    }
}
