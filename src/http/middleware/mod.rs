//! What happens to every request.

pub mod cors;
pub mod request_id;
