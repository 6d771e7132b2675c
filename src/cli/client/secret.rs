//! `mintery client secret …`

use std::time::Duration;

use clap::{Args, Subcommand};

use crate::admin::AdminError;
use crate::admin::client::{self, KeptSecret, NewSecret};
use crate::admin::json::secret::{MadeSecretJson, SecretJson};
use crate::cli::client::parse_id;
use crate::cli::client::safe_to_revoke::SafeToRevoke;
use crate::cli::output;
use crate::cli::output::{Format, date};
use crate::cli::{CliError, Shared, secret_input, session};
use crate::logging::escape;
use crate::model::client::SecretId;
use crate::model::usage::LastUse;
use crate::store::Missing;

#[derive(Debug, Subcommand)]
pub enum SecretVerb {
    /// Makes another secret and shows it, this once. The others stay good.
    Add(Add),
    /// Lists what is kept of the secrets.
    List {
        /// The id of the client.
        id: String,
        /// How to print them.
        #[arg(short, long, default_value = "table")]
        output: Format,
    },
    /// Takes a secret back.
    Revoke {
        /// The id of the client.
        id: String,
        /// The id of the secret, `cs_…`.
        secret: String,
        /// How to print it.
        #[arg(short, long, default_value = "table")]
        output: Format,
    },
    /// Tells whether anything still uses a secret, from where, and whether it may be revoked; it
    /// changes nothing.
    SafeToRevoke(SafeToRevoke),
}

#[derive(Debug, Args)]
pub struct Add {
    /// The id of the client.
    id: String,
    /// What people call it.
    #[arg(long)]
    label: Option<String>,
    /// A secret of one's own instead of a new one: `-` reads it from standard input, or from a
    /// prompt that shows nothing.
    #[arg(long, value_name = "-", allow_hyphen_values = true)]
    secret: Option<String>,
    /// After how many seconds it expires; it does not when this is absent.
    #[arg(long, value_name = "SECS")]
    secret_expires: Option<u64>,
    /// How to print it.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

impl SecretVerb {
    pub async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        match self {
            Self::Add(add) => add.run(shared).await,
            Self::List { id, output } => list(shared, id, *output).await,
            Self::Revoke { id, secret, output } => revoke(shared, id, secret, *output).await,
            Self::SafeToRevoke(question) => question.run(shared).await,
        }
    }
}

impl Add {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let id = parse_id(&self.id)?;
        let chosen = secret_input::read(self.secret.as_deref())?;
        let expires_in = self.secret_expires.map(Duration::from_secs);
        let new = NewSecret { label: self.label.clone(), expires_in, chosen };
        let admin = session::admin(shared, Missing::Refuse).await?;
        let made = client::add_secret(&admin, &id, new).await.map_err(CliError::admin)?;
        match self.output {
            Format::Json => Ok(output::json(&MadeSecretJson::new(&id, &made))?),
            Format::Table => {
                let is_chosen = made.secret.is_chosen();
                output::note(&table(&[KeptSecret {
                    counted_since: made.secret.created_at,
                    secret: made.secret,
                    last_use: None,
                }]))?;
                if is_chosen {
                    return Ok(());
                }
                output::note("It is not shown again:")?;
                Ok(output::line(made.plain.expose())?)
            }
        }
    }
}

async fn list(shared: &Shared, id: &str, format: Format) -> Result<(), CliError> {
    let id = parse_id(id)?;
    let admin = session::admin(shared, Missing::Refuse).await?;
    let (_, secrets) = client::show(&admin, &id).await.map_err(CliError::admin)?;
    match format {
        Format::Json => {
            Ok(output::json(&secrets.iter().map(SecretJson::from).collect::<Vec<_>>())?)
        }
        Format::Table => Ok(output::line(&table(&secrets))?),
    }
}

/// Parses the id of a secret. The error does not repeat `text`, which may be the secret itself.
pub fn parse_secret_id(text: &str) -> Result<SecretId, CliError> {
    SecretId::parse(text).map_err(|error| {
        CliError::admin(AdminError::NotFound(format!("secret of this id: {error}")))
    })
}

async fn revoke(shared: &Shared, id: &str, secret: &str, format: Format) -> Result<(), CliError> {
    let (id, secret) = (parse_id(id)?, parse_secret_id(secret)?);
    let admin = session::admin(shared, Missing::Refuse).await?;
    client::revoke_secret(&admin, &id, &secret).await.map_err(CliError::admin)?;
    let secret = secret.as_str();
    match format {
        Format::Json => {
            Ok(output::json(&serde_json::json!({ "client_id": id.as_str(), "id": secret }))?)
        }
        Format::Table => Ok(output::note(&format!("Secret {secret} of client {id} is revoked."))?),
    }
}

/// What is kept of secrets.
pub fn table(secrets: &[KeptSecret]) -> String {
    let mut table =
        output::table(&["SECRET", "ENDS IN", "LABEL", "CREATED", "EXPIRES", "LAST USED", "FROM"]);
    for kept @ KeptSecret { secret, last_use, .. } in secrets {
        let from = |last: &LastUse| last.from.map(|address| address.to_string());
        table.add_row([
            secret.id.as_str().to_owned(),
            secret.ending().map_or_else(|| "not shown".to_owned(), |ending| format!("…{ending}")),
            secret.label.as_deref().map(escape).unwrap_or_default(),
            date(secret.created_at),
            secret.expires_at.map_or_else(|| "never".to_owned(), date),
            last_used(kept),
            last_use.as_ref().and_then(from).unwrap_or_default(),
        ]);
    }
    table.to_string()
}

/// When a secret was last used.
pub fn last_used(kept: &KeptSecret) -> String {
    match kept.last_use {
        Some(last) => date(last.at),
        None if kept.is_known_unused() => "never".to_owned(),
        // Nobody counted.
        None => "unknown".to_owned(),
    }
}
