//! Mintery's own API.

pub(in crate::http) mod administration;
pub mod apis;
pub mod auth_check;
pub mod clients;
pub mod events;
pub mod keys;
pub mod leaks;
pub mod me;
mod page;
pub mod secret_use;
pub mod session;
pub mod signing_keys;
pub mod usage;
pub mod users;
mod version;
