//! What the endpoints have in common at which a client authenticates: a form is read, one function
//! of [`crate::oauth`] answers it, and what that refuses is answered here. A new such endpoint
//! calls [`answer`], and gets [`only_post`] for the other methods.

use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};

use crate::http::error;
use crate::http::extract::body;
use crate::http::extract::caller::caller_address;
use crate::metrics::Refusals;
use crate::oauth::AuthorizationServer;
use crate::oauth::authorization::Authorization;
use crate::oauth::error::OauthError;
use crate::oauth::request::OauthRequest;

/// Reads a request and has `respond` answer it.
///
/// # Errors
/// The answer to a request that is refused, which is counted in `refusals`.
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

/// What of a request matters, whose body is `body`.
pub fn of<'a>(
    request: &'a HttpRequest,
    server: &AuthorizationServer,
    body: &'a [u8],
) -> OauthRequest<'a> {
    OauthRequest {
        authorization: Authorization::of(
            request.headers().get_all(AUTHORIZATION).map(HeaderValue::as_bytes),
        ),
        query: request.query_string(),
        content_type: request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes),
        body,
        from: caller_address(request, &server.inbound.trusted_proxies),
    }
}

/// The answer to anything but POST (RFC 6749 §3.2, RFC 7662 §2.1, RFC 7009 §2.1).
pub async fn only_post() -> HttpResponse {
    super::method_not_allowed("POST", "The request must be a POST")
}
