//! The OAuth endpoints.

pub mod authorize;
pub mod introspect;
pub mod metadata;
pub mod revocations;
pub mod revoke;
pub mod submission;
pub mod token;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, PRAGMA};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

use crate::http::headers::{JSON, NO_CACHE, NO_STORE};

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
    error_description: &'a str,
}

/// A JSON response of an OAuth endpoint, which must not be stored (RFC 6749 §5.1).
fn no_store(status: StatusCode) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response
        .insert_header((CONTENT_TYPE, JSON))
        .insert_header((CACHE_CONTROL, NO_STORE))
        .insert_header((PRAGMA, NO_CACHE));
    response
}

/// An error in the shape of RFC 6749 §5.2; `extend` adds headers.
pub fn oauth_body(
    status: StatusCode,
    error: &str,
    description: &str,
    extend: impl FnOnce(&mut HttpResponseBuilder),
) -> HttpResponse {
    let mut response = no_store(status);
    extend(&mut response);
    let body = ErrorBody { error, error_description: description };
    response.body(serde_json::to_vec(&body).unwrap_or_default())
}

/// The response to a method that an endpoint does not support.
fn method_not_allowed(allowed: &'static str, description: &str) -> HttpResponse {
    oauth_body(StatusCode::METHOD_NOT_ALLOWED, "invalid_request", description, |response| {
        response.insert_header((ALLOW, allowed));
    })
}
