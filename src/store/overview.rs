//! Reads across many objects for the overview.

use sqlx::Row as _;

use super::client_row::secret_id;
use super::{Database, StoreError};
use crate::clock::Timestamp;
use crate::model::client::{ClientId, SecretId};
use crate::model::usage::{Hour, LastUse};

/// A total of an outcome in a period of some hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Total {
    /// The number of the period since the epoch.
    pub stretch: i64,
    /// The name of the outcome.
    pub outcome: String,
    /// The total.
    pub times: i64,
}

/// The counted requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Token requests of all clients.
    Clients,
    /// Requests with API keys.
    ApiKeys,
}

/// Totals of each outcome from the hour `from`, in periods of `hours` hours.
///
/// # Errors
/// The statement fails.
pub async fn totals(
    database: &Database,
    of: Of,
    from: Hour,
    hours: i64,
) -> Result<Vec<Total>, StoreError> {
    let sql = match of {
        Of::Clients => {
            "SELECT hour / $2 AS stretch, outcome, CAST(SUM(times) AS BIGINT) AS times FROM client_usage \
             WHERE hour >= $1 GROUP BY stretch, outcome"
        }
        Of::ApiKeys => {
            "SELECT hour / $2 AS stretch, outcome, CAST(SUM(times) AS BIGINT) AS times FROM api_key_usage \
             WHERE hour >= $1 GROUP BY stretch, outcome"
        }
    };
    let rows = database.lookup(|| sqlx::query(sql).bind(from.get()).bind(hours)).await?;
    rows.iter()
        .map(|row| {
            Ok(Total {
                stretch: row.try_get("stretch")?,
                outcome: row.try_get("outcome")?,
                times: row.try_get("times")?,
            })
        })
        .collect()
}

/// A client secret that needs attention.
#[derive(Debug, Clone)]
pub struct NotedSecret {
    /// The secret.
    pub id: SecretId,
    /// The label.
    pub label: Option<String>,
    /// The client.
    pub client: ClientId,
    /// The name of the client.
    pub client_name: String,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The time of expiry.
    pub expires_at: Option<Timestamp>,
    /// The last use.
    pub last_use: Option<LastUse>,
}

/// The columns of some secrets, as [`noted`] reads them.
macro_rules! noted_where {
    ($secrets:literal, $condition:literal) => {
        concat!(
            "SELECT s.id, s.label, s.client_id, c.name, s.created_at, s.expires_at, u.used_at, u.address \
             FROM ",
            $secrets,
            " s JOIN clients c ON c.id = s.client_id LEFT JOIN secret_usage u ON u.secret_id = s.id WHERE ",
            $condition
        )
    };
}

/// Up to `limit` secrets that expire after `now` and not after `until`, soonest first.
///
/// # Errors
/// The statement fails, or a row is corrupt.
pub async fn expiring_secrets(
    database: &Database,
    now: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<NotedSecret>, StoreError> {
    const SQL: &str = noted_where!(
        "client_secrets",
        "s.expires_at > $1 AND s.expires_at <= $2 ORDER BY s.expires_at, s.id LIMIT $3"
    );
    let query = || sqlx::query(SQL).bind(now.as_millis()).bind(until.as_millis()).bind(limit);
    database.lookup(query).await?.iter().map(noted).collect()
}

/// Up to `limit` secrets of enabled clients, created before `since` and unused since then. Searches
/// the `looked_at` oldest: no index finds unused ones.
///
/// # Errors
/// The statement fails, or a row is corrupt.
pub async fn unused_secrets(
    database: &Database,
    since: Timestamp,
    looked_at: i64,
    limit: i64,
) -> Result<Vec<NotedSecret>, StoreError> {
    const SQL: &str = noted_where!(
        "(SELECT id, label, client_id, created_at, expires_at FROM client_secrets WHERE created_at <= $1 \
         ORDER BY created_at, id LIMIT $2)",
        "COALESCE(u.used_at, 0) <= $1 AND c.disabled_at IS NULL ORDER BY s.created_at, s.id LIMIT $3"
    );
    let query = || sqlx::query(SQL).bind(since.as_millis()).bind(looked_at).bind(limit);
    database.lookup(query).await?.iter().map(noted).collect()
}

fn noted(row: &sqlx::any::AnyRow) -> Result<NotedSecret, StoreError> {
    let client: String = row.try_get("client_id")?;
    let used_at: Option<i64> = row.try_get("used_at")?;
    let address: Option<String> = row.try_get("address")?;
    let from = address.and_then(|address| address.parse().ok());
    let expires_at: Option<i64> = row.try_get("expires_at")?;
    Ok(NotedSecret {
        id: secret_id(row.try_get("id")?)?,
        label: row.try_get("label")?,
        client: ClientId::parse(&client).map_err(|_| StoreError::Corrupt("client id"))?,
        client_name: row.try_get("name")?,
        created_at: Timestamp::from_millis(row.try_get("created_at")?),
        expires_at: expires_at.map(Timestamp::from_millis),
        last_use: used_at.map(|at| LastUse { at: Timestamp::from_millis(at), from }),
    })
}
