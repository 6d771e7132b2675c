//! The rights of a caller: who holds a scope of Mintery's own may act, and grants no more than the
//! scopes that they hold. A session may act on what is its user's own without a scope.

use actix_web::HttpRequest;

use crate::admin::{Admin, user};
use crate::authn::caller::{self, CallerCredential};
use crate::authn::demand::{Demand, NeededScopes};
use crate::authn::error::AccessError;
use crate::authn::session::grantable;
use crate::http::act::Refused;
use crate::http::extract::presented;
use crate::model::api_key::KeyOwner;
use crate::model::event::Actor;
use crate::model::identity::{Authenticated, Credential, Identity};
use crate::model::own_scope::OwnScope;
use crate::model::scope::ScopeSet;
use crate::model::session::SessionId;
use crate::model::user::{SecondFactorRule, UserId, Username};
use crate::oauth::AuthorizationServer;

/// Authenticates a caller who must hold `scope`, and returns an [`Admin`] that acts in their name.
///
/// # Errors
/// The credential is invalid or lacks the scope, or cannot be checked now.
pub async fn authorize(
    request: &HttpRequest,
    server: &AuthorizationServer,
    scope: OwnScope,
) -> Result<Admin, Refused> {
    let (presented, demand) = (presented::credential(request, server)?, demand(server, scope));
    Ok(acting(server, caller::authenticate(&server.context, &presented, demand).await?))
}

/// Authorizes a caller again after the body of the same request has arrived: the credential may
/// have been revoked meanwhile. The request is not counted twice.
///
/// # Errors
/// See [`authorize`].
pub async fn authorize_again(
    request: &HttpRequest,
    server: &AuthorizationServer,
    scope: OwnScope,
) -> Result<Admin, Refused> {
    let (presented, demand) = (presented::credential(request, server)?, demand(server, scope));
    Ok(acting(server, caller::recheck(&server.context, &presented, demand).await?))
}

fn demand(server: &AuthorizationServer, scope: OwnScope) -> Demand<'_> {
    Demand { scopes: Some(NeededScopes::Own(scope)), ..Demand::of(&server.context) }
}

/// An [`Admin`] that acts in the name of a caller.
fn acting(server: &AuthorizationServer, caller: Authenticated) -> Admin {
    let (actor, grantable) = match (caller.identity, caller.credential) {
        (identity, Credential::KeyToken { key } | Credential::ApiKey { id: key, .. }) => {
            let owner = match identity {
                Identity::Client { id, .. } => KeyOwner::Client(id),
                Identity::User { id, .. } => KeyOwner::User(id),
            };
            (Actor::ApiKey { key, owner }, Some(caller.scopes))
        }
        (Identity::Client { id, .. }, _) => (Actor::Client(id), Some(caller.scopes)),
        (Identity::User { id, role, .. }, _) => (Actor::User(id), grantable(role, &caller.scopes)),
    };
    Admin { actor, grantable, ..server.context.admin.clone() }
}

/// A caller who acts on what is their own, or with a scope on what is any owner's.
#[derive(Debug)]
pub struct Person {
    /// Acts in their name.
    pub admin: Admin,
    /// Their session; absent if the caller presents another credential.
    pub own: Option<OwnSession>,
    /// They hold the scope for any owner.
    pub may_all: bool,
    scope: OwnScope,
}

/// The session of a caller.
#[derive(Debug, Clone)]
pub struct OwnSession {
    /// The id of the user.
    pub user: UserId,
    /// The name that the user logs in with.
    pub username: Username,
    /// The id of the session.
    pub session: SessionId,
}

impl Person {
    /// Authenticates a caller. A session needs no scope for what is its user's own; any other
    /// credential needs `scope`.
    ///
    /// # Errors
    /// See [`authorize`].
    pub async fn authorize(
        request: &HttpRequest,
        server: &AuthorizationServer,
        scope: OwnScope,
    ) -> Result<Self, Refused> {
        let presented = presented::credential(request, server)?;
        let demand = Self::demand_of(server, &presented, scope);
        let caller = caller::authenticate(&server.context, &presented, demand).await?;
        Ok(Self::new(server, caller, scope))
    }

    /// The same after the body of the request has arrived: see [`authorize_again`].
    ///
    /// # Errors
    /// See [`authorize`].
    pub async fn again(
        self,
        request: &HttpRequest,
        server: &AuthorizationServer,
    ) -> Result<Self, Refused> {
        let presented = presented::credential(request, server)?;
        let demand = Self::demand_of(server, &presented, self.scope);
        let caller = caller::recheck(&server.context, &presented, demand).await?;
        Ok(Self::new(server, caller, self.scope))
    }

    fn demand_of<'a>(
        server: &'a AuthorizationServer,
        presented: &CallerCredential<'_>,
        scope: OwnScope,
    ) -> Demand<'a> {
        match presented {
            CallerCredential::Session(_) => Demand::before_enrollment(&server.context),
            CallerCredential::Token(_) | CallerCredential::ApiKey(_) => demand(server, scope),
        }
    }

    fn new(server: &AuthorizationServer, caller: Authenticated, scope: OwnScope) -> Self {
        let own = match (&caller.identity, &caller.credential) {
            (Identity::User { id, name, .. }, Credential::Session(session)) => Some(OwnSession {
                user: id.clone(),
                username: name.clone(),
                session: session.clone(),
            }),
            _ => None,
        };
        let may_all = scope.is_in(&caller.scopes);
        Self { admin: acting(server, caller), own, may_all, scope }
    }

    /// Rejects a caller without the scope.
    ///
    /// # Errors
    /// [`AccessError::InsufficientScope`].
    pub fn demand(&self) -> Result<(), AccessError> {
        if self.may_all { Ok(()) } else { Err(AccessError::InsufficientScope(self.scope.into())) }
    }

    /// The session of a caller who acts on what is their own.
    ///
    /// # Errors
    /// The credential is no session, or a required second factor is missing.
    pub async fn own(&self) -> Result<&OwnSession, Refused> {
        let own = self.own.as_ref().ok_or(AccessError::InsufficientScope(ScopeSet::default()))?;
        let rule = self.admin.sessions.second_factor;
        if rule != SecondFactorRule::Nobody
            && rule.is_missing(&user::show(&self.admin, &own.user).await?)
        {
            return Err(AccessError::MustEnroll.into());
        }
        Ok(own)
    }
}
