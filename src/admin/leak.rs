//! Handles leaked API keys as the settings say, for every source of reports.

use super::api_key::not_found;
use super::{Admin, AdminError};
use crate::model::event::Event;
use crate::model::leak::{Leak, LeakPolicy};
use crate::store::api_key;

/// Revokes a leaked key, or marks it. The event notifies its owner.
///
/// # Errors
/// [`AdminError::NotFound`] if the key no longer exists.
pub async fn report(admin: &Admin, leak: Leak, policy: LeakPolicy) -> Result<(), AdminError> {
    let now = admin.clock.now();
    let change = admin.store.change::<(), AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            api_key::lock(tx, &leak.key).await?.ok_or_else(|| not_found(&leak.key))?;
            let is_revoked = match policy {
                LeakPolicy::Revoke => api_key::delete(tx, &leak.key).await?,
                LeakPolicy::Flag => {
                    api_key::flag_leaked(tx, &leak.key, now).await?;
                    false
                }
            };
            Ok(((), Event::ApiKeyLeaked { leak, is_revoked }))
        })
    });
    change.await.map(drop)
}
