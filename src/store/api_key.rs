//! `api_keys`.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::connection::AnyQuery;
use super::transaction::Tx;
use super::{Database, StoreError};
use crate::clock::Timestamp;
use crate::model::address::AddressRanges;
use crate::model::api_key::{ApiKey, ApiKeyId, Environment, KeyOwner};
use crate::model::authority::{AnyPrincipal, ManagingKeys};
use crate::model::client::ClientId;
use crate::model::event::EventNumber;
use crate::model::name::DisplayName;
use crate::model::scope::ScopeSet;
use crate::model::usage::LastUse;
use crate::model::user::UserId;
use crate::secret::digest::SecretDigest;

/// The columns of a key, as [`api_key`] reads them.
macro_rules! columns {
    () => {
        "k.id, k.name, k.client_id, k.user_id, k.environment, k.hint, k.scopes, k.allowed_addresses, k.max_per_minute, \
         k.successor, k.created_at, k.expires_at, k.disabled_at, k.leaked_at"
    };
}

/// The key with this digest, and the number of the last event before the read.
///
/// # Errors
/// The statement fails, or the row is corrupt.
pub async fn by_digest(
    database: &Database,
    digest: &SecretDigest,
) -> Result<Option<(ApiKey, EventNumber)>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        columns!(),
        ", (SELECT number FROM event_head WHERE id = 1) AS head FROM api_keys k WHERE k.digest = $1"
    );
    let digest = digest.to_text();
    let rows = database.lookup(|| sqlx::query(SQL).bind(digest.as_str())).await?;
    let with_head = |row: &AnyRow| Ok((api_key(row)?, EventNumber::new(row.try_get("head")?)));
    rows.first().map(with_head).transpose()
}

/// The key with this id, and its last use.
///
/// # Errors
/// The statement fails, or the row is corrupt.
pub async fn by_id(
    database: &Database,
    id: &ApiKeyId,
) -> Result<Option<(ApiKey, Option<LastUse>)>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        columns!(),
        ", u.used_at, u.address FROM api_keys k LEFT JOIN api_key_last_use u ON u.key_id = k.id WHERE k.id = $1"
    );
    let rows = database.lookup(|| sqlx::query(SQL).bind(id.as_str())).await?;
    rows.first().map(with_use).transpose()
}

/// The filters of a list of keys.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// This owner.
    pub owner: Option<String>,
    /// Names that contain this text, ignoring case.
    pub name: Option<String>,
    /// This environment.
    pub environment: Option<Environment>,
    /// Enabled keys only, or disabled ones only.
    pub enabled: Option<bool>,
    /// Keys that expire after the first time and not after the second.
    pub expiring: Option<(Timestamp, Timestamp)>,
    /// Keys created before this time and unused since.
    pub unused_since: Option<Timestamp>,
}

/// The statement of [`page`] and [`newest`].
macro_rules! page_of {
    ($owner:literal, $after:literal, $order:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            ", u.used_at, u.address FROM api_keys k LEFT JOIN api_key_last_use u ON u.key_id = k.id WHERE ",
            $after,
            " AND ",
            $owner,
            " AND LOWER(k.name) LIKE '%' || $3 || '%' ESCAPE '!' AND ($4 = '' OR k.environment = $4) \
             AND ($5 = -1 OR ($5 = 1 AND k.disabled_at IS NULL) OR ($5 = 0 AND k.disabled_at IS NOT NULL)) \
             AND ($7 = -1 OR (k.expires_at > $7 AND k.expires_at <= $8)) \
             AND ($9 = -1 OR (k.created_at <= $9 AND COALESCE(u.used_at, 0) <= $9)) ORDER BY ",
            $order,
            " LIMIT $6"
        )
    };
}

/// Up to `limit` keys with ids after `after`, sorted by id, each with its last use.
///
/// # Errors
/// The statement fails, or a row is corrupt.
pub async fn page(
    database: &Database,
    after: &str,
    limit: i64,
    filter: &Filter,
) -> Result<Vec<(ApiKey, Option<LastUse>)>, StoreError> {
    // The keys of an owner have an index of their own.
    let sql = match filter.owner.as_deref() {
        None => page_of!("$2 = ''", "k.id > $1", "k.id"),
        Some(owner) if UserId::parse(owner).is_ok() => {
            page_of!("k.user_id = $2", "k.id > $1", "k.id")
        }
        Some(_) => page_of!("k.client_id = $2", "k.id > $1", "k.id"),
    };
    let name = super::like(filter.name.as_deref().unwrap_or_default());
    let rows =
        database.lookup(|| bind_filter(sqlx::query(sql).bind(after), filter, &name, limit)).await?;
    rows.iter().map(with_use).collect()
}

/// Up to `limit` keys created before a given key (date and id), or before now; newest first, each
/// with its last use.
///
/// # Errors
/// The statement fails, or a row is corrupt.
pub async fn newest(
    database: &Database,
    before: Option<(Timestamp, ApiKeyId)>,
    limit: i64,
    filter: &Filter,
) -> Result<Vec<(ApiKey, Option<LastUse>)>, StoreError> {
    // Only the first condition uses an index.
    macro_rules! newest_of {
        ($owner:literal) => {
            page_of!(
                $owner,
                "k.created_at <= $10 AND (k.created_at < $10 OR k.id < $1)",
                "k.created_at DESC, k.id DESC"
            )
        };
    }
    let sql = match filter.owner.as_deref() {
        None => newest_of!("$2 = ''"),
        Some(owner) if UserId::parse(owner).is_ok() => newest_of!("k.user_id = $2"),
        Some(_) => newest_of!("k.client_id = $2"),
    };
    let name = super::like(filter.name.as_deref().unwrap_or_default());
    let (date, id) =
        before.as_ref().map_or((i64::MAX, ""), |(date, id)| (date.as_millis(), id.as_str()));
    let query = || bind_filter(sqlx::query(sql).bind(id), filter, &name, limit).bind(date);
    database.lookup(query).await?.iter().map(with_use).collect()
}

/// Up to `limit` enabled keys, of one owner or of all, that expire after `after` and not after
/// `until`; soonest first, each with its last use.
///
/// # Errors
/// The statement fails, or a row is corrupt.
pub async fn expiring(
    database: &Database,
    owner: Option<&str>,
    (after, until): (Timestamp, Timestamp),
    limit: i64,
) -> Result<Vec<(ApiKey, Option<LastUse>)>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        columns!(),
        ", u.used_at, u.address FROM api_keys k LEFT JOIN api_key_last_use u ON u.key_id = k.id \
         WHERE k.expires_at > $1 AND k.expires_at <= $2 AND k.disabled_at IS NULL \
         AND ($3 = '' OR k.user_id = $3 OR k.client_id = $3) ORDER BY k.expires_at, k.id LIMIT $4"
    );
    let query = || {
        sqlx::query(SQL)
            .bind(after.as_millis())
            .bind(until.as_millis())
            .bind(owner.unwrap_or_default())
            .bind(limit)
    };
    database.lookup(query).await?.iter().map(with_use).collect()
}

/// Up to `limit` enabled keys, of one owner or of all, created before `since` and unused since
/// then; each with its last use. Searches `looked_at` keys: the oldest of all, or any of the owner.
/// No index finds unused keys, and a scan of very many would take long.
///
/// # Errors
/// The statement fails, or a row is corrupt.
pub async fn unused(
    database: &Database,
    owner: Option<&str>,
    since: Timestamp,
    looked_at: i64,
    limit: i64,
) -> Result<Vec<(ApiKey, Option<LastUse>)>, StoreError> {
    macro_rules! unused_of {
        ($some:literal) => {
            concat!(
                "SELECT ",
                columns!(),
                ", u.used_at, u.address FROM (SELECT ",
                columns!(),
                " FROM api_keys k WHERE ",
                $some,
                " LIMIT $3) k LEFT JOIN api_key_last_use u ON u.key_id = k.id WHERE k.created_at <= $1 \
                 AND COALESCE(u.used_at, 0) <= $1 AND k.disabled_at IS NULL ORDER BY k.created_at, k.id LIMIT $4"
            )
        };
    }
    let sql = match owner {
        None => unused_of!("k.created_at <= $1 AND $2 = '' ORDER BY k.created_at, k.id"),
        Some(owner) if UserId::parse(owner).is_ok() => unused_of!("k.user_id = $2 ORDER BY k.id"),
        Some(_) => unused_of!("k.client_id = $2 ORDER BY k.id"),
    };
    let query = || {
        sqlx::query(sql)
            .bind(since.as_millis())
            .bind(owner.unwrap_or_default())
            .bind(looked_at)
            .bind(limit)
    };
    database.lookup(query).await?.iter().map(with_use).collect()
}

/// Up to `limit` keys that were found in public and are not expired at `now`; most recently found
/// first, each with its last use.
///
/// # Errors
/// The statement fails, or a row is corrupt.
pub async fn leaked(
    database: &Database,
    now: Timestamp,
    limit: i64,
    filter: &Filter,
) -> Result<Vec<(ApiKey, Option<LastUse>)>, StoreError> {
    macro_rules! leaked_of {
        ($owner:literal) => {
            page_of!(
                $owner,
                "k.leaked_at IS NOT NULL AND (k.expires_at IS NULL OR k.expires_at > $1)",
                "k.leaked_at DESC, k.id"
            )
        };
    }
    let sql = match filter.owner.as_deref() {
        None => leaked_of!("$2 = ''"),
        Some(owner) if UserId::parse(owner).is_ok() => leaked_of!("k.user_id = $2"),
        Some(_) => leaked_of!("k.client_id = $2"),
    };
    let name = super::like(filter.name.as_deref().unwrap_or_default());
    let query = || bind_filter(sqlx::query(sql).bind(now.as_millis()), filter, &name, limit);
    database.lookup(query).await?.iter().map(with_use).collect()
}

/// Binds the values from `$2`.
fn bind_filter<'q>(
    query: AnyQuery<'q>,
    filter: &'q Filter,
    name: &'q str,
    limit: i64,
) -> AnyQuery<'q> {
    let (ends_after, ends_until) =
        filter.expiring.map_or((-1, -1), |(after, until)| (after.as_millis(), until.as_millis()));
    query
        .bind(filter.owner.as_deref().unwrap_or_default())
        .bind(name)
        .bind(filter.environment.map_or("", Environment::name))
        .bind(filter.enabled.map_or(-1, i64::from))
        .bind(limit)
        .bind(ends_after)
        .bind(ends_until)
        .bind(filter.unused_since.map_or(-1, Timestamp::as_millis))
}

/// Inserts a key.
///
/// # Errors
/// The statement fails.
pub async fn insert(
    tx: &mut Tx,
    _owner: &ManagingKeys<AnyPrincipal>,
    key: &ApiKey,
    digest: &SecretDigest,
) -> Result<(), StoreError> {
    let (client, user) = match &key.owner {
        KeyOwner::Client(client) => (Some(client.as_str()), None),
        KeyOwner::User(user) => (None, Some(user.as_str())),
    };
    let query = sqlx::query(
        "INSERT INTO api_keys (name, scopes, allowed_addresses, max_per_minute, successor, expires_at, disabled_at, leaked_at, \
         id, client_id, user_id, environment, digest, hint, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
    );
    bind_terms(query, key)
        .bind(key.id.as_str())
        .bind(client)
        .bind(user)
        .bind(key.environment.name())
        .bind(digest.to_text())
        .bind(key.hint.as_str())
        .bind(key.created_at.as_millis())
        .execute(tx.connection()?)
        .await?;
    Ok(())
}

/// Updates the mutable columns of a key.
///
/// # Errors
/// The statement fails.
pub async fn update(
    tx: &mut Tx,
    _owner: &ManagingKeys<AnyPrincipal>,
    key: &ApiKey,
) -> Result<(), StoreError> {
    let query = sqlx::query(
        "UPDATE api_keys SET name = $1, scopes = $2, allowed_addresses = $3, max_per_minute = $4, successor = $5, \
         expires_at = $6, disabled_at = $7, leaked_at = $8 WHERE id = $9",
    );
    bind_terms(query, key).bind(key.id.as_str()).execute(tx.connection()?).await?;
    Ok(())
}

/// Disables a key, unless it is disabled already. That takes no right over its owner, because it is
/// an emergency stop.
///
/// # Errors
/// The statement fails.
pub async fn disable(tx: &mut Tx, id: &ApiKeyId, since: Timestamp) -> Result<(), StoreError> {
    let query =
        sqlx::query("UPDATE api_keys SET disabled_at = $1 WHERE id = $2 AND disabled_at IS NULL");
    query.bind(since.as_millis()).bind(id.as_str()).execute(tx.connection()?).await?;
    Ok(())
}

/// Marks a key as found in public, unless it is marked already.
///
/// # Errors
/// The statement fails.
pub async fn flag_leaked(tx: &mut Tx, id: &ApiKeyId, since: Timestamp) -> Result<(), StoreError> {
    let query =
        sqlx::query("UPDATE api_keys SET leaked_at = $1 WHERE id = $2 AND leaked_at IS NULL");
    query.bind(since.as_millis()).bind(id.as_str()).execute(tx.connection()?).await?;
    Ok(())
}

/// A key, locked until this transaction ends.
///
/// # Errors
/// A statement fails, or the row is corrupt.
pub async fn lock(tx: &mut Tx, id: &ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
    // From here on both engines make other transactions wait.
    sqlx::query("UPDATE api_keys SET id = id WHERE id = $1")
        .bind(id.as_str())
        .execute(tx.connection()?)
        .await?;
    find(tx, id).await
}

/// A key, read in this transaction.
///
/// # Errors
/// The statement fails, or the row is corrupt.
pub async fn find(tx: &mut Tx, id: &ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
    const SQL: &str = concat!("SELECT ", columns!(), " FROM api_keys k WHERE k.id = $1");
    let row = sqlx::query(SQL).bind(id.as_str()).fetch_optional(tx.connection()?).await?;
    row.as_ref().map(api_key).transpose()
}

/// Returns `true` if a key with this id exists.
///
/// # Errors
/// The statement fails.
pub async fn exists(tx: &mut Tx, id: &ApiKeyId) -> Result<bool, StoreError> {
    let row = sqlx::query("SELECT id FROM api_keys WHERE id = $1").bind(id.as_str());
    Ok(row.fetch_optional(tx.connection()?).await?.is_some())
}

/// The ids of up to `limit` keys of an owner, in order.
///
/// # Errors
/// The statement fails, or a row is corrupt.
pub async fn ids_of(
    tx: &mut Tx,
    owner: &KeyOwner,
    limit: i64,
) -> Result<Vec<ApiKeyId>, StoreError> {
    let sql = match owner {
        KeyOwner::Client(_) => "SELECT id FROM api_keys WHERE client_id = $1 ORDER BY id LIMIT $2",
        KeyOwner::User(_) => "SELECT id FROM api_keys WHERE user_id = $1 ORDER BY id LIMIT $2",
    };
    let rows =
        sqlx::query(sql).bind(owner.as_str()).bind(limit).fetch_all(tx.connection()?).await?;
    rows.iter().map(|row| id(&row.try_get::<String, _>("id")?)).collect()
}

/// Deletes a key. Returns `true` if it existed.
///
/// # Errors
/// The statement fails.
pub async fn delete(tx: &mut Tx, id: &ApiKeyId) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM api_keys WHERE id = $1").bind(id.as_str());
    Ok(done.execute(tx.connection()?).await?.rows_affected() == 1)
}

/// Deletes some keys that expired before `before`, which only clutter lists. Returns `true` if more
/// may remain.
///
/// # Errors
/// The statement fails.
pub async fn delete_expired(database: &Database, before: Timestamp) -> Result<bool, StoreError> {
    /// Small, so that writers do not wait long.
    const SOME: i64 = 500;
    let query = || {
        sqlx::query(
            "DELETE FROM api_keys WHERE id IN (SELECT id FROM api_keys WHERE expires_at < $1 LIMIT $2) RETURNING id",
        )
        .bind(before.as_millis())
        .bind(SOME)
    };
    database.delete_up_to(SOME, query).await
}

/// Binds the mutable columns of a key, in the order of [`insert`] and [`update`].
fn bind_terms<'q>(query: AnyQuery<'q>, key: &'q ApiKey) -> AnyQuery<'q> {
    query
        .bind(key.name.as_str())
        .bind(key.scopes.as_str())
        .bind(key.allowed.to_string())
        .bind(key.max_per_minute.map(i64::from))
        .bind(key.successor.as_ref().map(ApiKeyId::as_str))
        .bind(key.expires_at.map(Timestamp::as_millis))
        .bind(key.disabled_at.map(Timestamp::as_millis))
        .bind(key.leaked_at.map(Timestamp::as_millis))
}

fn with_use(row: &AnyRow) -> Result<(ApiKey, Option<LastUse>), StoreError> {
    let used_at: Option<i64> = row.try_get("used_at")?;
    let address: Option<String> = row.try_get("address")?;
    let from = address.and_then(|address| address.parse().ok());
    let last_use = used_at.map(|at| LastUse { at: Timestamp::from_millis(at), from });
    Ok((api_key(row)?, last_use))
}

fn api_key(row: &AnyRow) -> Result<ApiKey, StoreError> {
    const NOBODYS: StoreError = StoreError::Corrupt("owner");
    let text = |column: &'static str| row.try_get::<String, _>(column);
    let time = |column: &'static str| {
        row.try_get::<Option<i64>, _>(column).map(|at| at.map(Timestamp::from_millis))
    };
    let client: Option<String> = row.try_get("client_id")?;
    let owner = if let Some(id) = client {
        KeyOwner::Client(ClientId::parse(&id).map_err(|_| NOBODYS)?)
    } else {
        let user: Option<String> = row.try_get("user_id")?;
        KeyOwner::User(UserId::parse(&user.ok_or(NOBODYS)?).map_err(|_| NOBODYS)?)
    };
    let limit: Option<i64> = row.try_get("max_per_minute")?;
    Ok(ApiKey {
        id: id(&text("id")?)?,
        name: DisplayName::parse(&text("name")?).map_err(|_| StoreError::Corrupt("name"))?,
        owner,
        environment: text("environment")?
            .parse()
            .map_err(|_| StoreError::Corrupt("environment"))?,
        hint: text("hint")?,
        scopes: ScopeSet::parse(&text("scopes")?).map_err(|_| StoreError::Corrupt("scope"))?,
        allowed: AddressRanges::parse(&text("allowed_addresses")?)
            .map_err(|_| StoreError::Corrupt("address range"))?,
        max_per_minute: limit
            .map(|limit| u32::try_from(limit).map_err(|_| StoreError::Corrupt("limit")))
            .transpose()?,
        successor: row
            .try_get::<Option<String>, _>("successor")?
            .map(|text| id(&text))
            .transpose()?,
        created_at: Timestamp::from_millis(row.try_get("created_at")?),
        expires_at: time("expires_at")?,
        disabled_at: time("disabled_at")?,
        leaked_at: time("leaked_at")?,
    })
}

fn id(text: &str) -> Result<ApiKeyId, StoreError> {
    ApiKeyId::parse(text).map_err(|_| StoreError::Corrupt("id of an API key"))
}
