//! How things are shown to programs, and how programs describe what they want: the same members at
//! the command line and in the API. Clients have the names of RFC 7591 §2 where that has one. Dates
//! are seconds since the epoch.

pub mod api_key;
pub mod client_terms;
pub mod object;
pub mod user;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use client_terms::{ClientTermsJson, client_input};

use super::AdminError;
use super::api::{ApiTerms, ApiUpdate};
use super::client::{CreatedClient, KeptSecret, MadeSecret, NewClient, NewSecret};
use super::secret_use::{AddressUse, Reason, SecretUse};
use crate::clock::Timestamp;
use crate::model::api::{Api, ApiScopes};
use crate::model::client::{Client, ClientId, ClientSecret, ClientTerms, ClientUpdate};
use crate::model::event::RecordedEvent;
use crate::model::key_schedule::ScheduledKey;
use crate::model::name::DisplayName;
use crate::model::patch::Patch;
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;
use crate::model::signing_key::SigningAlgorithm;
use crate::model::usage::{HourOfUse, Outcome};
use crate::secret::Secret;
use crate::secret::chosen::ChosenSecret;

/// A client.
#[derive(Debug, Serialize)]
pub struct ClientJson<'a> {
    client_id: &'a str,
    #[serde(flatten)]
    terms: ClientTermsJson<'a>,
    token_endpoint_auth_method: &'static str,
    client_id_issued_at: i64,
    enabled: bool,
}

/// A client that was made, with its secret.
#[derive(Debug, Serialize)]
pub struct CreatedJson<'a> {
    #[serde(flatten)]
    client: ClientJson<'a>,
    client_secret: &'a str,
    /// 0 when it does not expire (RFC 7591 §3.2.1).
    client_secret_expires_at: i64,
}

/// A client with what is kept of its secrets.
#[derive(Debug, Serialize)]
pub struct ShownJson<'a> {
    #[serde(flatten)]
    client: ClientJson<'a>,
    secrets: Vec<SecretJson<'a>>,
}

/// What is kept of a secret.
#[derive(Debug, Serialize)]
pub struct SecretJson<'a> {
    id: &'a str,
    /// Its end; nothing of one that somebody chose.
    hint: Option<&'a str>,
    label: Option<&'a str>,
    created_at: i64,
    expires_at: Option<i64>,
    /// Null when no use is known.
    last_used_at: Option<i64>,
    /// From where.
    last_used_address: Option<IpAddr>,
}

/// Who uses a secret, and whether it may be revoked.
#[derive(Debug, Serialize)]
pub struct SecretUseJson<'a> {
    client_id: &'a str,
    #[serde(flatten)]
    secret: SecretJson<'a>,
    /// Since when its uses are counted. Without a use it was never used when this is when it was
    /// made.
    uses_counted_since: i64,
    safe_to_revoke: bool,
    reasons: Vec<ReasonJson>,
    /// How many seconds it must not have been used.
    unused_for: u64,
    /// The longest life of the client's tokens, in seconds.
    longest_token_ttl: u64,
    /// When it could be safe at the earliest, where it must be waited for.
    not_before: Option<i64>,
    /// Null when no other was used after it.
    only_others_since: Option<i64>,
    addresses: Vec<AddressUseJson>,
    /// Those that are good, the one that was used last first.
    other_secrets: Vec<SecretJson<'a>>,
}

/// Why a secret may be revoked, or may not.
#[derive(Debug, Serialize)]
struct ReasonJson {
    code: &'static str,
    message: String,
}

/// The last use of a secret from an address.
#[derive(Debug, Serialize)]
struct AddressUseJson {
    /// Null when the server was not told one.
    address: Option<IpAddr>,
    last_used_at: i64,
    /// When another secret was last used from there.
    other_last_used_at: Option<i64>,
    /// Whether the secret was used there when there was another already, and no other after it.
    to_be_changed: bool,
}

/// A secret that was made.
#[derive(Debug, Serialize)]
pub struct MadeSecretJson<'a> {
    client_id: &'a str,
    client_secret: &'a str,
    #[serde(flatten)]
    secret: SecretJson<'a>,
}

/// An API.
#[derive(Debug, Serialize)]
pub struct ApiJson<'a> {
    resource: &'a str,
    name: &'a str,
    scope: &'a ScopeSet,
    /// What each scope allows.
    scopes: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token_signed_response_alg: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token_ttl: Option<u64>,
    created_at: i64,
}

/// A signing key, and what it is doing.
#[derive(Debug, Serialize)]
pub struct SigningKeyJson<'a> {
    kid: &'a str,
    alg: &'static str,
    state: &'static str,
    signs_from: i64,
    /// Absent while no key follows.
    signs_until: Option<i64>,
    published_until: Option<i64>,
}

/// An event.
#[derive(Debug, Serialize)]
pub struct EventJson<'a> {
    number: i64,
    at: i64,
    actor: &'a str,
    kind: &'a str,
    subject: &'a str,
    details: Value,
}

/// What was counted for a client in an hour.
#[derive(Debug, Serialize)]
pub struct UsageJson<'a> {
    client_id: &'a str,
    /// When the hour began.
    hour: i64,
    tokens: i64,
    /// By reason.
    refusals: BTreeMap<&'a str, i64>,
}

impl<'a> From<&'a Client> for ClientJson<'a> {
    /// Shows effective default scopes, also where the client has none of its own.
    fn from(client: &'a Client) -> Self {
        let mut json = Self::as_set(client);
        json.terms.default_scope = Some(client.terms.effective_default_scopes());
        json
    }
}

impl<'a> ClientJson<'a> {
    /// Shows only what was set, so that an import leaves the rest unset.
    #[must_use]
    pub fn as_set(client: &'a Client) -> Self {
        let Client { id, terms, auth_method, cut_off: _, created_at, disabled_at: _ } = client;
        Self {
            client_id: id.as_str(),
            terms: ClientTermsJson::from(terms),
            token_endpoint_auth_method: auth_method.name(),
            client_id_issued_at: created_at.as_secs(),
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

impl<'a> ShownJson<'a> {
    /// A client with its secrets.
    #[must_use]
    pub fn new(client: &'a Client, secrets: &'a [KeptSecret]) -> Self {
        Self {
            client: ClientJson::from(client),
            secrets: secrets.iter().map(SecretJson::from).collect(),
        }
    }
}

impl<'a> From<&'a ClientSecret> for SecretJson<'a> {
    fn from(secret: &'a ClientSecret) -> Self {
        Self {
            id: secret.id.as_str(),
            hint: secret.ending(),
            label: secret.label.as_deref(),
            created_at: secret.created_at.as_secs(),
            expires_at: secret.expires_at.map(Timestamp::as_secs),
            last_used_at: None,
            last_used_address: None,
        }
    }
}

impl<'a> From<&'a KeptSecret> for SecretJson<'a> {
    fn from(kept: &'a KeptSecret) -> Self {
        Self {
            last_used_at: kept.last_use.map(|last| last.at.as_secs()),
            last_used_address: kept.last_use.and_then(|last| last.from),
            ..Self::from(&kept.secret)
        }
    }
}

impl<'a> From<&'a SecretUse> for SecretUseJson<'a> {
    fn from(answer: &'a SecretUse) -> Self {
        let reason = |reason: &Reason| ReasonJson {
            code: reason.code(),
            message: reason.message(answer.as_of),
        };
        let address = |used: &AddressUse| AddressUseJson {
            address: used.from,
            last_used_at: used.at.as_secs(),
            other_last_used_at: used.other_at.map(Timestamp::as_secs),
            to_be_changed: used.is_behind,
        };
        Self {
            client_id: answer.client.as_str(),
            secret: SecretJson::from(&answer.secret),
            uses_counted_since: answer.secret.counted_since.as_secs(),
            safe_to_revoke: answer.is_safe,
            reasons: answer.reasons.iter().map(reason).collect(),
            unused_for: answer.unused_for.as_secs(),
            longest_token_ttl: answer.longest_ttl.as_secs(),
            not_before: answer.not_before().map(Timestamp::as_secs),
            only_others_since: answer.only_others().map(|(since, ..)| since.as_secs()),
            addresses: answer.addresses.iter().map(address).collect(),
            other_secrets: answer.others.iter().map(SecretJson::from).collect(),
        }
    }
}

impl<'a> MadeSecretJson<'a> {
    /// A secret that was made for a client.
    #[must_use]
    pub fn new(client: &'a ClientId, made: &'a MadeSecret) -> Self {
        Self {
            client_id: client.as_str(),
            client_secret: made.plain.expose(),
            secret: SecretJson::from(&made.secret),
        }
    }
}

impl<'a> SigningKeyJson<'a> {
    /// What a key is doing at `now`.
    #[must_use]
    pub fn at(key: &'a ScheduledKey, now: Timestamp) -> Self {
        Self {
            kid: &key.kid,
            alg: key.algorithm.name(),
            state: key.term.state(now).name(),
            signs_from: key.term.signs_from.as_secs(),
            signs_until: key.term.signs_until.map(Timestamp::as_secs),
            published_until: key.term.published_until().map(Timestamp::as_secs),
        }
    }
}

impl<'a> From<&'a RecordedEvent> for EventJson<'a> {
    fn from(event: &'a RecordedEvent) -> Self {
        Self {
            number: event.number.get(),
            at: event.at.as_secs(),
            actor: &event.actor,
            kind: event.kind.name(),
            subject: &event.subject,
            details: serde_json::from_str(&event.details).unwrap_or_default(),
        }
    }
}

impl<'a> From<&'a HourOfUse> for UsageJson<'a> {
    fn from(counted: &'a HourOfUse) -> Self {
        let is_token = |name: &str| name == Outcome::Token.name();
        let outcomes = || counted.outcomes.iter().map(|(name, times)| (name.as_str(), *times));
        Self {
            client_id: &counted.client,
            hour: counted.hour.begins().as_secs(),
            tokens: outcomes().filter(|(name, _)| is_token(name)).map(|(_, times)| times).sum(),
            refusals: outcomes().filter(|(name, _)| !is_token(name)).collect(),
        }
    }
}

impl<'a> From<&'a Api> for ApiJson<'a> {
    fn from(api: &'a Api) -> Self {
        Self {
            resource: api.resource.as_str(),
            name: api.name.as_str(),
            scope: api.scopes.set(),
            scopes: api.scopes.descriptions(),
            access_token_signed_response_alg: api.token_alg.map(SigningAlgorithm::name),
            access_token_ttl: api.token_ttl.map(|ttl| ttl.as_secs()),
            created_at: api.created_at.as_secs(),
        }
    }
}

client_input! {
    /// A new client, or a change of one: then an absent member stays as it is, and `null` removes
    /// it.
    #[derive(Debug)]
    pub struct ClientInput {
        /// A chosen secret, instead of a generated one.
        client_secret: Option<Secret>,
        /// Seconds until the first secret expires.
        secret_expires_in: Option<u64>,
    }
}

/// A secret as somebody wants it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretInput {
    /// What people call it.
    label: Option<String>,
    /// After how many seconds it expires.
    expires_in: Option<u64>,
    /// The secret, when somebody chose one.
    client_secret: Option<Secret>,
}

impl SecretInput {
    /// A new secret.
    ///
    /// # Errors
    /// When the one that is given is not acceptable.
    pub fn into_new(self) -> Result<NewSecret, AdminError> {
        Ok(NewSecret {
            label: self.label,
            expires_in: self.expires_in.map(Duration::from_secs),
            chosen: self.client_secret.map(ChosenSecret::parse).transpose().map_err(invalid)?,
        })
    }
}

/// An API as somebody wants it, or a change of one: then what is absent stays, and `null` takes
/// away.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiInput {
    resource: Option<String>,
    name: Option<String>,
    /// The scopes without what they allow.
    scope: Option<String>,
    /// The scopes with what each allows.
    scopes: Option<BTreeMap<String, String>>,
    #[serde(default)]
    access_token_signed_response_alg: Patch<String>,
    #[serde(default)]
    access_token_ttl: Patch<u64>,
}

impl ClientInput {
    /// Parses a new client.
    ///
    /// # Errors
    /// If a member is invalid, or the name is missing.
    pub fn into_new(mut self) -> Result<NewClient, AdminError> {
        let id = self.client_id.as_deref().map(ClientId::parse).transpose().map_err(invalid)?;
        let secret_expires_in = self.secret_expires_in.map(Duration::from_secs);
        let secret =
            self.client_secret.take().map(ChosenSecret::parse).transpose().map_err(invalid)?;
        let mut update = self.terms()?;
        let name = update.name.take();
        let name = name.ok_or_else(|| AdminError::Invalid("client_name is missing".to_owned()))?;
        let terms = update.apply(ClientTerms::new(name));
        Ok(NewClient { id, terms, secret, secret_expires_in })
    }

    /// Parses a change of a client. It cannot change the id or the secrets.
    ///
    /// # Errors
    /// If a member is invalid.
    pub fn into_update(mut self) -> Result<ClientUpdate, AdminError> {
        if self.client_id.is_some()
            || self.client_secret.is_some()
            || self.secret_expires_in.is_some()
        {
            let reason = "neither the id nor the secrets of a client are changed in this way";
            return Err(AdminError::Invalid(reason.to_owned()));
        }
        self.terms()
    }
}

impl ApiInput {
    /// A new API.
    ///
    /// # Errors
    /// When a member is not valid, or `resource` or `name` is missing.
    pub fn into_new(self) -> Result<(ResourceUri, ApiTerms), AdminError> {
        let missing = |name: &str| AdminError::Invalid(format!("{name} is missing"));
        let resource = self.resource.as_deref().ok_or_else(|| missing("resource"))?;
        let resource = ResourceUri::parse(resource).map_err(invalid)?;
        let update = self.parse()?;
        let terms = ApiTerms {
            name: update.name.ok_or_else(|| missing("name"))?,
            scopes: update.scopes.unwrap_or_default(),
            token_alg: update.token_alg.apply(None),
            token_ttl: update.token_ttl.apply(None),
        };
        Ok((resource, terms))
    }

    /// A change of an API, whose identifier stays.
    ///
    /// # Errors
    /// When a member is not valid.
    pub fn into_update(self) -> Result<ApiUpdate, AdminError> {
        if self.resource.is_some() {
            return Err(AdminError::Invalid("the identifier of an API does not change".to_owned()));
        }
        self.parse()
    }

    fn parse(self) -> Result<ApiUpdate, AdminError> {
        let scopes = match (self.scope, self.scopes) {
            (Some(_), Some(_)) => {
                return Err(AdminError::Invalid("give either scope or scopes".to_owned()));
            }
            (Some(list), None) => {
                let list = ScopeSet::parse(&list).map_err(invalid)?;
                Some(ApiScopes::plain(&list).map_err(invalid)?)
            }
            (None, Some(described)) => Some(ApiScopes::new(described).map_err(invalid)?),
            (None, None) => None,
        };
        let parse_alg = |name: String| name.parse::<SigningAlgorithm>().map_err(invalid);
        Ok(ApiUpdate {
            seen: None,
            name: self.name.map(|name| DisplayName::parse(&name).map_err(invalid)).transpose()?,
            scopes,
            token_alg: self.access_token_signed_response_alg.try_map(parse_alg)?,
            token_ttl: self
                .access_token_ttl
                .try_map(|ttl| Ok::<_, AdminError>(Duration::from_secs(ttl)))?,
        })
    }
}

/// Identifiers of APIs; nothing where there is no such member.
pub(super) fn resources(
    texts: Option<Vec<String>>,
) -> Result<Option<Vec<ResourceUri>>, AdminError> {
    let Some(texts) = texts else { return Ok(None) };
    let parsed = texts.iter().map(|text| ResourceUri::parse(text).map_err(invalid));
    parsed.collect::<Result<_, _>>().map(Some)
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` calls")]
pub(super) fn invalid(error: impl ToString) -> AdminError {
    AdminError::Invalid(error.to_string())
}
