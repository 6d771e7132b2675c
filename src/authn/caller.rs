//! Authentication at a protected route: an access token (RFC 6750), an API key or a session cookie
//! must be valid, and so must the client or user that it stands for.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use super::api_key::{self, PresentedKey};
use super::audience::OwnApis;
use super::context::Context;
use super::demand::{Demand, require};
use super::error::{AccessError, TokenFailure};
use super::session::{self, PresentedSession};
use super::token::{client_of, credential_of, good_user, holder, scopes_of, user_of};
use crate::clock::Timestamp;
use crate::directory::KnownClient;
use crate::model::identity::{Authenticated, Identity};
use crate::model::scope::ScopeSet;
use crate::model::user::UserId;
use mintery_verifier::model::resource::is_same;
use mintery_verifier::{AccessToken, VerifyError};

/// The one credential of a request to a protected route.
pub enum CallerCredential<'a> {
    /// An access token, without `Bearer`.
    Token(&'a str),
    /// An API key.
    ApiKey(PresentedKey<'a>),
    /// The cookie of a session.
    Session(PresentedSession<'a>),
}

impl fmt::Debug for CallerCredential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(_) => f.write_str("Token(…)"),
            Self::ApiKey(presented) => presented.fmt(f),
            Self::Session(presented) => presented.fmt(f),
        }
    }
}

/// Identifies the caller by `presented`, and checks it against `demand`.
///
/// # Errors
/// The credential or its owner is invalid, does not meet the demand, or cannot be checked now.
pub async fn authenticate(
    context: &Context,
    presented: &CallerCredential<'_>,
    demand: Demand<'_>,
) -> Result<Authenticated, AccessError> {
    match presented {
        CallerCredential::Token(token) => authenticate_token(context, token, demand, false).await,
        CallerCredential::ApiKey(presented) => {
            api_key::authenticate(context, presented, demand).await
        }
        // Boxed, to keep the future of every request small: see `http`.
        CallerCredential::Session(presented) => {
            Box::pin(session::authenticate(context, *presented, demand)).await
        }
    }
}

/// Checks the caller of a request once more, for example after the body has arrived: the credential
/// may have been revoked since. A second check does not count as a use of an API key.
///
/// # Errors
/// As [`authenticate`], except for the limit of an API key.
pub async fn recheck(
    context: &Context,
    presented: &CallerCredential<'_>,
    demand: Demand<'_>,
) -> Result<Authenticated, AccessError> {
    match presented {
        CallerCredential::ApiKey(presented) => api_key::recheck(context, presented, demand).await,
        CallerCredential::Token(_) | CallerCredential::Session(_) => {
            authenticate(context, presented, demand).await
        }
    }
}

/// Authenticates a token. A refusal that a change elsewhere may have made untrue counts if it is
/// `final`; otherwise the check is repeated by the knowledge of all that was committed before.
async fn authenticate_token(
    context: &Context,
    token: &str,
    demand: Demand<'_>,
    is_final: bool,
) -> Result<Authenticated, AccessError> {
    let text = token;
    // The demand may differ from the configured environments, so they are compared below.
    let token = match context.ring.verifier().check_for_any(text) {
        Err(VerifyError::UnknownKey) if !is_final => return again(context, text, demand).await,
        checked => checked?,
    };
    if !demand.resources().all(|resource| token.audience.iter().any(|own| is_same(own, resource))) {
        return Err(VerifyError::Audience.into());
    }
    if token.environment.is_some_and(|environment| !demand.environments.accept(environment)) {
        return Err(VerifyError::Environment.into());
    }
    if let Some(id) = user_of(&token) {
        // Boxed for the same reason.
        return Box::pin(authenticate_user(context, &token, id, demand)).await;
    }
    let (known, _) = context.directory.client(client_of(&token)).await?;
    match admit(context, &token, known, demand) {
        Err(refusal) if !is_final && may_be_outdated(&token, &refusal) => {
            drop(refusal);
            again(context, text, demand).await
        }
        judged => judged,
    }
}

/// Checks the client that a token stands for, and the scopes that it allows.
fn admit(
    context: &Context,
    token: &AccessToken,
    known: Option<Arc<KnownClient>>,
    demand: Demand<'_>,
) -> Result<Authenticated, AccessError> {
    let known = holder(token, known)?;
    let client = &known.client;
    let scopes = scopes_of(context, token, token.scopes.intersection(&client.terms.scopes));
    let scopes = at_demanded(context, OwnApis::from(&*known), scopes, demand)?;
    require(&scopes, demand.scopes)?;
    Ok(Authenticated {
        identity: Identity::Client { id: client.id.clone(), name: client.terms.name.clone() },
        credential: credential_of(token)?,
        scopes,
        expires_at: Some(Timestamp::from_secs(token.expires_at.as_secs())),
    })
}

/// The part of the scopes of a token that its holder still has at the demanded APIs.
fn at_demanded(
    context: &Context,
    own: OwnApis<'_>,
    scopes: ScopeSet,
    demand: Demand<'_>,
) -> Result<ScopeSet, VerifyError> {
    own.scopes_at_all(context, scopes, demand.resources()).ok_or(VerifyError::Audience)
}

/// True if a token may be refused only because this node has not applied a change of its holder yet.
fn may_be_outdated(token: &AccessToken, refusal: &AccessError) -> bool {
    match refusal {
        // Of the holder: the token itself names the API.
        AccessError::InvalidToken(TokenFailure::Token(VerifyError::Audience)) => true,
        AccessError::InvalidToken(failure) => failure.may_be_outdated(),
        AccessError::InsufficientScope(missing) => missing.is_subset_of(&token.scopes),
        _ => false,
    }
}

/// Authenticates a token by the knowledge of all that was committed before.
fn again<'a>(
    context: &'a Context,
    token: &'a str,
    demand: Demand<'a>,
) -> Pin<Box<dyn Future<Output = Result<Authenticated, AccessError>> + 'a>> {
    Box::pin(async move {
        context.directory.be_current().await?;
        authenticate_token(context, token, demand, true).await
    })
}

async fn authenticate_user(
    context: &Context,
    token: &AccessToken,
    id: UserId,
    demand: Demand<'_>,
) -> Result<Authenticated, AccessError> {
    let known = good_user(context.directory.user(&id).await?)?;
    let user = &known.user;
    let scopes = scopes_of(context, token, user.most_of(&token.scopes));
    let scopes = at_demanded(context, OwnApis::from(&*known), scopes, demand)?;
    require(&scopes, demand.scopes)?;
    Ok(Authenticated {
        identity: Identity::User { id, name: user.username.clone(), role: user.role },
        credential: credential_of(token)?,
        scopes,
        expires_at: Some(Timestamp::from_secs(token.expires_at.as_secs())),
    })
}
