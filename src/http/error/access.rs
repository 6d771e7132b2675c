//! Errors of protected routes (RFC 6750 §3).

use std::borrow::Cow;

use actix_web::http::StatusCode;
use actix_web::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpRequest, HttpResponse};

use super::record::record;
use crate::authn::error::{AccessError, TokenFailure};
use crate::directory::OverLimit;
use crate::http::problem::{Answer as _, Problem};
use crate::oauth::AuthorizationServer;
use crate::oauth::metadata::RESOURCE_NAME;
use mintery_verifier::adapter::refusal::{RETRY_AFTER_SECS, Refusal};

/// The realm of protected routes in a challenge.
pub(super) const REALM: &str = "mintery";

/// The refusal of a host name that may be an attacker's.
pub(super) const OTHER_HOST: &str = "Pages and sessions are served under the host name of the issuer; add another name to the setting allowed_hosts";

/// The response of a protected route to an error (RFC 6750 §3, RFC 9728 §5.1).
#[must_use]
pub fn response(
    request: &HttpRequest,
    server: &AuthorizationServer,
    error: &AccessError,
) -> HttpResponse {
    refuse(request, server, error, Problem::RATE_LIMITED)
}

/// The response to a proxy that asks for a check. A proxy takes any status but 401 and 403 for a
/// failure of the server.
#[must_use]
pub fn check_response(
    request: &HttpRequest,
    server: &AuthorizationServer,
    error: &AccessError,
) -> HttpResponse {
    refuse(request, server, error, Problem { status: 403, ..Problem::RATE_LIMITED })
}

fn refuse(
    request: &HttpRequest,
    server: &AuthorizationServer,
    error: &AccessError,
    over_limit: Problem,
) -> HttpResponse {
    server.context.metrics.access_refused.increment(1);
    let (refusal, reason) = match error {
        AccessError::OverLimit(OverLimit { retry_after }) => {
            let detail = "The API key has reached its rate limit";
            record(request, server, over_limit.status_code(), over_limit.code, detail);
            return over_limit.answer(detail, |response| {
                response.insert_header((RETRY_AFTER, *retry_after));
            });
        }
        AccessError::OtherSite => {
            let origin = server.context.issuer.origin();
            let detail =
                format!("A change with a session cookie needs the header Origin: {origin}");
            return refuse_session(request, server, &detail, &[]);
        }
        AccessError::OtherHost => return refuse_session(request, server, OTHER_HOST, &[]),
        AccessError::MustEnroll => {
            let detail = "A second factor is required: set one up first";
            return refuse_session(request, server, detail, &[("second_factor_required", true)]);
        }
        AccessError::InvalidSession(failure) => (Refusal::InvalidToken, Some(failure.to_string())),
        AccessError::InvalidKey(failure) => (Refusal::InvalidToken, Some(failure.to_string())),
        AccessError::Missing => (Refusal::Missing, None),
        AccessError::InvalidRequest(what) => (Refusal::InvalidRequest(what), None),
        AccessError::InvalidToken(failure) => (Refusal::InvalidToken, Some(failure.to_string())),
        AccessError::InsufficientScope(missing) => {
            (Refusal::InsufficientScope(missing.to_string()), None)
        }
        AccessError::ImpossibleDemand(reason) => {
            (Refusal::InsufficientScope(String::new()), Some(reason.clone()))
        }
        AccessError::Unavailable(reason) => (Refusal::Unavailable, Some(reason.clone())),
    };
    let (problem, detail) =
        (refusal.problem(), detail_of(error, &refusal, server.inbound.api_key_header.as_str()));
    record(
        request,
        server,
        problem.status_code(),
        problem.code,
        reason.as_deref().unwrap_or(&detail),
    );
    let metadata = server.context.issuer.well_known(RESOURCE_NAME);
    problem.answer(&detail, |response| match refusal.challenge(REALM, Some(&metadata)) {
        Some(challenge) => {
            response.insert_header((WWW_AUTHENTICATE, challenge));
        }
        None => {
            response.insert_header((RETRY_AFTER, RETRY_AFTER_SECS));
        }
    })
}

/// The response to a valid session that does not allow this request.
fn refuse_session(
    request: &HttpRequest,
    server: &AuthorizationServer,
    detail: &str,
    members: &[(&str, bool)],
) -> HttpResponse {
    record(request, server, StatusCode::FORBIDDEN, Problem::NO_PERMISSION.code, detail);
    let metadata = server.context.issuer.well_known(RESOURCE_NAME);
    Problem::NO_PERMISSION.answer_with(detail, members, |response| {
        if let Some(challenge) = Refusal::Missing.challenge(REALM, Some(&metadata)) {
            response.insert_header((WWW_AUTHENTICATE, challenge));
        }
    })
}

/// The detail of the problem document, written for people.
fn detail_of(error: &AccessError, refusal: &Refusal, header: &str) -> Cow<'static, str> {
    match (error, refusal) {
        (AccessError::Missing, _) => {
            format!("Send an access token as Authorization: Bearer, or an API key as {header}")
                .into()
        }
        (AccessError::InvalidToken(TokenFailure::Request(what)), _) => (*what).into(),
        (AccessError::InvalidToken(TokenFailure::NotKnownNow), _) => Refusal::Unavailable.detail(),
        (AccessError::InvalidKey(_), _) => {
            "The API key is malformed, expired, revoked or not allowed here".into()
        }
        (AccessError::InvalidSession(_), _) => "The session has ended; log in again".into(),
        (AccessError::ImpossibleDemand(_), _) => {
            "The check has a parameter that is unknown, empty, repeated or invalid".into()
        }
        (_, Refusal::InsufficientScope(missing)) if !missing.is_empty() => {
            format!("The credential lacks the scope {missing}").into()
        }
        _ => refusal.detail(),
    }
}
