//! Extracts the parts of a request for handlers.

pub mod body;
pub mod caller;
pub mod presented;
pub mod session;
pub mod site;
