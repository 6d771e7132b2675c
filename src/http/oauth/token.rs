//! `POST /oauth/token`.

use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::{no_store, submission};
use crate::oauth::{AuthorizationServer, token};

/// Gives a token for a grant.
pub async fn token(
    request: HttpRequest,
    server: Data<AuthorizationServer>,
    payload: Payload,
) -> HttpResponse {
    let began = Instant::now();
    let refusals = &server.context.metrics.token_refusals;
    let answer =
        match submission::answer(&request, &server, payload, refusals, token::respond).await {
            Ok(response) => {
                server.context.metrics.tokens_issued.increment(1);
                no_store(StatusCode::OK).body(response.into_json())
            }
            Err(refused) => refused,
        };
    server.context.metrics.token_durations.since(began);
    answer
}
