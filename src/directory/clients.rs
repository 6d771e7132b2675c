//! Clients by id, as many as fit. Each entry carries the generation of its shard as it was before the entry was
//! loaded; forgetting raises the generation. So an old row that a slow load brings in after a change is not believed,
//! whoever stores it when.
//!
//! An entry that was forgotten stays until the next load, which takes over what is still true of it: that somebody showed the
//! secret of which this is the slow hash.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use quick_cache::sync::Cache;

use super::known_client::{KnownClient, KnownSecret};
use super::usage::Usage;
use crate::clock::Clock;
use crate::model::client::{Client, ClientId, ClientSecret};
use crate::store::StoreError;

/// The most clients that are remembered.
const CAPACITY: usize = 16_384;

/// The most ids of no client that are remembered. Apart from the clients, so that guessing pushes out guesses alone.
const UNKNOWN_CAPACITY: usize = 4096;

/// How long it is remembered that there is no such client. That one is made is an event, and forgotten at once.
const UNKNOWN_FOR: Duration = Duration::from_mins(1);

const SHARDS: usize = 1024;

/// The generation of a shard, as it was when somebody looked.
#[derive(Clone, Copy)]
struct Stamp {
    shard: usize,
    generation: u64,
}

/// A client, and the stamp of its shard before it was loaded.
#[derive(Clone)]
struct Entry {
    stamp: Stamp,
    client: Arc<KnownClient>,
}

/// That there was no client, and when. Beside the generation of its shard it carries that of all absences.
#[derive(Clone, Copy)]
struct Absence {
    stamp: Stamp,
    era: u64,
    since: Duration,
}

/// Why a load brought no entry.
enum NotLoaded {
    /// There is no such client.
    Absent,
    /// The store failed.
    Failed(StoreError),
}

pub struct Clients {
    known: Cache<ClientId, Entry>,
    unknown: Cache<ClientId, Absence>,
    generations: Vec<AtomicU64>,
    /// The generation of all that is remembered of clients that do not exist.
    era: AtomicU64,
    clock: Arc<dyn Clock>,
    usage: Arc<Usage>,
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clients({})", self.known.len())
    }
}

impl Clients {
    pub fn new(clock: Arc<dyn Clock>, usage: Arc<Usage>) -> Self {
        let generations = std::iter::repeat_with(AtomicU64::default).take(SHARDS).collect();
        Self {
            known: Cache::new(CAPACITY),
            unknown: Cache::new(UNKNOWN_CAPACITY),
            generations,
            era: AtomicU64::default(),
            clock,
            usage,
        }
    }

    /// What is known of `id`: nothing; that there is no such client; the client.
    #[expect(clippy::option_option, reason = "not known is not the same as known not to exist")]
    pub fn remembered(&self, id: &str) -> Option<Option<Arc<KnownClient>>> {
        if let Some(entry) = self.known.get(id) {
            return self.is_current(entry.stamp).then_some(Some(entry.client));
        }
        self.is_known_absent(id).then_some(None)
    }

    /// Loads a client and remembers it. Callers that ask for the same id meanwhile share the load, unless the client
    /// changed since it began.
    pub async fn load<F, Loading>(
        &self,
        id: &ClientId,
        load: F,
    ) -> Result<Option<Arc<KnownClient>>, StoreError>
    where
        F: Fn() -> Loading,
        Loading: Future<Output = Result<Option<(Client, Vec<ClientSecret>)>, StoreError>>,
    {
        /// A client that changes this often while it is looked up is served from the store directly.
        const ATTEMPTS: usize = 3;
        let mut before: Option<Arc<KnownClient>> = None;
        for _ in 0..ATTEMPTS {
            let secrets = before.as_ref().map_or(&[][..], |before| &before.secrets);
            let loading = self.load_entry(id, secrets, &load);
            let entry = match self.known.get_or_insert_async(id, loading).await {
                Ok(entry) => entry,
                Err(NotLoaded::Absent) => return Ok(None),
                Err(NotLoaded::Failed(error)) => return Err(error),
            };
            if self.is_current(entry.stamp) {
                return Ok(Some(entry.client));
            }
            // This very entry: another caller may have brought in a newer one.
            self.known.remove_if(id, |stored| Arc::ptr_eq(&stored.client, &entry.client));
            before = Some(entry.client);
        }
        let secrets = before.as_ref().map_or(&[][..], |before| &before.secrets);
        match self.load_entry(id, secrets, &load).await {
            Ok(entry) => Ok(Some(entry.client)),
            Err(NotLoaded::Absent) => Ok(None),
            Err(NotLoaded::Failed(error)) => Err(error),
        }
    }

    async fn load_entry<F, Loading>(
        &self,
        id: &ClientId,
        before: &[KnownSecret],
        load: &F,
    ) -> Result<Entry, NotLoaded>
    where
        F: Fn() -> Loading,
        Loading: Future<Output = Result<Option<(Client, Vec<ClientSecret>)>, StoreError>>,
    {
        // Somebody who waited for another's load finds here that it found nothing.
        if self.is_known_absent(id.as_str()) {
            return Err(NotLoaded::Absent);
        }
        let (stamp, era) = (self.stamp(id.as_str()), self.era.load(Ordering::Acquire));
        let Some((mut client, secrets)) = load().await.map_err(NotLoaded::Failed)? else {
            self.unknown.insert(id.clone(), Absence { stamp, era, since: self.clock.elapsed() });
            return Err(NotLoaded::Absent);
        };
        // One text for the entry, the client and its counts.
        client.id = id.clone();
        let usage = self.usage.of(id);
        Ok(Entry { stamp, client: Arc::new(KnownClient::new(client, secrets, before, usage)) })
    }

    fn is_known_absent(&self, id: &str) -> bool {
        self.unknown.get(id).is_some_and(|absence| {
            self.is_current(absence.stamp)
                && absence.era == self.era.load(Ordering::Acquire)
                && self.clock.elapsed().saturating_sub(absence.since) < UNKNOWN_FOR
        })
    }

    pub fn forget(&self, id: &ClientId) {
        if let Some(generation) = self.generations.get(shard(id.as_str())) {
            generation.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Forgets who does not exist: many were made at once. Who is known stays known, or every thousand of a million new
    /// clients would send all the others to the store.
    pub fn forget_absences(&self) {
        self.era.fetch_add(1, Ordering::AcqRel);
    }

    pub fn forget_all(&self) {
        for generation in &self.generations {
            generation.fetch_add(1, Ordering::AcqRel);
        }
        self.known.clear();
    }

    fn stamp(&self, id: &str) -> Stamp {
        let shard = shard(id);
        Stamp { shard, generation: self.generation(shard) }
    }

    /// Whether nothing of the shard was forgotten since.
    fn is_current(&self, stamp: Stamp) -> bool {
        stamp.generation == self.generation(stamp.shard)
    }

    fn generation(&self, shard: usize) -> u64 {
        self.generations.get(shard).map_or(0, |generation| generation.load(Ordering::Acquire))
    }
}

/// FNV-1a. Which ids share a shard does not matter: one of them is looked up once more than need be.
fn shard(id: &str) -> usize {
    let hash = id
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    usize::try_from(hash % SHARDS as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Barrier;

    use super::{Clients, UNKNOWN_CAPACITY, UNKNOWN_FOR};
    use crate::clock::{Clock, ManualClock, Timestamp};
    use crate::model::client::{AuthMethod, Client, ClientId, ClientSecret, SecretId};
    use crate::model::event::EventNumber;
    use crate::model::name::DisplayName;
    use crate::model::scope::ScopeSet;
    use crate::secret::Secret;
    use crate::secret::digest::DigestKey;
    use crate::secret::hash::SecretHash;
    use crate::store::StoreError;

    fn client(name: &str) -> Client {
        Client {
            id: ClientId::parse("a").unwrap(),
            name: DisplayName::parse(name).unwrap(),
            scopes: ScopeSet::default(),
            grants: Vec::new(),
            auth_method: AuthMethod::ClientSecret,
            default_scopes: None,
            resources: Vec::new(),
            stands_for: Vec::new(),
            token_alg: None,
            introspection_alg: None,
            token_ttl: None,
            max_tokens_per_hour: None,
            cut_off: EventNumber::default(),
            created_at: Timestamp::from_secs(0),
            disabled_at: None,
        }
    }

    fn secret(hash: &str) -> ClientSecret {
        ClientSecret {
            id: SecretId::from_stored("cs_1".to_owned()),
            hint: String::new(),
            label: None,
            digest: None,
            hash: SecretHash::from_stored(hash.to_owned()),
            created_at: Timestamp::from_secs(0),
            expires_at: None,
        }
    }

    fn clients() -> (Arc<ManualClock>, Clients) {
        let clock = ManualClock::starting_at(Timestamp::from_secs(0));
        (Arc::clone(&clock), Clients::new(clock as Arc<dyn Clock>, Arc::default()))
    }

    /// A load that began before an invalidation must not put the old row back after it.
    #[tokio::test]
    async fn a_slow_load_does_not_bring_back_the_past() {
        let (_clock, clients) = clients();
        let id = ClientId::parse("a").unwrap();
        let (began, go_on) = (Barrier::new(2), Barrier::new(2));
        let loads = AtomicUsize::new(0);
        let load = clients.load(&id, || async {
            if loads.fetch_add(1, Ordering::SeqCst) == 0 {
                began.wait().await;
                go_on.wait().await;
                return Ok(Some((client("old"), Vec::new())));
            }
            Ok(Some((client("new"), Vec::new())))
        });
        let change = async {
            began.wait().await;
            clients.forget(&id);
            go_on.wait().await;
        };
        let (loaded, ()) = tokio::join!(load, change);
        assert_eq!(loaded.unwrap().unwrap().client.name.as_str(), "new");
        assert_eq!(clients.remembered("a").unwrap().unwrap().client.name.as_str(), "new");
    }

    #[tokio::test]
    async fn many_who_ask_at_once_share_one_load() {
        let (_clock, clients) = clients();
        let id = ClientId::parse("a").unwrap();
        let loads = AtomicUsize::new(0);
        let load = || async {
            loads.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            Ok(Some((client("x"), Vec::new())))
        };
        let all = futures_util::future::join_all((0..50).map(|_| clients.load(&id, load))).await;
        assert!(all.into_iter().all(|loaded| loaded.unwrap().is_some()));
        assert_eq!(loads.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn that_there_is_none_is_remembered_for_a_moment() {
        let (clock, clients) = clients();
        let id = ClientId::parse("a").unwrap();
        clients.load(&id, || async { Ok(None) }).await.unwrap();
        assert!(matches!(clients.remembered("a"), Some(None)));
        clock.let_pass(UNKNOWN_FOR);
        assert!(clients.remembered("a").is_none());
    }

    /// SEC-10
    #[tokio::test]
    async fn that_there_is_none_is_forgotten_when_many_are_made() {
        let (_clock, clients) = clients();
        let [absent, known, slow] = ["absent", "a", "slow"].map(|id| ClientId::parse(id).unwrap());
        clients.load(&absent, || async { Ok(None) }).await.unwrap();
        clients.load(&known, || async { Ok(Some((client("x"), Vec::new()))) }).await.unwrap();
        // A look that began before comes too late to be believed.
        let load = clients.load(&slow, || async {
            clients.forget_absences();
            Ok(None)
        });
        assert!(load.await.unwrap().is_none());
        assert!(clients.remembered("absent").is_none());
        assert!(clients.remembered("slow").is_none());
        assert!(matches!(clients.remembered("a"), Some(Some(_))));
    }

    /// SEC-10: what was shown once is known of the same secret, also in its other form; not of another one with the same id.
    #[tokio::test]
    async fn what_was_shown_is_known_of_that_secret_alone() {
        let (_clock, clients) = clients();
        let id = ClientId::parse("a").unwrap();
        let load = |hash: &'static str| {
            clients.forget(&id);
            clients.load(&id, move || async move { Ok(Some((client("x"), vec![secret(hash)]))) })
        };
        let digest = DigestKey::new(&[1; 32]).digest(&Secret::new("hunter2".to_owned()));
        let replacement = SecretHash::from_stored("own form".to_owned());
        let imported = load("imported").await.unwrap().unwrap();
        imported.secrets[0].slow().unwrap().was_shown(digest, Some(replacement));
        for (hash, is_known) in
            [("imported", true), ("own form", true), ("own form", true), ("another", false)]
        {
            let loaded = load(hash).await.unwrap().unwrap();
            assert_eq!(loaded.secrets[0].digest().is_some(), is_known, "{hash}");
        }
    }

    #[tokio::test]
    async fn a_failed_load_is_not_remembered() {
        let (_clock, clients) = clients();
        let id = ClientId::parse("a").unwrap();
        let failed = clients.load(&id, || async { Err(StoreError::Unavailable(String::new())) }).await;
        assert!(failed.is_err());
        assert!(clients.load(&id, || async { Ok(Some((client("x"), Vec::new()))) }).await.unwrap().is_some());
    }

    /// SEC-3
    #[tokio::test]
    async fn what_is_remembered_is_bounded() {
        let (_clock, clients) = clients();
        for number in 0..UNKNOWN_CAPACITY * 2 {
            let id = ClientId::parse(&format!("unknown-{number}")).unwrap();
            clients.load(&id, || async { Ok(None) }).await.unwrap();
        }
        assert!(clients.unknown.len() <= UNKNOWN_CAPACITY);
    }
}
