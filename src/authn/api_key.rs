//! Who presents an API key. It is known by its digest; what has not even its checksum is refused
//! before anything is looked up.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::authn::caller::{AccessError, Demand, require};
use crate::clock::Timestamp;
use crate::directory::{KnownApiKey, OverLimit, Rate};
use crate::model::api_key::ApiKey;
use crate::model::event::EventNumber;
use crate::model::principal::{Authenticated, Credential};
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;
use crate::model::usage::KeyOutcome;
use crate::network::Network;
use crate::oauth::AuthorizationServer;
use crate::oauth::client_auth::guessable::make_wait;
use crate::oauth::error::OauthError;
use crate::secret::digest::SecretDigest;

/// An API key that was presented.
#[derive(Clone, Copy)]
pub struct PresentedKey<'a> {
    /// What was presented.
    pub key: &'a str,
    /// From where it came, when that is known.
    pub from: Option<IpAddr>,
    /// Whether that is certain. What is not is good for nothing that a key is bound to.
    pub is_from_certain: bool,
}

impl fmt::Debug for PresentedKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresentedKey").field("from", &self.from).finish_non_exhaustive()
    }
}

/// Why an API key is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFailure {
    /// It has not the form of a key, or a wrong checksum.
    #[error("malformed API key")]
    Malformed,
    /// There is no such key, or no more.
    #[error("unknown API key")]
    Unknown,
    /// The key, or its owner, is disabled.
    #[error("a disabled API key, or one of a disabled owner")]
    Disabled,
    /// Its time is over.
    #[error("an expired API key")]
    Expired,
    /// It is for another environment.
    #[error("an API key of another environment")]
    Environment,
    /// It may not be used from there.
    #[error("an API key from an address that is not allowed")]
    Address,
    /// It is not for this API.
    #[error("an API key for other APIs")]
    Resource,
    /// It may be used from some addresses only, and a token could be used from everywhere.
    #[error("an API key that is bound to addresses")]
    Bound,
}

impl KeyFailure {
    /// As what it is counted for a key that is known.
    #[must_use]
    pub const fn outcome(self) -> Option<KeyOutcome> {
        match self {
            Self::Disabled => Some(KeyOutcome::Disabled),
            Self::Expired => Some(KeyOutcome::Expired),
            Self::Environment => Some(KeyOutcome::OtherEnvironment),
            Self::Address | Self::Bound => Some(KeyOutcome::OtherAddress),
            Self::Resource => Some(KeyOutcome::OtherResource),
            Self::Malformed | Self::Unknown => None,
        }
    }
}

/// What a key is looked up by.
///
/// # Errors
/// When it is no key.
pub fn digest(server: &AuthorizationServer, key: &str) -> Result<SecretDigest, KeyFailure> {
    let policy = &server.admin.api_keys;
    policy.format.environment(key).ok_or(KeyFailure::Malformed)?;
    Ok(policy.digest(key))
}

/// The key that is exchanged, and the number of an event that what is known of it is not older
/// than.
///
/// # Errors
/// When there is no such key, or that cannot be told now.
pub async fn find(
    server: &AuthorizationServer,
    presented: &PresentedKey<'_>,
) -> Result<(Arc<KnownApiKey>, EventNumber), OauthError> {
    let digest = digest(server, presented.key)?;
    match server.directory.api_key_as_of(&digest).await? {
        (Some(known), as_of) => Ok((known, as_of)),
        (None, _) => Err(refuse_unknown(server, presented).await.into()),
    }
}

/// Refuses a key that there is not. There is nothing to guess in a key, but each that is made up
/// costs a look-up: whoever sends very many waits for the answers.
pub async fn refuse_unknown(
    server: &AuthorizationServer,
    presented: &PresentedKey<'_>,
) -> KeyFailure {
    if let Some(from) = presented.from
        && server.directory.guesses().is_flooded_by(Network::of(from))
    {
        make_wait().await;
    }
    KeyFailure::Unknown
}

/// Decides whether a key is good for what is asked for, and counts what was decided.
///
/// # Errors
/// When it is not.
pub fn admit(
    server: &AuthorizationServer,
    known: &KnownApiKey,
    presented: &PresentedKey<'_>,
    demand: Demand<'_>,
) -> Result<Authenticated, AccessError> {
    let now = server.clock.now();
    let judged = judge(server, known, presented, demand, now);
    if demand.is_first {
        match &judged {
            Ok(_) => spend(server, known, presented.from, now).map_err(AccessError::OverLimit)?,
            Err(AccessError::InvalidKey(failure)) => {
                if let Some(outcome) = failure.outcome() {
                    known.usage.refuse(now, outcome);
                }
            }
            Err(_) => known.usage.refuse(now, KeyOutcome::MissingScope),
        }
    }
    let scopes = judged?;
    Ok(Authenticated {
        principal: known.owner.principal(),
        credential: Credential::ApiKey { id: known.key.id.clone(), name: known.key.name.clone() },
        scopes,
        expires_at: known.key.expires_at,
    })
}

/// Counts that a key was good for something, unless it was good for as much as it may be.
///
/// # Errors
/// When it was; then that is counted.
pub fn spend(
    server: &AuthorizationServer,
    known: &KnownApiKey,
    from: Option<IpAddr>,
    now: Timestamp,
) -> Result<(), OverLimit> {
    let per_minute = known.key.max_per_minute;
    let rate = per_minute.map(|per_minute| Rate { per_minute, clock: &*server.clock });
    known.usage.spend(now, from, rate)
}

/// Whether a key is good for anything at all.
fn check_standing(known: &KnownApiKey, now: Timestamp) -> Result<(), KeyFailure> {
    if !known.key.is_enabled() || !known.owner.is_enabled() {
        return Err(KeyFailure::Disabled);
    }
    if known.key.is_expired(now) { Err(KeyFailure::Expired) } else { Ok(()) }
}

/// Whether a token may be made from a key. One for trying out is as good as any: the token says so.
///
/// # Errors
/// When it is good for nothing, or for less than a token.
pub fn check_exchangeable(known: &KnownApiKey, now: Timestamp) -> Result<(), KeyFailure> {
    check_standing(known, now)?;
    if known.key.allowed.is_empty() { Ok(()) } else { Err(KeyFailure::Bound) }
}

/// What the key allows.
fn judge(
    server: &AuthorizationServer,
    known: &KnownApiKey,
    presented: &PresentedKey<'_>,
    demand: Demand<'_>,
    now: Timestamp,
) -> Result<ScopeSet, AccessError> {
    let key = &known.key;
    check_standing(known, now)?;
    if !demand.environments.accept(key.environment) {
        return Err(KeyFailure::Environment.into());
    }
    if !is_from_there(key, presented) {
        return Err(KeyFailure::Address.into());
    }
    let mut scopes = known.scopes.clone();
    for resource in std::iter::once(&demand.resource).chain(demand.other_resources) {
        scopes = for_resource(server, known, scopes, resource)?;
    }
    require(&scopes, demand.scopes)?;
    Ok(scopes)
}

/// Whether the key may be used from an address. One that is not known is none that is allowed.
fn is_from_there(key: &ApiKey, presented: &PresentedKey<'_>) -> bool {
    let from = presented.from.filter(|_| presented.is_from_certain);
    key.allowed.is_empty() || from.is_some_and(|from| key.allowed.contains(from))
}

/// What is left of scopes for an API, as with tokens: Mintery's own are for Mintery's own API
/// alone, and another API must be one of the owner's.
fn for_resource(
    server: &AuthorizationServer,
    known: &KnownApiKey,
    scopes: ScopeSet,
    resource: &str,
) -> Result<ScopeSet, KeyFailure> {
    if resource == server.issuer.as_str() {
        return Ok(scopes);
    }
    if resource == server.default_audience.as_str() {
        return Ok(scopes.without_own());
    }
    let is_own = known.owner.resources().iter().map(ResourceUri::as_str).any(|own| own == resource);
    let apis = server.directory.apis();
    let api = apis.get(resource).filter(|_| is_own).ok_or(KeyFailure::Resource)?;
    Ok(scopes.intersection(api.scopes.set()).without_own())
}
