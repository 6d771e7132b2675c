//! Rotates API keys: a new key replaces an old one, which stays valid for a while.

use std::time::Duration;

use super::create::{CreatedApiKey, Minted};
use super::read::{not_found, show};
use crate::admin::{Admin, AdminError};
use crate::model::api_key::{ApiKey, ApiKeyId};
use crate::model::event::Event;
use crate::model::patch::Patch;
use crate::store::{api_key, revocation};

/// The terms of a rotation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rotation {
    /// The time in which the old key stays valid; [`USUAL_OVERLAP`] if absent.
    pub overlap: Option<Duration>,
    /// The lifetime of the new key; `Keep` is that of the old one.
    pub expires_in: Patch<Duration>,
}

/// The default overlap.
pub const USUAL_OVERLAP: Duration = Duration::from_hours(24);

/// The maximum overlap.
pub const MAX_OVERLAP: Duration = Duration::from_hours(24 * 30);

/// Creates the successor of a key, which itself stays valid for the overlap.
///
/// # Errors
/// [`AdminError::NotFound`] if the key does not exist, [`AdminError::Conflict`] if it already has a
/// successor or is disabled, [`AdminError::Invalid`] if the overlap is too long,
/// [`AdminError::Beyond`] if the caller is a key with closer limits than the new one gets.
pub async fn rotate(
    admin: &Admin,
    id: &ApiKeyId,
    rotation: Rotation,
) -> Result<CreatedApiKey, AdminError> {
    let overlap = rotation.overlap.unwrap_or(USUAL_OVERLAP);
    if overlap > MAX_OVERLAP {
        let days = MAX_OVERLAP.as_secs() / (24 * 60 * 60);
        return Err(AdminError::Invalid(format!(
            "the old key can stay valid for at most {days} days"
        )));
    }
    let (before, _) = show(admin, id).await?;
    let policy = &admin.api_keys;
    // The environment of a key never changes.
    let Minted { plain, hint, digest } = admin.mint(before.environment);
    let (now, policy, caller, id) = (admin.clock.now(), policy.clone(), admin.clone(), id.clone());
    let successor = ApiKeyId::generate(&*admin.random);
    let change = admin.store.change::<ApiKey, AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            let (owner, authority) = caller.managing_keys_of(tx, &before.owner).await?;
            let mut old = api_key::lock(tx, &id).await?.ok_or_else(|| not_found(&id))?;
            // Scopes that the owner has lost since do not come back.
            let scopes = owner.most_of(&old.scopes);
            authority.to_grant(&scopes)?;
            if let Some(other) = &old.successor
                && api_key::exists(tx, other).await?
            {
                return Err(AdminError::Conflict(format!(
                    "the API key {id} has already been replaced by {other}"
                )));
            }
            if !old.is_enabled() {
                return Err(AdminError::Conflict(format!(
                    "the API key {id} is disabled; enable it first"
                )));
            }
            let lifetime =
                old.expires_at.map(|end| end.since(old.created_at).max(Duration::from_secs(1)));
            let life = match (rotation.expires_in, lifetime) {
                (Patch::Keep, Some(same)) => Some(policy.cap(same)),
                (wanted, _) => policy.life(wanted, None)?,
            };
            let new = ApiKey {
                id: successor,
                hint,
                scopes,
                successor: None,
                created_at: now,
                expires_at: life.map(|life| now.plus(life)),
                leaked_at: None,
                ..old.clone()
            };
            caller.may_make(tx, &new).await?;
            api_key::insert(tx, &owner, &new, &digest).await?;
            let ends_at = now.plus(overlap);
            // Tokens issued for the old key stay valid, unless they would outlive it.
            let ends_earlier = old.expires_at.is_none_or(|expires_at| ends_at < expires_at);
            let revokes_tokens = ends_earlier && overlap < revocation::longest_life(tx).await?;
            old.expires_at =
                Some(old.expires_at.map_or(ends_at, |expires_at| expires_at.min(ends_at)));
            old.successor = Some(new.id.clone());
            api_key::update(tx, &owner, &old).await?;
            let event = Event::ApiKeyRotated {
                key: id,
                successor: new.id.clone(),
                expires_at: old.expires_at.unwrap_or(ends_at),
                revokes_tokens,
            };
            Ok((new, event))
        })
    });
    let (key, _) = change.await?;
    Ok(CreatedApiKey { key, plain })
}
