//! `mintery client …`

use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::output::{self, Format, date};
use super::{CliError, Shared, session};
use crate::admin::Admin;
use crate::admin::client::{self, CreatedClient, NewClient};
use crate::clock::Timestamp;
use crate::logging::escape;
use crate::model::client::{Client, ClientId, ClientName, ClientSecret, GrantType, MAX_SCOPE_LEN};
use crate::model::scope::ScopeSet;
use crate::model::signing_key::SigningAlgorithm;
use crate::store::Missing;

#[derive(Debug, Subcommand)]
pub enum ClientVerb {
    /// Makes a client and shows its secret, this once.
    Create(Create),
    /// Lists all clients.
    List {
        /// How to print them.
        #[arg(short, long, default_value = "table")]
        output: Format,
    },
    /// Shows a client and what is kept of its secrets.
    Show {
        /// The id of the client.
        id: String,
        /// How to print it.
        #[arg(short, long, default_value = "table")]
        output: Format,
    },
    /// Lets a client authenticate again.
    Enable {
        /// The id of the client.
        id: String,
        /// How to print it.
        #[arg(short, long, default_value = "table")]
        output: Format,
    },
    /// Stops a client from authenticating, and its tokens from being accepted.
    Disable {
        /// The id of the client.
        id: String,
        /// How to print it.
        #[arg(short, long, default_value = "table")]
        output: Format,
    },
    /// Deletes a client with its secrets.
    Delete {
        /// The id of the client.
        id: String,
        /// How to print it.
        #[arg(short, long, default_value = "table")]
        output: Format,
    },
}

#[derive(Debug, Args)]
pub struct Create {
    /// An id that exists elsewhere, instead of a new one.
    #[arg(long)]
    id: Option<String>,
    /// What people call it.
    #[arg(long)]
    name: String,
    /// All that it may ask for, with spaces between.
    #[arg(long, default_value = "")]
    scope: String,
    /// The grants that it may use, with spaces between; "" for a client that gets no tokens.
    #[arg(long, default_value = "client_credentials")]
    grant_types: String,
    /// What its tokens are signed with, instead of what the settings say: ES256, ES384, PS256, RS256 or EdDSA.
    #[arg(long, value_name = "ALG")]
    alg: Option<String>,
    /// After how many seconds its secret expires; it does not when this is absent.
    #[arg(long, value_name = "SECS")]
    secret_expires: Option<u64>,
    /// How to print it.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

/// A client with the member names of RFC 7591.
#[derive(Serialize)]
struct ClientJson<'a> {
    client_id: &'a str,
    client_name: &'a str,
    scope: String,
    grant_types: Vec<&'static str>,
    token_endpoint_auth_method: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token_signed_response_alg: Option<&'static str>,
    client_id_issued_at: i64,
    enabled: bool,
}

#[derive(Serialize)]
struct CreatedJson<'a> {
    #[serde(flatten)]
    client: ClientJson<'a>,
    client_secret: &'a str,
    /// Seconds since the epoch; 0 when it does not expire (RFC 7591 §3.2.1).
    client_secret_expires_at: i64,
}

#[derive(Serialize)]
struct ShownJson<'a> {
    #[serde(flatten)]
    client: ClientJson<'a>,
    secrets: Vec<SecretJson<'a>>,
}

#[derive(Serialize)]
struct SecretJson<'a> {
    id: &'a str,
    hint: &'a str,
    label: Option<&'a str>,
    created_at: i64,
    expires_at: Option<i64>,
}

impl ClientVerb {
    pub async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        match self {
            Self::Create(create) => create.run(shared).await,
            Self::List { output } => list(shared, *output).await,
            Self::Show { id, output } => show(shared, id, *output).await,
            Self::Enable { id, output } => set_enabled(shared, id, true, *output).await,
            Self::Disable { id, output } => set_enabled(shared, id, false, *output).await,
            Self::Delete { id, output } => {
                let (id, admin) = (parse_id(id)?, session::admin(shared, Missing::Refuse).await?);
                client::delete(&admin, &id).await.map_err(CliError::admin)?;
                match output {
                    Format::Json => Ok(output::json(&serde_json::json!({ "client_id": id.as_str() }))?),
                    Format::Table => Ok(output::note(&format!("Client {id} is deleted."))?),
                }
            }
        }
    }
}

/// Enables or disables a client, and tells what it has become.
async fn set_enabled(shared: &Shared, id: &str, enabled: bool, format: Format) -> Result<(), CliError> {
    let (id, admin) = (parse_id(id)?, session::admin(shared, Missing::Refuse).await?);
    client::set_enabled(&admin, &id, enabled).await.map_err(CliError::admin)?;
    let (client, _) = client::show(&admin, &id).await.map_err(CliError::admin)?;
    match format {
        Format::Json => Ok(output::json(&ClientJson::from(&client))?),
        Format::Table => Ok(output::note(&format!("Client {id} is {}.", status(&client)))?),
    }
}

impl Create {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let new = self.parse()?;
        let admin = session::admin(shared, Missing::Create).await?;
        let created = client::create(&admin, new).await.map_err(CliError::admin)?;
        match self.output {
            Format::Json => Ok(output::json(&CreatedJson::from(&created))?),
            Format::Table => {
                output::note(&client_table(&created.client))?;
                output::note("Its secret, which is not shown again:")?;
                Ok(output::line(created.plain.expose())?)
            }
        }
    }

    fn parse(&self) -> Result<NewClient, CliError> {
        let scopes = ScopeSet::parse(&self.scope).map_err(CliError::usage)?;
        if self.scope.len() > MAX_SCOPE_LEN {
            return Err(CliError::usage(format!(
                "the scopes of a client have at most {MAX_SCOPE_LEN} bytes"
            )));
        }
        let grants = self.grant_types.split_ascii_whitespace().map(str::parse::<GrantType>);
        Ok(NewClient {
            id: self.id.as_deref().map(ClientId::parse).transpose().map_err(CliError::usage)?,
            name: ClientName::parse(&self.name).map_err(CliError::usage)?,
            scopes,
            grants: grants.collect::<Result<_, _>>().map_err(CliError::usage)?,
            token_alg: self.alg.as_deref().map(parse_alg).transpose()?,
            secret_expires_in: self.secret_expires.map(Duration::from_secs),
        })
    }
}

/// Not HS256: whoever can verify such a token can make one, so that is for the settings alone to choose.
fn parse_alg(name: &str) -> Result<SigningAlgorithm, CliError> {
    match name.parse::<SigningAlgorithm>().map_err(CliError::usage)? {
        algorithm if algorithm.is_symmetric() => Err(CliError::usage(format!(
            "{algorithm} is not for single clients: the setting `token.alg` alone chooses it"
        ))),
        algorithm => Ok(algorithm),
    }
}

fn parse_id(id: &str) -> Result<ClientId, CliError> {
    ClientId::parse(id).map_err(CliError::usage)
}

async fn list(shared: &Shared, format: Format) -> Result<(), CliError> {
    let clients = match session::admin(shared, Missing::Refuse).await {
        Ok(admin) => all_clients(&admin).await?,
        Err(CliError::EmptyDatabase) => Vec::new(),
        Err(error) => return Err(error),
    };
    if format == Format::Json {
        return Ok(output::json(&clients.iter().map(ClientJson::from).collect::<Vec<_>>())?);
    }
    if clients.is_empty() {
        return Ok(output::note("There is no client yet; `mintery client create --name NAME` makes one.")?);
    }
    let mut table = output::table(&["ID", "NAME", "SCOPE", "STATUS", "CREATED"]);
    for client in &clients {
        table.add_row([
            client.id.to_string(),
            escape(client.name.as_str()),
            client.scopes.to_string(),
            status(client).to_owned(),
            date(client.created_at),
        ]);
    }
    Ok(output::line(&table.to_string())?)
}

async fn all_clients(admin: &Admin) -> Result<Vec<Client>, CliError> {
    const PAGE: i64 = 1000;
    let mut clients: Vec<Client> = Vec::new();
    loop {
        let after = clients.last().map_or("", |client| client.id.as_str());
        let page = client::page(admin, after, PAGE).await.map_err(CliError::admin)?;
        if page.is_empty() {
            return Ok(clients);
        }
        clients.extend(page);
    }
}

async fn show(shared: &Shared, id: &str, format: Format) -> Result<(), CliError> {
    let id = parse_id(id)?;
    let admin = session::admin(shared, Missing::Refuse).await?;
    let (client, secrets) = client::show(&admin, &id).await.map_err(CliError::admin)?;
    if format == Format::Json {
        let secrets = secrets.iter().map(SecretJson::from).collect();
        return Ok(output::json(&ShownJson { client: ClientJson::from(&client), secrets })?);
    }
    let mut table = output::table(&["SECRET", "ENDS IN", "LABEL", "CREATED", "EXPIRES"]);
    for secret in &secrets {
        table.add_row([
            secret.id.as_str().to_owned(),
            format!("…{}", secret.hint),
            secret.label.clone().unwrap_or_default(),
            date(secret.created_at),
            secret.expires_at.map_or_else(|| "never".to_owned(), date),
        ]);
    }
    output::line(&client_table(&client))?;
    Ok(output::line(&table.to_string())?)
}

fn client_table(client: &Client) -> String {
    let mut table = output::table(&["CLIENT", client.id.as_str()]);
    table.add_row(["name", &escape(client.name.as_str())]);
    table.add_row(["scope", &client.scopes.to_string()]);
    if let Some(algorithm) = client.token_alg {
        table.add_row(["tokens signed with", algorithm.name()]);
    }
    table.add_row(["status", status(client)]);
    table.add_row(["created", &date(client.created_at)]);
    table.to_string()
}

const fn status(client: &Client) -> &'static str {
    if client.is_enabled() { "enabled" } else { "disabled" }
}

impl<'a> From<&'a Client> for ClientJson<'a> {
    fn from(client: &'a Client) -> Self {
        Self {
            client_id: client.id.as_str(),
            client_name: client.name.as_str(),
            scope: client.scopes.to_string(),
            grant_types: client.grants.iter().map(|grant| grant.name()).collect(),
            token_endpoint_auth_method: client.auth_method.name(),
            access_token_signed_response_alg: client.token_alg.map(SigningAlgorithm::name),
            client_id_issued_at: client.created_at.as_secs(),
            enabled: client.is_enabled(),
        }
    }
}

impl<'a> From<&'a CreatedClient> for CreatedJson<'a> {
    fn from(created: &'a CreatedClient) -> Self {
        Self {
            client: ClientJson::from(&created.client),
            client_secret: created.plain.expose(),
            client_secret_expires_at: created.secret.expires_at.map_or(0, Timestamp::as_secs),
        }
    }
}

impl<'a> From<&'a ClientSecret> for SecretJson<'a> {
    fn from(secret: &'a ClientSecret) -> Self {
        Self {
            id: secret.id.as_str(),
            hint: &secret.hint,
            label: secret.label.as_deref(),
            created_at: secret.created_at.as_secs(),
            expires_at: secret.expires_at.map(Timestamp::as_secs),
        }
    }
}
