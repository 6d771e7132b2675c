//! The types of the domain and their rules. No I/O; whatever depends on time takes `now`. A value
//! of one of these types exists only if it is valid.

pub mod address;
pub mod api;
pub mod api_key;
pub mod authority;
pub mod base_path;
pub mod client;
pub mod event;
pub mod host;
pub mod id;
pub mod identity;
pub mod issuer;
pub mod key_schedule;
pub mod leak;
pub mod name;
pub mod named;
pub mod origin;
pub mod own_scope;
pub mod patch;
pub mod resource;
pub mod session;
pub mod usage;
pub mod user;

// The types that APIs need too belong to the library for them.
pub use mintery_verifier::model::{claims, environment, revocation, scope, signing_key};
