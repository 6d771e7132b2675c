//! The logged-in user of a page, for handlers and templates.

use actix_web::HttpRequest;

use super::failure::Failure;
use super::navigation::{self, Section};
use crate::admin::Admin;
use crate::authn::error::AccessError;
use crate::clock::Timestamp;
use crate::http::extract::session::{self, SignedIn};
use crate::model::own_scope::OwnScope;
use crate::model::user::Role;
use crate::oauth::AuthorizationServer;

/// The name of a role.
pub const fn role_label(role: Role) -> &'static str {
    match role {
        Role::Admin => "Administrator",
        Role::Member => "Member",
        Role::Viewer => "Viewer",
    }
}

/// The logged-in user of a page.
#[derive(Debug)]
pub struct Visitor {
    /// The path of the issuer, before every address in a page.
    pub base: String,
    /// The section of the page; `None` on a page that belongs to none.
    pub section: Option<Section>,
    /// The time of the request.
    pub now: Timestamp,
    /// The administration in their name.
    pub admin: Admin,
    pub signed_in: SignedIn,
    /// The name of the notice to show.
    pub done: String,
}

impl Visitor {
    /// Authenticates the user of a page.
    ///
    /// # Errors
    /// [`Failure::NotLoggedIn`] without a session.
    pub async fn recognize(
        request: &HttpRequest,
        server: &AuthorizationServer,
        section: Option<Section>,
    ) -> Result<Self, Failure> {
        let found = session::signed_in(request, server).await.map_err(AccessError::from)?;
        let signed_in = found.ok_or(Failure::NotLoggedIn)?;
        Ok(Self {
            base: server.context.issuer.path().to_owned(),
            section,
            now: server.context.clock.now(),
            admin: signed_in.admin(server),
            done: String::new(),
            signed_in,
        })
    }

    /// Their username.
    pub fn name(&self) -> &str {
        self.signed_in.username.as_str()
    }

    /// The name of their role.
    pub const fn role(&self) -> &'static str {
        role_label(self.signed_in.role)
    }

    /// The value of [`CSRF_FIELD`](super::form::CSRF_FIELD).
    pub fn csrf(&self) -> &str {
        &self.signed_in.csrf_token
    }

    /// `true` if they hold `scope`.
    pub fn may(&self, scope: OwnScope) -> bool {
        scope.is_in(&self.signed_in.scopes)
    }

    /// `true` if the page belongs to `section`.
    pub fn is_in(&self, section: Section) -> bool {
        self.section == Some(section)
    }

    /// The links of the navigation that they may follow.
    pub fn navigation(&self) -> Vec<navigation::LinkGroup> {
        navigation::links(|scope| self.may(scope))
    }

    /// The notice to show above the page.
    pub fn notice(&self) -> Option<&'static str> {
        navigation::notice(&self.done)
    }
}
