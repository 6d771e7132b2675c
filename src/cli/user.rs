//! `mintery user …`

use clap::{Args, Subcommand};

use super::client::uris;
use super::output::{self, Format, date};
use super::{CliError, Shared, secret_input, session};
use crate::admin::json::user::{SessionJson, UserJson};
use crate::admin::user::{self, Filter, NewUser, UserUpdate};
use crate::admin::{Admin, second_factor, session as admin_session};
use crate::logging::escape;
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;
use crate::model::session::SessionId;
use crate::model::user::{Role, User, UserId, Username};
use crate::secret::password::Password;
use crate::secret::pool::Lane;
use crate::store::Missing;

#[derive(Debug, Subcommand)]
pub enum UserVerb {
    /// Makes somebody known who can log in.
    Create(Create),
    /// Lists those who can log in.
    List(List),
    /// Shows what is kept of somebody.
    Show(One),
    /// Gives somebody another name or another role, or lets them do more or less at APIs. What no
    /// flag names stays.
    Update(Update),
    /// Gives somebody another password; they are logged out everywhere.
    SetPassword(SetPassword),
    /// Takes the second factor away from somebody who has lost it; they are logged out everywhere.
    ResetSecondFactor(One),
    /// Lists where somebody is logged in.
    Sessions(One),
    /// Ends a session of somebody.
    RevokeSession(RevokeSession),
    /// Logs somebody out everywhere.
    RevokeSessions(One),
    /// Lets somebody log in again.
    Enable(One),
    /// Stops somebody from logging in, logs them out everywhere, and stops their API keys.
    Disable(One),
    /// Deletes somebody, with their API keys.
    Delete(One),
}

#[derive(Debug, Args)]
pub struct One {
    /// The name that they log in with, or their id, `mu_…`.
    user: String,
    /// How to print it.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

#[derive(Debug, Args)]
pub struct Create {
    /// What they log in with.
    #[arg(long)]
    username: String,
    /// What they are here for.
    #[arg(long, value_name = "admin|member|viewer")]
    role: String,
    #[command(flatten)]
    granted: GrantFlags,
    /// Their password: from standard input, or from a prompt.
    #[arg(long, value_name = "-", default_value = "-")]
    password: String,
    /// How to print it.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

#[derive(Debug, Args)]
pub struct List {
    /// Only those whose name has this in it.
    #[arg(long)]
    username: Option<String>,
    /// Only those of this role.
    #[arg(long, value_name = "admin|member|viewer")]
    role: Option<String>,
    /// Only those that are enabled, or that are not.
    #[arg(long, value_name = "true|false")]
    enabled: Option<bool>,
    /// How to print them.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

#[derive(Debug, Args)]
pub struct Update {
    /// The name that they log in with, or their id, `mu_…`.
    user: String,
    /// What they log in with from now on.
    #[arg(long)]
    username: Option<String>,
    /// What they are here for from now on.
    #[arg(long, value_name = "admin|member|viewer")]
    role: Option<String>,
    #[command(flatten)]
    granted: GrantFlags,
    /// How to print it.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

#[derive(Debug, Args)]
pub struct RevokeSession {
    /// The name that they log in with, or their id, `mu_…`.
    user: String,
    /// The id of the session, as `user sessions` lists it.
    session: String,
    /// How to print it.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

#[derive(Debug, Args)]
pub struct SetPassword {
    /// The name that they log in with, or their id, `mu_…`.
    user: String,
    /// The password: from standard input, or from a prompt.
    #[arg(long, value_name = "-", default_value = "-")]
    password: String,
    /// How to print it.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

/// What somebody may do at APIs.
#[derive(Debug, Args)]
struct GrantFlags {
    /// What they may do at APIs, and their API keys with them, with spaces between; none of
    /// Mintery's own, which go with the role.
    #[arg(long)]
    scope: Option<String>,
    /// An API that they may use, beside the default one; several times for several, "" for none.
    #[arg(long, value_name = "URI")]
    resource: Vec<String>,
}

impl GrantFlags {
    fn scopes(&self) -> Result<Option<ScopeSet>, CliError> {
        self.scope.as_deref().map(ScopeSet::parse).transpose().map_err(CliError::usage)
    }

    fn resources(&self) -> Result<Option<Vec<ResourceUri>>, CliError> {
        uris(&self.resource)
    }
}

impl UserVerb {
    pub async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        match self {
            Self::Create(create) => create.run(shared).await,
            Self::List(list) => list.run(shared).await,
            Self::Show(one) => {
                let (_, user) = find(shared, &one.user).await?;
                print_result(&user, one.output)
            }
            Self::Update(update) => update.run(shared).await,
            Self::SetPassword(set) => set.run(shared).await,
            Self::ResetSecondFactor(one) => {
                let (admin, user) = find(shared, &one.user).await?;
                second_factor::reset(&admin, &user.id).await.map_err(CliError::admin)?;
                print_changed(&User { second_factor_at: None, ..user }, one.output)
            }
            Self::Sessions(one) => list_sessions(shared, one).await,
            Self::RevokeSession(revoke) => revoke.run(shared).await,
            Self::RevokeSessions(one) => revoke_sessions(shared, one).await,
            Self::Enable(one) => set_enabled(shared, one, true).await,
            Self::Disable(one) => set_enabled(shared, one, false).await,
            Self::Delete(one) => delete(shared, one).await,
        }
    }
}

impl Create {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let new = NewUser {
            username: Username::parse(&self.username).map_err(CliError::usage)?,
            role: self.role.parse().map_err(CliError::usage)?,
            scopes: self.granted.scopes()?.unwrap_or_default(),
            resources: self.granted.resources()?.unwrap_or_default(),
            password: password(&self.password)?,
        };
        let admin = session::admin(shared, Missing::Create).await?;
        let user = user::create(&admin, new).await.map_err(CliError::admin)?;
        print_changed(&user, self.output)
    }
}

impl List {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let role = self.role.as_deref().map(str::parse::<Role>).transpose();
        let filter = Filter {
            username: self.username.clone(),
            role: role.map_err(CliError::usage)?,
            enabled: self.enabled,
        };
        let users = match session::admin(shared, Missing::Refuse).await {
            Ok(admin) => all_users(&admin, &filter).await?,
            Err(CliError::EmptyDatabase) => Vec::new(),
            Err(error) => return Err(error),
        };
        if self.output == Format::Json {
            return Ok(output::json(&users.iter().map(UserJson::from).collect::<Vec<_>>())?);
        }
        if users.is_empty() {
            return Ok(output::note(
                "There is no such user; `mintery user create --username NAME --role ROLE` makes one.",
            )?);
        }
        let mut table =
            output::table(&["ID", "USERNAME", "ROLE", "STATUS", "SECOND FACTOR", "CREATED"]);
        for user in &users {
            table.add_row([
                user.id.as_str(),
                user.username.as_str(),
                user.role.name(),
                status(user),
                if user.second_factor_at.is_some() { "yes" } else { "no" },
                &date(user.created_at),
            ]);
        }
        Ok(output::line(&table.to_string())?)
    }
}

async fn all_users(admin: &Admin, filter: &Filter) -> Result<Vec<User>, CliError> {
    const PAGE: i64 = 1000;
    let mut users: Vec<User> = Vec::new();
    loop {
        let after = users.last().map_or("", |user| user.id.as_str());
        let page = user::page(admin, after, PAGE, filter).await.map_err(CliError::admin)?;
        if page.is_empty() {
            return Ok(users);
        }
        users.extend(page);
    }
}

impl Update {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let update = UserUpdate {
            seen: None,
            username: self
                .username
                .as_deref()
                .map(Username::parse)
                .transpose()
                .map_err(CliError::usage)?,
            role: self.role.as_deref().map(str::parse).transpose().map_err(CliError::usage)?,
            scopes: self.granted.scopes()?,
            resources: self.granted.resources()?,
        };
        let (admin, before) = find(shared, &self.user).await?;
        let user = user::update(&admin, &before.id, update).await.map_err(CliError::admin)?;
        print_changed(&user, self.output)
    }
}

impl SetPassword {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let password = password(&self.password)?;
        let (admin, before) = find(shared, &self.user).await?;
        let set = user::set_password(&admin, &before.id, password, None, Lane::Administration);
        let user = set.await.map_err(CliError::admin)?;
        print_changed(&user, self.output)
    }
}

async fn list_sessions(shared: &Shared, one: &One) -> Result<(), CliError> {
    let (admin, user) = find(shared, &one.user).await?;
    let sessions = admin_session::list(&admin, &user.id).await.map_err(CliError::admin)?;
    if one.output == Format::Json {
        let shown = sessions.iter().map(|session| SessionJson::new(session, None));
        return Ok(output::json(&shown.collect::<Vec<_>>())?);
    }
    if sessions.is_empty() {
        return Ok(output::note(&format!("User {} is logged in nowhere.", user.username))?);
    }
    let mut table = output::table(&["ID", "BROWSER", "ADDRESS", "LAST USED", "BEGAN", "EXPIRES"]);
    for session in &sessions {
        table.add_row([
            session.id.as_str(),
            &escape(&session.user_agent),
            &session.address.map(|address| address.to_string()).unwrap_or_default(),
            &date(session.seen_at),
            &date(session.created_at),
            &date(session.expires_at),
        ]);
    }
    Ok(output::line(&table.to_string())?)
}

impl RevokeSession {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let (admin, user) = find(shared, &self.user).await?;
        // What is no id is not repeated: it may be the cookie.
        let id = SessionId::parse(&self.session).map_err(|_| {
            CliError::usage("that is no id of a session; `mintery user sessions` lists them")
        })?;
        admin_session::revoke(&admin, &user.id, &id).await.map_err(CliError::admin)?;
        match self.output {
            Format::Json => Ok(output::json(&serde_json::json!({ "revoked": [id.as_str()] }))?),
            Format::Table => {
                Ok(output::note(&format!("The session {id} of user {} is over.", user.username))?)
            }
        }
    }
}

async fn revoke_sessions(shared: &Shared, one: &One) -> Result<(), CliError> {
    let (admin, user) = find(shared, &one.user).await?;
    let count = admin_session::revoke_all(&admin, &user.id, None).await.map_err(CliError::admin)?;
    match one.output {
        Format::Json => Ok(output::json(&serde_json::json!({ "revoked": count }))?),
        Format::Table => Ok(output::note(&format!(
            "User {} is logged out everywhere; sessions ended: {count}.",
            user.username
        ))?),
    }
}

async fn set_enabled(shared: &Shared, one: &One, enabled: bool) -> Result<(), CliError> {
    let (admin, before) = find(shared, &one.user).await?;
    let user = user::set_enabled(&admin, &before.id, enabled).await.map_err(CliError::admin)?;
    print_changed(&user, one.output)
}

async fn delete(shared: &Shared, one: &One) -> Result<(), CliError> {
    let (admin, before) = find(shared, &one.user).await?;
    user::delete(&admin, &before.id).await.map_err(CliError::admin)?;
    match one.output {
        Format::Json => Ok(output::json(&serde_json::json!({ "deleted": before.id.as_str() }))?),
        Format::Table => Ok(output::note(&format!("User {} is gone.", before.username))?),
    }
}

/// Somebody by id or name. No name has an underscore after two letters and then 22 letters and
/// digits, unless somebody means it; an id goes first.
async fn find(shared: &Shared, user: &str) -> Result<(Admin, User), CliError> {
    let admin = session::admin(shared, Missing::Refuse).await?;
    let found = match UserId::parse(user) {
        Ok(id) => user::show(&admin, &id).await,
        Err(_) => {
            user::show_by_name(&admin, &Username::parse(user).map_err(CliError::usage)?).await
        }
    };
    let found = found.map_err(CliError::admin)?;
    Ok((admin, found))
}

fn password(flag: &str) -> Result<Password, CliError> {
    Password::parse(secret_input::password(flag)?).map_err(CliError::usage)
}

/// Shows what was asked for: the result.
fn print_result(user: &User, format: Format) -> Result<(), CliError> {
    match format {
        Format::Json => Ok(output::json(&UserJson::from(user))?),
        Format::Table => Ok(output::line(&user_table(user))?),
    }
}

/// Tells what was done.
fn print_changed(user: &User, format: Format) -> Result<(), CliError> {
    match format {
        Format::Json => Ok(output::json(&UserJson::from(user))?),
        Format::Table => Ok(output::note(&user_table(user))?),
    }
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
