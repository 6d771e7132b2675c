//! The common part of endpoints with client authentication: parses the form, calls one function of
//! [`crate::oauth`], and answers its refusals. A new endpoint calls [`answer`], and uses
//! [`only_post`] for the other methods.

use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};

use crate::http::error;
use crate::http::extract::body;
use crate::http::extract::caller::caller_address;
use crate::http::headers::credentials;
use crate::metrics::Refusals;
use crate::oauth::AuthorizationServer;
use crate::oauth::authorization::Authorization;
use crate::oauth::error::OauthError;
use crate::oauth::request::OauthRequest;

/// Reads a request and calls `respond`.
///
/// # Errors
/// The response to a refused request, which is counted in `refusals`.
pub async fn answer<T>(
    request: &HttpRequest,
    server: &AuthorizationServer,
    payload: Payload,
    refusals: &Refusals,
    respond: impl AsyncFnOnce(&AuthorizationServer, &OauthRequest<'_>) -> Result<T, OauthError>,
) -> Result<T, HttpResponse> {
    let outcome = match body::read(request, payload).await {
        Ok(body) => respond(server, &of(request, server, &body)).await,
        Err(error) => Err(error.into()),
    };
    outcome.map_err(|refusal| error::oauth::response(request, server, refusals, &refusal))
}

/// The relevant parts of a request with the body `body`.
pub fn of<'a>(
    request: &'a HttpRequest,
    server: &AuthorizationServer,
    body: &'a [u8],
) -> OauthRequest<'a> {
    OauthRequest {
        authorization: Authorization::of(
            credentials(request.headers(), &AUTHORIZATION).map(HeaderValue::as_bytes),
        ),
        query: request.query_string(),
        content_type: request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes),
        body,
        from: caller_address(request, &server.inbound),
    }
}

/// The response to any method except POST (RFC 6749 §3.2, RFC 7662 §2.1, RFC 7009 §2.1).
pub async fn only_post() -> HttpResponse {
    super::method_not_allowed("POST", "The request must be a POST")
}
