//! A transaction, and the writes that have no event.

use std::time::Instant;

use sqlx::AnyConnection;
use tokio::time::timeout;

use super::connection::{self, CHANGE_PATIENCE, Loan, READ_PATIENCE, silent};
use super::turn::Turn;
use super::{Database, Engine, StoreError};

/// A transaction that ends with `Tx::commit`. Dropped before, it takes its connection with it,
/// and the database rolls it back.
pub struct Tx(Loan);

impl Tx {
    /// Begins a transaction that writes.
    pub(super) async fn begin(database: &Database) -> Result<Self, StoreError> {
        let begin = match database.engine {
            // Takes the write lock at once: a transaction that reads first and writes later may
            // find that it cannot.
            Engine::Sqlite => "BEGIN IMMEDIATE",
            Engine::Postgres => "BEGIN",
        };
        let _waiting = database.turn.as_deref().map(Turn::wait);
        let begin = || sqlx::query(begin);
        let (loan, _) = connection::run(&database.write, CHANGE_PATIENCE, begin).await?;
        Ok(Self(loan))
    }

    /// The connection, for a statement of the transaction.
    pub(super) fn connection(&mut self) -> Result<&mut AnyConnection, StoreError> {
        self.0.connection()
    }

    /// Commits the transaction.
    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        match timeout(CHANGE_PATIENCE, sqlx::query("COMMIT").execute(self.connection()?)).await {
            Ok(Ok(_)) => {
                self.0.give_back();
                Ok(())
            }
            Ok(Err(error)) => Err(StoreError::of_commit(error)),
            Err(_) => Err(StoreError::OutcomeUnknown("the store does not answer".to_owned())),
        }
    }

    /// Rolls the transaction back, and returns its connection if that still works.
    pub(super) async fn roll_back(mut self) {
        let Ok(connection) = self.connection() else { return };
        if matches!(
            timeout(READ_PATIENCE, sqlx::query("ROLLBACK").execute(connection)).await,
            Ok(Ok(_))
        ) {
            self.0.give_back();
        }
    }
}

impl Database {
    /// Writes rows that stay invisible until a change shows them. They have no event.
    pub(super) async fn write_unseen<T>(
        &self,
        body: impl AsyncFnOnce(&mut Tx) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut tx = Tx::begin(self).await?;
        let done = timeout(CHANGE_PATIENCE, body(&mut tx)).await.unwrap_or_else(|_| Err(silent()));
        if done.is_ok() {
            tx.commit().await?;
        } else {
            tx.roll_back().await;
        }
        done
    }

    /// Writes usage counts, all of them or none. They have no event.
    pub(super) async fn write_usage(
        &self,
        body: impl AsyncFnOnce(&mut Tx) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let began = Instant::now();
        let outcome = self.write_unseen(body).await;
        self.metrics.store.usage.record(began, &outcome);
        outcome
    }
}
