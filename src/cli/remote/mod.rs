//! Commands that act on a server over HTTP, with the credential of a profile. They use no database.

pub mod auth;
mod credential;
mod grant;
mod http;
pub mod login;
pub mod logout;
mod profile;
mod profile_file;
mod server_url;
pub mod token;
pub mod whoami;
