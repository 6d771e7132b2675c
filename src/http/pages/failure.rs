//! The reasons why a handler returns no page. `failure_page` answers each.

use crate::admin::AdminError;
use crate::authn::error::AccessError;
use crate::http::act::Refused;
use crate::model::own_scope::OwnScope;

/// The reason why there is no page.
#[derive(Debug)]
pub enum Failure {
    /// The browser is not logged in.
    NotLoggedIn,
    /// The form was not rendered for this session, or another site sent it.
    Forged(&'static str),
    /// No such page.
    NotFound,
    /// A method other than GET, HEAD and POST.
    MethodNotAllowed,
    /// The request is refused.
    Refused(Refused),
    /// The page could not be rendered.
    Broken(String),
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<AdminError> for Failure {
    fn from(error: AdminError) -> Self {
        Self::Refused(Refused::Admin(error))
    }
}

impl From<AccessError> for Failure {
    fn from(error: AccessError) -> Self {
        Self::Refused(Refused::Access(error))
    }
}

impl Failure {
    /// The failure of a visitor without `scope`.
    pub fn lacking(scope: OwnScope) -> Self {
        AccessError::InsufficientScope(scope.into()).into()
    }
}
