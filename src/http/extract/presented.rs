//! The one credential that a protected request presents (RFC 6750 §2).

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, HeaderValue};

use crate::oauth::bearer::{AccessError, PresentedToken};
use crate::resource::bearer_token;

/// Finds the access token in a request.
///
/// # Errors
/// [`AccessError::Missing`] when there is none (or one of another scheme), [`AccessError::InvalidRequest`] when there
/// are two or it is in the query.
pub fn token(request: &HttpRequest) -> Result<PresentedToken<'_>, AccessError> {
    let headers = request.headers().get_all(AUTHORIZATION).map(HeaderValue::as_bytes);
    Ok(PresentedToken { token: bearer_token(headers, request.query_string())? })
}
