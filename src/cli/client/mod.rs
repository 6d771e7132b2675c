//! `mintery client …`

mod export;
mod import;
mod safe_to_revoke;
mod secret;
mod secret_table;

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::json;

use self::export::ExportClients;
use self::import::ImportClients;
use self::secret::SecretVerb;
use super::error::CliError;
use super::input::{parse_client_id, parse_given, parse_patch, parse_seconds, parse_uris};
use super::output::{self, Output, date};
use super::shared::Shared;
use super::token_size::warn_if_large;
use super::{secret_input, session};
use crate::admin::client::{self, Filter, NewClient};
use crate::admin::json::client::{ClientJson, CreatedJson, ShownJson};
use crate::admin::{AdminError, revocation};
use crate::logging::escape;
use crate::model::client::{Client, ClientTerms, ClientUpdate, GrantType};
use crate::model::name::DisplayName;
use crate::model::scope::ScopeSet;
use crate::store::Missing;

#[derive(Debug, Subcommand)]
pub enum ClientVerb {
    /// Create a client and show its secret, once.
    Create(CreateClient),
    /// List all clients.
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Show a client and its secrets' metadata.
    Show(OneClient),
    /// Update a client. Only the options you pass are changed.
    Update(UpdateClient),
    /// Manage the secrets of a client.
    #[command(subcommand)]
    Secret(SecretVerb),
    /// Enable a client.
    Enable(OneClient),
    /// Disable a client and revoke its tokens. They stay revoked after `enable`.
    Disable(OneClient),
    /// Revoke all tokens issued to a client so far. It can still get new ones.
    RevokeTokens(OneClient),
    /// Delete a client with its secrets.
    Delete(OneClient),
    /// Import clients from JSON lines, with their secrets or secret hashes.
    Import(ImportClients),
    /// Export all clients as JSON lines for `import`, with their secret hashes.
    Export(ExportClients),
}

#[derive(Debug, Args)]
pub struct OneClient {
    /// The client id.
    id: String,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub struct CreateClient {
    /// An existing id from elsewhere; generated if absent.
    #[arg(long)]
    id: Option<String>,
    /// The display name.
    #[arg(long)]
    name: String,
    #[command(flatten)]
    terms: TermFlags,
    /// Use a secret of your own: `-` reads it from standard input or from a hidden prompt.
    #[arg(long, value_name = "-", allow_hyphen_values = true)]
    secret: Option<String>,
    /// Seconds until the secret expires; it never expires if absent.
    #[arg(long, value_name = "SECS")]
    secret_expires: Option<u64>,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub struct UpdateClient {
    /// The client id.
    id: String,
    /// The display name.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    terms: TermFlags,
    /// Grant it each of its scopes at each of its APIs anew, also scopes that an API got since.
    #[arg(long)]
    regrant: bool,
    /// Revoke its tokens, also if the change takes nothing from it.
    #[arg(long)]
    revoke_tokens: bool,
    #[command(flatten)]
    output: Output,
}

/// The terms of a client.
#[derive(Debug, Args)]
struct TermFlags {
    /// Allowed scopes, separated by spaces.
    #[arg(long)]
    scope: Option<String>,
    /// Scopes of a token request that names none; `all` restores the default, all allowed scopes
    /// except Mintery's own.
    #[arg(long, value_name = "SCOPE")]
    default_scope: Option<String>,
    /// An allowed API besides the default one; repeat for several, "" for none. A token request
    /// that names no API gets a token for the first.
    #[arg(long, value_name = "URI")]
    resource: Vec<String>,
    /// An API whose tokens the client may introspect; repeat for several, "" for none.
    #[arg(long, value_name = "URI")]
    stands_for: Vec<String>,
    /// Allowed grant types, separated by spaces; "" for a client that gets no tokens.
    #[arg(long)]
    grant_types: Option<String>,
    /// Lifetime of its tokens in seconds; `default` restores that of the API or the settings.
    #[arg(long, value_name = "SECS")]
    ttl: Option<String>,
    /// Tokens per hour, counted over all nodes that know of each other; `none` removes the limit.
    #[arg(long, value_name = "N")]
    max_tokens_per_hour: Option<String>,
    /// Signing algorithm of its tokens: ES256, ES384, PS256, RS256 or EdDSA; `default` restores
    /// that of the API or the settings.
    #[arg(long, value_name = "ALG")]
    alg: Option<String>,
    /// Signing algorithm of signed introspection responses: ES256, ES384, PS256 or EdDSA;
    /// `default` restores RS256.
    #[arg(long, value_name = "ALG")]
    introspection_alg: Option<String>,
}

impl TermFlags {
    fn parse(&self) -> Result<ClientUpdate, CliError> {
        let grants = |names: &str| {
            names
                .split_ascii_whitespace()
                .map(GrantType::parse_registered)
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(ClientUpdate {
            name: None,
            scopes: parse_given(self.scope.as_deref(), ScopeSet::parse)?,
            default_scopes: parse_patch(self.default_scope.as_deref(), "all", ScopeSet::parse)?,
            grants: parse_given(self.grant_types.as_deref(), grants)?,
            resources: parse_uris(&self.resource)?,
            stands_for: parse_uris(&self.stands_for)?,
            token_alg: parse_patch(self.alg.as_deref(), "default", str::parse)?,
            introspection_alg: parse_patch(
                self.introspection_alg.as_deref(),
                "default",
                str::parse,
            )?,
            token_ttl: parse_patch(self.ttl.as_deref(), "default", parse_seconds)?,
            max_tokens_per_hour: parse_patch(
                self.max_tokens_per_hour.as_deref(),
                "none",
                parse_limit,
            )?,
            seen: None,
            regrant: false,
            revoke_tokens: false,
        })
    }
}

impl ClientVerb {
    pub async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        match self {
            Self::Create(create) => create.run(shared).await,
            Self::List { output } => list(shared, *output).await,
            Self::Show(one) => one.show(shared).await,
            Self::Update(update) => update.run(shared).await,
            Self::Secret(verb) => verb.run(shared).await,
            Self::Enable(one) => one.set_enabled(shared, true).await,
            Self::Disable(one) => one.set_enabled(shared, false).await,
            Self::RevokeTokens(one) => one.revoke_tokens(shared).await,
            Self::Delete(one) => one.delete(shared).await,
            Self::Import(import) => import.run(shared).await,
            Self::Export(export) => export.run(shared).await,
        }
    }
}

impl OneClient {
    async fn show(&self, shared: &Shared) -> Result<(), CliError> {
        let id = parse_client_id(&self.id)?;
        let admin = session::admin(shared, Missing::Refuse).await?;
        let (client, secrets) = client::show(&admin, &id).await?;
        self.output.show(&ShownJson::new(&client, &secrets), || {
            format!("{}\n{}", client_table(&client), secret_table::table(&secrets))
        })
    }

    async fn set_enabled(&self, shared: &Shared, enabled: bool) -> Result<(), CliError> {
        let id = parse_client_id(&self.id)?;
        let admin = session::admin(shared, Missing::Refuse).await?;
        client::set_enabled(&admin, &id, enabled).await?;
        let (client, _) = client::show(&admin, &id).await?;
        self.output
            .confirm(&ClientJson::from(&client), || format!("Client {id} is {}.", status(&client)))
    }

    async fn revoke_tokens(&self, shared: &Shared) -> Result<(), CliError> {
        let id = parse_client_id(&self.id)?;
        let admin = session::admin(shared, Missing::Refuse).await?;
        revocation::revoke_client_tokens(&admin, &id).await?;
        self.output.confirm(&json!({ "client_id": id.as_str() }), || {
            format!("All tokens issued to client {id} so far are revoked.")
        })
    }

    async fn delete(&self, shared: &Shared) -> Result<(), CliError> {
        let id = parse_client_id(&self.id)?;
        let admin = session::admin(shared, Missing::Refuse).await?;
        client::delete(&admin, &id).await?;
        self.output
            .confirm(&json!({ "client_id": id.as_str() }), || format!("Client {id} deleted."))
    }
}

impl CreateClient {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let mut new = self.parse()?;
        new.terms.validate().map_err(AdminError::from)?;
        new.secret = secret_input::read(self.secret.as_deref())?;
        let admin = session::admin(shared, Missing::Create).await?;
        let created = client::create(&admin, new).await?;
        warn_if_large(&created.client.terms.resources, &created.client.terms.scopes)?;
        self.output.confirm(&CreatedJson::from(&created), || client_table(&created.client))?;
        if self.output.is_json() {
            return Ok(());
        }
        if created.secret.is_chosen() {
            return output::note("The secret is the one you passed.");
        }
        output::note("Secret (copy it now; it is not shown again):")?;
        output::line(created.plain.expose())
    }

    fn parse(&self) -> Result<NewClient, CliError> {
        let name = DisplayName::parse(&self.name).map_err(CliError::usage)?;
        Ok(NewClient {
            id: self.id.as_deref().map(parse_client_id).transpose()?,
            terms: self.terms.parse()?.apply(ClientTerms::new(name)),
            secret: None,
            secret_expires_in: self.secret_expires.map(Duration::from_secs),
        })
    }
}

impl UpdateClient {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let id = parse_client_id(&self.id)?;
        let mut update = self.terms.parse()?;
        update.regrant = self.regrant;
        update.revoke_tokens = self.revoke_tokens;
        update.name = parse_given(self.name.as_deref(), DisplayName::parse)?;
        let admin = session::admin(shared, Missing::Refuse).await?;
        let client = client::update(&admin, &id, update).await?;
        warn_if_large(&client.terms.resources, &client.terms.scopes)?;
        self.output.show(&ClientJson::from(&client), || client_table(&client))
    }
}

fn parse_limit(text: &str) -> Result<u64, &'static str> {
    text.parse().map_err(|_| "invalid limit: use a number of tokens per hour, or `none`")
}

async fn list(shared: &Shared, output: Output) -> Result<(), CliError> {
    let clients = match session::admin_unless_empty(shared).await? {
        Some(admin) => {
            session::all_pages(
                |client: &Client| client.id.as_str(),
                async |after, size| client::page(&admin, after, size, &Filter::default()).await,
            )
            .await?
        }
        None => Vec::new(),
    };
    output.list(
        &clients,
        ClientJson::from,
        "No clients yet. Create one with `mintery client create --name NAME`.",
        &["ID", "NAME", "SCOPE", "STATUS", "CREATED"],
        |client| {
            [
                client.id.to_string(),
                escape(client.terms.name.as_str()),
                client.terms.scopes.to_string(),
                status(client).to_owned(),
                date(client.created_at),
            ]
        },
    )
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
