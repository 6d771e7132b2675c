//! The response to a rejected request: `application/problem+json` (RFC 9457) with a `code` for
//! programs, and with `error`, in which the official OpenAI clients look for the message.

use std::fmt;

use actix_web::error::JsonPayloadError;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;

/// The reason to reject a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// No credential.
    Missing,
    /// An invalid credential. The exact reason stands in Mintery's log.
    Invalid,
    /// A valid credential without this scope.
    Forbidden(&'static str),
    /// A malformed request.
    BadRequest(String),
    /// No such resource.
    NotFound,
    /// A key over its rate limit, which may send the next request after so many seconds.
    OverLimit(u64),
    /// Mintery is out of reach, so no decision is possible.
    Unavailable,
}

impl Problem {
    const fn code_and_title(&self) -> (&'static str, &'static str) {
        match self {
            Self::Missing => ("err_unauthorised", "Authentication credentials are missing"),
            Self::Invalid => ("err_unauthorised", "Authentication credentials are invalid"),
            Self::Forbidden(_) => ("err_no_permission", "No permission"),
            Self::BadRequest(_) => ("err_invalid_request", "Invalid request"),
            Self::NotFound => ("err_not_found", "Not found"),
            Self::OverLimit(_) => ("err_rate_limited", "Too many requests"),
            Self::Unavailable => ("err_unavailable", "Unavailable"),
        }
    }

    /// The challenge, by which a client knows the expected credential (RFC 6750 §3).
    fn challenge(&self) -> Option<String> {
        let error = match self {
            Self::Missing => String::new(),
            Self::Invalid => ", error=\"invalid_token\"".to_owned(),
            Self::Forbidden(scope) => format!(", error=\"insufficient_scope\", scope=\"{scope}\""),
            _ => return None,
        };
        Some(format!("Bearer realm=\"demo\"{error}"))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str(
                "Send a key as X-API-Key, or a key or an access token as Authorization: Bearer",
            ),
            Self::Invalid => {
                f.write_str("The key or token is malformed, expired, revoked, or not good here")
            }
            Self::Forbidden(scope) => write!(f, "The key or token lacks the scope {scope}"),
            Self::BadRequest(what) => f.write_str(what),
            Self::NotFound => f.write_str("There is nothing at this address"),
            Self::OverLimit(secs) => {
                write!(f, "The key is good for no more requests; try again in {secs} s")
            }
            Self::Unavailable => {
                f.write_str("Credentials cannot be checked at the moment; try again")
            }
        }
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Missing | Self::Invalid => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::OverLimit(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let (code, title) = self.code_and_title();
        let (status, detail) = (self.status_code(), self.to_string());
        let mut response = HttpResponse::build(status);
        response
            .insert_header((CONTENT_TYPE, "application/problem+json"))
            .insert_header((CACHE_CONTROL, "no-store"));
        if let Some(challenge) = self.challenge() {
            response.insert_header((WWW_AUTHENTICATE, challenge));
        }
        match self {
            Self::OverLimit(secs) => response.insert_header((RETRY_AFTER, *secs)),
            Self::Unavailable => response.insert_header((RETRY_AFTER, 1)),
            _ => &mut response,
        };
        response.body(
            json!({
                "type": format!("urn:mintery:error:{code}"), "title": title, "status": status.as_u16(),
                "detail": detail, "code": code, "message": detail,
                "error": { "message": detail, "type": code, "code": code },
            })
            .to_string(),
        )
    }
}

/// The response to a body that the route does not accept.
pub fn bad_json(error: &JsonPayloadError) -> actix_web::Error {
    Problem::BadRequest(error.to_string()).into()
}
