//! `client_imports`: imports that are taken whole or not at all. Their clients are staged in
//! batches that hold nobody up, where no statement sees them; one row that is deleted shows them
//! all.

use sqlx::Row as _;

use super::client_batch::{ClientWithSecrets, Statements};
use super::transaction::Tx;
use super::{Database, StoreError, event};
use crate::clock::Timestamp;
use crate::model::event::Actor;

/// An import that is under way, or whose process died.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfinishedImport {
    /// Its id.
    pub id: String,
    /// Who began it.
    pub actor: String,
    /// Whether it was given up: its clients are to be discarded.
    pub abandoned: bool,
    /// Grows while its process lives.
    pub beats: i64,
}

/// All imports that have not come to their end.
///
/// # Errors
/// When the statement fails.
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
/// When the statement fails.
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

/// Shows that the process of an import lives.
///
/// # Errors
/// When the statement fails.
pub async fn beat(database: &Database, import: &str) -> Result<(), StoreError> {
    database
        .tidy(|| {
            sqlx::query("UPDATE client_imports SET beats = beats + 1 WHERE id = $1").bind(import)
        })
        .await
        .map(drop)
}

/// Stages clients; tells whether the import still stands: somebody may have taken it for dead.
///
/// # Errors
/// [`StoreError::Conflict`] when an id is taken.
pub async fn stage(
    database: &Database,
    statements: &Statements,
    import: &str,
    clients: &[ClientWithSecrets],
) -> Result<bool, StoreError> {
    let staged = database.write_unseen(async |tx: &mut Tx| {
        let count = i64::try_from(clients.len()).unwrap_or(i64::MAX);
        // First, so that whoever cleans up after this import waits for this batch.
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

/// Keeps new clients. Their cut-off lies behind all events that were committed before their rows
/// could be written: there may have been clients of these ids before, and the deletion of those is
/// such an event.
///
/// # Errors
/// [`StoreError::Conflict`] when an id is taken.
pub async fn insert(
    tx: &mut Tx,
    statements: &Statements,
    clients: &[ClientWithSecrets],
    import: Option<&str>,
) -> Result<(), StoreError> {
    let cut_off = event::last_number(tx).await?.next();
    statements.insert(tx, clients, cut_off, import).await?;
    // On PostgreSQL others may have committed meanwhile. That is rare enough to write twice then.
    let now = event::last_number(tx).await?.next();
    if now > cut_off {
        statements.set_cut_off(tx, clients, now).await?;
    }
    Ok(())
}

/// Shows everybody the clients of an import, from the commit on; tells whether it still stood, with
/// so many clients.
///
/// # Errors
/// When the statement fails.
pub async fn show(tx: &mut Tx, import: &str, staged: i64) -> Result<bool, StoreError> {
    let shown = sqlx::query("DELETE FROM client_imports WHERE id = $1 AND staged = $2")
        .bind(import)
        .bind(staged)
        .execute(tx.connection()?)
        .await?;
    Ok(shown.rows_affected() == 1)
}

/// Gives up an import: from now on it can neither stage more nor be shown. With `beats` only one
/// that has not shown a sign of life since then. Tells whether it was so.
///
/// # Errors
/// When the statement fails.
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

/// Deletes up to `limit` clients of an import that was given up; tells how many it were.
///
/// # Errors
/// When the statement fails.
pub async fn discard_some(
    database: &Database,
    import: &str,
    limit: i64,
) -> Result<u64, StoreError> {
    let discarded = database.write_unseen(async |tx: &mut Tx| {
        // The clients of an import that was shown are everybody's.
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

/// Forgets an import whose clients are discarded.
///
/// # Errors
/// When the statement fails.
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
