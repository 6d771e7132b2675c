//! The only way to write. A change is a transaction that ends with its event: the audit log, the
//! invalidation of what nodes remember, and the propagation between nodes are one mechanism that
//! nobody can forget.

use std::sync::Arc;
use std::time::Instant;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::BoxFuture;
use sqlx::AnyConnection;
use tokio::sync::{Mutex, watch};
use tokio::time::timeout;

use super::connection::{CHANGE_PATIENCE, Transaction, silent};
use super::{Database, StoreError, event, revocation};
use crate::clock::Clock;
use crate::model::event::{Actor, Event, EventNumber, Fingerprint, RecordedEvent};

/// The data key under which events are chained.
#[derive(Clone)]
pub struct ChainKey(hmac::Key);

impl std::fmt::Debug for ChainKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ChainKey(…)")
    }
}

impl ChainKey {
    /// A key from the bytes of a data key.
    #[must_use]
    pub fn new(data_key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, data_key))
    }

    /// The authentication code of an event: over itself and the seal of the one before, so that a
    /// log that was cut, edited or recomputed shows.
    #[must_use]
    pub fn mac(&self, previous: &str, event: &RecordedEvent) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        let (number, at) = (event.number.get().to_string(), event.at.as_millis().to_string());
        for field in [
            previous,
            &number,
            &at,
            &event.actor,
            event.kind.name(),
            &event.subject,
            &event.details,
        ] {
            // The length before each field: no two events have the same bytes.
            context.update(&u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(field.as_bytes());
        }
        URL_SAFE_NO_PAD.encode(context.sign().as_ref())
    }

    /// What stands in the head beside the number of the last event: made of that event's code, but
    /// not the code itself, which anybody can read who can cut the log after an earlier event.
    #[must_use]
    pub fn seal(&self, mac: &str) -> String {
        let tag = hmac::sign(&self.0, format!("head|{mac}").as_bytes());
        URL_SAFE_NO_PAD.encode(tag.as_ref())
    }

    /// What tells the event with this code from those of the same number in other histories: a
    /// backup that was restored goes on with other events. It tells nothing else.
    #[must_use]
    pub fn fingerprint(&self, mac: &str) -> Fingerprint {
        let tag = hmac::sign(&self.0, format!("feed|{mac}").as_bytes());
        tag.as_ref().first_chunk().copied().unwrap_or_default()
    }
}

/// A database that may be changed: what is needed to write events is at hand.
#[derive(Debug, Clone)]
pub struct Store {
    database: Database,
    chain_key: ChainKey,
    clock: Arc<dyn Clock>,
    committed: watch::Sender<EventNumber>,
    /// Changes of this process stand in line here, in order of arrival, before they take the next
    /// number: the row lock of the database behind it is not fair. Whoever has it knows the
    /// last event, if this process made it.
    line: Arc<Mutex<Option<Head>>>,
}

/// The last event: its number and its seal.
#[derive(Debug, Clone)]
struct Head {
    number: EventNumber,
    seal: String,
}

/// A change that is under way.
pub struct Tx(Transaction);

impl Tx {
    pub(super) fn connection(&mut self) -> Result<&mut AnyConnection, StoreError> {
        self.0.connection()
    }
}

impl Database {
    /// Writes what nobody sees before a change shows it: it has no event.
    pub(super) async fn write_unseen<T>(
        &self,
        body: impl AsyncFnOnce(&mut Tx) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut tx = Tx(Transaction::begin(self).await?);
        let done = timeout(CHANGE_PATIENCE, body(&mut tx)).await.unwrap_or_else(|_| Err(silent()));
        if done.is_ok() {
            tx.0.commit().await?;
        } else {
            tx.0.roll_back().await;
        }
        done
    }
}

/// What the body of a change gives back: what its caller wants to know, and the event.
pub type Outcome<T, E> = Result<(T, Event), E>;

impl Store {
    /// A store over `database`, whose events are chained under `chain_key`.
    #[must_use]
    pub fn new(database: Database, chain_key: ChainKey, clock: Arc<dyn Clock>) -> Self {
        Self {
            database,
            chain_key,
            clock,
            committed: watch::Sender::new(EventNumber::default()),
            line: Arc::default(),
        }
    }

    /// For reading.
    #[must_use]
    pub const fn database(&self) -> &Database {
        &self.database
    }

    /// The key of the event chain, to check it.
    #[must_use]
    pub const fn chain_key(&self) -> &ChainKey {
        &self.chain_key
    }

    /// Tells the number of the last change that this process committed.
    #[must_use]
    pub fn commits(&self) -> watch::Receiver<EventNumber> {
        self.committed.subscribe()
    }

    /// Makes a change: opens a transaction, runs `body`, appends the event that it gives back,
    /// commits. When `body` fails nothing has happened. It runs in a task of its own, because a
    /// caller that hangs up drops its future.
    ///
    /// # Errors
    /// Those of `body`; [`StoreError::OutcomeUnknown`] when the connection broke during the commit.
    pub async fn change<T, E, F>(&self, actor: Actor, body: F) -> Result<(T, EventNumber), E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Outcome<T, E>> + Send + 'static,
    {
        let store = self.clone();
        let task = tokio::spawn(async move { store.run(actor, body).await });
        task.await.unwrap_or_else(|error| Err(StoreError::OutcomeUnknown(error.to_string()).into()))
    }

    async fn run<T, E, F>(&self, actor: Actor, body: F) -> Result<(T, EventNumber), E>
    where
        E: From<StoreError>,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Outcome<T, E>>,
    {
        let (began, measure) = (Instant::now(), &self.database.metrics.store.change);
        let failed = |error| {
            measure.fail();
            error
        };
        let beginning = Transaction::begin(&self.database);
        let transaction = beginning.await.map_err(failed)?;
        let mut tx = Tx(transaction);
        let done = timeout(CHANGE_PATIENCE, body(&mut tx)).await;
        let done = done.unwrap_or_else(|_| Err(failed(silent()).into()));
        let (value, event) = match done {
            Ok(done) => done,
            Err(error) => {
                tx.0.roll_back().await;
                return Err(error);
            }
        };
        let Ok(mut last) = timeout(CHANGE_PATIENCE, self.line.lock()).await else {
            tx.0.roll_back().await;
            return Err(failed(silent()).into());
        };
        // Should anything below fail, what the last event is must be asked again.
        let known = last.take();
        let appended = timeout(CHANGE_PATIENCE, async {
            let head = self.append(&mut tx, &actor, &event, known).await?;
            // What is void is so by the number of the event, which nobody knew before.
            revocation::insert(&mut tx, &event.revocations(), head.number, self.clock.now())
                .await?;
            Ok(head)
        });
        let head = appended.await.unwrap_or_else(|_| Err(silent())).map_err(failed)?;
        tx.0.commit().await.map_err(failed)?;
        let number = head.number;
        *last = Some(head);
        drop(last);
        measure.record(began, &Ok::<_, StoreError>(()));
        // Two commits may end here in the other order; the number never goes back.
        self.committed.send_if_modified(|last| {
            let is_later = number > *last;
            *last = number.max(*last);
            is_later
        });
        Ok((value, number))
    }

    /// Takes the next number, and with it the right to commit: everybody else waits for this
    /// transaction to end.
    async fn append(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        event: &Event,
        known: Option<Head>,
    ) -> Result<Head, StoreError> {
        if let Some(known) = known {
            let recorded = self.record(actor, event, known.number.next(), &known.seal);
            let head = Head { number: recorded.number, seal: self.chain_key.seal(&recorded.mac) };
            if event::move_head(tx, known.number, &known.seal, head.number, &head.seal).await? {
                event::insert(tx, &recorded).await?;
                return Ok(head);
            }
        }
        // Another process made the last event.
        let (number, previous) = event::take_next_number(tx).await?;
        let recorded = self.record(actor, event, number, &previous);
        let head = Head { number, seal: self.chain_key.seal(&recorded.mac) };
        event::set_head_seal(tx, &head.seal).await?;
        event::insert(tx, &recorded).await?;
        Ok(head)
    }

    fn record(
        &self,
        actor: &Actor,
        event: &Event,
        number: EventNumber,
        previous: &str,
    ) -> RecordedEvent {
        let mut recorded = RecordedEvent::new(number, self.clock.now(), actor, event);
        recorded.mac = self.chain_key.mac(previous, &recorded);
        recorded
    }
}
