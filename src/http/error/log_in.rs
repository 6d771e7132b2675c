//! Failed log-ins, for the JSON API and the dashboard.

use actix_web::http::StatusCode;
use actix_web::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpRequest, HttpResponse};

use super::access::REALM;
use super::admin;
use super::record::record;
use crate::authn::error::LogInError;
use crate::http::problem::{Answer as _, Problem};
use crate::oauth::AuthorizationServer;
use crate::oauth::metadata::RESOURCE_NAME;
use mintery_verifier::adapter::refusal::{RETRY_AFTER_SECS, Refusal};

/// The response of the JSON API to a failed log-in.
#[must_use]
pub fn response(
    request: &HttpRequest,
    server: &AuthorizationServer,
    error: &LogInError,
) -> HttpResponse {
    let (problem, detail, reason) = problem_of(error);
    record(request, server, problem.status_code(), problem.code, &reason);
    let needs_code = matches!(error, LogInError::CodeNeeded | LogInError::WrongCode);
    let members = if needs_code { &[("code_required", true)][..] } else { &[] };
    problem.answer_with(&detail, members, |response| match error {
        LogInError::Wrong(_) | LogInError::CodeNeeded | LogInError::WrongCode => {
            let metadata = server.context.issuer.well_known(RESOURCE_NAME);
            if let Some(challenge) = Refusal::Missing.challenge(REALM, Some(&metadata)) {
                response.insert_header((WWW_AUTHENTICATE, challenge));
            }
        }
        LogInError::TooManyGuesses(after) => {
            // Rounded up to the second in which the next attempt is allowed.
            response.insert_header((RETRY_AFTER, after.as_secs() + 1));
        }
        LogInError::Unavailable(_) | LogInError::Admin(_) if problem == Problem::UNAVAILABLE => {
            response.insert_header((RETRY_AFTER, RETRY_AFTER_SECS));
        }
        LogInError::Unavailable(_) | LogInError::Admin(_) => {}
    })
}

/// The status and the text of the log-in page after a failure, and the seconds until the next
/// attempt.
#[must_use]
pub fn page(
    request: &HttpRequest,
    server: &AuthorizationServer,
    error: &LogInError,
) -> (StatusCode, String, Option<u64>) {
    let (problem, detail, reason) = problem_of(error);
    record(request, server, problem.status_code(), problem.code, &reason);
    let wait = match error {
        LogInError::TooManyGuesses(after) => Some(after.as_secs() + 1),
        _ => None,
    };
    (problem.status_code(), detail, wait)
}

/// The problem, its detail for the client, and the reason for the log.
pub(super) fn problem_of(error: &LogInError) -> (Problem, String, String) {
    match error {
        LogInError::Wrong(failure) => {
            let detail = "Wrong username or password";
            (Problem::INVALID_CREDENTIALS, detail.to_owned(), failure.to_string())
        }
        LogInError::CodeNeeded => {
            let detail = "A second-factor code is required: send it as code";
            (Problem::INVALID_CREDENTIALS, detail.to_owned(), detail.to_owned())
        }
        LogInError::WrongCode => {
            let detail = "The code is wrong or was already used";
            (Problem::INVALID_CREDENTIALS, detail.to_owned(), "a wrong code".to_owned())
        }
        LogInError::TooManyGuesses(after) => {
            // Rounded up to the second in which the next attempt is allowed.
            let detail =
                format!("Too many failed attempts; try again in {} s", after.as_secs() + 1);
            (Problem::RATE_LIMITED, detail.clone(), detail)
        }
        LogInError::Unavailable(reason) => {
            let detail = "The server is temporarily unavailable; try again";
            (Problem::UNAVAILABLE, detail.to_owned(), reason.clone())
        }
        LogInError::Admin(error) => {
            let (problem, detail) = admin::problem_of(error);
            (problem, detail, error.to_string())
        }
    }
}
