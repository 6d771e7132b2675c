//! `apis` and `api_scopes`.

use std::collections::BTreeMap;

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::transaction::Tx;
use super::{Database, StoreError};
use crate::clock::Timestamp;
use crate::model::api::{Api, ApiScopes, ApiSince};
use crate::model::event::EventNumber;
use crate::model::name::DisplayName;
use crate::model::resource::ResourceUri;
use crate::model::signing_key::SigningAlgorithm;

/// All APIs with their scopes, by identifier. There are no more than
/// [`MAX_APIS`](crate::model::api::MAX_APIS) of them.
///
/// # Errors
/// The statement fails, or a row is corrupt.
pub async fn all(database: &Database) -> Result<Vec<Api>, StoreError> {
    let query = || {
        sqlx::query(
            "SELECT a.resource, a.name, a.token_alg, a.token_ttl, a.created_at, a.since, s.scope, s.description, \
             s.since AS scope_since FROM apis a LEFT JOIN api_scopes s ON s.resource = a.resource ORDER BY a.resource, s.scope",
        )
    };
    let rows = database.lookup(query).await?;
    rows.chunk_by(|one, next| resource_of(one) == resource_of(next)).map(api).collect()
}

/// Inserts an API.
///
/// # Errors
/// [`StoreError::Conflict`] if the identifier is taken, in either spelling.
pub async fn insert(tx: &mut Tx, api: &Api) -> Result<(), StoreError> {
    if let Some(other) = api.resource.other_spelling()
        && exists(tx, &other).await?
    {
        return Err(StoreError::Conflict);
    }
    sqlx::query(
        "INSERT INTO apis (resource, name, token_alg, token_ttl, created_at, since) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(api.resource.as_str())
    .bind(api.name.as_str())
    .bind(api.token_alg.map(SigningAlgorithm::name))
    .bind(api.token_ttl.map(super::millis))
    .bind(api.created_at.as_millis())
    .bind(api.since.api().get())
    .execute(tx.connection()?)
    .await?;
    insert_scopes(tx, api).await
}

/// An API, locked until this transaction ends.
///
/// # Errors
/// A statement fails, or a row is corrupt.
pub async fn lock(tx: &mut Tx, resource: &ResourceUri) -> Result<Option<Api>, StoreError> {
    // From here on both engines make other transactions wait.
    sqlx::query("UPDATE apis SET resource = resource WHERE resource = $1")
        .bind(resource.as_str())
        .execute(tx.connection()?)
        .await?;
    let rows = sqlx::query(
        "SELECT a.resource, a.name, a.token_alg, a.token_ttl, a.created_at, a.since, s.scope, s.description, \
         s.since AS scope_since FROM apis a LEFT JOIN api_scopes s ON s.resource = a.resource WHERE a.resource = $1",
    )
    .bind(resource.as_str())
    .fetch_all(tx.connection()?)
    .await?;
    if rows.is_empty() { Ok(None) } else { api(&rows).map(Some) }
}

/// Updates an API. Returns `true` if it exists.
///
/// # Errors
/// A statement fails.
pub async fn update(tx: &mut Tx, api: &Api) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE apis SET name = $1, token_alg = $2, token_ttl = $3 WHERE resource = $4",
    )
    .bind(api.name.as_str())
    .bind(api.token_alg.map(SigningAlgorithm::name))
    .bind(api.token_ttl.map(super::millis))
    .bind(api.resource.as_str())
    .execute(tx.connection()?)
    .await?;
    if done.rows_affected() != 1 {
        return Ok(false);
    }
    sqlx::query("DELETE FROM api_scopes WHERE resource = $1")
        .bind(api.resource.as_str())
        .execute(tx.connection()?)
        .await?;
    insert_scopes(tx, api).await?;
    Ok(true)
}

/// Deletes an API with its scopes. Returns `true` if it existed.
///
/// # Errors
/// The statement fails.
pub async fn delete(tx: &mut Tx, resource: &ResourceUri) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM apis WHERE resource = $1")
        .bind(resource.as_str())
        .execute(tx.connection()?)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Returns `true` if an API with this identifier exists.
///
/// # Errors
/// The statement fails.
pub async fn exists(tx: &mut Tx, resource: &str) -> Result<bool, StoreError> {
    let found = sqlx::query("SELECT resource FROM apis WHERE resource = $1")
        .bind(resource)
        .fetch_optional(tx.connection()?)
        .await?;
    Ok(found.is_some())
}

/// True if the API exists, and neither it nor a scope of it was created after this event.
///
/// # Errors
/// The statement fails.
pub async fn is_as_of(
    tx: &mut Tx,
    resource: &ResourceUri,
    number: EventNumber,
) -> Result<bool, StoreError> {
    let other = resource.other_spelling();
    let found = sqlx::query(
        "SELECT a.resource FROM apis a WHERE a.resource IN ($1, $2) AND a.since <= $3 \
         AND NOT EXISTS (SELECT 1 FROM api_scopes s WHERE s.resource = a.resource AND s.since > $3)",
    )
    .bind(resource.as_str())
    .bind(other.as_deref().unwrap_or(resource.as_str()))
    .bind(number.get())
    .fetch_optional(tx.connection()?)
    .await?;
    Ok(found.is_some())
}

async fn insert_scopes(tx: &mut Tx, api: &Api) -> Result<(), StoreError> {
    for (scope, description) in api.scopes.descriptions() {
        sqlx::query(
            "INSERT INTO api_scopes (resource, scope, description, since) VALUES ($1, $2, $3, $4)",
        )
        .bind(api.resource.as_str())
        .bind(scope.as_str())
        .bind(description.as_str())
        .bind(api.since.of(scope).get())
        .execute(tx.connection()?)
        .await?;
    }
    Ok(())
}

fn resource_of(row: &AnyRow) -> Option<String> {
    row.try_get("resource").ok()
}

/// An API from its rows, one for each scope, or one without any.
fn api(rows: &[AnyRow]) -> Result<Api, StoreError> {
    let first = rows.first().ok_or(StoreError::Corrupt("API"))?;
    let (mut scopes, mut since) = (BTreeMap::new(), BTreeMap::new());
    for row in rows {
        if let Some(scope) = row.try_get::<Option<String>, _>("scope")? {
            since.insert(scope.clone(), EventNumber::new(row.try_get("scope_since")?));
            scopes.insert(scope, row.try_get("description")?);
        }
    }
    let ttl: Option<i64> = first.try_get("token_ttl")?;
    Ok(Api {
        resource: ResourceUri::parse(&first.try_get::<String, _>("resource")?)
            .map_err(|_| StoreError::Corrupt("API identifier"))?,
        name: DisplayName::parse(&first.try_get::<String, _>("name")?)
            .map_err(|_| StoreError::Corrupt("API name"))?,
        scopes: ApiScopes::new(scopes).map_err(|_| StoreError::Corrupt("API scopes"))?,
        token_alg: first
            .try_get::<Option<String>, _>("token_alg")?
            .map(|name| name.parse().map_err(|_| StoreError::Corrupt("signing algorithm")))
            .transpose()?,
        token_ttl: ttl.map(super::duration),
        created_at: Timestamp::from_millis(first.try_get("created_at")?),
        since: ApiSince::new(EventNumber::new(first.try_get("since")?), since),
    })
}
