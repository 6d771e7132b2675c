//! Who presents the cookie of a session. It is known by its digest; what has not even its form is
//! not taken for one.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::authn::caller::{AccessError, Demand, require};
use crate::directory::{KnownSession, Unavailable};
use crate::model::principal::{Authenticated, Credential, Principal};
use crate::model::scope::ScopeSet;
use crate::model::session::{Session, SessionId};
use crate::model::user::{Role, User};
use crate::network::Network;
use crate::oauth::AuthorizationServer;
use crate::oauth::client_auth::guessable::make_wait;
use crate::secret::digest::SecretDigest;

/// The cookie of a session that was presented.
#[derive(Clone, Copy)]
pub struct PresentedSession<'a> {
    /// Its value.
    pub cookie: &'a str,
    /// From where it came, when that is known.
    pub from: Option<IpAddr>,
}

impl fmt::Debug for PresentedSession<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresentedSession").field("from", &self.from).finish_non_exhaustive()
    }
}

/// Why a session is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SessionFailure {
    /// There is no such session, or no more.
    #[error("a session that there is not, or that is over")]
    Over,
    /// Whoever is logged in is disabled.
    #[error("a session of a disabled user")]
    Disabled,
    /// A session is for Mintery's own API alone.
    #[error("a session at another API")]
    Resource,
}

impl From<SessionFailure> for AccessError {
    fn from(failure: SessionFailure) -> Self {
        Self::InvalidSession(failure)
    }
}

/// The session that a cookie stands for, in which somebody is logged in who may be; and that it is
/// used.
///
/// # Errors
/// When that cannot be told now.
pub async fn recognise(
    server: &AuthorizationServer,
    presented: PresentedSession<'_>,
) -> Result<Result<Arc<KnownSession>, SessionFailure>, Unavailable> {
    let (policy, now) = (&server.admin.sessions, server.clock.now());
    let digest = policy.digests.digest_text(presented.cookie);
    let Some(known) = server.directory.session(&digest, now, policy.idle).await? else {
        // There is nothing to guess in it, but each that is made up costs a look-up.
        if let Some(from) = presented.from
            && server.directory.guesses().is_flooded_by(Network::of(from))
        {
            make_wait().await;
        }
        return Ok(Err(SessionFailure::Over));
    };
    if !known.user.is_enabled() {
        return Ok(Err(SessionFailure::Disabled));
    }
    server.directory.saw(&known, now, policy.idle);
    Ok(Ok(known))
}

/// Recognises who presents a cookie, and checks that it is good for what is asked for.
///
/// # Errors
/// When it is not, or does not allow this, or that cannot be told now.
pub(super) async fn authenticate(
    server: &AuthorizationServer,
    presented: PresentedSession<'_>,
    demand: Demand<'_>,
) -> Result<Authenticated, AccessError> {
    let known = recognise(server, presented).await??;
    let is_own = |resource: &&str| *resource == server.issuer.as_str();
    if !std::iter::once(&demand.resource).chain(demand.other_resources).all(is_own) {
        return Err(SessionFailure::Resource.into());
    }
    let scopes = scopes_of(server, &known.user);
    // Who asks for scopes lets somebody in, also where there are none.
    if must_enrol(server, &known.user) && demand.scopes.is_some() {
        return Err(AccessError::MustEnrol);
    }
    require(&scopes, demand.scopes)?;
    Ok(authenticated(&known.session, &known.user, scopes))
}

/// Whether somebody may do nothing before they have a second factor but get one.
#[must_use]
pub fn must_enrol(server: &AuthorizationServer, user: &User) -> bool {
    server.admin.sessions.second_factor.is_missing(user)
}

/// The scopes that somebody holds who is logged in.
#[must_use]
pub fn scopes_of(server: &AuthorizationServer, user: &User) -> ScopeSet {
    if must_enrol(server, user) { ScopeSet::default() } else { user.held_scopes() }
}

/// Who is logged in by a session.
#[must_use]
pub fn authenticated(session: &Session, user: &User, scopes: ScopeSet) -> Authenticated {
    Authenticated {
        principal: Principal::User {
            id: user.id.clone(),
            name: user.username.clone(),
            role: user.role,
        },
        credential: Credential::Session(session.id.clone()),
        scopes,
        expires_at: Some(session.expires_at),
    }
}

/// The scopes that somebody of this role who holds `scopes` may give to others: all that there are,
/// for an administrator.
#[must_use]
pub fn grantable(role: Role, scopes: &ScopeSet) -> Option<ScopeSet> {
    match role {
        // Not where they have to get a second factor first.
        Role::Admin if !scopes.is_empty() => None,
        Role::Admin | Role::Member | Role::Viewer => Some(scopes.clone()),
    }
}

/// The token that forms of a session carry, so that a page elsewhere cannot send one (CSRF). It is
/// made of the session's id under a key of this server, and so the same on all nodes, for as long
/// as the session.
#[must_use]
pub fn csrf_token(server: &AuthorizationServer, session: &SessionId) -> String {
    csrf_digest(server, session).to_text()
}

/// Whether `token` is that of the session; takes the same time whatever the answer.
#[must_use]
pub fn is_csrf_token(server: &AuthorizationServer, session: &SessionId, token: &str) -> bool {
    SecretDigest::from_text(token).is_some_and(|token| csrf_digest(server, session).matches(&token))
}

fn csrf_digest(server: &AuthorizationServer, session: &SessionId) -> SecretDigest {
    // No cookie begins like this.
    server.admin.sessions.digests.digest_text(&format!("csrf|{session}"))
}
