//! The well-known documents.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, Responder};

use crate::oauth::AuthorizationServer;
use crate::oauth::metadata::{ResourceMetadata, ServerMetadata};

/// `GET /.well-known/oauth-authorization-server` (RFC 8414).
pub async fn server(server: Data<AuthorizationServer>) -> impl Responder {
    Json(ServerMetadata::of(&server))
}

/// `GET /.well-known/oauth-protected-resource` (RFC 9728).
pub async fn resource(server: Data<AuthorizationServer>) -> impl Responder {
    Json(ResourceMetadata::of(&server))
}

/// `GET /.well-known/jwks.json` (RFC 7517).
pub async fn jwks(server: Data<AuthorizationServer>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, format!("public, max-age={}", server.jwks_max_age.as_secs())))
        .json(server.ring.jwks())
}
