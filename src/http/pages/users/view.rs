//! Users as pages show them.

use crate::http::pages::display::{Badge, ShownTime};
use crate::http::pages::links::user_path;
use crate::http::pages::visitor::{Visitor, role_label};
use crate::model::scope::ScopeSet;
use crate::model::user::{User, UserId};

/// A user of a page.
pub(super) struct UserView {
    pub(super) id: UserId,
    pub(super) username: String,
    pub(super) role: &'static str,
    pub(super) scopes: ScopeSet,
    pub(super) resources: Vec<String>,
    pub(super) status: Badge,
    pub(super) is_enabled: bool,
    pub(super) has_factor: bool,
    /// `true` for the user of the page.
    pub(super) is_own: bool,
    pub(super) created: ShownTime,
}

impl UserView {
    pub(super) fn new(user: &User, visitor: &Visitor) -> Self {
        Self {
            id: user.id.clone(),
            username: user.username.to_string(),
            role: role_label(user.role),
            scopes: user.scopes.clone(),
            resources: user.resources.iter().map(ToString::to_string).collect(),
            status: if user.is_enabled() { Badge::ok("Active") } else { Badge::plain("Disabled") },
            is_enabled: user.is_enabled(),
            has_factor: user.second_factor_at.is_some(),
            is_own: user.id == visitor.signed_in.user,
            created: ShownTime::new(user.created_at, visitor.now),
        }
    }

    pub(super) fn path(&self) -> String {
        user_path(&self.id)
    }
}
