//! `client_usage` and `secret_usage`: the counts of all nodes. Their writes have no event.

use sqlx::Row as _;

use super::client_row::secret_id;
use super::transaction::Tx;
use super::{Database, StoreError, secret_addresses};
use crate::clock::Timestamp;
use crate::model::client::{ClientId, SecretId};
use crate::model::usage::{Hour, HourOfUse, LastUse, Outcome};

/// The counts of one client on one node.
#[derive(Debug, Clone)]
pub struct Counted {
    /// The client.
    pub client: ClientId,
    /// The counts of outcomes by the hour.
    pub outcomes: Vec<(Hour, Outcome, u32)>,
    /// The used secrets, each once for every address, in the order of secrets and addresses.
    pub secrets: Vec<(SecretId, LastUse)>,
}

/// Adds counts, all of them or none. They are sorted by client: two nodes that add at once do so in
/// the same order, so that neither waits for the other forever.
///
/// # Errors
/// A statement fails; [`StoreError::OutcomeUnknown`] if the counts may have been added all the
/// same.
pub async fn add(database: &Database, counted: &[Counted]) -> Result<(), StoreError> {
    database.write_usage(async |tx| add_in(tx, counted).await).await
}

async fn add_in(tx: &mut Tx, counted: &[Counted]) -> Result<(), StoreError> {
    for of_client in counted {
        for (hour, outcome, times) in &of_client.outcomes {
            sqlx::query(
                "INSERT INTO client_usage (client_id, hour, outcome, times) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (client_id, hour, outcome) DO UPDATE SET times = client_usage.times + excluded.times",
            )
            .bind(of_client.client.as_str())
            .bind(hour.get())
            .bind(outcome.name())
            .bind(i64::from(*times))
            .execute(tx.connection()?)
            .await?;
        }
        for of_secret in of_client.secrets.chunk_by(|(one, _), (other, _)| one == other) {
            let Some((secret, last_use)) = of_secret.iter().max_by_key(|(_, last_use)| last_use.at)
            else {
                continue;
            };
            sqlx::query(
                "INSERT INTO secret_usage (secret_id, client_id, used_at, address) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (secret_id) DO UPDATE SET used_at = excluded.used_at, address = excluded.address \
                 WHERE secret_usage.used_at <= excluded.used_at",
            )
            .bind(secret.as_str())
            .bind(of_client.client.as_str())
            .bind(last_use.at.as_millis())
            .bind(last_use.from.map(|address| address.to_string()))
            .execute(tx.connection()?)
            .await?;
            let uses: Vec<LastUse> = of_secret.iter().map(|(_, last_use)| *last_use).collect();
            secret_addresses::add(tx, secret, &uses).await?;
        }
    }
    Ok(())
}

/// The tokens of a client in an hour, as far as nodes have flushed them.
///
/// # Errors
/// The statement fails.
pub async fn tokens(database: &Database, client: &ClientId, hour: Hour) -> Result<u64, StoreError> {
    let query = || {
        sqlx::query(
            "SELECT times FROM client_usage WHERE client_id = $1 AND hour = $2 AND outcome = $3",
        )
        .bind(client.as_str())
        .bind(hour.get())
        .bind(Outcome::Token.name())
    };
    let rows = database.lookup(query).await?;
    let times: i64 = rows.first().map_or(Ok(0), |row| row.try_get("times"))?;
    Ok(u64::try_from(times).unwrap_or_default())
}

/// The same of every client that has a limit and tokens in that hour.
///
/// # Errors
/// The statement fails.
pub async fn tokens_of_limited(
    database: &Database,
    hour: Hour,
) -> Result<Vec<(String, u64)>, StoreError> {
    // SQLite takes the tables of a CROSS JOIN in this order: first those few that have a limit.
    let query = || {
        sqlx::query(
            "SELECT u.client_id, u.times FROM clients c CROSS JOIN client_usage u \
             WHERE c.max_tokens_per_hour IS NOT NULL AND u.client_id = c.id AND u.hour = $1 AND u.outcome = $2",
        )
        .bind(hour.get())
        .bind(Outcome::Token.name())
    };
    let rows = database.lookup(query).await?;
    let tokens = |times: i64| u64::try_from(times).unwrap_or_default();
    rows.iter().map(|row| Ok((row.try_get("client_id")?, tokens(row.try_get("times")?)))).collect()
}

/// The maximum number of clients per call of [`days`] or [`last_use_of_each`].
pub const MAX_CLIENTS: usize = 25;

/// The tokens of some clients by the day (in days since the epoch), from `from` on. Leaves out the
/// clients beyond [`MAX_CLIENTS`].
///
/// # Errors
/// The statement fails, or a row is corrupt.
pub async fn days(
    database: &Database,
    clients: &[&ClientId],
    from: i64,
) -> Result<Vec<(ClientId, i64, i64)>, StoreError> {
    const SQL: &str = "SELECT client_id, hour / 24 AS day, CAST(SUM(times) AS BIGINT) AS times FROM client_usage \
         WHERE outcome = 'token' AND hour >= $1 AND client_id IN ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, \
         $17, $18, $19, $20, $21, $22, $23, $24, $25, $26) GROUP BY client_id, hour / 24";
    let query = || {
        some(clients).fold(sqlx::query(SQL).bind(from.saturating_mul(24)), sqlx::query::Query::bind)
    };
    let rows = database.lookup(query).await?;
    rows.iter()
        .map(|row| Ok((client_id(row)?, row.try_get("day")?, row.try_get("times")?)))
        .collect()
}

/// The last use of any secret of some clients. Leaves out the clients beyond [`MAX_CLIENTS`].
///
/// # Errors
/// The statement fails, or a row is corrupt.
pub async fn last_use_of_each(
    database: &Database,
    clients: &[&ClientId],
) -> Result<Vec<(ClientId, Timestamp)>, StoreError> {
    const SQL: &str = "SELECT client_id, MAX(used_at) AS used_at FROM secret_usage WHERE client_id IN \
         ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25) \
         GROUP BY client_id";
    let rows =
        database.lookup(|| some(clients).fold(sqlx::query(SQL), sqlx::query::Query::bind)).await?;
    rows.iter()
        .map(|row| Ok((client_id(row)?, Timestamp::from_millis(row.try_get("used_at")?))))
        .collect()
}

/// The first ids, filled up with empty ones to the number of places in a statement.
fn some<'a>(clients: &'a [&ClientId]) -> impl Iterator<Item = &'a str> {
    clients.iter().map(|client| client.as_str()).chain(std::iter::repeat("")).take(MAX_CLIENTS)
}

fn client_id(row: &sqlx::any::AnyRow) -> Result<ClientId, StoreError> {
    let id: String = row.try_get("client_id")?;
    ClientId::parse(&id).map_err(|_| StoreError::Corrupt("client id"))
}

/// The last use of each secret of a client.
///
/// # Errors
/// The statement fails.
pub async fn last_uses(
    database: &Database,
    client: &ClientId,
) -> Result<Vec<(SecretId, LastUse)>, StoreError> {
    let query = || {
        sqlx::query("SELECT secret_id, used_at, address FROM secret_usage WHERE client_id = $1")
            .bind(client.as_str())
    };
    let rows = database.lookup(query).await?;
    rows.iter()
        .map(|row| {
            let address: Option<String> = row.try_get("address")?;
            let last_use = LastUse {
                at: Timestamp::from_millis(row.try_get("used_at")?),
                from: address.and_then(|address| address.parse().ok()),
            };
            Ok((secret_id(row.try_get("secret_id")?)?, last_use))
        })
        .collect()
}

/// The time from which on the uses of a client's secrets are counted here: the creation of these
/// tables, or the import of the client, whose secrets may have been used elsewhere before. None, if
/// that is unknown.
///
/// # Errors
/// A statement fails.
pub async fn counted_since(
    database: &Database,
    client: &ClientId,
) -> Result<Option<Timestamp>, StoreError> {
    /// The migration that created them.
    const MADE_BY: i64 = 20_261_122_050_000;
    let made = || {
        sqlx::query(
            "SELECT CAST(installed_on AS TEXT) AS made_at FROM _sqlx_migrations WHERE version = $1",
        )
        .bind(MADE_BY)
    };
    // A client that was created here has an event that says so. The tokens of any other are valid
    // from its import on, or from later.
    let brought = || {
        sqlx::query(
            "SELECT e.at FROM clients c JOIN events e ON e.number = c.cut_off WHERE c.id = $1 AND NOT EXISTS \
             (SELECT 1 FROM events made WHERE made.subject = c.id AND made.kind = 'client.created')",
        )
        .bind(client.as_str())
    };
    let made_at = match database.lookup(made).await?.first() {
        Some(row) => parse_date(&row.try_get::<String, _>("made_at")?),
        None => None,
    };
    let Some(made_at) = made_at else { return Ok(None) };
    let brought_at = match database.lookup(brought).await?.first() {
        Some(row) => Timestamp::from_millis(row.try_get("at")?),
        None => made_at,
    };
    Ok(Some(made_at.max(brought_at)))
}

/// A date as a database prints it: SQLite without an offset, in UTC, PostgreSQL with that of the
/// session.
fn parse_date(text: &str) -> Option<Timestamp> {
    use chrono::{DateTime, NaiveDateTime};
    let with_offset =
        DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%#z").map(|date| date.to_utc());
    let in_utc =
        || NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").map(|date| date.and_utc());
    let date = with_offset.or_else(|_| in_utc()).ok()?;
    Some(Timestamp::from_millis(date.timestamp_millis()))
}

/// The conditions of a page of counts.
#[derive(Debug, Clone)]
pub struct Asked {
    /// This client alone.
    pub client: Option<String>,
    /// Hours from this one on.
    pub from: Hour,
    /// Hours up to this one, included.
    pub until: Hour,
    /// Behind this hour and client, the newest hour first.
    pub after: Option<(Hour, String)>,
}

/// The statement of [`page`].
macro_rules! page_of {
    ($whose:literal) => {
        concat!(
            "SELECT u.client_id, u.hour, u.outcome, u.times FROM client_usage u JOIN \
             (SELECT DISTINCT hour, client_id FROM client_usage WHERE hour >= $1 AND hour <= $2 AND ",
            $whose,
            " AND (hour < $4 OR (hour = $4 AND client_id > $5)) ORDER BY hour DESC, client_id LIMIT $6) p \
             ON p.hour = u.hour AND p.client_id = u.client_id ORDER BY u.hour DESC, u.client_id, u.outcome"
        )
    };
}

/// Reads up to `limit` hours of use, the newest first, those of one hour by client.
///
/// # Errors
/// The statement fails.
pub async fn page(
    database: &Database,
    asked: &Asked,
    limit: i64,
) -> Result<Vec<HourOfUse>, StoreError> {
    let (after_hour, after_client) =
        asked.after.as_ref().map_or((i64::MAX, ""), |(hour, client)| (hour.get(), client.as_str()));
    // One client by its own index: not by a scan of all clients in all hours.
    let (sql, client) = match asked.client.as_deref() {
        None | Some("") => (page_of!("$3 = ''"), ""),
        Some(client) => (page_of!("client_id = $3"), client),
    };
    let query = || {
        sqlx::query(sql)
            .bind(asked.from.get())
            .bind(asked.until.get())
            .bind(client)
            .bind(after_hour)
            .bind(after_client)
            .bind(limit)
    };
    let mut found: Vec<HourOfUse> = Vec::new();
    for row in database.lookup(query).await? {
        let (client, hour): (String, i64) = (row.try_get("client_id")?, row.try_get("hour")?);
        let outcome = (row.try_get("outcome")?, row.try_get("times")?);
        let hour = Hour::new(hour);
        match found.last_mut() {
            Some(last) if last.hour == hour && last.client == client => last.outcomes.push(outcome),
            _ => found.push(HourOfUse { client, hour, outcomes: vec![outcome] }),
        }
    }
    Ok(found)
}

/// Deletes some of the counts before `hour`, and of the uses of deleted secrets; returns whether
/// there may be more. The last use of a secret stays as long as the secret.
///
/// # Errors
/// A statement fails.
pub async fn delete_some(database: &Database, hour: Hour) -> Result<bool, StoreError> {
    /// Few enough to keep no writer waiting.
    const SOME: i64 = 500;
    let counts = || {
        sqlx::query(
            "DELETE FROM client_usage WHERE (client_id, hour, outcome) IN \
             (SELECT client_id, hour, outcome FROM client_usage WHERE hour < $1 LIMIT $2) RETURNING hour",
        )
        .bind(hour.get())
        .bind(SOME)
    };
    let uses = || {
        sqlx::query(
            "DELETE FROM secret_usage WHERE secret_id IN (SELECT u.secret_id FROM secret_usage u \
             LEFT JOIN client_secrets s ON s.id = u.secret_id WHERE s.id IS NULL LIMIT $1) RETURNING used_at",
        )
        .bind(SOME)
    };
    let more_counts = database.delete_up_to(SOME, counts).await?;
    let more_uses = database.delete_up_to(SOME, uses).await?;
    let more_addresses = secret_addresses::delete_some(database, hour.begins(), SOME).await?;
    Ok(more_counts || more_uses || more_addresses)
}

#[cfg(test)]
mod tests {
    use super::parse_date;
    use crate::clock::Timestamp;

    #[test]
    fn a_date_is_read_as_either_engine_prints_it() {
        let at = |millis| Some(Timestamp::from_millis(millis));
        for (text, expected) in [
            ("2026-01-01 00:00:00", at(1_767_225_600_000)),
            ("2026-01-01 00:00:00.5+00", at(1_767_225_600_500)),
            ("2026-01-01 05:30:00.123456+05:30", at(1_767_225_600_123)),
            ("2025-12-31 22:00:00-02", at(1_767_225_600_000)),
            ("Thu Jan 01 00:00:00 2026 UTC", None),
            ("", None),
        ] {
            assert_eq!(parse_date(text), expected, "{text}");
        }
    }
}
