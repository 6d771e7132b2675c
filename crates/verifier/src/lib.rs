//! Verifies Mintery's access tokens in an API: RFC 9068 and RFC 8725, without a request to the issuer
//! for each token. Keys are fetched and kept fresh in the background, and revoked tokens are rejected
//! within a second if the verifier follows the issuer's revocations. Mintery's own routes use the
//! same code.
//!
//! # With actix-web
//!
//! With the feature `actix`, [`Principal`] is an extractor and [`RequireScope`] a middleware:
//!
#![cfg_attr(feature = "actix", doc = "```no_run")]
#![cfg_attr(not(feature = "actix"), doc = "```ignore")]
//! use actix_web::{App, HttpServer, web};
//! use mintery_verifier::{Principal, RequireScope, Verifier};
//!
//! async fn list_servers(caller: Principal) -> String {
//!     format!("servers of {}", caller.subject())
//! }
//!
//! # #[actix_web::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let verifier = Verifier::builder("https://auth.example.com")
//!     .audience("https://api.example.com")
//!     .build()
//!     .await?;
//! HttpServer::new(move || {
//!     App::new().app_data(verifier.clone()).service(
//!         web::resource("/servers")
//!             .wrap(RequireScope::all(["servers:read"]))
//!             .to(list_servers),
//!     )
//! })
//! .bind("127.0.0.1:9000")?
//! .run()
//! .await?;
//! # Ok(())
//! # }
//! ```
//!
//! # With another framework, or none
//!
//! Find the token with [`bearer_token`], verify it, check its scopes, and build the response to a
//! rejected request with [`adapter::answer`]:
//!
//! ```no_run
//! use mintery_verifier::adapter::answer::RefusedResponse;
//! use mintery_verifier::adapter::refusal::Refusal;
//! use mintery_verifier::{Principal, RequireScope, Verifier, bearer_token};
//!
//! /// The caller, or status, headers and body of the response that rejects the request.
//! async fn authorize(
//!     verifier: &Verifier,
//!     authorization: &[&[u8]],
//!     query: &str,
//! ) -> Result<Principal, RefusedResponse> {
//!     let refused = |refusal: Refusal| RefusedResponse::of(&refusal, verifier.audience(), None);
//!     let token = bearer_token(authorization.iter().copied(), query)
//!         .map_err(|error| refused(error.into()))?;
//!     let caller = verifier.verify(token).await.map_err(|error| refused(error.into()))?;
//!     let required = RequireScope::all(["servers:read"]);
//!     required.check(&caller).map_err(|error| refused(error.into()))?;
//!     Ok(caller)
//! }
//! ```
//!
//! # The map
//!
//! | to do | use |
//! | --- | --- |
//! | build a verifier | [`Verifier::builder`], [`VerifierBuilder`] |
//! | verify a token | [`bearer_token`], [`Verifier::verify`]; [`Verifier::check`] never waits |
//! | read the caller | [`Principal`], [`AccessToken`] |
//! | require scopes | [`RequireScope`] |
//! | reject revoked tokens | [`FollowRevocations`], [`StaleRevocations`] |
//! | fetch through a proxy, or with other roots | [`Fetch`] instead of `HttpFetcher` |
//! | check the health of keys and feed | [`Verifier::jwks`], [`Verifier::revocation_status`], [`keys`], [`revocation`] |
//! | build responses, publish metadata | [`adapter`] |
//! | move time in tests | [`clock::ManualClock`] |
//!
//! These serve Mintery's server too, and few APIs need them: [`model`], [`token::strict_json`],
//! [`adapter::problem`], [`adapter::refusal`], [`fetch::authorization`], [`Verifier::with_keys`],
//! [`Verifier::check_for_any`].
//!
//! # Features
//!
//! | feature | adds |
//! | --- | --- |
//! | `fetch` (default) | `HttpFetcher`, over `ureq` and `rustls` with aws-lc-rs |
//! | `actix` | the adapter for actix-web |
//!
//! The crate needs no async runtime. It neither installs nor reads the process-wide crypto providers
//! of `jsonwebtoken` and `rustls`, and enables no provider feature of theirs, so that it cannot
//! disturb the choice of the host program.

// The examples of README and guide compile, or the tests fail.
#[cfg(all(doctest, feature = "actix", feature = "fetch"))]
#[doc = include_str!("../README.md")]
mod readme {}
#[cfg(all(doctest, feature = "actix", feature = "fetch"))]
#[doc = include_str!("../../../docs/guides/protecting-an-api.md")]
mod protecting_an_api {}

pub mod adapter;
mod builder;
pub mod clock;
pub mod fetch;
pub mod keys;
pub mod model;
mod poller;
pub mod revocation;
pub mod token;

#[cfg(feature = "actix")]
pub use adapter::actix::{Guard, protected_resource_metadata};
pub use builder::{BuildError, BuilderForIssuer, VerifierBuilder};
#[cfg(feature = "fetch")]
pub use fetch::http::HttpFetcher;
pub use fetch::{Fetch, FetchError};
pub use revocation::options::{FollowRevocations, StaleRevocations};
pub use token::access_token::AccessToken;
pub use token::error::VerifyError;
pub use token::presented::{PresentError, bearer_token};
pub use token::principal::Principal;
pub use token::require_scope::{MissingScope, RequireScope};
pub use token::verifier::Verifier;
