//! What this node remembers of the store, bounded, so that the hot path asks no database; and the
//! [`follower`] that keeps it right.

mod api_keys;
mod apis;
mod clients;
mod clock_check;
mod counters;
pub mod follower;
mod freshness;
mod generations;
pub mod guesses;
mod hourly;
mod key_usage;
mod known_client;
mod memory;
mod recent;
mod revoked;
mod sessions;
mod usage;
mod users;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::Guard;
use tokio::sync::{Notify, Semaphore, watch};

use api_keys::{ApiKeys, Owner};
pub use api_keys::{KnownApiKey, KnownOwner};
use apis::Apis;
use clients::Clients;
use clock_check::ClockCheck;
use freshness::Freshness;
pub use freshness::Health;
use generations::Generations;
use guesses::Guesses;
use key_usage::KeyUsages;
pub use key_usage::{KeyUsage, Rate};
pub use known_client::{KnownClient, KnownSecret, SlowSecret};
pub use recent::{Known, Position, Recent};
pub use sessions::KnownSession;
use sessions::Sessions;
use usage::Usage;
pub use usage::{ClientUsage, OverLimit};
pub use users::KnownUser;
use users::Users;

use crate::clock::{Clock, Timestamp};
use crate::keys::ring::{KeyRing, RingError};
use crate::metrics::Metrics;
use crate::model::api::Api;
use crate::model::api_key::{ApiKeyId, KeyOwner};
use crate::model::client::ClientId;
use crate::model::event::{Effect, EventNumber};
use crate::model::usage::{Hour, KeyOutcome, Outcome};
use crate::model::user::{User, UserId, Username};
use crate::secret::digest::SecretDigest;
use crate::secret::hash::SecretHash;
use crate::store::clock::Compared;
use crate::store::{self, Database, StoreError, api_key, client, session, user};

/// What this node knows.
#[derive(Debug)]
pub struct Directory {
    database: Database,
    generations: Arc<Generations>,
    clients: Clients,
    keys: ApiKeys,
    /// Nothing where nobody has asked with one yet.
    sessions: OnceLock<Sessions>,
    /// The same, with a token for which somebody gave their API key.
    users: OnceLock<Users>,
    guesses: Arc<Guesses>,
    apis: Apis,
    usage: Arc<Usage>,
    key_usages: Arc<KeyUsages>,
    ring: Arc<KeyRing>,
    clock: Arc<dyn Clock>,
    clock_check: ClockCheck,
    freshness: Freshness,
    applied: watch::Sender<EventNumber>,
    recent: Recent,
    poll_now: Notify,
    lookups: Semaphore,
    key_lookups: Semaphore,
    metrics: Arc<Metrics>,
}

/// The store is out of reach, and has been for too long or holds what is asked for. It is no answer
/// to the question.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(String);

/// Look-ups in the store that may be under way or waiting at once; more are answered with 503
/// instead of piling up.
const MAX_LOOKUPS: usize = 256;

/// The same of API keys. Fewer, because anybody can make up as many keys as they like that have the
/// form of one, each of which costs a look-up: clients are looked up beside them.
const MAX_KEY_LOOKUPS: usize = 64;

impl Directory {
    /// A directory that knows nothing yet, except that nothing before `head` concerns it; `ring`
    /// was loaded after that. Its clock is judged by `store_clock`, by that of the store itself
    /// when there is none.
    #[must_use]
    pub fn new(
        database: Database,
        ring: Arc<KeyRing>,
        head: EventNumber,
        outage_grace: std::time::Duration,
        clock: Arc<dyn Clock>,
        store_clock: Option<Arc<dyn Clock>>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let (usage, key_usages, generations) = (Arc::default(), Arc::default(), Arc::default());
        Self {
            database,
            clients: Clients::new(Arc::clone(&clock), Arc::clone(&generations), Arc::clone(&usage)),
            keys: ApiKeys::new(
                Arc::clone(&clock),
                Arc::clone(&generations),
                Arc::clone(&key_usages),
            ),
            sessions: OnceLock::new(),
            users: OnceLock::new(),
            generations,
            key_usages,
            guesses: Arc::new(Guesses::new(Arc::clone(&clock))),
            usage,
            apis: Apis::default(),
            ring,
            clock_check: ClockCheck::new(Arc::clone(&clock), store_clock, Arc::clone(&metrics)),
            freshness: Freshness::new(outage_grace, Arc::clone(&clock)),
            clock,
            applied: watch::Sender::new(head),
            recent: Recent::default(),
            poll_now: Notify::new(),
            lookups: Semaphore::new(MAX_LOOKUPS),
            key_lookups: Semaphore::new(MAX_KEY_LOOKUPS),
            metrics,
        }
    }

    /// The number of the last event that this node has applied.
    #[must_use]
    pub fn applied(&self) -> EventNumber {
        *self.applied.borrow()
    }

    /// What was taken back lately.
    #[must_use]
    pub const fn recent(&self) -> &Recent {
        &self.recent
    }

    /// When this node last knew for sure that nothing had happened but what it had applied.
    #[must_use]
    pub fn known_at(&self) -> Timestamp {
        self.clock.now().minus(self.freshness.age())
    }

    /// How often those who were wrong may be wrong again.
    #[must_use]
    pub const fn guesses(&self) -> &Arc<Guesses> {
        &self.guesses
    }

    /// How well this node follows the store.
    #[must_use]
    pub fn health(&self) -> Health {
        self.freshness.health()
    }

    /// What the clock of this node and that of the store showed, when they were further apart than
    /// they may be.
    #[must_use]
    pub fn wrong_clock(&self) -> Option<Compared> {
        self.clock_check.wrong()
    }

    /// Compares the two clocks.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn check_clock(&self) -> Result<(), StoreError> {
        self.clock_check.look(&self.database).await
    }

    /// The client with this id, remembered or looked up, and the number of an event that this
    /// knowledge is not older than; no client when there is none.
    ///
    /// # Errors
    /// When the store is needed, or has not been reached for longer than the grace, and is out of
    /// reach.
    pub async fn client(
        &self,
        id: &str,
    ) -> Result<(Option<Arc<KnownClient>>, EventNumber), Unavailable> {
        // Before the look-up: an event that is applied between the two must not be claimed as
        // known.
        let as_of = self.applied();
        self.check_grace()?;
        let Some(known) = self.clients.remembered(id) else {
            self.metrics.directory_misses.increment(1);
            // Apart from the future of every request, which is kept small: see `http`.
            return Box::pin(self.look_up_as_of(id, as_of)).await;
        };
        self.metrics.directory_hits.increment(1);
        let cut_off = known.as_ref().map_or(as_of, |known| known.client.cut_off);
        if cut_off > as_of {
            Box::pin(self.catch_up(cut_off)).await?;
        }
        Ok((known, as_of.max(cut_off)))
    }

    fn check_grace(&self) -> Result<(), Unavailable> {
        if self.freshness.is_within_grace() {
            return Ok(());
        }
        Err(Unavailable("the store has been out of reach for longer than outage_grace".to_owned()))
    }

    /// The API key with this digest, remembered or looked up, with its owner; none when there is
    /// none.
    ///
    /// # Errors
    /// When the store is needed, or has not been reached for longer than the grace, and is out of
    /// reach; or too many keys are being looked up.
    pub async fn api_key(
        &self,
        digest: &SecretDigest,
    ) -> Result<Option<Arc<KnownApiKey>>, Unavailable> {
        self.check_grace()?;
        if let Some(known) = self.keys.remembered(digest) {
            self.metrics.directory_hits.increment(1);
            return Ok(known);
        }
        // Apart from the future of every request, which is kept small: see `http`.
        Box::pin(self.look_up_api_key(digest)).await
    }

    async fn look_up_api_key(
        &self,
        digest: &SecretDigest,
    ) -> Result<Option<Arc<KnownApiKey>>, Unavailable> {
        self.metrics.directory_misses.increment(1);
        let load = || async {
            let _permit = self.key_lookups.try_acquire().map_err(|_| {
                StoreError::Unavailable("too many API keys are looked up already".to_owned())
            })?;
            let Some((key, read_as_of)) = api_key::by_digest(&self.database, digest).await? else {
                return Ok(None);
            };
            let id = match &key.owner {
                KeyOwner::Client(id) => id,
                // One who was deleted meanwhile took the key along.
                KeyOwner::User(id) => {
                    let found = user::by_id_as_of(&self.database, id).await?;
                    // They were read after the key.
                    return Ok(
                        found.map(|(user, as_of)| (key, read_as_of.max(as_of), Owner::User(user)))
                    );
                }
            };
            let mut owner = match self.clients.remembered(id.as_str()).flatten() {
                Some(known) => Some(known),
                None => self.look_up(id).await?,
            };
            if owner.is_none() {
                // Somebody has asked for them before they were made, and this node has not come to
                // that event yet.
                self.clients.forget(id);
                owner = self.look_up(id).await?;
            }
            // An owner who was deleted meanwhile took the key along.
            Ok(owner.map(|owner| (key, read_as_of, Owner::Client(owner))))
        };
        Box::pin(self.keys.load(digest, load)).await.map_err(|error| Unavailable(error.to_string()))
    }

    /// The same, and the number of an event that this knowledge is not older than.
    ///
    /// # Errors
    /// As there; and when the key changes all the time.
    pub async fn api_key_as_of(
        &self,
        digest: &SecretDigest,
    ) -> Result<(Option<Arc<KnownApiKey>>, EventNumber), Unavailable> {
        /// A key that changes more often than that while it is looked at is none to make tokens
        /// from now.
        const ATTEMPTS: usize = 3;
        for _ in 0..ATTEMPTS {
            // Before the look-up: an event that is applied between the two must not be claimed as
            // known.
            let as_of = self.applied();
            let Some(known) = self.api_key(digest).await? else { return Ok((None, as_of)) };
            // Where this node has not come to what was read, a token that says an older number
            // might be void from the start.
            let cut_off =
                known.owner.client().map_or(known.read_as_of, |known| known.client.cut_off);
            let read_as_of = known.read_as_of.max(cut_off);
            if read_as_of <= as_of {
                return Ok((Some(known), as_of));
            }
            self.catch_up(read_as_of).await?;
        }
        Err(Unavailable("the API key changes all the time".to_owned()))
    }

    /// The user with this id, remembered or looked up; nobody when there is none.
    ///
    /// # Errors
    /// When the store is needed, or has not been reached for longer than the grace, and is out of
    /// reach.
    pub async fn user(&self, id: &UserId) -> Result<Option<Arc<KnownUser>>, Unavailable> {
        self.check_grace()?;
        let users = self
            .users
            .get_or_init(|| Users::new(Arc::clone(&self.clock), Arc::clone(&self.generations)));
        if let Some(known) = users.remembered(id) {
            self.metrics.directory_hits.increment(1);
            return Ok(known);
        }
        self.metrics.directory_misses.increment(1);
        let load = || async {
            let _permit = self.key_lookups.try_acquire().map_err(|_| {
                StoreError::Unavailable("too many users are looked up already".to_owned())
            })?;
            user::by_id(&self.database, id).await
        };
        users.load(id, load).await.map_err(|error| Unavailable(error.to_string()))
    }

    /// The session with this digest, remembered or looked up, with who is logged in; none when
    /// there is none. One that would be over at `now`, as far as this node knows, is looked up
    /// once more: another node may have seen it since.
    ///
    /// # Errors
    /// When the store is needed, or has not been reached for longer than the grace, and is out of
    /// reach.
    pub async fn session(
        &self,
        digest: &SecretDigest,
        now: Timestamp,
        idle: Duration,
    ) -> Result<Option<Arc<KnownSession>>, Unavailable> {
        self.check_grace()?;
        let sessions = self
            .sessions
            .get_or_init(|| Sessions::new(Arc::clone(&self.clock), Arc::clone(&self.generations)));
        if let Some(known) = sessions.remembered(digest) {
            if known.as_ref().is_none_or(|known| !known.session.is_over(known.seen_at(), now, idle))
            {
                self.metrics.directory_hits.increment(1);
                return Ok(known);
            }
            sessions.forget(digest);
        }
        self.metrics.directory_misses.increment(1);
        let load = || async {
            // As many as keys: anybody can make up as many that have the form of one.
            let _permit = self.key_lookups.try_acquire().map_err(|_| {
                StoreError::Unavailable("too many sessions are looked up already".to_owned())
            })?;
            let found = session::by_digest(&self.database, digest).await?;
            // One that is over is as good as none, and stays so.
            Ok(found.filter(|(session, _)| !session.is_over(session.seen_at, now, idle)))
        };
        sessions.load(digest, load).await.map_err(|error| Unavailable(error.to_string()))
    }

    /// Whoever logs in with this name, and the hash of their password. Always looked up: nobody
    /// logs in often.
    ///
    /// # Errors
    /// When the store is out of reach, or too many names are being looked up.
    pub async fn look_up_username(
        &self,
        username: &Username,
    ) -> Result<Option<(User, SecretHash)>, Unavailable> {
        let permit = self.key_lookups.try_acquire();
        let _permit = permit
            .map_err(|_| Unavailable("too many usernames are looked up already".to_owned()))?;
        user::by_username(&self.database, username)
            .await
            .map_err(|error| Unavailable(error.to_string()))
    }

    /// Notes that a session is used at `now`. The store is told of it now and then, and nobody
    /// waits for that.
    pub fn saw(&self, known: &KnownSession, now: Timestamp, idle: Duration) {
        /// The longest that a session which is used looks unused to another node, and after a
        /// restart.
        const USUAL: Duration = Duration::from_mins(5);
        if known.see(now, USUAL.min(idle / 10)) {
            let (database, id) = (self.database.clone(), known.session.id.clone());
            tokio::spawn(async move {
                if let Err(error) = session::saw(&database, &id, now).await {
                    log::debug!("cannot note that session {id} is used: {error}");
                }
            });
        }
    }

    /// Counts a request that was refused though its key is good, if this node remembers the key.
    pub fn count_key_refusal(&self, id: &ApiKeyId, outcome: KeyOutcome) {
        if let Some(usage) = self.key_usages.known(id.as_str()) {
            usage.refuse(self.clock.now(), outcome);
        }
    }

    /// Looks a client up. What is known of it is not older than `as_of`, or than the client's
    /// cut-off where this node has not come to it yet: the row was read when that event, and so
    /// all before it, had been committed.
    async fn look_up_as_of(
        &self,
        id: &str,
        as_of: EventNumber,
    ) -> Result<(Option<Arc<KnownClient>>, EventNumber), Unavailable> {
        let Ok(id) = ClientId::parse(id) else {
            return Ok((None, as_of));
        };
        let known = self.look_up(&id).await.map_err(|error| Unavailable(error.to_string()))?;
        let cut_off = known.as_ref().map_or(as_of, |known| known.client.cut_off);
        self.catch_up(cut_off).await?;
        Ok((known, as_of.max(cut_off)))
    }

    async fn look_up(&self, id: &ClientId) -> Result<Option<Arc<KnownClient>>, StoreError> {
        let load = || async {
            let _permit = self.lookups.try_acquire().map_err(|_| {
                StoreError::Unavailable("too many look-ups are waiting already".to_owned())
            })?;
            let found = client::by_id(&self.database, id).await?;
            if found.as_ref().is_some_and(|(client, _)| client.terms.max_tokens_per_hour.is_some())
            {
                // Before the first token: this node may have just started, or forgotten.
                let hour = Hour::of(self.clock.now());
                self.usage
                    .of(id)
                    .learn(hour, store::usage::tokens(&self.database, id, hour).await?);
            }
            Ok(found)
        };
        self.clients.load(id, load).await
    }

    /// Waits until this node has applied event `number`. A client that was just made elsewhere may
    /// be found before its event was applied here; a token that said an older number would lie
    /// before the client's cut-off.
    ///
    /// # Errors
    /// When that takes too long.
    pub async fn catch_up(&self, number: EventNumber) -> Result<(), Unavailable> {
        /// The follower asks ten times a second, and is asked to hurry.
        const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);
        if self.applied() >= number {
            return Ok(());
        }
        let mut applied = self.applied.subscribe();
        self.poll_now.notify_one();
        let caught_up =
            tokio::time::timeout(PATIENCE, applied.wait_for(|applied| *applied >= number)).await;
        match caught_up {
            Ok(Ok(_)) => Ok(()),
            _ => Err(Unavailable("the follower does not keep up with the events".to_owned())),
        }
    }

    /// Counts a request that was refused before its client was known for sure, for the client that
    /// it named, if this node remembers that.
    pub fn count_refusal(&self, id: &str, outcome: Outcome) {
        if let Some(Some(known)) = self.clients.remembered(id) {
            known.usage.refuse(self.clock.now(), outcome, None, None);
        }
    }

    /// Tells the store what was counted since the last time, and learns what other nodes have told
    /// of clients with a limit.
    ///
    /// # Errors
    /// When the store fails; what it was not told is told the next time.
    pub async fn flush_usage(&self) -> Result<(), StoreError> {
        let flushed = self.tell_usage().await.and(self.tell_key_usage().await);
        self.metrics.count_flush(flushed.is_ok());
        flushed
    }

    async fn tell_usage(&self) -> Result<(), StoreError> {
        /// Clients whose counts are told at once: few enough that no change waits long.
        const PART: usize = 200;
        let (counted, is_limited) = self.usage.take_all();
        let mut left = counted.as_slice();
        while let Some((part, rest)) =
            left.split_at_checked(PART.min(left.len())).filter(|(part, _)| !part.is_empty())
        {
            match store::usage::add(&self.database, part).await {
                Ok(()) => {}
                // Rather some seconds too few than twice the same.
                Err(StoreError::OutcomeUnknown(reason)) => {
                    log::warn!("counts may be lost: {reason}");
                }
                Err(error) => {
                    self.usage.put_back(left);
                    return Err(error);
                }
            }
            left = rest;
        }
        if is_limited {
            let hour = Hour::of(self.clock.now());
            self.usage.learn(hour, store::usage::tokens_of_limited(&self.database, hour).await?);
        }
        Ok(())
    }

    async fn tell_key_usage(&self) -> Result<(), StoreError> {
        /// Keys whose counts are told at once.
        const PART: usize = 200;
        let counted = self.key_usages.take_all();
        let mut failed = Ok(());
        for part in counted.chunks(PART) {
            if failed.is_err() {
                self.key_usages.put_back(part);
                continue;
            }
            match store::api_key_usage::add(&self.database, part).await {
                Ok(()) => {}
                // Rather some seconds too few than twice the same.
                Err(StoreError::OutcomeUnknown(reason)) => {
                    log::warn!("counts may be lost: {reason}");
                }
                Err(error) => {
                    self.key_usages.put_back(part);
                    failed = Err(error);
                }
            }
        }
        failed
    }

    /// Does what an event asks of whoever remembers things.
    async fn react(&self, effect: &Effect) -> Result<(), StoreError> {
        match effect {
            Effect::None => {}
            Effect::Client(id) => self.clients.forget(id),
            Effect::NewClients => self.clients.forget_absences(),
            Effect::ApiKey(id) => self.keys.forget(id),
            Effect::ApiKeys(ids) => ids.iter().for_each(|id| self.keys.forget(id)),
            Effect::User(id) => self.generations.forget(id.as_str()),
            Effect::Apis => self.load_apis().await?,
            Effect::SigningKeys => self.load_keys().await?,
            Effect::Everything => {
                self.generations.forget_all();
                self.clients.clear();
                self.keys.clear();
                if let Some(sessions) = self.sessions.get() {
                    sessions.clear();
                }
                if let Some(users) = self.users.get() {
                    users.clear();
                }
                self.load_revocations().await?;
                self.load_apis().await?;
                self.load_keys().await?;
            }
        }
        Ok(())
    }

    /// Reads the APIs from the store.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn load_apis(&self) -> Result<(), StoreError> {
        self.apis.load(&self.database).await
    }

    /// All APIs by identifier.
    pub fn apis(&self) -> Guard<Arc<HashMap<Box<str>, Api>>> {
        self.apis.current()
    }

    async fn load_keys(&self) -> Result<(), StoreError> {
        let loaded = self.ring.load(&self.database, self.clock.now()).await;
        loaded.map_err(|error| match error {
            RingError::Store(error) => error,
            other => StoreError::Failed(other.to_string()),
        })
    }
}
