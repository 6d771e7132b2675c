//! `sessions`.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::transaction::Tx;
use super::user::{columns, user};
use super::{Database, StoreError};
use crate::clock::Timestamp;
use crate::model::session::{Session, SessionId};
use crate::model::user::{User, UserId};
use crate::secret::digest::SecretDigest;

/// The columns of a session, as [`session`] reads them.
macro_rules! session_columns {
    () => {
        "s.id, s.user_id AS session_user_id, s.created_at, s.expires_at, s.seen_at, s.address, s.user_agent"
    };
}

/// The session with this digest, and its user.
///
/// # Errors
/// The statement fails, or the row is corrupt.
pub async fn by_digest(
    database: &Database,
    digest: &SecretDigest,
) -> Result<Option<(Session, User)>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        session_columns!(),
        ", ",
        columns!(),
        " FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.digest = $1"
    );
    let digest = digest.to_text();
    let rows = database.lookup(|| sqlx::query(SQL).bind(digest.as_str())).await?;
    rows.first().map(|row| Ok((session(row)?, user(row)?))).transpose()
}

/// The sessions of a user that have not ended at `now`, newest first. Their number is bounded.
///
/// # Errors
/// The statement fails, or a row is corrupt.
pub async fn of_user(
    database: &Database,
    user: &UserId,
    now: Timestamp,
) -> Result<Vec<Session>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        session_columns!(),
        " FROM sessions s WHERE s.user_id = $1 AND s.expires_at > $2 ORDER BY s.created_at DESC, s.id"
    );
    let rows =
        database.lookup(|| sqlx::query(SQL).bind(user.as_str()).bind(now.as_millis())).await?;
    rows.iter().map(session).collect()
}

/// Inserts a session.
///
/// # Errors
/// The statement fails.
pub async fn insert(
    tx: &mut Tx,
    session: &Session,
    digest: &SecretDigest,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO sessions (id, user_id, digest, created_at, expires_at, seen_at, address, user_agent) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(session.id.as_str())
    .bind(session.user.as_str())
    .bind(digest.to_text())
    .bind(session.created_at.as_millis())
    .bind(session.expires_at.as_millis())
    .bind(session.seen_at.as_millis())
    .bind(session.address.map(|address| address.to_string()))
    .bind(session.user_agent.as_str())
    .execute(tx.connection()?)
    .await?;
    Ok(())
}

/// Ends a session of a user. Returns `true` if it existed.
///
/// # Errors
/// The statement fails.
pub async fn delete(tx: &mut Tx, user: &UserId, id: &SessionId) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM sessions WHERE id = $1 AND user_id = $2")
        .bind(id.as_str())
        .bind(user.as_str())
        .execute(tx.connection()?)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends all sessions of a user except `kept`. Returns their number.
///
/// # Errors
/// The statement fails.
pub async fn delete_all(
    tx: &mut Tx,
    user: &UserId,
    kept: Option<&SessionId>,
) -> Result<u64, StoreError> {
    let done = sqlx::query("DELETE FROM sessions WHERE user_id = $1 AND id <> $2")
        .bind(user.as_str())
        // No session has an empty id.
        .bind(kept.map_or("", SessionId::as_str))
        .execute(tx.connection()?)
        .await?;
    Ok(done.rows_affected())
}

/// Ends all sessions of a user except the newest `most`.
///
/// # Errors
/// The statement fails.
pub async fn delete_oldest(tx: &mut Tx, user: &UserId, most: i64) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM sessions WHERE user_id = $1 AND id NOT IN \
         (SELECT id FROM sessions WHERE user_id = $2 ORDER BY created_at DESC, id LIMIT $3)",
    )
    .bind(user.as_str())
    .bind(user.as_str())
    .bind(most)
    .execute(tx.connection()?)
    .await?;
    Ok(())
}

/// Records the use of a session. Not a change.
///
/// # Errors
/// The statement fails.
pub async fn saw(database: &Database, id: &SessionId, at: Timestamp) -> Result<(), StoreError> {
    let query = || {
        sqlx::query("UPDATE sessions SET seen_at = $1 WHERE id = $2 AND seen_at < $3")
            .bind(at.as_millis())
            .bind(id.as_str())
            .bind(at.as_millis())
    };
    database.tidy(query).await.map(drop)
}

/// Deletes some sessions that have ended at `now`. Returns `true` if more may remain.
///
/// # Errors
/// The statement fails.
pub async fn delete_expired(database: &Database, now: Timestamp) -> Result<bool, StoreError> {
    /// Small, so that writers do not wait long.
    const SOME: i64 = 500;
    let query = || {
        sqlx::query(
            "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at <= $1 LIMIT $2) RETURNING id",
        )
        .bind(now.as_millis())
        .bind(SOME)
    };
    database.delete_up_to(SOME, query).await
}

fn session(row: &AnyRow) -> Result<Session, StoreError> {
    let text = |column: &'static str| row.try_get::<String, _>(column);
    let time = |column: &'static str| row.try_get(column).map(Timestamp::from_millis);
    let address: Option<String> = row.try_get("address")?;
    Ok(Session {
        id: SessionId::parse(&text("id")?).map_err(|_| StoreError::Corrupt("id of a session"))?,
        user: UserId::parse(&text("session_user_id")?)
            .map_err(|_| StoreError::Corrupt("id of a user"))?,
        created_at: time("created_at")?,
        expires_at: time("expires_at")?,
        seen_at: time("seen_at")?,
        address: address.and_then(|address| address.parse().ok()),
        user_agent: text("user_agent")?,
    })
}
