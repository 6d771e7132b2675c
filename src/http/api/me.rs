//! `GET /api/v1/users/me`: the identity of the caller.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::authn::caller;
use crate::authn::demand::Demand;
use crate::authn::error::AccessError;
use crate::http::error;
use crate::http::extract::presented;
use crate::http::headers::{JSON, NO_STORE};
use crate::json::ObjectWriter;
use crate::model::identity::Authenticated;
use crate::oauth::AuthorizationServer;

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
    let mut me = ObjectWriter::with_capacity(256);
    me.text("sub", caller.identity.subject());
    me.text("kind", caller.kind());
    me.text("name", caller.name());
    me.text("scope", caller.scopes.as_str());
    me.text("credential", caller.credential.kind());
    match caller.expires_at {
        // Seconds since the epoch, as `exp` has them.
        Some(expires_at) => me.plain("expires_at", expires_at.as_secs()),
        None => me.plain("expires_at", "null"),
    }
    me.finish()
}

async fn authenticate(
    request: &HttpRequest,
    server: &AuthorizationServer,
) -> Result<Authenticated, AccessError> {
    caller::authenticate(
        &server.context,
        &presented::credential(request, server)?,
        Demand::before_enrollment(&server.context),
    )
    .await
}
