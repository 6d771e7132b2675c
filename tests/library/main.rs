//! The crate `mintery-verifier` from the outside: a verifier, issuers on this machine that behave and
//! misbehave, and an API that is protected with actix-web.
//!
//! `key` signs, `issuer` is a scripted issuer, `api` is a protected API. Each of the other files
//! tests one area, and names the requirements that it covers.

#![cfg(test)]

mod adapter;
mod api;
mod feed;
mod fuzz;
mod issuer;
mod key;
mod key_sets;
mod outage;
mod properties;
mod refresh;
mod tls;
mod tokens;
mod vectors;
