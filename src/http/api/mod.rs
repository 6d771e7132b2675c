//! Mintery's own API.

mod answer;
pub mod apis;
pub mod auth_check;
mod authorize;
mod change;
pub mod clients;
pub mod events;
mod input;
pub mod keys;
pub mod leaks;
pub mod me;
mod page;
pub mod second_factor;
pub mod secret_use;
pub mod session;
pub mod signing_keys;
pub mod usage;
pub mod users;
mod version;
