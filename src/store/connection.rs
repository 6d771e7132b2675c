//! A connection for one read or one transaction. A database that has gone silent, as behind a cut
//! network, must cost its callers a bounded time. Its connections must not come back into the pool:
//! the pool would wait for them for as long as the operating system does. The same goes for a
//! connection that was dropped in the middle of a statement.

use std::time::Duration;

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::pool::PoolConnection;
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AnyPool};
use tokio::time::timeout;

use super::StoreError;

/// The longest time of a read.
pub(super) const READ_PATIENCE: Duration = Duration::from_secs(2);

/// The longest time of one step of a change: longer than the `lock_timeout` of the database, which
/// gives a better reason.
pub(super) const CHANGE_PATIENCE: Duration = Duration::from_secs(10);

/// The most connections that are found broken in a row: after a restart of the database all in the
/// pool are.
const MAX_BROKEN: usize = 20;

/// A statement with its bound values.
pub(super) type AnyQuery<'q> = Query<'q, Any, AnyArguments>;

/// A connection on loan. Dropped before it is given back, it is closed: its state is unknown.
pub(super) struct Loan(Option<PoolConnection<Any>>);

impl Loan {
    pub(super) fn connection(&mut self) -> Result<&mut AnyConnection, StoreError> {
        self.0.as_deref_mut().ok_or_else(silent)
    }

    pub(super) fn give_back(mut self) {
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

/// Runs the statement that `query` builds, and builds it again if the connection turns out to be
/// dead.
pub(super) async fn run<'q>(
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

/// Reads all rows of the statement that `query` builds.
pub(super) async fn read<'q>(
    pool: &AnyPool,
    query: impl Fn() -> AnyQuery<'q>,
) -> Result<Vec<AnyRow>, StoreError> {
    let (loan, rows) = run(pool, READ_PATIENCE, query).await?;
    loan.give_back();
    Ok(rows)
}

/// The error of a database that does not answer.
pub(super) fn silent() -> StoreError {
    StoreError::Unavailable("it does not answer".to_owned())
}

/// `true` if the connection is dead, not the request wrong; also while the database shuts down.
fn is_broken(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(reason) => {
            reason.code().is_some_and(|code| code.len() == 5 && code.starts_with("57P"))
        }
        _ => false,
    }
}
