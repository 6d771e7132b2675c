//! The one credential that a protected request presents (RFC 6750 §2).

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;

use crate::oauth::bearer::{AccessError, PresentedToken, TokenFailure};
use crate::resource::VerifyError;

/// Finds the access token in a request.
///
/// # Errors
/// [`AccessError::Missing`] when there is none (or one of another scheme), [`AccessError::InvalidRequest`] when there
/// are two or it is in the query, where everybody on the way writes it into a log.
pub fn token(request: &HttpRequest) -> Result<PresentedToken<'_>, AccessError> {
    if !request.query_string().is_empty() && names_token(request.query_string()) {
        return Err(AccessError::InvalidRequest("An access token does not belong into the URI"));
    }
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let header = headers.next().ok_or(AccessError::Missing)?;
    if headers.next().is_some() {
        return Err(AccessError::InvalidRequest("The Authorization header is given twice"));
    }
    let header = header.as_bytes().trim_ascii();
    let (scheme, token) =
        header.split_at(header.iter().position(|byte| *byte == b' ').unwrap_or(header.len()));
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        // RFC 6750 §3.1: whoever tried another method is told of this one, without an error code.
        return Err(AccessError::Missing);
    }
    // Not `HeaderValue::to_str`, which looks at each of some six hundred bytes by itself.
    let token = std::str::from_utf8(token.trim_ascii());
    Ok(PresentedToken { token: token.map_err(|_| TokenFailure::Token(VerifyError::Malformed))? })
}

/// Whether a query has a parameter `access_token`.
fn names_token(query: &str) -> bool {
    let parameters = serde_urlencoded::from_str::<Vec<(String, String)>>(query).unwrap_or_default();
    parameters.iter().any(|(name, _)| name == "access_token")
}
