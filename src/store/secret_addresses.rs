//! `secret_addresses`: when each secret was last used from each address. These are counts: no changes, without an event.

use sqlx::Row as _;

use super::connection::Transaction;
use super::{Database, StoreError};
use crate::clock::Timestamp;
use crate::model::client::{ClientId, SecretId};
use crate::model::usage::{LastUse, MAX_ADDRESSES};

/// Adds uses of one secret, and keeps the latest few. The row of the secret in `secret_usage` was written before in the same
/// transaction, so no two nodes do this for one secret at once.
pub(super) async fn add<'u>(
    transaction: &mut Transaction,
    secret: &SecretId,
    uses: impl Iterator<Item = &'u LastUse> + Send,
) -> Result<(), StoreError> {
    let mut has_new = false;
    for last_use in uses {
        let address = text(last_use);
        // Most are known: then this is all.
        let updated = sqlx::query(
            "UPDATE secret_addresses SET used_at = $1 WHERE secret_id = $2 AND address = $3 AND used_at <= $1",
        )
        .bind(last_use.at.as_millis())
        .bind(secret.as_str())
        .bind(address.as_str())
        .execute(transaction.connection()?)
        .await?;
        if updated.rows_affected() > 0 {
            continue;
        }
        // Where there is one all the same, another node has told of a later use.
        let inserted = sqlx::query(
            "INSERT INTO secret_addresses (secret_id, address, used_at) VALUES ($1, $2, $3) \
             ON CONFLICT (secret_id, address) DO NOTHING",
        )
        .bind(secret.as_str())
        .bind(address.as_str())
        .bind(last_use.at.as_millis())
        .execute(transaction.connection()?)
        .await?;
        has_new |= inserted.rows_affected() > 0;
    }
    if has_new {
        forget_oldest(transaction, secret).await?;
    }
    Ok(())
}

async fn forget_oldest(transaction: &mut Transaction, secret: &SecretId) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM secret_addresses WHERE secret_id = $1 AND address IN (SELECT address FROM secret_addresses \
         WHERE secret_id = $1 ORDER BY used_at DESC, address LIMIT $2 OFFSET $3)",
    )
    .bind(secret.as_str())
    .bind(i64::MAX)
    .bind(MAX_ADDRESSES)
    .execute(transaction.connection()?)
    .await?;
    Ok(())
}

/// The address as it is kept.
fn text(last_use: &LastUse) -> String {
    last_use.from.map(|address| address.to_string()).unwrap_or_default()
}

/// When each secret of a client was last used from each address, the latest first.
///
/// # Errors
/// When the statement fails.
pub async fn of_client(
    database: &Database,
    client: &ClientId,
) -> Result<Vec<(SecretId, LastUse)>, StoreError> {
    let query = || {
        sqlx::query(
            "SELECT a.secret_id, a.address, a.used_at FROM client_secrets s \
             JOIN secret_addresses a ON a.secret_id = s.id WHERE s.client_id = $1 \
             ORDER BY a.used_at DESC, a.address, a.secret_id",
        )
        .bind(client.as_str())
    };
    let rows = database.lookup(query).await?;
    rows.iter()
        .map(|row| {
            let at = Timestamp::from_millis(row.try_get("used_at")?);
            let from = row.try_get::<String, _>("address")?.parse().ok();
            Ok((SecretId::from_stored(row.try_get("secret_id")?), LastUse { at, from }))
        })
        .collect()
}

/// Deletes some of the uses before `before`, and of those of secrets that are gone; tells whether there may be more.
///
/// # Errors
/// When the statement fails.
pub(super) async fn delete_some(
    database: &Database,
    before: Timestamp,
    some: i64,
) -> Result<bool, StoreError> {
    // One look at all of them for both: an index on the time would cost every flush more than this costs an hour.
    let query = || {
        sqlx::query(
            "DELETE FROM secret_addresses WHERE (secret_id, address) IN (SELECT a.secret_id, a.address \
             FROM secret_addresses a LEFT JOIN client_secrets s ON s.id = a.secret_id \
             WHERE s.id IS NULL OR a.used_at < $1 LIMIT $2) RETURNING used_at",
        )
        .bind(before.as_millis())
        .bind(some)
    };
    let deleted = database.tidy(query).await?.len();
    Ok(i64::try_from(deleted).is_ok_and(|rows| rows >= some))
}
