//! The response to a rejected request, for any web framework.
//!
//! ```
//! use mintery_verifier::adapter::answer::RefusedResponse;
//! use mintery_verifier::{Verifier, VerifyError};
//!
//! /// Status, headers and body, for a framework to convert.
//! fn respond(verifier: &Verifier, error: VerifyError) -> (u16, Vec<(&'static str, String)>, Vec<u8>) {
//!     let response = RefusedResponse::of(&error.into(), verifier.audience(), None);
//!     let headers = response.headers().map(|(name, value)| (name, value.to_owned()));
//!     (response.status(), headers.collect(), response.body())
//! }
//! ```

use std::borrow::Cow;

use crate::adapter::problem::{PROBLEM_JSON, Problem};
use crate::adapter::refusal::{RETRY_AFTER_SECS, Refusal};

/// The response to a rejected request: a problem (RFC 9457) with a challenge (RFC 6750 §3), or with
/// `Retry-After` if no decision is possible now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedResponse {
    problem: Problem,
    detail: Cow<'static, str>,
    challenge: Option<String>,
}

impl RefusedResponse {
    /// The response to `refusal`, which a `VerifyError`, `PresentError` or `MissingScope` converts
    /// into. `realm` is the audience of the verifier, and `metadata` the address of
    /// the API's [metadata](super::metadata), if it publishes any.
    #[must_use]
    pub fn of(refusal: &Refusal, realm: &str, metadata: Option<&str>) -> Self {
        Self {
            problem: refusal.problem(),
            detail: refusal.detail(),
            challenge: refusal.challenge(realm, metadata),
        }
    }

    /// The response of an application that has no verifier.
    #[must_use]
    pub const fn no_verifier() -> Self {
        let detail = "This API has no verifier: give one to the application with app_data";
        Self { problem: Problem::INTERNAL, detail: Cow::Borrowed(detail), challenge: None }
    }

    /// The status: 400, 401, 403, 500 or 503.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.problem.status
    }

    /// The text for the caller.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The headers: names in lower case, and values.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let is_unavailable = self.problem == Problem::UNAVAILABLE;
        let usual = [("content-type", PROBLEM_JSON), ("cache-control", "no-store")];
        usual
            .into_iter()
            .chain(self.challenge.as_deref().map(|challenge| ("www-authenticate", challenge)))
            .chain(is_unavailable.then_some(("retry-after", RETRY_AFTER_SECS)))
    }

    /// The body, in JSON.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        self.problem.body(&self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::RefusedResponse;
    use crate::adapter::refusal::Refusal;
    use crate::token::error::VerifyError;
    use crate::token::presented::PresentError;

    fn headers(refusal: &Refusal) -> (u16, String) {
        let response = RefusedResponse::of(refusal, "api", None);
        let lines = response.headers().map(|(name, value)| format!("{name}: {value}\n"));
        (response.status(), lines.collect())
    }

    #[test]
    fn each_error_has_its_status_and_headers() {
        let usual = "content-type: application/problem+json\ncache-control: no-store\n";
        for (refusal, status, last) in [
            (PresentError::Missing.into(), 401, "www-authenticate: Bearer realm=\"api\"\n"),
            (
                PresentError::Twice.into(),
                400,
                "www-authenticate: Bearer realm=\"api\", error=\"invalid_request\"\n",
            ),
            (
                VerifyError::Expired.into(),
                401,
                "www-authenticate: Bearer realm=\"api\", error=\"invalid_token\"\n",
            ),
            (
                Refusal::InsufficientScope("read".to_owned()),
                403,
                "www-authenticate: Bearer realm=\"api\", error=\"insufficient_scope\", scope=\"read\"\n",
            ),
            (VerifyError::KeysUnavailable.into(), 503, "retry-after: 1\n"),
            (VerifyError::StaleRevocations.into(), 503, "retry-after: 1\n"),
        ] {
            assert_eq!(headers(&refusal), (status, format!("{usual}{last}")), "{refusal:?}");
        }
    }
}
