//! `mintery key …`

use std::time::Duration;

use clap::{Args, Subcommand};

use super::output::{self, Format, date};
use super::{CliError, Shared, seconds, session, unless};
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
use crate::model::api_key::{ApiKey, ApiKeyId, Environment, KeyOwner};
use crate::model::name::DisplayName;
use crate::model::scope::ScopeSet;
use crate::model::usage::{Hour, HourOfKeyUse, KeyOutcome};
use crate::store::Missing;

#[derive(Debug, Subcommand)]
pub enum KeyVerb {
    /// Makes an API key for a client or a user and shows it, this once.
    Create(Create),
    /// Lists API keys.
    List(List),
    /// Shows what is kept of an API key.
    Show(One),
    /// Changes what an API key allows. What no flag names stays.
    Update(Update),
    /// Makes another key that takes the place of one, which stays good for a while; shows it, this
    /// once.
    Rotate(Rotate),
    /// Takes API keys back: from now on they are good for nothing.
    Revoke(Revoke),
    /// Lets an API key be used again.
    Enable(One),
    /// Stops an API key from being used.
    Disable(One),
    /// Tells how often an API key was used, and refused, by the hour.
    Usage(Usage),
}

#[derive(Debug, Args)]
pub struct One {
    /// The id of the key, `ak_…`.
    id: String,
    /// How to print it.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

#[derive(Debug, Args)]
pub struct Create {
    /// What people call it.
    #[arg(long)]
    name: String,
    /// The id of the client or the user whose it is.
    #[arg(long, value_name = "ID")]
    owner: String,
    /// Whether it is for the real thing or for trying out.
    #[arg(long, value_name = "live|test", default_value = "live")]
    env: String,
    #[command(flatten)]
    terms: TermFlags,
    /// How to print it.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

#[derive(Debug, Args)]
pub struct Update {
    /// The id of the key, `ak_…`.
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

/// What a key allows.
#[derive(Debug, Args)]
struct TermFlags {
    /// What it allows, with spaces between: at most what its owner may. A new one allows what its
    /// owner gets who asks for no scope.
    #[arg(long)]
    scope: Option<String>,
    /// After how many seconds from now it expires, or `never`.
    #[arg(long, value_name = "SECS|never")]
    expires: Option<String>,
    /// From where it may be used: an address or a range of them; several times for several, "" for
    /// everywhere.
    #[arg(long, value_name = "CIDR")]
    allow: Vec<String>,
    /// For how many requests it is good in a minute, at each server; `none` for as many as there
    /// are.
    #[arg(long, value_name = "N")]
    rate_limit: Option<String>,
}

impl TermFlags {
    fn parse(&self) -> Result<ApiKeyUpdate, CliError> {
        Ok(ApiKeyUpdate {
            seen: None,
            name: None,
            scopes: self
                .scope
                .as_deref()
                .map(ScopeSet::parse)
                .transpose()
                .map_err(CliError::usage)?,
            allowed: ranges(&self.allow)?,
            max_per_minute: unless(self.rate_limit.as_deref(), "none", limit)?,
            expires_in: unless(self.expires.as_deref(), "never", seconds)?,
        })
    }
}

#[derive(Debug, Args)]
pub struct List {
    /// Only those of this client or user.
    #[arg(long, value_name = "ID")]
    owner: Option<String>,
    /// Only those whose name has this in it.
    #[arg(long)]
    name: Option<String>,
    /// Only those of this environment.
    #[arg(long, value_name = "live|test")]
    env: Option<String>,
    /// Only those that are enabled, or that are not.
    #[arg(long, value_name = "true|false")]
    enabled: Option<bool>,
    /// How to print them.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

#[derive(Debug, Args)]
pub struct Rotate {
    /// The id of the key, `ak_…`.
    id: String,
    /// For how many seconds the old one stays good, at most 30 days; a day when this is absent.
    #[arg(long, value_name = "SECS")]
    overlap: Option<u64>,
    /// After how many seconds the new one expires, or `never`; as long as the old one lives when
    /// this is absent.
    #[arg(long, value_name = "SECS|never")]
    expires: Option<String>,
    /// How to print it.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

#[derive(Debug, Args)]
pub struct Revoke {
    /// The ids of the keys, `ak_…`.
    #[arg(required_unless_present = "owner")]
    ids: Vec<String>,
    /// All keys of this client or user instead.
    #[arg(long, value_name = "ID", conflicts_with = "ids")]
    owner: Option<String>,
    /// How to print them.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

#[derive(Debug, Args)]
pub struct Usage {
    /// The id of the key, `ak_…`.
    id: String,
    /// How many hours are listed at most, the newest first.
    #[arg(long, value_name = "N", default_value_t = 48, value_parser = clap::value_parser!(i64).range(1..=1000))]
    limit: i64,
    /// How to print them.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

impl KeyVerb {
    pub async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        match self {
            Self::Create(create) => create.run(shared).await,
            Self::List(list) => list.run(shared).await,
            Self::Show(one) => show(shared, one).await,
            Self::Update(update) => update.run(shared).await,
            Self::Rotate(rotate) => rotate.run(shared).await,
            Self::Revoke(revoke) => revoke.run(shared).await,
            Self::Enable(one) => set_enabled(shared, one, true).await,
            Self::Disable(one) => set_enabled(shared, one, false).await,
            Self::Usage(usage) => usage.run(shared).await,
        }
    }
}

impl Create {
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
        let made = api_key::create(&admin, new).await.map_err(CliError::admin)?;
        print_made(&made, &admin, self.output)
    }
}

impl Update {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let id = parse_id(&self.id)?;
        let mut update = self.terms.parse()?;
        update.name =
            self.name.as_deref().map(DisplayName::parse).transpose().map_err(CliError::usage)?;
        let admin = session::admin(shared, Missing::Refuse).await?;
        let key = api_key::update(&admin, &id, update).await.map_err(CliError::admin)?;
        match self.output {
            Format::Json => Ok(output::json(&ApiKeyJson::from(&key))?),
            Format::Table => Ok(output::note(&key_table(&key, admin.clock.now()))?),
        }
    }
}

impl List {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let environment = self.env.as_deref().map(str::parse::<Environment>).transpose();
        let filter = Filter {
            owner: self.owner.clone(),
            name: self.name.clone(),
            environment: environment.map_err(CliError::usage)?,
            enabled: self.enabled,
            ..Filter::default()
        };
        let (keys, now) = match session::admin(shared, Missing::Refuse).await {
            Ok(admin) => (all_keys(&admin, &filter).await?, admin.clock.now()),
            Err(CliError::EmptyDatabase) => (Vec::new(), Timestamp::from_secs(0)),
            Err(error) => return Err(error),
        };
        if self.output == Format::Json {
            return Ok(output::json(&keys.iter().map(KeptApiKeyJson::from).collect::<Vec<_>>())?);
        }
        if keys.is_empty() {
            return Ok(output::note(
                "There is no such API key; `mintery key create --name NAME --owner ID` makes one.",
            )?);
        }
        let mut table = output::table(&[
            "ID",
            "NAME",
            "OWNER",
            "ENV",
            "ENDS IN",
            "SCOPE",
            "STATUS",
            "EXPIRES",
            "LAST USED",
        ]);
        for (key, last_use) in &keys {
            table.add_row([
                key.id.to_string(),
                escape(key.name.as_str()),
                key.owner.as_str().to_owned(),
                key.environment.name().to_owned(),
                format!("…{}", key.hint),
                key.scopes.to_string(),
                status(key, now).to_owned(),
                key.expires_at.map_or_else(|| "never".to_owned(), date),
                last_use.map_or_else(|| "never".to_owned(), |last| date(last.at)),
            ]);
        }
        Ok(output::line(&table.to_string())?)
    }
}

async fn all_keys(admin: &Admin, filter: &Filter) -> Result<Vec<KeptApiKey>, CliError> {
    const PAGE: i64 = 1000;
    let mut keys: Vec<KeptApiKey> = Vec::new();
    loop {
        let after = keys.last().map_or("", |(key, _)| key.id.as_str());
        let page = api_key::page(admin, after, PAGE, filter).await.map_err(CliError::admin)?;
        if page.is_empty() {
            return Ok(keys);
        }
        keys.extend(page);
    }
}

async fn show(shared: &Shared, one: &One) -> Result<(), CliError> {
    let id = parse_id(&one.id)?;
    let admin = session::admin(shared, Missing::Refuse).await?;
    let kept = api_key::show(&admin, &id).await.map_err(CliError::admin)?;
    print_kept(&kept, &admin, one.output)
}

impl Rotate {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let id = parse_id(&self.id)?;
        let rotation = Rotation {
            overlap: self.overlap.map(Duration::from_secs),
            expires_in: unless(self.expires.as_deref(), "never", seconds)?,
        };
        let admin = session::admin(shared, Missing::Refuse).await?;
        let made = api_key::rotate(&admin, &id, rotation).await.map_err(CliError::admin)?;
        if self.output == Format::Table {
            let (old, _) = api_key::show(&admin, &id).await.map_err(CliError::admin)?;
            let until = old.expires_at.map_or_else(|| "later".to_owned(), date);
            output::note(&format!("API key {id} is good until {until}. It is replaced by:"))?;
        }
        print_made(&made, &admin, self.output)
    }
}

impl Revoke {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let selection = match &self.owner {
            Some(owner) => Selection::Owner(parse_owner(owner)?),
            None => {
                Selection::Ids(self.ids.iter().map(|id| parse_id(id)).collect::<Result<_, _>>()?)
            }
        };
        let admin = session::admin(shared, Missing::Refuse).await?;
        let revoked = match selection {
            // That there is no such key is worth telling of one that somebody named.
            Selection::Ids(ids) if ids.len() == 1 => {
                for id in &ids {
                    api_key::revoke(&admin, id).await.map_err(CliError::admin)?;
                }
                ids
            }
            several => api_key::revoke_all(&admin, several).await.map_err(CliError::admin)?,
        };
        let ids: Vec<&str> = revoked.iter().map(ApiKeyId::as_str).collect();
        match self.output {
            Format::Json => Ok(output::json(&serde_json::json!({ "revoked": ids }))?),
            Format::Table if ids.is_empty() => Ok(output::note("There is no such API key.")?),
            Format::Table => Ok(output::note(&format!("Revoked: {}", ids.join(", ")))?),
        }
    }
}

async fn set_enabled(shared: &Shared, one: &One, enabled: bool) -> Result<(), CliError> {
    let id = parse_id(&one.id)?;
    let admin = session::admin(shared, Missing::Refuse).await?;
    let key = api_key::set_enabled(&admin, &id, enabled).await.map_err(CliError::admin)?;
    match one.output {
        Format::Json => Ok(output::json(&ApiKeyJson::from(&key))?),
        Format::Table => {
            Ok(output::note(&format!("API key {id} is {}.", status(&key, admin.clock.now())))?)
        }
    }
}

impl Usage {
    async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let id = parse_id(&self.id)?;
        let admin = session::admin(shared, Missing::Refuse).await?;
        let hours = api_key::usage(&admin, &id, Hour::new(i64::MAX), self.limit).await;
        let hours = hours.map_err(CliError::admin)?;
        if self.output == Format::Json {
            return Ok(output::json(&hours.iter().map(KeyUsageJson::from).collect::<Vec<_>>())?);
        }
        if hours.is_empty() {
            return Ok(output::note(&format!("API key {id} was not used."))?);
        }
        let mut table = output::table(&["HOUR", "USED", "REFUSED"]);
        for HourOfKeyUse { hour, outcomes } in &hours {
            let (used, refused): (Vec<_>, Vec<_>) =
                outcomes.iter().partition(|(name, _)| name == KeyOutcome::Used.name());
            let used: i64 = used.into_iter().map(|(_, times)| times).sum();
            let refused = refused.iter().map(|(name, times)| format!("{name} {times}"));
            table.add_row([
                date(hour.begins()),
                used.to_string(),
                refused.collect::<Vec<_>>().join(", "),
            ]);
        }
        Ok(output::line(&table.to_string())?)
    }
}

/// Shows a key that was made: the key alone on standard output.
fn print_made(made: &CreatedApiKey, admin: &Admin, format: Format) -> Result<(), CliError> {
    if format == Format::Json {
        return Ok(output::json(&CreatedApiKeyJson::from(made))?);
    }
    output::note(&key_table(&made.key, admin.clock.now()))?;
    output::note("The key, which is not shown again:")?;
    Ok(output::line(made.plain.expose())?)
}

fn print_kept(kept: &KeptApiKey, admin: &Admin, format: Format) -> Result<(), CliError> {
    if format == Format::Json {
        return Ok(output::json(&KeptApiKeyJson::from(kept))?);
    }
    let (key, last_use) = kept;
    output::line(&key_table(key, admin.clock.now()))?;
    let used = last_use.map_or_else(
        || "It was not used yet.".to_owned(),
        |last| {
            let from = last.from.map(|address| format!(" from {address}")).unwrap_or_default();
            format!("It was last used {}{from}.", date(last.at))
        },
    );
    Ok(output::line(&used)?)
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
    table.add_row(["expires", &key.expires_at.map_or_else(|| "never".to_owned(), date)]);
    table.to_string()
}

/// What a flag says that may be given several times; nothing when it is not given.
fn ranges(given: &[String]) -> Result<Option<AddressRanges>, CliError> {
    if given.is_empty() {
        return Ok(None);
    }
    let given: Vec<String> = given.iter().filter(|range| !range.is_empty()).cloned().collect();
    parse_ranges(&given).map(Some).map_err(CliError::admin)
}

fn limit(text: &str) -> Result<u32, &'static str> {
    text.parse().map_err(|_| "a limit is a number of requests in a minute")
}

fn parse_id(id: &str) -> Result<ApiKeyId, CliError> {
    ApiKeyId::parse(id).map_err(CliError::usage)
}

fn parse_owner(id: &str) -> Result<KeyOwner, CliError> {
    KeyOwner::parse(id).map_err(CliError::usage)
}
