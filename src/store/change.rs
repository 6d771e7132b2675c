//! The only way to write. A change is a transaction that ends with its event: the audit log, the
//! invalidation of what nodes cache, and the propagation between nodes are one mechanism that no
//! change can leave out.

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::BoxFuture;
use tokio::sync::{Mutex, watch};
use tokio::time::timeout;

use super::chain_key::ChainKey;
use super::connection::{CHANGE_PATIENCE, silent};
use super::transaction::Tx;
use super::{Database, StoreError, event, revocation};
use crate::clock::Clock;
use crate::model::event::{Actor, Event, EventNumber, RecordedEvent};

/// A database that can be changed: it has the key and the clock that events need.
#[derive(Debug, Clone)]
pub struct Store {
    database: Database,
    chain_key: ChainKey,
    clock: Arc<dyn Clock>,
    committed: watch::Sender<EventNumber>,
    /// Changes of this process queue here, in order of arrival, before they take the next number:
    /// the row lock of the database behind it is not fair. Holds the last event, if this process
    /// made it.
    line: Arc<Mutex<Option<Head>>>,
}

/// The last event: its number and its seal.
#[derive(Debug, Clone)]
struct Head {
    number: EventNumber,
    seal: String,
}

/// The result of the body of a change: the value for its caller, and the event.
pub type ChangeOutcome<T, E> = Result<(T, Event), E>;

/// The same of a change that may find nothing to do.
pub type MaybeChange<T, E> = Result<(T, Option<Event>), E>;

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

    /// The database, for reading.
    #[must_use]
    pub const fn database(&self) -> &Database {
        &self.database
    }

    /// The key of the event chain, to check it.
    #[must_use]
    pub const fn chain_key(&self) -> &ChainKey {
        &self.chain_key
    }

    /// The number of the last change that this process committed.
    #[must_use]
    pub fn commits(&self) -> watch::Receiver<EventNumber> {
        self.committed.subscribe()
    }

    /// Makes a change: opens a transaction, runs `body`, appends the event that it returns,
    /// commits. If `body` fails, nothing has changed. It runs in a task of its own, because a
    /// caller that hangs up drops its future.
    ///
    /// # Errors
    /// Those of `body`; [`StoreError::OutcomeUnknown`] when the connection broke during the commit.
    pub async fn change<T, E, F>(&self, actor: Actor, body: F) -> Result<(T, EventNumber), E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, ChangeOutcome<T, E>> + Send + 'static,
    {
        let changed = self.change_if_any(actor, move |tx| {
            let done = body(tx);
            Box::pin(async move { done.await.map(|(value, event)| (value, Some(event))) })
        });
        let (value, number) = changed.await?;
        // The body has returned an event.
        Ok((value, number.unwrap_or_default()))
    }

    /// The same for a body that may find nothing to change. Then it returns no event, and nothing
    /// is written.
    ///
    /// # Errors
    /// As [`Self::change`].
    pub async fn change_if_any<T, E, F>(
        &self,
        actor: Actor,
        body: F,
    ) -> Result<(T, Option<EventNumber>), E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, MaybeChange<T, E>> + Send + 'static,
    {
        let store = self.clone();
        let task = tokio::spawn(async move { store.run(actor, body).await });
        task.await.unwrap_or_else(|error| Err(StoreError::OutcomeUnknown(error.to_string()).into()))
    }

    async fn run<T, E, F>(&self, actor: Actor, body: F) -> Result<(T, Option<EventNumber>), E>
    where
        E: From<StoreError>,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, MaybeChange<T, E>>,
    {
        let (began, measure) = (Instant::now(), &self.database.metrics.store.change);
        let failed = |error| {
            measure.fail();
            error
        };
        let mut tx = Tx::begin(&self.database).await.map_err(failed)?;
        let done = timeout(CHANGE_PATIENCE, body(&mut tx)).await;
        let done = done.unwrap_or_else(|_| Err(failed(silent()).into()));
        let (value, event) = match done {
            Ok((value, Some(event))) => (value, event),
            Ok((value, None)) => {
                tx.roll_back().await;
                return Ok((value, None));
            }
            Err(error) => {
                tx.roll_back().await;
                return Err(error);
            }
        };
        let Ok(mut last) = timeout(CHANGE_PATIENCE, self.line.lock()).await else {
            tx.roll_back().await;
            return Err(failed(silent()).into());
        };
        // If anything below fails, the last event must be read again.
        let known = last.take();
        let appended = timeout(CHANGE_PATIENCE, async {
            let head = self.append(&mut tx, &actor, &event, known).await?;
            // A revocation has the number of its event, which is only known now.
            revocation::insert(&mut tx, &event.revocations(), head.number, self.clock.now())
                .await?;
            Ok(head)
        });
        let head = appended.await.unwrap_or_else(|_| Err(silent())).map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        let number = head.number;
        *last = Some(head);
        drop(last);
        measure.record(began, &Ok::<_, StoreError>(()));
        // Two commits may end here in reverse order; the number never goes back.
        self.committed.send_if_modified(|last| {
            let is_later = number > *last;
            *last = number.max(*last);
            is_later
        });
        Ok((value, Some(number)))
    }

    /// Takes the next number, and with it the right to commit: all other changes wait for this
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
