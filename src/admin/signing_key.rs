//! Signing keys: they follow one another on a schedule, or when somebody says so.

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

/// What became of the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyChange {
    /// The key that the change is about: the one that comes, or the one that was taken back.
    pub key: ScheduledKey,
    /// The number of the event.
    pub number: EventNumber,
}

/// All keys that are not deleted yet, in the order in which they sign.
///
/// # Errors
/// When the store fails.
pub async fn list(admin: &Admin) -> Result<Vec<StoredSigningKey>, AdminError> {
    Ok(key::signing_keys(admin.store.database()).await?)
}

/// What each of them is doing, and until when.
///
/// # Errors
/// When the store fails.
pub async fn schedules(admin: &Admin) -> Result<Vec<ScheduledKey>, AdminError> {
    Ok(list(admin).await?.iter().filter_map(|key| key.schedule().ok()).collect())
}

/// What a key is doing, and its public half in PEM; none of a secret, or of a key that was taken
/// back and erased.
///
/// # Errors
/// [`AdminError::NotFound`] when there is none.
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

/// Sees to it that there is a key for `algorithm`. The first one signs at once.
///
/// # Errors
/// When the store fails, or no key can be made.
pub async fn ensure(admin: &Admin, algorithm: SigningAlgorithm) -> Result<(), AdminError> {
    match carry_out(admin, algorithm, Step::Ensure, None).await {
        Ok(_) | Err(AdminError::NothingToDo(NothingToDo::Present)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Has a new key follow. It is published at once, and signs after `ahead`; without `ahead` the key
/// that waits signs at once, or a new one does, which no verifier knows yet.
///
/// # Errors
/// [`AdminError::NothingToDo`] when a key waits already.
pub async fn rotate(
    admin: &Admin,
    algorithm: SigningAlgorithm,
    ahead: Option<Duration>,
) -> Result<KeyChange, AdminError> {
    let step = ahead.map_or(Step::RotateNow, |ahead| Step::Rotate { ahead });
    carry_out(admin, algorithm, step, None).await
}

/// Has a key follow that was made elsewhere. It is published at once, and signs after `ahead`.
///
/// # Errors
/// [`AdminError::Exists`] when it is known already.
pub async fn import(
    admin: &Admin,
    key: SigningKey,
    ahead: Duration,
) -> Result<KeyChange, AdminError> {
    let algorithm = key.algorithm();
    carry_out(admin, algorithm, Step::Import { ahead }, Some(key)).await
}

/// Takes a key back, as when it leaked: from now on it verifies nothing, and another one signs; but
/// for a secret, when tokens are signed with something else by default.
///
/// # Errors
/// [`AdminError::NotFound`] when there is none, [`AdminError::NothingToDo`] when it is gone
/// already.
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

/// The most keys of one algorithm that may be published at once: verifiers do not take sets of any
/// length.
const MAX_PUBLISHED: usize = 12;

async fn carry_out(
    admin: &Admin,
    algorithm: SigningAlgorithm,
    step: Step<'_>,
    imported: Option<SigningKey>,
) -> Result<KeyChange, AdminError> {
    let stored = list(admin).await?;
    let now = admin.clock.now();
    // An RSA key may be there for the other of its two algorithms.
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
            // Servers add what their settings say.
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
                    // Somebody else was faster, so the plan was made for what is not so any more.
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

/// What the change is about.
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

/// On a thread that may be busy for some tenths of a second.
async fn generate(algorithm: SigningAlgorithm) -> Result<SigningKey, AdminError> {
    let generating = tokio::task::spawn_blocking(move || SigningKey::generate(algorithm));
    let key = generating.await.map_err(|error| StoreError::Failed(error.to_string()))?;
    Ok(key?)
}
