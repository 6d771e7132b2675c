//! `revocations`. Rows are written with their event (see [`Event::revocations`]), in the same
//! transaction.
//!
//! [`Event::revocations`]: crate::model::event::Event::revocations

use std::time::Duration;

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::transaction::Tx;
use super::{Database, StoreError, duration};
use crate::clock::Timestamp;
use crate::model::client::ClientId;
use crate::model::event::{EventNumber, RevocationEntry};
use crate::model::revocation::{Kind, Mark, Revocation};

/// The margin for clocks that differ, added to the longest life of a token.
const CLOCKS_DIFFER: Duration = Duration::from_mins(1);

/// The longest time for which a node that hears of no change issues tokens: the greatest
/// `outage_grace`.
const LONGEST_OUTAGE: Duration = Duration::from_hours(24);

/// Stores the revocations of event `number`.
pub(super) async fn insert(
    tx: &mut Tx,
    taken_back: &[RevocationEntry<'_>],
    number: EventNumber,
    now: Timestamp,
) -> Result<(), StoreError> {
    if taken_back.is_empty() {
        return Ok(());
    }
    let longest = if taken_back.iter().any(|one| one.expires_at.is_none()) {
        longest_life(tx).await?
    } else {
        Duration::ZERO
    };
    for one in taken_back {
        let until = one.expires_at.unwrap_or_else(|| now.plus(longest).plus(LONGEST_OUTAGE));
        sqlx::query(
            "INSERT INTO revocations (kind, digest, number, expires_at, client_id) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (kind, digest, number) DO NOTHING",
        )
        .bind(one.mark.kind().name())
        .bind(one.mark.digest())
        .bind(number.get())
        .bind(until.plus(CLOCKS_DIFFER).as_millis())
        .bind(one.client.map(ClientId::as_str))
        .execute(tx.connection()?)
        .await?;
    }
    Ok(())
}

/// The longest life of any token of any node, as the signing keys record it.
///
/// # Errors
/// The statement fails.
pub async fn longest_life(tx: &mut Tx) -> Result<Duration, StoreError> {
    let longest: i64 = sqlx::query_scalar(
        "SELECT CAST(COALESCE(MAX(longest_ttl), 0) AS BIGINT) FROM signing_keys",
    )
    .fetch_one(tx.connection()?)
    .await?;
    Ok(duration(longest))
}

/// Reads up to `limit` revocations of this kind that are live at `now`, by digest, after the digest
/// `after`. The last revocation of a digest comes first, so that a reader that goes on behind it
/// has missed nothing.
///
/// # Errors
/// The statement fails.
pub async fn page(
    database: &Database,
    kind: Kind,
    after: &str,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Revocation>, StoreError> {
    let query = || {
        sqlx::query(
            "SELECT kind, digest, number, expires_at FROM revocations \
             WHERE kind = $1 AND digest > $2 AND expires_at > $3 ORDER BY digest, number DESC LIMIT $4",
        )
        .bind(kind.name())
        .bind(after)
        .bind(now.as_millis())
        .bind(limit)
    };
    let rows = database.lookup(query).await?;
    rows.iter().map(revocation).collect()
}

/// The last row of a page of [`between`], behind which the next page begins.
pub type PageEnd = (i64, String, String);

/// Reads up to `limit` revocations that were stored with the events from `first` to `last`, in that
/// order, behind `after`; and, if there may be more, the end of this page. Like [`page`] it leaves
/// out marks of a kind that only newer releases know.
///
/// # Errors
/// The statement fails.
pub async fn between(
    database: &Database,
    [first, last]: [EventNumber; 2],
    after: Option<PageEnd>,
    limit: i64,
) -> Result<(Vec<Revocation>, Option<PageEnd>), StoreError> {
    let (number, kind, digest) =
        after.unwrap_or_else(|| (first.get(), String::new(), String::new()));
    let query = || {
        sqlx::query(
            "SELECT kind, digest, number, expires_at FROM revocations WHERE (number, kind, digest) > ($1, $2, $3) \
             AND number <= $4 ORDER BY number, kind, digest LIMIT $5",
        )
        .bind(number)
        .bind(kind.as_str())
        .bind(digest.as_str())
        .bind(last.get())
        .bind(limit)
    };
    let rows = database.follow(query).await?;
    let end = match rows.last() {
        Some(row) if i64::try_from(rows.len()).is_ok_and(|length| length >= limit) => {
            Some((row.try_get("number")?, row.try_get("kind")?, row.try_get("digest")?))
        }
        _ => None,
    };
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        if Kind::from_name(row.try_get("kind")?).is_some() {
            found.push(revocation(row)?);
        }
    }
    Ok((found, end))
}

/// Counts the live revocations of single tokens of a client, up to `most`.
///
/// # Errors
/// The statement fails.
pub async fn count(
    tx: &mut Tx,
    client: &ClientId,
    now: Timestamp,
    most: i64,
) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar(
        "SELECT COUNT(*) FROM (SELECT 1 FROM revocations WHERE client_id = $1 AND expires_at > $2 LIMIT $3) AS counted",
    )
    .bind(client.as_str())
    .bind(now.as_millis())
    .bind(most)
    .fetch_one(tx.connection()?)
    .await?;
    Ok(count)
}

/// Deletes some revocations that have expired at `now`; returns whether there may be more. That has
/// no event: their tokens have expired too.
///
/// # Errors
/// The statement fails.
pub async fn delete_some(database: &Database, now: Timestamp) -> Result<bool, StoreError> {
    /// Few enough to keep no writer waiting.
    const PART: i64 = 500;
    let query = || {
        sqlx::query(
            "DELETE FROM revocations WHERE (kind, digest, number) IN \
             (SELECT kind, digest, number FROM revocations WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2) RETURNING kind",
        )
        .bind(now.as_millis())
        .bind(PART)
    };
    database.delete_up_to(PART, query).await
}

fn revocation(row: &AnyRow) -> Result<Revocation, StoreError> {
    const CORRUPT: StoreError = StoreError::Corrupt("revocation");
    let kind = Kind::from_name(&row.try_get::<String, _>("kind")?).ok_or(CORRUPT)?;
    let number: i64 = row.try_get("number")?;
    Ok(Revocation {
        mark: Mark::from_text(kind, &row.try_get::<String, _>("digest")?).ok_or(CORRUPT)?,
        number: u64::try_from(number).map_err(|_| CORRUPT)?,
        until: Timestamp::from_millis(row.try_get("expires_at")?),
    })
}
