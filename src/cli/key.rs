//! `mintery key …`

use std::time::Duration;

use clap::{Args, Subcommand};

use serde_json::json;

use super::error::CliError;
use super::input::{parse_given, parse_patch, parse_seconds};
use super::output::{self, Output, date, date_or_never};
use super::session;
use super::shared::Shared;
use crate::admin::Admin;
use crate::admin::api_key::{
    self, ApiKeyUpdate, CreatedApiKey, Filter, KeptApiKey, NewApiKey, Rotation, Selection, status,
};
use crate::admin::json::api_key::{
    ApiKeyJson, CreatedApiKeyJson, KeptApiKeyJson, KeyUsageJson, parse_ranges,
};
use crate::clock::Timestamp;
use crate::logging::escape;
use crate::model::address::AddressRanges;
use crate::model::api_key::{ApiKey, ApiKeyId, KeyOwner};
use crate::model::name::DisplayName;
use crate::model::scope::ScopeSet;
use crate::model::usage::{Hour, HourOfKeyUse, KeyOutcome};
use crate::store::Missing;

#[derive(Debug, Subcommand)]
pub enum KeyVerb {
    /// Create an API key for a client or a user and show it, once.
    Create(CreateKey),
    /// List API keys.
    List(ListKeys),
    /// Show the metadata of an API key.
    Show(OneKey),
    /// Update an API key. Only the options you pass are changed.
    Update(UpdateKey),
    /// Create the successor of an API key and show it, once. The old key stays valid for a while.
    Rotate(RotateKey),
    /// Revoke API keys.
    Revoke(RevokeKeys),
    /// Enable an API key.
    Enable(OneKey),
    /// Disable an API key.
    Disable(OneKey),
    /// Show the uses and refusals of an API key by hour.
    Usage(KeyUsage),
}

#[derive(Debug, Args)]
pub struct OneKey {
    /// The key id, `ak_…`.
    id: String,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub struct CreateKey {
    /// The display name.
    #[arg(long)]
    name: String,
    /// The id of the owner, a client or a user.
    #[arg(long, value_name = "ID")]
    owner: String,
    /// The environment.
    #[arg(long, value_name = "live|test", default_value = "live")]
    env: String,
    #[command(flatten)]
    terms: TermFlags,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub struct UpdateKey {
    /// The key id, `ak_…`.
    id: String,
    /// The display name.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    terms: TermFlags,
    #[command(flatten)]
    output: Output,
}

/// The terms of a key.
#[derive(Debug, Args)]
struct TermFlags {
    /// Allowed scopes, separated by spaces, at most those of the owner; a new key has the default
    /// scopes of its owner if absent.
    #[arg(long)]
    scope: Option<String>,
    /// Seconds from now until the key expires, or `never`.
    #[arg(long, value_name = "SECS|never")]
    expires: Option<String>,
    /// An allowed address or address range; repeat for several, "" for any address.
    #[arg(long, value_name = "CIDR")]
    allow: Vec<String>,
    /// Requests per minute per node; `none` removes the limit.
    #[arg(long, value_name = "N")]
    rate_limit: Option<String>,
}

impl TermFlags {
    fn parse(&self) -> Result<ApiKeyUpdate, CliError> {
        Ok(ApiKeyUpdate {
            seen: None,
            name: None,
            scopes: parse_given(self.scope.as_deref(), ScopeSet::parse)?,
            allowed: parse_allowed(&self.allow)?,
            max_per_minute: parse_patch(self.rate_limit.as_deref(), "none", parse_limit)?,
            expires_in: parse_patch(self.expires.as_deref(), "never", parse_seconds)?,
        })
    }
}

#[derive(Debug, Args)]
pub struct ListKeys {
    /// Only keys of this client or user.
    #[arg(long, value_name = "ID")]
    owner: Option<String>,
    /// Only keys whose name contains this text.
    #[arg(long)]
    name: Option<String>,
    /// Only keys of this environment.
    #[arg(long, value_name = "live|test")]
    env: Option<String>,
    /// Only enabled or only disabled keys.
    #[arg(long, value_name = "true|false")]
    enabled: Option<bool>,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub struct RotateKey {
    /// The key id, `ak_…`.
    id: String,
    /// Seconds that the old key stays valid, at most 30 days; a day if absent.
    #[arg(long, value_name = "SECS")]
    overlap: Option<u64>,
    /// Seconds until the new key expires, or `never`; the lifetime of the old key if absent.
    #[arg(long, value_name = "SECS|never")]
    expires: Option<String>,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub struct RevokeKeys {
    /// The key ids, `ak_…`.
    #[arg(required_unless_present = "owner")]
    ids: Vec<String>,
    /// Revoke all keys of this client or user instead.
    #[arg(long, value_name = "ID", conflicts_with = "ids")]
    owner: Option<String>,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub struct KeyUsage {
    /// The key id, `ak_…`.
    id: String,
    /// The maximum number of hours, the newest first.
    #[arg(long, value_name = "N", default_value_t = 48, value_parser = clap::value_parser!(i64).range(1..=1000))]
    limit: i64,
    #[command(flatten)]
    output: Output,
}

impl KeyVerb {
    pub async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        match self {
            Self::Create(create) => create.run(shared).await,
            Self::List(list) => list.run(shared).await,
            Self::Show(one) => one.show(shared).await,
            Self::Update(update) => update.run(shared).await,
            Self::Rotate(rotate) => rotate.run(shared).await,
            Self::Revoke(revoke) => revoke.run(shared).await,
            Self::Enable(one) => one.set_enabled(shared, true).await,
            Self::Disable(one) => one.set_enabled(shared, false).await,
            Self::Usage(usage) => usage.run(shared).await,
        }
    }
}

impl CreateKey {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let terms = self.terms.parse()?;
        let new = NewApiKey {
            owner: parse_owner(&self.owner)?,
            name: DisplayName::parse(&self.name).map_err(CliError::usage)?,
            environment: self.env.parse().map_err(CliError::usage)?,
            scopes: terms.scopes,
            allowed: terms.allowed.unwrap_or_default(),
            max_per_minute: terms.max_per_minute.apply(None),
            expires_in: terms.expires_in,
        };
        let admin = session::admin(shared, Missing::Refuse).await?;
        let made = api_key::create(&admin, new).await?;
        print_created(&made, &admin, self.output)
    }
}

impl UpdateKey {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let id = parse_id(&self.id)?;
        let mut update = self.terms.parse()?;
        update.name = parse_given(self.name.as_deref(), DisplayName::parse)?;
        let admin = session::admin(shared, Missing::Refuse).await?;
        let key = api_key::update(&admin, &id, update).await?;
        self.output.show(&ApiKeyJson::from(&key), || key_table(&key, admin.clock.now()))
    }
}

impl ListKeys {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let filter = Filter {
            owner: self.owner.clone(),
            name: self.name.clone(),
            environment: parse_given(self.env.as_deref(), str::parse)?,
            enabled: self.enabled,
            ..Filter::default()
        };
        let (keys, now) = match session::admin_unless_empty(shared).await? {
            Some(admin) => (all_keys(&admin, &filter).await?, admin.clock.now()),
            None => (Vec::new(), Timestamp::from_secs(0)),
        };
        self.output.list(
            &keys,
            KeptApiKeyJson::from,
            "No matching API keys. Create one with `mintery key create --name NAME --owner ID`.",
            &["ID", "NAME", "OWNER", "ENV", "ENDS IN", "SCOPE", "STATUS", "EXPIRES", "LAST USED"],
            |(key, last_use)| {
                [
                    key.id.to_string(),
                    escape(key.name.as_str()),
                    key.owner.as_str().to_owned(),
                    key.environment.name().to_owned(),
                    format!("…{}", key.hint),
                    key.scopes.to_string(),
                    status(key, now).to_owned(),
                    date_or_never(key.expires_at),
                    date_or_never(last_use.as_ref().map(|last| last.at)),
                ]
            },
        )
    }
}

async fn all_keys(admin: &Admin, filter: &Filter) -> Result<Vec<KeptApiKey>, CliError> {
    let page = async |after: &str, size| api_key::page(admin, after, size, filter).await;
    session::all_pages(|(key, _): &KeptApiKey| key.id.as_str(), page).await
}

impl OneKey {
    async fn show(&self, shared: &Shared) -> Result<(), CliError> {
        let id = parse_id(&self.id)?;
        let admin = session::admin(shared, Missing::Refuse).await?;
        let kept = api_key::show(&admin, &id).await?;
        self.output.show(&KeptApiKeyJson::from(&kept), || {
            let (key, last_use) = &kept;
            let used = last_use.map_or_else(
                || "Not used yet.".to_owned(),
                |last| {
                    let from = last.from.map(|from| format!(" from {from}")).unwrap_or_default();
                    format!("Last used {}{from}.", date(last.at))
                },
            );
            format!("{}\n{used}", key_table(key, admin.clock.now()))
        })
    }

    async fn set_enabled(&self, shared: &Shared, enabled: bool) -> Result<(), CliError> {
        let id = parse_id(&self.id)?;
        let admin = session::admin(shared, Missing::Refuse).await?;
        let key = api_key::set_enabled(&admin, &id, enabled).await?;
        self.output.confirm(&ApiKeyJson::from(&key), || {
            format!("API key {id} is {}.", status(&key, admin.clock.now()))
        })
    }
}

impl RotateKey {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let id = parse_id(&self.id)?;
        let rotation = Rotation {
            overlap: self.overlap.map(Duration::from_secs),
            expires_in: parse_patch(self.expires.as_deref(), "never", parse_seconds)?,
        };
        let admin = session::admin(shared, Missing::Refuse).await?;
        let made = api_key::rotate(&admin, &id, rotation).await?;
        if !self.output.is_json() {
            let (old, _) = api_key::show(&admin, &id).await?;
            let until = old.expires_at.map_or_else(|| "later".to_owned(), date);
            output::note(&format!("API key {id} stays valid until {until}. Its successor:"))?;
        }
        print_created(&made, &admin, self.output)
    }
}

impl RevokeKeys {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let selection = match &self.owner {
            Some(owner) => Selection::Owner(parse_owner(owner)?),
            None => {
                Selection::Ids(self.ids.iter().map(|id| parse_id(id)).collect::<Result<_, _>>()?)
            }
        };
        let admin = session::admin(shared, Missing::Refuse).await?;
        let revoked = match selection {
            // A single unknown id is an error.
            Selection::Ids(ids) if ids.len() == 1 => {
                for id in &ids {
                    api_key::revoke(&admin, id).await?;
                }
                ids
            }
            several => api_key::revoke_all(&admin, several).await?,
        };
        let ids: Vec<&str> = revoked.iter().map(ApiKeyId::as_str).collect();
        self.output.confirm(&json!({ "revoked": ids }), || match ids.as_slice() {
            [] => "No matching API keys.".to_owned(),
            ids => format!("Revoked: {}", ids.join(", ")),
        })
    }
}

impl KeyUsage {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let id = parse_id(&self.id)?;
        let admin = session::admin(shared, Missing::Refuse).await?;
        let hours = api_key::usage(&admin, &id, Hour::new(i64::MAX), self.limit).await?;
        self.output.list(
            &hours,
            KeyUsageJson::from,
            &format!("API key {id} was not used."),
            &["HOUR", "USED", "REFUSED"],
            |HourOfKeyUse { hour, outcomes }| {
                let (used, refused): (Vec<_>, Vec<_>) =
                    outcomes.iter().partition(|(name, _)| name == KeyOutcome::Used.name());
                let used: i64 = used.into_iter().map(|(_, times)| times).sum();
                let refused = refused.iter().map(|(name, times)| format!("{name} {times}"));
                [date(hour.begins()), used.to_string(), refused.collect::<Vec<_>>().join(", ")]
            },
        )
    }
}

/// Prints a created key, with nothing but its value on standard output.
fn print_created(made: &CreatedApiKey, admin: &Admin, output: Output) -> Result<(), CliError> {
    if output.is_json() {
        return output::json(&CreatedApiKeyJson::from(made));
    }
    output::note(&key_table(&made.key, admin.clock.now()))?;
    output::note("API key (copy it now; it is not shown again):")?;
    output::line(made.plain.expose())
}

fn key_table(key: &ApiKey, now: Timestamp) -> String {
    let mut table = output::table(&["API KEY", key.id.as_str()]);
    table.add_row(["name", &escape(key.name.as_str())]);
    table.add_row(["owner", key.owner.as_str()]);
    table.add_row(["environment", key.environment.name()]);
    table.add_row(["ends in", &format!("…{}", key.hint)]);
    table.add_row(["scope", &key.scopes.to_string()]);
    for range in key.allowed.iter() {
        table.add_row(["allowed from", &range.to_string()]);
    }
    if let Some(limit) = key.max_per_minute {
        table.add_row(["requests in a minute", &format!("at most {limit}")]);
    }
    table.add_row(["status", status(key, now)]);
    if let Some(leaked_at) = key.leaked_at {
        table.add_row(["found in public", &date(leaked_at)]);
    }
    if let Some(successor) = &key.successor {
        table.add_row(["replaced by", successor.as_str()]);
    }
    table.add_row(["created", &date(key.created_at)]);
    table.add_row(["expires", &date_or_never(key.expires_at)]);
    table.to_string()
}

/// Parses `--allow`; `""` makes an empty list, an absent flag none.
fn parse_allowed(given: &[String]) -> Result<Option<AddressRanges>, CliError> {
    if given.is_empty() {
        return Ok(None);
    }
    let given: Vec<String> = given.iter().filter(|range| !range.is_empty()).cloned().collect();
    Ok(Some(parse_ranges(&given)?))
}

fn parse_limit(text: &str) -> Result<u32, &'static str> {
    text.parse().map_err(|_| "invalid limit: use a number of requests per minute, or `none`")
}

fn parse_id(id: &str) -> Result<ApiKeyId, CliError> {
    ApiKeyId::parse(id).map_err(CliError::usage)
}

fn parse_owner(id: &str) -> Result<KeyOwner, CliError> {
    KeyOwner::parse(id).map_err(CliError::usage)
}
