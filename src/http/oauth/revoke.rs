//! `POST /oauth/revoke`.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::{no_store, submission};
use crate::oauth::{AuthorizationServer, revoke};

/// Takes a token back.
pub async fn revoke(
    request: HttpRequest,
    server: Data<AuthorizationServer>,
    payload: Payload,
) -> HttpResponse {
    let refusals = &server.context.metrics.revocation_refusals;
    match submission::answer(&request, &server, payload, refusals, revoke::respond).await {
        Ok(is_new) => {
            if is_new {
                server.context.metrics.tokens_revoked.increment(1);
            }
            // Some clients parse it, some need a body.
            no_store(StatusCode::OK).body("{}")
        }
        Err(refused) => refused,
    }
}
