//! What needs attention: what ends soon, what nobody uses, how often tokens were given and refused.

use std::time::Duration;

use super::api_key::KeptApiKey;
use super::{Admin, AdminError};
use crate::model::usage::Hour;
pub use crate::store::overview::{NotedSecret, Of, Total};
use crate::store::{api_key, overview};

/// Among how many keys, and how many secrets, those are looked for that nobody uses: the oldest.
/// Where there are more, the lists of all tell the rest.
const LOOKED_AT: i64 = 2000;

/// How often each outcome was in the last `stretches` stretches of `hours` hours, the one that is
/// under way included.
///
/// # Errors
/// When the store fails.
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

/// Up to `limit` enabled API keys, of an owner or of all, that end within `within`, the next first.
///
/// # Errors
/// When the store fails.
pub async fn expiring_keys(
    admin: &Admin,
    owner: Option<&str>,
    within: Duration,
    limit: i64,
) -> Result<Vec<KeptApiKey>, AdminError> {
    let now = admin.clock.now();
    Ok(api_key::expiring(admin.store.database(), owner, (now, now.plus(within)), limit).await?)
}

/// Up to `limit` enabled API keys, of an owner or of all, that nobody has used for `unused_for`,
/// among the oldest.
///
/// # Errors
/// When the store fails.
pub async fn unused_keys(
    admin: &Admin,
    owner: Option<&str>,
    unused_for: Duration,
    limit: i64,
) -> Result<Vec<KeptApiKey>, AdminError> {
    let since = admin.clock.now().minus(unused_for);
    Ok(api_key::unused(admin.store.database(), owner, since, LOOKED_AT, limit).await?)
}

/// Up to `limit` secrets of clients that nobody has used for `unused_for`, among the oldest.
///
/// # Errors
/// When the store fails.
pub async fn unused_secrets(
    admin: &Admin,
    unused_for: Duration,
    limit: i64,
) -> Result<Vec<NotedSecret>, AdminError> {
    let since = admin.clock.now().minus(unused_for);
    Ok(overview::unused_secrets(admin.store.database(), since, LOOKED_AT, limit).await?)
}
