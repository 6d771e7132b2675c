//! What many answers are made of: values of headers, made once, so that an answer copies a pointer
//! and checks nothing.

use actix_web::http::header::HeaderValue;

/// `Content-Type` of JSON.
pub const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// `Cache-Control` of what nobody may keep.
pub const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// The value of a header that says yes.
pub const TRUE: HeaderValue = HeaderValue::from_static("true");

/// `Pragma` of what nobody may keep, for caches that know no better (RFC 6749 §5.1).
pub const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
