//! Mintery's own API.

pub mod administration;
pub mod apis;
pub mod auth_check;
pub mod clients;
pub mod me;
pub mod page;
