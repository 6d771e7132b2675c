//! `idempotency_keys`: the objects created by requests that may be repeated.

use sqlx::Row as _;

use super::transaction::Tx;
use super::{Database, StoreError};
use crate::clock::Timestamp;

/// The result of an earlier request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// The digest of the request.
    pub request_digest: String,
    /// The id of the created object.
    pub subject: String,
}

/// The result of the request that `caller` sent with `key`, unless it has expired at `now`.
///
/// # Errors
/// The statement fails.
pub async fn earlier(
    database: &Database,
    caller: &str,
    key: &str,
    now: Timestamp,
) -> Result<Option<Earlier>, StoreError> {
    let query = || {
        sqlx::query(
            "SELECT request_digest, subject FROM idempotency_keys \
             WHERE caller = $1 AND idempotency_key = $2 AND expires_at > $3",
        )
        .bind(caller)
        .bind(key)
        .bind(now.as_millis())
    };
    let rows = database.lookup(query).await?;
    let earlier = |row: &sqlx::any::AnyRow| {
        Ok(Earlier {
            request_digest: row.try_get("request_digest")?,
            subject: row.try_get("subject")?,
        })
    };
    rows.first().map(earlier).transpose()
}

/// Stores the object created by a request, until `expires_at`.
///
/// # Errors
/// [`StoreError::Conflict`] if the caller has an equal key that has not expired at `now`.
pub async fn insert(
    tx: &mut Tx,
    caller: &str,
    key: &str,
    made: &Earlier,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM idempotency_keys WHERE caller = $1 AND idempotency_key = $2 AND expires_at <= $3",
    )
    .bind(caller)
    .bind(key)
    .bind(now.as_millis())
    .execute(tx.connection()?)
    .await?;
    sqlx::query(
        "INSERT INTO idempotency_keys (caller, idempotency_key, request_digest, subject, expires_at) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(caller)
    .bind(key)
    .bind(made.request_digest.as_str())
    .bind(made.subject.as_str())
    .bind(expires_at.as_millis())
    .execute(tx.connection()?)
    .await?;
    Ok(())
}

/// Deletes some keys that have expired at `now`. Returns `true` if more may remain.
///
/// # Errors
/// The statement fails.
pub async fn delete_some(database: &Database, now: Timestamp) -> Result<bool, StoreError> {
    /// Small, so that writers do not wait long.
    const SOME: i64 = 500;
    let query = || {
        sqlx::query(
            "DELETE FROM idempotency_keys WHERE (caller, idempotency_key) IN \
             (SELECT caller, idempotency_key FROM idempotency_keys WHERE expires_at <= $1 LIMIT $2) RETURNING subject",
        )
        .bind(now.as_millis())
        .bind(SOME)
    };
    database.delete_up_to(SOME, query).await
}
