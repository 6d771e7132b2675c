//! `mintery client …`

mod export;
mod import;
mod safe_to_revoke;
mod secret;

use std::time::Duration;

use clap::{Args, Subcommand};

use super::output::{self, Format, date};
use super::{CliError, Shared, seconds, secret_input, session, unless};
use crate::admin::client::{self, Filter, NewClient};
use crate::admin::json::client::{ClientJson, CreatedJson, ShownJson};
use crate::admin::{Admin, revocation};
use crate::cli::client::export::Export;
use crate::cli::client::import::Import;
use crate::cli::client::secret::SecretVerb;
use crate::logging::escape;
use crate::model::client::{Client, ClientId, ClientTerms, ClientUpdate, GrantType};
use crate::model::name::DisplayName;
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;
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
    /// Changes what a client may do. What no flag names stays.
    Update(Update),
    /// Manages the secrets of a client.
    #[command(subcommand)]
    Secret(SecretVerb),
    /// Lets a client authenticate again.
    Enable {
        /// The id of the client.
        id: String,
        /// How to print it.
        #[arg(short, long, default_value = "table")]
        output: Format,
    },
    /// Stops a client from authenticating. The tokens that it has are void, also once it is enabled
    /// again.
    Disable {
        /// The id of the client.
        id: String,
        /// How to print it.
        #[arg(short, long, default_value = "table")]
        output: Format,
    },
    /// Makes all tokens void that a client was given so far; it gets new ones as before.
    RevokeTokens {
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
    /// Brings clients in from JSON lines, with their secrets or the hashes of those.
    Import(Import),
    /// Prints all clients as JSON lines that `import` takes back, with the hashes of their secrets.
    Export(Export),
}

#[derive(Debug, Args)]
pub struct Create {
    /// An id that exists elsewhere, instead of a new one.
    #[arg(long)]
    id: Option<String>,
    /// What people call it.
    #[arg(long)]
    name: String,
    #[command(flatten)]
    terms: TermFlags,
    /// A secret of one's own instead of a new one: `-` reads it from standard input, or from a
    /// prompt that shows nothing.
    #[arg(long, value_name = "-", allow_hyphen_values = true)]
    secret: Option<String>,
    /// After how many seconds its secret expires; it does not when this is absent.
    #[arg(long, value_name = "SECS")]
    secret_expires: Option<u64>,
    /// How to print it.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

#[derive(Debug, Args)]
pub struct Update {
    /// The id of the client.
    id: String,
    /// What people call it.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    terms: TermFlags,
    /// How to print it.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

/// What a client may do.
#[derive(Debug, Args)]
struct TermFlags {
    /// All that it may ask for, with spaces between.
    #[arg(long)]
    scope: Option<String>,
    /// What it gets when it asks for no scope, instead of all of its own but Mintery's; `all` for
    /// those again.
    #[arg(long, value_name = "SCOPE")]
    default_scope: Option<String>,
    /// An API that it may ask tokens for, beside the default one; several times for several, ""
    /// for none. When it names none it gets tokens for the first.
    #[arg(long, value_name = "URI")]
    resource: Vec<String>,
    /// An API that it stands for: it may introspect the tokens for it. Several times for several,
    /// "" for none.
    #[arg(long, value_name = "URI")]
    stands_for: Vec<String>,
    /// The grants that it may use, with spaces between; "" for a client that gets no tokens.
    #[arg(long)]
    grant_types: Option<String>,
    /// How many seconds its tokens live, instead of what the API or the settings say; `default`
    /// for that again.
    #[arg(long, value_name = "SECS")]
    ttl: Option<String>,
    /// How many tokens it may get in an hour, over all nodes as far as they know of each other;
    /// `none` for as many as it asks for again.
    #[arg(long, value_name = "N")]
    max_tokens_per_hour: Option<String>,
    /// What its tokens are signed with, instead of what the API or the settings say: ES256, ES384,
    /// PS256, RS256 or EdDSA; `default` for that again.
    #[arg(long, value_name = "ALG")]
    alg: Option<String>,
    /// What answers to its introspections are signed with when it asks for signed ones, instead of
    /// RS256: ES256, ES384, PS256 or EdDSA; `default` for RS256 again.
    #[arg(long, value_name = "ALG")]
    introspection_alg: Option<String>,
}

impl TermFlags {
    fn parse(&self) -> Result<ClientUpdate, CliError> {
        let grants = |names: &String| {
            names
                .split_ascii_whitespace()
                .map(GrantType::parse_registered)
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(ClientUpdate {
            name: None,
            scopes: self
                .scope
                .as_deref()
                .map(ScopeSet::parse)
                .transpose()
                .map_err(CliError::usage)?,
            default_scopes: unless(self.default_scope.as_deref(), "all", ScopeSet::parse)?,
            grants: self.grant_types.as_ref().map(grants).transpose().map_err(CliError::usage)?,
            resources: uris(&self.resource)?,
            stands_for: uris(&self.stands_for)?,
            token_alg: unless(self.alg.as_deref(), "default", str::parse)?,
            introspection_alg: unless(self.introspection_alg.as_deref(), "default", str::parse)?,
            token_ttl: unless(self.ttl.as_deref(), "default", seconds)?,
            max_tokens_per_hour: unless(self.max_tokens_per_hour.as_deref(), "none", limit)?,
            seen: None,
        })
    }
}

impl ClientVerb {
    pub async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        match self {
            Self::Create(create) => create.run(shared).await,
            Self::List { output } => list(shared, *output).await,
            Self::Show { id, output } => show(shared, id, *output).await,
            Self::Update(update) => update.run(shared).await,
            Self::Secret(verb) => verb.run(shared).await,
            Self::Import(import) => import.run(shared).await,
            Self::Export(export) => export.run(shared).await,
            Self::Enable { id, output } => set_enabled(shared, id, true, *output).await,
            Self::Disable { id, output } => set_enabled(shared, id, false, *output).await,
            Self::RevokeTokens { id, output } => {
                let (id, admin) = (parse_id(id)?, session::admin(shared, Missing::Refuse).await?);
                revocation::revoke_client_tokens(&admin, &id).await.map_err(CliError::admin)?;
                match output {
                    Format::Json => {
                        Ok(output::json(&serde_json::json!({ "client_id": id.as_str() }))?)
                    }
                    Format::Table => Ok(output::note(&format!(
                        "The tokens of client {id} that were issued so far are void."
                    ))?),
                }
            }
            Self::Delete { id, output } => {
                let (id, admin) = (parse_id(id)?, session::admin(shared, Missing::Refuse).await?);
                client::delete(&admin, &id).await.map_err(CliError::admin)?;
                match output {
                    Format::Json => {
                        Ok(output::json(&serde_json::json!({ "client_id": id.as_str() }))?)
                    }
                    Format::Table => Ok(output::note(&format!("Client {id} is deleted."))?),
                }
            }
        }
    }
}

/// Enables or disables a client, and tells what it has become.
async fn set_enabled(
    shared: &Shared,
    id: &str,
    enabled: bool,
    format: Format,
) -> Result<(), CliError> {
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
        let mut new = self.parse()?;
        new.terms.validate().map_err(|error| CliError::admin(error.into()))?;
        new.secret = secret_input::read(self.secret.as_deref())?;
        let admin = session::admin(shared, Missing::Create).await?;
        let created = client::create(&admin, new).await.map_err(CliError::admin)?;
        match self.output {
            Format::Json => Ok(output::json(&CreatedJson::from(&created))?),
            Format::Table => {
                output::note(&client_table(&created.client))?;
                if created.secret.is_chosen() {
                    return Ok(output::note("Its secret is the one that was given.")?);
                }
                output::note("Its secret, which is not shown again:")?;
                Ok(output::line(created.plain.expose())?)
            }
        }
    }

    fn parse(&self) -> Result<NewClient, CliError> {
        let name = DisplayName::parse(&self.name).map_err(CliError::usage)?;
        Ok(NewClient {
            id: self.id.as_deref().map(ClientId::parse).transpose().map_err(CliError::usage)?,
            terms: self.terms.parse()?.apply(ClientTerms::new(name)),
            secret: None,
            secret_expires_in: self.secret_expires.map(Duration::from_secs),
        })
    }
}

impl Update {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let id = parse_id(&self.id)?;
        let mut update = self.terms.parse()?;
        update.name =
            self.name.as_deref().map(DisplayName::parse).transpose().map_err(CliError::usage)?;
        let admin = session::admin(shared, Missing::Refuse).await?;
        let client = client::update(&admin, &id, update).await.map_err(CliError::admin)?;
        match self.output {
            Format::Json => Ok(output::json(&ClientJson::from(&client))?),
            Format::Table => Ok(output::note(&client_table(&client))?),
        }
    }
}

/// What a flag says that may be given several times; nothing when it is not given.
pub(super) fn uris(given: &[String]) -> Result<Option<Vec<ResourceUri>>, CliError> {
    if given.is_empty() {
        return Ok(None);
    }
    let uris = given.iter().filter(|uri| !uri.is_empty()).map(|uri| ResourceUri::parse(uri));
    uris.collect::<Result<_, _>>().map(Some).map_err(CliError::usage)
}

fn limit(text: &str) -> Result<u64, &'static str> {
    text.parse().map_err(|_| "a limit is a number of tokens in an hour")
}

pub fn parse_id(id: &str) -> Result<ClientId, CliError> {
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
        return Ok(output::note(
            "There is no client yet; `mintery client create --name NAME` makes one.",
        )?);
    }
    let mut table = output::table(&["ID", "NAME", "SCOPE", "STATUS", "CREATED"]);
    for client in &clients {
        table.add_row([
            client.id.to_string(),
            escape(client.terms.name.as_str()),
            client.terms.scopes.to_string(),
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
        let page =
            client::page(admin, after, PAGE, &Filter::default()).await.map_err(CliError::admin)?;
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
        return Ok(output::json(&ShownJson::new(&client, &secrets))?);
    }
    output::line(&client_table(&client))?;
    Ok(output::line(&secret::table(&secrets))?)
}

fn client_table(client: &Client) -> String {
    let mut table = output::table(&["CLIENT", client.id.as_str()]);
    let ClientTerms {
        name,
        scopes,
        grants: _,
        resources,
        stands_for,
        default_scopes,
        token_alg,
        introspection_alg,
        token_ttl,
        max_tokens_per_hour,
    } = &client.terms;
    table.add_row(["name", &escape(name.as_str())]);
    table.add_row(["scope", scopes.as_str()]);
    if default_scopes.is_some() {
        table.add_row(["default scope", client.terms.effective_default_scopes().as_str()]);
    }
    for resource in resources {
        table.add_row(["resource", resource.as_str()]);
    }
    for resource in stands_for {
        table.add_row(["stands for", resource.as_str()]);
    }
    if let Some(algorithm) = introspection_alg {
        table.add_row(["introspections signed with", algorithm.name()]);
    }
    if let Some(algorithm) = token_alg {
        table.add_row(["tokens signed with", algorithm.name()]);
    }
    if let Some(ttl) = token_ttl {
        table.add_row(["tokens live", &format!("{} s", ttl.as_secs())]);
    }
    if let Some(limit) = max_tokens_per_hour {
        table.add_row(["tokens in an hour", &format!("at most {limit}")]);
    }
    table.add_row(["status", status(client)]);
    table.add_row(["created", &date(client.created_at)]);
    table.to_string()
}

const fn status(client: &Client) -> &'static str {
    if client.is_enabled() { "enabled" } else { "disabled" }
}
