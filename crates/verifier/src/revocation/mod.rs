//! What the issuer has revoked: followed, or asked for one token.

pub(crate) mod document;
pub(crate) mod follower;
pub(crate) mod introspector;
pub(crate) mod known;
pub(crate) mod options;
