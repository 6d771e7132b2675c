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
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    counter_of(refusals, error).increment(1);
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

/// The counter of a refusal.
const fn counter_of<'a>(refusals: &'a Refusals, error: &OauthError) -> &'a Counter {
    match error {
        OauthError::InvalidRequest(_) | OauthError::UnsupportedTokenType | OauthError::TooLarge => {
            &refusals.invalid_request
        }
        OauthError::InvalidSubjectToken(_) => &refusals.subject_token,
        OauthError::InvalidClient(failure) => of_client(refusals, *failure),
        OauthError::InvalidScope(_) => &refusals.invalid_scope,
        OauthError::InvalidTarget => &refusals.invalid_target,
        OauthError::UnauthorizedClient | OauthError::AnotherClientsToken => {
            &refusals.unauthorized_client
        }
        OauthError::UnsupportedGrantType => &refusals.unsupported_grant_type,
        OauthError::OverLimit { .. }
        | OauthError::KeyOverLimit { .. }
        | OauthError::TooManyRevocations => &refusals.over_limit,
        OauthError::TooManyGuesses(_) => &refusals.too_many_guesses,
        OauthError::Busy => &refusals.busy,
        OauthError::Unavailable(_) => &refusals.unavailable,
        OauthError::Server(_) => &refusals.failed,
    }
}

/// The counter of a failed client authentication.
const fn of_client(refusals: &Refusals, failure: ClientFailure) -> &Counter {
    match failure {
        ClientFailure::NothingPresented
        | ClientFailure::MalformedBasic
        | ClientFailure::Unsupported => &refusals.no_credentials,
        ClientFailure::UnknownClient => &refusals.unknown_client,
        ClientFailure::WrongSecret => &refusals.wrong_secret,
        ClientFailure::ExpiredSecret => &refusals.expired_secret,
        ClientFailure::Disabled => &refusals.disabled,
    }
}
