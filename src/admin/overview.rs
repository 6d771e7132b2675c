//! Finds credentials that need attention (expiring, unused), and totals of tokens and refusals.

use std::time::Duration;

use super::api_key::KeptApiKey;
use super::{Admin, AdminError};
use crate::model::usage::Hour;
pub use crate::store::overview::{NotedSecret, Of, Total};
use crate::store::{api_key, overview};

/// The number of keys and of secrets, oldest first, that are searched for unused ones. The complete
/// lists have the rest.
const LOOKED_AT: i64 = 2000;

/// Totals of each outcome in the last `stretches` periods of `hours` hours, including the current
/// one.
///
/// # Errors
/// If the store fails.
pub async fn totals(
    admin: &Admin,
    of: Of,
    stretches: i64,
    hours: i64,
) -> Result<Vec<Total>, AdminError> {
    let first = Hour::of(admin.clock.now()).get().div_euclid(hours) - stretches + 1;
    let from = Hour::new(first.saturating_mul(hours));
    Ok(overview::totals(admin.store.database(), of, from, hours).await?)
}

/// Up to `limit` client secrets that expire within `within`, soonest first.
///
/// # Errors
/// If the store fails.
pub async fn expiring_secrets(
    admin: &Admin,
    within: Duration,
    limit: i64,
) -> Result<Vec<NotedSecret>, AdminError> {
    let now = admin.clock.now();
    Ok(overview::expiring_secrets(admin.store.database(), now, now.plus(within), limit).await?)
}

/// Up to `limit` enabled API keys, of one owner or of all, that expire within `within`, soonest
/// first.
///
/// # Errors
/// If the store fails.
pub async fn expiring_keys(
    admin: &Admin,
    owner: Option<&str>,
    within: Duration,
    limit: i64,
) -> Result<Vec<KeptApiKey>, AdminError> {
    let now = admin.clock.now();
    Ok(api_key::expiring(admin.store.database(), owner, (now, now.plus(within)), limit).await?)
}

/// Up to `limit` enabled API keys, of one owner or of all, without use for `unused_for`, among the
/// oldest.
///
/// # Errors
/// If the store fails.
pub async fn unused_keys(
    admin: &Admin,
    owner: Option<&str>,
    unused_for: Duration,
    limit: i64,
) -> Result<Vec<KeptApiKey>, AdminError> {
    let since = admin.clock.now().minus(unused_for);
    Ok(api_key::unused(admin.store.database(), owner, since, LOOKED_AT, limit).await?)
}

/// Up to `limit` client secrets without use for `unused_for`, among the oldest.
///
/// # Errors
/// If the store fails.
pub async fn unused_secrets(
    admin: &Admin,
    unused_for: Duration,
    limit: i64,
) -> Result<Vec<NotedSecret>, AdminError> {
    let since = admin.clock.now().minus(unused_for);
    Ok(overview::unused_secrets(admin.store.database(), since, LOOKED_AT, limit).await?)
}
