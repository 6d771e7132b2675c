//! The token endpoint (RFC 6749 §3.2): a grant becomes an access token (RFC 9068).

use serde::Serialize;

use super::AuthorizationServer;
use super::client_auth::AuthenticatedClient;
use super::error::OauthError;
use super::grant::client_credentials::Granted;
use super::grant::{self, Grant};
use super::request::Submission;
use crate::model::claims::{AccessTokenClaims, Audience, TokenId};
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;
use crate::random;

/// The answer (RFC 6749 §5.1). There is never a refresh token: a client that has credentials needs none.
#[derive(Debug, Serialize)]
pub struct TokenResponse {
    /// The token.
    pub access_token: String,
    /// How it is used.
    pub token_type: &'static str,
    /// For how many seconds it is good.
    pub expires_in: u64,
    /// What it allows; absent when that is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<ScopeSet>,
}

/// Answers a request for a token.
///
/// # Errors
/// When it is refused, or cannot be answered now.
pub async fn respond(
    server: &AuthorizationServer,
    submission: &Submission<'_>,
) -> Result<TokenResponse, OauthError> {
    let (form, presented) = submission.parse()?;
    let kind = grant::requested(&form)?;
    let client = presented.authenticate(server).await?;
    if !client.known.client.grants.contains(&kind) {
        return Err(OauthError::UnauthorizedClient);
    }
    let granted = match Grant::parse(kind, &form)? {
        Grant::ClientCredentials(grant) => grant.decide(server, &client.known)?,
    };
    issue(server, &client, &granted)
}

fn issue(
    server: &AuthorizationServer,
    client: &AuthenticatedClient,
    granted: &Granted,
) -> Result<TokenResponse, OauthError> {
    let now = server.clock.now().as_secs();
    let expires_in = server.token_ttl.as_secs();
    let id = client.known.client.id.as_str();
    let jti = TokenId {
        event: client.as_of.as_u64(),
        credential: client.token_credential,
        nonce: random::bytes(&*server.random),
    };
    let scope = Some(&granted.scopes).filter(|scopes| !scopes.is_empty());
    let audience: Vec<&str> = granted.audience.iter().map(ResourceUri::as_str).collect();
    let claims = AccessTokenClaims {
        iss: server.issuer.as_str(),
        sub: id,
        client_id: id,
        aud: match audience.as_slice() {
            [one] => Audience::One(one),
            several => Audience::Many(several),
        },
        iat: now,
        nbf: now,
        exp: now.saturating_add(i64::try_from(expires_in).unwrap_or(i64::MAX)),
        jti: &jti.encode(),
        scope: scope.map(ScopeSet::as_str),
    };
    let signer = server
        .ring
        .signer(server.token_alg)
        .ok_or_else(|| OauthError::Server("no signing key".to_owned()))?;
    let access_token = signer.sign(&claims)?;
    Ok(TokenResponse { access_token, token_type: "Bearer", expires_in, scope: scope.cloned() })
}
