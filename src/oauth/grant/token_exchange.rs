//! The token exchange grant (RFC 8693): an API key becomes a token for its owner that allows no more
//! than the key. The key is the credential, so the client does not authenticate.

use std::net::IpAddr;
use std::sync::Arc;

use super::access::{AllowedAccess, GrantedAccess, RequestedAccess};
use crate::authn::api_key::{self, PresentedKey};
use crate::authn::context::Context;
use crate::authn::error::KeyFailure;
use crate::clock::Timestamp;
use crate::directory::{KnownApiKey, OverLimit};
use crate::model::event::EventNumber;
use crate::oauth::AuthorizationServer;
use crate::oauth::authorization::Authorization;
use crate::oauth::error::OauthError;
use crate::oauth::form::Form;
use crate::oauth::issue::{TokenHolder, TokenResponse, issue};
use crate::oauth::request::OauthRequest;
use crate::secret::Secret;

/// The `subject_token_type` of an API key.
pub const API_KEY_TYPE: &str = "urn:mintery:token-type:api-key";

/// The type of an access token (RFC 8693 §3).
const ACCESS_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";

/// The type of a JWT, by which an access token may be requested as well.
const JWT_TYPE: &str = "urn:ietf:params:oauth:token-type:jwt";

/// A parsed request.
#[derive(Debug)]
struct TokenExchange {
    key: Secret,
    /// The `client_id` of the form, which must be the id of the key, as in the token.
    client_id: Option<String>,
    access: RequestedAccess,
}

/// Answers a request for this grant.
///
/// # Errors
/// The request is malformed, the key is invalid or has reached a limit, the access is not allowed,
/// or the token cannot be issued now.
pub async fn respond(
    server: &AuthorizationServer,
    request: &OauthRequest<'_>,
    form: &mut Form<'_>,
) -> Result<TokenResponse, OauthError> {
    let exchange = TokenExchange::parse(form, request.authorization)?;
    let (mut known, mut as_of) = find(&server.context, &exchange.presented(request.from)).await?;
    let (now, from) = (server.context.clock.now(), request.from);
    if api_key::check_exchangeable(&known, now).is_err() {
        // The key or its owner may have been changed since.
        Box::pin(server.context.directory.be_current()).await?;
        (known, as_of) = find(&server.context, &exchange.presented(from)).await?;
    }
    let owner = &known.owner;
    let granted = exchange.decide(server, &known, now).inspect_err(|refusal| {
        if let Some(outcome) = refusal.key_outcome() {
            known.usage.refuse(now, outcome);
        }
        if let Some(client) = owner.client() {
            client.usage.refuse(now, refusal.outcome(), None, from);
        }
    })?;
    let over_limit = |limit: OverLimit| OauthError::KeyOverLimit { retry_after: limit.retry_after };
    api_key::spend(&server.context, &known, from, now).map_err(over_limit)?;
    if let Some(client) = owner.client() {
        client.usage.issue(now, client.client.terms.max_tokens_per_hour, None, from)?;
    }
    let holder = TokenHolder {
        subject: owner.id(),
        client_id: known.key.id.as_str(),
        credential: known.token_credential,
        as_of,
        environment: Some(known.key.environment),
        issued_token_type: Some(ACCESS_TOKEN_TYPE),
    };
    issue(&server.context, &holder, &granted, now)
}

/// The known key, and the last event that this knowledge includes.
async fn find(
    context: &Context,
    presented: &PresentedKey<'_>,
) -> Result<(Arc<KnownApiKey>, EventNumber), OauthError> {
    let digest = api_key::digest(context, presented.key)?;
    match context.directory.api_key_as_of(&digest).await? {
        (Some(known), as_of) => Ok((known, as_of)),
        (None, _) => Err(api_key::refuse_unknown(context, presented).await.into()),
    }
}

impl TokenExchange {
    /// Parses the parameters (RFC 8693 §2.1) of a request with this `Authorization` header.
    ///
    /// # Errors
    /// A parameter is missing, malformed or unsupported, or the request has a second credential.
    fn parse(form: &mut Form<'_>, authorization: Authorization<'_>) -> Result<Self, OauthError> {
        let invalid = |what| Err(OauthError::InvalidRequest(what));
        let credentials = ["client_secret", "client_assertion", "client_assertion_type"];
        if authorization != Authorization::Absent || credentials.iter().any(|name| form.has(name)) {
            return invalid("The request has two credentials; send only the subject_token");
        }
        if form.has("actor_token") || form.has("actor_token_type") {
            return invalid("actor_token is not supported");
        }
        match form.get("subject_token_type") {
            Some(API_KEY_TYPE) => {}
            Some(_) => {
                return invalid("The subject_token_type must be urn:mintery:token-type:api-key");
            }
            None => return invalid("subject_token_type is missing"),
        }
        match form.get("requested_token_type") {
            None | Some(ACCESS_TOKEN_TYPE | JWT_TYPE) => {}
            Some(_) => {
                return invalid(
                    "The requested_token_type must be that of an access token or a JWT",
                );
            }
        }
        let key = form.take_secret("subject_token");
        let key = key.ok_or(OauthError::InvalidRequest("subject_token is missing"))?;
        let client_id = form.get("client_id").map(ToOwned::to_owned);
        // The only names of APIs are their identifiers.
        let access = RequestedAccess::parse(form, &["resource", "audience"])?;
        Ok(Self { key, client_id, access })
    }

    /// The key. Its address need not be certain: a key that is bound to addresses is not exchanged.
    fn presented(&self, from: Option<IpAddr>) -> PresentedKey<'_> {
        PresentedKey { key: self.key.expose(), from, is_from_certain: false }
    }

    /// Grants at most the requested access, and at most that of the key and of its owner, until the
    /// key expires.
    ///
    /// # Errors
    /// The key may not be exchanged, `client_id` names another client, or see
    /// [`RequestedAccess::decide`].
    fn decide<'a>(
        self,
        server: &'a AuthorizationServer,
        known: &'a KnownApiKey,
        now: Timestamp,
    ) -> Result<GrantedAccess<'a>, OauthError> {
        api_key::check_exchangeable(known, now)?;
        if self.client_id.is_some_and(|id| id != known.key.id.as_str()) {
            return Err(OauthError::InvalidRequest("client_id is not the id of the API key"));
        }
        // Mintery's own scopes are never a default.
        let default_scopes = known.scopes.without_own();
        let of_client = known.owner.client().map(|known| &known.client);
        let allowed = AllowedAccess {
            resources: known.owner.resources(),
            granted_as_of: known.owner.granted_as_of(),
            token_alg: of_client.and_then(|client| client.terms.token_alg),
            token_ttl: of_client.and_then(|client| client.terms.token_ttl),
            scopes: &known.scopes,
            default_scopes,
        };
        let mut granted = self.access.decide(server, allowed)?;
        if let Some(expires_at) = known.key.expires_at {
            // In whole seconds, as `exp`, rounded down.
            let left = Timestamp::from_secs(expires_at.as_secs())
                .since(Timestamp::from_secs(now.as_secs()));
            if left.is_zero() {
                return Err(KeyFailure::Expired.into());
            }
            granted.ttl = granted.ttl.min(left);
        }
        Ok(granted)
    }
}
