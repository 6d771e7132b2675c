//! Errors of the OAuth endpoints (RFC 6749 §5.2).

use actix_web::http::StatusCode;
use actix_web::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpRequest, HttpResponse};
use metrics::Counter;

use super::record::record;
use crate::http::oauth::oauth_body;
use crate::metrics::Refusals;
use crate::oauth::AuthorizationServer;
use crate::oauth::error::{ClientFailure, OauthError};
use mintery_verifier::adapter::refusal::RETRY_AFTER_SECS;

/// `Retry-After` if revocations are refused until revoked tokens have expired.
const REVOCATIONS_RETRY_AFTER_SECS: &str = "60";

/// The response of an OAuth endpoint to an error (RFC 6749 §5.2), counted in `refusals`.
#[must_use]
pub fn response(
    request: &HttpRequest,
    server: &AuthorizationServer,
    refusals: &Refusals,
    error: &OauthError,
) -> HttpResponse {
    let (status, counter) = match error {
        OauthError::InvalidRequest(_) | OauthError::UnsupportedTokenType => {
            (StatusCode::BAD_REQUEST, &refusals.invalid_request)
        }
        OauthError::InvalidSubjectToken(_) => (StatusCode::BAD_REQUEST, &refusals.subject_token),
        OauthError::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, &refusals.invalid_request),
        OauthError::InvalidClient(failure) => {
            (StatusCode::UNAUTHORIZED, of_client(refusals, *failure))
        }
        OauthError::InvalidScope(_) => (StatusCode::BAD_REQUEST, &refusals.invalid_scope),
        OauthError::InvalidTarget => (StatusCode::BAD_REQUEST, &refusals.invalid_target),
        OauthError::UnauthorizedClient | OauthError::AnotherClientsToken => {
            (StatusCode::BAD_REQUEST, &refusals.unauthorized_client)
        }
        OauthError::UnsupportedGrantType => {
            (StatusCode::BAD_REQUEST, &refusals.unsupported_grant_type)
        }
        OauthError::OverLimit { .. }
        | OauthError::KeyOverLimit { .. }
        | OauthError::TooManyRevocations => (StatusCode::TOO_MANY_REQUESTS, &refusals.over_limit),
        OauthError::TooManyGuesses(_) => {
            (StatusCode::TOO_MANY_REQUESTS, &refusals.too_many_guesses)
        }
        OauthError::Busy => (StatusCode::SERVICE_UNAVAILABLE, &refusals.busy),
        OauthError::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, &refusals.unavailable),
        OauthError::Server(_) => (StatusCode::INTERNAL_SERVER_ERROR, &refusals.failed),
    };
    counter.increment(1);
    record(request, server, status, error.code(), &error.reason());
    oauth_body(status, error.code(), error.description(), |response| match error {
        OauthError::InvalidClient(_) => {
            response
                .insert_header((WWW_AUTHENTICATE, "Basic realm=\"mintery\", charset=\"UTF-8\""));
        }
        OauthError::OverLimit { retry_after } | OauthError::KeyOverLimit { retry_after } => {
            response.insert_header((RETRY_AFTER, *retry_after));
        }
        OauthError::TooManyRevocations => {
            response.insert_header((RETRY_AFTER, REVOCATIONS_RETRY_AFTER_SECS));
        }
        OauthError::Unavailable(_) | OauthError::Busy => {
            response.insert_header((RETRY_AFTER, RETRY_AFTER_SECS));
        }
        OauthError::TooManyGuesses(after) => {
            // Rounded up to the second in which the next attempt is allowed.
            response.insert_header((RETRY_AFTER, after.as_secs() + 1));
        }
        _ => {}
    })
}

/// The counter of a failed client authentication.
const fn of_client(refusals: &Refusals, failure: ClientFailure) -> &Counter {
    match failure {
        ClientFailure::NothingPresented | ClientFailure::MalformedBasic => &refusals.no_credentials,
        ClientFailure::UnknownClient => &refusals.unknown_client,
        ClientFailure::WrongSecret => &refusals.wrong_secret,
        ClientFailure::ExpiredSecret => &refusals.expired_secret,
        ClientFailure::Disabled => &refusals.disabled,
    }
}
