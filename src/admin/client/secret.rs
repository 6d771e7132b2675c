//! Adds and revokes secrets of clients.

use std::sync::Arc;
use std::time::Duration;

use super::read::find;
use crate::admin::once::{self, Once, Repeatable};
use crate::admin::{Admin, AdminError};
use crate::model::client::{ClientId, ClientSecret, MAX_CHOSEN_SECRETS, MAX_SECRETS, SecretId};
use crate::model::event::{Event, EventNumber};
use crate::secret::Secret;
use crate::secret::chosen::ChosenSecret;
use crate::secret::generated::{CLIENT_SECRET_PREFIX, generate, hint};
use crate::secret::hash::SecretHash;
use crate::secret::pool::{Busy, Lane};
use crate::store::client;

/// The maximum lifetime of a secret in days: a hundred years.
const MAX_LIFE_DAYS: u64 = 36_525;

/// A secret to be created.
#[derive(Debug, Default)]
pub struct NewSecret {
    /// The display name.
    pub label: Option<String>,
    /// The lifetime.
    pub expires_in: Option<Duration>,
    /// The text; generated if absent.
    pub chosen: Option<ChosenSecret>,
}

/// A new secret with its text, which is shown only once.
#[derive(Debug)]
pub struct MadeSecret {
    /// The secret.
    pub secret: ClientSecret,
    /// Its text.
    pub plain: Secret,
}

/// Adds a secret to a client, so that it can be deployed before the old one is revoked.
///
/// # Errors
/// [`AdminError::NotFound`] if the client does not exist, [`AdminError::Invalid`] if it has the
/// maximum number of secrets, [`AdminError::TooManyChosen`] if it has that of chosen ones,
/// [`AdminError::Forbidden`] if the caller may not act for the client.
pub async fn add_secret(
    admin: &Admin,
    id: &ClientId,
    new: NewSecret,
) -> Result<MadeSecret, AdminError> {
    add(admin, id, new, None).await
}

/// As [`add_secret`], for a request that may be repeated: it adds one secret.
///
/// # Errors
/// As [`add_secret`]; [`AdminError::Conflict`] if an earlier request with the same key had another
/// content.
pub async fn add_secret_once(
    admin: &Admin,
    id: &ClientId,
    new: NewSecret,
    repeatable: Option<Repeatable>,
) -> Result<Once<MadeSecret>, AdminError> {
    once::run(admin, repeatable.as_ref(), add(admin, id, new, repeatable.clone())).await
}

async fn add(
    admin: &Admin,
    id: &ClientId,
    new: NewSecret,
    repeatable: Option<Repeatable>,
) -> Result<MadeSecret, AdminError> {
    let label = parse_label(new.label)?;
    // Before the expensive hash.
    admin.precheck(find(admin, id).await?).await?;
    let made = make_secret(admin, NewSecret { label, ..new }).await?;
    let (id, row, caller) = (id.clone(), made.secret.clone(), admin.clone());
    let change = admin.store.change::<(), AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            let (client, secrets) = caller.acting_for_client(tx, &id).await?;
            if secrets.len() >= MAX_SECRETS {
                let reason = format!(
                    "a client can have at most {MAX_SECRETS} secrets; revoke an unused one first"
                );
                return Err(AdminError::Invalid(reason));
            }
            if row.is_chosen()
                && secrets.iter().filter(|secret| secret.is_chosen()).count() >= MAX_CHOSEN_SECRETS
            {
                return Err(AdminError::TooManyChosen);
            }
            client::insert_secret(tx, &client, &row).await?;
            once::keep(tx, &caller, repeatable, row.id.as_str(), row.created_at).await?;
            Ok(((), Event::ClientSecretAdded { client: id, secret: row.id }))
        })
    });
    change.await?;
    Ok(made)
}

/// Revokes a secret of a client. It no longer authenticates, and the tokens issued for it are
/// invalid.
///
/// # Errors
/// [`AdminError::NotFound`] if the client or the secret does not exist, [`AdminError::Forbidden`]
/// if the caller may not act for the client.
pub async fn revoke_secret(
    admin: &Admin,
    id: &ClientId,
    secret: &SecretId,
) -> Result<EventNumber, AdminError> {
    let (id, secret, caller) = (id.clone(), secret.clone(), admin.clone());
    let change = admin.store.change::<(), AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            // Unlike disabling a client it cannot be undone.
            let (client, _) = caller.acting_for_client(tx, &id).await?;
            if !client::delete_secret(tx, &client, &secret).await? {
                return Err(AdminError::NotFound(format!("secret {secret} of client {id}")));
            }
            Ok(((), Event::ClientSecretRevoked { client: id, secret }))
        })
    });
    change.await.map(|((), number)| number)
}

/// Checks the display name of a secret. A blank one is absent.
///
/// # Errors
/// [`AdminError::Invalid`] if it is too long or holds a control character.
pub(in crate::admin) fn parse_label(label: Option<String>) -> Result<Option<String>, AdminError> {
    if label
        .as_ref()
        .is_some_and(|label| label.chars().count() > 100 || label.chars().any(char::is_control))
    {
        let reason = "a label has at most 100 characters, none of them a control character";
        return Err(AdminError::Invalid(reason.to_owned()));
    }
    Ok(label.filter(|label| !label.trim().is_empty()))
}

/// Checks the lifetime of a secret or API key.
///
/// # Errors
/// [`AdminError::Invalid`] if it is zero, or implausibly long.
pub(in crate::admin) fn check_life(life: Option<Duration>) -> Result<(), AdminError> {
    match life {
        Some(Duration::ZERO) => Err(AdminError::Invalid(
            "the lifetime must be at least 1 second; without one the secret never expires"
                .to_owned(),
        )),
        Some(life) if life > Duration::from_secs(MAX_LIFE_DAYS * 24 * 60 * 60) => {
            Err(AdminError::Invalid(
                "the lifetime must be at most 100 years; without one the secret never expires"
                    .to_owned(),
            ))
        }
        _ => Ok(()),
    }
}

/// A new secret, not yet stored.
pub(super) async fn make_secret(admin: &Admin, new: NewSecret) -> Result<MadeSecret, AdminError> {
    check_life(new.expires_in)?;
    let now = admin.clock.now();
    let id = SecretId::generate(&*admin.random);
    let digests = &admin.secret_digests;
    let (plain, hint, digest) = if let Some(chosen) = new.chosen {
        // A chosen secret can be guessed, so only its slow hash is stored.
        let plain = chosen.secret().clone();
        let tag = digests.tag(id.as_str(), &plain);
        (plain, tag, None)
    } else {
        let plain = generate(CLIENT_SECRET_PREFIX, &*admin.random);
        let (hint, digest) = (hint(&plain), digests.digest(&plain));
        (plain, hint, Some(digest))
    };
    let secret = ClientSecret {
        id,
        hint,
        label: new.label,
        digest,
        hash: hash(admin, &plain).await?,
        created_at: now,
        expires_at: new.expires_in.map(|after| now.plus(after)),
    };
    Ok(MadeSecret { secret, plain })
}

/// Hashes on the pool, so that no other request waits.
async fn hash(admin: &Admin, plain: &Secret) -> Result<SecretHash, AdminError> {
    let (plain, random) = (plain.clone(), Arc::clone(&admin.random));
    let hash = move |memory: &mut _| SecretHash::of(&plain, &*random, memory);
    let outcome = admin.hashing.submit(Lane::Administration, hash)?;
    Ok(outcome.await.map_err(|_| Busy)??)
}
