//! Authentication of callers by access token, API key, session or log-in.
//!
//! A new kind of credential is an arm of [`caller::CallerCredential`] and a file beside
//! [`api_key`]; its failures belong in [`error`]. Nothing here knows the OAuth endpoints.

pub mod api_key;
pub mod audience;
pub mod caller;
pub mod context;
pub mod delay;
pub mod demand;
pub mod error;
pub mod log_in;
pub mod session;
pub mod token;
