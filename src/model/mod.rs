//! The types of the domain and their rules. No I/O; whatever depends on time takes `now`. A value of one of these
//! types exists only if it is valid.

pub mod claims;
pub mod environment;
pub mod resource;
pub mod revocation;
pub mod scope;
pub mod signing_key;

#[cfg(feature = "server")]
pub mod address;
#[cfg(feature = "server")]
pub mod api;
#[cfg(feature = "server")]
pub mod api_key;
#[cfg(feature = "server")]
pub mod base_path;
#[cfg(feature = "server")]
pub mod client;
#[cfg(feature = "server")]
pub mod event;
#[cfg(feature = "server")]
pub mod issuer;
#[cfg(feature = "server")]
pub mod key_schedule;
#[cfg(feature = "server")]
pub mod leak;
#[cfg(feature = "server")]
pub mod name;
#[cfg(feature = "server")]
pub mod network;
#[cfg(feature = "server")]
pub mod origin;
#[cfg(feature = "server")]
pub mod principal;
#[cfg(feature = "server")]
pub mod session;
#[cfg(feature = "server")]
pub mod usage;
#[cfg(feature = "server")]
pub mod user;
