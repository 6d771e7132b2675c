//! What an API needs to know who calls it: the [`Verifier`] checks an access token as RFC 9068 and
//! RFC 8725 ask, without asking the issuer. Mintery's own routes use this very code.
//! `docs/guides/protecting-an-api.md` is its guide.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use mintery_verifier::Verifier;
//!
//! let verifier = Verifier::builder("https://auth.example.com").audience("https://api.example.com").build().await?;
//! let caller = verifier.verify("eyJ…").await?;
//! println!("{} may read: {}", caller.subject(), caller.has_scope("servers:read"));
//! # Ok(())
//! # }
//! ```
//!
//! It knows no web framework, but for the adapter to actix-web (feature `actix`); it needs no async
//! runtime; and it leaves the process-wide crypto providers of `jsonwebtoken` and `rustls` alone: a
//! host program may have chosen others.
//!
//! | part | what it does |
//! | --- | --- |
//! | [`Verifier`], [`AccessToken`], [`Principal`] | checks a token; what it says; who calls with it |
//! | [`JwksCache`], [`KeySet`] | keeps the issuer's keys fresh; reads them |
//! | [`FollowRevocations`], [`RevocationFollower`] | knows within a second what the issuer takes back |
//! | [`Fetch`], `HttpFetcher` (feature `fetch`) | how documents of the issuer are fetched |
//! | [`RequireScope`] | what a route asks of a token; with the feature `actix` a middleware |
//! | [`bearer_token`] | finds the one token of a request |

#[cfg(feature = "actix")]
pub mod adapter;
mod builder;
pub mod clock;
mod fetch;
mod keys;
pub mod model;
mod revocation;
pub mod token;

#[cfg(feature = "actix")]
pub use adapter::{Guard, protected_resource_metadata};
pub use builder::{BuildError, BuilderForIssuer, VerifierBuilder};
#[cfg(feature = "fetch")]
pub use fetch::http::{HttpFetcher, agent};
pub use fetch::{Document, FETCH_TIMEOUT, Fetch, FetchError, MAX_DOCUMENT_LEN, Request};
pub use keys::discovery::DiscoveryError;
pub use keys::jwks_cache::{JwksCache, JwksStatus, RefreshError};
pub use keys::key_set::{KeySet, KeySetError, LeftOut, LeftOutReason, VerifyingKey};
pub use model::environment::{Environment, Environments};
pub use revocation::document::FeedDocumentError;
pub use revocation::follower::{FollowError, RevocationFollower, RevocationStatus};
pub use revocation::known::Revocations;
pub use revocation::options::{DEFAULT_MAX_AGE, FollowRevocations, StaleRevocations, basic};
pub use token::access_token::AccessToken;
pub use token::error::VerifyError;
pub use token::presented::{PresentError, bearer_token};
pub use token::principal::Principal;
pub use token::require_scope::{MissingScope, RequireScope};
pub use token::verifier::{DEFAULT_SKEW, Verifier};
