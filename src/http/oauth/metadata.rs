//! The well-known documents.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, Responder};

use crate::http::headers::JSON;
use crate::oauth::AuthorizationServer;
use crate::oauth::metadata::{OpenidConfiguration, ResourceMetadata, ServerMetadata};

/// `GET /.well-known/oauth-authorization-server` (RFC 8414).
pub async fn server(server: Data<AuthorizationServer>) -> impl Responder {
    Json(ServerMetadata::of(&server))
}

/// `GET /.well-known/openid-configuration` (OpenID Connect Discovery §4), where it is switched on.
pub async fn openid(server: Data<AuthorizationServer>) -> HttpResponse {
    HttpResponse::Ok().json(OpenidConfiguration::of(&server))
}

/// `GET /.well-known/oauth-protected-resource` (RFC 9728).
pub async fn resource(server: Data<AuthorizationServer>) -> impl Responder {
    Json(ResourceMetadata::of(&server))
}

/// `GET /.well-known/jwks.json` (RFC 7517).
pub async fn jwks(server: Data<AuthorizationServer>) -> HttpResponse {
    let keys =
        server.context.ring.current().jwks(server.tokens.algorithm, server.context.clock.now());
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, JSON))
        .insert_header((
            CACHE_CONTROL,
            format!("public, max-age={}", server.publication.max_age.as_secs()),
        ))
        .body(keys)
}
