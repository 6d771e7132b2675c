//! Members of a client's terms: as JSON shows them, and as inputs name them. Both sides list all
//! fields of [`ClientTerms`], so that a new one is missed by the compiler. Names are those of RFC
//! 7591 §2 where it has one.

use std::time::Duration;

use serde::Serialize;

use crate::model::client::ClientTerms;
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;
use crate::model::signing_key::SigningAlgorithm;

/// The terms of a client.
#[derive(Debug, Serialize)]
pub struct ClientTermsJson<'a> {
    client_name: &'a str,
    scope: &'a ScopeSet,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) default_scope: Option<ScopeSet>,
    resources: Vec<&'a str>,
    stands_for: Vec<&'a str>,
    grant_types: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token_signed_response_alg: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    introspection_signed_response_alg: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token_ttl: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens_per_hour: Option<u64>,
}

impl<'a> From<&'a ClientTerms> for ClientTermsJson<'a> {
    fn from(terms: &'a ClientTerms) -> Self {
        let ClientTerms {
            name,
            scopes,
            grants,
            resources,
            stands_for,
            default_scopes,
            token_alg,
            introspection_alg,
            token_ttl,
            max_tokens_per_hour,
        } = terms;
        Self {
            client_name: name.as_str(),
            scope: scopes,
            default_scope: default_scopes.clone(),
            resources: resources.iter().map(ResourceUri::as_str).collect(),
            stands_for: stands_for.iter().map(ResourceUri::as_str).collect(),
            grant_types: grants.iter().map(|grant| grant.name()).collect(),
            access_token_signed_response_alg: token_alg.map(SigningAlgorithm::name),
            introspection_signed_response_alg: introspection_alg.map(SigningAlgorithm::name),
            access_token_ttl: token_ttl.as_ref().map(Duration::as_secs),
            max_tokens_per_hour: *max_tokens_per_hour,
        }
    }
}

/// Defines an input with the members of a client's terms (`client_name` too), and more of its own;
/// `terms()` takes the former and parses them. An absent member stays as it is; `null` removes an
/// optional one.
macro_rules! client_input {
    ($(#[$meta:meta])* $visibility:vis struct $struct:ident {
        $($(#[$own_meta:meta])* $own:ident: $type:ty,)*
    }) => {
        $(#[$meta])*
        #[derive(Default, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        $visibility struct $struct {
            client_id: Option<String>,
            client_name: Option<String>,
            #[serde(default, deserialize_with = "crate::admin::json::input::null_empties")]
            scope: Option<String>,
            #[serde(default)]
            default_scope: $crate::model::patch::Patch<String>,
            #[serde(default, deserialize_with = "crate::admin::json::input::null_empties")]
            resources: Option<Vec<String>>,
            #[serde(default, deserialize_with = "crate::admin::json::input::null_empties")]
            stands_for: Option<Vec<String>>,
            grant_types: Option<Vec<String>>,
            #[serde(default)]
            access_token_signed_response_alg: $crate::model::patch::Patch<String>,
            #[serde(default)]
            introspection_signed_response_alg: $crate::model::patch::Patch<String>,
            #[serde(default)]
            access_token_ttl: $crate::model::patch::Patch<u64>,
            #[serde(default)]
            max_tokens_per_hour: $crate::model::patch::Patch<u64>,
            #[serde(default)]
            regrant: bool,
            #[serde(default)]
            revoke_tokens: bool,
            $($(#[$own_meta])* $own: $type,)*
        }

        impl $struct {
            /// Parses the members that a client's terms consist of.
            ///
            /// # Errors
            /// If one is invalid.
            fn terms(
                &mut self,
            ) -> Result<$crate::model::client::ClientUpdate, $crate::admin::AdminError> {
                use std::mem::take;

                use $crate::admin::json::input::{invalid, resources};
                use $crate::model::client::{ClientUpdate, GrantType};
                use $crate::model::name::DisplayName;
                use $crate::model::scope::ScopeSet;

                let scopes = |text: String| ScopeSet::parse(&text).map_err(invalid);
                let algorithm = |name: String| name.parse().map_err(invalid);
                let name = self.client_name.take().map(|name| DisplayName::parse(&name));
                let grants = self.grant_types.take().map(|names| {
                    names.iter().map(|name| GrantType::parse_registered(name)).collect()
                });
                Ok(ClientUpdate {
                    name: name.transpose().map_err(invalid)?,
                    scopes: self.scope.take().map(scopes).transpose()?,
                    default_scopes: take(&mut self.default_scope).try_map(scopes)?,
                    resources: resources(self.resources.take())?,
                    stands_for: resources(self.stands_for.take())?,
                    grants: grants.transpose().map_err(invalid)?,
                    token_alg: take(&mut self.access_token_signed_response_alg)
                        .try_map(algorithm)?,
                    introspection_alg: take(&mut self.introspection_signed_response_alg)
                        .try_map(algorithm)?,
                    token_ttl: self.access_token_ttl.map(std::time::Duration::from_secs),
                    max_tokens_per_hour: self.max_tokens_per_hour,
                    seen: None,
                    regrant: self.regrant,
                    revoke_tokens: self.revoke_tokens,
                })
            }
        }
    };
}

pub(in crate::admin) use client_input;
