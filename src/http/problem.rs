//! The body of an error outside `/oauth/` (RFC 9457), with the members that older clients know: `code`, `message`.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

use super::headers::NO_STORE;

/// An error as it is told.
#[derive(Debug, Clone, Copy)]
pub struct Problem {
    /// The status.
    pub status: StatusCode,
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
}

impl Problem {
    pub const MISSING_CREDENTIALS: Self = Self::unauthorised("Authentication credentials are missing");
    pub const INVALID_CREDENTIALS: Self = Self::unauthorised("Authentication credentials are invalid");
    pub const NO_PERMISSION: Self =
        Self { status: StatusCode::FORBIDDEN, code: "err_no_permission", title: "No permission" };
    pub const INVALID_REQUEST: Self =
        Self { status: StatusCode::BAD_REQUEST, code: "err_invalid_request", title: "Invalid request" };
    pub const METHOD_NOT_ALLOWED: Self = Self {
        status: StatusCode::METHOD_NOT_ALLOWED,
        code: "err_invalid_request",
        title: "Method not allowed",
    };
    pub const NOT_FOUND: Self =
        Self { status: StatusCode::NOT_FOUND, code: "err_not_found", title: "Not found" };
    pub const UNAVAILABLE: Self =
        Self { status: StatusCode::SERVICE_UNAVAILABLE, code: "err_unavailable", title: "Unavailable" };

    const fn unauthorised(title: &'static str) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, code: "err_unauthorised", title }
    }

    /// The answer; `extend` adds headers.
    pub fn answer(self, detail: &str, extend: impl FnOnce(&mut HttpResponseBuilder)) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        response
            .insert_header((CONTENT_TYPE, "application/problem+json"))
            .insert_header((CACHE_CONTROL, NO_STORE));
        extend(&mut response);
        let body = Body {
            r#type: format!("urn:mintery:error:{}", self.code),
            title: self.title,
            status: self.status.as_u16(),
            detail,
            code: self.code,
            message: detail,
        };
        response.body(serde_json::to_vec(&body).unwrap_or_default())
    }
}
