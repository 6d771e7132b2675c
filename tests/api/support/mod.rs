//! Tools of the black-box tests.
//!
//! `app` runs a server, `answer` reads its answers, `database` creates its database, `wire` sends
//! bytes that no HTTP client sends, `forge` signs with the server's own keys, `doors` presents a
//! token to the server and to the library, `people` log in with browsers,
//! `engine` ends a test that does not apply to the engine of the run.

pub mod answer;
pub mod api_key;
pub mod app;
pub mod authenticator;
pub mod caller;
pub mod database;
pub mod doors;
#[path = "../../support/engine.rs"]
pub mod engine;
pub mod feed;
pub mod forge;
pub mod introspection;
pub mod people;
pub mod token_exchange;
pub mod wire;
