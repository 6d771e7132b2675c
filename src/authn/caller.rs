//! Who presents an access token (RFC 6750), an API key or the cookie of a session: the credential
//! is good, and so is whoever it stands for.

use std::fmt;
use std::sync::Arc;

use crate::authn::api_key;
use crate::authn::api_key::{KeyFailure, PresentedKey};
use crate::authn::session;
use crate::authn::session::{PresentedSession, SessionFailure};
use crate::clock::Timestamp;
use crate::directory::{KnownClient, KnownUser, OverLimit, Unavailable};
use crate::model::api_key::{ApiKeyId, Environments};
use crate::model::principal::{Authenticated, Credential, Principal};
use crate::model::scope::ScopeSet;
use crate::model::user::UserId;
use crate::oauth::AuthorizationServer;
use mintery_verifier::{AccessToken, PresentError, VerifyError};

/// What was presented at a protected route.
pub enum Presented<'a> {
    /// An access token, as it stands after `Bearer`.
    Token(&'a str),
    /// An API key.
    ApiKey(PresentedKey<'a>),
    /// The cookie of a session.
    Session(PresentedSession<'a>),
}

impl fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(_) => f.write_str("Token(…)"),
            Self::ApiKey(presented) => presented.fmt(f),
            Self::Session(presented) => presented.fmt(f),
        }
    }
}

/// What a protected route asks for.
#[derive(Debug, Clone, Copy)]
pub struct Demand<'a> {
    /// The API that the caller must be authenticated for.
    pub resource: &'a str,
    /// More of them.
    pub other_resources: &'a [&'a str],
    /// The API keys that are accepted.
    pub environments: Environments,
    /// The scopes that the caller must hold.
    pub scopes: Option<&'a ScopeSet>,
    /// Whether this is the first time that the same request is looked at.
    pub is_first: bool,
}

/// Why a protected request is refused (RFC 6750 §3.1).
#[derive(Debug)]
pub enum AccessError {
    /// No credential.
    Missing,
    /// Two credentials, or one in the query.
    InvalidRequest(&'static str),
    /// The token is not good. Why is for the log alone.
    InvalidToken(TokenFailure),
    /// The API key is not good. Why is for the log alone.
    InvalidKey(KeyFailure),
    /// The session is not good. Why is for the log alone.
    InvalidSession(SessionFailure),
    /// A browser sent the cookie of a session, on behalf of a page that is not of this server.
    OtherSite,
    /// Whoever is logged in must have a second factor, and has none yet.
    MustEnrol,
    /// The credential is good, and does not allow this: these scopes are missing.
    InsufficientScope(ScopeSet),
    /// The credential was good for as many requests as it may be, for now.
    OverLimit(OverLimit),
    /// It cannot be told now.
    Unavailable(String),
}

/// Why a token is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenFailure {
    /// The token itself.
    #[error("{0}")]
    Token(VerifyError),
    /// The store is out of reach, and a proxy is told yes or no.
    #[error("not known now, the store is out of reach")]
    NotKnownNow,
    /// It stands for somebody else than the client that asked for it, and was not made from an API
    /// key. Mintery issues no such token.
    #[error("another subject than the client")]
    Subject,
    /// The client is gone.
    #[error("a deleted client")]
    ClientGone,
    /// The client is disabled.
    #[error("a disabled client")]
    ClientDisabled,
    /// Whose API key it was made from is gone.
    #[error("a deleted user")]
    UserGone,
    /// Whose API key it was made from is disabled.
    #[error("a disabled user")]
    UserDisabled,
    /// It was issued before the client's cut-off.
    #[error("taken back")]
    CutOff,
    /// The request is wrong, and a proxy is told yes or no.
    #[error("{0}")]
    Request(&'static str),
}

impl From<PresentError> for AccessError {
    fn from(error: PresentError) -> Self {
        match error {
            PresentError::Missing => Self::Missing,
            PresentError::Twice | PresentError::InQuery => Self::InvalidRequest(error.text()),
            PresentError::NoText => VerifyError::Malformed.into(),
        }
    }
}

impl From<VerifyError> for AccessError {
    fn from(error: VerifyError) -> Self {
        Self::InvalidToken(TokenFailure::Token(error))
    }
}

impl From<TokenFailure> for AccessError {
    fn from(failure: TokenFailure) -> Self {
        Self::InvalidToken(failure)
    }
}

impl From<KeyFailure> for AccessError {
    fn from(failure: KeyFailure) -> Self {
        Self::InvalidKey(failure)
    }
}

impl From<Unavailable> for AccessError {
    fn from(error: Unavailable) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl<'a> Demand<'a> {
    /// That the caller is known to Mintery itself.
    #[must_use]
    pub fn of(server: &'a AuthorizationServer) -> Self {
        Self {
            resource: server.issuer.as_str(),
            other_resources: &[],
            environments: server.api_key_environments,
            scopes: None,
            is_first: true,
        }
    }
}

/// Recognises who presents `presented`, and checks that it is good for what is asked for.
///
/// # Errors
/// When the credential or its owner is not good, or does not allow this, or that cannot be told
/// now.
pub async fn authenticate(
    server: &AuthorizationServer,
    presented: &Presented<'_>,
    demand: Demand<'_>,
) -> Result<Authenticated, AccessError> {
    let token = match presented {
        Presented::Token(token) => token,
        Presented::ApiKey(presented) => {
            let digest = api_key::digest(server, presented.key)?;
            let Some(known) = server.directory.api_key(&digest).await? else {
                return Err(Box::pin(api_key::refuse_unknown(server, presented)).await.into());
            };
            return api_key::admit(server, &known, presented, demand);
        }
        // Apart from the future of every request, which is kept small: see `http`.
        Presented::Session(presented) => {
            return Box::pin(session::authenticate(server, *presented, demand)).await;
        }
    };
    // Which environments are accepted is asked below: here not everybody asks for the same.
    let token = server.ring.verifier().check_for_any(token)?;
    let is_for = |resource: &&str| token.audience.iter().any(|own| own == resource);
    if !is_for(&demand.resource) || !demand.other_resources.iter().all(is_for) {
        return Err(VerifyError::Audience.into());
    }
    if token.environment.is_some_and(|environment| !demand.environments.accept(environment)) {
        return Err(VerifyError::Environment.into());
    }
    if let Some(id) = user_of(&token) {
        // Apart from the future of every request too.
        return Box::pin(authenticate_user(server, &token, id, demand)).await;
    }
    let (known, _) = server.directory.client(client_of(&token)).await?;
    let known = holder(&token, known)?;
    let client = &known.client;
    let scopes = scopes_of(server, &token, token.scopes.intersection(&client.terms.scopes));
    require(&scopes, demand.scopes)?;
    Ok(Authenticated {
        principal: Principal::Client { id: client.id.clone(), name: client.terms.name.clone() },
        credential: credential_of(&token)?,
        scopes,
        expires_at: Some(Timestamp::from_secs(token.expires_at.as_secs())),
    })
}

async fn authenticate_user(
    server: &AuthorizationServer,
    token: &AccessToken,
    id: UserId,
    demand: Demand<'_>,
) -> Result<Authenticated, AccessError> {
    let known = good_user(server.directory.user(&id).await?)?;
    let user = &known.user;
    let scopes = scopes_of(server, token, user.most_of(&token.scopes));
    require(&scopes, demand.scopes)?;
    Ok(Authenticated {
        principal: Principal::User { id, name: user.username.clone(), role: user.role },
        credential: credential_of(token)?,
        scopes,
        expires_at: Some(Timestamp::from_secs(token.expires_at.as_secs())),
    })
}

/// The user whose API key a token was made from; nothing where it stands for a client.
#[must_use]
pub fn user_of(token: &AccessToken) -> Option<UserId> {
    // Nobody logs in for a token.
    token.environment.and_then(|_| UserId::parse(&token.subject).ok())
}

/// The user that a token stands for ([`user_of`]), of whom `known` is known: they must still be
/// good for it. What voids their tokens is looked up where all that was taken back is.
///
/// # Errors
/// Why they are not.
pub fn good_user(known: Option<Arc<KnownUser>>) -> Result<Arc<KnownUser>, TokenFailure> {
    let known = known.ok_or(TokenFailure::UserGone)?;
    if known.user.is_enabled() { Ok(known) } else { Err(TokenFailure::UserDisabled) }
}

/// The id of the client that a token stands for: that it was issued to, or to whose API key.
#[must_use]
pub fn client_of(token: &AccessToken) -> &str {
    // Nobody but this server says what a token says: only one that was made from a key has an
    // environment.
    if token.environment.is_some() { &token.subject } else { &token.client_id }
}

fn credential_of(token: &AccessToken) -> Result<Credential, TokenFailure> {
    if token.environment.is_none() {
        return Ok(Credential::AccessToken);
    }
    let key = ApiKeyId::parse(&token.client_id).map_err(|_| TokenFailure::Subject)?;
    Ok(Credential::KeyToken { key })
}

/// The client that a token stands for ([`client_of`]), of which `known` is known: it must still be
/// good for the token.
///
/// # Errors
/// Why it is not.
pub fn holder(
    token: &AccessToken,
    known: Option<Arc<KnownClient>>,
) -> Result<Arc<KnownClient>, TokenFailure> {
    // The caller is the client, so a token that names another one as well must not pass for it.
    if token.environment.is_none() && token.subject != token.client_id {
        return Err(TokenFailure::Subject);
    }
    let known = known.ok_or(TokenFailure::ClientGone)?;
    if !known.client.is_enabled() {
        return Err(TokenFailure::ClientDisabled);
    }
    let is_void = token.token_id.is_none_or(|id| id.event < known.client.cut_off.as_u64());
    if is_void { Err(TokenFailure::CutOff) } else { Ok(known) }
}

/// What a token allows here of those of its scopes that whoever it stands for holds now: nothing of
/// Mintery's own when it was signed with a secret that others have to verify with, and so to sign
/// with.
#[must_use]
pub fn scopes_of(server: &AuthorizationServer, token: &AccessToken, scopes: ScopeSet) -> ScopeSet {
    if scopes.has_own() && server.ring.current().is_secret(&token.kid) {
        scopes.without_own()
    } else {
        scopes
    }
}

/// Checks that all of `needed` is among what is `allowed`.
///
/// # Errors
/// [`AccessError::InsufficientScope`] with what is missing.
pub(super) fn require(allowed: &ScopeSet, needed: Option<&ScopeSet>) -> Result<(), AccessError> {
    let Some(needed) = needed else { return Ok(()) };
    let missing = needed.minus(allowed);
    if missing.is_empty() { Ok(()) } else { Err(AccessError::InsufficientScope(missing)) }
}
