//! Holders of access tokens: the client or user that a token stands for, and the scopes that it
//! still allows. Introspection and revocation use the same rules.

use std::sync::Arc;

use super::context::Context;
use super::error::TokenFailure;
use crate::directory::{KnownClient, KnownUser};
use crate::model::api_key::ApiKeyId;
use crate::model::identity::Credential;
use crate::model::scope::ScopeSet;
use crate::model::user::UserId;
use mintery_verifier::AccessToken;

/// The user whose API key was exchanged for the token; `None` if the token stands for a client.
#[must_use]
pub fn user_of(token: &AccessToken) -> Option<UserId> {
    // Only an exchanged API key yields a token for a user.
    token.environment.and_then(|_| UserId::parse(&token.subject).ok())
}

/// The id of the client that the token stands for: the one it was issued to, or the owner of the
/// exchanged API key.
#[must_use]
pub fn client_of(token: &AccessToken) -> &str {
    // Only this server writes the claims, and only for an exchanged key an environment.
    if token.environment.is_some() { &token.subject } else { &token.client_id }
}

/// The credential that the token represents.
pub(super) fn credential_of(token: &AccessToken) -> Result<Credential, TokenFailure> {
    if token.environment.is_none() {
        return Ok(Credential::AccessToken);
    }
    let key = ApiKeyId::parse(&token.client_id).map_err(|_| TokenFailure::Subject)?;
    Ok(Credential::KeyToken { key })
}

/// Checks the user that a token stands for ([`user_of`]), as found in the directory. The verifier
/// has already checked the revocations of that user's tokens.
///
/// # Errors
/// [`TokenFailure::UserGone`] or [`TokenFailure::UserDisabled`].
pub fn good_user(known: Option<Arc<KnownUser>>) -> Result<Arc<KnownUser>, TokenFailure> {
    let known = known.ok_or(TokenFailure::UserGone)?;
    if known.user.is_enabled() { Ok(known) } else { Err(TokenFailure::UserDisabled) }
}

/// Checks the client that a token stands for ([`client_of`]), as found in the directory.
///
/// # Errors
/// The client was deleted or disabled, the token was issued before its cutoff, or the token names
/// another subject.
pub fn holder(
    token: &AccessToken,
    known: Option<Arc<KnownClient>>,
) -> Result<Arc<KnownClient>, TokenFailure> {
    // The caller is the client, so a token that also names another one must not pass.
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

/// The scopes that a token allows here, from those of its `scopes` that its holder still has. A
/// token signed with a shared secret allows none of Mintery's own: a verifier that knows the secret
/// could sign one.
#[must_use]
pub fn scopes_of(context: &Context, token: &AccessToken, scopes: ScopeSet) -> ScopeSet {
    if scopes.has_own() && context.ring.current().is_secret(&token.kid) {
        scopes.without_own()
    } else {
        scopes
    }
}
