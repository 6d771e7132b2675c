//! One access token: found in a request, parsed strictly, verified.
//!
//! Its types stand at the root of the crate. [`strict_json`] serves the server too.

pub(crate) mod access_token;
pub(crate) mod cache;
pub(crate) mod error;
pub(crate) mod jws;
pub(crate) mod presented;
pub(crate) mod principal;
pub(crate) mod require_scope;
pub mod strict_json;
pub(crate) mod terms;
pub(crate) mod verifier;

pub use jws::MAX_LEN as MAX_TOKEN_LEN;
pub use terms::DEFAULT_SKEW;
