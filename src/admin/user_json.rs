//! People and their sessions, as programs see them and describe what they want: the same members at the command line and in the API.
//! Dates are seconds since the epoch.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::AdminError;
use super::json::invalid;
use super::user::NewUser;
use crate::model::session::{Session, SessionId};
use crate::model::user::{Role, User, Username};
use crate::secret::Secret;
use crate::secret::password::Password;

/// Somebody.
#[derive(Debug, Serialize)]
pub struct UserJson<'a> {
    id: &'a str,
    username: &'a str,
    role: &'static str,
    enabled: bool,
    created_at: i64,
}

impl<'a> From<&'a User> for UserJson<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            id: user.id.as_str(),
            username: user.username.as_str(),
            role: user.role.name(),
            enabled: user.is_enabled(),
            created_at: user.created_at.as_secs(),
        }
    }
}

/// A session.
#[derive(Debug, Serialize)]
pub struct SessionJson<'a> {
    id: &'a str,
    created_at: i64,
    /// When it ends at the latest.
    expires_at: i64,
    /// When it was last used, but for a few minutes.
    last_used_at: i64,
    /// From where somebody logged in.
    address: Option<IpAddr>,
    user_agent: &'a str,
    /// Whether it is the one that asks.
    current: bool,
}

impl<'a> SessionJson<'a> {
    /// A session, to somebody who asks from `current`.
    #[must_use]
    pub fn new(session: &'a Session, current: Option<&SessionId>) -> Self {
        Self {
            id: session.id.as_str(),
            created_at: session.created_at.as_secs(),
            expires_at: session.expires_at.as_secs(),
            last_used_at: session.seen_at.as_secs(),
            address: session.address,
            user_agent: &session.user_agent,
            current: current == Some(&session.id),
        }
    }
}

/// Somebody as they are to be made known.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewUserInput {
    username: Option<String>,
    role: Option<String>,
    password: Option<Secret>,
}

impl NewUserInput {
    /// What is wanted.
    ///
    /// # Errors
    /// When a member is missing or not valid.
    pub fn into_new(self) -> Result<NewUser, AdminError> {
        let missing = |name: &str| AdminError::Invalid(format!("{name} is missing"));
        let username = self.username.ok_or_else(|| missing("username"))?;
        let role = self.role.ok_or_else(|| missing("role"))?;
        let password = self.password.ok_or_else(|| missing("password"))?;
        Ok(NewUser {
            username: Username::parse(&username).map_err(invalid)?,
            role: role.parse::<Role>().map_err(invalid)?,
            password: Password::parse(password).map_err(invalid)?,
        })
    }
}
