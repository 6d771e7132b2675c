//! Middleware of all requests.

pub mod cors;
pub mod request_id;
