//! The token exchange grant (RFC 8693): an API key becomes a token that stands for its owner, and
//! allows no more than the key. The key is the authentication, so nobody authenticates beside it.

use std::net::IpAddr;

use super::wanted::{Allowed, Granted, Wanted};
use crate::authn::api_key;
use crate::authn::api_key::{KeyFailure, PresentedKey};
use crate::clock::Timestamp;
use crate::directory::KnownApiKey;
use crate::oauth::AuthorizationServer;
use crate::oauth::error::OauthError;
use crate::oauth::form::Form;
use crate::secret::Secret;

/// The name in `grant_type` and `grant_types_supported`.
pub const NAME: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// What is exchanged.
pub const API_KEY_TYPE: &str = "urn:mintery:token-type:api-key";

/// What it becomes (RFC 8693 §3).
pub const ACCESS_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";

/// What an access token is too, so that it may be asked for by that name.
const JWT_TYPE: &str = "urn:ietf:params:oauth:token-type:jwt";

/// What is asked for.
#[derive(Debug)]
pub struct TokenExchange {
    key: Secret,
    /// The `client_id` beside the key, which can only be the id of the key: so it stands in the
    /// token.
    named: Option<String>,
    wanted: Wanted,
}

/// Whether a form asks for this grant.
#[must_use]
pub fn is_asked_for(form: &Form) -> bool {
    form.get("grant_type") == Some(NAME)
}

impl TokenExchange {
    /// Reads the parameters (RFC 8693 §2.1) of a request with these `Authorization` headers.
    ///
    /// # Errors
    /// When a parameter is missing, malformed or not supported, or there is another credential
    /// beside the key.
    pub fn parse(form: &mut Form, authorization: &[&[u8]]) -> Result<Self, OauthError> {
        let invalid = |what| Err(OauthError::InvalidRequest(what));
        let credentials = ["client_secret", "client_assertion", "client_assertion_type"];
        if !authorization.is_empty() || credentials.iter().any(|name| form.has(name)) {
            return invalid(
                "The request has two credentials: the subject_token is one, send no other",
            );
        }
        if form.has("actor_token") || form.has("actor_token_type") {
            return invalid("An actor_token is not supported");
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
                    "The requested_token_type must be that of an access token, or of a JWT",
                );
            }
        }
        let key = form.take_secret("subject_token");
        let key = key.ok_or(OauthError::InvalidRequest("subject_token is missing"))?;
        let named = form.get("client_id").map(ToOwned::to_owned);
        // APIs have no other names than their identifiers.
        let wanted = Wanted::parse(form, &["resource", "audience"])?;
        Ok(Self { key, named, wanted })
    }

    /// The key, which came from there, certain or not: one that is bound to addresses is not
    /// exchanged.
    #[must_use]
    pub fn presented(&self, from: Option<IpAddr>) -> PresentedKey<'_> {
        PresentedKey { key: self.key.expose(), from, is_from_certain: false }
    }

    /// Decides: never more than was asked for, than the key allows, and than its owner may have;
    /// never for longer than the key is good.
    ///
    /// # Errors
    /// When the key is not good for it, another client is named, a resource is not known or not for
    /// the owner, or a scope is not the key's or not for every resource.
    pub fn decide(
        self,
        server: &AuthorizationServer,
        known: &KnownApiKey,
        now: Timestamp,
    ) -> Result<Granted, OauthError> {
        api_key::check_exchangeable(known, now)?;
        if self.named.is_some_and(|named| named != known.key.id.as_str()) {
            return Err(OauthError::InvalidRequest("client_id is not the id of the API key"));
        }
        // Those of this server itself are never a default.
        let default_scopes = &known.scopes.without_own();
        let of_client = known.owner.client().map(|known| &known.client);
        let allowed = Allowed {
            resources: known.owner.resources(),
            token_alg: of_client.and_then(|client| client.terms.token_alg),
            token_ttl: of_client.and_then(|client| client.terms.token_ttl),
            scopes: &known.scopes,
            default_scopes,
        };
        let mut granted = self.wanted.decide(server, allowed)?;
        if let Some(expires_at) = known.key.expires_at {
            // In the whole seconds of `exp`, which are cut.
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
