//! All SQL, and nothing else. One set of statements for embedded SQLite and for PostgreSQL: ids and
//! enums are TEXT, times are BIGINT Unix milliseconds, flags are nullable times. One file per
//! family of tables; [`change`] is the only way to write.

pub mod api;
pub mod api_key;
pub mod api_key_usage;
pub mod authority;
pub mod chain_key;
pub mod change;
pub mod client;
pub mod client_batch;
pub mod client_import;
mod client_row;
pub mod clock;
mod connect;
mod connection;
mod error;
pub mod event;
pub mod file_lock;
pub mod idempotency;
pub mod key;
mod migrate;
pub mod names;
pub mod overview;
pub mod revocation;
pub mod second_factor;
pub mod secret_addresses;
pub mod session;
pub mod transaction;
mod turn;
pub mod usage;
pub mod user;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use sqlx::AnyPool;
use sqlx::any::AnyRow;

pub use connect::{DatabaseUrl, Engine, InvalidDatabaseUrl, Missing};
pub use error::{OpenError, StoreError};
pub use migrate::SchemaState;

use connection::AnyQuery;
use turn::Turn;

use crate::metrics::Metrics;

/// The pattern of a text search without case, for `LIKE … ESCAPE '!'`: wildcards in the text are
/// escaped.
fn like(text: &str) -> String {
    text.to_lowercase().replace('!', "!!").replace('%', "!%").replace('_', "!_")
}

/// A duration as it is stored.
fn millis(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A duration from the store.
fn duration(millis: i64) -> std::time::Duration {
    std::time::Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

/// A database that was reached. Its tables may be missing, or of another release: see
/// [`Database::schema_state`].
#[derive(Clone)]
pub struct Database {
    engine: Engine,
    read: AnyPool,
    /// SQLite has one writer; a pool of one makes the others wait instead of failing.
    write: AnyPool,
    /// The file of an SQLite database.
    file: Option<PathBuf>,
    turn: Option<Arc<Turn>>,
    metrics: Arc<Metrics>,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("engine", &self.engine).finish_non_exhaustive()
    }
}

impl Database {
    /// The engine.
    #[must_use]
    pub const fn engine(&self) -> Engine {
        self.engine
    }

    /// Closes all connections, as far as that takes a moment: a silent database is not waited for.
    pub async fn close(&self) {
        /// Many times what an orderly end takes.
        const PATIENCE: std::time::Duration = std::time::Duration::from_secs(3);
        let closing = async {
            self.read.close().await;
            self.write.close().await;
        };
        // Orderly or not makes no difference any more.
        tokio::time::timeout(PATIENCE, closing).await.ok();
    }

    /// Prepares for a long series of batches: SQLite then checkpoints its log less often, because
    /// the batches change the same pages again and again.
    ///
    /// # Errors
    /// A statement fails.
    pub async fn expect_batches(&self) -> Result<(), StoreError> {
        if self.engine == Engine::Sqlite {
            // 40 MB of log, and 16 MB of pages in memory.
            self.tidy(|| sqlx::query("PRAGMA wal_autocheckpoint = 10000")).await?;
            self.tidy(|| sqlx::query("PRAGMA cache_size = -16000")).await?;
        }
        Ok(())
    }

    /// Waits for the waiting writers, between the batches of a long series. On PostgreSQL the
    /// server does that.
    pub async fn let_others_write(&self) {
        if let Some(turn) = &self.turn {
            turn.let_others_go_first().await;
        }
    }

    /// Runs a read of a look-up.
    async fn lookup<'q>(
        &self,
        query: impl Fn() -> AnyQuery<'q>,
    ) -> Result<Vec<AnyRow>, StoreError> {
        let began = Instant::now();
        let outcome = connection::read(&self.read, query).await;
        self.metrics.store.lookup.record(began, &outcome);
        outcome
    }

    /// Runs a read of the follower.
    async fn follow<'q>(
        &self,
        query: impl Fn() -> AnyQuery<'q>,
    ) -> Result<Vec<AnyRow>, StoreError> {
        let began = Instant::now();
        let outcome = connection::read(&self.read, query).await;
        self.metrics.store.follow.record(began, &outcome);
        outcome
    }

    /// Runs a write that produces no event: counts, dates of last use, clean-up.
    async fn tidy<'q>(&self, query: impl Fn() -> AnyQuery<'q>) -> Result<Vec<AnyRow>, StoreError> {
        let began = Instant::now();
        let outcome = connection::read(&self.write, query).await;
        self.metrics.store.tidy.record(began, &outcome);
        outcome
    }

    /// Deletes up to `limit` rows with no event; returns whether more may be left. The statement
    /// returns a row for each.
    async fn delete_up_to<'q>(
        &self,
        limit: i64,
        query: impl Fn() -> AnyQuery<'q>,
    ) -> Result<bool, StoreError> {
        let deleted = self.tidy(query).await?.len();
        Ok(i64::try_from(deleted).is_ok_and(|rows| rows >= limit))
    }

    /// Reports the number of connections to the metrics.
    pub fn count_connections(&self) {
        let store = &self.metrics.store;
        for (pool, [used, idle]) in
            [(&self.read, &store.read_connections), (&self.write, &store.write_connections)]
        {
            let idling = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
            used.set(pool.size().saturating_sub(idling));
            idle.set(idling);
        }
    }
}
