//! People and their sessions, as programs see them and describe what they want: the same members at
//! the command line and in the API. Dates are seconds since the epoch.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::admin::AdminError;
use crate::admin::json::input::{invalid, resources};
use crate::admin::second_factor::Enrolment;
use crate::admin::user::{NewUser, UserUpdate};
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;
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
    /// What they may do at APIs, beside what goes with the role.
    scope: &'a ScopeSet,
    resources: Vec<&'a str>,
    enabled: bool,
    /// Whether they are asked for a code when they log in.
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
    scope: Option<String>,
    resources: Option<Vec<String>>,
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
            scopes: scopes(self.scope)?.unwrap_or_default(),
            resources: resources(self.resources)?.unwrap_or_default(),
            password: Password::parse(password).map_err(invalid)?,
        })
    }
}

/// A change of somebody: what is absent stays.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserUpdateInput {
    username: Option<String>,
    role: Option<String>,
    scope: Option<String>,
    resources: Option<Vec<String>>,
}

fn scopes(text: Option<String>) -> Result<Option<ScopeSet>, AdminError> {
    text.map(|text| ScopeSet::parse(&text).map_err(invalid)).transpose()
}

impl UserUpdateInput {
    /// What is wanted.
    ///
    /// # Errors
    /// When a member is not valid.
    pub fn into_update(self) -> Result<UserUpdate, AdminError> {
        Ok(UserUpdate {
            seen: None,
            username: self.username.as_deref().map(Username::parse).transpose().map_err(invalid)?,
            role: self.role.as_deref().map(str::parse).transpose().map_err(invalid)?,
            scopes: scopes(self.scope)?,
            resources: resources(self.resources)?,
        })
    }
}

/// A password that somebody is to have.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordInput {
    password: Option<Secret>,
    /// The one that they have: needed from those who change their own.
    pub current_password: Option<Secret>,
}

impl PasswordInput {
    /// What is wanted.
    ///
    /// # Errors
    /// When it is missing or not acceptable.
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
    /// When it is missing.
    pub fn code(self) -> Result<Secret, AdminError> {
        self.code.ok_or_else(|| AdminError::Invalid("code is missing".to_owned()))
    }
}

/// What somebody puts into their authenticator app, this once.
#[derive(Serialize)]
pub struct EnrolmentJson<'a> {
    secret: &'a str,
    uri: &'a str,
    /// The URI as a picture; null when it is too long for one.
    qr_svg: Option<String>,
}

impl<'a> From<&'a Enrolment> for EnrolmentJson<'a> {
    fn from(enrolment: &'a Enrolment) -> Self {
        Self {
            secret: enrolment.secret.expose(),
            uri: enrolment.uri.expose(),
            qr_svg: enrolment.qr_svg().map(|picture| picture.expose().to_owned()),
        }
    }
}

/// Recovery codes, which are shown this once.
#[derive(Serialize)]
pub struct RecoveryCodesJson<'a> {
    recovery_codes: Vec<&'a str>,
}

impl<'a> From<&'a [Secret]> for RecoveryCodesJson<'a> {
    fn from(codes: &'a [Secret]) -> Self {
        Self { recovery_codes: codes.iter().map(Secret::expose).collect() }
    }
}
