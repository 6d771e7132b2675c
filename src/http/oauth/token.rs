//! `POST /oauth/token`.

use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::no_store;
use crate::http::error;
use crate::http::extract::body;
use crate::http::extract::caller::caller_address;
use crate::oauth::AuthorizationServer;
use crate::oauth::error::OauthError;
use crate::oauth::request::Submission;
use crate::oauth::token::{self, TokenResponse};

/// Gives a token for a grant.
pub async fn token(
    request: HttpRequest,
    server: Data<AuthorizationServer>,
    payload: Payload,
) -> HttpResponse {
    let began = Instant::now();
    let answer = match respond(&request, &server, payload).await {
        Ok(response) => {
            server.metrics.tokens_issued.increment(1);
            no_store(StatusCode::OK).body(response.into_json())
        }
        Err(refusal) => error::oauth(&request, &server, &refusal),
    };
    server.metrics.token_durations.since(began);
    answer
}

/// The answer to anything but POST (RFC 6749 §3.2).
pub async fn method_not_allowed() -> HttpResponse {
    super::method_not_allowed("POST", "The request must be a POST")
}

async fn respond(
    request: &HttpRequest,
    server: &AuthorizationServer,
    payload: Payload,
) -> Result<TokenResponse, OauthError> {
    let body = body::read(request, payload).await?;
    let submission = Submission {
        authorization: request
            .headers()
            .get_all(AUTHORIZATION)
            .map(actix_web::http::header::HeaderValue::as_bytes)
            .collect(),
        query: request.query_string(),
        content_type: request.headers().get(CONTENT_TYPE).map(actix_web::http::header::HeaderValue::as_bytes),
        body: &body,
        from: caller_address(request, &server.trusted_proxies),
    };
    token::respond(server, &submission).await
}
