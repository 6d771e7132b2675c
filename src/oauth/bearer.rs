//! Who presents an access token (RFC 6750): the token is good, and so is the client that it was issued to.

use std::sync::Arc;

use super::AuthorizationServer;
use crate::clock::Timestamp;
use crate::directory::{KnownClient, Unavailable};
use crate::model::client::Client;
use crate::model::principal::{Authenticated, Credential, Principal};
use crate::model::scope::ScopeSet;
use crate::resource::{AccessToken, PresentError, VerifyError};

/// What was presented at a protected route.
#[derive(Debug)]
pub struct PresentedToken<'a> {
    /// The token, as it stands after `Bearer`.
    pub token: &'a str,
}

/// Why a protected request is refused (RFC 6750 §3.1).
#[derive(Debug)]
pub enum AccessError {
    /// No credential.
    Missing,
    /// Two credentials, or one in the query.
    InvalidRequest(&'static str),
    /// The credential is not good. Why is for the log alone.
    InvalidToken(TokenFailure),
    /// The credential is good, and does not allow this: these scopes are missing.
    InsufficientScope(ScopeSet),
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
    /// It stands for somebody else than the client that asked for it. Mintery issues no such token.
    #[error("another subject than the client")]
    Subject,
    /// The client is gone.
    #[error("a deleted client")]
    ClientGone,
    /// The client is disabled.
    #[error("a disabled client")]
    ClientDisabled,
    /// It was issued before the client's cut-off.
    #[error("taken back")]
    CutOff,
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

impl From<Unavailable> for AccessError {
    fn from(error: Unavailable) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// Recognises who presents `presented` for `audience`.
///
/// # Errors
/// When the token or its client is not good, or that cannot be told now.
pub async fn authenticate(
    server: &AuthorizationServer,
    presented: &PresentedToken<'_>,
    audience: &str,
) -> Result<Authenticated, AccessError> {
    let token = server.ring.verifier().check(presented.token, audience)?;
    let (known, _) = server.directory.client(&token.client_id).await?;
    let known = holder(&token, known)?;
    let client = &known.client;
    Ok(Authenticated {
        principal: Principal::Client { id: client.id.clone(), name: client.name.clone() },
        credential: Credential::AccessToken,
        scopes: scopes_of(server, &token, client),
        expires_at: Some(Timestamp::from_secs(token.expires_at.as_secs())),
    })
}

/// The client that a token was issued to, of which `known` is known: it must still be good for the token.
///
/// # Errors
/// Why it is not.
pub fn holder(
    token: &AccessToken,
    known: Option<Arc<KnownClient>>,
) -> Result<Arc<KnownClient>, TokenFailure> {
    // The caller is the client, so a token that names another one as well must not pass for it.
    if token.subject != token.client_id {
        return Err(TokenFailure::Subject);
    }
    let known = known.ok_or(TokenFailure::ClientGone)?;
    if !known.client.is_enabled() {
        return Err(TokenFailure::ClientDisabled);
    }
    let is_void = token.token_id.is_none_or(|id| id.event < known.client.cut_off.as_u64());
    if is_void { Err(TokenFailure::CutOff) } else { Ok(known) }
}

/// What a token allows here: no more than its client may now, and nothing of Mintery's own when it was signed with a secret
/// that others have to verify with, and so to sign with.
#[must_use]
pub fn scopes_of(server: &AuthorizationServer, token: &AccessToken, client: &Client) -> ScopeSet {
    let scopes = token.scopes.intersection(&client.scopes);
    if scopes.has_own() && server.ring.current().is_secret(&token.kid) {
        scopes.without_own()
    } else {
        scopes
    }
}

/// Checks that all of `needed` is allowed.
///
/// # Errors
/// [`AccessError::InsufficientScope`] with what is missing.
pub fn require(authenticated: &Authenticated, needed: &ScopeSet) -> Result<(), AccessError> {
    let missing = needed.minus(&authenticated.scopes);
    if missing.is_empty() { Ok(()) } else { Err(AccessError::InsufficientScope(missing)) }
}
