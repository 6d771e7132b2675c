//! What happens to every request.

pub mod request_id;
