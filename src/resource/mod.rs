//! What an API needs to know who calls it: the [`Verifier`] checks an access token as RFC 9068 and RFC 8725 ask,
//! without asking the issuer. Mintery's own routes use this very code. `docs/protecting-an-api.md` is its guide.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use mintery::resource::Verifier;
//!
//! let verifier = Verifier::builder("https://auth.example.com").audience("https://api.example.com").build().await?;
//! let caller = verifier.verify("eyJ…").await?;
//! println!("{} may read: {}", caller.subject(), caller.has_scope("servers:read"));
//! # Ok(())
//! # }
//! ```
//!
//! It knows no web framework, but for the adapter to actix-web (feature `actix`); it needs no async runtime; and it
//! leaves the process-wide crypto providers of `jsonwebtoken` and `rustls` alone: a host program may have chosen others.
//!
//! | part | what it does |
//! | --- | --- |
//! | [`Verifier`], [`AccessToken`], [`Principal`] | checks a token; what it says; who calls with it |
//! | [`JwksCache`], [`KeySet`] | keeps the issuer's keys fresh; reads them |
//! | [`FollowRevocations`], [`RevocationFollower`] | knows within a second what the issuer takes back |
//! | [`Fetch`], `HttpFetcher` (feature `fetch`) | how documents of the issuer are fetched |
//! | [`RequireScope`] | what a route asks of a token; with the feature `actix` a middleware |
//! | [`bearer_token`] | finds the one token of a request |

mod access_token;
#[cfg(feature = "actix")]
mod actix;
mod address;
mod blocking;
mod builder;
mod cache;
mod discovery;
mod error;
mod feed_document;
mod fetch;
mod follow;
#[cfg(feature = "fetch")]
mod http_fetcher;
mod introspector;
mod jwk;
mod jwks_cache;
mod jws;
mod key_set;
#[cfg(feature = "actix")]
mod metadata;
mod presented;
mod principal;
#[cfg(feature = "actix")]
pub(crate) mod problem;
#[cfg(feature = "actix")]
pub(crate) mod refusal;
mod require_scope;
mod revocation_follower;
mod revocations;
mod strict_json;
mod verifier;

pub use access_token::AccessToken;
#[cfg(feature = "actix")]
pub use actix::{Guard, protected_resource_metadata};
pub use builder::{BuildError, BuilderForIssuer, VerifierBuilder};
pub use discovery::DiscoveryError;
pub use error::VerifyError;
pub use feed_document::FeedDocumentError;
pub use fetch::{Document, FETCH_TIMEOUT, Fetch, FetchError, MAX_DOCUMENT_LEN, Request};
#[cfg(feature = "server")]
pub(crate) use follow::basic;
pub use follow::{DEFAULT_MAX_AGE, FollowRevocations, StaleRevocations};
#[cfg(feature = "fetch")]
pub use http_fetcher::HttpFetcher;
#[cfg(feature = "server")]
pub(crate) use http_fetcher::agent;
pub use jwks_cache::{JwksCache, JwksStatus, RefreshError};
pub use key_set::{KeySet, KeySetError, LeftOut, LeftOutReason, VerifyingKey};
pub use presented::{PresentError, bearer_token};
pub use principal::Principal;
pub use require_scope::{MissingScope, RequireScope};
pub use revocation_follower::{FollowError, RevocationFollower, RevocationStatus};
pub use revocations::Revocations;
pub use verifier::{DEFAULT_SKEW, Verifier};

pub use crate::model::environment::{Environment, Environments};
