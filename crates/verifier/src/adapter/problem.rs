//! The body of an error (RFC 9457), with further members for other clients: `code`, `message`,
//! `error`. Mintery's server builds all its errors outside `/oauth/` from it.

use serde::Serialize;

/// The content type of the body.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// A kind of error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Problem {
    /// The status.
    pub status: u16,
    /// The code for programs.
    pub code: &'static str,
    /// The title for people.
    pub title: &'static str,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    message: &'a str,
    error: ErrorMember<'a>,
}

/// The member that the official OpenAI clients read, and without which they show no message.
#[derive(Serialize)]
struct ErrorMember<'a> {
    message: &'a str,
    r#type: &'a str,
    code: &'a str,
}

impl Problem {
    /// No credentials were presented.
    pub const MISSING_CREDENTIALS: Self =
        Self::new(401, "err_unauthorised", "Authentication credentials are missing");
    /// The credentials are not valid.
    pub const INVALID_CREDENTIALS: Self =
        Self::new(401, "err_unauthorised", "Authentication credentials are invalid");
    /// The caller lacks a scope.
    pub const NO_PERMISSION: Self = Self::new(403, "err_no_permission", "No permission");
    /// The request is malformed.
    pub const INVALID_REQUEST: Self = Self::new(400, "err_invalid_request", "Invalid request");
    /// The server cannot decide at present.
    pub const UNAVAILABLE: Self = Self::new(503, "err_unavailable", "Unavailable");
    /// The server failed.
    pub const INTERNAL: Self = Self::new(500, "err_internal", "Internal error");

    /// The route has no such method.
    pub const METHOD_NOT_ALLOWED: Self =
        Self::new(405, "err_invalid_request", "Method not allowed");
    /// The body is too long.
    pub const TOO_LARGE: Self = Self::new(413, "err_invalid_request", "Request too large");
    /// The request contradicts the present state.
    pub const CONFLICT: Self = Self::new(409, "err_conflict", "Conflict");
    /// The state is not that of `If-Match` any more (RFC 9110 §15.5.13).
    pub const CHANGED: Self = Self::new(412, "err_conflict", "Precondition failed");
    /// The caller sends too many requests.
    pub const RATE_LIMITED: Self = Self::new(429, "err_rate_limited", "Too many requests");
    /// The resource does not exist.
    pub const NOT_FOUND: Self = Self::new(404, "err_not_found", "Not found");

    /// An error with this status, code and title.
    #[must_use]
    pub const fn new(status: u16, code: &'static str, title: &'static str) -> Self {
        Self { status, code, title }
    }

    /// The body, in JSON.
    #[must_use]
    pub fn body(self, detail: &str) -> Vec<u8> {
        let body = Body {
            r#type: format!("urn:mintery:error:{}", self.code),
            title: self.title,
            status: self.status,
            detail,
            code: self.code,
            message: detail,
            error: ErrorMember { message: detail, r#type: self.code, code: self.code },
        };
        serde_json::to_vec(&body).unwrap_or_default()
    }
}
