//! Changes API keys.

use std::time::Duration;

use super::create::validate;
use super::read::{not_found, show};
use crate::admin::{Admin, AdminError, version};
use crate::clock::Timestamp;
use crate::model::address::AddressRanges;
use crate::model::api_key::{ApiKey, ApiKeyId};
use crate::model::authority::{AnyPrincipal, Authority};
use crate::model::event::Event;
use crate::model::name::DisplayName;
use crate::model::patch::Patch;
use crate::model::scope::ScopeSet;
use crate::store::api_key;

/// A change of a key. Absent fields stay as they are.
#[derive(Debug, Clone, Default)]
pub struct ApiKeyUpdate {
    /// The new name.
    pub name: Option<DisplayName>,
    /// The new scopes.
    pub scopes: Option<ScopeSet>,
    /// The addresses that may use the key.
    pub allowed: Option<AddressRanges>,
    /// Requests per minute and node.
    pub max_per_minute: Patch<u32>,
    /// The lifetime, counted from the change.
    pub expires_in: Patch<Duration>,
    /// The [`version()`] that the caller has seen. The change is rejected if the current one
    /// differs.
    pub seen: Option<String>,
}

/// Changes a key.
///
/// # Errors
/// [`AdminError::NotFound`] if it does not exist, [`AdminError::Forbidden`] if the caller does not
/// hold all scopes that it has or gets, [`AdminError::Beyond`] if the caller is a key with closer
/// limits than it gets, [`AdminError::Changed`] if the caller has seen another version.
pub async fn update(
    admin: &Admin,
    id: &ApiKeyId,
    update: ApiKeyUpdate,
) -> Result<ApiKey, AdminError> {
    let (policy, now) = (admin.api_keys.clone(), admin.clock.now());
    change(admin, id, move |authority, mut key, owner| {
        // A change decides the key as a whole, as its creation does. Scopes that its owner has lost
        // do not count.
        authority.to_grant(&owner.most_of(&key.scopes))?;
        version::check(update.seen.as_deref(), &version(&key), "API key")?;
        let before = key.clone();
        key.name = update.name.unwrap_or(key.name);
        key.scopes = update.scopes.unwrap_or(key.scopes);
        key.allowed = update.allowed.unwrap_or(key.allowed);
        key.max_per_minute = update.max_per_minute.apply(key.max_per_minute);
        if update.expires_in != Patch::Keep {
            // The maximum holds for the whole lifetime, or small steps would extend it for ever.
            let lived = now.since(key.created_at);
            key.expires_at =
                policy.life(update.expires_in, Some(lived))?.map(|life| now.plus(life));
        }
        validate(&key, owner)?;
        authority.to_grant(&key.scopes)?;
        let event = Event::ApiKeyUpdated {
            key: key.id.clone(),
            revokes_tokens: key.allows_less_than(&before),
        };
        Ok(((version(&key) != version(&before)).then_some(event), key))
    })
    .await
}

/// The version of what [`update`] changes.
#[must_use]
pub fn version(key: &ApiKey) -> String {
    version::of(&(
        key.name.as_str(),
        key.scopes.as_str(),
        key.allowed.to_string(),
        key.max_per_minute,
        key.expires_at.map(Timestamp::as_millis),
    ))
}

/// Enables or disables a key. Accepts the current state.
///
/// # Errors
/// [`AdminError::NotFound`] if it does not exist; to enable it, [`AdminError::Forbidden`] and
/// [`AdminError::Beyond`] as [`update`].
pub async fn set_enabled(
    admin: &Admin,
    id: &ApiKeyId,
    enabled: bool,
) -> Result<ApiKey, AdminError> {
    let now = admin.clock.now();
    if enabled {
        return change(admin, id, move |authority, mut key, _| {
            authority.to_grant(&key.scopes)?;
            key.disabled_at = None;
            Ok((Some(Event::ApiKeyEnabled { key: key.id.clone() }), key))
        })
        .await;
    }
    // An emergency stop needs fewer rights: not even the scopes of the owner.
    let (id, caller) = (id.clone(), admin.clone());
    let change = admin.store.change::<ApiKey, AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            caller.authority(tx).await?;
            let mut key = api_key::lock(tx, &id).await?.ok_or_else(|| not_found(&id))?;
            key.disabled_at = key.disabled_at.or(Some(now));
            api_key::disable(tx, &id, now).await?;
            Ok((key, Event::ApiKeyDisabled { key: id }))
        })
    });
    change.await.map(|(key, _)| key)
}

/// Applies `change` to a key, if the caller may manage the keys of its owner.
async fn change<F>(admin: &Admin, id: &ApiKeyId, change: F) -> Result<ApiKey, AdminError>
where
    F: FnOnce(&Authority, ApiKey, &AnyPrincipal) -> Result<(Option<Event>, ApiKey), AdminError>
        + Send
        + 'static,
{
    // The owner of a key never changes. It is locked first, as where it is deleted.
    let (before, _) = show(admin, id).await?;
    let (id, caller) = (id.clone(), admin.clone());
    let change =
        admin.store.change_if_any::<ApiKey, AdminError, _>(admin.actor.clone(), move |tx| {
            Box::pin(async move {
                let (owner, authority) = caller.managing_keys_of(tx, &before.owner).await?;
                let key = api_key::lock(tx, &id).await?.ok_or_else(|| not_found(&id))?;
                let (event, key) = change(&authority, key, &owner)?;
                caller.may_make(tx, &key).await?;
                api_key::update(tx, &owner, &key).await?;
                Ok((key, event))
            })
        });
    change.await.map(|(key, _)| key)
}
