//! Revocations: followed through the issuer's feed, or asked about one token at a time.
//!
//! | to read | type |
//! | --- | --- |
//! | the state of following | [`RevocationFollower`], [`RevocationStatus`], [`FollowError`] |
//! | the known revocations | [`Revocations`], which Mintery's own nodes fill from their database |

pub(crate) mod document;
pub(crate) mod feed;
pub(crate) mod follower;
pub(crate) mod freshness;
pub(crate) mod introspector;
pub(crate) mod known;
pub(crate) mod options;

pub use document::FeedDocumentError;
pub use feed::{FollowError, RevocationStatus};
pub use follower::RevocationFollower;
pub use known::Revocations;
pub use options::DEFAULT_MAX_AGE;
