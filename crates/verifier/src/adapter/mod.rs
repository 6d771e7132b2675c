//! Adapters to web frameworks, a file each, and the answers that they share.

mod actix;
mod metadata;
pub mod problem;
pub mod refusal;

pub use actix::{Guard, protected_resource_metadata};
