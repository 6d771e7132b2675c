//! `mintery client secret …`

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::json;

use super::safe_to_revoke::SafeToRevoke;
use super::secret_table::table;
use crate::admin::client::{self, KeptSecret, NewSecret};
use crate::admin::json::secret::{MadeSecretJson, SecretJson};
use crate::cli::error::CliError;
use crate::cli::input::{parse_client_id, parse_secret_id};
use crate::cli::output::{self, Output};
use crate::cli::shared::Shared;
use crate::cli::{secret_input, session};
use crate::store::Missing;

#[derive(Debug, Subcommand)]
pub enum SecretVerb {
    /// Create another secret and show it, once. The others stay valid.
    Add(AddSecret),
    /// List the secrets' metadata.
    List {
        /// The client id.
        id: String,
        #[command(flatten)]
        output: Output,
    },
    /// Revoke a secret.
    Revoke {
        /// The client id.
        id: String,
        /// The secret id, `cs_…`.
        secret: String,
        #[command(flatten)]
        output: Output,
    },
    /// Check if a secret is still in use, and from which addresses. Changes nothing.
    SafeToRevoke(SafeToRevoke),
}

#[derive(Debug, Args)]
pub struct AddSecret {
    /// The client id.
    id: String,
    /// A label.
    #[arg(long)]
    label: Option<String>,
    /// Use a secret of your own: `-` reads it from standard input or from a hidden prompt.
    #[arg(long, value_name = "-", allow_hyphen_values = true)]
    secret: Option<String>,
    /// Seconds until the secret expires; it never expires if absent.
    #[arg(long, value_name = "SECS")]
    secret_expires: Option<u64>,
    #[command(flatten)]
    output: Output,
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

impl AddSecret {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let id = parse_client_id(&self.id)?;
        let chosen = secret_input::read(self.secret.as_deref())?;
        let expires_in = self.secret_expires.map(Duration::from_secs);
        let new = NewSecret { label: self.label.clone(), expires_in, chosen };
        let admin = session::admin(shared, Missing::Refuse).await?;
        let made = client::add_secret(&admin, &id, new).await?;
        if self.output.is_json() {
            return output::json(&MadeSecretJson::new(&id, &made));
        }
        let is_chosen = made.secret.is_chosen();
        output::note(&table(&[KeptSecret {
            counted_since: made.secret.created_at,
            secret: made.secret,
            last_use: None,
        }]))?;
        if is_chosen {
            return Ok(());
        }
        output::note("Secret (copy it now; it is not shown again):")?;
        output::line(made.plain.expose())
    }
}

async fn list(shared: &Shared, id: &str, output: Output) -> Result<(), CliError> {
    let id = parse_client_id(id)?;
    let admin = session::admin(shared, Missing::Refuse).await?;
    let (_, secrets) = client::show(&admin, &id).await?;
    let values = secrets.iter().map(SecretJson::from).collect::<Vec<_>>();
    output.show(&values, || table(&secrets))
}

async fn revoke(shared: &Shared, id: &str, secret: &str, output: Output) -> Result<(), CliError> {
    let id = parse_client_id(id)?;
    let admin = session::admin(shared, Missing::Refuse).await?;
    let secret = parse_secret_id(secret)?;
    client::revoke_secret(&admin, &id, &secret).await?;
    let secret = secret.as_str();
    output.confirm(&json!({ "client_id": id.as_str(), "id": secret }), || {
        format!("Secret {secret} of client {id} revoked.")
    })
}
