//! The body of an error (RFC 9457), with the members that other clients know: `code`, `message`, `error`.

use serde::Serialize;

/// The content type of the body.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// An error as it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Problem {
    /// The status.
    pub status: u16,
    /// The code by which programs know it.
    pub code: &'static str,
    /// What kind of error it is, for people.
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

/// The same once more: the official OpenAI clients look for it here, and what they do not find they do not show.
#[derive(Serialize)]
struct ErrorMember<'a> {
    message: &'a str,
    r#type: &'a str,
    code: &'a str,
}

impl Problem {
    pub const MISSING_CREDENTIALS: Self =
        Self::new(401, "err_unauthorised", "Authentication credentials are missing");
    pub const INVALID_CREDENTIALS: Self =
        Self::new(401, "err_unauthorised", "Authentication credentials are invalid");
    pub const NO_PERMISSION: Self = Self::new(403, "err_no_permission", "No permission");
    pub const INVALID_REQUEST: Self = Self::new(400, "err_invalid_request", "Invalid request");
    pub const UNAVAILABLE: Self = Self::new(503, "err_unavailable", "Unavailable");
    pub const INTERNAL: Self = Self::new(500, "err_internal", "Internal error");

    pub const fn new(status: u16, code: &'static str, title: &'static str) -> Self {
        Self { status, code, title }
    }

    /// The body, in JSON.
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
