//! Creates, changes and deletes clients. `read` shows them, `secret` adds and revokes their
//! secrets.

mod read;
mod secret;

use std::time::Duration;

pub(super) use read::not_found;
pub use read::{KeptSecret, newest, page, show};
pub use secret::{MadeSecret, NewSecret, add_secret, add_secret_once, revoke_secret};
pub(super) use secret::{check_life, parse_label};

use super::api::{added, must_exist};
use super::json::client_terms::ClientTermsJson;
use super::once::{Once, Repeatable};
use super::{Admin, AdminError, once, signing_key, version};
use crate::model::client::{AuthMethod, Client, ClientId, ClientSecret, ClientTerms, ClientUpdate};
use crate::model::event::{Event, EventNumber};
use crate::model::user::UserId;
use crate::secret::Secret;
use crate::secret::chosen::ChosenSecret;
pub use crate::store::client::Filter;
use crate::store::{StoreError, client, event, key};

/// A client to be created.
#[derive(Debug)]
pub struct NewClient {
    /// The id, of another server; generated if absent.
    pub id: Option<ClientId>,
    /// The terms.
    pub terms: ClientTerms,
    /// The secret; generated if absent.
    pub secret: Option<ChosenSecret>,
    /// The lifetime of the secret.
    pub secret_expires_in: Option<Duration>,
}

/// A new client with its secret, whose text is shown only once.
#[derive(Debug)]
pub struct CreatedClient {
    /// The client.
    pub client: Client,
    /// Its secret.
    pub secret: ClientSecret,
    /// The text of the secret.
    pub plain: Secret,
}

/// Creates a client with a secret.
///
/// # Errors
/// [`AdminError::Exists`] if the id is taken, [`AdminError::Forbidden`] if the caller does not hold
/// the scopes.
pub async fn create(admin: &Admin, new: NewClient) -> Result<CreatedClient, AdminError> {
    make(admin, new, None).await
}

/// As [`create`], for a request that may be repeated: it creates one client.
///
/// # Errors
/// As [`create`]; [`AdminError::Conflict`] if an earlier request with the same key had another
/// content.
pub async fn create_once(
    admin: &Admin,
    new: NewClient,
    repeatable: Option<Repeatable>,
) -> Result<Once<CreatedClient>, AdminError> {
    once::run(admin, repeatable.as_ref(), make(admin, new, repeatable.clone())).await
}

async fn make(
    admin: &Admin,
    new: NewClient,
    repeatable: Option<Repeatable>,
) -> Result<CreatedClient, AdminError> {
    admin.may_grant(&new.terms.scopes)?;
    admin.may_give_apis(&new.terms.resources, &[])?;
    admin.may_give_apis(&new.terms.stands_for, &[])?;
    if let Some(id) = &new.id {
        check_id(id)?;
    }
    check(admin, &new.terms, None).await?;
    let now = admin.clock.now();
    let new_secret =
        NewSecret { label: None, expires_in: new.secret_expires_in, chosen: new.secret };
    let made = secret::make_secret(admin, new_secret).await?;
    let mut client = Client {
        id: new.id.unwrap_or_else(|| ClientId::generate(&*admin.random)),
        terms: new.terms,
        auth_method: AuthMethod::ClientSecret,
        cut_off: EventNumber::default(),
        created_at: now,
        disabled_at: None,
    };
    let (row, secret_row, caller) = (client.clone(), made.secret.clone(), admin.clone());
    let change = admin.store.change::<EventNumber, AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            if caller.grantable.is_some() && event::is_known(tx, row.id.as_str()).await? {
                // Systems that trust this id trust another client.
                return Err(AdminError::Exists(format!(
                    "client {}, or a deleted client with this id,",
                    row.id
                )));
            }
            client::insert(tx, &row).await.map_err(|error| match error {
                StoreError::Conflict => AdminError::Exists(format!("client {}", row.id)),
                other => other.into(),
            })?;
            // A client of this id may have existed before. Its deletion was committed before the
            // row above could be written, so all its tokens have smaller numbers than the next.
            let cut_off = event::last_number(tx).await?.next();
            client::set_cut_off(tx, &row.id, cut_off).await?;
            client::insert_secret(tx, &row.id, &secret_row).await?;
            key::raise_longest_ttl_in(tx, row.terms.token_ttl).await?;
            once::keep(tx, &caller, repeatable, row.id.as_str(), now).await?;
            Ok((cut_off, Event::ClientCreated { client: row.id, name: row.terms.name }))
        })
    });
    (client.cut_off, _) = change.await?;
    Ok(CreatedClient { client, secret: made.secret, plain: made.plain })
}

/// Changes the terms of a client. Issued tokens stay as they are until they expire.
///
/// # Errors
/// [`AdminError::NotFound`] if it does not exist, [`AdminError::Forbidden`] if the caller does not
/// hold all scopes that it has or gets, [`AdminError::Changed`] if the caller has seen another
/// version.
pub async fn update(
    admin: &Admin,
    id: &ClientId,
    update: ClientUpdate,
) -> Result<Client, AdminError> {
    let before = read::find(admin, id).await?;
    let wanted = update.clone().apply(before.terms.clone());
    check(admin, &wanted, Some(&before.terms)).await?;
    let (id, caller) = (id.clone(), admin.clone());
    let change = admin.store.change::<Client, AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            let (mut client, _) = client::lock(tx, &id).await?.ok_or_else(|| not_found(&id))?;
            // A change decides the terms as a whole, as the creation does.
            caller.may_grant(&client.terms.scopes)?;
            version::check(update.seen.as_deref(), &version(&client), "client")?;
            let terms = update.apply(client.terms.clone());
            caller.may_grant(&terms.scopes)?;
            caller.may_give_apis(&terms.resources, &client.terms.resources)?;
            caller.may_give_apis(&terms.stands_for, &client.terms.stands_for)?;
            terms.validate()?;
            client.terms = terms;
            client::update(tx, &client).await?;
            key::raise_longest_ttl_in(tx, client.terms.token_ttl).await?;
            Ok((client, Event::ClientUpdated { client: id }))
        })
    });
    change.await.map(|(client, _)| client)
}

/// The version of a client's terms.
#[must_use]
pub fn version(client: &Client) -> String {
    version::of(&ClientTermsJson::from(&client.terms))
}

/// Enables a client, or disables it: it does not authenticate, and its tokens are invalid, also
/// after it is enabled again. Accepts the current state. Returns the number of the event.
///
/// # Errors
/// [`AdminError::NotFound`] if it does not exist, [`AdminError::Forbidden`] if a caller that
/// enables it does not hold its scopes.
pub async fn set_enabled(
    admin: &Admin,
    id: &ClientId,
    enabled: bool,
) -> Result<EventNumber, AdminError> {
    let (id, caller) = (id.clone(), admin.clone());
    let since = (!enabled).then(|| admin.clock.now());
    let change = admin.store.change(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            let (client, _) = client::lock(tx, &id).await?.ok_or_else(|| not_found(&id))?;
            if enabled {
                // An emergency stop needs fewer rights.
                caller.may_grant(&client.terms.scopes)?;
            }
            client::set_disabled(tx, &id, since).await?;
            let event = match since {
                None => Event::ClientEnabled { client: id },
                Some(_) => Event::ClientDisabled { client: id },
            };
            Ok(((), event))
        })
    });
    change.await.map(|((), number)| number)
}

/// Deletes a client with its secrets. Returns the number of the event.
///
/// # Errors
/// [`AdminError::NotFound`] if it does not exist, [`AdminError::Forbidden`] if the caller does not
/// hold its scopes.
pub async fn delete(admin: &Admin, id: &ClientId) -> Result<EventNumber, AdminError> {
    let (id, caller) = (id.clone(), admin.clone());
    let change = admin.store.change(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            let (client, _) = client::lock(tx, &id).await?.ok_or_else(|| not_found(&id))?;
            caller.may_grant(&client.terms.scopes)?;
            client::delete(tx, &id).await?;
            Ok(((), Event::ClientDeleted { client: id }))
        })
    });
    change.await.map(|((), number)| number)
}

/// Checks terms on their own, then against the store: the APIs must exist, and a key for each
/// algorithm.
async fn check(
    admin: &Admin,
    terms: &ClientTerms,
    before: Option<&ClientTerms>,
) -> Result<(), AdminError> {
    terms.validate()?;
    let (resources, stood_for) =
        before.map_or((&[][..], &[][..]), |before| (&before.resources, &before.stands_for));
    let added = added(&terms.resources, resources).chain(added(&terms.stands_for, stood_for));
    must_exist(admin, added).await?;
    for algorithm in [terms.token_alg, terms.introspection_alg].into_iter().flatten() {
        signing_key::ensure(admin, algorithm).await?;
    }
    Ok(())
}

/// Rejects an id that a user could have (RFC 9068 §5).
///
/// # Errors
/// [`AdminError::Invalid`].
pub(super) fn check_id(id: &ClientId) -> Result<(), AdminError> {
    if UserId::parse(id.as_str()).is_ok() {
        let reason =
            "a client id must not have the form of a user id (mu_ and 22 letters or digits)";
        return Err(AdminError::Invalid(reason.to_owned()));
    }
    Ok(())
}
