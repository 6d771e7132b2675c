//! Token revocation (RFC 7009): a client takes back a token that was issued to it. From the answer
//! on it is refused on this node, and on every other within the second.

use super::AuthorizationServer;
use super::error::OauthError;
use super::request::Submission;
use crate::admin::revocation::RevokeError;
use crate::authn::token::client_of;
use crate::model::event::RevokedToken;
use mintery_verifier::VerifyError;

/// The most that is remembered of all clients together: beyond that no single token is taken back
/// until some have expired, so that those who follow are not told more than they hold. All tokens
/// of a client are one.
const MAX_LIVE: usize = 1_500_000;

/// Answers a request to take a token back; tells whether there was something to take back. What is
/// no token that is good here anyhow, or was taken back already, is as the client wants it.
///
/// # Errors
/// When it is refused, or cannot be done now. It was not done then, or it is not known whether it
/// was.
pub async fn respond(
    server: &AuthorizationServer,
    submission: &Submission<'_>,
) -> Result<bool, OauthError> {
    let (form, presented) = submission.parse()?;
    // `token_type_hint` is a hint, and there is one type.
    let token = form.get("token").ok_or(OauthError::InvalidRequest("token is missing"))?;
    let caller = presented.authenticate(server, submission.network()).await?;
    caller.known.usage.note(server.clock.now(), caller.secret(), submission.from);
    if server.admin.api_keys.format.environment(token).is_some() {
        // That it is done must not be said of one that stays good.
        return Err(OauthError::UnsupportedTokenType);
    }
    let token = match server.ring.verifier().check_for_any(token) {
        Ok(token) => token,
        // Another node's clock is ahead: it will be good in a moment.
        Err(VerifyError::NotYetValid) => {
            return Err(OauthError::Unavailable("the token is not valid yet".to_owned()));
        }
        Err(_) => return Ok(false),
    };
    let client = &caller.known.client.id;
    // Those that were made from its API keys are its own.
    if client_of(&token) != client.as_str() {
        return Err(OauthError::AnotherClientsToken);
    }
    if server.ring.verifier().revocations().len() >= MAX_LIVE {
        return Err(OauthError::TooManyRevocations);
    }
    let token = RevokedToken {
        jti: token.jti.clone(),
        client: client.clone(),
        expires_at: token.expires_at,
    };
    let number = server.revoker.revoke(token).await?;
    server.directory.catch_up(number).await?;
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
