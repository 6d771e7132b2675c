//! Types that the server and the APIs share, and their rules. A value of one of these types exists
//! only if it is valid.

pub mod claims;
pub mod environment;
pub mod resource;
pub mod revocation;
pub mod scope;
pub mod signing_key;
