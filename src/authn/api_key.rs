//! Authentication by API key. The directory finds a key by its digest; a key with a wrong checksum
//! is rejected before any lookup.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::audience::OwnApis;
use super::context::Context;
use super::delay::make_wait;
use super::demand::{Demand, require};
use super::error::{AccessError, KeyFailure};
use crate::clock::Timestamp;
use crate::directory::{KnownApiKey, OverLimit, Rate};
use crate::model::api_key::ApiKey;
use crate::model::identity::{Authenticated, Credential};
use crate::model::usage::KeyOutcome;
use crate::network::Network;
use crate::secret::digest::SecretDigest;

/// An API key in a request.
#[derive(Clone, Copy)]
pub struct PresentedKey<'a> {
    /// The key as sent.
    pub key: &'a str,
    /// The caller's address, if known.
    pub from: Option<IpAddr>,
    /// True if the address is certain. A key that is bound to addresses accepts no other.
    pub is_from_certain: bool,
}

impl fmt::Debug for PresentedKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresentedKey").field("from", &self.from).finish_non_exhaustive()
    }
}

/// The digest that the directory finds the key by.
///
/// # Errors
/// [`KeyFailure::Malformed`].
pub fn digest(context: &Context, key: &str) -> Result<SecretDigest, KeyFailure> {
    let policy = &context.admin.api_keys;
    policy.format.environment(key).ok_or(KeyFailure::Malformed)?;
    Ok(policy.digest(key))
}

/// Identifies the owner of a key, checks the key against `demand`, and counts the outcome.
pub(super) async fn authenticate(
    context: &Context,
    presented: &PresentedKey<'_>,
    demand: Demand<'_>,
) -> Result<Authenticated, AccessError> {
    let known = find(context, presented).await?;
    let now = context.clock.now();
    match judge(context, &known, presented, demand, now) {
        Ok(authenticated) => {
            spend(context, &known, presented.from, now).map_err(AccessError::OverLimit)?;
            Ok(authenticated)
        }
        Err(refusal) => {
            drop((refusal, known));
            // Boxed, to keep the future of every request small: see `http`.
            Box::pin(refuse(context, presented, demand)).await
        }
    }
}

/// Refuses a key, after a second check by the knowledge of all that was committed before: the key or
/// its owner may have been changed since.
async fn refuse(
    context: &Context,
    presented: &PresentedKey<'_>,
    demand: Demand<'_>,
) -> Result<Authenticated, AccessError> {
    context.directory.be_current().await?;
    let known = find(context, presented).await?;
    let now = context.clock.now();
    let judged = judge(context, &known, presented, demand, now);
    match &judged {
        Ok(_) => spend(context, &known, presented.from, now).map_err(AccessError::OverLimit)?,
        Err(AccessError::InvalidKey(failure)) => {
            if let Some(outcome) = failure.outcome() {
                known.usage.refuse(now, outcome);
            }
        }
        Err(_) => known.usage.refuse(now, KeyOutcome::MissingScope),
    }
    judged
}

/// The same for a request that [`authenticate`] has counted.
pub(super) async fn recheck(
    context: &Context,
    presented: &PresentedKey<'_>,
    demand: Demand<'_>,
) -> Result<Authenticated, AccessError> {
    let known = find(context, presented).await?;
    judge(context, &known, presented, demand, context.clock.now())
}

async fn find(
    context: &Context,
    presented: &PresentedKey<'_>,
) -> Result<Arc<KnownApiKey>, AccessError> {
    let digest = digest(context, presented.key)?;
    match context.directory.api_key(&digest).await? {
        Some(known) => Ok(known),
        None => Err(Box::pin(refuse_unknown(context, presented)).await.into()),
    }
}

/// Refuses an unknown key. A key cannot be guessed, but each invented one costs a lookup: a network
/// that sends very many waits for the responses.
pub async fn refuse_unknown(context: &Context, presented: &PresentedKey<'_>) -> KeyFailure {
    if let Some(from) = presented.from
        && context.directory.guesses().is_flooded_by(Network::of(from))
    {
        make_wait().await;
    }
    KeyFailure::Unknown
}

/// Counts a use of the key against its limit.
///
/// # Errors
/// The limit is reached, which is counted as well.
pub fn spend(
    context: &Context,
    known: &KnownApiKey,
    from: Option<IpAddr>,
    now: Timestamp,
) -> Result<(), OverLimit> {
    let per_minute = known.key.max_per_minute;
    let rate = per_minute.map(|per_minute| Rate { per_minute, clock: &*context.clock });
    known.usage.spend(now, from, rate)
}

/// Checks the state of a key and of its owner.
fn check_standing(known: &KnownApiKey, now: Timestamp) -> Result<(), KeyFailure> {
    if !known.key.is_enabled() || !known.owner.is_enabled() {
        return Err(KeyFailure::Disabled);
    }
    if known.key.is_expired(now) { Err(KeyFailure::Expired) } else { Ok(()) }
}

/// Checks that a key may be exchanged for a token. Its environment does not matter: the token names
/// it.
///
/// # Errors
/// The key is disabled, expired, or bound to addresses.
pub fn check_exchangeable(known: &KnownApiKey, now: Timestamp) -> Result<(), KeyFailure> {
    check_standing(known, now)?;
    if known.key.allowed.is_empty() { Ok(()) } else { Err(KeyFailure::Bound) }
}

/// The scopes of the key at the demanded APIs.
fn judge(
    context: &Context,
    known: &KnownApiKey,
    presented: &PresentedKey<'_>,
    demand: Demand<'_>,
    now: Timestamp,
) -> Result<Authenticated, AccessError> {
    let key = &known.key;
    check_standing(known, now)?;
    if !demand.environments.accept(key.environment) {
        return Err(KeyFailure::Environment.into());
    }
    if !is_from_there(key, presented) {
        return Err(KeyFailure::Address.into());
    }
    let scopes = OwnApis::from(known)
        .scopes_at_all(context, known.scopes.clone(), demand.resources())
        .ok_or(KeyFailure::Resource)?;
    require(&scopes, demand.scopes)?;
    Ok(Authenticated {
        identity: known.owner.identity(),
        credential: Credential::ApiKey { id: key.id.clone(), name: key.name.clone() },
        scopes,
        expires_at: key.expires_at,
    })
}

/// True if the key may be used from the caller's address. An unknown address is never allowed.
fn is_from_there(key: &ApiKey, presented: &PresentedKey<'_>) -> bool {
    let from = presented.from.filter(|_| presented.is_from_certain);
    key.allowed.is_empty() || from.is_some_and(|from| key.allowed.contains(from))
}
