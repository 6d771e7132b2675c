//! The rows of the JSON API.

use reqwest::Method;

use super::targets::Kind;

/// The target principals of a route.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    /// None.
    None,
    /// Clients.
    Client,
    /// Users, or what is theirs.
    User,
}

impl Target {
    pub const fn kinds(self) -> &'static [Kind] {
        match self {
            Self::None => &[Kind::None],
            Self::Client => &[Kind::Nothing, Kind::Read, Kind::Api],
            Self::User => &[Kind::Nothing, Kind::Read, Kind::Api, Kind::Viewer, Kind::Admin],
        }
    }
}

/// A route, and the body of a request to it.
pub struct Row {
    pub method: &'static str,
    pub path: &'static str,
    pub target: Target,
    pub body: &'static str,
}

impl Row {
    pub fn method(&self) -> Method {
        // A route of every method is asked by GET.
        Method::from_bytes(self.method.replace('*', "GET").as_bytes()).unwrap()
    }
}

const fn row(method: &'static str, path: &'static str, target: Target, body: &'static str) -> Row {
    Row { method, path, target, body }
}

use Target::{Client, None, User};

const NEW_SECRET: &str = r#"{"label":"x"}"#;
const NEW_API: &str = r#"{"resource":"urn:new:$count","name":"x"}"#;
const NEW_USER: &str =
    r#"{"username":"new-$count","role":"member","password":"lorry-Umbrella-7-quince"}"#;
const PASSWORD: &str = r#"{"password":"quince-Umbrella-9-lorry"}"#;
const CODE: &str = r#"{"code":"000000"}"#;

pub const ROWS: &[Row] = &[
    row("GET", "/api/v1/clients", None, ""),
    row("POST", "/api/v1/clients", None, r#"{"client_name":"x"}"#),
    row("GET", "/api/v1/clients/{id}", Client, ""),
    row("PATCH", "/api/v1/clients/{id}", Client, r#"{"client_name":"y"}"#),
    row("DELETE", "/api/v1/clients/{id}", Client, ""),
    row("POST", "/api/v1/clients/{id}/enable", Client, "{}"),
    row("POST", "/api/v1/clients/{id}/disable", Client, "{}"),
    row("POST", "/api/v1/clients/{id}/revoke-tokens", Client, "{}"),
    row("GET", "/api/v1/clients/{id}/secrets", Client, ""),
    row("POST", "/api/v1/clients/{id}/secrets", Client, NEW_SECRET),
    row("DELETE", "/api/v1/clients/{id}/secrets/{secret}", Client, ""),
    row("GET", "/api/v1/clients/{id}/secrets/{secret}/safe-to-revoke", Client, ""),
    row("GET", "/api/v1/apis", None, ""),
    row("POST", "/api/v1/apis", None, NEW_API),
    row("GET", "/api/v1/apis/{resource:.+}", None, ""),
    row("PATCH", "/api/v1/apis/{resource:.+}", None, r#"{"name":"y"}"#),
    row("POST", "/api/v1/apis/{resource:.+}/revoke-tokens", None, "{}"),
    row("GET", "/api/v1/signing-keys", None, ""),
    row("POST", "/api/v1/signing-keys/rotate", None, "{}"),
    row("GET", "/api/v1/signing-keys/{kid}", None, ""),
    row("GET", "/api/v1/events", None, ""),
    row("GET", "/api/v1/usage", None, ""),
    row("GET", "/api/v1/keys", None, ""),
    row("POST", "/api/v1/keys", User, r#"{"name":"x","owner":"$user","scope":""}"#),
    row("POST", "/api/v1/keys/verify", None, r#"{"key":"mtk_live_x"}"#),
    row("POST", "/api/v1/keys/revoke", User, r#"{"ids":["$key"]}"#),
    row("GET", "/api/v1/keys/{id}", User, ""),
    row("PATCH", "/api/v1/keys/{id}", User, r#"{"name":"y"}"#),
    row("DELETE", "/api/v1/keys/{id}", User, ""),
    row("POST", "/api/v1/keys/{id}/enable", User, "{}"),
    row("POST", "/api/v1/keys/{id}/disable", User, "{}"),
    row("POST", "/api/v1/keys/{id}/rotate", User, "{}"),
    row("GET", "/api/v1/keys/{id}/usage", User, ""),
    row("GET", "/api/v1/users", None, ""),
    row("POST", "/api/v1/users", None, NEW_USER),
    row("GET", "/api/v1/users/{id}", User, ""),
    row("PATCH", "/api/v1/users/{id}", User, r#"{"username":"renamed-$count"}"#),
    row("DELETE", "/api/v1/users/{id}", User, ""),
    row("POST", "/api/v1/users/{id}/enable", User, "{}"),
    row("POST", "/api/v1/users/{id}/disable", User, "{}"),
    row("POST", "/api/v1/users/{id}/set-password", User, PASSWORD),
    row("GET", "/api/v1/users/{id}/sessions", User, ""),
    row("DELETE", "/api/v1/users/{id}/sessions", User, ""),
    row("DELETE", "/api/v1/users/{id}/sessions/{session}", User, ""),
    row("DELETE", "/api/v1/users/{id}/second-factor", User, ""),
    row("POST", "/api/v1/users/me/second-factor", None, "{}"),
    row("POST", "/api/v1/users/me/second-factor/confirm", None, CODE),
    row("POST", "/api/v1/users/me/second-factor/recovery-codes", None, CODE),
    row("POST", "/api/v1/users/me/second-factor/remove", None, CODE),
    row("GET", "/api/v1/users/me", None, ""),
    row("*", "/auth/check", None, ""),
    // Last, because they end what the other rows need.
    row("DELETE", "/api/v1/apis/{resource:.+}", None, ""),
    row("POST", "/api/v1/signing-keys/{kid}/retire", None, "{}"),
];

/// Routes without a row, each with the reason.
pub const EXEMPT: &[(&str, &str)] = &[
    ("POST /api/v1/session", "authenticates by password"),
    ("DELETE /api/v1/session", "ends the session of its own cookie"),
    ("POST /api/v1/keys/leaked", "authenticates by the signature of a scanner"),
    ("* /oauth/token", "authenticates as OAuth says"),
    ("* /oauth/introspect", "authenticates as OAuth says"),
    ("* /oauth/revoke", "authenticates as OAuth says"),
    ("* /oauth/revocations", "authenticates as OAuth says"),
    ("* /oauth/authorize", "rejects every request"),
    ("GET /.well-known/jwks.json", "is public"),
    ("GET /healthz", "is public"),
    ("GET /readyz", "is public"),
    ("GET /metrics", "is public on its own listener"),
    ("* /api/v1/auth/check", "is `/auth/check`"),
    ("GET {base}/users/me", "is `/api/v1/users/me`"),
    ("* {base}/auth/check", "is `/auth/check`"),
];
