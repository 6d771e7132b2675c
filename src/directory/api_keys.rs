//! API keys by their digest, as many as fit, each with its owner and what it allows now. A key is
//! good for no longer than what it was made of: what is remembered of it goes with a change of the
//! key, and with one of its owner.

use std::fmt;
use std::sync::Arc;

use super::generations::{Generations, Moment, Stamp};
use super::key_usage::{KeyUsage, KeyUsages};
use super::known_client::KnownClient;
use super::memory::{Memory, Remembered};
use super::users::KnownUser;
use crate::clock::Clock;
use crate::model::api_key::{ApiKey, ApiKeyId};
use crate::model::claims::TokenId;
use crate::model::event::EventNumber;
use crate::model::principal::Principal;
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;
use crate::model::user::User;
use crate::secret::digest::SecretDigest;
use crate::store::StoreError;

/// The most keys that are remembered.
const CAPACITY: usize = 16_384;

/// The most digests of no key that are remembered.
const UNKNOWN_CAPACITY: usize = 4096;

/// What is remembered of an API key.
#[derive(Debug)]
pub struct KnownApiKey {
    /// The key.
    pub key: ApiKey,
    /// Whose it is.
    pub owner: KnownOwner,
    /// What it allows: no more than its owner may.
    pub scopes: ScopeSet,
    /// What is counted for it.
    pub usage: Arc<KeyUsage>,
    /// See [`TokenId::credential`].
    pub token_credential: [u8; 8],
    /// The last event that had happened when it was read.
    pub(super) read_as_of: EventNumber,
    stamp: Stamp,
}

/// What is remembered of the owner of a key.
#[derive(Debug)]
pub enum KnownOwner {
    /// A program.
    Client(Arc<KnownClient>),
    /// Somebody.
    User(KnownUser),
}

/// The owner of a key, as it was loaded.
pub enum Owner {
    Client(Arc<KnownClient>),
    User(User),
}

impl KnownOwner {
    /// The client, where it is one.
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

    /// Whether they may do anything.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        match self {
            Self::Client(known) => known.client.is_enabled(),
            Self::User(known) => known.user.is_enabled(),
        }
    }

    /// Who they are.
    #[must_use]
    pub fn principal(&self) -> Principal {
        match self {
            Self::Client(known) => Principal::Client {
                id: known.client.id.clone(),
                name: known.client.terms.name.clone(),
            },
            Self::User(KnownUser { user, .. }) => Principal::User {
                id: user.id.clone(),
                name: user.username.clone(),
                role: user.role,
            },
        }
    }

    /// The APIs that are theirs beside the default one.
    #[must_use]
    pub fn resources(&self) -> &[ResourceUri] {
        match self {
            Self::Client(known) => &known.client.terms.resources,
            Self::User(known) => &known.user.resources,
        }
    }

    /// What of the scopes of a key they hold themselves.
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

    fn absence(_: &SecretDigest, _: Moment) -> Option<Stamp> {
        // Nobody can have asked for a key that was made after that.
        None
    }

    fn is_current(&self, generations: &Generations) -> bool {
        generations.is_current(self.stamp) && self.owner.is_current(generations)
    }
}

pub struct ApiKeys {
    memory: Memory<KnownApiKey>,
    generations: Arc<Generations>,
    usages: Arc<KeyUsages>,
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKeys({})", self.memory.len().0)
    }
}

impl ApiKeys {
    pub fn new(
        clock: Arc<dyn Clock>,
        generations: Arc<Generations>,
        usages: Arc<KeyUsages>,
    ) -> Self {
        let memory = Memory::new(CAPACITY, UNKNOWN_CAPACITY, Arc::clone(&generations), clock);
        Self { memory, generations, usages }
    }

    /// What is known of the key with this digest: nothing; that there is none; the key.
    #[expect(clippy::option_option, reason = "not known is not the same as known not to exist")]
    pub fn remembered(&self, digest: &SecretDigest) -> Option<Option<Arc<KnownApiKey>>> {
        self.memory.get(digest)
    }

    /// Loads a key, and its owner, and remembers it. Callers that ask for the same meanwhile share
    /// the load.
    pub async fn load<F, Loading>(
        &self,
        digest: &SecretDigest,
        load: F,
    ) -> Result<Option<Arc<KnownApiKey>>, StoreError>
    where
        F: Fn() -> Loading,
        Loading: Future<Output = Result<Option<(ApiKey, EventNumber, Owner)>, StoreError>>,
    {
        let load = |read_at, _| {
            let loading = load();
            async move {
                let Some((key, read_as_of, owner)) = loading.await? else { return Ok(None) };
                let owner = match owner {
                    Owner::Client(known) => KnownOwner::Client(known),
                    Owner::User(user) => KnownOwner::User(KnownUser::new(user, read_at)),
                };
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

    /// What is known of a key that changed is not believed any more.
    pub fn forget(&self, id: &ApiKeyId) {
        self.generations.forget(id.as_str());
    }

    /// Frees the room of all that was forgotten.
    pub fn clear(&self) {
        self.memory.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{ApiKeys, UNKNOWN_CAPACITY};
    use crate::clock::{Clock, ManualClock, Timestamp};
    use crate::secret::digest::DigestKey;

    /// SEC-3
    #[tokio::test]
    async fn what_is_remembered_of_keys_that_there_are_not_is_bounded() {
        let clock = ManualClock::starting_at(Timestamp::from_secs(0)) as Arc<dyn Clock>;
        let keys = ApiKeys::new(clock, Arc::default(), Arc::default());
        let digests = DigestKey::new(&[1; 32]);
        for number in 0..UNKNOWN_CAPACITY * 2 {
            let digest = digests.digest_text(&number.to_string());
            assert!(keys.load(&digest, || async { Ok(None) }).await.unwrap().is_none());
        }
        let (known, unknown) = keys.memory.len();
        assert!(known == 0 && unknown <= UNKNOWN_CAPACITY, "{known} {unknown}");
        assert!(keys.usages.take_all().is_empty());
    }
}
