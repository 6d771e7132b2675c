//! The token endpoint (RFC 6749 §3.2).

use super::AuthorizationServer;
use super::client_auth::ClientCredential;
use super::error::OauthError;
use super::grant::client_credentials::ClientCredentials;
use super::grant::{self, client, token_exchange};
use super::issue::TokenResponse;
use super::request::OauthRequest;
use crate::model::client::GrantType;

/// Answers a token request by its grant.
///
/// # Errors
/// The grant is unsupported, or refused, or cannot be decided now.
pub async fn respond(
    server: &AuthorizationServer,
    request: &OauthRequest<'_>,
) -> Result<TokenResponse, OauthError> {
    let mut form = request.form()?;
    let grant_type = match grant::requested(&form) {
        Ok(grant_type) => grant_type,
        Err(unsupported) => {
            // A missing or malformed credential is reported first.
            ClientCredential::find(request.authorization, &mut form)?;
            return Err(unsupported);
        }
    };
    match grant_type {
        GrantType::ClientCredentials => {
            client::respond::<ClientCredentials>(server, request, &mut form).await
        }
        // Boxed, to keep the future of every request small: see `http`.
        GrantType::TokenExchange => {
            Box::pin(token_exchange::respond(server, request, &mut form)).await
        }
    }
}
