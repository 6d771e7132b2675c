//! API keys, as programs see them and describe what they want: the same members at the command line
//! and in the API. Dates are seconds since the epoch.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::admin::AdminError;
use crate::admin::api_key::{
    ApiKeyUpdate, CreatedApiKey, KeptApiKey, NewApiKey, Rotation, Selection,
};
use crate::admin::json::input::invalid;
use crate::clock::Timestamp;
use crate::model::address::AddressRanges;
use crate::model::api_key::{ApiKey, ApiKeyId, KeyOwner};
use crate::model::name::DisplayName;
use crate::model::patch::Patch;
use crate::model::scope::ScopeSet;
use crate::model::usage::{HourOfKeyUse, KeyOutcome};

/// An API key, without the key.
#[derive(Debug, Serialize)]
pub struct ApiKeyJson<'a> {
    id: &'a str,
    name: &'a str,
    /// The id of the client or the user whose it is.
    owner: &'a str,
    environment: &'static str,
    /// Its last digits before the checksum.
    hint: &'a str,
    scope: &'a ScopeSet,
    /// In CIDR notation; empty for everywhere.
    allowed_addresses: Vec<String>,
    max_requests_per_minute: Option<u32>,
    created_at: i64,
    /// Null when it does not expire.
    expires_at: Option<i64>,
    enabled: bool,
    /// The id of the key that was made to take its place.
    replaced_by: Option<&'a str>,
    /// Since when it is known to be public; null when it is not.
    leaked_at: Option<i64>,
}

/// An API key that was made, with the key.
#[derive(Debug, Serialize)]
pub struct CreatedApiKeyJson<'a> {
    #[serde(flatten)]
    shown: ApiKeyJson<'a>,
    key: &'a str,
}

/// An API key with its last use.
#[derive(Debug, Serialize)]
pub struct KeptApiKeyJson<'a> {
    #[serde(flatten)]
    key: ApiKeyJson<'a>,
    /// Null when no use is known.
    last_used_at: Option<i64>,
    /// From where.
    last_used_address: Option<IpAddr>,
}

/// What was counted for a key in an hour.
#[derive(Debug, Serialize)]
pub struct KeyUsageJson<'a> {
    /// When the hour began.
    hour: i64,
    /// How many requests it was good for.
    used: i64,
    /// By reason.
    refusals: BTreeMap<&'a str, i64>,
}

impl<'a> From<&'a ApiKey> for ApiKeyJson<'a> {
    fn from(key: &'a ApiKey) -> Self {
        Self {
            id: key.id.as_str(),
            name: key.name.as_str(),
            owner: key.owner.as_str(),
            environment: key.environment.name(),
            hint: &key.hint,
            scope: &key.scopes,
            allowed_addresses: key.allowed.iter().map(ToString::to_string).collect(),
            max_requests_per_minute: key.max_per_minute,
            created_at: key.created_at.as_secs(),
            expires_at: key.expires_at.map(Timestamp::as_secs),
            enabled: key.is_enabled(),
            replaced_by: key.successor.as_ref().map(ApiKeyId::as_str),
            leaked_at: key.leaked_at.map(Timestamp::as_secs),
        }
    }
}

impl<'a> From<&'a CreatedApiKey> for CreatedApiKeyJson<'a> {
    fn from(created: &'a CreatedApiKey) -> Self {
        Self { shown: ApiKeyJson::from(&created.key), key: created.plain.expose() }
    }
}

impl<'a> From<&'a KeptApiKey> for KeptApiKeyJson<'a> {
    fn from((key, last_use): &'a KeptApiKey) -> Self {
        Self {
            key: ApiKeyJson::from(key),
            last_used_at: last_use.map(|last| last.at.as_secs()),
            last_used_address: last_use.and_then(|last| last.from),
        }
    }
}

impl<'a> From<&'a HourOfKeyUse> for KeyUsageJson<'a> {
    fn from(counted: &'a HourOfKeyUse) -> Self {
        let is_use = |name: &str| name == KeyOutcome::Used.name();
        let outcomes = || counted.outcomes.iter().map(|(name, times)| (name.as_str(), *times));
        Self {
            hour: counted.hour.begins().as_secs(),
            used: outcomes().filter(|(name, _)| is_use(name)).map(|(_, times)| times).sum(),
            refusals: outcomes().filter(|(name, _)| !is_use(name)).collect(),
        }
    }
}

/// An API key as somebody wants it, or a change of one: then what is absent stays, and `null` takes
/// away.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyInput {
    name: Option<String>,
    /// The id of a client or a user; whoever asks when absent.
    owner: Option<String>,
    scope: Option<String>,
    environment: Option<String>,
    /// Null for everywhere.
    #[serde(default)]
    allowed_addresses: Patch<Vec<String>>,
    #[serde(default)]
    max_requests_per_minute: Patch<u32>,
    /// After how many seconds it expires; null for never.
    #[serde(default)]
    expires_in: Patch<u64>,
}

impl ApiKeyInput {
    /// A new key, whose owner is `caller` unless somebody else is named.
    ///
    /// # Errors
    /// When a member is not valid, or `name` is missing, or nobody is the owner.
    pub fn into_new(self, caller: Option<KeyOwner>) -> Result<NewApiKey, AdminError> {
        let missing = |name: &str| AdminError::Invalid(format!("{name} is missing"));
        let owner = self.owner.as_deref().map(parse_owner).transpose()?.or(caller);
        let environment =
            self.environment.as_deref().map(str::parse).transpose().map_err(invalid)?;
        let update = self.parse()?;
        Ok(NewApiKey {
            owner: owner.ok_or_else(|| missing("owner"))?,
            name: update.name.ok_or_else(|| missing("name"))?,
            environment: environment.unwrap_or_default(),
            scopes: update.scopes,
            allowed: update.allowed.unwrap_or_default(),
            max_per_minute: update.max_per_minute.apply(None),
            expires_in: update.expires_in,
        })
    }

    /// A change of a key, whose owner and environment stay.
    ///
    /// # Errors
    /// When a member is not valid.
    pub fn into_update(self) -> Result<ApiKeyUpdate, AdminError> {
        if self.owner.is_some() || self.environment.is_some() {
            let reason = "neither the owner nor the environment of an API key changes";
            return Err(AdminError::Invalid(reason.to_owned()));
        }
        self.parse()
    }

    fn parse(self) -> Result<ApiKeyUpdate, AdminError> {
        let allowed = match self.allowed_addresses {
            Patch::Keep => None,
            Patch::Clear => Some(AddressRanges::default()),
            Patch::Set(ranges) => Some(parse_ranges(&ranges).map_err(|_| not_ranges())?),
        };
        Ok(ApiKeyUpdate {
            seen: None,
            name: self.name.map(|name| DisplayName::parse(&name).map_err(invalid)).transpose()?,
            scopes: self.scope.map(|scope| ScopeSet::parse(&scope).map_err(invalid)).transpose()?,
            allowed,
            max_per_minute: self.max_requests_per_minute,
            expires_in: self
                .expires_in
                .try_map(|secs| Ok::<_, AdminError>(Duration::from_secs(secs)))?,
        })
    }
}

/// How somebody wants a key to be replaced.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotationInput {
    /// For how many seconds the old one stays good.
    overlap: Option<u64>,
    /// After how many seconds the new one expires; null for never.
    #[serde(default)]
    expires_in: Patch<u64>,
}

impl RotationInput {
    /// What is wanted.
    #[must_use]
    pub fn into_rotation(self) -> Rotation {
        let expires_in = match self.expires_in {
            Patch::Keep => Patch::Keep,
            Patch::Clear => Patch::Clear,
            Patch::Set(secs) => Patch::Set(Duration::from_secs(secs)),
        };
        Rotation { overlap: self.overlap.map(Duration::from_secs), expires_in }
    }
}

/// Which keys somebody wants to revoke: all of an owner, or these.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelectionInput {
    owner: Option<String>,
    ids: Option<Vec<String>>,
}

impl SelectionInput {
    /// What is wanted.
    ///
    /// # Errors
    /// When it names neither or both, or what is no id.
    pub fn into_selection(self) -> Result<Selection, AdminError> {
        match (self.owner, self.ids) {
            (Some(owner), None) => parse_owner(&owner).map(Selection::Owner),
            (None, Some(ids)) => {
                let ids = ids.iter().map(|id| ApiKeyId::parse(id).map_err(invalid));
                ids.collect::<Result<_, _>>().map(Selection::Ids)
            }
            _ => Err(AdminError::Invalid("use either owner or ids".to_owned())),
        }
    }
}

/// What was sent is not repeated: it may be a key in the wrong place.
fn not_ranges() -> AdminError {
    let reason = "allowed_addresses are addresses, or ranges such as 192.0.2.0/24 without bits beyond the prefix; null is everywhere";
    AdminError::Invalid(reason.to_owned())
}

fn parse_owner(id: &str) -> Result<KeyOwner, AdminError> {
    KeyOwner::parse(id).map_err(invalid)
}

/// Ranges, one in each text.
///
/// # Errors
/// When one is not valid.
pub fn parse_ranges(ranges: &[String]) -> Result<AddressRanges, AdminError> {
    if ranges.iter().any(|range| range.trim().is_empty()) {
        return Err(AdminError::Invalid("an address range is missing".to_owned()));
    }
    AddressRanges::parse(&ranges.join(",")).map_err(invalid)
}
