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
use crate::model::authority::Principal as _;
use crate::model::client::{AuthMethod, Client, ClientId, ClientSecret, ClientTerms, ClientUpdate};
use crate::model::event::{Event, EventNumber};
use crate::model::user::UserId;
use crate::secret::Secret;
use crate::secret::chosen::ChosenSecret;
pub use crate::store::client::Filter;
use crate::store::transaction::Tx;
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
    if let Some(id) = &new.id {
        check_id(id)?;
    }
    check(admin, &new.terms, None).await?;
    let now = admin.clock.now();
    let client = Client {
        id: new.id.unwrap_or_else(|| ClientId::generate(&*admin.random)),
        terms: new.terms,
        auth_method: AuthMethod::ClientSecret,
        cut_off: EventNumber::default(),
        granted_as_of: EventNumber::default(),
        created_at: now,
        disabled_at: None,
    };
    // Before the expensive hash.
    admin.precheck(client.clone()).await?;
    let new_secret =
        NewSecret { label: None, expires_in: new.secret_expires_in, chosen: new.secret };
    let made = secret::make_secret(admin, new_secret).await?;
    let (row, secret_row, caller) = (client, made.secret.clone(), admin.clone());
    let change = admin.store.change::<Client, AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            let authority = caller.authority_to_give(tx).await?;
            if caller.grantable.is_some() && event::is_known(tx, row.id.as_str()).await? {
                // Systems that trust this id trust another client.
                return Err(AdminError::Exists(format!(
                    "client {}, or a deleted client with this id,",
                    row.id
                )));
            }
            let row = authority.to_create(row)?;
            client::insert(tx, &row).await.map_err(|error| match error {
                StoreError::Conflict => AdminError::Exists(format!("client {}", row.id)),
                other => other.into(),
            })?;
            // A client of this id may have existed before. Its deletion was committed before the
            // row above could be written, so all its tokens have smaller numbers than the next.
            let now_is = event::last_number(tx).await?.next();
            client::set_cut_off(tx, &row.id, now_is).await?;
            client::set_granted_as_of(tx, &row, now_is).await?;
            client::insert_secret(tx, &row, &secret_row).await?;
            key::raise_longest_ttl_in(tx, row.terms.token_ttl).await?;
            once::keep(tx, &caller, repeatable, row.id.as_str(), now).await?;
            let row = Client { cut_off: now_is, granted_as_of: now_is, ..row.into_inner() };
            let event =
                Event::ClientCreated { client: row.id.clone(), name: row.terms.name.clone() };
            Ok((row, event))
        })
    });
    let (client, _) = change.await?;
    Ok(CreatedClient { client, secret: made.secret, plain: made.plain })
}

/// Changes the terms of a client. If it then has less, its tokens are revoked.
///
/// # Errors
/// [`AdminError::NotFound`] if it does not exist, [`AdminError::Forbidden`] if the caller does not
/// hold all that it has or gets, [`AdminError::Changed`] if the caller has seen another
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
    let change =
        admin.store.change_if_any::<Client, AdminError, _>(admin.actor.clone(), move |tx| {
            Box::pin(async move {
                let authority = caller.authority_to_give(tx).await?;
                let before = caller.lock_client(tx, &id).await?;
                let seen = version(&before);
                let before = authority.over(before)?;
                version::check(update.seen.as_deref(), &seen, "client")?;
                let (is_regrant, is_asked) = (update.regrant, update.revoke_tokens);
                let mut after = Client::clone(&before);
                after.terms = update.apply(after.terms);
                after.terms.validate()?;
                let gets_more = is_regrant || after.gets_more_than(&before);
                let is_pending = is_regrant && !is_current(tx, &before).await?;
                if !is_asked && !is_pending && after.terms.is_same(&before.terms) {
                    return Ok((before.into_inner(), None));
                }
                if gets_more {
                    after.granted_as_of = event::last_number(tx).await?.next();
                }
                let revokes_tokens = is_asked || after.may_less_than(&before);
                let client = authority.to_change(before, after, is_regrant)?;
                client::update(tx, &client).await?;
                if gets_more {
                    client::set_granted_as_of(tx, &client, client.granted_as_of).await?;
                }
                let client = client.into_inner();
                key::raise_longest_ttl_in(tx, client.terms.token_ttl).await?;
                Ok((client, Some(Event::ClientUpdated { client: id, revokes_tokens })))
            })
        });
    change.await.map(|(client, _)| client)
}

/// True if nothing was created at the APIs of a client since its scopes were granted.
async fn is_current(tx: &mut Tx, client: &Client) -> Result<bool, AdminError> {
    super::api::are_as_of(tx, &client.terms.resources, client.granted_as_of).await
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
/// enables it may not act for it.
pub async fn set_enabled(
    admin: &Admin,
    id: &ClientId,
    enabled: bool,
) -> Result<EventNumber, AdminError> {
    let (id, caller) = (id.clone(), admin.clone());
    let since = (!enabled).then(|| admin.clock.now());
    let change = admin.store.change(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            let Some(since) = since else {
                let (client, _) = caller.acting_for_client(tx, &id).await?;
                client::enable(tx, &client).await?;
                return Ok(((), Event::ClientEnabled { client: id }));
            };
            // An emergency stop needs no rights over the client.
            caller.authority(tx).await?;
            caller.lock_client(tx, &id).await?;
            client::disable(tx, &id, since).await?;
            Ok(((), Event::ClientDisabled { client: id }))
        })
    });
    change.await.map(|((), number)| number)
}

/// Deletes a client with its secrets. Returns the number of the event.
///
/// # Errors
/// [`AdminError::NotFound`] if it does not exist, [`AdminError::Forbidden`] if the caller may
/// not act for it.
pub async fn delete(admin: &Admin, id: &ClientId) -> Result<EventNumber, AdminError> {
    let (id, caller) = (id.clone(), admin.clone());
    let change = admin.store.change(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            let (client, _) = caller.acting_for_client(tx, &id).await?;
            client::delete(tx, &client).await?;
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
