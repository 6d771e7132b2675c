//! Mintery, an authorization server for machines.
//!
//! The map of the crate, in the order in which a request meets its parts:
//!
//! | part | what it is for |
//! | --- | --- |
//! | `cli`, `doctor` | the commands; what one of them looks at to say whether the server can work here |
//! | `server`, `background`, `logging` | how it is put together and run; the tasks beside the requests |
//! | `http` | all actix server code: the URL table, extractors, answers, the dashboard |
//! | `oauth` | the protocol: authenticate the client, check the grant, issue; no web framework, no SQL |
//! | `directory` | what this node remembers of the store, bounded, and the follower that keeps it right |
//! | `keys` | the master key, data keys, signing keys, the ring that signs |
//! | `admin` | one function per administrative act; command line, API and pages call these |
//! | `store` | all SQL; the one way to write |
//! | [`model`] | types of the domain and their rules |
//! | `secret`, [`clock`], `random`, `config`, `metrics` | what all of them stand on |
//!
//! Imports run from an upper row to a lower one, as `tests/api/architecture.rs` checks.
//! The verifier of access tokens, for Mintery's own routes and for other people's APIs, is a crate
//! of its own, `mintery-verifier`.

pub mod admin;
pub mod authn;
pub mod background;
pub mod cli;
pub mod clock;
pub mod config;
pub mod directory;
pub mod doctor;
pub mod http;
pub mod json;
pub mod keys;
pub mod logging;
pub mod metrics;
pub mod model;
pub mod network;
pub mod oauth;
pub mod random;
pub mod secret;
pub mod server;
pub mod store;
