//! Signing keys: rotates them on a schedule or on request.

use std::time::Duration;

use super::{Admin, AdminError};
use crate::keys::error::UnusableKey;
use crate::keys::signing::SigningKey;
use crate::model::event::{Event, EventNumber};
use crate::model::key_schedule::{KeyState, NothingToDo, Plan, ScheduledKey, Step, Term, plan};
use crate::model::signing_key::SigningAlgorithm;
use crate::store::StoreError;
use crate::store::client;
use crate::store::key::{self, StoredSigningKey};

/// The result of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyChange {
    /// The new key, or the revoked one.
    pub key: ScheduledKey,
    /// The number of the event.
    pub number: EventNumber,
}

/// All stored keys, in the order in which they sign.
///
/// # Errors
/// If the store fails.
pub async fn list(admin: &Admin) -> Result<Vec<StoredSigningKey>, AdminError> {
    Ok(key::signing_keys(admin.store.database()).await?)
}

/// The states and terms of all stored keys.
///
/// # Errors
/// If the store fails.
pub async fn schedules(admin: &Admin) -> Result<Vec<ScheduledKey>, AdminError> {
    Ok(list(admin).await?.iter().filter_map(|key| key.schedule().ok()).collect())
}

/// The term of a key and its public key in PEM; no PEM for a symmetric key, or for a revoked and
/// erased one.
///
/// # Errors
/// [`AdminError::NotFound`] if it does not exist.
pub async fn show(admin: &Admin, kid: &str) -> Result<(ScheduledKey, Option<String>), AdminError> {
    let keys = list(admin).await?;
    let stored = keys.iter().find(|key| key.kid == kid).ok_or_else(|| not_found(kid))?;
    let scheduled = stored.schedule().map_err(UnusableKey::from)?;
    if stored.term.taken_back_at.is_some() {
        return Ok((scheduled, None));
    }
    let public = SigningKey::open(&admin.sealing, stored)?.public;
    Ok((scheduled, public.map(|public| public.to_pem())))
}

/// Ensures that `algorithm` has a key. The first one signs immediately.
///
/// # Errors
/// If the store fails, or a key cannot be generated.
pub async fn ensure(admin: &Admin, algorithm: SigningAlgorithm) -> Result<(), AdminError> {
    match carry_out(admin, algorithm, Step::Ensure, None).await {
        Ok(_) | Err(AdminError::NothingToDo(NothingToDo::Present)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Creates the next key. It is published immediately and signs after `ahead`. Without `ahead` the
/// waiting key, or else a new one that no verifier knows yet, signs immediately.
///
/// # Errors
/// [`AdminError::NothingToDo`] if a key is already waiting.
pub async fn rotate(
    admin: &Admin,
    algorithm: SigningAlgorithm,
    ahead: Option<Duration>,
) -> Result<KeyChange, AdminError> {
    let step = ahead.map_or(Step::RotateNow, |ahead| Step::Rotate { ahead });
    carry_out(admin, algorithm, step, None).await
}

/// Imports the next key. It is published immediately and signs after `ahead`.
///
/// # Errors
/// [`AdminError::Exists`] if it is already known.
pub async fn import(
    admin: &Admin,
    key: SigningKey,
    ahead: Duration,
) -> Result<KeyChange, AdminError> {
    let algorithm = key.algorithm();
    carry_out(admin, algorithm, Step::Import { ahead }, Some(key)).await
}

/// Revokes a key, as after a leak: it no longer verifies tokens, and another key signs. A symmetric
/// key gets no replacement if another algorithm is the default.
///
/// # Errors
/// [`AdminError::NotFound`] if it does not exist, [`AdminError::NothingToDo`] if it has already
/// been removed.
pub async fn retire(
    admin: &Admin,
    kid: &str,
    default: SigningAlgorithm,
) -> Result<KeyChange, AdminError> {
    let keys = list(admin).await?;
    let key = keys.iter().find(|key| key.kid == kid).ok_or_else(|| not_found(kid))?;
    let algorithm = key.schedule().map_err(UnusableKey::from)?.algorithm;
    let followed = algorithm == default || !algorithm.is_symmetric();
    carry_out(admin, algorithm, Step::TakeBack { kid, followed }, None).await
}

fn not_found(kid: &str) -> AdminError {
    AdminError::NotFound(format!("signing key {kid}"))
}

/// The maximum number of published keys per algorithm: verifiers limit the size of key sets.
const MAX_PUBLISHED: usize = 12;

async fn carry_out(
    admin: &Admin,
    algorithm: SigningAlgorithm,
    step: Step<'_>,
    imported: Option<SigningKey>,
) -> Result<KeyChange, AdminError> {
    let stored = list(admin).await?;
    let now = admin.clock.now();
    // An RSA key may exist under the other of its two algorithms.
    if let Some(known) =
        imported.as_ref().filter(|key| stored.iter().any(|known| known.kid == key.kid))
    {
        return Err(AdminError::Exists(format!("signing key {}", known.kid)));
    }
    let keys = stored.iter().filter_map(|stored| stored.schedule().ok());
    let keys: Vec<ScheduledKey> = keys.filter(|key| key.algorithm == algorithm).collect();
    let plan = plan(&keys, step, now)?;
    let published = keys.iter().filter(|key| key.term.state(now) != KeyState::Gone).count();
    if published >= MAX_PUBLISHED && !matches!(step, Step::TakeBack { .. }) {
        return Err(AdminError::TooManyKeys(algorithm));
    }
    let new = match plan.new_signs_from {
        None => None,
        Some(signs_from) => {
            let key = match imported {
                Some(key) => key,
                None => generate(algorithm).await?,
            };
            // Servers add the lifetime in their settings.
            let longest = client::longest_token_ttl(admin.store.database()).await?;
            let longest_ttl = longest.unwrap_or_default();
            let term = Term { longest_ttl, ..Term::from(signs_from) };
            Some(key.seal(&admin.sealing, term, now)?)
        }
    };
    let subject = subject(step, &plan, new.as_ref(), algorithm)?;
    let event = event(step, &subject);
    let change = admin.store.change::<(), AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            for (before, term) in &plan.changed {
                if !key::set_term(tx, &before.kid, &before.term, term).await? {
                    // Another change came first: the plan is out of date.
                    return Err(StoreError::Conflict.into());
                }
            }
            if let Some(new) = &new {
                key::insert_signing_key(tx, new).await?;
            }
            Ok(((), event))
        })
    });
    let ((), number) = change.await?;
    Ok(KeyChange { key: subject, number })
}

/// The key that the change is about.
fn subject(
    step: Step<'_>,
    plan: &Plan,
    new: Option<&StoredSigningKey>,
    algorithm: SigningAlgorithm,
) -> Result<ScheduledKey, NothingToDo> {
    let taken_back = matches!(step, Step::TakeBack { .. });
    match (new, plan.changed.first(), plan.changed.last()) {
        (Some(new), ..) if !taken_back => {
            Ok(ScheduledKey { kid: new.kid.clone(), algorithm, term: new.term })
        }
        (_, Some((key, term)), _) if taken_back => Ok(ScheduledKey { term: *term, ..key.clone() }),
        (_, _, Some((key, term))) => Ok(ScheduledKey { term: *term, ..key.clone() }),
        _ => Err(NothingToDo::Unknown),
    }
}

fn event(step: Step<'_>, key: &ScheduledKey) -> Event {
    let (kid, algorithm, signs_from) = (key.kid.clone(), key.algorithm, key.term.signs_from);
    match step {
        Step::Ensure => Event::SigningKeyCreated { kid, algorithm, signs_from },
        Step::Rotate { .. } | Step::RotateNow => {
            Event::SigningKeyRotated { kid, algorithm, signs_from }
        }
        Step::Import { .. } => Event::SigningKeyImported { kid, algorithm, signs_from },
        Step::TakeBack { .. } => Event::SigningKeyRetired { kid, algorithm },
    }
}

/// Runs on a blocking thread: RSA takes some tenths of a second.
async fn generate(algorithm: SigningAlgorithm) -> Result<SigningKey, AdminError> {
    let generating = tokio::task::spawn_blocking(move || SigningKey::generate(algorithm));
    let key = generating.await.map_err(|error| StoreError::Failed(error.to_string()))?;
    Ok(key?)
}
