//! `clients` and `client_secrets`.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Row as _};

use super::client_row::{
    CLIENT_VALUES, INSERT_CLIENTS, INSERT_SECRETS, SECRET_VALUES, bind_client, bind_secret,
    bind_update, client, client_columns, digest_text, joined_columns, not_staged, numbered_values,
    update_sql, with_secrets,
};
use super::connection::AnyQuery;
use super::transaction::Tx;
use super::{Database, StoreError, duration};
use crate::clock::Timestamp;
use crate::model::authority::ActingFor;
use crate::model::client::{Client, ClientId, ClientSecret, SecretId};
use crate::model::event::EventNumber;
use crate::model::resource::ResourceUri;
use crate::secret::hash::SecretHash;

/// A client with its secrets, in one indexed read.
///
/// # Errors
/// The statement fails, or the row is corrupt.
pub async fn by_id(
    database: &Database,
    id: &ClientId,
) -> Result<Option<(Client, Vec<ClientSecret>)>, StoreError> {
    let rows = database.lookup(|| sqlx::query(BY_ID).bind(id.as_str())).await?;
    with_secrets(&rows)
}

const BY_ID: &str = concat!(
    "SELECT ",
    joined_columns!(),
    " FROM clients c LEFT JOIN client_secrets s ON s.client_id = c.id WHERE c.id = $1 AND ",
    not_staged!("c."),
    " ORDER BY s.created_at, s.id"
);

/// The filters of a list of clients.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Names that contain this text, ignoring case.
    pub name: Option<String>,
    /// Enabled clients only, or disabled ones only.
    pub enabled: Option<bool>,
}

/// The statement of a page of clients that satisfy `$condition`, in the order `$order`.
macro_rules! page_of {
    ($condition:literal, $order:literal) => {
        concat!(
            "SELECT ",
            client_columns!(""),
            " FROM clients WHERE ",
            $condition,
            " AND ",
            not_staged!(""),
            " AND LOWER(name) LIKE '%' || $2 || '%' ESCAPE '!' \
             AND ($3 = -1 OR ($3 = 1 AND disabled_at IS NULL) OR ($3 = 0 AND disabled_at IS NOT NULL)) ORDER BY ",
            $order,
            " LIMIT $4"
        )
    };
}

/// Up to `limit` clients with ids after `after`, sorted by id.
///
/// # Errors
/// The statement fails, or a row is corrupt.
pub async fn page(
    database: &Database,
    after: &str,
    limit: i64,
    filter: &Filter,
) -> Result<Vec<Client>, StoreError> {
    const SQL: &str = page_of!("id > $1", "id");
    let name = super::like(filter.name.as_deref().unwrap_or_default());
    let query = || bind_filter(sqlx::query(SQL).bind(after), filter, &name, limit);
    database.lookup(query).await?.iter().map(client).collect()
}

/// Up to `limit` clients created before a given client (date and id), or before now; newest first.
///
/// # Errors
/// The statement fails, or a row is corrupt.
pub async fn newest(
    database: &Database,
    before: Option<(Timestamp, ClientId)>,
    limit: i64,
    filter: &Filter,
) -> Result<Vec<Client>, StoreError> {
    // Only the first condition uses an index.
    const SQL: &str =
        page_of!("created_at <= $5 AND (created_at < $5 OR id < $1)", "created_at DESC, id DESC");
    let name = super::like(filter.name.as_deref().unwrap_or_default());
    let (date, id) =
        before.as_ref().map_or((i64::MAX, ""), |(date, id)| (date.as_millis(), id.as_str()));
    let query = || bind_filter(sqlx::query(SQL).bind(id), filter, &name, limit).bind(date);
    database.lookup(query).await?.iter().map(client).collect()
}

/// Binds the values from `$2`. An absent filter matches everything.
fn bind_filter<'q>(
    query: AnyQuery<'q>,
    filter: &Filter,
    name: &'q str,
    limit: i64,
) -> AnyQuery<'q> {
    query.bind(name).bind(filter.enabled.map_or(-1, i64::from)).bind(limit)
}

/// Inserts a client.
///
/// # Errors
/// [`StoreError::Conflict`] if the id is taken.
pub async fn insert(tx: &mut Tx, client: &ActingFor<Client>) -> Result<(), StoreError> {
    let sql = format!("{INSERT_CLIENTS}{}", numbered_values(CLIENT_VALUES));
    let query = bind_client(sqlx::query(AssertSqlSafe(sql)), client, client.cut_off, None);
    query.execute(tx.connection()?).await?;
    Ok(())
}

/// Updates the mutable columns of a client.
///
/// # Errors
/// The statement fails.
pub async fn update(tx: &mut Tx, client: &ActingFor<Client>) -> Result<(), StoreError> {
    let query = bind_update(sqlx::query(AssertSqlSafe(update_sql())), client);
    query.execute(tx.connection()?).await?;
    Ok(())
}

/// The longest token lifetime set by a client or an API; `None` if none sets one.
///
/// # Errors
/// The statement fails.
pub async fn longest_token_ttl(database: &Database) -> Result<Option<Duration>, StoreError> {
    let query = || {
        sqlx::query(
            "SELECT CAST(MAX(token_ttl) AS BIGINT) AS longest FROM \
             (SELECT MAX(token_ttl) AS token_ttl FROM clients WHERE token_ttl IS NOT NULL \
             UNION ALL SELECT MAX(token_ttl) FROM apis) AS terms",
        )
    };
    let rows = database.lookup(query).await?;
    let longest = rows.first().map(|row| row.try_get::<Option<i64>, _>("longest")).transpose()?;
    Ok(longest.flatten().map(duration))
}

/// A client that stands for the API, which need not exist; `None` if no client does.
///
/// # Errors
/// The statement fails.
pub async fn standing_for(
    tx: &mut Tx,
    resource: &ResourceUri,
) -> Result<Option<String>, StoreError> {
    if let Some(other) = resource.other_spelling()
        && let Some(client) = standing_for_spelling(tx, &other).await?
    {
        return Ok(Some(client));
    }
    standing_for_spelling(tx, resource.as_str()).await
}

async fn standing_for_spelling(tx: &mut Tx, resource: &str) -> Result<Option<String>, StoreError> {
    // LIKE ignores case on one of the engines.
    let row = sqlx::query(
        "SELECT id FROM clients WHERE stands_for IS NOT NULL \
         AND REPLACE(' ' || stands_for || ' ', ' ' || $1 || ' ', '') <> ' ' || stands_for || ' ' ORDER BY id LIMIT 1",
    )
    .bind(resource)
    .fetch_optional(tx.connection()?)
    .await?;
    Ok(row.map(|row| row.try_get("id")).transpose()?)
}

/// A client with its secrets, locked until this transaction ends.
///
/// # Errors
/// The statement fails, or the row is corrupt.
pub async fn lock(
    tx: &mut Tx,
    id: &ClientId,
) -> Result<Option<(Client, Vec<ClientSecret>)>, StoreError> {
    // From here on both engines make other transactions wait.
    sqlx::query("UPDATE clients SET id = id WHERE id = $1")
        .bind(id.as_str())
        .execute(tx.connection()?)
        .await?;
    let rows = sqlx::query(BY_ID).bind(id.as_str()).fetch_all(tx.connection()?).await?;
    with_secrets(&rows)
}

/// A client as this transaction sees it.
///
/// # Errors
/// The statement fails, or the row is corrupt.
pub async fn find(tx: &mut Tx, id: &ClientId) -> Result<Option<Client>, StoreError> {
    let rows = sqlx::query(BY_ID).bind(id.as_str()).fetch_all(tx.connection()?).await?;
    Ok(with_secrets(&rows)?.map(|(client, _)| client))
}

/// Deletes a secret of a client. Returns `true` if it existed.
///
/// # Errors
/// The statement fails.
pub async fn delete_secret(
    tx: &mut Tx,
    client: &ActingFor<Client>,
    secret: &SecretId,
) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM client_secrets WHERE client_id = $1 AND id = $2")
        .bind(client.id.as_str())
        .bind(secret.as_str())
        .execute(tx.connection()?)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Sets the cut-off of a client: tokens whose issuer knew fewer events are invalid.
///
/// # Errors
/// The statement fails.
pub async fn set_cut_off(
    tx: &mut Tx,
    id: &ClientId,
    cut_off: EventNumber,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE clients SET cut_off = $1 WHERE id = $2")
        .bind(cut_off.get())
        .bind(id.as_str())
        .execute(tx.connection()?)
        .await?;
    Ok(())
}

/// Grants a client its scopes at its APIs as they are as of an event.
///
/// # Errors
/// The statement fails.
pub async fn set_granted_as_of(
    tx: &mut Tx,
    client: &ActingFor<Client>,
    number: EventNumber,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE clients SET granted_as_of = $1 WHERE id = $2")
        .bind(number.get())
        .bind(client.id.as_str())
        .execute(tx.connection()?)
        .await?;
    Ok(())
}

/// Inserts a secret of a client.
///
/// # Errors
/// The statement fails.
pub async fn insert_secret(
    tx: &mut Tx,
    client: &ActingFor<Client>,
    secret: &ClientSecret,
) -> Result<(), StoreError> {
    let sql = format!("{INSERT_SECRETS}{}", numbered_values(SECRET_VALUES));
    bind_secret(sqlx::query(AssertSqlSafe(sql)), &client.id, secret)
        .execute(tx.connection()?)
        .await?;
    Ok(())
}

/// Stores a secret in another form after its first use: a hash with other parameters, its tag or
/// its digest. Permissions stay the same, so this is not a change. Does nothing if the secret has
/// been revoked meanwhile, or another node was first.
///
/// # Errors
/// The statement fails.
pub async fn keep_other_form(
    database: &Database,
    old: &SecretHash,
    secret: &ClientSecret,
) -> Result<(), StoreError> {
    let digest = digest_text(secret);
    let query = || {
        sqlx::query("UPDATE client_secrets SET hash = $1, digest = $2, hint = $3 WHERE id = $4 AND hash = $5")
            .bind(secret.hash.as_str())
            .bind(digest.as_str())
            .bind(secret.hint.as_str())
            .bind(secret.id.as_str())
            .bind(old.as_str())
    };
    database.tidy(query).await.map(drop)
}

/// Disables a client. That takes no right over it, because it is an emergency stop.
///
/// # Errors
/// The statement fails.
pub async fn disable(tx: &mut Tx, id: &ClientId, since: Timestamp) -> Result<(), StoreError> {
    sqlx::query("UPDATE clients SET disabled_at = $1 WHERE id = $2")
        .bind(since.as_millis())
        .bind(id.as_str())
        .execute(tx.connection()?)
        .await?;
    Ok(())
}

/// Enables a client.
///
/// # Errors
/// The statement fails.
pub async fn enable(tx: &mut Tx, client: &ActingFor<Client>) -> Result<(), StoreError> {
    sqlx::query("UPDATE clients SET disabled_at = NULL WHERE id = $1")
        .bind(client.id.as_str())
        .execute(tx.connection()?)
        .await?;
    Ok(())
}

/// Deletes a client with its secrets.
///
/// # Errors
/// The statement fails.
pub async fn delete(tx: &mut Tx, client: &ActingFor<Client>) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM clients WHERE id = $1")
        .bind(client.id.as_str())
        .execute(tx.connection()?)
        .await?;
    Ok(())
}
