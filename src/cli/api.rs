//! `mintery api …`

use std::collections::BTreeMap;

use clap::{Args, Subcommand};

use serde_json::json;

use super::error::CliError;
use super::input::{parse_given, parse_patch, parse_seconds};
use super::output::{self, Output, date};
use super::session;
use super::shared::Shared;
use super::token_size::warn_if_large;
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
    /// Register an API, so that clients can get tokens for it.
    Create(CreateApi),
    /// List all APIs. The default API, the issuer itself, needs no entry.
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Show an API with its scopes.
    Show(OneApi),
    /// Update an API. Only the options you pass are changed.
    Update(UpdateApi),
    /// Revoke all tokens issued for an API so far.
    RevokeTokens(OneApi),
    /// Delete an API and revoke its tokens.
    Delete(OneApi),
}

#[derive(Debug, Args)]
pub struct OneApi {
    /// The identifier of the API.
    resource: String,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub struct CreateApi {
    /// The identifier of the API, an absolute URI: the `aud` of its tokens.
    #[arg(long, value_name = "URI")]
    resource: String,
    /// The display name.
    #[arg(long)]
    name: String,
    #[command(flatten)]
    terms: TermFlags,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub struct UpdateApi {
    /// The identifier of the API.
    resource: String,
    /// The display name.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    terms: TermFlags,
    /// Revoke the tokens for it, also if the change takes no scope from it.
    #[arg(long)]
    revoke_tokens: bool,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
struct TermFlags {
    /// All scopes of the API, separated by spaces.
    #[arg(long)]
    scope: Option<String>,
    /// A scope with its description, in addition to those of `--scope`; repeat for several.
    #[arg(long, value_name = "SCOPE=TEXT")]
    describe: Vec<String>,
    /// Lifetime of its tokens in seconds; `default` restores that of the settings.
    #[arg(long, value_name = "SECS")]
    ttl: Option<String>,
    /// Signing algorithm of its tokens: ES256, ES384, PS256, RS256 or EdDSA; `default` restores
    /// that of the settings.
    #[arg(long, value_name = "ALG")]
    alg: Option<String>,
}

impl TermFlags {
    fn parse(&self) -> Result<ApiUpdate, CliError> {
        Ok(ApiUpdate {
            seen: None,
            revoke_tokens: false,
            name: None,
            scopes: self.scopes()?,
            token_alg: parse_patch(self.alg.as_deref(), "default", str::parse)?,
            token_ttl: parse_patch(self.ttl.as_deref(), "default", parse_seconds)?,
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
            let (scope, text) = described
                .split_once('=')
                .ok_or_else(|| CliError::usage("invalid `--describe`: use SCOPE=TEXT"))?;
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
            Self::Show(one) => one.show(shared).await,
            Self::Update(update) => update.run(shared).await,
            Self::RevokeTokens(one) => one.revoke_tokens(shared).await,
            Self::Delete(one) => one.delete(shared).await,
        }
    }
}

impl CreateApi {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let (resource, update) = (parse_resource(&self.resource)?, self.terms.parse()?);
        let terms = ApiTerms {
            name: DisplayName::parse(&self.name).map_err(CliError::usage)?,
            scopes: update.scopes.unwrap_or_default(),
            token_alg: update.token_alg.apply(None),
            token_ttl: update.token_ttl.apply(None),
        };
        terms.validate()?;
        let admin = session::admin(shared, Missing::Create).await?;
        let api = api::create(&admin, resource, terms).await?;
        warn_if_large(&[], api.scopes.set())?;
        self.output.show(&ApiJson::from(&api), || api_table(&api))
    }
}

impl UpdateApi {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let (resource, mut update) = (parse_resource(&self.resource)?, self.terms.parse()?);
        update.revoke_tokens = self.revoke_tokens;
        update.name = parse_given(self.name.as_deref(), DisplayName::parse)?;
        let admin = session::admin(shared, Missing::Refuse).await?;
        let api = api::update(&admin, &resource, update).await?;
        warn_if_large(&[], api.scopes.set())?;
        self.output.show(&ApiJson::from(&api), || api_table(&api))
    }
}

impl OneApi {
    async fn show(&self, shared: &Shared) -> Result<(), CliError> {
        let resource = parse_resource(&self.resource)?;
        let admin = session::admin(shared, Missing::Refuse).await?;
        let api = api::show(&admin, &resource).await?;
        self.output.show(&ApiJson::from(&api), || api_table(&api))
    }

    async fn revoke_tokens(&self, shared: &Shared) -> Result<(), CliError> {
        let resource = parse_resource(&self.resource)?;
        let admin = session::admin(shared, Missing::Refuse).await?;
        revocation::revoke_api_tokens(&admin, &resource).await?;
        self.output.confirm(&json!({ "resource": resource.as_str() }), || {
            format!("All tokens issued for API {resource} so far are revoked.")
        })
    }

    async fn delete(&self, shared: &Shared) -> Result<(), CliError> {
        let resource = parse_resource(&self.resource)?;
        let admin = session::admin(shared, Missing::Refuse).await?;
        api::delete(&admin, &resource).await?;
        self.output.confirm(&json!({ "resource": resource.as_str() }), || {
            format!("API {resource} deleted.")
        })
    }
}

async fn list(shared: &Shared, output: Output) -> Result<(), CliError> {
    let apis = match session::admin_unless_empty(shared).await? {
        Some(admin) => api::list(&admin).await?,
        None => Vec::new(),
    };
    output.list(
        &apis,
        ApiJson::from,
        "No APIs yet. Create one with `mintery api create --resource URI --name NAME`.",
        &["RESOURCE", "NAME", "SCOPE"],
        |api| {
            [
                api.resource.as_str().to_owned(),
                escape(api.name.as_str()),
                api.scopes.set().as_str().to_owned(),
            ]
        },
    )
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

fn parse_resource(resource: &str) -> Result<ResourceUri, CliError> {
    ResourceUri::parse(resource).map_err(CliError::usage)
}
