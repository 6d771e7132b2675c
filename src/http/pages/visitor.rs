//! Who looks at a page, and what they are offered.

use actix_web::HttpRequest;

use super::failure::Failure;
use super::navigation::{Section, notice};
use crate::admin::Admin;
use crate::authn::caller::AccessError;
use crate::clock::Timestamp;
use crate::http::extract::session::{self, SignedIn};
use crate::model::user::Role;
use crate::oauth::AuthorizationServer;

/// The field of a form that shows that it was made for whoever is logged in.
pub const CSRF_FIELD: &str = "csrf_token";

/// A role, for people.
pub const fn role(role: Role) -> &'static str {
    match role {
        Role::Admin => "Administrator",
        Role::Member => "Member",
        Role::Viewer => "Viewer",
    }
}

/// Who looks at a page.
#[derive(Debug)]
pub struct Visitor {
    /// The path of the issuer, before every address in a page.
    pub base: String,
    /// Where they are; nothing where there is no page.
    pub section: Option<Section>,
    /// When the page is made.
    pub now: Timestamp,
    /// Acts in their name.
    pub admin: Admin,
    /// Who they are.
    pub signed_in: SignedIn,
    /// What was done just now.
    pub done: String,
}

impl Visitor {
    /// Recognises whoever asks for a page.
    ///
    /// # Errors
    /// [`Failure::LogIn`] when nobody is logged in.
    pub async fn recognise(
        request: &HttpRequest,
        server: &AuthorizationServer,
        section: Option<Section>,
    ) -> Result<Self, Failure> {
        let found = session::signed_in(request, server).await.map_err(AccessError::from)?;
        let signed_in = found.ok_or(Failure::LogIn)?;
        Ok(Self {
            base: server.issuer.path().to_owned(),
            section,
            now: server.clock.now(),
            admin: signed_in.admin(server),
            done: String::new(),
            signed_in,
        })
    }

    /// What they are called.
    pub fn name(&self) -> &str {
        self.signed_in.username.as_str()
    }

    /// What they are here for.
    pub const fn role(&self) -> &'static str {
        role(self.signed_in.role)
    }

    /// For [`CSRF_FIELD`].
    pub fn csrf(&self) -> &str {
        &self.signed_in.csrf_token
    }

    /// Whether they hold `scope`; everybody holds the empty one.
    pub fn may(&self, scope: &str) -> bool {
        scope.is_empty() || self.signed_in.scopes.contains(scope)
    }

    /// Whether they are in this part of the dashboard.
    pub fn is_in(&self, section: Section) -> bool {
        self.section == Some(section)
    }

    /// What to say of what was done before this page.
    pub fn notice(&self) -> Option<&'static str> {
        notice(&self.done)
    }
}
