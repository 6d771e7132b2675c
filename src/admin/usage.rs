//! What nodes have counted.

use super::{Admin, AdminError};
use crate::model::usage::HourOfUse;
use crate::store::usage;
pub use crate::store::usage::Asked;

/// Up to `limit` hours of use, the newest first, those of one hour by client.
///
/// # Errors
/// When the store fails.
pub async fn page(admin: &Admin, asked: &Asked, limit: i64) -> Result<Vec<HourOfUse>, AdminError> {
    Ok(usage::page(admin.store.database(), asked, limit).await?)
}
