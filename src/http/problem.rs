//! The errors outside `/oauth/` (RFC 9457) as actix-web answers them.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpResponse, HttpResponseBuilder};

use super::headers::NO_STORE;
use mintery_verifier::adapter::problem::PROBLEM_JSON;
pub use mintery_verifier::adapter::problem::Problem;

/// An error as an answer of actix-web.
pub trait Answer: Sized {
    /// The status, as actix-web has it.
    fn status_code(self) -> StatusCode;

    /// The answer; `extend` adds headers.
    fn answer(self, detail: &str, extend: impl FnOnce(&mut HttpResponseBuilder)) -> HttpResponse {
        self.answer_with(detail, &[], extend)
    }

    /// The answer with more members (RFC 9457 §3.2), for programs.
    fn answer_with(
        self,
        detail: &str,
        members: &[(&str, bool)],
        extend: impl FnOnce(&mut HttpResponseBuilder),
    ) -> HttpResponse;
}

impl Answer for Problem {
    fn status_code(self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn answer_with(
        self,
        detail: &str,
        members: &[(&str, bool)],
        extend: impl FnOnce(&mut HttpResponseBuilder),
    ) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response
            .insert_header((CONTENT_TYPE, PROBLEM_JSON))
            .insert_header((CACHE_CONTROL, NO_STORE));
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
