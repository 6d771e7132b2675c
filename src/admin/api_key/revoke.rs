//! Revokes API keys, one or many.

use super::read::{not_found, show};
use crate::admin::{Admin, AdminError};
use crate::model::api_key::{ApiKeyId, KeyOwner};
use crate::model::event::Event;
use crate::store::api_key;
use crate::store::transaction::Tx;

/// The maximum number of keys that one change revokes.
pub const MAX_AT_ONCE: usize = 200;

/// The keys to revoke.
#[derive(Debug, Clone)]
pub enum Selection {
    /// All keys of an owner.
    Owner(KeyOwner),
    /// These. Missing ones are skipped.
    Ids(Vec<ApiKeyId>),
}

/// Revokes a key.
///
/// # Errors
/// [`AdminError::NotFound`] if it does not exist, [`AdminError::Forbidden`] if the caller may not
/// manage keys of its owner.
pub async fn revoke(admin: &Admin, id: &ApiKeyId) -> Result<(), AdminError> {
    let (before, _) = show(admin, id).await?;
    let (id, caller) = (id.clone(), admin.clone());
    let change = admin.store.change::<(), AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            caller.managing_keys_of(tx, &before.owner).await?;
            if !api_key::delete(tx, &id).await? {
                return Err(not_found(&id));
            }
            Ok(((), Event::ApiKeyRevoked { key: id }))
        })
    });
    change.await.map(drop)
}

/// Revokes many keys; returns those that existed. More than [`MAX_AT_ONCE`] keys of an owner go in
/// several changes.
///
/// # Errors
/// [`AdminError::Unknown`] if the owner does not exist, [`AdminError::Invalid`] if too many keys
/// are named, [`AdminError::Forbidden`] if the caller may not revoke one of them: then none is.
pub async fn revoke_all(admin: &Admin, selection: Selection) -> Result<Vec<ApiKeyId>, AdminError> {
    match selection {
        Selection::Owner(owner) => {
            let mut revoked = Vec::new();
            loop {
                let some = revoke_some_of(admin, &owner).await?;
                let is_last = some.len() < MAX_AT_ONCE;
                revoked.extend(some);
                if is_last {
                    return Ok(revoked);
                }
            }
        }
        Selection::Ids(ids) if ids.len() > MAX_AT_ONCE => Err(AdminError::Invalid(format!(
            "one request can revoke at most {MAX_AT_ONCE} API keys"
        ))),
        Selection::Ids(ids) => revoke_ids(admin, ids).await,
    }
}

async fn revoke_some_of(admin: &Admin, owner: &KeyOwner) -> Result<Vec<ApiKeyId>, AdminError> {
    let (owner, caller) = (owner.clone(), admin.clone());
    let change =
        admin.store.change::<Vec<ApiKeyId>, AdminError, _>(admin.actor.clone(), move |tx| {
            Box::pin(async move {
                caller.managing_keys_of(tx, &owner).await?;
                let some = i64::try_from(MAX_AT_ONCE).unwrap_or(i64::MAX);
                let keys = api_key::ids_of(tx, &owner, some).await?;
                delete_all(tx, keys).await
            })
        });
    none_is_fine(change.await.map(|(keys, _)| keys))
}

async fn revoke_ids(admin: &Admin, mut ids: Vec<ApiKeyId>) -> Result<Vec<ApiKeyId>, AdminError> {
    ids.sort_unstable();
    ids.dedup();
    let mut owners = Vec::new();
    for id in &ids {
        if let Some((key, _)) = api_key::by_id(admin.store.database(), id).await? {
            owners.push(key.owner);
        }
    }
    // All transactions lock in the same order.
    owners.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
    owners.dedup();
    let caller = admin.clone();
    let change =
        admin.store.change::<Vec<ApiKeyId>, AdminError, _>(admin.actor.clone(), move |tx| {
            Box::pin(async move {
                for owner in &owners {
                    caller.managing_keys_of(tx, owner).await?;
                }
                delete_all(tx, ids).await
            })
        });
    none_is_fine(change.await.map(|(keys, _)| keys))
}

/// Deletes the existing ones of these keys.
async fn delete_all(tx: &mut Tx, ids: Vec<ApiKeyId>) -> Result<(Vec<ApiKeyId>, Event), AdminError> {
    let mut gone = Vec::new();
    for id in ids {
        if api_key::delete(tx, &id).await? {
            gone.push(id);
        }
    }
    if gone.is_empty() {
        // Without a change there is no event.
        return Err(not_found_at_all());
    }
    Ok((gone.clone(), Event::ApiKeysRevoked { keys: gone }))
}

const NONE: &str = "such API key";

fn not_found_at_all() -> AdminError {
    AdminError::NotFound(NONE.to_owned())
}

/// Accepts that there was nothing to revoke.
fn none_is_fine(revoked: Result<Vec<ApiKeyId>, AdminError>) -> Result<Vec<ApiKeyId>, AdminError> {
    match revoked {
        Err(AdminError::NotFound(what)) if what == NONE => Ok(Vec::new()),
        revoked => revoked,
    }
}
