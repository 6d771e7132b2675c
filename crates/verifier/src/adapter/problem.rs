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

/// Makes the kinds of errors, and the list of them, from the rows.
macro_rules! problems {
    ($(#[doc = $meaning:literal] $name:ident: $status:literal, $code:literal, $title:literal;)+) => {
        impl Problem {
            $(#[doc = $meaning] pub const $name: Self = Self::new($status, $code, $title);)+

            /// All kinds, each with its meaning.
            pub const ALL: &'static [(Self, &'static str)] = &[$((Self::$name, $meaning.trim_ascii()),)+];
        }
    };
}

problems! {
    /// The request has no credential.
    MISSING_CREDENTIALS: 401, "err_unauthorised", "Authentication credentials are missing";
    /// The credential is wrong, expired, revoked, or for another API.
    INVALID_CREDENTIALS: 401, "err_unauthorised", "Authentication credentials are invalid";
    /// The caller lacks a permission; if it is a scope, `WWW-Authenticate` names it.
    NO_PERMISSION: 403, "err_no_permission", "No permission";
    /// The request is malformed.
    INVALID_REQUEST: 400, "err_invalid_request", "Invalid request";
    /// The server cannot decide now.
    UNAVAILABLE: 503, "err_unavailable", "Unavailable";
    /// The server failed.
    INTERNAL: 500, "err_internal", "Internal error";
    /// The route has no such method; `Allow` lists its methods.
    METHOD_NOT_ALLOWED: 405, "err_invalid_request", "Method not allowed";
    /// The body is too large.
    TOO_LARGE: 413, "err_invalid_request", "Request too large";
    /// The request contradicts the present state.
    CONFLICT: 409, "err_conflict", "Conflict";
    /// The state has changed since the `ETag` in `If-Match` (RFC 9110 §15.5.13).
    CHANGED: 412, "err_conflict", "Precondition failed";
    /// The caller sends too many requests.
    RATE_LIMITED: 429, "err_rate_limited", "Too many requests";
    /// The resource does not exist.
    NOT_FOUND: 404, "err_not_found", "Not found";
}

impl Problem {
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
