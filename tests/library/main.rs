//! The crate `mintery-verifier` from the outside: a verifier, issuers on this machine that behave and
//! misbehave, and an API that is protected with actix-web.
//!
//! `key` signs, `issuer` is a scripted issuer, `api` is a protected API. Each of the other files
//! tests one area, and names the requirements that it covers.

#[cfg(test)]
mod api;
#[cfg(test)]
mod issuer;
#[cfg(test)]
mod key;

#[cfg(test)]
mod adapter;
#[cfg(test)]
mod feed;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod key_sets;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod refresh;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod vectors;
