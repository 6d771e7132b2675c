//! `second_factors` and `recovery_codes`.

use sqlx::Row as _;

use super::transaction::Tx;
use super::{Database, StoreError};
use crate::clock::Timestamp;
use crate::model::authority::ActingFor;
use crate::model::user::{User, UserId};
use crate::secret::digest::SecretDigest;

/// The stored second factor of a user.
#[derive(Debug, Clone)]
pub struct SecondFactor {
    /// The secret of the authenticator app, sealed.
    pub sealed_secret: String,
    /// The time since which codes are required; absent before the confirmation.
    pub confirmed_at: Option<Timestamp>,
    /// The step of the last accepted code.
    pub last_step: i64,
}

/// The second factor of a user. A caller that changes it must have locked the user.
///
/// # Errors
/// The statement fails.
pub async fn of_user(tx: &mut Tx, user: &UserId) -> Result<Option<SecondFactor>, StoreError> {
    let row = sqlx::query(
        "SELECT sealed_secret, confirmed_at, last_step FROM second_factors WHERE user_id = $1",
    )
    .bind(user.as_str())
    .fetch_optional(tx.connection()?)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let confirmed_at: Option<i64> = row.try_get("confirmed_at")?;
    Ok(Some(SecondFactor {
        sealed_secret: row.try_get("sealed_secret")?,
        confirmed_at: confirmed_at.map(Timestamp::from_millis),
        last_step: row.try_get("last_step")?,
    }))
}

/// Stores an unconfirmed second factor, which replaces another unconfirmed one.
///
/// # Errors
/// A statement fails.
pub async fn begin(
    tx: &mut Tx,
    user: &UserId,
    sealed_secret: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    delete_of(tx, user).await?;
    sqlx::query(
        "INSERT INTO second_factors (user_id, sealed_secret, created_at, confirmed_at, last_step) \
         VALUES ($1, $2, $3, NULL, 0)",
    )
    .bind(user.as_str())
    .bind(sealed_secret)
    .bind(now.as_millis())
    .execute(tx.connection()?)
    .await?;
    Ok(())
}

/// Confirms the second factor: codes are required.
///
/// # Errors
/// The statement fails.
pub async fn confirm(tx: &mut Tx, user: &UserId, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query("UPDATE second_factors SET confirmed_at = $1 WHERE user_id = $2")
        .bind(now.as_millis())
        .bind(user.as_str())
        .execute(tx.connection()?)
        .await?;
    Ok(())
}

/// Invalidates the codes of this step and of earlier ones.
///
/// # Errors
/// The statement fails.
pub async fn set_last_step(tx: &mut Tx, user: &UserId, step: i64) -> Result<(), StoreError> {
    sqlx::query("UPDATE second_factors SET last_step = $1 WHERE user_id = $2")
        .bind(step)
        .bind(user.as_str())
        .execute(tx.connection()?)
        .await?;
    Ok(())
}

/// Deletes the second factor of a user with their recovery codes. Returns `true` if there was one.
///
/// # Errors
/// A statement fails.
pub async fn delete(tx: &mut Tx, user: &ActingFor<User>) -> Result<bool, StoreError> {
    delete_of(tx, &user.id).await
}

async fn delete_of(tx: &mut Tx, user: &UserId) -> Result<bool, StoreError> {
    delete_codes(tx, user).await?;
    let done = sqlx::query("DELETE FROM second_factors WHERE user_id = $1").bind(user.as_str());
    Ok(done.execute(tx.connection()?).await?.rows_affected() == 1)
}

async fn delete_codes(tx: &mut Tx, user: &UserId) -> Result<(), StoreError> {
    let codes = sqlx::query("DELETE FROM recovery_codes WHERE user_id = $1").bind(user.as_str());
    codes.execute(tx.connection()?).await?;
    Ok(())
}

/// Replaces the recovery codes of a user.
///
/// # Errors
/// A statement fails.
pub async fn set_codes(
    tx: &mut Tx,
    user: &UserId,
    digests: &[SecretDigest],
) -> Result<(), StoreError> {
    delete_codes(tx, user).await?;
    for digest in digests {
        sqlx::query("INSERT INTO recovery_codes (user_id, digest) VALUES ($1, $2)")
            .bind(user.as_str())
            .bind(digest.to_text())
            .execute(tx.connection()?)
            .await?;
    }
    Ok(())
}

/// Deletes a recovery code of a user. Returns `true` if it existed.
///
/// # Errors
/// The statement fails.
pub async fn take_code(
    tx: &mut Tx,
    user: &UserId,
    digest: &SecretDigest,
) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM recovery_codes WHERE user_id = $1 AND digest = $2")
        .bind(user.as_str())
        .bind(digest.to_text())
        .execute(tx.connection()?)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// The number of remaining recovery codes of a user.
///
/// # Errors
/// The statement fails.
pub async fn codes_left(database: &Database, user: &UserId) -> Result<i64, StoreError> {
    const SQL: &str =
        "SELECT CAST(COUNT(*) AS BIGINT) AS codes FROM recovery_codes WHERE user_id = $1";
    let rows = database.lookup(|| sqlx::query(SQL).bind(user.as_str())).await?;
    Ok(rows.first().map(|row| row.try_get("codes")).transpose()?.unwrap_or(0))
}
