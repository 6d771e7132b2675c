//! JSON of users and their sessions, for the command line and the API. Dates are seconds since the
//! epoch.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::admin::AdminError;
use crate::admin::json::input::{invalid, resources};
use crate::admin::second_factor::Enrollment;
use crate::admin::user::{NewUser, UserUpdate};
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;
use crate::model::session::{Session, SessionId};
use crate::model::user::{Role, User, Username};
use crate::secret::Secret;
use crate::secret::password::Password;

/// A user.
#[derive(Debug, Serialize)]
pub struct UserJson<'a> {
    id: &'a str,
    username: &'a str,
    role: &'static str,
    /// The API scopes, besides those of the role.
    scope: &'a ScopeSet,
    resources: Vec<&'a str>,
    enabled: bool,
    /// `true` if log-in needs a second-factor code.
    second_factor: bool,
    created_at: i64,
}

impl<'a> From<&'a User> for UserJson<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            id: user.id.as_str(),
            username: user.username.as_str(),
            role: user.role.name(),
            scope: &user.scopes,
            resources: user.resources.iter().map(ResourceUri::as_str).collect(),
            enabled: user.is_enabled(),
            second_factor: user.second_factor_at.is_some(),
            created_at: user.created_at.as_secs(),
        }
    }
}

/// A session.
#[derive(Debug, Serialize)]
pub struct SessionJson<'a> {
    id: &'a str,
    created_at: i64,
    /// The latest end.
    expires_at: i64,
    /// The last use, accurate to a few minutes.
    last_used_at: i64,
    /// The address of the log-in.
    address: Option<IpAddr>,
    user_agent: &'a str,
    /// `true` for the session of the caller.
    current: bool,
}

impl<'a> SessionJson<'a> {
    /// A session, as shown to a caller in the session `current`.
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

/// A new user.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewUserInput {
    username: Option<String>,
    role: Option<String>,
    scope: Option<String>,
    resources: Option<Vec<String>>,
    password: Option<Secret>,
}

impl NewUserInput {
    /// Parses a new user.
    ///
    /// # Errors
    /// If a member is missing or invalid.
    pub fn into_new(self) -> Result<NewUser, AdminError> {
        let missing = |name: &str| AdminError::Invalid(format!("{name} is missing"));
        let username = self.username.ok_or_else(|| missing("username"))?;
        let role = self.role.ok_or_else(|| missing("role"))?;
        let password = self.password.ok_or_else(|| missing("password"))?;
        Ok(NewUser {
            username: Username::parse(&username).map_err(invalid)?,
            role: role.parse::<Role>().map_err(invalid)?,
            scopes: scopes(self.scope)?.unwrap_or_default(),
            resources: resources(self.resources)?.unwrap_or_default(),
            password: Password::parse(password).map_err(invalid)?,
        })
    }
}

/// A change of a user. Absent members stay as they are.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserUpdateInput {
    username: Option<String>,
    role: Option<String>,
    #[serde(default, deserialize_with = "crate::admin::json::input::null_empties")]
    scope: Option<String>,
    #[serde(default, deserialize_with = "crate::admin::json::input::null_empties")]
    resources: Option<Vec<String>>,
    #[serde(default)]
    regrant: bool,
}

fn scopes(text: Option<String>) -> Result<Option<ScopeSet>, AdminError> {
    text.map(|text| ScopeSet::parse(&text).map_err(invalid)).transpose()
}

impl UserUpdateInput {
    /// Parses a change of a user.
    ///
    /// # Errors
    /// If a member is invalid.
    pub fn into_update(self) -> Result<UserUpdate, AdminError> {
        Ok(UserUpdate {
            seen: None,
            username: self.username.as_deref().map(Username::parse).transpose().map_err(invalid)?,
            role: self.role.as_deref().map(str::parse).transpose().map_err(invalid)?,
            scopes: scopes(self.scope)?,
            resources: resources(self.resources)?,
            regrant: self.regrant,
        })
    }
}

/// A new password.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordInput {
    password: Option<Secret>,
    /// The current password; required to change one's own.
    pub current_password: Option<Secret>,
}

impl PasswordInput {
    /// Parses the password.
    ///
    /// # Errors
    /// If it is missing or not acceptable.
    pub fn password(&self) -> Result<Password, AdminError> {
        let password = self.password.clone();
        let missing = || AdminError::Invalid("password is missing".to_owned());
        Password::parse(password.ok_or_else(missing)?).map_err(invalid)
    }
}

/// A code of a second factor.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeInput {
    code: Option<Secret>,
}

impl CodeInput {
    /// The code.
    ///
    /// # Errors
    /// If it is missing.
    pub fn code(self) -> Result<Secret, AdminError> {
        self.code.ok_or_else(|| AdminError::Invalid("code is missing".to_owned()))
    }
}

/// The setup of an authenticator app, shown once.
#[derive(Serialize)]
pub struct EnrollmentJson<'a> {
    secret: &'a str,
    uri: &'a str,
    /// The URI as a QR code; null if it is too long for one.
    qr_svg: Option<String>,
}

impl<'a> From<&'a Enrollment> for EnrollmentJson<'a> {
    fn from(enrollment: &'a Enrollment) -> Self {
        Self {
            secret: enrollment.secret.expose(),
            uri: enrollment.uri.expose(),
            qr_svg: enrollment.qr_svg().map(|picture| picture.expose().to_owned()),
        }
    }
}

/// Recovery codes, shown once.
#[derive(Serialize)]
pub struct RecoveryCodesJson<'a> {
    recovery_codes: Vec<&'a str>,
}

impl<'a> From<&'a [Secret]> for RecoveryCodesJson<'a> {
    fn from(codes: &'a [Secret]) -> Self {
        Self { recovery_codes: codes.iter().map(Secret::expose).collect() }
    }
}
