//! The token endpoint (RFC 6749 §3.2): a grant becomes an access token (RFC 9068).

use super::AuthorizationServer;
use super::client_auth::AuthenticatedClient;
use super::error::OauthError;
use super::form::Form;
use super::grant::client_credentials::Granted;
use super::grant::{self, Grant};
use super::request::Submission;
use crate::clock::Timestamp;
use crate::model::claims::{AccessTokenClaims, Audience, TokenId};
use crate::model::client::GrantType;
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;
use crate::random;

/// The answer (RFC 6749 §5.1). There is never a refresh token: a client that has credentials needs none.
#[derive(Debug)]
pub struct TokenResponse {
    /// The token.
    pub access_token: String,
    /// How it is used.
    pub token_type: &'static str,
    /// For how many seconds it is good.
    pub expires_in: u64,
    /// What it allows; absent when that is nothing.
    pub scope: Option<ScopeSet>,
}

impl TokenResponse {
    /// The answer as JSON, put together by hand: neither base64url nor the bytes of a scope (RFC 6749 §3.3) need an escape
    /// in JSON, and looking for one in a token of six hundred bytes would take longer than all the rest.
    #[must_use]
    pub fn into_json(self) -> String {
        let scope = self.scope.as_ref().map_or("", ScopeSet::as_str);
        let mut json = String::with_capacity(self.access_token.len() + scope.len() + 96);
        json.push_str(r#"{"access_token":""#);
        json.push_str(&self.access_token);
        json.push_str(r#"","token_type":""#);
        json.push_str(self.token_type);
        json.push_str(r#"","expires_in":"#);
        json.push_str(&self.expires_in.to_string());
        if self.scope.is_some() {
            json.push_str(r#","scope":""#);
            json.push_str(scope);
            json.push('"');
        }
        json.push('}');
        json
    }
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
    let client = presented.authenticate(server, submission.network()).await?;
    let now = server.clock.now();
    let usage = &client.known.usage;
    let granted = grant(server, &client, kind, &form).inspect_err(|refusal| {
        usage.refuse(now, refusal.outcome(), client.secret(), submission.from);
    })?;
    // Before the signature, which costs more than all the rest.
    usage.issue(now, client.known.client.max_tokens_per_hour, client.secret(), submission.from)?;
    issue(server, &client, &granted, now)
}

fn grant(
    server: &AuthorizationServer,
    client: &AuthenticatedClient,
    kind: GrantType,
    form: &Form,
) -> Result<Granted, OauthError> {
    if !client.known.client.grants.contains(&kind) {
        return Err(OauthError::UnauthorizedClient);
    }
    match Grant::parse(kind, form)? {
        Grant::ClientCredentials(grant) => grant.decide(server, &client.known),
    }
}

fn issue(
    server: &AuthorizationServer,
    client: &AuthenticatedClient,
    granted: &Granted,
    now: Timestamp,
) -> Result<TokenResponse, OauthError> {
    let issued_at = now.as_secs();
    let expires_in = granted.ttl.as_secs();
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
        aud: Audience::of(&audience),
        iat: issued_at,
        nbf: issued_at,
        exp: issued_at.saturating_add(i64::try_from(expires_in).unwrap_or(i64::MAX)),
        jti: &jti.encode(),
        scope: scope.map(ScopeSet::as_str),
    };
    let ring = server.ring.current();
    let signer = ring
        .signer(granted.algorithm, now)
        .ok_or_else(|| OauthError::Server(format!("no signing key for {}", granted.algorithm)))?;
    let access_token = signer.sign(&claims)?;
    Ok(TokenResponse { access_token, token_type: "Bearer", expires_in, scope: scope.cloned() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::TokenResponse;
    use crate::model::scope::ScopeSet;

    proptest! {
        /// 6749-11: whatever the scope is, the answer is JSON and says it.
        #[test]
        fn the_answer_is_json(token in "[A-Za-z0-9_.-]{0,40}", scope in "[!#-\\[\\]-~]{1,8}( [!#-\\[\\]-~]{1,8}){0,3}") {
            let scope = ScopeSet::parse(&scope).unwrap();
            let text = scope.to_string();
            let access_token = token.clone();
            let answer = TokenResponse { access_token, token_type: "Bearer", expires_in: 60, scope: Some(scope) };
            let parsed: serde_json::Value = serde_json::from_str(&answer.into_json()).unwrap();
            let expected = json!({ "access_token": token, "token_type": "Bearer", "expires_in": 60, "scope": text });
            prop_assert_eq!(parsed, expected);
        }
    }

    #[test]
    fn an_answer_without_scope_has_no_such_member() {
        let answer =
            TokenResponse { access_token: "a".to_owned(), token_type: "Bearer", expires_in: 60, scope: None };
        assert_eq!(answer.into_json(), r#"{"access_token":"a","token_type":"Bearer","expires_in":60}"#);
    }
}
