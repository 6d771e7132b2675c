//! The administrative acts as the JSON API and the dashboard share them: why an act is refused, and
//! the wait until this node applies a change.

use actix_web::HttpResponse;

use super::extract::body::BodyError;
use crate::admin::{Admin, AdminError};
use crate::authn::error::{AccessError, LogInError};
use crate::oauth::AuthorizationServer;

/// The result of a handler of the JSON API.
pub type Outcome = Result<HttpResponse, Refused>;

/// A reason to refuse an administrative request.
#[derive(Debug)]
pub enum Refused {
    /// The credential is missing, invalid, or does not allow the act.
    Access(AccessError),
    /// The request lacks a signature of a known key.
    NotSigned,
    /// The body cannot be read.
    Body(BodyError),
    /// A password or a code is wrong, or cannot be checked.
    LogIn(LogInError),
    /// The input is invalid, or the act failed.
    Admin(AdminError),
    /// The act succeeded, but this node has not applied it.
    Unavailable(String),
}

impl From<AccessError> for Refused {
    fn from(error: AccessError) -> Self {
        Self::Access(error)
    }
}

impl From<LogInError> for Refused {
    fn from(error: LogInError) -> Self {
        Self::LogIn(error)
    }
}

impl From<AdminError> for Refused {
    fn from(error: AdminError) -> Self {
        Self::Admin(error)
    }
}

/// Waits until this node has applied everything that it committed: no later request sees the old
/// state here.
///
/// # Errors
/// [`Refused::Unavailable`] if this node lags.
pub async fn applied(server: &AuthorizationServer, admin: &Admin) -> Result<(), Refused> {
    let committed = *admin.store.commits().borrow();
    let caught_up = server.context.directory.catch_up(committed).await;
    caught_up.map_err(|error| Refused::Unavailable(error.to_string()))
}
