//! Compares the clock with that of the database.

use std::time::Duration;

use sqlx::Row as _;

use super::{Database, Engine, StoreError};
use crate::clock::{Clock, Timestamp};

/// The readings of two clocks at the same moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compared {
    /// The clock of this machine.
    pub here: Timestamp,
    /// The clock of the database server.
    pub there: Timestamp,
}

impl Compared {
    /// The difference.
    #[must_use]
    pub fn apart(&self) -> Duration {
        self.here.since(self.there).max(self.there.since(self.here))
    }

    /// The seconds by which this machine is ahead; negative if it is behind.
    #[must_use]
    pub fn ahead_secs(&self) -> f64 {
        self.here.since(self.there).as_secs_f64() - self.there.since(self.here).as_secs_f64()
    }
}

/// Compares the clock of this machine with that of the database server; `None` for an embedded
/// database, which shares the clock.
///
/// # Errors
/// The statement fails.
pub async fn compare(
    database: &Database,
    here: &dyn Clock,
) -> Result<Option<Compared>, StoreError> {
    let (before, began) = (here.now(), here.elapsed());
    let Some(there) = now(database).await? else { return Ok(None) };
    // The reading is assumed to be from the middle of the query.
    Ok(Some(Compared { here: before.plus(here.elapsed().saturating_sub(began) / 2), there }))
}

/// The time of the database server.
async fn now(database: &Database) -> Result<Option<Timestamp>, StoreError> {
    if database.engine() == Engine::Sqlite {
        return Ok(None);
    }
    let query = || {
        sqlx::query("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS now")
    };
    let rows = database.lookup(query).await?;
    let row = rows.first().ok_or(StoreError::Corrupt("clock"))?;
    Ok(Some(Timestamp::from_millis(row.try_get("now")?)))
}
