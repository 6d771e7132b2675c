//! `mintery user …`

use clap::{Args, Subcommand};

use serde_json::json;

use super::error::CliError;
use super::input::{parse_given, parse_uris};
use super::output::{self, Output, date};
use super::shared::Shared;
use super::{secret_input, session};
use crate::admin::json::user::{SessionJson, UserJson};
use crate::admin::user::{self, Filter, NewUser, UserUpdate};
use crate::admin::{Admin, second_factor, session as admin_session};
use crate::logging::escape;
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;
use crate::model::session::SessionId;
use crate::model::user::{User, UserId, Username};
use crate::secret::password::Password;
use crate::secret::pool::Lane;
use crate::store::Missing;

#[derive(Debug, Subcommand)]
pub enum UserVerb {
    /// Create a user.
    Create(CreateUser),
    /// List users.
    List(ListUsers),
    /// Show a user.
    Show(OneUser),
    /// Update the name, role or grants of a user. Only the options you pass are changed.
    Update(UpdateUser),
    /// Set the password of a user and end their sessions.
    SetPassword(SetPassword),
    /// Remove the second factor of a user, as when it is lost, and end their sessions.
    ResetSecondFactor(OneUser),
    /// List the sessions of a user.
    Sessions(OneUser),
    /// End a session of a user.
    RevokeSession(RevokeSession),
    /// End all sessions of a user.
    RevokeSessions(OneUser),
    /// Enable a user.
    Enable(OneUser),
    /// Disable a user: end their sessions and suspend their API keys.
    Disable(OneUser),
    /// Delete a user with their API keys.
    Delete(OneUser),
}

#[derive(Debug, Args)]
pub struct OneUser {
    /// The username, or the user id, `mu_…`.
    user: String,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub struct CreateUser {
    /// The username.
    #[arg(long)]
    username: String,
    /// The role.
    #[arg(long, value_name = "admin|member|viewer")]
    role: String,
    #[command(flatten)]
    granted: GrantFlags,
    /// The password: `-` reads it from standard input or from a hidden prompt.
    #[arg(long, value_name = "-", default_value = "-")]
    password: String,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub struct ListUsers {
    /// Only users whose name contains this text.
    #[arg(long)]
    username: Option<String>,
    /// Only users with this role.
    #[arg(long, value_name = "admin|member|viewer")]
    role: Option<String>,
    /// Only enabled or only disabled users.
    #[arg(long, value_name = "true|false")]
    enabled: Option<bool>,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub struct UpdateUser {
    /// The username, or the user id, `mu_…`.
    user: String,
    /// The new username.
    #[arg(long)]
    username: Option<String>,
    /// The new role.
    #[arg(long, value_name = "admin|member|viewer")]
    role: Option<String>,
    #[command(flatten)]
    granted: GrantFlags,
    /// Grant each scope at each API anew, also scopes that an API got since.
    #[arg(long)]
    regrant: bool,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub struct RevokeSession {
    /// The username, or the user id, `mu_…`.
    user: String,
    /// The session id, as `user sessions` lists it.
    session: String,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub struct SetPassword {
    /// The username, or the user id, `mu_…`.
    user: String,
    /// The password: `-` reads it from standard input or from a hidden prompt.
    #[arg(long, value_name = "-", default_value = "-")]
    password: String,
    #[command(flatten)]
    output: Output,
}

/// The grants of a user.
#[derive(Debug, Args)]
struct GrantFlags {
    /// Scopes of the user and of their API keys, separated by spaces; Mintery's own scopes come
    /// with the role.
    #[arg(long)]
    scope: Option<String>,
    /// An allowed API besides the default one; repeat for several, "" for none.
    #[arg(long, value_name = "URI")]
    resource: Vec<String>,
}

impl GrantFlags {
    fn scopes(&self) -> Result<Option<ScopeSet>, CliError> {
        parse_given(self.scope.as_deref(), ScopeSet::parse)
    }

    fn resources(&self) -> Result<Option<Vec<ResourceUri>>, CliError> {
        parse_uris(&self.resource)
    }
}

impl UserVerb {
    pub async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        match self {
            Self::Create(create) => create.run(shared).await,
            Self::List(list) => list.run(shared).await,
            Self::Show(one) => one.show(shared).await,
            Self::Update(update) => update.run(shared).await,
            Self::SetPassword(set) => set.run(shared).await,
            Self::ResetSecondFactor(one) => one.reset_second_factor(shared).await,
            Self::Sessions(one) => one.list_sessions(shared).await,
            Self::RevokeSession(revoke) => revoke.run(shared).await,
            Self::RevokeSessions(one) => one.revoke_sessions(shared).await,
            Self::Enable(one) => one.set_enabled(shared, true).await,
            Self::Disable(one) => one.set_enabled(shared, false).await,
            Self::Delete(one) => one.delete(shared).await,
        }
    }
}

impl CreateUser {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let new = NewUser {
            username: Username::parse(&self.username).map_err(CliError::usage)?,
            role: self.role.parse().map_err(CliError::usage)?,
            scopes: self.granted.scopes()?.unwrap_or_default(),
            resources: self.granted.resources()?.unwrap_or_default(),
            password: read_password(&self.password)?,
        };
        let admin = session::admin(shared, Missing::Create).await?;
        let user = user::create(&admin, new).await?;
        confirm(&user, self.output)
    }
}

impl ListUsers {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let filter = Filter {
            username: self.username.clone(),
            role: parse_given(self.role.as_deref(), str::parse)?,
            enabled: self.enabled,
        };
        let users = match session::admin_unless_empty(shared).await? {
            Some(admin) => {
                session::all_pages(
                    |user: &User| user.id.as_str(),
                    async |after, size| user::page(&admin, after, size, &filter).await,
                )
                .await?
            }
            None => Vec::new(),
        };
        self.output.list(
            &users,
            UserJson::from,
            "No matching users. Create one with `mintery user create --username NAME --role ROLE`.",
            &["ID", "USERNAME", "ROLE", "STATUS", "SECOND FACTOR", "CREATED"],
            |user| {
                [
                    user.id.as_str().to_owned(),
                    user.username.as_str().to_owned(),
                    user.role.name().to_owned(),
                    status(user).to_owned(),
                    if user.second_factor_at.is_some() { "yes" } else { "no" }.to_owned(),
                    date(user.created_at),
                ]
            },
        )
    }
}

impl UpdateUser {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let update = UserUpdate {
            seen: None,
            username: parse_given(self.username.as_deref(), Username::parse)?,
            role: parse_given(self.role.as_deref(), str::parse)?,
            scopes: self.granted.scopes()?,
            resources: self.granted.resources()?,
            regrant: self.regrant,
        };
        let (admin, before) = find(shared, &self.user).await?;
        confirm(&user::update(&admin, &before.id, update).await?, self.output)
    }
}

impl SetPassword {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let password = read_password(&self.password)?;
        let (admin, before) = find(shared, &self.user).await?;
        let set = user::set_password(&admin, &before.id, password, None, Lane::Administration);
        confirm(&set.await?, self.output)
    }
}

impl RevokeSession {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let (admin, user) = find(shared, &self.user).await?;
        // An invalid id is not repeated: it may be the cookie.
        let id = SessionId::parse(&self.session).map_err(|_| {
            CliError::usage("invalid session id; `mintery user sessions` lists the ids")
        })?;
        admin_session::revoke(&admin, &user.id, &id).await?;
        self.output.confirm(&json!({ "revoked": [id.as_str()] }), || {
            format!("Session {id} of user {} has ended.", user.username)
        })
    }
}

impl OneUser {
    async fn show(&self, shared: &Shared) -> Result<(), CliError> {
        let (_, user) = find(shared, &self.user).await?;
        self.output.show(&UserJson::from(&user), || user_table(&user))
    }

    async fn reset_second_factor(&self, shared: &Shared) -> Result<(), CliError> {
        let (admin, user) = find(shared, &self.user).await?;
        second_factor::reset(&admin, &user.id).await?;
        confirm(&User { second_factor_at: None, ..user }, self.output)
    }

    async fn list_sessions(&self, shared: &Shared) -> Result<(), CliError> {
        let (admin, user) = find(shared, &self.user).await?;
        let sessions = admin_session::list(&admin, &user.id).await?;
        self.output.list(
            &sessions,
            |session| SessionJson::new(session, None),
            &format!("User {} has no sessions.", user.username),
            &["ID", "BROWSER", "ADDRESS", "LAST USED", "BEGAN", "EXPIRES"],
            |session| {
                [
                    session.id.as_str().to_owned(),
                    escape(&session.user_agent),
                    session.address.map(|address| address.to_string()).unwrap_or_default(),
                    date(session.seen_at),
                    date(session.created_at),
                    date(session.expires_at),
                ]
            },
        )
    }

    async fn revoke_sessions(&self, shared: &Shared) -> Result<(), CliError> {
        let (admin, user) = find(shared, &self.user).await?;
        let count = admin_session::revoke_all(&admin, &user.id, None).await?;
        self.output.confirm(&json!({ "revoked": count }), || {
            format!("User {} is logged out; sessions ended: {count}.", user.username)
        })
    }

    async fn set_enabled(&self, shared: &Shared, enabled: bool) -> Result<(), CliError> {
        let (admin, before) = find(shared, &self.user).await?;
        confirm(&user::set_enabled(&admin, &before.id, enabled).await?, self.output)
    }

    async fn delete(&self, shared: &Shared) -> Result<(), CliError> {
        let (admin, before) = find(shared, &self.user).await?;
        user::delete(&admin, &before.id).await?;
        self.output.confirm(&json!({ "deleted": before.id.as_str() }), || {
            format!("User {} deleted.", before.username)
        })
    }
}

/// Finds a user by id or name. An id wins: only a deliberately chosen name has its form.
async fn find(shared: &Shared, user: &str) -> Result<(Admin, User), CliError> {
    let admin = session::admin(shared, Missing::Refuse).await?;
    let found = if let Ok(id) = UserId::parse(user) {
        user::show(&admin, &id).await?
    } else {
        let name = Username::parse(user).map_err(CliError::usage)?;
        user::show_by_name(&admin, &name).await?
    };
    Ok((admin, found))
}

fn read_password(flag: &str) -> Result<Password, CliError> {
    Password::parse(secret_input::read_password(flag)?).map_err(CliError::usage)
}

/// Prints a user after a change.
fn confirm(user: &User, output: Output) -> Result<(), CliError> {
    output.show(&UserJson::from(user), || user_table(user))
}

fn user_table(user: &User) -> String {
    let mut table = output::table(&["USER", user.id.as_str()]);
    table.add_row(["username", user.username.as_str()]);
    table.add_row(["role", user.role.name()]);
    table.add_row(["scope", user.scopes.as_str()]);
    for resource in &user.resources {
        table.add_row(["resource", resource.as_str()]);
    }
    table.add_row(["status", status(user)]);
    table
        .add_row(["second factor", &user.second_factor_at.map_or_else(|| "none".to_owned(), date)]);
    table.add_row(["created", &date(user.created_at)]);
    table.to_string()
}

const fn status(user: &User) -> &'static str {
    if user.is_enabled() { "enabled" } else { "disabled" }
}
