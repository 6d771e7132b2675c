//! `POST /oauth/token`.

use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::no_store;
use crate::http::error;
use crate::http::extract::{body, peer};
use crate::model::network::Network;
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
    match respond(&request, &server, payload).await {
        Ok(response) => {
            server.metrics.tokens_issued.increment(1);
            no_store(StatusCode::OK).body(response.into_json())
        }
        Err(refusal) => error::oauth(&request, &server, &refusal),
    }
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
        network: Network::of(peer::peer_ip(request)),
    };
    token::respond(server, &submission).await
}
