//! Types that the issuer and its APIs share, and their rules. A value of one of these types exists
//! only if it is valid. APIs meet [`scope::ScopeSet`] and [`environment::Environments`]; the rest
//! serves the server.

pub mod claims;
pub mod environment;
pub mod resource;
pub mod revocation;
pub mod scope;
pub mod signing_key;
