//! The addresses of an issuer's keys and endpoints, read from its metadata (RFC 8414).

use serde::Deserialize;

use crate::fetch::address::{Address, may_fetch};
use crate::fetch::{Fetch, FetchError};

/// The reason why an issuer's metadata do not lead to its keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// The metadata could not be fetched.
    #[error("cannot fetch the issuer's metadata from {url}: {reason}")]
    Fetch {
        /// The address of the metadata.
        url: String,
        /// The failure of the fetcher.
        reason: FetchError,
    },
    /// The answer is not metadata: the web page of a proxy or a login, say.
    #[error("{url} did not return a JSON object with `issuer`: check the URL of the issuer")]
    NotMetadata {
        /// The address of the metadata.
        url: String,
    },
    /// They describe another issuer than the configured one (RFC 8414 §3.3). Both must be equal
    /// byte for byte, a slash at the end included.
    #[error(
        "{url} describes the issuer {found:?}: configure exactly this value, or correct the issuer's setting"
    )]
    OtherIssuer {
        /// The address of the metadata.
        url: String,
        /// The issuer in the metadata, cut if it is long.
        found: String,
    },
    /// They name no address of keys.
    #[error("{url} has no `jwks_uri`: set the URL of the keys with `jwks_uri`")]
    NoJwksUri {
        /// The address of the metadata.
        url: String,
    },
    /// The keys would travel over a connection on which they could be changed.
    #[error("{url} has a `jwks_uri` that is not https: {found:?}")]
    InsecureJwksUri {
        /// The address of the metadata.
        url: String,
        /// The address in the metadata, cut if it is long.
        found: String,
    },
    /// They lack an endpoint.
    #[error("{url} has no `{endpoint}`: the issuer does not support it")]
    NoEndpoint {
        /// The address of the metadata.
        url: String,
        /// The missing member.
        endpoint: &'static str,
    },
    /// The secret of this API would be sent to another server.
    #[error("{url} has a `{endpoint}` outside the issuer: {found:?}")]
    ForeignEndpoint {
        /// The address of the metadata.
        url: String,
        /// The member.
        endpoint: &'static str,
        /// The address in the metadata, cut if it is long.
        found: String,
    },
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: Option<String>,
    introspection_endpoint: Option<String>,
}

/// The longest part of foreign text that an error repeats.
const EXCERPT_LEN: usize = 200;

/// Finds the address of the keys of `issuer`, whose parts are `address`: in the metadata of RFC 8414
/// §3.1, or, if those are not found, of `OpenID` Connect Discovery §4.
///
/// # Errors
/// Fails if the metadata cannot be fetched, or name no acceptable address.
pub fn jwks_uri(
    fetch: &dyn Fetch,
    issuer: &str,
    address: Address<'_>,
) -> Result<String, DiscoveryError> {
    let (metadata, url) = metadata(fetch, issuer, address)?;
    let Some(jwks_uri) = metadata.jwks_uri else {
        return Err(DiscoveryError::NoJwksUri { url });
    };
    // An issuer over plain http is on this machine, and so may be its keys.
    let may_be_plain = address.is_plain();
    let is_acceptable = may_fetch(&jwks_uri)
        .is_some_and(|found| found.is_authentic() && (!found.is_plain() || may_be_plain));
    if is_acceptable {
        Ok(jwks_uri)
    } else {
        Err(DiscoveryError::InsecureJwksUri { url, found: excerpt(&jwks_uri) })
    }
}

/// Finds the introspection endpoint (RFC 7662) of `issuer`, whose parts are `address`. It must have
/// the same scheme, host and port, since a secret is sent there.
///
/// # Errors
/// Fails if the metadata cannot be fetched, or name no acceptable endpoint.
pub fn introspection_endpoint(
    fetch: &dyn Fetch,
    issuer: &str,
    address: Address<'_>,
) -> Result<String, DiscoveryError> {
    const NAME: &str = "introspection_endpoint";
    let (metadata, url) = metadata(fetch, issuer, address)?;
    let Some(found) = metadata.introspection_endpoint else {
        return Err(DiscoveryError::NoEndpoint { url, endpoint: NAME });
    };
    if may_fetch(&found).is_some_and(|at| at.origin == address.origin) {
        Ok(found)
    } else {
        Err(DiscoveryError::ForeignEndpoint { url, endpoint: NAME, found: excerpt(&found) })
    }
}

/// The metadata of `issuer`, and their address.
fn metadata(
    fetch: &dyn Fetch,
    issuer: &str,
    address: Address<'_>,
) -> Result<(Metadata, String), DiscoveryError> {
    let Address { origin, path, .. } = address;
    let mut url = format!("{origin}/.well-known/oauth-authorization-server{path}");
    let mut answer = fetch.get(&url);
    if answer == Err(FetchError::Status(404)) {
        url = format!("{origin}{path}/.well-known/openid-configuration");
        answer = fetch.get(&url);
    }
    match answer {
        Ok(document) => read(&document.body, issuer, url),
        Err(reason) => Err(DiscoveryError::Fetch { url, reason }),
    }
}

fn read(body: &[u8], issuer: &str, url: String) -> Result<(Metadata, String), DiscoveryError> {
    // `serde` would accept an array in place of an object.
    let is_object = body.trim_ascii_start().starts_with(b"{");
    let metadata = serde_json::from_slice::<Metadata>(body).ok().filter(|_| is_object);
    match metadata {
        None => Err(DiscoveryError::NotMetadata { url }),
        Some(Metadata { issuer: found, .. }) if found != issuer => {
            Err(DiscoveryError::OtherIssuer { url, found: excerpt(&found) })
        }
        Some(metadata) => Ok((metadata, url)),
    }
}

fn excerpt(text: &str) -> String {
    text.chars().take(EXCERPT_LEN).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::{DiscoveryError, jwks_uri};
    use crate::fetch::address::Address;
    use crate::fetch::{Document, Fetch, FetchError};

    /// Documents by address; every other address answers 404.
    struct Web(HashMap<&'static str, String>);

    impl Fetch for Web {
        fn get(&self, url: &str) -> Result<Document, FetchError> {
            let body = self.0.get(url).ok_or(FetchError::Status(404))?;
            Ok(Document { body: body.clone().into_bytes(), cache_control: None })
        }
    }

    fn found(issuer: &str, at: &'static str, document: &str) -> Result<String, DiscoveryError> {
        let web = Web(HashMap::from([(at, document.to_owned())]));
        jwks_uri(&web, issuer, Address::parse(issuer).unwrap())
    }

    /// 8414-1
    #[test]
    fn metadata_stand_where_the_rfc_says_or_where_openid_says() {
        for (issuer, at) in [
            ("https://a.example", "https://a.example/.well-known/oauth-authorization-server"),
            ("https://a.example/", "https://a.example/.well-known/oauth-authorization-server"),
            ("https://a.example/t", "https://a.example/.well-known/oauth-authorization-server/t"),
            ("https://a.example/t", "https://a.example/t/.well-known/openid-configuration"),
        ] {
            let document =
                format!(r#"{{"issuer":"{issuer}","jwks_uri":"https://keys.example/j?v=1"}}"#);
            assert_eq!(
                found(issuer, at, &document).as_deref(),
                Ok("https://keys.example/j?v=1"),
                "{at}"
            );
        }
    }

    #[test]
    fn invalid_metadata_are_reported() {
        const AT: &str = "https://a.example/.well-known/oauth-authorization-server";
        let error = |document: &str| found("https://a.example", AT, document).unwrap_err();
        for document in
            ["<html>", "", "[]", "null", "{}", r#"["https://a.example","https://a.example/j"]"#]
        {
            assert!(matches!(error(document), DiscoveryError::NotMetadata { .. }), "{document}");
        }
        for other in ["https://a.example/", "https://A.example", "https://evil.example"] {
            let document = format!(r#"{{"issuer":"{other}","jwks_uri":"https://a.example/j"}}"#);
            let error = error(&document);
            assert!(matches!(error, DiscoveryError::OtherIssuer { .. }), "{error}");
            assert!(error.to_string().contains(other), "{error}");
        }
        let no_keys = error(r#"{"issuer":"https://a.example"}"#);
        assert!(matches!(no_keys, DiscoveryError::NoJwksUri { .. }), "{no_keys}");
        for insecure in [
            "http://a.example/j",
            "http://127.0.0.1/j",
            "ftp://a",
            "file:///etc/passwd",
            "https://a/#b",
        ] {
            let document = format!(r#"{{"issuer":"https://a.example","jwks_uri":"{insecure}"}}"#);
            assert!(
                matches!(error(&document), DiscoveryError::InsecureJwksUri { .. }),
                "{insecure}"
            );
        }
        let nothing = found("https://a.example", "https://elsewhere.example", "").unwrap_err();
        assert!(nothing.to_string().contains("openid-configuration"), "{nothing}");
    }

    #[test]
    fn an_issuer_on_this_machine_has_its_keys_there() {
        const ISSUER: &str = "http://127.0.0.1:8080";
        const AT: &str = "http://127.0.0.1:8080/.well-known/oauth-authorization-server";
        let document = r#"{"issuer":"http://127.0.0.1:8080","jwks_uri":"http://127.0.0.1:8080/j"}"#;
        assert_eq!(found(ISSUER, AT, document).as_deref(), Ok("http://127.0.0.1:8080/j"));
        let document = r#"{"issuer":"http://127.0.0.1:8080","jwks_uri":"http://keys.example/j"}"#;
        assert!(found(ISSUER, AT, document).is_err());
    }
}
