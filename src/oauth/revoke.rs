//! Token revocation (RFC 7009): a client revokes a token that was issued to it. This node rejects the
//! token before it responds, every other within a second.

use super::AuthorizationServer;
use super::error::OauthError;
use super::request::OauthRequest;
use crate::admin::revocation::RevokeError;
use crate::authn::token::client_of;
use crate::model::event::RevokedToken;
use mintery_verifier::VerifyError;

/// The limit of live revocations of all clients together, which a reader of the feed can hold.
/// Beyond it a single token cannot be revoked until others expire. A cutoff counts as one.
const MAX_LIVE: usize = 1_500_000;

/// Answers a revocation request; `true` if it revoked a token, `false` if the token was already
/// invalid.
///
/// # Errors
/// The request is refused, or the revocation failed, or its outcome is unknown.
pub async fn respond(
    server: &AuthorizationServer,
    request: &OauthRequest<'_>,
) -> Result<bool, OauthError> {
    let (form, credential) = request.parse()?;
    // `token_type_hint` is a hint, and there is one type.
    let token = form.get("token").ok_or(OauthError::InvalidRequest("token is missing"))?;
    let caller = credential.authenticate(&server.context, request.network()).await?;
    caller.known.usage.note(server.context.clock.now(), caller.secret(), request.from);
    if server.context.admin.api_keys.format.environment(token).is_some() {
        // The key stays valid, so success would be wrong.
        return Err(OauthError::UnsupportedTokenType);
    }
    let mut checked = server.context.ring.verifier().check_for_any(token);
    if matches!(checked, Err(VerifyError::UnknownKey)) {
        // Another node may have begun to sign with it a moment ago.
        Box::pin(server.context.directory.be_current()).await?;
        checked = server.context.ring.verifier().check_for_any(token);
    }
    let token = match checked {
        Ok(token) => token,
        // Another node's clock is ahead: the token becomes valid in a moment.
        Err(VerifyError::NotYetValid) => {
            return Err(OauthError::Unavailable("the token is not valid yet".to_owned()));
        }
        Err(_) => return Ok(false),
    };
    let client = &caller.known.client.id;
    // Tokens exchanged from its API keys count as its own.
    if client_of(&token) != client.as_str() {
        return Err(OauthError::AnotherClientsToken);
    }
    if server.context.ring.verifier().revocations().len() >= MAX_LIVE {
        return Err(OauthError::TooManyRevocations);
    }
    let token = RevokedToken {
        jti: token.jti.clone(),
        client: client.clone(),
        expires_at: token.expires_at,
    };
    let number = server.revoker.revoke(token).await?;
    server.context.directory.catch_up(number).await?;
    Ok(true)
}

impl From<RevokeError> for OauthError {
    fn from(error: RevokeError) -> Self {
        match error {
            RevokeError::TooMany => Self::TooManyRevocations,
            RevokeError::Failed(reason) => Self::Unavailable(reason),
        }
    }
}
