//! What needs attention: what ends soon, what nobody uses, how often tokens were given and refused.

use std::time::Duration;

use super::{Admin, AdminError};
use crate::model::usage::Hour;
use crate::store::overview;
pub use crate::store::overview::{NotedSecret, Of, Total};

/// How often each outcome was in the last `stretches` stretches of `hours` hours, the one that is under way included.
///
/// # Errors
/// When the store fails.
pub async fn totals(admin: &Admin, of: Of, stretches: i64, hours: i64) -> Result<Vec<Total>, AdminError> {
    let first = Hour::of(admin.clock.now()).get().div_euclid(hours) - stretches + 1;
    let from = Hour::new(first.saturating_mul(hours));
    Ok(overview::totals(admin.store.database(), of, from, hours).await?)
}

/// Up to `limit` secrets of clients that end within `within`, the next first.
///
/// # Errors
/// When the store fails.
pub async fn expiring_secrets(
    admin: &Admin,
    within: Duration,
    limit: i64,
) -> Result<Vec<NotedSecret>, AdminError> {
    let now = admin.clock.now();
    Ok(overview::expiring_secrets(admin.store.database(), now, now.plus(within), limit).await?)
}

/// Up to `limit` secrets of clients that nobody has used for `unused_for`.
///
/// # Errors
/// When the store fails.
pub async fn unused_secrets(
    admin: &Admin,
    unused_for: Duration,
    limit: i64,
) -> Result<Vec<NotedSecret>, AdminError> {
    let since = admin.clock.now().minus(unused_for);
    Ok(overview::unused_secrets(admin.store.database(), since, limit).await?)
}
