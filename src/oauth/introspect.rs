//! Token introspection (RFC 7662): the state and claims of a token, for clients that may see them,
//! signed on request (RFC 9701). The check is that of protected routes, and nothing is written.

use std::sync::Arc;

use super::AuthorizationServer;
use super::error::OauthError;
use super::request::OauthRequest;
use crate::authn::audience::OwnApis;
use crate::authn::context::Context;
use crate::authn::error::TokenFailure;
use crate::authn::token::{client_of, good_user, holder, scopes_of, user_of};
use crate::clock::Timestamp;
use crate::directory::{KnownClient, Unavailable};
use crate::json::ObjectWriter;
use crate::model::client::{Client, DEFAULT_INTROSPECTION_ALG};
use crate::model::own_scope::OwnScope;
use crate::model::scope::ScopeSet;
use mintery_verifier::model::resource::{comparable, is_same};
use mintery_verifier::{AccessToken, VerifyError};

/// The `typ` of a signed response, and its media type (RFC 9701 §5).
pub const INTROSPECTION_TYPE: &str = "token-introspection+jwt";

/// The format of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntrospectionFormat {
    /// RFC 7662 §2.2.
    Json,
    /// A signed JWT (RFC 9701 §5).
    Jwt,
}

/// The outcome of an introspection.
#[derive(Debug)]
pub struct Introspection {
    caller: Arc<KnownClient>,
    at: Timestamp,
    found: Result<Active, Inactive>,
}

/// Reason why a token is inactive for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Inactive {
    /// The token is invalid.
    #[error(transparent)]
    Token(#[from] TokenFailure),
    /// The caller may not introspect it.
    #[error("neither issued to the caller nor for an audience the caller stands for")]
    NotForCaller,
}

/// A valid token.
#[derive(Debug)]
struct Active {
    token: Arc<AccessToken>,
    /// The scopes that it still allows.
    scopes: ScopeSet,
    /// The APIs of its audience that its holder still has.
    audience: Vec<String>,
}

impl Active {
    /// A token of a holder with these APIs. One that has none of the audience any more is inactive.
    fn new(
        context: &Context,
        token: Arc<AccessToken>,
        own: OwnApis<'_>,
        mut scopes: ScopeSet,
    ) -> Result<Self, Inactive> {
        let mut audience = Vec::with_capacity(token.audience.len());
        for resource in &token.audience {
            if let Some(at_api) = own.scopes_at(context, scopes.clone(), resource) {
                scopes = at_api;
                audience.push(resource.clone());
            }
        }
        if audience.is_empty() {
            return Err(TokenFailure::Token(VerifyError::Audience).into());
        }
        Ok(Self { token, scopes, audience })
    }
}

/// Answers an introspection request.
///
/// # Errors
/// The request is refused, or cannot be answered now. An inactive token is no error.
pub async fn respond(
    server: &AuthorizationServer,
    request: &OauthRequest<'_>,
) -> Result<Introspection, OauthError> {
    let (form, credential) = request.parse()?;
    // `token_type_hint` is a hint, and there is one type.
    let token = form.get("token").ok_or(OauthError::InvalidRequest("token is missing"))?;
    let caller = credential.authenticate(&server.context, request.network()).await?;
    let at = server.context.clock.now();
    caller.known.usage.note(at, caller.secret(), request.from);
    let found = match check(&server.context, &caller.known.client, token) {
        Ok(token) => {
            let client = client_of(&token);
            if client == caller.known.client.id.as_str() {
                // The caller's own token: the client is known already.
                active(&server.context, token, Some(Arc::clone(&caller.known)))
            } else {
                // Boxed, to keep the future of every request small: see `http`.
                Box::pin(active_of_other(&server.context, token)).await?
            }
        }
        Err(UNKNOWN_KEY) => {
            Box::pin(find_again(&server.context, &caller.known.client, token)).await?
        }
        Err(why) => Err(why),
    };
    Ok(Introspection { caller: caller.known, at, found })
}

impl Introspection {
    /// The reason why the token is inactive, for the log only.
    #[must_use]
    pub fn inactive(&self) -> Option<Inactive> {
        self.found.as_ref().err().copied()
    }

    /// The response in this format.
    ///
    /// # Errors
    /// The response cannot be signed.
    pub fn body(
        &self,
        context: &Context,
        format: IntrospectionFormat,
    ) -> Result<Vec<u8>, OauthError> {
        let members = match &self.found {
            Ok(active) => active.to_json(context),
            Err(_) => INACTIVE.to_vec(),
        };
        match format {
            IntrospectionFormat::Json => Ok(members),
            IntrospectionFormat::Jwt => self.sign(context, &members),
        }
    }

    /// Signs the members (RFC 9701 §5). The claims have neither `sub` nor `exp`, so that they cannot
    /// pass for an access token.
    fn sign(&self, context: &Context, members: &[u8]) -> Result<Vec<u8>, OauthError> {
        let client = &self.caller.client;
        let mut claims = ObjectWriter::with_capacity(1024);
        claims.text("iss", context.issuer.as_str());
        claims.text("aud", client.id.as_str());
        claims.plain("iat", self.at.as_secs());
        claims.raw("token_introspection", members);
        let claims = claims.finish();
        let algorithm = client.terms.introspection_alg.unwrap_or(DEFAULT_INTROSPECTION_ALG);
        let ring = context.ring.current();
        let signer = ring
            .signer(algorithm, self.at)
            .ok_or_else(|| OauthError::Server(format!("no signing key for {algorithm}")))?;
        let mut token = Vec::new();
        signer.sign(INTROSPECTION_TYPE, &claims, &mut token)?;
        Ok(token)
    }
}

/// Verifies the token and the right of `caller` to see it, but not the token's client.
fn check(context: &Context, caller: &Client, token: &str) -> Result<Arc<AccessToken>, Inactive> {
    let token = context.ring.verifier().check_for_any(token).map_err(TokenFailure::Token)?;
    if may_introspect(context, caller, &token) { Ok(token) } else { Err(Inactive::NotForCaller) }
}

/// The refusal of a token that another node may have signed with a new key a moment ago.
const UNKNOWN_KEY: Inactive = Inactive::Token(TokenFailure::Token(VerifyError::UnknownKey));

/// Finds a token by the knowledge of all that was committed before.
async fn find_again(
    context: &Context,
    caller: &Client,
    token: &str,
) -> Result<Result<Active, Inactive>, Unavailable> {
    context.directory.be_current().await?;
    match check(context, caller, token) {
        Ok(token) => active_of_other(context, token).await,
        Err(why) => Ok(Err(why)),
    }
}

/// Checks the client of a verified token.
fn active(
    context: &Context,
    token: Arc<AccessToken>,
    known: Option<Arc<KnownClient>>,
) -> Result<Active, Inactive> {
    let known = holder(&token, known)?;
    let scopes = scopes_of(context, &token, token.scopes.intersection(&known.client.terms.scopes));
    Active::new(context, token, OwnApis::from(&*known), scopes)
}

/// Looks up and checks the client or user of a verified token.
async fn active_of_other(
    context: &Context,
    token: Arc<AccessToken>,
) -> Result<Result<Active, Inactive>, Unavailable> {
    let Some(user) = user_of(&token) else {
        let (known, _) = context.directory.client(client_of(&token)).await?;
        return Ok(active(context, token, known));
    };
    let known = context.directory.user(&user).await?;
    Ok(good_user(known).map_err(Inactive::from).and_then(|known| {
        let scopes = scopes_of(context, &token, known.user.most_of(&token.scopes));
        Active::new(context, token, OwnApis::from(&*known), scopes)
    }))
}

/// A client may introspect tokens that were issued to it or its API keys, tokens for an API that it
/// stands for, and with [`OwnScope::Introspect`] all.
fn may_introspect(context: &Context, caller: &Client, token: &AccessToken) -> bool {
    client_of(token) == caller.id.as_str()
        || OwnScope::Introspect.is_in(&caller.terms.scopes)
        || token.audience.iter().any(|audience| stands_for(context, caller, audience))
}

/// True if the client stands for this registered API. No client stands for the issuer, whose tokens
/// are for its administrators.
fn stands_for(context: &Context, client: &Client, audience: &str) -> bool {
    audience != context.issuer.as_str()
        && client.terms.stands_for.iter().any(|own| is_same(own.as_str(), audience))
        && context.directory.apis().contains_key(comparable(audience))
}

/// The members of a response about an inactive token.
const INACTIVE: &[u8] = br#"{"active":false}"#;

impl Active {
    /// The members of a response (RFC 7662 §2.2).
    fn to_json(&self, context: &Context) -> Vec<u8> {
        let Self { token, scopes, audience } = self;
        let mut members = ObjectWriter::with_capacity(512);
        members.plain("active", true);
        members.text_unless_empty("scope", scopes.as_str());
        members.text("client_id", &token.client_id);
        members.text("sub", &token.subject);
        members.one_or_many("aud", audience);
        members.text("iss", context.issuer.as_str());
        members.plain("exp", token.expires_at.as_secs());
        members.plain("iat", token.issued_at.as_secs());
        members.plain("nbf", token.not_before.as_secs());
        members.text("jti", &token.jti);
        members.text("token_type", "Bearer");
        if let Some(environment) = token.environment {
            members.text("environment", environment.name());
        }
        members.finish()
    }
}
