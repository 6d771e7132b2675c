//! `meta`, `data_keys` and `signing_keys`: key material, always sealed.

use std::time::Duration;

use sqlx::Row as _;

use super::transaction::Tx;
use super::{Database, StoreError, duration, millis};
use crate::clock::Timestamp;
use crate::model::key_schedule::{ScheduledKey, Term};
use crate::model::signing_key::UnknownAlgorithm;

/// A stored data key.
#[derive(Debug, Clone)]
pub struct SealedDataKey {
    /// The id.
    pub id: String,
    /// The purpose.
    pub purpose: String,
    /// The version within its purpose; the highest is in use.
    pub version: i64,
    /// The key, sealed under the master key.
    pub sealed: String,
}

/// A stored signing key.
#[derive(Debug, Clone)]
pub struct StoredSigningKey {
    /// The RFC 7638 thumbprint.
    pub kid: String,
    /// The algorithm.
    pub alg: String,
    /// The private key, sealed under the data key; empty after a revocation.
    pub sealed_private: String,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The term.
    pub term: Term,
}

impl StoredSigningKey {
    /// The key without its secret part.
    ///
    /// # Errors
    /// If the algorithm is unknown to this release.
    pub fn schedule(&self) -> Result<ScheduledKey, UnknownAlgorithm> {
        let algorithm = self.alg.parse()?;
        Ok(ScheduledKey { kid: self.kid.clone(), algorithm, term: self.term })
    }
}

/// A property of the database as a whole.
///
/// # Errors
/// The statement fails.
pub async fn meta(database: &Database, name: &str) -> Result<Option<String>, StoreError> {
    let rows = database
        .lookup(|| sqlx::query("SELECT value FROM meta WHERE name = $1").bind(name))
        .await?;
    Ok(rows.first().map(|row| row.try_get("value")).transpose()?)
}

/// Stores a new property of the database as a whole.
///
/// # Errors
/// [`StoreError::Conflict`] if it exists.
pub async fn insert_meta(tx: &mut Tx, name: &str, value: &str) -> Result<(), StoreError> {
    let query =
        sqlx::query("INSERT INTO meta (name, value) VALUES ($1, $2)").bind(name).bind(value);
    query.execute(tx.connection()?).await?;
    Ok(())
}

/// All data keys, by purpose, the one in use first.
///
/// # Errors
/// The statement fails.
pub async fn data_keys(database: &Database) -> Result<Vec<SealedDataKey>, StoreError> {
    let query = || {
        sqlx::query(
            "SELECT id, purpose, version, sealed FROM data_keys ORDER BY purpose, version DESC",
        )
    };
    let rows = database.lookup(query).await?;
    rows.iter()
        .map(|row| {
            Ok(SealedDataKey {
                id: row.try_get("id")?,
                purpose: row.try_get("purpose")?,
                version: row.try_get("version")?,
                sealed: row.try_get("sealed")?,
            })
        })
        .collect()
}

/// Inserts a data key.
///
/// # Errors
/// The statement fails.
pub async fn insert_data_key(
    tx: &mut Tx,
    key: &SealedDataKey,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO data_keys (id, purpose, version, sealed, created_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(key.id.as_str())
    .bind(key.purpose.as_str())
    .bind(key.version)
    .bind(key.sealed.as_str())
    .bind(now.as_millis())
    .execute(tx.connection()?)
    .await?;
    Ok(())
}

/// All signing keys, oldest first.
///
/// # Errors
/// The statement fails.
pub async fn signing_keys(database: &Database) -> Result<Vec<StoredSigningKey>, StoreError> {
    let query = || {
        sqlx::query(
            "SELECT kid, alg, sealed_private, created_at, signs_from, signs_until, longest_ttl, taken_back_at \
             FROM signing_keys ORDER BY signs_from, created_at, kid",
        )
    };
    let rows = database.lookup(query).await?;
    rows.iter()
        .map(|row| {
            let longest_ttl: i64 = row.try_get("longest_ttl")?;
            Ok(StoredSigningKey {
                kid: row.try_get("kid")?,
                alg: row.try_get("alg")?,
                sealed_private: row.try_get("sealed_private")?,
                created_at: Timestamp::from_millis(row.try_get("created_at")?),
                term: Term {
                    signs_from: Timestamp::from_millis(row.try_get("signs_from")?),
                    signs_until: row
                        .try_get::<Option<i64>, _>("signs_until")?
                        .map(Timestamp::from_millis),
                    longest_ttl: duration(longest_ttl),
                    taken_back_at: row
                        .try_get::<Option<i64>, _>("taken_back_at")?
                        .map(Timestamp::from_millis),
                },
            })
        })
        .collect()
}

/// Inserts a signing key.
///
/// # Errors
/// [`StoreError::Conflict`] if it exists, or another key of its algorithm has no end.
pub async fn insert_signing_key(tx: &mut Tx, key: &StoredSigningKey) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO signing_keys (kid, alg, sealed_private, created_at, signs_from, signs_until, longest_ttl) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(key.kid.as_str())
    .bind(key.alg.as_str())
    .bind(key.sealed_private.as_str())
    .bind(key.created_at.as_millis())
    .bind(key.term.signs_from.as_millis())
    .bind(key.term.signs_until.map(Timestamp::as_millis))
    .bind(millis(key.term.longest_ttl))
    .execute(tx.connection()?)
    .await?;
    Ok(())
}

/// Changes the term of a key if it is still `before`. Returns `true` if it was. Erases the private
/// key of a revoked one.
///
/// # Errors
/// The statement fails, as it does if another key of the algorithm has no end.
pub async fn set_term(
    tx: &mut Tx,
    kid: &str,
    before: &Term,
    term: &Term,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE signing_keys SET signs_from = $1, signs_until = $2, taken_back_at = $3, \
         sealed_private = CASE WHEN $4 = 1 THEN '' ELSE sealed_private END \
         WHERE kid = $5 AND signs_from = $6 AND COALESCE(signs_until, -1) = $7 AND taken_back_at IS NULL",
    )
    .bind(term.signs_from.as_millis())
    .bind(term.signs_until.map(Timestamp::as_millis))
    .bind(term.taken_back_at.map(Timestamp::as_millis))
    .bind(i64::from(term.taken_back_at.is_some()))
    .bind(kid)
    .bind(before.signs_from.as_millis())
    .bind(before.signs_until.map_or(-1, Timestamp::as_millis))
    .execute(tx.connection()?)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Records that tokens of this lifetime may now be signed. Not a change: keys stay published
/// longer, never shorter, and no cache depends on it.
///
/// # Errors
/// The statement fails.
pub async fn raise_longest_ttl(database: &Database, ttl: Duration) -> Result<(), StoreError> {
    database.tidy(|| sqlx::query(RAISE_LONGEST_TTL).bind(millis(ttl))).await.map(drop)
}

/// As [`raise_longest_ttl`], within the change that sets the lifetime.
///
/// # Errors
/// The statement fails.
pub async fn raise_longest_ttl_in(tx: &mut Tx, ttl: Option<Duration>) -> Result<(), StoreError> {
    let Some(ttl) = ttl else { return Ok(()) };
    sqlx::query(RAISE_LONGEST_TTL).bind(millis(ttl)).execute(tx.connection()?).await?;
    Ok(())
}

const RAISE_LONGEST_TTL: &str = "UPDATE signing_keys SET longest_ttl = $1 WHERE longest_ttl < $1";

/// Deletes the keys that were gone at `before`.
///
/// # Errors
/// The statement fails.
pub async fn delete_gone(database: &Database, before: Timestamp) -> Result<(), StoreError> {
    let query = || {
        sqlx::query(
            "DELETE FROM signing_keys WHERE signs_until IS NOT NULL AND signs_until + longest_ttl < $1",
        )
        .bind(before.as_millis())
    };
    database.tidy(query).await.map(drop)
}
