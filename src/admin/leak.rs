//! API keys that leaked: what the settings say is done with them, whoever tells of it.

use super::api_key::not_found;
use super::{Admin, AdminError};
use crate::model::event::Event;
use crate::model::leak::{Leak, LeakPolicy};
use crate::store::api_key;

/// Takes a key back that was found, or marks it. Its owner is told by the event.
///
/// # Errors
/// [`AdminError::NotFound`] when there is no such key any more.
pub async fn report(admin: &Admin, leak: Leak, policy: LeakPolicy) -> Result<(), AdminError> {
    let now = admin.clock.now();
    let change = admin.store.change::<(), AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            let mut key =
                api_key::lock(tx, &leak.key).await?.ok_or_else(|| not_found(&leak.key))?;
            let is_revoked = match policy {
                LeakPolicy::Revoke => api_key::delete(tx, &leak.key).await?,
                LeakPolicy::Flag => {
                    key.leaked_at = key.leaked_at.or(Some(now));
                    api_key::update(tx, &key).await?;
                    false
                }
            };
            Ok(((), Event::ApiKeyLeaked { leak, is_revoked }))
        })
    });
    change.await.map(drop)
}
