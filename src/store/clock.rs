//! What time it is for the database.

use std::time::Duration;

use sqlx::Row as _;

use super::{Database, Engine, StoreError};
use crate::clock::{Clock, Timestamp};

/// What two clocks showed at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compared {
    /// That of this machine.
    pub here: Timestamp,
    /// That of the database's server.
    pub there: Timestamp,
}

impl Compared {
    /// How far they are apart.
    #[must_use]
    pub fn apart(&self) -> Duration {
        self.here.since(self.there).max(self.there.since(self.here))
    }

    /// How many seconds that of this machine is ahead, or behind when that is negative.
    #[must_use]
    pub fn ahead_secs(&self) -> f64 {
        self.here.since(self.there).as_secs_f64() - self.there.since(self.here).as_secs_f64()
    }
}

/// Compares the clock of this machine with that of the database's server; nothing when there is
/// none, so that it would be the same clock.
///
/// # Errors
/// The statement fails.
pub async fn compare(
    database: &Database,
    here: &dyn Clock,
) -> Result<Option<Compared>, StoreError> {
    let (before, began) = (here.now(), here.elapsed());
    let Some(there) = now(database).await? else { return Ok(None) };
    // It was asked half-way, as far as one can know.
    Ok(Some(Compared { here: before.plus(here.elapsed().saturating_sub(began) / 2), there }))
}

/// The time of the database's server.
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
