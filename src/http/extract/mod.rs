//! What handlers are given of a request.

pub mod body;
pub mod caller;
pub mod presented;
pub mod session;
pub mod site;
