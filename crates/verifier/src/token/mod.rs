//! One access token: found in a request, read strictly, checked.

pub(crate) mod access_token;
pub(crate) mod cache;
pub(crate) mod error;
pub(crate) mod jws;
pub(crate) mod presented;
pub(crate) mod principal;
pub(crate) mod require_scope;
pub mod strict_json;
pub(crate) mod verifier;
