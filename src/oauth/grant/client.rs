//! Grants of a client that authenticates: the client must be registered for the grant type, and its
//! requests are counted and limited.

use super::access::GrantedAccess;
use crate::directory::KnownClient;
use crate::model::client::GrantType;
use crate::oauth::AuthorizationServer;
use crate::oauth::client_auth::ClientCredential;
use crate::oauth::error::OauthError;
use crate::oauth::form::Form;
use crate::oauth::issue::{TokenHolder, TokenResponse, issue};
use crate::oauth::request::OauthRequest;

/// Authenticates the client, and issues a token for the access that `decide` grants it.
///
/// # Errors
/// The client did not authenticate, is not registered for the grant type, or has reached its limit;
/// `decide` refused; or the token cannot be issued now.
pub async fn respond(
    server: &AuthorizationServer,
    request: &OauthRequest<'_>,
    mut form: Form,
    grant_type: GrantType,
    decide: fn(&AuthorizationServer, &KnownClient, &Form) -> Result<GrantedAccess, OauthError>,
) -> Result<TokenResponse, OauthError> {
    let credential = ClientCredential::find(&request.authorization, &mut form)?;
    let client = credential.authenticate(server, request.network()).await?;
    let (now, known) = (server.clock.now(), &client.known);
    let granted = if known.client.grants.contains(&grant_type) {
        decide(server, known, &form)
    } else {
        Err(OauthError::UnauthorizedClient)
    };
    let granted = granted.inspect_err(|refusal| {
        known.usage.refuse(now, refusal.outcome(), client.secret(), request.from);
    })?;
    // Before the signature, which costs more than all the rest.
    known.usage.issue(now, known.client.max_tokens_per_hour, client.secret(), request.from)?;
    let id = known.client.id.as_str();
    let holder = TokenHolder {
        subject: id,
        client_id: id,
        credential: client.token_credential,
        as_of: client.as_of,
        environment: None,
    };
    issue(server, &holder, &granted, now)
}
