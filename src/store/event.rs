//! `event_head` and `events`.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::transaction::Tx;
use super::{Database, StoreError};
use crate::clock::Timestamp;
use crate::model::event::{EventNumber, RecordedEvent, RecordedKind};

/// Takes the next number and with it the right to commit: all other changes wait until this
/// transaction ends. Returns the number with the seal of the previous event.
pub(super) async fn take_next_number(tx: &mut Tx) -> Result<(EventNumber, String), StoreError> {
    let row = sqlx::query(
        "UPDATE event_head SET number = number + 1 WHERE id = 1 RETURNING number, seal",
    )
    .fetch_one(tx.connection()?)
    .await?;
    Ok((EventNumber::new(row.try_get("number")?), row.try_get("seal")?))
}

/// Moves the head if it is as expected, and returns `true` if it was. Takes the right to commit, as
/// [`take_next_number`].
pub(super) async fn move_head(
    tx: &mut Tx,
    number: EventNumber,
    seal: &str,
    next_number: EventNumber,
    next_seal: &str,
) -> Result<bool, StoreError> {
    let moved = sqlx::query(
        "UPDATE event_head SET number = $1, seal = $2 WHERE id = 1 AND number = $3 AND seal = $4",
    )
    .bind(next_number.get())
    .bind(next_seal)
    .bind(number.get())
    .bind(seal)
    .execute(tx.connection()?)
    .await?;
    Ok(moved.rows_affected() == 1)
}

pub(super) async fn insert(tx: &mut Tx, event: &RecordedEvent) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO events (number, at, actor, kind, subject, details, mac) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(event.number.get())
    .bind(event.at.as_millis())
    .bind(event.actor.as_str())
    .bind(event.kind.name())
    .bind(event.subject.as_str())
    .bind(event.details.as_str())
    .bind(event.mac.as_str())
    .execute(tx.connection()?)
    .await?;
    Ok(())
}

pub(super) async fn set_head_seal(tx: &mut Tx, seal: &str) -> Result<(), StoreError> {
    sqlx::query("UPDATE event_head SET seal = $1 WHERE id = 1")
        .bind(seal)
        .execute(tx.connection()?)
        .await?;
    Ok(())
}

/// The number of the last event, as this transaction sees it. Other transactions may commit before
/// it.
///
/// # Errors
/// The statement fails.
pub async fn last_number(tx: &mut Tx) -> Result<EventNumber, StoreError> {
    let number = sqlx::query_scalar("SELECT number FROM event_head WHERE id = 1")
        .fetch_one(tx.connection()?)
        .await?;
    Ok(EventNumber::new(number))
}

/// Returns `true` if an event has this subject.
///
/// # Errors
/// The statement fails.
pub async fn is_known(tx: &mut Tx, subject: &str) -> Result<bool, StoreError> {
    let rows = sqlx::query("SELECT number FROM events WHERE subject = $1 LIMIT 1")
        .bind(subject)
        .fetch_all(tx.connection()?)
        .await?;
    Ok(!rows.is_empty())
}

/// The number and the seal of the last event.
///
/// # Errors
/// The statement fails.
pub async fn head(database: &Database) -> Result<(EventNumber, String), StoreError> {
    let rows =
        database.follow(|| sqlx::query("SELECT number, seal FROM event_head WHERE id = 1")).await?;
    let row = rows.first().ok_or(StoreError::Corrupt("event head"))?;
    Ok((EventNumber::new(row.try_get("number")?), row.try_get("seal")?))
}

/// Up to `limit` events in order, starting at `number`.
///
/// # Errors
/// The statement fails.
pub async fn from(
    database: &Database,
    number: EventNumber,
    limit: i64,
) -> Result<Vec<RecordedEvent>, StoreError> {
    let query = || {
        sqlx::query(
            "SELECT number, at, actor, kind, subject, details, mac FROM events WHERE number >= $1 \
             ORDER BY number LIMIT $2",
        )
        .bind(number.get())
        .bind(limit)
    };
    let rows = database.follow(query).await?;
    rows.iter().map(recorded).collect()
}

/// The conditions of a page of events.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// This kind, or all kinds that begin with it and a dot.
    pub kind: Option<String>,
    /// This subject.
    pub subject: Option<String>,
    /// This actor.
    pub actor: Option<String>,
    /// From this time.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
}

/// The statement of a page. The most common conditions have statements of their own: no engine uses
/// an index for an optional condition.
macro_rules! page_of {
    ($edge:literal, $whose:literal, $order:literal) => {
        concat!(
            "SELECT number, at, actor, kind, subject, details, mac FROM events WHERE number ",
            $edge,
            " $1 AND ($2 = '' OR kind = $2 OR SUBSTR(kind, 1, LENGTH($2) + 1) = $2 || '.') AND ",
            $whose,
            " AND at >= $6 AND at < $7 ORDER BY number ",
            $order,
            " LIMIT $5"
        )
    };
}

macro_rules! page_of_whose {
    ($filter:expr, $edge:literal, $order:literal) => {
        match ($filter.subject.is_some(), $filter.actor.is_some()) {
            (false, false) => page_of!($edge, "$3 = '' AND $4 = ''", $order),
            (true, false) => page_of!($edge, "subject = $3 AND $4 = ''", $order),
            (false, true) => page_of!($edge, "$3 = '' AND actor = $4", $order),
            (true, true) => page_of!($edge, "subject = $3 AND actor = $4", $order),
        }
    };
}

/// Up to `limit` events after `after`, in order.
///
/// # Errors
/// The statement fails.
pub async fn page(
    database: &Database,
    after: EventNumber,
    limit: i64,
    filter: &Filter,
) -> Result<Vec<RecordedEvent>, StoreError> {
    filtered(database, page_of_whose!(filter, ">", ""), after, limit, filter).await
}

/// Up to `limit` events before `before`, newest first.
///
/// # Errors
/// The statement fails.
pub async fn page_back(
    database: &Database,
    before: EventNumber,
    limit: i64,
    filter: &Filter,
) -> Result<Vec<RecordedEvent>, StoreError> {
    filtered(database, page_of_whose!(filter, "<", "DESC"), before, limit, filter).await
}

async fn filtered(
    database: &Database,
    sql: &'static str,
    edge: EventNumber,
    limit: i64,
    filter: &Filter,
) -> Result<Vec<RecordedEvent>, StoreError> {
    let query = || {
        sqlx::query(sql)
            .bind(edge.get())
            .bind(filter.kind.as_deref().unwrap_or_default())
            .bind(filter.subject.as_deref().unwrap_or_default())
            .bind(filter.actor.as_deref().unwrap_or_default())
            .bind(limit)
            .bind(filter.from.map_or(i64::MIN, Timestamp::as_millis))
            .bind(filter.until.map_or(i64::MAX, Timestamp::as_millis))
    };
    let rows = database.lookup(query).await?;
    rows.iter().map(recorded).collect()
}

fn recorded(row: &AnyRow) -> Result<RecordedEvent, StoreError> {
    Ok(RecordedEvent {
        number: EventNumber::new(row.try_get("number")?),
        at: Timestamp::from_millis(row.try_get("at")?),
        actor: row.try_get("actor")?,
        kind: RecordedKind::from_name(row.try_get("kind")?),
        subject: row.try_get("subject")?,
        details: row.try_get("details")?,
        mac: row.try_get("mac")?,
    })
}
