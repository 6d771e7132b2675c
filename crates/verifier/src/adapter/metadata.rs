//! The metadata that an API publishes about itself (RFC 9728).

use serde::Serialize;

use crate::fetch::address::Address;
use crate::model::scope::ScopeSet;
use crate::token::verifier::Verifier;

/// Protected resource metadata (RFC 9728 §2).
#[derive(Debug, Serialize)]
pub struct ProtectedResource {
    resource: String,
    authorization_servers: [String; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes_supported: Vec<String>,
    bearer_methods_supported: [&'static str; 1],
}

impl ProtectedResource {
    /// The metadata of the API of `verifier`. Empty `scopes` are left out.
    #[must_use]
    pub fn of(verifier: &Verifier, scopes: &ScopeSet) -> Self {
        Self {
            resource: verifier.audience().to_owned(),
            authorization_servers: [verifier.issuer().to_owned()],
            scopes_supported: scopes.iter().map(ToOwned::to_owned).collect(),
            bearer_methods_supported: ["header"],
        }
    }
}

/// The path of the metadata of the API `audience`, between host and path of the API itself (RFC
/// 9728 §3.1).
#[must_use]
pub fn path(audience: &str) -> String {
    let path = Address::parse(audience).map(|address| address.path).unwrap_or_default();
    format!("/.well-known/oauth-protected-resource{path}")
}

/// The URL of the metadata; nothing for an `audience` that is not a URL.
#[must_use]
pub fn url(audience: &str) -> Option<String> {
    Some(format!("{}{}", Address::parse(audience)?.origin, path(audience)))
}

#[cfg(test)]
mod tests {
    use super::{path, url};

    /// 9728-1
    #[test]
    fn metadata_stand_between_host_and_path() {
        let well_known = "/.well-known/oauth-protected-resource";
        for (audience, at) in [
            ("https://api.example.com", format!("https://api.example.com{well_known}")),
            ("https://api.example.com/v1/", format!("https://api.example.com{well_known}/v1")),
        ] {
            assert_eq!(url(audience), Some(at));
        }
        assert_eq!((path("urn:example:api").as_str(), url("urn:example:api")), (well_known, None));
    }
}
