//! Mintery's own API.

pub mod auth_check;
pub mod me;
