//! Authentication by session cookie. The directory finds a session by the digest of its cookie.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::context::Context;
use super::delay::make_wait;
use super::demand::{Demand, require};
use super::error::{AccessError, SessionFailure};
use crate::directory::{KnownSession, Unavailable};
use crate::model::identity::{Authenticated, Credential, Identity};
use crate::model::scope::ScopeSet;
use crate::model::session::{Session, SessionId};
use crate::model::user::{Role, User};
use crate::network::Network;
use crate::secret::digest::SecretDigest;
use mintery_verifier::model::resource::is_same;

/// The cookie of a session in a request.
#[derive(Clone, Copy)]
pub struct PresentedSession<'a> {
    /// The value of the cookie.
    pub cookie: &'a str,
    /// The caller's address, if known.
    pub from: Option<IpAddr>,
}

impl fmt::Debug for PresentedSession<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresentedSession").field("from", &self.from).finish_non_exhaustive()
    }
}

/// The session of a cookie, with its user, who is enabled; notes that the session is used.
///
/// # Errors
/// The store is needed and unreachable.
pub async fn recognize(
    context: &Context,
    presented: PresentedSession<'_>,
) -> Result<Result<Arc<KnownSession>, SessionFailure>, Unavailable> {
    let (policy, now) = (&context.admin.sessions, context.clock.now());
    let digest = policy.digests.digest_text(presented.cookie);
    let Some(known) = context.directory.session(&digest, now, policy.idle).await? else {
        // A cookie cannot be guessed, but each invented one costs a lookup.
        if let Some(from) = presented.from
            && context.directory.guesses().is_flooded_by(Network::of(from))
        {
            make_wait().await;
        }
        return Ok(Err(SessionFailure::Over));
    };
    if !known.user.is_enabled() {
        return Ok(Err(SessionFailure::Disabled));
    }
    context.directory.saw(&known, now, policy.idle);
    Ok(Ok(known))
}

/// Identifies the user of a session, and checks the session against `demand`.
pub(super) async fn authenticate(
    context: &Context,
    presented: PresentedSession<'_>,
    demand: Demand<'_>,
) -> Result<Authenticated, AccessError> {
    let known = recognize(context, presented).await??;
    if demand.resources().any(|resource| !is_same(resource, context.issuer.as_str())) {
        return Err(SessionFailure::Resource.into());
    }
    let scopes = scopes_of(context, &known.user);
    if must_enroll(context, &known.user) && !demand.serves_unenrolled {
        return Err(AccessError::MustEnroll);
    }
    require(&scopes, demand.scopes)?;
    Ok(authenticated(&known.session, &known.user, scopes))
}

/// True if the user must enroll a second factor before anything else.
#[must_use]
pub fn must_enroll(context: &Context, user: &User) -> bool {
    context.admin.sessions.second_factor.is_missing(user)
}

/// The scopes that the user holds in a session.
#[must_use]
pub fn scopes_of(context: &Context, user: &User) -> ScopeSet {
    if must_enroll(context, user) { ScopeSet::default() } else { user.held_scopes() }
}

/// The caller that a session identifies.
#[must_use]
pub fn authenticated(session: &Session, user: &User, scopes: ScopeSet) -> Authenticated {
    Authenticated {
        identity: Identity::User {
            id: user.id.clone(),
            name: user.username.clone(),
            role: user.role,
        },
        credential: Credential::Session(session.id.clone()),
        scopes,
        expires_at: Some(session.expires_at),
    }
}

/// The scopes that a user with this role and `scopes` may grant to others; `None` is no limit, for
/// administrators.
#[must_use]
pub fn grantable(role: Role, scopes: &ScopeSet) -> Option<ScopeSet> {
    match role {
        // An administrator without scopes has yet to enroll a second factor.
        Role::Admin if !scopes.is_empty() => None,
        Role::Admin | Role::Member | Role::Viewer => Some(scopes.clone()),
    }
}

/// The CSRF token of a session's forms, which no page of another site can know. It is derived from
/// the session's id under a key of this server, so it is the same on all nodes and lasts as long as
/// the session.
#[must_use]
pub fn csrf_token(context: &Context, session: &SessionId) -> String {
    csrf_digest(context, session).to_text()
}

/// Compares `token` with the CSRF token of the session in constant time.
#[must_use]
pub fn is_csrf_token(context: &Context, session: &SessionId, token: &str) -> bool {
    SecretDigest::from_text(token)
        .is_some_and(|token| csrf_digest(context, session).matches(&token))
}

fn csrf_digest(context: &Context, session: &SessionId) -> SecretDigest {
    // No cookie begins like this.
    context.admin.sessions.digests.digest_text(&format!("csrf|{session}"))
}
