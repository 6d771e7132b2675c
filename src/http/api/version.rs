//! Which version of something a change is about.

use actix_web::http::header::{ETAG, HeaderValue, IF_MATCH};
use actix_web::{HttpRequest, HttpResponse};

use crate::admin::AdminError;

/// The answer, with what it may be told from a later one by (RFC 9110 §8.8.3).
pub fn tagged(mut response: HttpResponse, version: &str) -> HttpResponse {
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// The version that something must be of for a change to be made (RFC 9110 §13.1.1); any when
/// nobody says.
///
/// # Errors
/// When it is no tag, or several.
pub fn if_match(request: &HttpRequest) -> Result<Option<String>, AdminError> {
    let Some(value) = request.headers().get(IF_MATCH) else { return Ok(None) };
    let value = value.to_str().map(str::trim).unwrap_or_default();
    // A weak one, as a proxy that compresses makes it, is the version of nothing.
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
