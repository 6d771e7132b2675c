//! JSON of the command line and the API: one file per noun, with the answers that show it and the
//! inputs that describe it. Members of clients have the names of RFC 7591 §2 where it has one.
//! Dates are seconds since the epoch.

pub mod api;
pub mod api_key;
pub mod client;
pub mod client_terms;
pub mod event;
pub(super) mod input;
pub mod object;
pub mod secret;
pub mod secret_use;
pub mod signing_key;
pub mod usage;
pub mod user;
