//! Look-ups: of clients, API keys, users and sessions, from memory or from the store. A look-up in
//! the store takes a permit, so that a flood of unknown ids is answered with 503 instead of piling
//! up.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::api_keys::{KnownApiKey, KnownOwner};
use super::known_client::KnownClient;
use super::memory::Memory;
use super::sessions::KnownSession;
use super::users::KnownUser;
use super::{Directory, Unavailable};
use crate::clock::Timestamp;
use crate::model::api_key::KeyOwner;
use crate::model::client::ClientId;
use crate::model::event::EventNumber;
use crate::model::usage::Hour;
use crate::model::user::{User, UserId, Username};
use crate::secret::digest::SecretDigest;
use crate::secret::hash::SecretHash;
use crate::store::{self, StoreError, api_key, client, session, user};

/// A permit for one look-up in the store, or `refusal` if there are too many already.
fn permit<'a>(lookups: &'a Semaphore, refusal: &str) -> Result<SemaphorePermit<'a>, StoreError> {
    lookups.try_acquire().map_err(|_| StoreError::Unavailable(refusal.to_owned()))
}

impl Directory {
    /// Looks up the client with this id, in memory or in the store. Returns it with the number of
    /// an event that the entry is not older than.
    ///
    /// # Errors
    /// The store is needed and out of reach, or has been for longer than the grace.
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
        Err(Unavailable("the store has been unreachable for longer than outage_grace".to_owned()))
    }

    /// Looks up a client in the store. The entry is not older than `as_of`, or than the client's
    /// cut-off if this node has not applied that event yet: the row was read when that event, and
    /// so all before it, had been committed.
    async fn look_up_as_of(
        &self,
        id: &str,
        as_of: EventNumber,
    ) -> Result<(Option<Arc<KnownClient>>, EventNumber), Unavailable> {
        let Ok(id) = ClientId::parse(id) else {
            return Ok((None, as_of));
        };
        let known = self.look_up(&id).await?;
        let cut_off = known.as_ref().map_or(as_of, |known| known.client.cut_off);
        self.catch_up(cut_off).await?;
        Ok((known, as_of.max(cut_off)))
    }

    async fn look_up(&self, id: &ClientId) -> Result<Option<Arc<KnownClient>>, StoreError> {
        let load = || async {
            let _permit = permit(&self.lookups, "too many lookups are waiting")?;
            let found = client::by_id(&self.database, id).await?;
            if found.as_ref().is_some_and(|(client, _)| client.terms.max_tokens_per_hour.is_some())
            {
                // Before the first token: this node may have just started, or evicted the client.
                let hour = Hour::of(self.clock.now());
                let tokens = store::usage::tokens(&self.database, id, hour).await?;
                self.usage.of(id).learn(hour, tokens);
            }
            Ok(found)
        };
        self.clients.load(id, load).await
    }

    /// Looks up the API key with this digest, with its owner, in memory or in the store.
    ///
    /// # Errors
    /// The store is needed and out of reach, or has been for longer than the grace; or too many
    /// keys are being looked up.
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
        let load = async |read_at| {
            let _permit = permit(&self.key_lookups, "too many API key lookups are in progress")?;
            let Some((key, read_as_of)) = api_key::by_digest(&self.database, digest).await? else {
                return Ok(None);
            };
            // A user or client who was deleted meanwhile took the key along.
            let id = match &key.owner {
                KeyOwner::Client(id) => id,
                KeyOwner::User(id) => {
                    let found = user::by_id_as_of(&self.database, id).await?;
                    // The user was read after the key.
                    return Ok(found.map(|(user, as_of)| {
                        let owner = KnownOwner::User(KnownUser::new(user, read_at));
                        (key, read_as_of.max(as_of), owner)
                    }));
                }
            };
            let mut owner = match self.clients.remembered(id.as_str()).flatten() {
                Some(known) => Some(known),
                None => self.look_up(id).await?,
            };
            if owner.is_none() {
                // The client was looked up before it was created, and this node has not applied
                // that event yet.
                self.clients.forget(id);
                owner = self.look_up(id).await?;
            }
            Ok(owner.map(|owner| (key, read_as_of, KnownOwner::Client(owner))))
        };
        Ok(Box::pin(self.keys.load(digest, load)).await?)
    }

    /// Looks up an API key like [`Directory::api_key`]. Returns it with the number of an event that
    /// the entry is not older than.
    ///
    /// # Errors
    /// As there; and the key changes all the time.
    pub async fn api_key_as_of(
        &self,
        digest: &SecretDigest,
    ) -> Result<(Option<Arc<KnownApiKey>>, EventNumber), Unavailable> {
        /// No tokens are issued for a key that changes more often than this during one look-up.
        const ATTEMPTS: usize = 3;
        for _ in 0..ATTEMPTS {
            // Before the look-up: an event that is applied between the two must not be claimed as
            // known.
            let as_of = self.applied();
            let Some(known) = self.api_key(digest).await? else { return Ok((None, as_of)) };
            // If this node has not applied all that was read, a token that says an older number
            // could be revoked from the start.
            let cut_off =
                known.owner.client().map_or(known.read_as_of, |known| known.client.cut_off);
            let read_as_of = known.read_as_of.max(cut_off);
            if read_as_of <= as_of {
                return Ok((Some(known), as_of));
            }
            self.catch_up(read_as_of).await?;
        }
        Err(Unavailable("the API key changed repeatedly during the lookup".to_owned()))
    }

    /// Looks up the user with this id, in memory or in the store.
    ///
    /// # Errors
    /// The store is needed and out of reach, or has been for longer than the grace.
    pub async fn user(&self, id: &UserId) -> Result<Option<Arc<KnownUser>>, Unavailable> {
        self.check_grace()?;
        let users = self
            .users
            .get_or_init(|| Memory::new(Arc::clone(&self.clock), Arc::clone(&self.generations)));
        if let Some(known) = users.get(id) {
            self.metrics.directory_hits.increment(1);
            return Ok(known);
        }
        self.metrics.directory_misses.increment(1);
        let load = async |read_at, _| {
            let _permit = permit(&self.key_lookups, "too many user lookups are in progress")?;
            let found = user::by_id(&self.database, id).await?;
            Ok(found.map(|user| KnownUser::new(user, read_at)))
        };
        Ok(users.load(id, load).await?)
    }

    /// Looks up the session with this digest, with its user, in memory or in the store. A session
    /// that is over at `now` as far as this node knows is looked up again: another node may have
    /// seen it since.
    ///
    /// # Errors
    /// The store is needed and out of reach, or has been for longer than the grace.
    pub async fn session(
        &self,
        digest: &SecretDigest,
        now: Timestamp,
        idle: Duration,
    ) -> Result<Option<Arc<KnownSession>>, Unavailable> {
        self.check_grace()?;
        let sessions = self
            .sessions
            .get_or_init(|| Memory::new(Arc::clone(&self.clock), Arc::clone(&self.generations)));
        if let Some(known) = sessions.get(digest) {
            if known.as_ref().is_none_or(|known| !known.session.is_over(known.seen_at(), now, idle))
            {
                self.metrics.directory_hits.increment(1);
                return Ok(known);
            }
            sessions.remove(digest);
        }
        self.metrics.directory_misses.increment(1);
        let load = async |read_at, _| {
            // With the permits of keys: anyone can make up digests of either.
            let _permit = permit(&self.key_lookups, "too many session lookups are in progress")?;
            let found = session::by_digest(&self.database, digest).await?;
            // A session that is over stays over, and counts as absent.
            let found = found.filter(|(session, _)| !session.is_over(session.seen_at, now, idle));
            Ok(found.map(|(session, user)| KnownSession::new(session, user, read_at)))
        };
        Ok(sessions.load(digest, load).await?)
    }

    /// Looks up the user with this name, and the hash of their password. Always in the store:
    /// logins are rare.
    ///
    /// # Errors
    /// The store is out of reach, or too many names are being looked up.
    pub async fn look_up_username(
        &self,
        username: &Username,
    ) -> Result<Option<(User, SecretHash)>, Unavailable> {
        let permit = self.key_lookups.try_acquire();
        let _permit = permit
            .map_err(|_| Unavailable("too many username lookups are in progress".to_owned()))?;
        Ok(user::by_username(&self.database, username).await?)
    }

    /// Notes that a session is used at `now`. Writes that to the store now and then, in the
    /// background.
    pub fn saw(&self, known: &KnownSession, now: Timestamp, idle: Duration) {
        /// The longest time for which a used session looks unused to another node, or after a
        /// restart.
        const USUAL: Duration = Duration::from_mins(5);
        if known.see(now, USUAL.min(idle / 10)) {
            let (database, id) = (self.database.clone(), known.session.id.clone());
            tokio::spawn(async move {
                if let Err(error) = session::saw(&database, &id, now).await {
                    log::debug!("cannot record the use of session {id}: {error}");
                }
            });
        }
    }
}
