//! `client_imports`: atomic imports. Their clients are staged in short batches, invisible to every
//! other statement; deleting one row publishes them all.

use sqlx::Row as _;

use super::client_batch::{ClientWithSecrets, Statements};
use super::transaction::Tx;
use super::{Database, StoreError, event};
use crate::clock::Timestamp;
use crate::model::event::Actor;

/// An import in progress, or one whose process has died.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfinishedImport {
    /// The id.
    pub id: String,
    /// The actor that started it.
    pub actor: String,
    /// `true` if it was abandoned: its clients are to be deleted.
    pub abandoned: bool,
    /// The heartbeat: grows while its process lives.
    pub beats: i64,
}

/// All unfinished imports.
///
/// # Errors
/// The statement fails.
pub async fn unfinished(database: &Database) -> Result<Vec<UnfinishedImport>, StoreError> {
    let query =
        || sqlx::query("SELECT id, actor, staged, beats FROM client_imports ORDER BY began_at, id");
    let rows = database.lookup(query).await?;
    let import = |row: &sqlx::any::AnyRow| {
        Ok(UnfinishedImport {
            id: row.try_get("id")?,
            actor: row.try_get("actor")?,
            abandoned: row.try_get::<i64, _>("staged")? < 0,
            beats: row.try_get("beats")?,
        })
    };
    rows.iter().map(import).collect()
}

/// Begins an import.
///
/// # Errors
/// The statement fails.
pub async fn begin(
    database: &Database,
    id: &str,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), StoreError> {
    let actor = actor.to_string();
    let query = || {
        sqlx::query(
            "INSERT INTO client_imports (id, actor, began_at, staged, beats) VALUES ($1, $2, $3, 0, 0)",
        )
        .bind(id)
        .bind(actor.as_str())
        .bind(now.as_millis())
    };
    database.tidy(query).await.map(drop)
}

/// Sends a heartbeat of an import.
///
/// # Errors
/// The statement fails.
pub async fn beat(database: &Database, import: &str) -> Result<(), StoreError> {
    database
        .tidy(|| {
            sqlx::query("UPDATE client_imports SET beats = beats + 1 WHERE id = $1").bind(import)
        })
        .await
        .map(drop)
}

/// Stages clients. Returns `false` if the import was abandoned meanwhile.
///
/// # Errors
/// [`StoreError::Conflict`] if an id is taken.
pub async fn stage(
    database: &Database,
    statements: &Statements,
    import: &str,
    clients: &[ClientWithSecrets],
) -> Result<bool, StoreError> {
    let staged = database.write_unseen(async |tx: &mut Tx| {
        let count = i64::try_from(clients.len()).unwrap_or(i64::MAX);
        // First, so that a clean-up of this import waits for this batch.
        let touched = sqlx::query(
            "UPDATE client_imports SET staged = staged + $1, beats = beats + 1 WHERE id = $2 AND staged >= 0",
        )
        .bind(count)
        .bind(import)
        .execute(tx.connection()?)
        .await?;
        if touched.rows_affected() != 1 {
            return Ok(false);
        }
        insert(tx, statements, clients, Some(import)).await?;
        Ok(true)
    });
    staged.await
}

/// Inserts clients. Their cut-off is behind all events committed before their rows could be
/// written: one of them may be the deletion of an earlier client of the same id.
///
/// # Errors
/// [`StoreError::Conflict`] if an id is taken.
pub async fn insert(
    tx: &mut Tx,
    statements: &Statements,
    clients: &[ClientWithSecrets],
    import: Option<&str>,
) -> Result<(), StoreError> {
    let cut_off = event::last_number(tx).await?.next();
    statements.insert(tx, clients, cut_off, import).await?;
    // On PostgreSQL other transactions may have committed meanwhile. That is rare enough to write
    // twice.
    let now = event::last_number(tx).await?.next();
    if now > cut_off {
        statements.set_cut_off(tx, clients, now).await?;
    }
    Ok(())
}

/// Publishes the clients of an import at the commit. Returns `false` if it was abandoned or has
/// another number of clients.
///
/// # Errors
/// The statement fails.
pub async fn show(tx: &mut Tx, import: &str, staged: i64) -> Result<bool, StoreError> {
    let shown = sqlx::query("DELETE FROM client_imports WHERE id = $1 AND staged = $2")
        .bind(import)
        .bind(staged)
        .execute(tx.connection()?)
        .await?;
    Ok(shown.rows_affected() == 1)
}

/// Abandons an import: it can no longer stage or publish clients. With `beats`, only if it has sent
/// no heartbeat since. Returns `true` if it was abandoned.
///
/// # Errors
/// The statement fails.
pub async fn abandon(
    database: &Database,
    import: &str,
    beats: Option<i64>,
) -> Result<bool, StoreError> {
    let abandoned = database.write_unseen(async |tx: &mut Tx| {
        let done = sqlx::query(
            "UPDATE client_imports SET staged = -1 WHERE id = $1 AND ($2 = -1 OR beats = $2)",
        )
        .bind(import)
        .bind(beats.unwrap_or(-1))
        .execute(tx.connection()?)
        .await?;
        Ok(done.rows_affected() == 1)
    });
    abandoned.await
}

/// Deletes up to `limit` clients of an abandoned import. Returns their number.
///
/// # Errors
/// The statement fails.
pub async fn discard_some(
    database: &Database,
    import: &str,
    limit: i64,
) -> Result<u64, StoreError> {
    let discarded = database.write_unseen(async |tx: &mut Tx| {
        // The clients of a published import are ordinary clients.
        let done = sqlx::query(
            "DELETE FROM clients WHERE id IN (SELECT id FROM clients WHERE import_id = $1 LIMIT $2) \
                 AND EXISTS (SELECT 1 FROM client_imports WHERE id = $1 AND staged = -1)",
        )
        .bind(import)
        .bind(limit)
        .execute(tx.connection()?)
        .await?;
        Ok(done.rows_affected())
    });
    discarded.await
}

/// Deletes an import without clients.
///
/// # Errors
/// The statement fails.
pub async fn forget(database: &Database, import: &str) -> Result<(), StoreError> {
    let query = || {
        sqlx::query(
            "DELETE FROM client_imports WHERE id = $1 AND staged = -1 \
             AND NOT EXISTS (SELECT 1 FROM clients WHERE import_id = $1)",
        )
        .bind(import)
    };
    database.tidy(query).await.map(drop)
}
