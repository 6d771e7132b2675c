//! Black-box tests: each starts the server on a free port with a database of its own and talks HTTP
//! to it. The engine is SQLite, or PostgreSQL with `TEST_ENGINE=postgres` and `TEST_POSTGRES_URL`.
//!
//! `support` holds what the tests share. Each of the other files tests one area and names the
//! requirements that it covers.

#![cfg(test)]

mod abandoned_imports;
mod access;
mod access_token;
mod administration;
mod api_keys;
mod architecture;
mod authorization;
mod browsers;
mod changes_elsewhere;
mod client_auth;
mod client_credentials;
mod clock_skew;
mod events;
mod external_authorization;
mod feed;
mod forged_claims;
mod forged_headers;
mod forged_signatures;
mod guesses;
mod hosts;
mod hot_path;
mod introspection;
mod leaked_keys;
mod malformed_token_requests;
mod metadata;
mod metrics;
mod outage;
mod pages;
mod policy;
mod reference;
mod resources;
mod revocation_by_administrators;
mod revocation_endpoint;
mod rotation;
mod runner;
mod second_factor;
mod secret_use;
mod sessions;
mod signing_keys;
mod slow_secrets;
mod support;
mod token_exchange;
mod usage;
mod user_keys;
mod users;
