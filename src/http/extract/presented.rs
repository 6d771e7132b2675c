//! The one credential that a protected request presents (RFC 6750 §2).

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;

use crate::oauth::bearer::{AccessError, PresentedToken, TokenFailure};

/// Finds the access token in a request.
///
/// # Errors
/// [`AccessError::Missing`] when there is none, [`AccessError::InvalidRequest`] when there are two or it is in the
/// query, where everybody on the way writes it into a log.
pub fn token(request: &HttpRequest) -> Result<PresentedToken<'_>, AccessError> {
    let in_query =
        serde_urlencoded::from_str::<Vec<(String, String)>>(request.query_string()).unwrap_or_default();
    if in_query.iter().any(|(name, _)| name == "access_token") {
        return Err(AccessError::InvalidRequest("An access token does not belong into the URI"));
    }
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let header = headers.next().ok_or(AccessError::Missing)?;
    if headers.next().is_some() {
        return Err(AccessError::InvalidRequest("The Authorization header is given twice"));
    }
    // Not `to_str`, which looks at each of some six hundred bytes by itself.
    let header = std::str::from_utf8(header.as_bytes()).map_err(|_| TokenFailure::Scheme)?;
    let (scheme, token) = header.split_once(' ').unwrap_or((header, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(TokenFailure::Scheme.into());
    }
    Ok(PresentedToken { token: token.trim_matches(' ') })
}
