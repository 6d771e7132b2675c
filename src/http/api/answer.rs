//! Responses of the JSON API.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use serde::Serialize;

use crate::http::headers::{JSON, NO_STORE};
use crate::oauth::AuthorizationServer;

/// A response in JSON.
fn json(status: StatusCode, value: &impl Serialize) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((CONTENT_TYPE, JSON))
        .insert_header((CACHE_CONTROL, NO_STORE))
        .body(serde_json::to_vec(value).unwrap_or_default())
}

/// 200 with a value.
pub fn ok(value: &impl Serialize) -> HttpResponse {
    json(StatusCode::OK, value)
}

/// 200 with a complete list, for collections that need no pages.
pub fn complete_list<T: Serialize>(items: impl Iterator<Item = T>) -> HttpResponse {
    #[derive(Serialize)]
    struct CompleteList<T> {
        items: Vec<T>,
    }
    ok(&CompleteList { items: items.collect() })
}

/// 201 with a new object at the address `path`.
pub fn created(server: &AuthorizationServer, path: &str, value: &impl Serialize) -> HttpResponse {
    let mut response = json(StatusCode::CREATED, value);
    if let Ok(location) = server.context.issuer.endpoint(path).parse() {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// 204 after a deletion or a revocation.
pub fn gone() -> HttpResponse {
    HttpResponse::NoContent().insert_header((CACHE_CONTROL, NO_STORE)).finish()
}
