//! Who calls: by an access token, an API key or a session; and how people log in.

pub mod api_key;
pub mod caller;
pub mod log_in;
pub mod session;
