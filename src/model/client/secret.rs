//! Client secrets, without their text.

use crate::clock::Timestamp;
use crate::model::id::id;
use crate::random::{self, Random};
use crate::secret::digest::SecretDigest;
use crate::secret::generated::HINT_LEN;
use crate::secret::hash::SecretHash;

/// The maximum number of secrets per client: two during a rotation, and more for clients that
/// several programs share.
pub const MAX_SECRETS: usize = 10;

/// The maximum number of chosen or imported secrets per client: the check of each takes a slow
/// hash.
pub const MAX_CHOSEN_SECRETS: usize = 2;

id!(
    /// The id of a client secret: `cs_` and 22 base62 characters.
    SecretId,
    "cs_",
    "a secret"
);

impl SecretId {
    /// Consecutive ids, so that the index of a million secrets grows at its end. Their security
    /// does not depend on being unpredictable.
    pub fn sequence(random: &dyn Random) -> impl Iterator<Item = Self> + Send + use<> {
        let first = u128::from_be_bytes(random::bytes::<16>(random));
        (0..).map(move |number: u128| Self::from_bytes(&first.wrapping_add(number).to_be_bytes()))
    }
}

/// A secret of a client. A client may have several, so that a new one can be deployed before the
/// old one is revoked.
#[derive(Debug, Clone)]
pub struct ClientSecret {
    /// The id.
    pub id: SecretId,
    /// The last characters of a generated secret, also where its hash was imported. For a chosen
    /// secret its tag ([`DigestKey::tag`](crate::secret::digest::DigestKey::tag)), which is never
    /// shown. Empty for an imported hash of unknown text.
    pub hint: String,
    /// The display name.
    pub label: Option<String>,
    /// The fast digest of a generated secret. A chosen or imported secret can be guessed, so only
    /// its slow hash is stored.
    pub digest: Option<SecretDigest>,
    /// The slow hash.
    pub hash: SecretHash,
    /// Creation time.
    pub created_at: Timestamp,
    /// End of validity.
    pub expires_at: Option<Timestamp>,
}

impl ClientSecret {
    /// True for a secret that was chosen or imported instead of generated.
    #[must_use]
    pub fn is_chosen(&self) -> bool {
        self.ending().is_none()
    }

    /// The last characters, if they may be shown: those of a generated secret, here or elsewhere,
    /// in which case its hash was imported together with them.
    #[must_use]
    pub fn ending(&self) -> Option<&str> {
        (self.digest.is_some() || self.hint.len() == HINT_LEN).then_some(self.hint.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::SecretId;
    use crate::random::SystemRandom;

    #[test]
    fn ids_of_secrets_follow_one_another() {
        let ids: Vec<String> =
            SecretId::sequence(&SystemRandom).take(100).map(|id| id.as_str().to_owned()).collect();
        // The order breaks only at the very end of the numbers.
        assert!(ids.is_sorted() && ids.iter().all(|id| SecretId::parse(id).is_ok()), "{ids:?}");
    }
}
