//! Migrates the tables to this release.

use std::borrow::Cow;
use std::sync::LazyLock;

use sqlx::SqlStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use super::file_lock::FileLock;
use super::transaction::Tx;
use super::{Database, OpenError, StoreError};

/// Version, description and text of each file in `migrations/`, in order.
#[expect(clippy::unreadable_literal, reason = "versions are dates, as in the names of the files")]
static MIGRATIONS: &[(i64, &str, &str)] = &include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

/// The migrations of this release. `sqlx::migrate!` would compile the database drivers once more,
/// for the compiler.
static MIGRATOR: LazyLock<Migrator> = LazyLock::new(|| {
    let migration = |&(version, description, text)| {
        let (kind, text) = (MigrationType::Simple, SqlStr::from_static(text));
        Migration::new(version, Cow::Borrowed(description), kind, text, false)
    };
    Migrator::with_migrations(MIGRATIONS.iter().map(migration).collect())
});

/// The state of the tables of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaState {
    /// The tables of this release.
    Current,
    /// No tables, or those of an earlier release.
    Behind,
    /// The tables of a later release, with its migration.
    Ahead(i64),
}

impl Database {
    /// Creates or migrates the tables.
    ///
    /// # Errors
    /// If the tables are of a later release, or a statement fails.
    pub async fn migrate(&self) -> Result<(), OpenError> {
        let _lock = match &self.file {
            Some(path) => Some(FileLock::to_migrate(path).await?),
            // PostgreSQL has a lock of its own for this.
            None => None,
        };
        MIGRATOR.run(&self.write).await.map_err(|error| match error {
            MigrateError::VersionMissing(version) | MigrateError::VersionTooNew(version, _) => {
                OpenError::TooNew(version)
            }
            MigrateError::VersionMismatch(version) => OpenError::Differs(version),
            MigrateError::Execute(error) => OpenError::Store(error.into()),
            other => OpenError::Refused(other.to_string()),
        })
    }

    /// Checks that the database is writable: otherwise a server would fail at its first change.
    ///
    /// # Errors
    /// [`OpenError::ReadOnly`] if it is not.
    pub async fn check_writable(&self) -> Result<(), OpenError> {
        let mut tx = match Tx::begin(self).await {
            // Another process is writing, which does not prevent serving.
            Err(StoreError::Unavailable(_)) => return Ok(()),
            begun => begun?,
        };
        let touched = sqlx::query("UPDATE event_head SET number = number WHERE id = 1")
            .execute(tx.connection()?)
            .await;
        tx.roll_back().await;
        match touched.map_err(StoreError::from) {
            Ok(_) | Err(StoreError::Unavailable(_)) => Ok(()),
            Err(error) => Err(OpenError::ReadOnly(error.to_string())),
        }
    }

    /// The state of the tables.
    ///
    /// # Errors
    /// A statement fails.
    pub async fn schema_state(&self) -> Result<SchemaState, StoreError> {
        let applied = sqlx::query_scalar::<_, i64>(
            "SELECT version FROM _sqlx_migrations WHERE success ORDER BY version",
        )
        .fetch_all(&self.read)
        .await;
        let applied = match applied {
            Ok(applied) => applied,
            Err(sqlx::Error::Database(error))
                if is_missing_table(error.code().as_deref(), error.message()) =>
            {
                return Ok(SchemaState::Behind);
            }
            Err(error) => return Err(error.into()),
        };
        let known: Vec<i64> = MIGRATOR.iter().map(|migration| migration.version).collect();
        if let Some(newer) = applied.iter().find(|version| !known.contains(version)) {
            return Ok(SchemaState::Ahead(*newer));
        }
        if known.iter().all(|version| applied.contains(version)) {
            Ok(SchemaState::Current)
        } else {
            Ok(SchemaState::Behind)
        }
    }
}

fn is_missing_table(code: Option<&str>, message: &str) -> bool {
    code == Some("42P01") || message.starts_with("no such table")
}
