//! `GET /api/v1/users/me`: the identity of the caller.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use crate::authn::caller;
use crate::authn::demand::Demand;
use crate::authn::error::AccessError;
use crate::clock::Timestamp;
use crate::http::error;
use crate::http::extract::presented;
use crate::http::headers::{JSON, NO_STORE};
use crate::model::identity::Authenticated;
use crate::model::scope::ScopeSet;
use crate::oauth::AuthorizationServer;

#[derive(Serialize)]
struct Me<'a> {
    sub: &'a str,
    kind: &'a str,
    name: &'a str,
    scope: &'a ScopeSet,
    credential: &'a str,
    /// Seconds since the epoch, as in `exp`.
    expires_at: Option<i64>,
}

/// Returns the identity of the caller.
pub async fn me(request: HttpRequest, server: Data<AuthorizationServer>) -> HttpResponse {
    match authenticate(&request, &server).await {
        Ok(caller) => {
            server.context.metrics.access_granted.increment(1);
            HttpResponse::Ok()
                .insert_header((CONTENT_TYPE, JSON))
                .insert_header((CACHE_CONTROL, NO_STORE))
                .body(json(&caller))
        }
        Err(refusal) => error::access::response(&request, &server, &refusal),
    }
}

/// The identity of a caller as JSON.
pub fn json(caller: &Authenticated) -> Vec<u8> {
    let me = Me {
        sub: caller.identity.subject(),
        kind: caller.kind(),
        name: caller.name(),
        scope: &caller.scopes,
        credential: caller.credential.kind(),
        expires_at: caller.expires_at.map(Timestamp::as_secs),
    };
    // Fits most, so that nothing is copied while it is written.
    let mut json = Vec::with_capacity(256);
    // Writing strings and numbers to a vector does not fail.
    serde_json::to_writer(&mut json, &me).ok();
    json
}

async fn authenticate(
    request: &HttpRequest,
    server: &AuthorizationServer,
) -> Result<Authenticated, AccessError> {
    caller::authenticate(
        &server.context,
        &presented::credential(request, server)?,
        Demand::of(&server.context),
    )
    .await
}
