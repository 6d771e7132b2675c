//! Scopes of Mintery's own that pages require.

pub const APIS_READ: &str = "mintery:apis:read";
pub const APIS_WRITE: &str = "mintery:apis:write";
pub const CLIENTS_READ: &str = "mintery:clients:read";
pub const CLIENTS_WRITE: &str = "mintery:clients:write";
pub const EVENTS_READ: &str = "mintery:events:read";
pub const KEYS_READ: &str = "mintery:keys:read";
pub const KEYS_WRITE: &str = "mintery:keys:write";
pub const SIGNING_KEYS_READ: &str = "mintery:signing-keys:read";
pub const SIGNING_KEYS_WRITE: &str = "mintery:signing-keys:write";
pub const USAGE_READ: &str = "mintery:usage:read";
pub const USERS_READ: &str = "mintery:users:read";
pub const USERS_WRITE: &str = "mintery:users:write";
