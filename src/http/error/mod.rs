//! Every error of the domain and its response, one file per reader: [`oauth`] for OAuth clients,
//! [`access`] for callers of protected routes, [`act`] and [`log_in`] for the JSON API and the
//! dashboard. `admin` has the statuses of failed acts, `record` the log. An error is logged
//! here, once, with the id of its request.
//!
//! For a new variant of an error, add one arm to the `match` that no longer compiles.

pub mod access;
pub mod act;
mod admin;
pub mod log_in;
pub mod oauth;
pub mod record;

use actix_web::http::StatusCode;
use actix_web::http::header::ALLOW;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::oauth::oauth_body;
use super::problem::{Answer as _, Problem};
use crate::oauth::AuthorizationServer;

/// Answers 405 at a route that is only read.
pub async fn method_not_allowed() -> HttpResponse {
    not_allowed("GET, HEAD")
}

/// Answers 405 at a route with the methods `allowed`.
#[must_use]
pub fn not_allowed(allowed: &str) -> HttpResponse {
    Problem::METHOD_NOT_ALLOWED.answer(&format!("Allowed methods: {allowed}"), |response| {
        response.insert_header((ALLOW, allowed));
    })
}

/// Answers 404 at an unknown address: in the OAuth format below `/oauth/`.
pub async fn not_found(request: HttpRequest, server: Data<AuthorizationServer>) -> HttpResponse {
    let path = request.path();
    if path.strip_prefix(server.context.issuer.path()).unwrap_or(path).starts_with("/oauth/") {
        return oauth_body(StatusCode::NOT_FOUND, "invalid_request", "Unknown endpoint", |_| {});
    }
    nothing_here().await
}

/// Answers 404 as a problem document.
pub async fn nothing_here() -> HttpResponse {
    Problem::NOT_FOUND.answer("Not found", |_| {})
}
