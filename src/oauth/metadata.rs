//! Metadata of this server (RFC 8414) and of its own API (RFC 9728).

use serde::Serialize;

use super::AuthorizationServer;
use crate::model::client::{AuthMethod, DEFAULT_INTROSPECTION_ALG, GrantType};
use crate::model::signing_key::SigningAlgorithm;

/// Authorization server metadata (RFC 8414 §2), without empty lists.
#[derive(Debug, Serialize)]
pub struct ServerMetadata {
    issuer: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code_challenge_methods_supported: Option<[&'static str; 1]>,
    response_types_supported: [&'static str; 1],
    grant_types_supported: [&'static str; GrantType::ALL.len()],
    token_endpoint_auth_methods_supported: Vec<&'static str>,
    revocation_endpoint: String,
    revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    introspection_endpoint: String,
    introspection_endpoint_auth_methods_supported: Vec<&'static str>,
    introspection_signing_alg_values_supported: Vec<&'static str>,
    protected_resources: [String; 1],
}

/// The same with the additions of OpenID Connect Discovery §3, for clients that read only those.
/// This server issues no ID tokens: the algorithms are those of access tokens.
#[derive(Debug, Serialize)]
pub struct OpenidConfiguration {
    #[serde(flatten)]
    server: ServerMetadata,
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: Vec<&'static str>,
}

impl OpenidConfiguration {
    /// The metadata of `server`.
    #[must_use]
    pub fn of(server: &AuthorizationServer) -> Self {
        Self {
            server: ServerMetadata::of(server),
            subject_types_supported: ["public"],
            id_token_signing_alg_values_supported: algorithms(server, server.tokens.algorithm),
        }
    }
}

/// The algorithms with a signing key, the default first.
fn algorithms(server: &AuthorizationServer, default: SigningAlgorithm) -> Vec<&'static str> {
    let algorithms = server.context.ring.current().algorithms(default, server.context.clock.now());
    algorithms.into_iter().map(SigningAlgorithm::name).collect()
}

/// The authentication methods of clients, the same at every endpoint.
fn auth_methods() -> Vec<&'static str> {
    AuthMethod::ALL.iter().flat_map(|method| method.registered_names()).copied().collect()
}

/// Protected resource metadata (RFC 9728 §2) of Mintery's own API.
#[derive(Debug, Serialize)]
pub struct ResourceMetadata {
    resource: String,
    authorization_servers: [String; 1],
    bearer_methods_supported: [&'static str; 1],
    resource_name: &'static str,
}

/// The well-known name of [`OpenidConfiguration`].
pub const OPENID_NAME: &str = "openid-configuration";

/// The well-known name of [`ServerMetadata`].
pub const SERVER_NAME: &str = "oauth-authorization-server";

/// The well-known name of [`ResourceMetadata`].
pub const RESOURCE_NAME: &str = "oauth-protected-resource";

impl ServerMetadata {
    /// The metadata of `server`.
    #[must_use]
    pub fn of(server: &AuthorizationServer) -> Self {
        let issuer = &server.context.issuer;
        Self {
            issuer: issuer.as_str().to_owned(),
            token_endpoint: issuer.endpoint("/oauth/token"),
            jwks_uri: issuer.endpoint("/.well-known/jwks.json"),
            authorization_endpoint: server
                .names_authorization_endpoint
                .then(|| issuer.endpoint("/oauth/authorize")),
            // Clients of the MCP require it, also those that use no code.
            code_challenge_methods_supported: server
                .names_authorization_endpoint
                .then_some(["S256"]),
            // Required by RFC 8414 §2; this server supports none.
            response_types_supported: ["none"],
            grant_types_supported: GrantType::ALL.map(GrantType::name),
            token_endpoint_auth_methods_supported: auth_methods(),
            revocation_endpoint: issuer.endpoint("/oauth/revoke"),
            revocation_endpoint_auth_methods_supported: auth_methods(),
            introspection_endpoint: issuer.endpoint("/oauth/introspect"),
            introspection_endpoint_auth_methods_supported: auth_methods(),
            introspection_signing_alg_values_supported: algorithms(
                server,
                DEFAULT_INTROSPECTION_ALG,
            ),
            protected_resources: [issuer.as_str().to_owned()],
        }
    }
}

impl ResourceMetadata {
    /// The metadata of the API of `server`.
    #[must_use]
    pub fn of(server: &AuthorizationServer) -> Self {
        let issuer = server.context.issuer.as_str();
        Self {
            resource: issuer.to_owned(),
            authorization_servers: [issuer.to_owned()],
            bearer_methods_supported: ["header"],
            resource_name: "Mintery",
        }
    }
}
