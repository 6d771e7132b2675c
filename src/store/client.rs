//! `clients` and `client_secrets`.

use std::time::Duration;

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::connection::AnyQuery;
use super::transaction::Tx;
use super::{Database, StoreError, duration, millis};
use crate::clock::Timestamp;
use crate::model::client::{AuthMethod, Client, ClientId, ClientSecret, GrantType, SecretId};
use crate::model::event::EventNumber;
use crate::model::name::DisplayName;
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;
use crate::model::signing_key::SigningAlgorithm;
use crate::secret::digest::SecretDigest;
use crate::secret::hash::SecretHash;

/// A client with all of its secrets, in one indexed read.
///
/// # Errors
/// When the statement fails, or the row holds what this program never writes.
pub async fn by_id(
    database: &Database,
    id: &ClientId,
) -> Result<Option<(Client, Vec<ClientSecret>)>, StoreError> {
    let rows = database.lookup(|| sqlx::query(BY_ID).bind(id.as_str())).await?;
    with_secrets(&rows)
}

const BY_ID: &str = "SELECT c.id, c.name, c.scopes, c.grant_types, c.token_endpoint_auth_method, c.default_scopes, \
         c.resources, c.token_alg, c.token_ttl, c.max_tokens_per_hour, c.stands_for, c.introspection_alg, c.cut_off, \
         c.created_at, c.disabled_at, s.id AS secret_id, s.hint, s.label, s.digest, s.hash, s.created_at AS secret_created_at, \
         s.expires_at FROM clients c LEFT JOIN client_secrets s ON s.client_id = c.id WHERE c.id = $1 \
         AND (c.import_id IS NULL OR c.import_id NOT IN (SELECT id FROM client_imports)) \
         ORDER BY s.created_at, s.id";

/// A client from its rows, one for each secret, or one without any.
pub(super) fn with_secrets(
    rows: &[AnyRow],
) -> Result<Option<(Client, Vec<ClientSecret>)>, StoreError> {
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let secrets =
        rows.iter().filter_map(|row| secret(row).transpose()).collect::<Result<_, _>>()?;
    Ok(Some((client(first)?, secrets)))
}

/// Which clients are listed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Those whose name has this in it, in upper or lower case.
    pub name: Option<String>,
    /// Those that are enabled, or those that are not.
    pub enabled: Option<bool>,
}

/// The statement of a page of clients: those that pass `$condition`, in the order `$order`.
macro_rules! page_of {
    ($condition:literal, $order:literal) => {
        concat!(
            "SELECT id, name, scopes, grant_types, token_endpoint_auth_method, default_scopes, resources, token_alg, \
             token_ttl, max_tokens_per_hour, stands_for, introspection_alg, cut_off, created_at, disabled_at \
             FROM clients WHERE ",
            $condition,
            " AND (import_id IS NULL OR import_id NOT IN (SELECT id FROM client_imports)) \
             AND LOWER(name) LIKE '%' || $2 || '%' ESCAPE '!' \
             AND ($3 = -1 OR ($3 = 1 AND disabled_at IS NULL) OR ($3 = 0 AND disabled_at IS NOT NULL)) ORDER BY ",
            $order,
            " LIMIT $4"
        )
    };
}

/// Up to `limit` clients whose id comes after `after`, by id.
///
/// # Errors
/// When the statement fails, or a row holds what this program never writes.
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

/// Up to `limit` clients that were made before another one, of which date and id are known, or the
/// last ones that were made; the newest first.
///
/// # Errors
/// When the statement fails, or a row holds what this program never writes.
pub async fn newest(
    database: &Database,
    before: Option<(Timestamp, ClientId)>,
    limit: i64,
    filter: &Filter,
) -> Result<Vec<Client>, StoreError> {
    // The first condition alone is one that an index helps with.
    const SQL: &str =
        page_of!("created_at <= $5 AND (created_at < $5 OR id < $1)", "created_at DESC, id DESC");
    let name = super::like(filter.name.as_deref().unwrap_or_default());
    let (date, id) =
        before.as_ref().map_or((i64::MAX, ""), |(date, id)| (date.as_millis(), id.as_str()));
    let query = || bind_filter(sqlx::query(SQL).bind(id), filter, &name, limit).bind(date);
    database.lookup(query).await?.iter().map(client).collect()
}

/// Binds from `$2` on. An absent filter lets everything through.
fn bind_filter<'q>(
    query: AnyQuery<'q>,
    filter: &Filter,
    name: &'q str,
    limit: i64,
) -> AnyQuery<'q> {
    query.bind(name).bind(filter.enabled.map_or(-1, i64::from)).bind(limit)
}

/// Keeps a new client.
///
/// # Errors
/// [`StoreError::Conflict`] when the id is taken.
pub async fn insert(tx: &mut Tx, client: &Client) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO clients (id, name, scopes, grant_types, token_endpoint_auth_method, default_scopes, \
         resources, token_alg, token_ttl, max_tokens_per_hour, stands_for, introspection_alg, cut_off, created_at, \
         disabled_at, import_id) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
    bind_client(sqlx::query(SQL), client, client.cut_off, None).execute(tx.connection()?).await?;
    Ok(())
}

/// Keeps what may change of a client that is there.
///
/// # Errors
/// When the statement fails.
pub async fn update(tx: &mut Tx, client: &Client) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE clients SET name = $1, scopes = $2, grant_types = $3, default_scopes = $4, resources = $5, \
         token_alg = $6, token_ttl = $7, max_tokens_per_hour = $8, stands_for = $9, introspection_alg = $10 \
         WHERE id = $11",
    )
    .bind(client.name.as_str())
    .bind(client.scopes.to_string())
    .bind(grants_text(client))
    .bind(client.default_scopes.as_ref().map(ScopeSet::as_str))
    .bind(uris_text(&client.resources))
    .bind(client.token_alg.map(SigningAlgorithm::name))
    .bind(client.token_ttl.map(millis))
    .bind(limit(client))
    .bind(stands_for_text(client))
    .bind(client.introspection_alg.map(SigningAlgorithm::name))
    .bind(client.id.as_str())
    .execute(tx.connection()?)
    .await?;
    Ok(())
}

/// The longest life that a client or an API gives to tokens; nothing when none does.
///
/// # Errors
/// When the statement fails.
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

/// A client that stands for the API, whatever has become of that; nobody when there is none.
///
/// # Errors
/// When the statement fails.
pub async fn standing_for(
    tx: &mut Tx,
    resource: &ResourceUri,
) -> Result<Option<String>, StoreError> {
    // LIKE is blind to upper and lower case on one of the engines.
    let row = sqlx::query(
        "SELECT id FROM clients WHERE stands_for IS NOT NULL \
         AND REPLACE(' ' || stands_for || ' ', ' ' || $1 || ' ', '') <> ' ' || stands_for || ' ' ORDER BY id LIMIT 1",
    )
    .bind(resource.as_str())
    .fetch_optional(tx.connection()?)
    .await?;
    Ok(row.map(|row| row.try_get("id")).transpose()?)
}

/// A client with its secrets, as this transaction sees it, which nobody else changes until it ends.
///
/// # Errors
/// When the statement fails, or the row holds what this program never writes.
pub async fn lock(
    tx: &mut Tx,
    id: &ClientId,
) -> Result<Option<(Client, Vec<ClientSecret>)>, StoreError> {
    // Both engines let the others wait from here on.
    sqlx::query("UPDATE clients SET id = id WHERE id = $1")
        .bind(id.as_str())
        .execute(tx.connection()?)
        .await?;
    let rows = sqlx::query(BY_ID).bind(id.as_str()).fetch_all(tx.connection()?).await?;
    with_secrets(&rows)
}

/// Deletes a secret of a client; tells whether there was one.
///
/// # Errors
/// When the statement fails.
pub async fn delete_secret(
    tx: &mut Tx,
    client: &ClientId,
    secret: &SecretId,
) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM client_secrets WHERE client_id = $1 AND id = $2")
        .bind(client.as_str())
        .bind(secret.as_str())
        .execute(tx.connection()?)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Moves a client's cut-off: tokens whose issuer knew fewer events are void.
///
/// # Errors
/// When the statement fails.
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

/// Keeps a new secret of a client.
///
/// # Errors
/// When the statement fails.
pub async fn insert_secret(
    tx: &mut Tx,
    client: &ClientId,
    secret: &ClientSecret,
) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO client_secrets (id, client_id, hint, label, digest, hash, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    bind_secret(sqlx::query(SQL), client, secret).execute(tx.connection()?).await?;
    Ok(())
}

/// Keeps a secret in another form: its hash with other parameters, its tag or its digest, once it
/// was shown. Nobody may do more or less than before, so this is no change. Where the secret has
/// been taken back meanwhile, or another node was first, nothing happens.
///
/// # Errors
/// When the statement fails.
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

/// Disables a client (with the time since when) or enables it.
///
/// # Errors
/// When the statement fails.
pub async fn set_disabled(
    tx: &mut Tx,
    id: &ClientId,
    since: Option<Timestamp>,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE clients SET disabled_at = $1 WHERE id = $2")
        .bind(since.map(Timestamp::as_millis))
        .bind(id.as_str())
        .execute(tx.connection()?)
        .await?;
    Ok(())
}

/// Deletes a client with its secrets.
///
/// # Errors
/// When the statement fails.
pub async fn delete(tx: &mut Tx, id: &ClientId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM clients WHERE id = $1")
        .bind(id.as_str())
        .execute(tx.connection()?)
        .await?;
    Ok(())
}

/// Binds all columns of a client, with this cut-off and the import that staged it.
pub(super) fn bind_client<'q>(
    query: AnyQuery<'q>,
    client: &Client,
    cut_off: EventNumber,
    import: Option<&str>,
) -> AnyQuery<'q> {
    query
        .bind(client.id.as_str())
        .bind(client.name.as_str())
        .bind(client.scopes.as_str())
        .bind(grants_text(client))
        .bind(client.auth_method.name())
        .bind(client.default_scopes.as_ref().map(ScopeSet::as_str))
        .bind(uris_text(&client.resources))
        .bind(client.token_alg.map(SigningAlgorithm::name))
        .bind(client.token_ttl.map(millis))
        .bind(limit(client))
        .bind(stands_for_text(client))
        .bind(client.introspection_alg.map(SigningAlgorithm::name))
        .bind(cut_off.get())
        .bind(client.created_at.as_millis())
        .bind(client.disabled_at.map(Timestamp::as_millis))
        .bind(import)
}

/// Binds all columns of a secret.
pub(super) fn bind_secret<'q>(
    query: AnyQuery<'q>,
    client: &ClientId,
    secret: &ClientSecret,
) -> AnyQuery<'q> {
    query
        .bind(secret.id.as_str())
        .bind(client.as_str())
        .bind(secret.hint.as_str())
        .bind(secret.label.as_deref())
        .bind(digest_text(secret))
        .bind(secret.hash.as_str())
        .bind(secret.created_at.as_millis())
        .bind(secret.expires_at.map(Timestamp::as_millis))
}

fn limit(client: &Client) -> Option<i64> {
    client.max_tokens_per_hour.map(|limit| i64::try_from(limit).unwrap_or(i64::MAX))
}

fn digest_text(secret: &ClientSecret) -> String {
    secret.digest.as_ref().map_or_else(|| SecretDigest::NONE.to_owned(), SecretDigest::to_text)
}

fn grants_text(client: &Client) -> String {
    client.grants.iter().map(|grant| grant.name()).collect::<Vec<_>>().join(" ")
}

fn stands_for_text(client: &Client) -> Option<String> {
    (!client.stands_for.is_empty()).then(|| uris_text(&client.stands_for))
}

/// Identifiers of APIs, as they are kept.
pub(super) fn uris_text(uris: &[ResourceUri]) -> String {
    uris.iter().map(ResourceUri::as_str).collect::<Vec<_>>().join(" ")
}

/// The same back again.
pub(super) fn uris(text: &str) -> Result<Vec<ResourceUri>, StoreError> {
    let uri = |text| ResourceUri::parse(text).map_err(|_| StoreError::Corrupt("resource"));
    text.split_terminator(' ').map(uri).collect()
}

/// The algorithm in a column.
fn algorithm(row: &AnyRow, column: &'static str) -> Result<Option<SigningAlgorithm>, StoreError> {
    let name: Option<String> = row.try_get(column)?;
    name.map(|name| name.parse().map_err(|_| StoreError::Corrupt("signing algorithm"))).transpose()
}

fn client(row: &AnyRow) -> Result<Client, StoreError> {
    let corrupt = |_| StoreError::Corrupt("client");
    let grants: String = row.try_get("grant_types")?;
    let auth_method: String = row.try_get("token_endpoint_auth_method")?;
    Ok(Client {
        id: ClientId::parse(&row.try_get::<String, _>("id")?)
            .map_err(|_| StoreError::Corrupt("client id"))?,
        name: DisplayName::parse(&row.try_get::<String, _>("name")?)
            .map_err(|_| StoreError::Corrupt("client name"))?,
        scopes: ScopeSet::parse(&row.try_get::<String, _>("scopes")?).map_err(corrupt)?,
        grants: grants
            .split_terminator(' ')
            .map(|grant| grant.parse::<GrantType>().map_err(|_| StoreError::Corrupt("grant type")))
            .collect::<Result<_, _>>()?,
        auth_method: AuthMethod::from_name(&auth_method)
            .ok_or(StoreError::Corrupt("authentication method"))?,
        default_scopes: row
            .try_get::<Option<String>, _>("default_scopes")?
            .map(|scopes| ScopeSet::parse(&scopes).map_err(corrupt))
            .transpose()?,
        resources: uris(&row.try_get::<String, _>("resources")?)?,
        stands_for: uris(&row.try_get::<Option<String>, _>("stands_for")?.unwrap_or_default())?,
        token_ttl: row.try_get::<Option<i64>, _>("token_ttl")?.map(duration),
        max_tokens_per_hour: row
            .try_get::<Option<i64>, _>("max_tokens_per_hour")?
            .map(|limit| u64::try_from(limit).unwrap_or_default()),
        token_alg: algorithm(row, "token_alg")?,
        introspection_alg: algorithm(row, "introspection_alg")?,
        cut_off: EventNumber::new(row.try_get("cut_off")?),
        created_at: Timestamp::from_millis(row.try_get("created_at")?),
        disabled_at: row.try_get::<Option<i64>, _>("disabled_at")?.map(Timestamp::from_millis),
    })
}

fn secret(row: &AnyRow) -> Result<Option<ClientSecret>, StoreError> {
    let Some(id) = row.try_get::<Option<String>, _>("secret_id")? else {
        return Ok(None);
    };
    let digest: String = row.try_get("digest")?;
    Ok(Some(ClientSecret {
        id: SecretId::from_stored(id),
        hint: row.try_get("hint")?,
        label: row.try_get("label")?,
        digest: match digest.as_str() {
            SecretDigest::NONE => None,
            text => {
                Some(SecretDigest::from_text(text).ok_or(StoreError::Corrupt("secret digest"))?)
            }
        },
        hash: SecretHash::from_stored(row.try_get("hash")?),
        created_at: Timestamp::from_millis(row.try_get("secret_created_at")?),
        expires_at: row.try_get::<Option<i64>, _>("expires_at")?.map(Timestamp::from_millis),
    }))
}
