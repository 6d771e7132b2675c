//! Cached API keys by their digest, each with its owner and effective scopes. A change of the key or
//! of its owner makes the entry stale.

use std::sync::Arc;

use super::generations::{Generation, Generations, Stamp};
use super::key_usage::{KeyUsage, KeyUsages};
use super::known_client::KnownClient;
use super::memory::{Memory, Remembered};
use super::users::KnownUser;
use crate::clock::Clock;
use crate::model::api_key::{ApiKey, ApiKeyId};
use crate::model::claims::TokenId;
use crate::model::event::EventNumber;
use crate::model::identity::Identity;
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;
use crate::secret::digest::SecretDigest;
use crate::store::StoreError;

/// A cached API key.
#[derive(Debug)]
pub struct KnownApiKey {
    /// The key.
    pub key: ApiKey,
    /// Its owner.
    pub owner: KnownOwner,
    /// Its scopes, as far as its owner holds them.
    pub scopes: ScopeSet,
    /// Its usage counts.
    pub usage: Arc<KeyUsage>,
    /// See [`TokenId::credential`].
    pub token_credential: [u8; 8],
    /// The last event before it was read.
    pub(super) read_as_of: EventNumber,
    stamp: Stamp,
}

/// The owner of a cached key.
#[derive(Debug)]
pub enum KnownOwner {
    /// A client.
    Client(Arc<KnownClient>),
    /// A user.
    User(KnownUser),
}

impl KnownOwner {
    /// The client, if the owner is one.
    #[must_use]
    pub fn client(&self) -> Option<&KnownClient> {
        match self {
            Self::Client(known) => Some(known),
            Self::User(_) => None,
        }
    }

    /// The id, as it stands in `sub`.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Client(known) => known.client.id.as_str(),
            Self::User(known) => known.user.id.as_str(),
        }
    }

    /// `true` if the owner is enabled.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        match self {
            Self::Client(known) => known.client.is_enabled(),
            Self::User(known) => known.user.is_enabled(),
        }
    }

    /// The owner, as an access token shows it.
    #[must_use]
    pub fn identity(&self) -> Identity {
        match self {
            Self::Client(known) => Identity::Client {
                id: known.client.id.clone(),
                name: known.client.terms.name.clone(),
            },
            Self::User(KnownUser { user, .. }) => {
                Identity::User { id: user.id.clone(), name: user.username.clone(), role: user.role }
            }
        }
    }

    /// The APIs that the owner may use besides the default one.
    #[must_use]
    pub fn resources(&self) -> &[ResourceUri] {
        match self {
            Self::Client(known) => &known.client.terms.resources,
            Self::User(known) => &known.user.resources,
        }
    }

    /// The event as of which the scopes were granted at these APIs.
    #[must_use]
    pub fn granted_as_of(&self) -> EventNumber {
        match self {
            Self::Client(known) => known.client.granted_as_of,
            Self::User(known) => known.user.granted_as_of,
        }
    }

    /// The scopes of a key that the owner holds.
    fn most_of(&self, scopes: &ScopeSet) -> ScopeSet {
        match self {
            Self::Client(known) => scopes.intersection(&known.client.terms.scopes),
            Self::User(known) => known.user.most_of(scopes),
        }
    }

    fn is_current(&self, generations: &Generations) -> bool {
        match self {
            Self::Client(known) => known.is_current(generations),
            Self::User(known) => known.is_current(generations),
        }
    }
}

impl Remembered for KnownApiKey {
    type Key = SecretDigest;
    const CAPACITY: usize = 16_384;
    const ABSENT_CAPACITY: usize = 4096;

    fn is_current(&self, generations: &Generations) -> bool {
        generations.is_current(self.stamp) && self.owner.is_current(generations)
    }
}

/// The cache of API keys.
#[derive(Debug)]
pub struct ApiKeys {
    memory: Memory<KnownApiKey>,
    generations: Arc<Generations>,
    usages: Arc<KeyUsages>,
}

impl ApiKeys {
    /// An empty cache.
    pub fn new(
        clock: Arc<dyn Clock>,
        generations: Arc<Generations>,
        usages: Arc<KeyUsages>,
    ) -> Self {
        let memory = Memory::new(clock, Arc::clone(&generations));
        Self { memory, generations, usages }
    }

    /// The cached key with this digest; see [`Memory::get`].
    #[expect(clippy::option_option, reason = "not known is not the same as known not to exist")]
    pub fn remembered(&self, digest: &SecretDigest) -> Option<Option<Arc<KnownApiKey>>> {
        self.memory.get(digest)
    }

    /// Loads a key with its owner and caches it; see [`Memory::load`].
    pub async fn load<F, Loading>(
        &self,
        digest: &SecretDigest,
        load: F,
    ) -> Result<Option<Arc<KnownApiKey>>, StoreError>
    where
        F: Fn(Generation) -> Loading,
        Loading: Future<Output = Result<Option<(ApiKey, EventNumber, KnownOwner)>, StoreError>>,
    {
        let load = |read_at, _| {
            let loading = load(read_at);
            async move {
                let Some((key, read_as_of, owner)) = loading.await? else { return Ok(None) };
                Ok(Some(KnownApiKey {
                    scopes: owner.most_of(&key.scopes),
                    usage: self.usages.of(&key.id),
                    token_credential: TokenId::credential_digest(key.id.as_str()),
                    read_as_of,
                    stamp: Generations::stamp(key.id.as_str(), read_at),
                    key,
                    owner,
                }))
            }
        };
        self.memory.load(digest, load).await
    }

    /// Makes the entry of a key stale.
    pub fn forget(&self, id: &ApiKeyId) {
        self.generations.forget(id.as_str());
    }

    /// Frees the memory of all entries; see [`Memory::clear`].
    pub fn clear(&self) {
        self.memory.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{ApiKeys, KnownApiKey, Remembered as _};
    use crate::clock::{Clock, ManualClock, Timestamp};
    use crate::secret::digest::DigestKey;

    /// SEC-3
    #[tokio::test]
    async fn cached_absences_of_keys_are_bounded() {
        let clock = ManualClock::starting_at(Timestamp::from_secs(0)) as Arc<dyn Clock>;
        let keys = ApiKeys::new(clock, Arc::default(), Arc::default());
        let digests = DigestKey::new(&[1; 32]);
        for number in 0..KnownApiKey::ABSENT_CAPACITY * 2 {
            let digest = digests.digest_text(&number.to_string());
            assert!(keys.load(&digest, |_| async { Ok(None) }).await.unwrap().is_none());
        }
        let (known, unknown) = keys.memory.len();
        assert!(known == 0 && unknown <= KnownApiKey::ABSENT_CAPACITY, "{known} {unknown}");
        assert!(keys.usages.take_all().is_empty());
    }
}
