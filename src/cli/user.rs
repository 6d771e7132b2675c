//! `mintery user …`

use clap::{Args, Subcommand};

use super::output::{self, Format, date};
use super::{CliError, Shared, secret_input, session};
use crate::admin::user::{self, Filter, NewUser, UserUpdate};
use crate::admin::user_json::UserJson;
use crate::admin::{Admin, second_factor};
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
    /// Gives somebody another name or another role.
    Update(Update),
    /// Gives somebody another password; they are logged out everywhere.
    SetPassword(SetPassword),
    /// Takes the second factor away from somebody who has lost it; they are logged out everywhere.
    ResetSecondFactor(One),
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
        let mut table = output::table(&["ID", "USERNAME", "ROLE", "STATUS", "SECOND FACTOR", "CREATED"]);
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
            username: self.username.as_deref().map(Username::parse).transpose().map_err(CliError::usage)?,
            role: self.role.as_deref().map(str::parse).transpose().map_err(CliError::usage)?,
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

/// Somebody by id or name. No name has an underscore after two letters and then 22 letters and digits, unless somebody means it; an id
/// goes first.
async fn find(shared: &Shared, user: &str) -> Result<(Admin, User), CliError> {
    let admin = session::admin(shared, Missing::Refuse).await?;
    let found = match UserId::parse(user) {
        Ok(id) => user::show(&admin, &id).await,
        Err(_) => user::show_by_name(&admin, &Username::parse(user).map_err(CliError::usage)?).await,
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
    table.add_row(["status", status(user)]);
    table.add_row(["second factor", &user.second_factor_at.map_or_else(|| "none".to_owned(), date)]);
    table.add_row(["created", &date(user.created_at)]);
    table.to_string()
}

const fn status(user: &User) -> &'static str {
    if user.is_enabled() { "enabled" } else { "disabled" }
}
