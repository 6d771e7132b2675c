//! API keys. Callers manage their own keys; those of others only with all scopes of the owner. No
//! key gets a scope that its creator lacks, or exceeds the limits of the key that creates it.

mod create;
pub mod policy;
mod read;
mod revoke;
mod rotate;
mod update;

pub use create::{CreatedApiKey, Creation, NewApiKey, create, create_once};
pub use policy::ApiKeyPolicy;
pub(super) use read::not_found;
pub use read::{KeptApiKey, daily_uses, leaked, newest, page, show, status, usage};
pub use revoke::{MAX_AT_ONCE, Selection, revoke, revoke_all};
pub use rotate::{MAX_OVERLAP, Rotation, USUAL_OVERLAP, rotate};
pub use update::{ApiKeyUpdate, set_enabled, update, version};

pub use super::once::Repeatable;
pub use crate::store::api_key::Filter;
pub use crate::store::api_key_usage::MAX_KEYS as MAX_KEYS_OF_DAYS;
