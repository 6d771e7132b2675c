//! Black-box tests: each starts the server on a free port with a database of its own and talks HTTP
//! to it. The engine is SQLite, or PostgreSQL with `TEST_ENGINE=postgres` and `TEST_POSTGRES_URL`.
//!
//! `app` starts a server and does what people do with it, `answer` reads what it says, `database`
//! makes its database, `wire` sends what no HTTP client would send, `forge` signs with the server's
//! own keys, `doors` shows a token to the server and to the library, `people` log in. Each of the
//! other files tests one area, and names the lines of REQUIREMENTS.md that it covers.

#[cfg(test)]
mod administration;
#[cfg(test)]
mod answer;
#[cfg(test)]
mod app;
#[cfg(test)]
mod database;
#[cfg(test)]
mod doors;
#[cfg(test)]
mod forge;
#[cfg(test)]
mod people;
#[cfg(test)]
mod wire;

#[cfg(test)]
mod access;
#[cfg(test)]
mod api_keys;
#[cfg(test)]
mod architecture;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod browsers;
#[cfg(test)]
mod changes;
#[cfg(test)]
mod client_auth;
#[cfg(test)]
mod clocks;
#[cfg(test)]
mod feed;
#[cfg(test)]
mod forged_claims;
#[cfg(test)]
mod forged_signatures;
#[cfg(test)]
mod forgery;
#[cfg(test)]
mod guesses;
#[cfg(test)]
mod hot_path;
#[cfg(test)]
mod imports;
#[cfg(test)]
mod introspection;
#[cfg(test)]
mod leaked_keys;
#[cfg(test)]
mod metadata;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod revocation;
#[cfg(test)]
mod rotation;
#[cfg(test)]
mod second_factor;
#[cfg(test)]
mod secret_use;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod slow_secrets;
#[cfg(test)]
mod token;
#[cfg(test)]
mod token_exchange;
#[cfg(test)]
mod token_input;
#[cfg(test)]
mod token_revocation;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod usage;
#[cfg(test)]
mod user_keys;
#[cfg(test)]
mod users;
