//! Header values of many responses, built once, so that a response copies a pointer and validates
//! nothing.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

/// `Content-Type` of JSON.
pub const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// `Cache-Control` of responses that must not be stored.
pub const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// The value `true`.
pub const TRUE: HeaderValue = HeaderValue::from_static("true");

/// `Pragma` for the same, for old caches (RFC 6749 §5.1).
pub const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");

/// The values of a header that may carry a credential. Gateways that remove a credential leave an
/// empty header, which carries none.
pub fn credentials<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'a HeaderValue> {
    headers.get_all(name).filter(|value| !value.as_bytes().trim_ascii().is_empty())
}

/// True if a header carries a credential.
pub fn has_credential(headers: &HeaderMap, name: &HeaderName) -> bool {
    credentials(headers, name).next().is_some()
}
