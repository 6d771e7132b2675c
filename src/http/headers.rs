//! Header values of many responses, built once, so that a response copies a pointer and validates
//! nothing.

use actix_web::http::header::HeaderValue;

/// `Content-Type` of JSON.
pub const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// `Cache-Control` of responses that must not be stored.
pub const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// The value `true`.
pub const TRUE: HeaderValue = HeaderValue::from_static("true");

/// `Pragma` for the same, for old caches (RFC 6749 §5.1).
pub const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
