//! The real `mintery` binary as a process: its command line, its start and its end, its log, and
//! several of it on one PostgreSQL. Each test works in a directory and on a database of its own.
//! The database is SQLite, or, with `TEST_ENGINE=postgres`, a fresh one of the server at
//! `TEST_POSTGRES_URL`.

#[cfg(test)]
mod api_keys;
#[cfg(test)]
mod apis;
#[cfg(test)]
mod caller;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod completions;
#[cfg(test)]
mod config;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod event_log;
#[cfg(test)]
mod full_disk;
#[cfg(test)]
mod import;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod openssl;
#[cfg(test)]
mod over_http;
#[cfg(test)]
mod profiles;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod resource_server;
#[cfg(test)]
mod revocations;
#[cfg(test)]
mod secret_use;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod serve;
#[cfg(test)]
mod signing_keys;
#[cfg(test)]
mod slow_clients;
#[cfg(test)]
mod strangers;
#[cfg(test)]
mod support;
#[cfg(test)]
mod users;
