//! Versions of objects (`ETag`) and conditional changes (`If-Match`).

use actix_web::http::header::{ETAG, HeaderValue, IF_MATCH};
use actix_web::{HttpRequest, HttpResponse};

use crate::admin::AdminError;

/// Adds the `ETag` of the version (RFC 9110 §8.8.3).
pub fn tagged(mut response: HttpResponse, version: &str) -> HttpResponse {
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// The version required by `If-Match` (RFC 9110 §13.1.1); any if absent.
///
/// # Errors
/// If it is not a single tag.
pub fn if_match(request: &HttpRequest) -> Result<Option<String>, AdminError> {
    let Some(value) = request.headers().get(IF_MATCH) else { return Ok(None) };
    let value = value.to_str().map(str::trim).unwrap_or_default();
    // A compressing proxy weakens the tag: compare it without the prefix.
    let strong = value.strip_prefix("W/").unwrap_or(value);
    if value != "*" && !is_tag(strong) {
        return Err(AdminError::Invalid(
            "If-Match must be the ETag of a previous response".to_owned(),
        ));
    }
    Ok((value != "*")
        .then(|| if value == strong { strong.trim_matches('"').to_owned() } else { String::new() }))
}

fn is_tag(value: &str) -> bool {
    value.len() > 1 && value.starts_with('"') && value.ends_with('"') && !value.contains(',')
}
