//! Errors of the database.

use sqlx::error::ErrorKind;

/// A statement failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store is unreachable, or too busy. Nothing was changed.
    #[error("the store is unreachable: {0}")]
    Unavailable(String),
    /// The connection was lost during a commit: its outcome is unknown.
    #[error("the connection to the store was lost during a commit; its outcome is unknown: {0}")]
    OutcomeUnknown(String),
    /// The object already exists.
    #[error("it already exists")]
    Conflict,
    /// A row is corrupt: this program never writes it.
    #[error("the store contains an invalid {0}")]
    Corrupt(&'static str),
    /// Any other error.
    #[error("the store failed: {0}")]
    Failed(String),
}

/// A database that cannot be opened. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file does not exist.
    #[error(
        "no database at {0}; create one with `mintery serve`, `mintery db migrate` or `mintery client create`"
    )]
    Missing(String),
    /// The file or its folder is unusable.
    #[error("cannot use the database at {path}: {reason}")]
    File {
        /// The path.
        path: String,
        /// The reason.
        reason: String,
    },
    /// The file belongs to another user, who could not write files created by this one.
    #[error(
        "the database at {path} belongs to another user (uid {owner}); run this command as that user"
    )]
    Foreign {
        /// The path.
        path: String,
        /// The uid of the owner.
        owner: u32,
    },
    /// Another process serves this file.
    #[error(
        "another process serves the database at {0}; SQLite supports one server, use PostgreSQL for several"
    )]
    ServedElsewhere(String),
    /// The database is read-only.
    #[error("cannot serve a read-only database: {0}")]
    ReadOnly(String),
    /// The database refused the connection.
    #[error("cannot open the database: {0}")]
    Refused(String),
    /// Tables are missing.
    #[error(
        "the database has no tables, or the tables of an earlier release; run `mintery db migrate`"
    )]
    NotMigrated,
    /// The tables are of a later release.
    #[error("the database is newer than this program (it has migration {0}); upgrade the program")]
    TooNew(i64),
    /// An applied migration differs from this program's.
    #[error(
        "migration {0} in the database differs from this program's; the database was created by a different build"
    )]
    Differs(i64),
    /// A statement failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error.to_string()),
            sqlx::Error::Database(reason)
                if matches!(reason.kind(), ErrorKind::UniqueViolation) =>
            {
                Self::Conflict
            }
            sqlx::Error::Database(reason)
                if reason.code().is_some_and(|code| is_passing(&code)) =>
            {
                Self::Unavailable(reason.message().to_owned())
            }
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl StoreError {
    /// The error of a failed commit. Its outcome is usually unknown; but if SQLite could not write
    /// everything, it did not happen.
    pub(super) fn of_commit(error: sqlx::Error) -> Self {
        let is_full = |code: &str| sqlite_code(code).is_some_and(is_full);
        match &error {
            sqlx::Error::Database(reason) if reason.code().is_some_and(|code| is_full(&code)) => {
                error.into()
            }
            _ => Self::OutcomeUnknown(error.to_string()),
        }
    }
}

/// A code of SQLite; `None` for one of PostgreSQL.
fn sqlite_code(code: &str) -> Option<i64> {
    code.parse().ok().filter(|_| code.len() < 5)
}

/// FULL, and the extended code of IOERR for a failed write.
const fn is_full(code: i64) -> bool {
    matches!(code & 0xff, 13) || code == 778
}

/// Codes of temporary errors. SQLite: BUSY and LOCKED with their extended codes, and a full disk.
/// PostgreSQL: connection exceptions (class 08), insufficient resources (53), lock timeout (55P03),
/// operator intervention (57), idle transaction timeout (25P03), serialization failures and
/// deadlocks (40).
fn is_passing(code: &str) -> bool {
    sqlite_code(code).is_some_and(|code| matches!(code & 0xff, 5 | 6) || is_full(code))
        || (code.len() == 5
            && (matches!(code, "55P03" | "25P03")
                || ["08", "53", "57", "40"].iter().any(|class| code.starts_with(class))))
}

#[cfg(test)]
mod tests {
    use super::is_passing;

    #[test]
    fn tells_later_from_never() {
        for code in [
            "5", "6", "13", "261", "517", "778", "08006", "53300", "55P03", "57P01", "25P03",
            "40001",
        ] {
            assert!(is_passing(code), "{code}");
        }
        for code in ["1", "8", "10", "1034", "2067", "23505", "42P01", "42501"] {
            assert!(!is_passing(code), "{code}");
        }
    }
}
