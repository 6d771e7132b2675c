//! Creates API keys.

use super::read::{KeptApiKey, show};
use crate::admin::once::{self, Once, Repeatable};
use crate::admin::{Admin, AdminError};
use crate::model::address::AddressRanges;
use crate::model::api_key::{
    ApiKey, ApiKeyId, Environment, KeyLimit, KeyOwner, MAX_PER_MINUTE, MAX_RANGES,
};
use crate::model::authority::AnyPrincipal;
use crate::model::client::MAX_SCOPE_LEN;
use crate::model::event::{Actor, Event};
use crate::model::name::DisplayName;
use crate::model::patch::Patch;
use crate::model::scope::ScopeSet;
use crate::secret::Secret;
use crate::secret::digest::SecretDigest;
use crate::secret::generated::hint;
use crate::store::transaction::Tx;
use crate::store::{StoreError, api_key};
use std::time::Duration;

/// A key to be created.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// The owner.
    pub owner: KeyOwner,
    /// The display name.
    pub name: DisplayName,
    /// The environment.
    pub environment: Environment,
    /// The scopes; if absent the default scopes of the owner.
    pub scopes: Option<ScopeSet>,
    /// The addresses that may use it; empty for all.
    pub allowed: AddressRanges,
    /// The maximum number of requests per minute.
    pub max_per_minute: Option<u32>,
    /// The lifetime; `Keep` is the default of the settings.
    pub expires_in: Patch<Duration>,
}

/// A new key with its text, which is shown only once.
#[derive(Debug)]
pub struct CreatedApiKey {
    /// The key.
    pub key: ApiKey,
    /// Its text.
    pub plain: Secret,
}

/// The result of a request to create a key.
#[derive(Debug)]
pub enum Creation {
    /// This request created it.
    New(Box<CreatedApiKey>),
    /// An earlier identical request created it. Its text is not shown again.
    Repeated(Box<KeptApiKey>),
}

/// Creates a key.
///
/// # Errors
/// As [`create_once`], without those of repeated requests.
pub async fn create(admin: &Admin, new: NewApiKey) -> Result<CreatedApiKey, AdminError> {
    make(admin, new, None).await
}

/// Creates a key, once for a request that may be repeated.
///
/// # Errors
/// [`AdminError::Unknown`] if the owner does not exist, [`AdminError::Forbidden`] if the caller
/// does not hold the scopes, [`AdminError::Beyond`] if the caller is a key with closer limits,
/// [`AdminError::Conflict`] if an earlier request with the same key had another content.
pub async fn create_once(
    admin: &Admin,
    new: NewApiKey,
    repeatable: Option<Repeatable>,
) -> Result<Creation, AdminError> {
    let id =
        match once::run(admin, repeatable.as_ref(), make(admin, new, repeatable.clone())).await? {
            Once::Now(made) => return Ok(Creation::New(Box::new(made))),
            Once::Before(id) => id,
        };
    let id = ApiKeyId::parse(&id).map_err(|_| StoreError::Corrupt("id of an API key"))?;
    match show(admin, &id).await {
        Err(AdminError::NotFound(_)) => Err(AdminError::Conflict(format!(
            "the API key {id} created by this request no longer exists"
        ))),
        shown => Ok(Creation::Repeated(Box::new(shown?))),
    }
}

async fn make(
    admin: &Admin,
    new: NewApiKey,
    repeatable: Option<Repeatable>,
) -> Result<CreatedApiKey, AdminError> {
    let policy = &admin.api_keys;
    let life = policy.life(new.expires_in, None)?;
    let (now, id) = (admin.clock.now(), ApiKeyId::generate(&*admin.random));
    let Minted { plain, hint, digest } = admin.mint(new.environment);
    let caller = admin.clone();
    let change = admin.store.change::<ApiKey, AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            let (owner, authority) = caller.managing_keys_of(tx, &new.owner).await?;
            let key = ApiKey {
                id,
                name: new.name,
                owner: new.owner,
                environment: new.environment,
                hint,
                scopes: new.scopes.unwrap_or_else(|| owner.default_scopes()),
                allowed: new.allowed,
                max_per_minute: new.max_per_minute,
                successor: None,
                created_at: now,
                expires_at: life.map(|life| now.plus(life)),
                disabled_at: None,
                leaked_at: None,
            };
            validate(&key, &owner)?;
            authority.to_grant(&key.scopes)?;
            caller.may_make(tx, &key).await?;
            api_key::insert(tx, &owner, &key, &digest).await?;
            once::keep(tx, &caller, repeatable, key.id.as_str(), now).await?;
            let event = Event::ApiKeyCreated {
                key: key.id.clone(),
                name: key.name.clone(),
                owner: key.owner.clone(),
                environment: key.environment,
            };
            Ok((key, event))
        })
    });
    let (key, _) = change.await?;
    Ok(CreatedApiKey { key, plain })
}

/// The generated text of a key, with what is stored of it.
pub(super) struct Minted {
    pub(super) plain: Secret,
    pub(super) hint: String,
    pub(super) digest: SecretDigest,
}

impl Admin {
    /// Generates the text of a key.
    pub(super) fn mint(&self, environment: Environment) -> Minted {
        let plain = self.api_keys.format.generate(environment, &*self.random);
        Minted { hint: hint(&plain), digest: self.api_keys.digest(plain.expose()), plain }
    }

    /// Rejects a new or changed key that exceeds a limit of the calling key.
    pub(super) async fn may_make(&self, tx: &mut Tx, made: &ApiKey) -> Result<(), AdminError> {
        let Actor::ApiKey { key, .. } = &self.actor else { return Ok(()) };
        // A calling key that is gone by now was valid when the request began.
        let own = api_key::find(tx, key).await?.ok_or(AdminError::Beyond(KeyLimit::End))?;
        made.goes_beyond(&own).map_or(Ok(()), |limit| Err(AdminError::Beyond(limit)))
    }
}

/// Checks a key on its own, and against its owner's scopes.
///
/// # Errors
/// [`AdminError::Invalid`] with the violated rule.
pub(super) fn validate(key: &ApiKey, owner: &AnyPrincipal) -> Result<(), AdminError> {
    let invalid = |reason: String| Err(AdminError::Invalid(reason));
    if key.scopes.as_str().len() > MAX_SCOPE_LEN {
        return invalid(format!(
            "the scopes of an API key must have at most {MAX_SCOPE_LEN} bytes"
        ));
    }
    let missing = owner.lacks(&key.scopes);
    if !missing.is_empty() {
        return invalid(format!("the owner does not have the scope {missing}"));
    }
    if key.allowed.iter().count() > MAX_RANGES {
        return invalid(format!("an API key can have at most {MAX_RANGES} address ranges"));
    }
    if key.max_per_minute.is_some_and(|limit| !(1..=MAX_PER_MINUTE).contains(&limit)) {
        return invalid(format!(
            "the limit must be from 1 to {MAX_PER_MINUTE} requests per minute"
        ));
    }
    Ok(())
}
