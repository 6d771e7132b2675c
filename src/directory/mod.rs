//! The directory: caches of this node over the store, bounded, so that the hot path asks no database.
//! The [`follower`] keeps them current: `lookup.rs` reads them, `invalidate.rs` applies events to
//! them, `flush.rs` writes the usage counts.
//!
//! To cache another type of entry, implement `Remembered` of `memory.rs` and add its look-up and
//! its effect.

mod api_keys;
mod apis;
mod clients;
mod clock_check;
mod counters;
mod flush;
pub mod follower;
mod freshness;
mod generations;
pub mod guesses;
mod hourly;
mod invalidate;
mod key_usage;
mod known_client;
mod lookup;
mod memory;
mod polls;
mod recent;
mod revoked;
mod sessions;
mod usage;
mod users;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, watch};

use api_keys::ApiKeys;
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
use polls::Polls;
pub use recent::{Known, Position, Recent};
pub use sessions::KnownSession;
use sessions::Sessions;
use usage::ClientUsages;
pub use usage::{ClientUsage, OverLimit};
pub use users::KnownUser;
use users::Users;

use crate::clock::{Clock, Timestamp};
use crate::keys::ring::KeyRing;
use crate::metrics::Metrics;
use crate::model::event::EventNumber;
use crate::store::clock::Compared;
use crate::store::{Database, StoreError};

/// The caches of this node, and the state of its follower.
#[derive(Debug)]
pub struct Directory {
    database: Database,
    generations: Arc<Generations>,
    clients: Clients,
    keys: ApiKeys,
    /// Empty until the first look-up of a session.
    sessions: OnceLock<Sessions>,
    /// Empty until the first access token that was exchanged for the API key of a user.
    users: OnceLock<Users>,
    guesses: Arc<Guesses>,
    apis: Apis,
    usage: Arc<ClientUsages>,
    key_usages: Arc<KeyUsages>,
    ring: Arc<KeyRing>,
    clock: Arc<dyn Clock>,
    clock_check: ClockCheck,
    freshness: Freshness,
    applied: watch::Sender<EventNumber>,
    recent: Recent,
    poll_now: Notify,
    polls: Polls,
    lookups: Semaphore,
    key_lookups: Semaphore,
    metrics: Arc<Metrics>,
}

/// The store is out of reach, and has been for too long or holds the answer. The question stays
/// open.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(String);

impl From<StoreError> for Unavailable {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

/// The most look-ups in the store that are under way or waiting; more are answered with 503 instead
/// of piling up.
const MAX_LOOKUPS: usize = 256;

/// The same for API keys. Fewer, because anyone can make up keys of the right form, each of which
/// costs a look-up: clients are looked up beside them.
const MAX_KEY_LOOKUPS: usize = 64;

impl Directory {
    /// An empty directory. No event up to `head` concerns it; `ring` was loaded after that. The
    /// clock is checked against `store_clock`, or against that of the store itself.
    #[must_use]
    pub fn new(
        database: Database,
        ring: Arc<KeyRing>,
        head: EventNumber,
        outage_grace: Duration,
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
            polls: Polls::default(),
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

    /// Waits until this node has applied event `number`. A client that was just created elsewhere
    /// may be found before its event was applied here; a token that said an older number would lie
    /// before the client's cut-off.
    ///
    /// # Errors
    /// That takes too long.
    pub async fn catch_up(&self, number: EventNumber) -> Result<(), Unavailable> {
        /// The follower polls ten times a second, and is woken.
        const PATIENCE: Duration = Duration::from_secs(2);
        if self.applied() >= number {
            return Ok(());
        }
        let mut applied = self.applied.subscribe();
        self.poll_now.notify_one();
        let caught_up =
            tokio::time::timeout(PATIENCE, applied.wait_for(|applied| *applied >= number)).await;
        match caught_up {
            Ok(Ok(_)) => Ok(()),
            _ => Err(Unavailable("the event follower lags behind".to_owned())),
        }
    }

    /// Waits until this node knows all that was committed before the call: for the follower's next
    /// poll, a tenth of a second at the most. Callers share it. A refusal needs this, because it may
    /// rest on what was true a moment ago.
    ///
    /// # Errors
    /// The store is out of reach.
    pub async fn be_current(&self) -> Result<(), Unavailable> {
        if self.polls.next().await {
            return Ok(());
        }
        Err(Unavailable("the store is out of reach, so a refusal would be a guess".to_owned()))
    }

    /// The latest revocations.
    #[must_use]
    pub const fn recent(&self) -> &Recent {
        &self.recent
    }

    /// The last time at which this node was sure to have applied all events.
    #[must_use]
    pub fn known_at(&self) -> Timestamp {
        self.clock.now().minus(self.freshness.age())
    }

    /// The limits of guessing.
    #[must_use]
    pub const fn guesses(&self) -> &Arc<Guesses> {
        &self.guesses
    }

    /// The state of the follower.
    #[must_use]
    pub fn health(&self) -> Health {
        self.freshness.health()
    }

    /// The times of this node and of the store, if they were too far apart at the last check.
    #[must_use]
    pub fn wrong_clock(&self) -> Option<Compared> {
        self.clock_check.wrong()
    }

    /// Compares the clocks of this node and of the store.
    ///
    /// # Errors
    /// The store fails.
    pub async fn check_clock(&self) -> Result<(), StoreError> {
        self.clock_check.look(&self.database).await
    }
}
