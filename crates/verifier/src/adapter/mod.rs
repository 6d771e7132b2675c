//! The bridge to web frameworks, one file each, over responses that know no framework.
//!
//! | module | job |
//! | --- | --- |
//! | [`answer`] | the response to a rejected request: status, headers, body |
//! | [`refusal`], [`problem`] | the reasons and the body behind it; Mintery's own routes use them too |
//! | [`metadata`] | the metadata that an API publishes about itself (RFC 9728) |
//! | `actix` | actix-web: extractor, middleware, metadata route (feature `actix`) |
//!
//! Another framework is one more file, a copy of `actix.rs` in its terms: find the verifier, call
//! [`bearer_token`](crate::bearer_token), [`verify`](crate::Verifier::verify) and
//! [`RequireScope::check`](crate::RequireScope::check), and convert each error by [`answer`].

#[cfg(feature = "actix")]
pub(crate) mod actix;
pub mod answer;
pub mod metadata;
pub mod problem;
pub mod refusal;
