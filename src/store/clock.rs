//! What time it is for the database.

use sqlx::Row as _;

use super::{Database, Engine, StoreError};
use crate::clock::Timestamp;

/// The time of the database's server; nothing when there is none, so that it would be this machine's.
///
/// # Errors
/// When the statement fails.
pub async fn now(database: &Database) -> Result<Option<Timestamp>, StoreError> {
    if database.engine() == Engine::Sqlite {
        return Ok(None);
    }
    let query = || sqlx::query("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS now");
    let rows = database.lookup(query).await?;
    let row = rows.first().ok_or(StoreError::Corrupt("clock"))?;
    Ok(Some(Timestamp::from_millis(row.try_get("now")?)))
}
