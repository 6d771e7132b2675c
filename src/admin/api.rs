//! APIs (resource servers), the audiences of tokens.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Admin, AdminError, signing_key, version};
use crate::model::api::{Api, ApiScopes, ApiSince, MAX_APIS};
use crate::model::client::MAX_TOKEN_TTL;
use crate::model::event::{Event, EventNumber};
use crate::model::name::DisplayName;
use crate::model::patch::Patch;
use crate::model::resource::ResourceUri;
use crate::model::signing_key::SigningAlgorithm;
use crate::store::transaction::Tx;
use crate::store::{StoreError, api, client, event, key};

/// The mutable properties of an API.
#[derive(Debug, Clone)]
pub struct ApiTerms {
    /// The display name.
    pub name: DisplayName,
    /// The scopes.
    pub scopes: ApiScopes,
    /// The signing algorithm of its tokens; the one of the settings if absent.
    pub token_alg: Option<SigningAlgorithm>,
    /// The lifetime of its tokens; the one of the settings if absent.
    pub token_ttl: Option<Duration>,
}

/// A change of an API. Absent fields stay as they are; an empty patch clears the value.
#[derive(Debug, Clone, Default)]
pub struct ApiUpdate {
    /// See [`ApiTerms::name`].
    pub name: Option<DisplayName>,
    /// See [`ApiTerms::scopes`].
    pub scopes: Option<ApiScopes>,
    /// See [`ApiTerms::token_alg`].
    pub token_alg: Patch<SigningAlgorithm>,
    /// See [`ApiTerms::token_ttl`].
    pub token_ttl: Patch<Duration>,
    /// Revokes all tokens for the API, also if the change takes nothing away.
    pub revoke_tokens: bool,
    /// The [`version()`] that the caller has seen. The change is rejected if the current one
    /// differs.
    pub seen: Option<String>,
}

/// All APIs, by identifier.
///
/// # Errors
/// If the store fails.
pub async fn list(admin: &Admin) -> Result<Vec<Api>, AdminError> {
    Ok(api::all(admin.store.database()).await?)
}

/// An API.
///
/// # Errors
/// [`AdminError::NotFound`] if it does not exist.
pub async fn show(admin: &Admin, resource: &ResourceUri) -> Result<Api, AdminError> {
    let found = list(admin).await?.into_iter().find(|api| api.resource == *resource);
    found.ok_or_else(|| not_found(resource))
}

/// Creates an API. The default API (the issuer itself unless set otherwise) needs no entry.
///
/// # Errors
/// [`AdminError::Exists`] if the identifier is taken, [`AdminError::StoodFor`] if a client already
/// stands for it.
pub async fn create(
    admin: &Admin,
    resource: ResourceUri,
    terms: ApiTerms,
) -> Result<Api, AdminError> {
    terms.check(admin).await?;
    if list(admin).await?.len() >= MAX_APIS {
        return Err(AdminError::Invalid(format!("there can be at most {MAX_APIS} APIs")));
    }
    let made = Api {
        resource,
        name: terms.name,
        scopes: terms.scopes,
        token_alg: terms.token_alg,
        token_ttl: terms.token_ttl,
        created_at: admin.clock.now(),
        since: ApiSince::default(),
    };
    let (mut row, caller) = (made, admin.clone());
    let change = admin.store.change::<Api, AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            caller.authority_to_give(tx).await?;
            row.since = ApiSince::new(event::last_number(tx).await?.next(), BTreeMap::new());
            api::insert(tx, &row).await.map_err(|error| match error {
                StoreError::Conflict => AdminError::Exists(format!("API {}", row.resource)),
                other => other.into(),
            })?;
            check_not_stood_for(tx, &row.resource).await?;
            key::raise_longest_ttl_in(tx, row.token_ttl).await?;
            let event =
                Event::ApiCreated { resource: row.resource.clone(), name: row.name.clone() };
            Ok((row, event))
        })
    });
    change.await.map(|(api, _)| api)
}

/// Changes an API. If it loses a scope, the tokens for it are revoked.
///
/// # Errors
/// [`AdminError::NotFound`] if it does not exist, [`AdminError::Conflict`] if the caller has seen
/// another version.
pub async fn update(
    admin: &Admin,
    resource: &ResourceUri,
    update: ApiUpdate,
) -> Result<Api, AdminError> {
    update.clone().apply(&show(admin, resource).await?).check(admin).await?;
    let (resource, caller) = (resource.clone(), admin.clone());
    let change = admin.store.change_if_any::<Api, AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            caller.authority_to_give(tx).await?;
            let before = api::lock(tx, &resource).await?.ok_or_else(|| not_found(&resource))?;
            version::check(update.seen.as_deref(), &version(&before), "API")?;
            let is_asked = update.revoke_tokens;
            let ApiTerms { name, scopes, token_alg, token_ttl } = update.apply(&before);
            let revokes_tokens = is_asked || !before.scopes.set().is_subset_of(scopes.set());
            // No principal gets a new scope by a change of the API.
            let now = event::last_number(tx).await?.next();
            let since = before.since.with_scopes(before.scopes.set(), scopes.set(), now);
            let created_at = before.created_at;
            let row = Api {
                resource: resource.clone(),
                name,
                scopes,
                token_alg,
                token_ttl,
                created_at,
                since,
            };
            if !is_asked && row == before {
                return Ok((before, None));
            }
            api::update(tx, &row).await?;
            key::raise_longest_ttl_in(tx, row.token_ttl).await?;
            Ok((row, Some(Event::ApiUpdated { resource, revokes_tokens })))
        })
    });
    change.await.map(|(api, _)| api)
}

/// The version of the properties that [`update`] changes.
#[must_use]
pub fn version(api: &Api) -> String {
    version::of(&(
        api.name.as_str(),
        api.scopes.descriptions(),
        api.token_alg.map(SigningAlgorithm::name),
        api.token_ttl,
    ))
}

impl ApiUpdate {
    /// The properties after the change.
    fn apply(self, before: &Api) -> ApiTerms {
        ApiTerms {
            name: self.name.unwrap_or_else(|| before.name.clone()),
            scopes: self.scopes.unwrap_or_else(|| before.scopes.clone()),
            token_alg: self.token_alg.apply(before.token_alg),
            token_ttl: self.token_ttl.apply(before.token_ttl),
        }
    }
}

/// Deletes an API: no more tokens are issued for it.
///
/// # Errors
/// [`AdminError::NotFound`] if it does not exist, [`AdminError::StoodFor`] if a client stands for
/// it.
pub async fn delete(admin: &Admin, resource: &ResourceUri) -> Result<EventNumber, AdminError> {
    let (resource, caller) = (resource.clone(), admin.clone());
    let change = admin.store.change::<(), AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            caller.authority_to_give(tx).await?;
            if !api::delete(tx, &resource).await? {
                return Err(not_found(&resource));
            }
            check_not_stood_for(tx, &resource).await?;
            Ok(((), Event::ApiDeleted { resource }))
        })
    });
    change.await.map(|((), number)| number)
}

/// Rejects an API that a client stands for: after a deletion the client would stand for the next
/// API of the same identifier. Runs at the end of a deletion and at the start of a creation,
/// because an import may have read the API in between.
async fn check_not_stood_for(tx: &mut Tx, resource: &ResourceUri) -> Result<(), AdminError> {
    match client::standing_for(tx, resource).await? {
        Some(client) => Err(AdminError::StoodFor { resource: resource.clone(), client }),
        None => Ok(()),
    }
}

impl ApiTerms {
    /// Checks the properties against each other.
    ///
    /// # Errors
    /// [`AdminError::Invalid`] if they conflict.
    pub fn validate(&self) -> Result<(), AdminError> {
        if self.token_ttl.is_some_and(|ttl| ttl.is_zero() || ttl > MAX_TOKEN_TTL) {
            let reason =
                format!("the token lifetime must be from 1 to {} seconds", MAX_TOKEN_TTL.as_secs());
            return Err(AdminError::Invalid(reason));
        }
        if self.token_alg.is_some_and(SigningAlgorithm::is_symmetric) {
            let reason = "HS256 is not for single APIs: the setting `token.alg` alone chooses it";
            return Err(AdminError::Invalid(reason.to_owned()));
        }
        Ok(())
    }

    /// As [`validate`](Self::validate); the algorithm must also have a key.
    async fn check(&self, admin: &Admin) -> Result<(), AdminError> {
        self.validate()?;
        match self.token_alg {
            Some(algorithm) => signing_key::ensure(admin, algorithm).await,
            None => Ok(()),
        }
    }
}

/// Rejects unknown APIs in a grant.
///
/// # Errors
/// [`AdminError::Unknown`] if an API does not exist.
pub(super) async fn must_exist<'a>(
    admin: &Admin,
    added: impl Iterator<Item = &'a ResourceUri>,
) -> Result<(), AdminError> {
    let mut added = added.peekable();
    if added.peek().is_none() {
        return Ok(());
    }
    let apis = list(admin).await?;
    match added.find(|added| !apis.iter().any(|api| api.resource == **added)) {
        Some(unknown) => Err(AdminError::Unknown(format!("API {unknown}"))),
        None => Ok(()),
    }
}

/// True if all these APIs exist, and neither they nor their scopes were created after this event.
pub(super) async fn are_as_of(
    tx: &mut Tx,
    resources: &[ResourceUri],
    number: EventNumber,
) -> Result<bool, AdminError> {
    for resource in resources {
        if !api::is_as_of(tx, resource, number).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The APIs of `wanted` that are not granted yet.
pub(super) fn added<'a>(
    wanted: &'a [ResourceUri],
    had: &'a [ResourceUri],
) -> impl Iterator<Item = &'a ResourceUri> {
    wanted.iter().filter(|resource| !had.contains(resource))
}

pub(super) fn not_found(resource: &ResourceUri) -> AdminError {
    AdminError::NotFound(format!("API {resource}"))
}
