//! The errors outside `/oauth/` (RFC 9457) as actix-web answers them.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpResponse, HttpResponseBuilder};

use super::headers::NO_STORE;
use crate::resource::problem::PROBLEM_JSON;
pub use crate::resource::problem::Problem;

impl Problem {
    pub const METHOD_NOT_ALLOWED: Self = Self::new(405, "err_invalid_request", "Method not allowed");
    pub const TOO_LARGE: Self = Self::new(413, "err_invalid_request", "Request too large");
    pub const CONFLICT: Self = Self::new(409, "err_conflict", "Conflict");
    /// Of what was seen, and named in `If-Match` (RFC 9110 §15.5.13).
    pub const CHANGED: Self = Self::new(412, "err_conflict", "Precondition failed");
    pub const RATE_LIMITED: Self = Self::new(429, "err_rate_limited", "Too many requests");
    pub const NOT_FOUND: Self = Self::new(404, "err_not_found", "Not found");

    /// The status, as actix-web has it.
    pub fn status_code(self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The answer; `extend` adds headers.
    pub fn answer(self, detail: &str, extend: impl FnOnce(&mut HttpResponseBuilder)) -> HttpResponse {
        self.answer_with(detail, &[], extend)
    }

    /// The answer with more members (RFC 9457 §3.2), for programs.
    pub fn answer_with(
        self,
        detail: &str,
        members: &[(&str, bool)],
        extend: impl FnOnce(&mut HttpResponseBuilder),
    ) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((CONTENT_TYPE, PROBLEM_JSON)).insert_header((CACHE_CONTROL, NO_STORE));
        extend(&mut response);
        let mut body = self.body(detail);
        if !members.is_empty()
            && let Ok(serde_json::Value::Object(mut object)) = serde_json::from_slice(&body)
        {
            let more = members.iter().map(|(name, value)| ((*name).to_owned(), (*value).into()));
            object.extend(more);
            body = serde_json::to_vec(&object).unwrap_or(body);
        }
        response.body(body)
    }
}
