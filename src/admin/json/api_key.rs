//! JSON of API keys, for the command line and the API. Dates are seconds since the epoch.

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

/// An API key, without its text.
#[derive(Debug, Serialize)]
pub struct ApiKeyJson<'a> {
    id: &'a str,
    name: &'a str,
    /// The id of the owner, a client or a user.
    owner: &'a str,
    environment: &'static str,
    /// The last characters before the checksum.
    hint: &'a str,
    scope: &'a ScopeSet,
    /// In CIDR notation; empty for any address.
    allowed_addresses: Vec<String>,
    max_requests_per_minute: Option<u32>,
    created_at: i64,
    /// Null if the key does not expire.
    expires_at: Option<i64>,
    enabled: bool,
    /// The id of its successor.
    replaced_by: Option<&'a str>,
    /// The time when it was found in public; null if it was not.
    leaked_at: Option<i64>,
}

/// A new API key, with its text.
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
    /// Null if no use is known.
    last_used_at: Option<i64>,
    /// The address of the last use.
    last_used_address: Option<IpAddr>,
}

/// The usage of a key in an hour.
#[derive(Debug, Serialize)]
pub struct KeyUsageJson<'a> {
    /// The start of the hour.
    hour: i64,
    /// The number of accepted requests.
    used: i64,
    /// The number of refused requests, by reason.
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

/// A new API key, or a change of one: then an absent member stays as it is, and `null` removes it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyInput {
    name: Option<String>,
    /// The id of the owner, a client or a user; the caller if absent.
    owner: Option<String>,
    /// Null for that of a new key, or for none of a changed one.
    #[serde(default)]
    scope: Patch<String>,
    environment: Option<String>,
    /// Null for any address.
    #[serde(default)]
    allowed_addresses: Patch<Vec<String>>,
    #[serde(default)]
    max_requests_per_minute: Patch<u32>,
    /// Seconds until the key expires; null for never.
    #[serde(default)]
    expires_in: Patch<u64>,
}

impl ApiKeyInput {
    /// Parses a new key. Its owner is `caller` unless the JSON names another one.
    ///
    /// # Errors
    /// If a member is invalid, `name` is missing, or there is no owner.
    pub fn into_new(self, caller: Option<KeyOwner>) -> Result<NewApiKey, AdminError> {
        let missing = |name: &str| AdminError::Invalid(format!("{name} is missing"));
        let owner = self.owner.as_deref().map(parse_owner).transpose()?.or(caller);
        let environment =
            self.environment.as_deref().map(str::parse).transpose().map_err(invalid)?;
        let is_default = self.scope == Patch::Clear;
        let update = self.parse()?;
        Ok(NewApiKey {
            owner: owner.ok_or_else(|| missing("owner"))?,
            name: update.name.ok_or_else(|| missing("name"))?,
            environment: environment.unwrap_or_default(),
            scopes: update.scopes.filter(|_| !is_default),
            allowed: update.allowed.unwrap_or_default(),
            max_per_minute: update.max_per_minute.apply(None),
            expires_in: update.expires_in,
        })
    }

    /// Parses a change of a key. It cannot change the owner or the environment.
    ///
    /// # Errors
    /// If a member is invalid.
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
            scopes: match self.scope {
                Patch::Keep => None,
                Patch::Clear => Some(ScopeSet::default()),
                Patch::Set(scope) => Some(ScopeSet::parse(&scope).map_err(invalid)?),
            },
            allowed,
            max_per_minute: self.max_requests_per_minute,
            expires_in: self
                .expires_in
                .try_map(|secs| Ok::<_, AdminError>(Duration::from_secs(secs)))?,
        })
    }
}

/// The rotation of a key.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotationInput {
    /// Seconds that the old key stays valid.
    overlap: Option<u64>,
    /// Seconds until the new key expires; null for never.
    #[serde(default)]
    expires_in: Patch<u64>,
}

impl RotationInput {
    /// The rotation.
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

/// The keys to revoke: all of an owner, or a list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelectionInput {
    owner: Option<String>,
    ids: Option<Vec<String>>,
}

impl SelectionInput {
    /// The selected keys.
    ///
    /// # Errors
    /// If the JSON has neither or both, or an invalid id.
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

/// The error repeats no input: it may be a key in the wrong place.
fn not_ranges() -> AdminError {
    let reason = "allowed_addresses are addresses, or ranges such as 192.0.2.0/24 without bits beyond the prefix; null is everywhere";
    AdminError::Invalid(reason.to_owned())
}

fn parse_owner(id: &str) -> Result<KeyOwner, AdminError> {
    KeyOwner::parse(id).map_err(invalid)
}

/// Parses address ranges.
///
/// # Errors
/// If one is invalid.
pub fn parse_ranges(ranges: &[String]) -> Result<AddressRanges, AdminError> {
    if ranges.iter().any(|range| range.trim().is_empty()) {
        return Err(AdminError::Invalid("an address range is missing".to_owned()));
    }
    AddressRanges::parse(&ranges.join(",")).map_err(invalid)
}
