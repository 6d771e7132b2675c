//! What an API needs to know who calls it: the [`Verifier`] checks an access token as RFC 9068 and RFC 8725 ask,
//! without asking the issuer. Mintery's own routes use this very code.
//!
//! It knows no web framework, and it leaves `jsonwebtoken`'s process-wide crypto provider alone: a host program may
//! have chosen another one.

mod cache;
mod jws;
mod key_set;
mod strict_json;
mod verifier;

pub use key_set::{KeySet, VerifyingKey};
pub use verifier::{AccessToken, DEFAULT_SKEW, Verifier, VerifyError};
