//! Refusals of administrative requests, for the JSON API and the dashboard.

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpRequest, HttpResponse};

use super::record::record;
use super::{access, admin, log_in};
use crate::authn::error::AccessError;
use crate::http::act::Refused;
use crate::http::extract::body::BodyError;
use crate::http::problem::{Answer as _, Problem};
use crate::model::session;
use crate::oauth::AuthorizationServer;
use crate::secret::generated::{self, CLIENT_SECRET_PREFIX};
use mintery_verifier::adapter::refusal::RETRY_AFTER_SECS;

/// The response of the JSON API to a refused request.
#[must_use]
pub fn response(
    request: &HttpRequest,
    server: &AuthorizationServer,
    refused: &Refused,
) -> HttpResponse {
    match refused {
        Refused::Access(error) => return access::response(request, server, error),
        Refused::LogIn(error) => return log_in::response(request, server, error),
        _ => {}
    }
    let (problem, detail, reason) = problem_of(refused);
    record(request, server, problem.status_code(), problem.code, &masked(server, &reason));
    problem.answer(&masked(server, &detail), |response| {
        if problem == Problem::UNAVAILABLE {
            response.insert_header((RETRY_AFTER, RETRY_AFTER_SECS));
        }
    })
}

/// The status and the text of the page that reports a refusal.
#[must_use]
pub fn page(
    request: &HttpRequest,
    server: &AuthorizationServer,
    refused: &Refused,
) -> (StatusCode, String) {
    let (problem, detail, reason) = problem_of(refused);
    record(request, server, problem.status_code(), problem.code, &masked(server, &reason));
    (problem.status_code(), masked(server, &detail))
}

/// The problem, its detail for the client, and the reason for the log.
fn problem_of(refused: &Refused) -> (Problem, String, String) {
    let (problem, detail) = match refused {
        Refused::Access(AccessError::InsufficientScope(missing)) => (
            Problem::NO_PERMISSION,
            format!("This requires the scope {missing}, which you do not have"),
        ),
        Refused::Access(AccessError::Unavailable(_)) => {
            (Problem::UNAVAILABLE, "The store is unreachable; try again".to_owned())
        }
        Refused::Access(AccessError::MustEnroll) => {
            (Problem::NO_PERMISSION, "Set up a second factor first".to_owned())
        }
        Refused::Access(AccessError::OtherHost) => {
            (Problem::NO_PERMISSION, access::OTHER_HOST.to_owned())
        }
        Refused::Access(_) => (Problem::INVALID_CREDENTIALS, "Log in again".to_owned()),
        Refused::LogIn(error) => return log_in::problem_of(error),
        Refused::NotSigned => {
            (Problem::NO_PERMISSION, "The request is not signed with a known key".to_owned())
        }
        Refused::Body(BodyError::TooLarge) => {
            (Problem::TOO_LARGE, BodyError::TooLarge.what().to_owned())
        }
        Refused::Body(error) => (Problem::INVALID_REQUEST, error.what().to_owned()),
        Refused::Unavailable(_) => (
            Problem::UNAVAILABLE,
            "The change was made, but this node has not applied it yet".to_owned(),
        ),
        Refused::Admin(error) => admin::problem_of(error),
    };
    let reason = match refused {
        Refused::Admin(error) => error.to_string(),
        Refused::Unavailable(reason) | Refused::Access(AccessError::Unavailable(reason)) => {
            reason.clone()
        }
        _ => detail.clone(),
    };
    (problem, detail, reason)
}

/// Masks secrets in a text: an unknown name may be a secret in the wrong field.
fn masked(server: &AuthorizationServer, text: &str) -> String {
    generated::masked(
        CLIENT_SECRET_PREFIX,
        &session::masked(&server.context.admin.api_keys.format.masked(text)),
    )
}
