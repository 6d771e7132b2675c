//! `mintery api …`

use std::collections::BTreeMap;

use clap::{Args, Subcommand};

use super::output::{self, Format, date};
use super::{CliError, Shared, seconds, session, unless};
use crate::admin::api::{self, ApiTerms, ApiUpdate};
use crate::admin::json::api::ApiJson;
use crate::admin::revocation;
use crate::logging::escape;
use crate::model::api::{Api, ApiScopes};
use crate::model::name::DisplayName;
use crate::model::resource::ResourceUri;
use crate::store::Missing;

#[derive(Debug, Subcommand)]
pub enum ApiVerb {
    /// Makes an API known, so that clients can be given tokens for it.
    Create(Create),
    /// Lists all APIs. The default one, the issuer itself, needs no entry.
    List {
        /// How to print them.
        #[arg(short, long, default_value = "table")]
        output: Format,
    },
    /// Shows an API with its scopes.
    Show {
        /// Its identifier.
        resource: String,
        /// How to print it.
        #[arg(short, long, default_value = "table")]
        output: Format,
    },
    /// Changes an API. What no flag names stays.
    Update(Update),
    /// Makes all tokens for an API void that were issued so far.
    RevokeTokens {
        /// Its identifier.
        resource: String,
        /// How to print it.
        #[arg(short, long, default_value = "table")]
        output: Format,
    },
    /// Deletes an API: no tokens are made for it any more, and those that there are are void.
    Delete {
        /// Its identifier.
        resource: String,
        /// How to print it.
        #[arg(short, long, default_value = "table")]
        output: Format,
    },
}

#[derive(Debug, Args)]
pub struct Create {
    /// Its identifier, an absolute URI, which stands in `aud`.
    #[arg(long, value_name = "URI")]
    resource: String,
    /// What people call it.
    #[arg(long)]
    name: String,
    #[command(flatten)]
    terms: TermFlags,
    /// How to print it.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

#[derive(Debug, Args)]
pub struct Update {
    /// Its identifier.
    resource: String,
    /// What people call it.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    terms: TermFlags,
    /// How to print it.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

#[derive(Debug, Args)]
struct TermFlags {
    /// All of its scopes, with spaces between.
    #[arg(long)]
    scope: Option<String>,
    /// A scope with what it allows, beside those of `--scope`; several times for several.
    #[arg(long, value_name = "SCOPE=TEXT")]
    describe: Vec<String>,
    /// How many seconds tokens for it live, instead of what the settings say; `default` for that
    /// again.
    #[arg(long, value_name = "SECS")]
    ttl: Option<String>,
    /// What tokens for it are signed with, instead of what the settings say: ES256, ES384, PS256,
    /// RS256 or EdDSA; `default` for that again.
    #[arg(long, value_name = "ALG")]
    alg: Option<String>,
}

impl TermFlags {
    fn parse(&self) -> Result<ApiUpdate, CliError> {
        Ok(ApiUpdate {
            seen: None,
            name: None,
            scopes: self.scopes()?,
            token_alg: unless(self.alg.as_deref(), "default", str::parse)?,
            token_ttl: unless(self.ttl.as_deref(), "default", seconds)?,
        })
    }

    fn scopes(&self) -> Result<Option<ApiScopes>, CliError> {
        if self.scope.is_none() && self.describe.is_empty() {
            return Ok(None);
        }
        let list = self.scope.as_deref().unwrap_or_default();
        let plain = list.split_ascii_whitespace().map(|scope| (scope.to_owned(), String::new()));
        let mut scopes: BTreeMap<_, _> = plain.collect();
        for described in &self.describe {
            let (scope, text) = described.split_once('=').ok_or_else(|| {
                CliError::usage("`--describe` takes a scope and its description: SCOPE=TEXT")
            })?;
            scopes.insert(scope.to_owned(), text.to_owned());
        }
        ApiScopes::new(scopes).map(Some).map_err(CliError::usage)
    }
}

impl ApiVerb {
    pub async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        match self {
            Self::Create(create) => create.run(shared).await,
            Self::List { output } => list(shared, *output).await,
            Self::Show { resource, output } => show(shared, resource, *output).await,
            Self::Update(update) => update.run(shared).await,
            Self::RevokeTokens { resource, output } => {
                revoke_tokens(shared, resource, *output).await
            }
            Self::Delete { resource, output } => delete(shared, resource, *output).await,
        }
    }
}

impl Create {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let (resource, update) = (parse(&self.resource)?, self.terms.parse()?);
        let terms = ApiTerms {
            name: DisplayName::parse(&self.name).map_err(CliError::usage)?,
            scopes: update.scopes.unwrap_or_default(),
            token_alg: update.token_alg.apply(None),
            token_ttl: update.token_ttl.apply(None),
        };
        terms.validate().map_err(CliError::admin)?;
        let admin = session::admin(shared, Missing::Create).await?;
        tell(&api::create(&admin, resource, terms).await.map_err(CliError::admin)?, self.output)
    }
}

impl Update {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let (resource, mut update) = (parse(&self.resource)?, self.terms.parse()?);
        update.name =
            self.name.as_deref().map(DisplayName::parse).transpose().map_err(CliError::usage)?;
        let admin = session::admin(shared, Missing::Refuse).await?;
        tell(&api::update(&admin, &resource, update).await.map_err(CliError::admin)?, self.output)
    }
}

fn tell(api: &Api, format: Format) -> Result<(), CliError> {
    match format {
        Format::Json => Ok(output::json(&ApiJson::from(api))?),
        Format::Table => Ok(output::note(&api_table(api))?),
    }
}

async fn show(shared: &Shared, resource: &str, format: Format) -> Result<(), CliError> {
    let resource = parse(resource)?;
    let admin = session::admin(shared, Missing::Refuse).await?;
    let api = api::show(&admin, &resource).await.map_err(CliError::admin)?;
    match format {
        Format::Json => Ok(output::json(&ApiJson::from(&api))?),
        Format::Table => Ok(output::line(&api_table(&api))?),
    }
}

async fn revoke_tokens(shared: &Shared, resource: &str, format: Format) -> Result<(), CliError> {
    let resource = parse(resource)?;
    let admin = session::admin(shared, Missing::Refuse).await?;
    revocation::revoke_api_tokens(&admin, &resource).await.map_err(CliError::admin)?;
    match format {
        Format::Json => Ok(output::json(&serde_json::json!({ "resource": resource.as_str() }))?),
        Format::Table => Ok(output::note(&format!(
            "The tokens for the API {resource} that were issued so far are void."
        ))?),
    }
}

async fn delete(shared: &Shared, resource: &str, format: Format) -> Result<(), CliError> {
    let resource = parse(resource)?;
    let admin = session::admin(shared, Missing::Refuse).await?;
    api::delete(&admin, &resource).await.map_err(CliError::admin)?;
    match format {
        Format::Json => Ok(output::json(&serde_json::json!({ "resource": resource.as_str() }))?),
        Format::Table => Ok(output::note(&format!("API {resource} is deleted."))?),
    }
}

async fn list(shared: &Shared, format: Format) -> Result<(), CliError> {
    let apis = match session::admin(shared, Missing::Refuse).await {
        Ok(admin) => api::list(&admin).await.map_err(CliError::admin)?,
        Err(CliError::EmptyDatabase) => Vec::new(),
        Err(error) => return Err(error),
    };
    if format == Format::Json {
        return Ok(output::json(&apis.iter().map(ApiJson::from).collect::<Vec<_>>())?);
    }
    if apis.is_empty() {
        let note =
            "There is no API yet; `mintery api create --resource URI --name NAME` makes one known.";
        return Ok(output::note(note)?);
    }
    let mut table = output::table(&["RESOURCE", "NAME", "SCOPE"]);
    for api in &apis {
        table.add_row([
            api.resource.as_str(),
            &escape(api.name.as_str()),
            api.scopes.set().as_str(),
        ]);
    }
    Ok(output::line(&table.to_string())?)
}

fn api_table(api: &Api) -> String {
    let mut table = output::table(&["API", api.resource.as_str()]);
    table.add_row(["name", &escape(api.name.as_str())]);
    for (scope, description) in api.scopes.descriptions() {
        table.add_row([&format!("scope {scope}"), &escape(description)]);
    }
    if let Some(algorithm) = api.token_alg {
        table.add_row(["tokens signed with", algorithm.name()]);
    }
    if let Some(ttl) = api.token_ttl {
        table.add_row(["tokens live", &format!("{} s", ttl.as_secs())]);
    }
    table.add_row(["created", &date(api.created_at)]);
    table.to_string()
}

fn parse(resource: &str) -> Result<ResourceUri, CliError> {
    ResourceUri::parse(resource).map_err(CliError::usage)
}
