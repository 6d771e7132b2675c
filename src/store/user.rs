//! `users`.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::change::Tx;
use super::{Database, StoreError};
use crate::clock::Timestamp;
use crate::model::user::{User, UserId, Username};
use crate::secret::hash::SecretHash;

/// The columns of a user, as [`user`] reads them.
macro_rules! columns {
    () => {
        "u.id AS user_id, u.username, u.role, u.created_at AS user_created_at, u.disabled_at"
    };
}
pub(super) use columns;

/// The user with this id.
///
/// # Errors
/// When the statement fails, or the row holds what this program never writes.
pub async fn by_id(database: &Database, id: &UserId) -> Result<Option<User>, StoreError> {
    const SQL: &str = concat!("SELECT ", columns!(), " FROM users u WHERE u.id = $1");
    let rows = database.lookup(|| sqlx::query(SQL).bind(id.as_str())).await?;
    rows.first().map(user).transpose()
}

/// The user who logs in with this name, in upper or lower case, and the hash of their password.
///
/// # Errors
/// When the statement fails, or the row holds what this program never writes.
pub async fn by_username(
    database: &Database,
    username: &Username,
) -> Result<Option<(User, SecretHash)>, StoreError> {
    const SQL: &str =
        concat!("SELECT ", columns!(), ", u.password_hash FROM users u WHERE u.folded_username = $1");
    let folded = username.folded();
    let rows = database.lookup(|| sqlx::query(SQL).bind(folded.as_str())).await?;
    let with_hash =
        |row: &AnyRow| Ok((user(row)?, SecretHash::from_stored(row.try_get::<String, _>("password_hash")?)));
    rows.first().map(with_hash).transpose()
}

/// Keeps a new user.
///
/// # Errors
/// [`StoreError::Conflict`] when there is one of this name.
pub async fn insert(tx: &mut Tx, user: &User, password: &SecretHash) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO users (id, username, folded_username, role, password_hash, created_at, disabled_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(user.id.as_str())
    .bind(user.username.as_str())
    .bind(user.username.folded())
    .bind(user.role.name())
    .bind(password.as_str())
    .bind(user.created_at.as_millis())
    .bind(user.disabled_at.map(Timestamp::as_millis))
    .execute(tx.connection()?)
    .await?;
    Ok(())
}

/// A user as this transaction sees them, whom nobody else changes until it ends, and the hash of their password.
///
/// # Errors
/// When a statement fails, or the row holds what this program never writes.
pub async fn lock(tx: &mut Tx, id: &UserId) -> Result<Option<(User, SecretHash)>, StoreError> {
    const SQL: &str = concat!("SELECT ", columns!(), ", u.password_hash FROM users u WHERE u.id = $1");
    // Both engines let the others wait from here on.
    sqlx::query("UPDATE users SET id = id WHERE id = $1").bind(id.as_str()).execute(tx.connection()?).await?;
    let row = sqlx::query(SQL).bind(id.as_str()).fetch_optional(tx.connection()?).await?;
    let with_hash =
        |row: &AnyRow| Ok((user(row)?, SecretHash::from_stored(row.try_get::<String, _>("password_hash")?)));
    row.as_ref().map(with_hash).transpose()
}

/// A user, from a row that has the columns of one.
pub(super) fn user(row: &AnyRow) -> Result<User, StoreError> {
    let text = |column: &'static str| row.try_get::<String, _>(column);
    let disabled_at: Option<i64> = row.try_get("disabled_at")?;
    Ok(User {
        id: UserId::parse(&text("user_id")?).map_err(|_| StoreError::Corrupt("id of a user"))?,
        username: Username::parse(&text("username")?).map_err(|_| StoreError::Corrupt("username"))?,
        role: text("role")?.parse().map_err(|_| StoreError::Corrupt("role"))?,
        created_at: Timestamp::from_millis(row.try_get("user_created_at")?),
        disabled_at: disabled_at.map(Timestamp::from_millis),
    })
}
