//! The token endpoint (RFC 6749 §3.2): a grant becomes an access token (RFC 9068).

use super::AuthorizationServer;
use super::client_auth::{AuthenticatedClient, Presented};
use super::error::OauthError;
use super::form::Form;
use super::grant::token_exchange::{self, TokenExchange};
use super::grant::wanted::Granted;
use super::grant::{self, Grant};
use super::request::Submission;
use crate::authn::api_key;
use crate::clock::Timestamp;
use crate::directory::OverLimit;
use crate::model::claims::{AccessTokenClaims, Audience, TokenId};
use crate::model::client::GrantType;
use crate::model::environment::Environment;
use crate::model::event::EventNumber;
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;
use crate::random;

/// The answer (RFC 6749 §5.1). There is never a refresh token: a client that has credentials needs
/// none.
#[derive(Debug)]
pub struct TokenResponse {
    /// The token.
    pub access_token: String,
    /// What it is, where something was exchanged for it (RFC 8693 §2.2.1).
    pub issued_token_type: Option<&'static str>,
    /// How it is used.
    pub token_type: &'static str,
    /// For how many seconds it is good.
    pub expires_in: u64,
    /// What it allows; absent when that is nothing.
    pub scope: Option<ScopeSet>,
}

impl TokenResponse {
    /// The answer as JSON, put together by hand: neither base64url nor the bytes of a scope (RFC
    /// 6749 §3.3) need an escape in JSON, and looking for one in a token of six hundred bytes
    /// would take longer than all the rest.
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

/// Answers a request for a token.
///
/// # Errors
/// When it is refused, or cannot be answered now.
pub async fn respond(
    server: &AuthorizationServer,
    submission: &Submission<'_>,
) -> Result<TokenResponse, OauthError> {
    let mut form = submission.form()?;
    if token_exchange::is_asked_for(&form) {
        // Apart from the future of every request, which is kept small: see `http`.
        return Box::pin(exchange(server, submission, form)).await;
    }
    let presented = Presented::find(&submission.authorization, &mut form)?;
    let kind = grant::requested(&form)?;
    let client = presented.authenticate(server, submission.network()).await?;
    let now = server.clock.now();
    let usage = &client.known.usage;
    let granted = grant(server, &client, kind, &form).inspect_err(|refusal| {
        usage.refuse(now, refusal.outcome(), client.secret(), submission.from);
    })?;
    // Before the signature, which costs more than all the rest.
    usage.issue(
        now,
        client.known.client.terms.max_tokens_per_hour,
        client.secret(),
        submission.from,
    )?;
    let id = client.known.client.id.as_str();
    let holder = Holder {
        subject: id,
        client_id: id,
        credential: client.token_credential,
        as_of: client.as_of,
        environment: None,
    };
    issue(server, &holder, &granted, now)
}

/// Answers a request for a token for an API key (RFC 8693).
async fn exchange(
    server: &AuthorizationServer,
    submission: &Submission<'_>,
    mut form: Form,
) -> Result<TokenResponse, OauthError> {
    let asked = TokenExchange::parse(&mut form, &submission.authorization)?;
    let (known, as_of) = api_key::find(server, &asked.presented(submission.from)).await?;
    let (now, from, owner) = (server.clock.now(), submission.from, &known.owner);
    let granted = asked.decide(server, &known, now).inspect_err(|refusal| {
        if let Some(outcome) = refusal.key_outcome() {
            known.usage.refuse(now, outcome);
        }
        if let Some(client) = owner.client() {
            client.usage.refuse(now, refusal.outcome(), None, from);
        }
    })?;
    let over_limit = |limit: OverLimit| OauthError::KeyOverLimit { retry_after: limit.retry_after };
    api_key::spend(server, &known, from, now).map_err(over_limit)?;
    if let Some(client) = owner.client() {
        client.usage.issue(now, client.client.terms.max_tokens_per_hour, None, from)?;
    }
    let holder = Holder {
        subject: owner.id(),
        client_id: known.key.id.as_str(),
        credential: known.token_credential,
        as_of,
        environment: Some(known.key.environment),
    };
    let issued = issue(server, &holder, &granted, now)?;
    Ok(TokenResponse { issued_token_type: Some(token_exchange::ACCESS_TOKEN_TYPE), ..issued })
}

fn grant(
    server: &AuthorizationServer,
    client: &AuthenticatedClient,
    kind: GrantType,
    form: &Form,
) -> Result<Granted, OauthError> {
    if !client.known.client.terms.grants.contains(&kind) {
        return Err(OauthError::UnauthorizedClient);
    }
    match Grant::parse(kind, form)? {
        Grant::ClientCredentials(grant) => grant.decide(server, &client.known),
    }
}

/// To whom a token is issued.
struct Holder<'a> {
    subject: &'a str,
    client_id: &'a str,
    /// What of the credential that asked goes into the id of the token.
    credential: [u8; 8],
    /// The event that what is known of them is not older than.
    as_of: EventNumber,
    /// What the API key is for that asked.
    environment: Option<Environment>,
}

fn issue(
    server: &AuthorizationServer,
    holder: &Holder<'_>,
    granted: &Granted,
    now: Timestamp,
) -> Result<TokenResponse, OauthError> {
    let issued_at = now.as_secs();
    let expires_in = granted.ttl.as_secs();
    let jti = TokenId {
        event: holder.as_of.as_u64(),
        credential: holder.credential,
        nonce: random::bytes(&*server.random),
    };
    let scope = Some(&granted.scopes).filter(|scopes| !scopes.is_empty());
    let audience: Vec<&str> = granted.audience.iter().map(ResourceUri::as_str).collect();
    let claims = AccessTokenClaims {
        iss: server.issuer.as_str(),
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
    let ring = server.ring.current();
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
