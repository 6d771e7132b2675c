//! Issues access tokens (RFC 9068).

use super::claims::AccessTokenClaims;
use super::error::OauthError;
use super::grant::access::GrantedAccess;
use crate::authn::context::Context;
use crate::clock::Timestamp;
use crate::json::ObjectWriter;
use crate::model::claims::{ACCESS_TOKEN_TYPE, TokenId};
use crate::model::environment::Environment;
use crate::model::event::EventNumber;
use crate::random;
use mintery_verifier::token::MAX_TOKEN_LEN;

/// The response (RFC 6749 §5.1) as JSON. It has no refresh token: a client with a credential needs
/// none.
#[derive(Debug)]
pub struct TokenResponse(Vec<u8>);

impl TokenResponse {
    /// Writes the response in the order of RFC 6749 §5.1, the token by `push_token`.
    fn write(
        push_token: impl FnOnce(&mut Vec<u8>) -> Result<(), OauthError>,
        issued_token_type: Option<&str>,
        expires_in: u64,
        scope: &str,
    ) -> Result<Self, OauthError> {
        let mut response = ObjectWriter::with_capacity(1024);
        response.pushed("access_token", push_token)?;
        if let Some(issued) = issued_token_type {
            response.text("issued_token_type", issued);
        }
        response.text("token_type", "Bearer");
        response.plain("expires_in", expires_in);
        response.text_unless_empty("scope", scope);
        Ok(Self(response.finish()))
    }

    /// The response as JSON.
    #[must_use]
    pub fn into_json(self) -> Vec<u8> {
        self.0
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
    /// The type of an exchanged token (RFC 8693 §2.2.1).
    pub issued_token_type: Option<&'static str>,
}

/// Signs a token for `holder` with the granted access.
///
/// # Errors
/// [`OauthError::InvalidRequest`]: the token would be too large to be accepted.
/// [`OauthError::Server`]: no key for the algorithm, or the signature failed.
pub fn issue(
    context: &Context,
    holder: &TokenHolder<'_>,
    granted: &GrantedAccess<'_>,
    now: Timestamp,
) -> Result<TokenResponse, OauthError> {
    let issued_at = now.as_secs();
    let expires_in = granted.ttl.as_secs();
    let scope = granted.scopes.as_str();
    let claims = AccessTokenClaims {
        iss: context.issuer.as_str(),
        sub: holder.subject,
        client_id: holder.client_id,
        aud: &granted.audience,
        iat: issued_at,
        exp: issued_at.saturating_add(i64::try_from(expires_in).unwrap_or(i64::MAX)),
        jti: TokenId {
            event: holder.as_of.as_u64(),
            credential: holder.credential,
            nonce: random::bytes(&*context.random),
        },
        scope,
        environment: holder.environment.map(Environment::name),
    };
    let claims = claims.to_json();
    let ring = context.ring.current();
    let signer = ring
        .signer(granted.algorithm, now)
        .ok_or_else(|| OauthError::Server(format!("no signing key for {}", granted.algorithm)))?;
    let push_token = |json: &mut Vec<u8>| {
        let before = json.len();
        signer.sign(ACCESS_TOKEN_TYPE, &claims, json)?;
        if json.len() - before > MAX_TOKEN_LEN {
            // No endpoint would accept it.
            return Err(OauthError::InvalidRequest(
                "The token would be larger than 16 KiB; request fewer resources or scopes",
            ));
        }
        Ok(())
    };
    TokenResponse::write(push_token, holder.issued_token_type, expires_in, scope)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::TokenResponse;

    fn response(token: &str, issued: Option<&str>, scope: &str) -> Vec<u8> {
        let push_token = |json: &mut Vec<u8>| {
            json.extend_from_slice(token.as_bytes());
            Ok(())
        };
        TokenResponse::write(push_token, issued, 60, scope).unwrap().into_json()
    }

    proptest! {
        /// 6749-11: the response is JSON for every scope, and contains it.
        #[test]
        fn the_response_is_json(token in "[A-Za-z0-9_.-]{0,40}", scope in "[!#-\\[\\]-~]{1,8}( [!#-\\[\\]-~]{1,8}){0,3}") {
            let parsed: Value = serde_json::from_slice(&response(&token, None, &scope)).unwrap();
            let expected = json!({ "access_token": token, "token_type": "Bearer", "expires_in": 60, "scope": scope });
            prop_assert_eq!(parsed, expected);
        }
    }

    #[test]
    fn a_response_without_scope_has_no_such_member() {
        let plain = br#"{"access_token":"a","token_type":"Bearer","expires_in":60}"#;
        assert_eq!(response("a", None, ""), plain);
        let exchanged = br#"{"access_token":"a","issued_token_type":"urn:x","token_type":"Bearer","expires_in":60}"#;
        assert_eq!(response("a", Some("urn:x"), ""), exchanged);
    }
}
