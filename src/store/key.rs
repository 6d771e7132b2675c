//! `meta`, `data_keys` and `signing_keys`: key material, always sealed.

use sqlx::Row as _;

use super::change::Tx;
use super::{Database, StoreError};
use crate::clock::Timestamp;

/// A data key as it is kept.
#[derive(Debug)]
pub struct SealedDataKey {
    /// Its id.
    pub id: String,
    /// What it is for.
    pub purpose: String,
    /// Which of several for the same purpose; the highest is in use.
    pub version: i64,
    /// The key under the master key.
    pub sealed: String,
}

/// A signing key as it is kept.
#[derive(Debug)]
pub struct SealedSigningKey {
    /// Its RFC 7638 thumbprint.
    pub kid: String,
    /// Its algorithm.
    pub alg: String,
    /// Its PKCS#8 form under the data key for sealing.
    pub sealed_private: String,
}

/// A fact about the database as a whole.
///
/// # Errors
/// When the statement fails.
pub async fn meta(database: &Database, name: &str) -> Result<Option<String>, StoreError> {
    let rows = database.lookup(|| sqlx::query("SELECT value FROM meta WHERE name = $1").bind(name)).await?;
    Ok(rows.first().map(|row| row.try_get("value")).transpose()?)
}

/// Records a fact about the database as a whole, which must be new.
///
/// # Errors
/// [`StoreError::Conflict`] when it is recorded already.
pub async fn insert_meta(tx: &mut Tx, name: &str, value: &str) -> Result<(), StoreError> {
    let query = sqlx::query("INSERT INTO meta (name, value) VALUES ($1, $2)").bind(name).bind(value);
    query.execute(tx.connection()?).await?;
    Ok(())
}

/// All data keys, by purpose, the one in use first.
///
/// # Errors
/// When the statement fails.
pub async fn data_keys(database: &Database) -> Result<Vec<SealedDataKey>, StoreError> {
    let query =
        || sqlx::query("SELECT id, purpose, version, sealed FROM data_keys ORDER BY purpose, version DESC");
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

/// Keeps a data key.
///
/// # Errors
/// When the statement fails.
pub async fn insert_data_key(tx: &mut Tx, key: &SealedDataKey, now: Timestamp) -> Result<(), StoreError> {
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

/// All signing keys, the oldest first.
///
/// # Errors
/// When the statement fails.
pub async fn signing_keys(database: &Database) -> Result<Vec<SealedSigningKey>, StoreError> {
    let query = || sqlx::query("SELECT kid, alg, sealed_private FROM signing_keys ORDER BY created_at, kid");
    let rows = database.lookup(query).await?;
    rows.iter()
        .map(|row| {
            Ok(SealedSigningKey {
                kid: row.try_get("kid")?,
                alg: row.try_get("alg")?,
                sealed_private: row.try_get("sealed_private")?,
            })
        })
        .collect()
}

/// Keeps a signing key.
///
/// # Errors
/// When the statement fails.
pub async fn insert_signing_key(
    tx: &mut Tx,
    key: &SealedSigningKey,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO signing_keys (kid, alg, sealed_private, created_at) VALUES ($1, $2, $3, $4)")
        .bind(key.kid.as_str())
        .bind(key.alg.as_str())
        .bind(key.sealed_private.as_str())
        .bind(now.as_millis())
        .execute(tx.connection()?)
        .await?;
    Ok(())
}
