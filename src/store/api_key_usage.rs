//! `api_key_usage` and `api_key_last_use`: the counts of all nodes. Their writes have no event.

use sqlx::Row as _;

use super::transaction::Tx;
use super::{Database, StoreError};
use crate::model::api_key::ApiKeyId;
use crate::model::usage::{Hour, HourOfKeyUse, KeyOutcome, LastUse};

/// The counts of one key on one node.
#[derive(Debug, Clone)]
pub struct CountedKey {
    /// The key.
    pub key: ApiKeyId,
    /// The counts of outcomes by the hour.
    pub outcomes: Vec<(Hour, KeyOutcome, u32)>,
    /// The last successful use.
    pub last_use: Option<LastUse>,
}

/// Adds counts, all of them or none. They are sorted by key: two nodes that add at once do so in
/// the same order, so that neither waits for the other forever.
///
/// # Errors
/// A statement fails; [`StoreError::OutcomeUnknown`] if the counts may have been added all the
/// same.
pub async fn add(database: &Database, counted: &[CountedKey]) -> Result<(), StoreError> {
    database.write_usage(async |tx| add_in(tx, counted).await).await
}

async fn add_in(tx: &mut Tx, counted: &[CountedKey]) -> Result<(), StoreError> {
    for of_key in counted {
        for (hour, outcome, times) in &of_key.outcomes {
            sqlx::query(
                "INSERT INTO api_key_usage (key_id, hour, outcome, times) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (key_id, hour, outcome) DO UPDATE SET times = api_key_usage.times + excluded.times",
            )
            .bind(of_key.key.as_str())
            .bind(hour.get())
            .bind(outcome.name())
            .bind(i64::from(*times))
            .execute(tx.connection()?)
            .await?;
        }
        if let Some(last_use) = of_key.last_use {
            sqlx::query(
                "INSERT INTO api_key_last_use (key_id, used_at, address) VALUES ($1, $2, $3) \
                 ON CONFLICT (key_id) DO UPDATE SET used_at = excluded.used_at, address = excluded.address \
                 WHERE api_key_last_use.used_at <= excluded.used_at",
            )
            .bind(of_key.key.as_str())
            .bind(last_use.at.as_millis())
            .bind(last_use.from.map(|address| address.to_string()))
            .execute(tx.connection()?)
            .await?;
        }
    }
    Ok(())
}

/// Reads up to `limit` hours of use of a key before the hour `before`, the newest first.
///
/// # Errors
/// The statement fails.
pub async fn page(
    database: &Database,
    key: &ApiKeyId,
    before: Hour,
    limit: i64,
) -> Result<Vec<HourOfKeyUse>, StoreError> {
    let query = || {
        sqlx::query(
            "SELECT hour, outcome, times FROM api_key_usage WHERE key_id = $1 AND hour IN \
             (SELECT DISTINCT hour FROM api_key_usage WHERE key_id = $1 AND hour < $2 ORDER BY hour DESC LIMIT $3) \
             ORDER BY hour DESC, outcome",
        )
        .bind(key.as_str())
        .bind(before.get())
        .bind(limit)
    };
    let mut found: Vec<HourOfKeyUse> = Vec::new();
    for row in database.lookup(query).await? {
        let hour = Hour::new(row.try_get("hour")?);
        let outcome = (row.try_get("outcome")?, row.try_get("times")?);
        match found.last_mut() {
            Some(last) if last.hour == hour => last.outcomes.push(outcome),
            _ => found.push(HourOfKeyUse { hour, outcomes: vec![outcome] }),
        }
    }
    Ok(found)
}

/// The maximum number of keys per call of [`days`].
pub const MAX_KEYS: usize = 25;

/// The successful uses of some keys by the day (in days since the epoch), from `from` on. Leaves
/// out the keys beyond [`MAX_KEYS`].
///
/// # Errors
/// The statement fails, or a row is corrupt.
pub async fn days(
    database: &Database,
    keys: &[&ApiKeyId],
    from: i64,
) -> Result<Vec<(ApiKeyId, i64, i64)>, StoreError> {
    const SQL: &str = "SELECT key_id, hour / 24 AS day, CAST(SUM(times) AS BIGINT) AS times FROM api_key_usage \
         WHERE outcome = 'used' AND hour >= $1 AND key_id IN ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, \
         $17, $18, $19, $20, $21, $22, $23, $24, $25, $26) GROUP BY key_id, hour / 24";
    let query = || {
        let keys = keys.iter().map(|key| key.as_str()).chain(std::iter::repeat("")).take(MAX_KEYS);
        keys.fold(sqlx::query(SQL).bind(from.saturating_mul(24)), sqlx::query::Query::bind)
    };
    let rows = database.lookup(query).await?;
    rows.iter()
        .map(|row| {
            let key = ApiKeyId::parse(&row.try_get::<String, _>("key_id")?);
            let key = key.map_err(|_| StoreError::Corrupt("id of an API key"))?;
            Ok((key, row.try_get("day")?, row.try_get("times")?))
        })
        .collect()
}

/// Deletes some of the counts before `hour`, and of the uses of deleted keys; returns whether there
/// may be more. The last use of a key stays as long as the key.
///
/// # Errors
/// A statement fails.
pub async fn delete_some(database: &Database, hour: Hour) -> Result<bool, StoreError> {
    /// Few enough to keep no writer waiting.
    const SOME: i64 = 500;
    let counts = || {
        sqlx::query(
            "DELETE FROM api_key_usage WHERE (key_id, hour, outcome) IN \
             (SELECT key_id, hour, outcome FROM api_key_usage WHERE hour < $1 LIMIT $2) RETURNING hour",
        )
        .bind(hour.get())
        .bind(SOME)
    };
    let uses = || {
        sqlx::query(
            "DELETE FROM api_key_last_use WHERE key_id IN (SELECT u.key_id FROM api_key_last_use u \
             LEFT JOIN api_keys k ON k.id = u.key_id WHERE k.id IS NULL LIMIT $1) RETURNING used_at",
        )
        .bind(SOME)
    };
    let more_counts = database.delete_up_to(SOME, counts).await?;
    Ok(database.delete_up_to(SOME, uses).await? || more_counts)
}
