//! `users`.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::client_row::{uris, uris_text};
use super::transaction::Tx;
use super::{Database, StoreError};
use crate::clock::Timestamp;
use crate::model::authority::ActingFor;
use crate::model::event::EventNumber;
use crate::model::scope::ScopeSet;
use crate::model::user::{Role, User, UserId, Username};
use crate::secret::hash::SecretHash;

/// The columns of a user, as [`user`] reads them.
macro_rules! columns {
    () => {
        "u.id AS user_id, u.username, u.role, u.scopes AS user_scopes, u.resources, u.granted_as_of, u.created_at AS user_created_at, u.disabled_at, \
         (SELECT f.confirmed_at FROM second_factors f WHERE f.user_id = u.id) AS second_factor_at"
    };
}
pub(super) use columns;

/// The user with this id.
///
/// # Errors
/// The statement fails, or the row is corrupt.
pub async fn by_id(database: &Database, id: &UserId) -> Result<Option<User>, StoreError> {
    const SQL: &str = concat!("SELECT ", columns!(), " FROM users u WHERE u.id = $1");
    let rows = database.lookup(|| sqlx::query(SQL).bind(id.as_str())).await?;
    rows.first().map(user).transpose()
}

/// The user with this id, and the number of the last event before the read.
///
/// # Errors
/// The statement fails, or the row is corrupt.
pub async fn by_id_as_of(
    database: &Database,
    id: &UserId,
) -> Result<Option<(User, EventNumber)>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        columns!(),
        ", (SELECT number FROM event_head WHERE id = 1) AS head FROM users u WHERE u.id = $1"
    );
    let rows = database.lookup(|| sqlx::query(SQL).bind(id.as_str())).await?;
    let with_head = |row: &AnyRow| Ok((user(row)?, EventNumber::new(row.try_get("head")?)));
    rows.first().map(with_head).transpose()
}

/// The user with this name, ignoring case, and the hash of their password.
///
/// # Errors
/// The statement fails, or the row is corrupt.
pub async fn by_username(
    database: &Database,
    username: &Username,
) -> Result<Option<(User, SecretHash)>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        columns!(),
        ", u.password_hash FROM users u WHERE u.folded_username = $1"
    );
    let folded = username.folded();
    let rows = database.lookup(|| sqlx::query(SQL).bind(folded.as_str())).await?;
    let with_hash = |row: &AnyRow| {
        Ok((user(row)?, SecretHash::from_stored(row.try_get::<String, _>("password_hash")?)))
    };
    rows.first().map(with_hash).transpose()
}

/// Inserts a user.
///
/// # Errors
/// [`StoreError::Conflict`] if the name is taken.
pub async fn insert(
    tx: &mut Tx,
    user: &ActingFor<User>,
    password: &SecretHash,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO users (id, username, folded_username, role, password_hash, created_at, disabled_at, scopes, resources, granted_as_of) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(user.id.as_str())
    .bind(user.username.as_str())
    .bind(user.username.folded())
    .bind(user.role.name())
    .bind(password.as_str())
    .bind(user.created_at.as_millis())
    .bind(user.disabled_at.map(Timestamp::as_millis))
    .bind(user.scopes.as_str())
    .bind(uris_text(&user.resources))
    .bind(user.granted_as_of.get())
    .execute(tx.connection()?)
    .await?;
    Ok(())
}

/// A user with the hash of their password, locked until this transaction ends.
///
/// # Errors
/// A statement fails, or the row is corrupt.
pub async fn lock(tx: &mut Tx, id: &UserId) -> Result<Option<(User, SecretHash)>, StoreError> {
    const SQL: &str =
        concat!("SELECT ", columns!(), ", u.password_hash FROM users u WHERE u.id = $1");
    // From here on both engines make other transactions wait.
    sqlx::query("UPDATE users SET id = id WHERE id = $1")
        .bind(id.as_str())
        .execute(tx.connection()?)
        .await?;
    let row = sqlx::query(SQL).bind(id.as_str()).fetch_optional(tx.connection()?).await?;
    let with_hash = |row: &AnyRow| {
        Ok((user(row)?, SecretHash::from_stored(row.try_get::<String, _>("password_hash")?)))
    };
    row.as_ref().map(with_hash).transpose()
}

/// The filters of a list of users.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Names that contain this text, ignoring case.
    pub username: Option<String>,
    /// This role.
    pub role: Option<Role>,
    /// Enabled users only, or disabled ones only.
    pub enabled: Option<bool>,
}

/// The statement of a page of users in the order of `$key`.
macro_rules! page_of {
    ($key:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM users u WHERE ",
            $key,
            " > $1 AND u.folded_username LIKE '%' || $2 || '%' ESCAPE '!' AND ($3 = '' OR u.role = $3) \
             AND ($4 = -1 OR ($4 = 1 AND u.disabled_at IS NULL) OR ($4 = 0 AND u.disabled_at IS NOT NULL)) ORDER BY ",
            $key,
            " LIMIT $5"
        )
    };
}

/// Up to `limit` users with ids after `after`, sorted by id.
///
/// # Errors
/// The statement fails, or a row is corrupt.
pub async fn page(
    database: &Database,
    after: &str,
    limit: i64,
    filter: &Filter,
) -> Result<Vec<User>, StoreError> {
    in_order(database, page_of!("u.id"), after, limit, filter).await
}

/// Up to `limit` users with lower-case names after `after`, sorted by name.
///
/// # Errors
/// The statement fails, or a row is corrupt.
pub async fn by_name(
    database: &Database,
    after: &str,
    limit: i64,
    filter: &Filter,
) -> Result<Vec<User>, StoreError> {
    in_order(database, page_of!("u.folded_username"), after, limit, filter).await
}

async fn in_order(
    database: &Database,
    sql: &'static str,
    after: &str,
    limit: i64,
    filter: &Filter,
) -> Result<Vec<User>, StoreError> {
    let username = super::like(filter.username.as_deref().unwrap_or_default());
    let query = || {
        sqlx::query(sql)
            .bind(after)
            .bind(username.as_str())
            .bind(filter.role.map_or("", Role::name))
            .bind(filter.enabled.map_or(-1, i64::from))
            .bind(limit)
    };
    database.lookup(query).await?.iter().map(user).collect()
}

/// Updates the mutable columns of a user.
///
/// # Errors
/// [`StoreError::Conflict`] if the name is taken.
pub async fn update(tx: &mut Tx, user: &ActingFor<User>) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE users SET username = $1, folded_username = $2, role = $3, disabled_at = $4, scopes = $5, resources = $6, \
         granted_as_of = $7 WHERE id = $8",
    )
    .bind(user.username.as_str())
    .bind(user.username.folded())
    .bind(user.role.name())
    .bind(user.disabled_at.map(Timestamp::as_millis))
    .bind(user.scopes.as_str())
    .bind(uris_text(&user.resources))
    .bind(user.granted_as_of.get())
    .bind(user.id.as_str())
    .execute(tx.connection()?)
    .await?;
    Ok(())
}

/// Sets the password of a user.
///
/// # Errors
/// The statement fails.
pub async fn set_password(
    tx: &mut Tx,
    user: &ActingFor<User>,
    password: &SecretHash,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE users SET password_hash = $1 WHERE id = $2")
        .bind(password.as_str())
        .bind(user.id.as_str())
        .execute(tx.connection()?)
        .await?;
    Ok(())
}

/// Deletes a user with their sessions, keys and second factor.
///
/// # Errors
/// The statement fails.
pub async fn delete(tx: &mut Tx, user: &ActingFor<User>) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM users WHERE id = $1")
        .bind(user.id.as_str())
        .execute(tx.connection()?)
        .await?;
    Ok(())
}

/// Disables a user, unless they are disabled already. That takes no right over what they may do at
/// APIs, because it is an emergency stop.
///
/// # Errors
/// The statement fails.
pub async fn disable(tx: &mut Tx, id: &UserId, since: Timestamp) -> Result<(), StoreError> {
    sqlx::query("UPDATE users SET disabled_at = $1 WHERE id = $2 AND disabled_at IS NULL")
        .bind(since.as_millis())
        .bind(id.as_str())
        .execute(tx.connection()?)
        .await?;
    Ok(())
}

/// A user as this transaction sees them.
///
/// # Errors
/// The statement fails, or the row is corrupt.
pub async fn find(tx: &mut Tx, id: &UserId) -> Result<Option<User>, StoreError> {
    const SQL: &str = concat!("SELECT ", columns!(), " FROM users u WHERE u.id = $1");
    let row = sqlx::query(SQL).bind(id.as_str()).fetch_optional(tx.connection()?).await?;
    row.as_ref().map(user).transpose()
}

/// Returns `true` if another administrator can log in.
///
/// # Errors
/// The statement fails.
pub async fn is_other_administrator(tx: &mut Tx, id: &UserId) -> Result<bool, StoreError> {
    let row = sqlx::query(
        "SELECT id FROM users WHERE role = $1 AND disabled_at IS NULL AND id <> $2 LIMIT 1",
    )
    .bind(Role::Admin.name())
    .bind(id.as_str())
    .fetch_optional(tx.connection()?)
    .await?;
    Ok(row.is_some())
}

/// A user from a row with the columns of one.
pub(super) fn user(row: &AnyRow) -> Result<User, StoreError> {
    let text = |column: &'static str| row.try_get::<String, _>(column);
    let disabled_at: Option<i64> = row.try_get("disabled_at")?;
    let second_factor_at: Option<i64> = row.try_get("second_factor_at")?;
    Ok(User {
        id: UserId::parse(&text("user_id")?).map_err(|_| StoreError::Corrupt("id of a user"))?,
        username: Username::parse(&text("username")?)
            .map_err(|_| StoreError::Corrupt("username"))?,
        role: text("role")?.parse().map_err(|_| StoreError::Corrupt("role"))?,
        scopes: ScopeSet::parse(&text("user_scopes")?).map_err(|_| StoreError::Corrupt("scope"))?,
        resources: uris(&text("resources")?)?,
        granted_as_of: EventNumber::new(row.try_get("granted_as_of")?),
        created_at: Timestamp::from_millis(row.try_get("user_created_at")?),
        disabled_at: disabled_at.map(Timestamp::from_millis),
        second_factor_at: second_factor_at.map(Timestamp::from_millis),
    })
}
