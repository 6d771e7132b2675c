//! The real `mintery` binary as a process: its command line, its start and its end, its log, and
//! several of it on one PostgreSQL. Each test works in a directory and on a database of its own.
//! The database is SQLite, or, with `TEST_ENGINE=postgres`, a fresh one of the server at
//! `TEST_POSTGRES_URL`.

#![cfg(test)]

mod api_keys;
mod apis;
mod clients;
mod completions;
mod config;
mod crashes;
mod doctor;
mod event_log;
mod full_disk;
mod import;
mod logs;
mod nginx;
mod nodes;
mod openssl;
mod over_http;
mod profiles;
mod refusals;
mod resource_server;
mod revocations;
mod secret_use;
mod secrets;
mod serve;
mod signing_keys;
mod slow_clients;
mod strangers;
mod support;
mod users;
