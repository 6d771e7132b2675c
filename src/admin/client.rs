//! Clients.

use std::sync::Arc;

use super::{Admin, AdminError, signing_key};
use crate::model::client::{AuthMethod, Client, ClientId, ClientName, ClientSecret, GrantType, SecretId};
use crate::model::event::{Event, EventNumber};
use crate::model::scope::ScopeSet;
use crate::model::signing_key::SigningAlgorithm;
use crate::secret::Secret;
use crate::secret::generated::{CLIENT_SECRET_PREFIX, generate, hint};
use crate::secret::hash::SecretHash;
use crate::store::{StoreError, client, event};

/// What a client is made of.
#[derive(Debug)]
pub struct NewClient {
    /// An id that exists elsewhere; a new one when absent.
    pub id: Option<ClientId>,
    /// What people call it.
    pub name: ClientName,
    /// All that it may ask for.
    pub scopes: ScopeSet,
    /// The grants it may use.
    pub grants: Vec<GrantType>,
    /// What its tokens are signed with; what the settings say when absent.
    pub token_alg: Option<SigningAlgorithm>,
    /// After how long its secret expires.
    pub secret_expires_in: Option<std::time::Duration>,
}

/// A client that was made, and its secret, which is shown this once.
#[derive(Debug)]
pub struct CreatedClient {
    /// The client.
    pub client: Client,
    /// Its secret, as it is kept.
    pub secret: ClientSecret,
    /// Its secret in plain.
    pub plain: Secret,
}

/// Makes a client with a secret.
///
/// # Errors
/// [`AdminError::Exists`] when the id is taken.
pub async fn create(admin: &Admin, new: NewClient) -> Result<CreatedClient, AdminError> {
    if let Some(algorithm) = new.token_alg {
        signing_key::ensure(admin, algorithm).await?;
    }
    let now = admin.clock.now();
    let plain = generate(CLIENT_SECRET_PREFIX, &*admin.random);
    let secret = ClientSecret {
        id: SecretId::generate(&*admin.random),
        hint: hint(&plain),
        label: None,
        digest: admin.secret_digests.digest(&plain),
        hash: hash(admin, &plain).await?,
        created_at: now,
        expires_at: new.secret_expires_in.map(|after| now.plus(after)),
    };
    let mut client = Client {
        id: new.id.unwrap_or_else(|| ClientId::generate(&*admin.random)),
        name: new.name,
        scopes: new.scopes,
        grants: new.grants,
        auth_method: AuthMethod::ClientSecret,
        token_alg: new.token_alg,
        cut_off: EventNumber::default(),
        created_at: now,
        disabled_at: None,
    };
    let (row, secret_row) = (client.clone(), secret.clone());
    let change = admin.store.change::<EventNumber, AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            client::insert(tx, &row).await.map_err(|error| match error {
                StoreError::Conflict => AdminError::Exists(format!("client {}", row.id)),
                other => other.into(),
            })?;
            // There may have been a client of this id before. Its deletion was committed before the row above could be
            // written, so every token of it has a smaller number than what comes next.
            let cut_off = event::last_number(tx).await?.next();
            client::set_cut_off(tx, &row.id, cut_off).await?;
            client::insert_secret(tx, &row.id, &secret_row).await?;
            Ok((cut_off, Event::ClientCreated { client: row.id, name: row.name }))
        })
    });
    (client.cut_off, _) = change.await?;
    Ok(CreatedClient { client, secret, plain })
}

/// A client with its secrets.
///
/// # Errors
/// [`AdminError::NotFound`] when there is none.
pub async fn show(admin: &Admin, id: &ClientId) -> Result<(Client, Vec<ClientSecret>), AdminError> {
    client::by_id(admin.store.database(), id).await?.ok_or_else(|| not_found(id))
}

/// Up to `limit` clients after the one with the id `after`, by id.
///
/// # Errors
/// When the store fails.
pub async fn page(admin: &Admin, after: &str, limit: i64) -> Result<Vec<Client>, AdminError> {
    Ok(client::page(admin.store.database(), after, limit).await?)
}

/// Lets a client authenticate, or stops it from doing so and its tokens from being accepted. It is no error when that is
/// so already. Gives the number of the event.
///
/// # Errors
/// [`AdminError::NotFound`] when there is none.
pub async fn set_enabled(admin: &Admin, id: &ClientId, enabled: bool) -> Result<EventNumber, AdminError> {
    let (id, since) = (id.clone(), (!enabled).then(|| admin.clock.now()));
    let change = admin.store.change(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            if !client::set_disabled(tx, &id, since).await? {
                return Err(not_found(&id));
            }
            let event = match since {
                None => Event::ClientEnabled { client: id },
                Some(_) => Event::ClientDisabled { client: id },
            };
            Ok(((), event))
        })
    });
    change.await.map(|((), number)| number)
}

/// Deletes a client with its secrets. Gives the number of the event.
///
/// # Errors
/// [`AdminError::NotFound`] when there is none.
pub async fn delete(admin: &Admin, id: &ClientId) -> Result<EventNumber, AdminError> {
    let id = id.clone();
    let change = admin.store.change(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            if !client::delete(tx, &id).await? {
                return Err(not_found(&id));
            }
            Ok(((), Event::ClientDeleted { client: id }))
        })
    });
    change.await.map(|((), number)| number)
}

fn not_found(id: &ClientId) -> AdminError {
    AdminError::NotFound(format!("client {id}"))
}

/// On a thread that may be busy for 14 ms.
async fn hash(admin: &Admin, plain: &Secret) -> Result<SecretHash, AdminError> {
    let (plain, random) = (plain.clone(), Arc::clone(&admin.random));
    let hashing = tokio::task::spawn_blocking(move || SecretHash::of(&plain, &*random));
    let hash = hashing.await.map_err(|error| StoreError::Failed(error.to_string()))?;
    Ok(hash?)
}
