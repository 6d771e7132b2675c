//! A connection for one read, or for one change. A database that has gone silent (a cut network
//! says nothing at all) must cost its callers a bounded time, and its connections must not come
//! back into the pool: the pool would wait for them for as long as the operating system does. The
//! same goes for a connection whose user went away in the middle.

use std::time::Duration;

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::pool::PoolConnection;
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AnyPool};
use tokio::time::timeout;

use super::turn::Turn;
use super::{Database, Engine, StoreError};

/// How long a read may take.
const READ_PATIENCE: Duration = Duration::from_secs(2);

/// How long one step of a change may take; longer than the `lock_timeout` of the database, which
/// gives a better reason.
pub(super) const CHANGE_PATIENCE: Duration = Duration::from_secs(10);

/// More connections than this are not found broken in a row: after a restart of the database all in
/// the pool are.
const MAX_BROKEN: usize = 20;

/// A statement with what is bound to it.
pub(super) type AnyQuery<'q> = Query<'q, Any, AnyArguments>;

/// A connection on loan. Unless it is given back it is closed: nobody knows what state it is in.
struct Loan(Option<PoolConnection<Any>>);

impl Loan {
    fn connection(&mut self) -> Result<&mut AnyConnection, StoreError> {
        self.0.as_deref_mut().ok_or_else(silent)
    }

    fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach());
        }
    }
}

/// Runs what `query` makes, which is made again where the connection turned out to be dead.
async fn run<'q>(
    pool: &AnyPool,
    patience: Duration,
    query: impl Fn() -> AnyQuery<'q>,
) -> Result<(Loan, Vec<AnyRow>), StoreError> {
    let mut broken = 0;
    loop {
        let mut loan = Loan(Some(pool.acquire().await?));
        match timeout(patience, query().fetch_all(loan.connection()?)).await {
            Ok(Ok(rows)) => return Ok((loan, rows)),
            Ok(Err(error)) if is_broken(&error) && broken < MAX_BROKEN => broken += 1,
            Ok(Err(error)) => {
                if !is_broken(&error) {
                    loan.give_back();
                }
                return Err(error.into());
            }
            Err(_) => return Err(silent()),
        }
    }
}

/// Reads all rows of what `query` makes.
pub(super) async fn read<'q>(
    pool: &AnyPool,
    query: impl Fn() -> AnyQuery<'q>,
) -> Result<Vec<AnyRow>, StoreError> {
    let (loan, rows) = run(pool, READ_PATIENCE, query).await?;
    loan.give_back();
    Ok(rows)
}

/// A transaction that ends with [`Transaction::commit`]; dropped before, it takes its connection
/// with it, and the database rolls back what nobody committed.
pub(super) struct Transaction(Loan);

impl Transaction {
    /// Begins one.
    pub(super) async fn begin(database: &Database) -> Result<Self, StoreError> {
        let begin = match database.engine {
            // Taking the write lock at once: a transaction that reads first and writes later may
            // find that it cannot.
            Engine::Sqlite => "BEGIN IMMEDIATE",
            Engine::Postgres => "BEGIN",
        };
        let _waiting = database.turn.as_deref().map(Turn::wait);
        let (loan, _) = run(&database.write, CHANGE_PATIENCE, || sqlx::query(begin)).await?;
        Ok(Self(loan))
    }

    /// The connection, to do something in the transaction.
    pub(super) fn connection(&mut self) -> Result<&mut AnyConnection, StoreError> {
        self.0.connection()
    }

    /// Commits.
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

    /// Gives up what was done, and the connection back where it is still good.
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

pub(super) fn silent() -> StoreError {
    StoreError::Unavailable("it does not answer".to_owned())
}

/// Whether the connection is dead, rather than the request wrong: also when the database says that
/// it is shutting down.
fn is_broken(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(reason) => {
            reason.code().is_some_and(|code| code.len() == 5 && code.starts_with("57P"))
        }
        _ => false,
    }
}
