//! Reads the usage counts of nodes.

use super::{Admin, AdminError};
use crate::clock::Timestamp;
use crate::model::client::ClientId;
use crate::model::usage::{Hour, HourOfUse};
use crate::store::usage;
pub use crate::store::usage::{Asked, MAX_CLIENTS};

/// The recent use of a client.
#[derive(Debug, Clone, Default)]
pub struct Lately {
    /// The number of tokens on each of the last days, oldest first.
    pub days: Vec<i64>,
    /// The last use of one of its secrets.
    pub used_at: Option<Timestamp>,
}

/// The use of some clients, at most [`MAX_CLIENTS`], in the last `days` days.
///
/// # Errors
/// If the store fails.
pub async fn lately(
    admin: &Admin,
    clients: &[&ClientId],
    days: usize,
) -> Result<Vec<Lately>, AdminError> {
    let database = admin.store.database();
    let first = first_day(admin, days);
    let of_days = by_day(clients, usage::days(database, clients, first).await?, first, days);
    let last_uses = usage::last_use_of_each(database, clients).await?;
    let used_at =
        |client: &ClientId| last_uses.iter().find(|(own, _)| own == client).map(|(_, at)| *at);
    let each = clients.iter().zip(of_days);
    Ok(each.map(|(client, days)| Lately { days, used_at: used_at(client) }).collect())
}

/// The first of the last `days` days, in days since the epoch.
pub(super) fn first_day(admin: &Admin, days: usize) -> i64 {
    let today = Hour::of(admin.clock.now()).get().div_euclid(24);
    today - i64::try_from(days).unwrap_or(i64::MAX) + 1
}

/// The counts of each of `ids` on each of `days` days, starting at `first`.
pub(super) fn by_day<T: PartialEq>(
    ids: &[&T],
    counted: Vec<(T, i64, i64)>,
    first: i64,
    days: usize,
) -> Vec<Vec<i64>> {
    let mut of_all = vec![vec![0; days]; ids.len()];
    for (id, day, times) in counted {
        let place = ids.iter().position(|own| **own == id);
        let of_one = place.and_then(|place| of_all.get_mut(place));
        let day = usize::try_from(day - first).ok();
        if let Some(own) = of_one.zip(day).and_then(|(of_one, day)| of_one.get_mut(day)) {
            *own = times;
        }
    }
    of_all
}

/// Up to `limit` hours of use, newest first; within an hour sorted by client.
///
/// # Errors
/// If the store fails.
pub async fn page(admin: &Admin, asked: &Asked, limit: i64) -> Result<Vec<HourOfUse>, AdminError> {
    Ok(usage::page(admin.store.database(), asked, limit).await?)
}
