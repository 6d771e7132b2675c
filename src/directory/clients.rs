//! Cached clients by id.

use std::sync::Arc;

use super::generations::{Generation, Generations, Stamp};
use super::known_client::KnownClient;
use super::memory::{Memory, Remembered};
use super::usage::ClientUsages;
use crate::clock::Clock;
use crate::model::client::{Client, ClientId, ClientSecret};
use crate::store::StoreError;

impl Remembered for KnownClient {
    type Key = ClientId;
    const CAPACITY: usize = 16_384;
    const ABSENT_CAPACITY: usize = 4096;

    fn absence(id: &ClientId, read_at: Generation) -> Option<Stamp> {
        Some(Generations::stamp(id.as_str(), read_at))
    }

    fn is_current(&self, generations: &Generations) -> bool {
        generations.is_current(self.stamp)
    }
}

/// The cache of clients.
#[derive(Debug)]
pub struct Clients {
    memory: Memory<KnownClient>,
    generations: Arc<Generations>,
    usage: Arc<ClientUsages>,
}

impl Clients {
    /// An empty cache.
    pub fn new(
        clock: Arc<dyn Clock>,
        generations: Arc<Generations>,
        usage: Arc<ClientUsages>,
    ) -> Self {
        let memory = Memory::new(clock, Arc::clone(&generations));
        Self { memory, generations, usage }
    }

    /// The cached client with this id; see [`Memory::get`].
    #[expect(clippy::option_option, reason = "not known is not the same as known not to exist")]
    pub fn remembered(&self, id: &str) -> Option<Option<Arc<KnownClient>>> {
        self.memory.get(id)
    }

    /// Loads a client and caches it; see [`Memory::load`].
    pub async fn load<F, Loading>(
        &self,
        id: &ClientId,
        load: F,
    ) -> Result<Option<Arc<KnownClient>>, StoreError>
    where
        F: Fn() -> Loading,
        Loading: Future<Output = Result<Option<(Client, Vec<ClientSecret>)>, StoreError>>,
    {
        let load = |read_at, before: Option<Arc<KnownClient>>| {
            let loading = load();
            async move {
                let Some((mut client, secrets)) = loading.await? else { return Ok(None) };
                // One text for the entry, the client and its counts.
                client.id = id.clone();
                let secrets_before = before.as_ref().map_or(&[][..], |before| &before.secrets);
                let stamp = Generations::stamp(id.as_str(), read_at);
                let usage = self.usage.of(id);
                Ok(Some(KnownClient::new(client, secrets, secrets_before, usage, stamp)))
            }
        };
        self.memory.load(id, load).await
    }

    /// Makes what is cached of a client stale.
    pub fn forget(&self, id: &ClientId) {
        self.generations.forget(id.as_str());
    }

    /// Removes all absences; see [`Memory::forget_absences`].
    pub fn forget_absences(&self) {
        self.memory.forget_absences();
    }

    /// Frees the memory of all entries; see [`Memory::clear`].
    pub fn clear(&self) {
        self.memory.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Barrier;

    use super::{Clients, KnownClient, Remembered as _};
    use crate::clock::{Clock, ManualClock, Timestamp};
    use crate::directory::memory::ABSENT_FOR;
    use crate::model::client::{AuthMethod, Client, ClientId, ClientSecret, ClientTerms, SecretId};
    use crate::model::event::EventNumber;
    use crate::model::name::DisplayName;
    use crate::secret::Secret;
    use crate::secret::digest::DigestKey;
    use crate::secret::hash::SecretHash;
    use crate::store::StoreError;

    fn client(name: &str) -> Client {
        Client {
            id: ClientId::parse("a").unwrap(),
            terms: ClientTerms::new(DisplayName::parse(name).unwrap()),
            auth_method: AuthMethod::ClientSecret,
            cut_off: EventNumber::default(),
            granted_as_of: EventNumber::default(),
            created_at: Timestamp::from_secs(0),
            disabled_at: None,
        }
    }

    fn secret(hash: &str) -> ClientSecret {
        ClientSecret {
            id: SecretId::parse("cs_0000000000000000000001").unwrap(),
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
        (Arc::clone(&clock), Clients::new(clock as Arc<dyn Clock>, Arc::default(), Arc::default()))
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
        assert_eq!(loaded.unwrap().unwrap().client.terms.name.as_str(), "new");
        assert_eq!(clients.remembered("a").unwrap().unwrap().client.terms.name.as_str(), "new");
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
    async fn an_absence_is_cached_for_a_moment() {
        let (clock, clients) = clients();
        let id = ClientId::parse("a").unwrap();
        clients.load(&id, || async { Ok(None) }).await.unwrap();
        assert!(matches!(clients.remembered("a"), Some(None)));
        clock.let_pass(ABSENT_FOR);
        assert!(clients.remembered("a").is_none());
    }

    /// SEC-10
    #[tokio::test]
    async fn absences_are_forgotten_when_many_clients_are_created() {
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

    /// SEC-10: what was shown once is known of the same secret, also in its other form; not of
    /// another one with the same id.
    #[tokio::test]
    async fn a_verified_secret_is_known_of_that_secret_only() {
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
        let failed =
            clients.load(&id, || async { Err(StoreError::Unavailable(String::new())) }).await;
        assert!(failed.is_err());
        assert!(
            clients
                .load(&id, || async { Ok(Some((client("x"), Vec::new()))) })
                .await
                .unwrap()
                .is_some()
        );
    }

    /// SEC-3
    #[tokio::test]
    async fn the_cache_is_bounded() {
        let (_clock, clients) = clients();
        for number in 0..KnownClient::ABSENT_CAPACITY * 2 {
            let id = ClientId::parse(&format!("unknown-{number}")).unwrap();
            clients.load(&id, || async { Ok(None) }).await.unwrap();
        }
        assert!(clients.memory.len().1 <= KnownClient::ABSENT_CAPACITY);
    }
}
