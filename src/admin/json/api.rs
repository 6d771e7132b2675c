//! APIs.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::input::invalid;
use crate::admin::AdminError;
use crate::admin::api::{ApiTerms, ApiUpdate};
use crate::model::api::{Api, ApiScopes};
use crate::model::name::DisplayName;
use crate::model::patch::Patch;
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;
use crate::model::signing_key::SigningAlgorithm;

/// An API.
#[derive(Debug, Serialize)]
pub struct ApiJson<'a> {
    resource: &'a str,
    name: &'a str,
    scope: &'a ScopeSet,
    /// The scopes with their descriptions.
    scopes: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token_signed_response_alg: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token_ttl: Option<u64>,
    created_at: i64,
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

/// A new API, or a change of one: then an absent member stays as it is, and `null` removes it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiInput {
    resource: Option<String>,
    name: Option<String>,
    /// The scopes without descriptions.
    #[serde(default, deserialize_with = "crate::admin::json::input::null_empties")]
    scope: Option<String>,
    /// The scopes with their descriptions.
    #[serde(default, deserialize_with = "crate::admin::json::input::null_empties")]
    scopes: Option<BTreeMap<String, String>>,
    #[serde(default)]
    access_token_signed_response_alg: Patch<String>,
    #[serde(default)]
    access_token_ttl: Patch<u64>,
    #[serde(default)]
    revoke_tokens: bool,
}

impl ApiInput {
    /// Parses a new API.
    ///
    /// # Errors
    /// If a member is invalid, or `resource` or `name` is missing.
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

    /// Parses a change of an API. It cannot change the identifier.
    ///
    /// # Errors
    /// If a member is invalid.
    pub fn into_update(self) -> Result<ApiUpdate, AdminError> {
        if self.resource.is_some() {
            return Err(AdminError::Invalid(
                "the identifier of an API cannot be changed".to_owned(),
            ));
        }
        self.parse()
    }

    fn parse(self) -> Result<ApiUpdate, AdminError> {
        let scopes = match (self.scope, self.scopes) {
            (Some(_), Some(_)) => {
                return Err(AdminError::Invalid("use either scope or scopes".to_owned()));
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
            revoke_tokens: self.revoke_tokens,
            name: self.name.map(|name| DisplayName::parse(&name).map_err(invalid)).transpose()?,
            scopes,
            token_alg: self.access_token_signed_response_alg.try_map(parse_alg)?,
            token_ttl: self
                .access_token_ttl
                .try_map(|ttl| Ok::<_, AdminError>(Duration::from_secs(ttl)))?,
        })
    }
}
