//! Issues access tokens (RFC 9068).

use super::error::OauthError;
use super::grant::access::GrantedAccess;
use crate::authn::context::Context;
use crate::clock::Timestamp;
use crate::model::claims::{AccessTokenClaims, Audience, TokenId};
use crate::model::environment::Environment;
use crate::model::event::EventNumber;
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;
use crate::random;

/// The response (RFC 6749 §5.1). It has no refresh token: a client with a credential needs none.
#[derive(Debug)]
pub struct TokenResponse {
    /// The token.
    pub access_token: String,
    /// The type of an exchanged token (RFC 8693 §2.2.1).
    pub issued_token_type: Option<&'static str>,
    /// `Bearer`.
    pub token_type: &'static str,
    /// The lifetime in seconds.
    pub expires_in: u64,
    /// The scopes; absent if there are none.
    pub scope: Option<ScopeSet>,
}

impl TokenResponse {
    /// The response as JSON, written by hand: neither base64url nor the bytes of a scope (RFC 6749
    /// §3.3) need an escape, and the search for one in a token of 600 bytes would take longer than
    /// all the rest.
    #[must_use]
    pub fn into_json(self) -> String {
        let scope = self.scope.as_ref().map_or("", ScopeSet::as_str);
        let mut json = String::with_capacity(self.access_token.len() + scope.len() + 96);
        json.push_str(r#"{"access_token":""#);
        json.push_str(&self.access_token);
        if let Some(issued) = self.issued_token_type {
            json.push_str(r#"","issued_token_type":""#);
            json.push_str(issued);
        }
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

/// The client or user that a token is issued to.
#[derive(Debug)]
pub struct TokenHolder<'a> {
    /// `sub`.
    pub subject: &'a str,
    /// `client_id`.
    pub client_id: &'a str,
    /// The part of the token's id that names the requesting credential.
    pub credential: [u8; 8],
    /// The last event that the knowledge of the holder includes.
    pub as_of: EventNumber,
    /// The environment of the API key that was exchanged.
    pub environment: Option<Environment>,
}

/// Signs a token for `holder` with the granted access.
///
/// # Errors
/// [`OauthError::Server`]: no key for the algorithm, or the signature failed.
pub fn issue(
    context: &Context,
    holder: &TokenHolder<'_>,
    granted: &GrantedAccess,
    now: Timestamp,
) -> Result<TokenResponse, OauthError> {
    let issued_at = now.as_secs();
    let expires_in = granted.ttl.as_secs();
    let jti = TokenId {
        event: holder.as_of.as_u64(),
        credential: holder.credential,
        nonce: random::bytes(&*context.random),
    };
    let scope = Some(&granted.scopes).filter(|scopes| !scopes.is_empty());
    let audience: Vec<&str> = granted.audience.iter().map(ResourceUri::as_str).collect();
    let claims = AccessTokenClaims {
        iss: context.issuer.as_str(),
        sub: holder.subject,
        client_id: holder.client_id,
        aud: Audience::of(&audience),
        iat: issued_at,
        nbf: issued_at,
        exp: issued_at.saturating_add(i64::try_from(expires_in).unwrap_or(i64::MAX)),
        jti: &jti.encode(),
        scope: scope.map(ScopeSet::as_str),
        environment: holder.environment.map(Environment::name),
    };
    let ring = context.ring.current();
    let signer = ring
        .signer(granted.algorithm, now)
        .ok_or_else(|| OauthError::Server(format!("no signing key for {}", granted.algorithm)))?;
    let access_token = signer.sign(&claims)?;
    let scope = scope.cloned();
    Ok(TokenResponse {
        access_token,
        issued_token_type: None,
        token_type: "Bearer",
        expires_in,
        scope,
    })
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
            let answer = TokenResponse {
                access_token, issued_token_type: None, token_type: "Bearer", expires_in: 60, scope: Some(scope)
            };
            let parsed: serde_json::Value = serde_json::from_str(&answer.into_json()).unwrap();
            let expected = json!({ "access_token": token, "token_type": "Bearer", "expires_in": 60, "scope": text });
            prop_assert_eq!(parsed, expected);
        }
    }

    #[test]
    fn an_answer_without_scope_has_no_such_member() {
        let answer = |issued_token_type| TokenResponse {
            access_token: "a".to_owned(),
            issued_token_type,
            token_type: "Bearer",
            expires_in: 60,
            scope: None,
        };
        let plain = r#"{"access_token":"a","token_type":"Bearer","expires_in":60}"#;
        assert_eq!(answer(None).into_json(), plain);
        let exchanged = r#"{"access_token":"a","issued_token_type":"urn:x","token_type":"Bearer","expires_in":60}"#;
        assert_eq!(answer(Some("urn:x")).into_json(), exchanged);
    }
}
