//! `mintery user …`

use clap::{Args, Subcommand};

use super::output::{self, Format, date};
use super::{CliError, Shared, secret_input, session};
use crate::admin::user::{self, NewUser};
use crate::admin::user_json::UserJson;
use crate::model::user::{User, Username};
use crate::secret::password::Password;
use crate::store::Missing;

#[derive(Debug, Subcommand)]
pub enum UserVerb {
    /// Makes somebody known who can log in.
    Create(Create),
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
    #[arg(long, value_name = "-")]
    password: String,
    /// How to print it.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

impl UserVerb {
    pub async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        match self {
            Self::Create(create) => create.run(shared).await,
        }
    }
}

impl Create {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let new = NewUser {
            username: Username::parse(&self.username).map_err(CliError::usage)?,
            role: self.role.parse().map_err(CliError::usage)?,
            password: Password::parse(secret_input::password(&self.password)?).map_err(CliError::usage)?,
        };
        let admin = session::admin(shared, Missing::Create).await?;
        let user = user::create(&admin, new).await.map_err(CliError::admin)?;
        match self.output {
            Format::Json => Ok(output::json(&UserJson::from(&user))?),
            Format::Table => Ok(output::note(&user_table(&user))?),
        }
    }
}

fn user_table(user: &User) -> String {
    let mut table = output::table(&["USER", user.id.as_str()]);
    table.add_row(["username", user.username.as_str()]);
    table.add_row(["role", user.role.name()]);
    table.add_row(["status", if user.is_enabled() { "enabled" } else { "disabled" }]);
    table.add_row(["created", &date(user.created_at)]);
    table.to_string()
}
