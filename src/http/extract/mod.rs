//! What handlers are given of a request.

pub mod body;
pub mod peer;
pub mod presented;
