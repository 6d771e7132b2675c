//! Reads API keys and their usage.

use crate::admin::{Admin, AdminError, usage};
use crate::clock::Timestamp;
use crate::model::api_key::{ApiKey, ApiKeyId};
use crate::model::usage::{Hour, HourOfKeyUse, LastUse};
use crate::store::api_key::{self, Filter};
use crate::store::api_key_usage;

/// A key with its last use, which may lag a few seconds.
pub type KeptApiKey = (ApiKey, Option<LastUse>);

/// A key.
///
/// # Errors
/// [`AdminError::NotFound`] if it does not exist.
pub async fn show(admin: &Admin, id: &ApiKeyId) -> Result<KeptApiKey, AdminError> {
    api_key::by_id(admin.store.database(), id).await?.ok_or_else(|| not_found(id))
}

/// Up to `limit` keys after the id `after`, ordered by id.
///
/// # Errors
/// If the store fails.
pub async fn page(
    admin: &Admin,
    after: &str,
    limit: i64,
    filter: &Filter,
) -> Result<Vec<KeptApiKey>, AdminError> {
    Ok(api_key::page(admin.store.database(), after, limit, filter).await?)
}

/// Up to `limit` keys, newest first, older than the one with this creation time and id.
///
/// # Errors
/// If the store fails.
pub async fn newest(
    admin: &Admin,
    before: Option<(Timestamp, ApiKeyId)>,
    limit: i64,
    filter: &Filter,
) -> Result<Vec<KeptApiKey>, AdminError> {
    Ok(api_key::newest(admin.store.database(), before, limit, filter).await?)
}

/// Up to `limit` unexpired keys that were found in public, the latest find first.
///
/// # Errors
/// If the store fails.
pub async fn leaked(
    admin: &Admin,
    limit: i64,
    filter: &Filter,
) -> Result<Vec<KeptApiKey>, AdminError> {
    Ok(api_key::leaked(admin.store.database(), admin.clock.now(), limit, filter).await?)
}

/// The accepted requests of each of some keys, at most
/// [`MAX_KEYS_OF_DAYS`](super::MAX_KEYS_OF_DAYS), on each of the last `days` days, oldest first.
///
/// # Errors
/// If the store fails.
pub async fn daily_uses(
    admin: &Admin,
    keys: &[&ApiKeyId],
    days: usize,
) -> Result<Vec<Vec<i64>>, AdminError> {
    let first = usage::first_day(admin, days);
    let counted = api_key_usage::days(admin.store.database(), keys, first).await?;
    Ok(usage::by_day(keys, counted, first, days))
}

/// Up to `limit` hours before `before` in which a key was accepted or refused, newest first. They
/// are kept for a while after the key is gone.
///
/// # Errors
/// [`AdminError::NotFound`] if nothing is known about such a key.
pub async fn usage(
    admin: &Admin,
    id: &ApiKeyId,
    before: Hour,
    limit: i64,
) -> Result<Vec<HourOfKeyUse>, AdminError> {
    let hours = api_key_usage::page(admin.store.database(), id, before, limit).await?;
    if hours.is_empty() {
        show(admin, id).await?;
    }
    Ok(hours)
}

/// The state of a key at `now`, regardless of its owner's, in one word.
#[must_use]
pub fn status(key: &ApiKey, now: Timestamp) -> &'static str {
    if !key.is_enabled() {
        "disabled"
    } else if key.is_expired(now) {
        "expired"
    } else if key.leaked_at.is_some() {
        "leaked"
    } else {
        "enabled"
    }
}

pub(in crate::admin) fn not_found(id: &ApiKeyId) -> AdminError {
    AdminError::NotFound(format!("API key {id}"))
}
