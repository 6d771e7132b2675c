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

/// A grant of a client that authenticates.
pub trait ClientGrant {
    /// The grant type that the client must be registered for.
    const TYPE: GrantType;

    /// Parses the request of a client, and decides on its access.
    ///
    /// # Errors
    /// The request is malformed, or asks for access that the client may not have.
    fn decide<'a>(
        server: &'a AuthorizationServer,
        known: &'a KnownClient,
        form: &Form<'_>,
    ) -> Result<GrantedAccess<'a>, OauthError>;
}

/// Authenticates the client, and issues a token for the access that the grant gives it.
///
/// # Errors
/// The client did not authenticate, is not registered for the grant type, or has reached its limit;
/// the grant refused; or the token cannot be issued now.
pub async fn respond<G: ClientGrant>(
    server: &AuthorizationServer,
    request: &OauthRequest<'_>,
    form: &mut Form<'_>,
) -> Result<TokenResponse, OauthError> {
    let credential = ClientCredential::find(request.authorization, form)?;
    let client = credential.authenticate(&server.context, request.network()).await?;
    let (now, known) = (server.context.clock.now(), &client.known);
    let granted = if known.client.terms.grants.contains(&G::TYPE) {
        G::decide(server, known, form)
    } else {
        Err(OauthError::UnauthorizedClient)
    };
    let granted = granted.inspect_err(|refusal| {
        known.usage.refuse(now, refusal.outcome(), client.secret(), request.from);
    })?;
    // Before the signature, which costs more than all the rest.
    known.usage.issue(
        now,
        known.client.terms.max_tokens_per_hour,
        client.secret(),
        request.from,
    )?;
    let id = known.client.id.as_str();
    let holder = TokenHolder {
        subject: id,
        client_id: id,
        credential: client.token_credential,
        as_of: client.as_of,
        environment: None,
        issued_token_type: None,
    };
    issue(&server.context, &holder, &granted, now)
}
