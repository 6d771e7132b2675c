//! Commands that act on a running server over HTTP.

mod log_in;
mod tokens;

use serde_json::Value;

use crate::support::caller::Caller;
use crate::support::{Client, Server, Workplace};

/// A server and a caller.
fn begin() -> (Workplace, Server, Caller) {
    let work = Workplace::with_tables();
    work.create_client(&[]);
    let server = Server::start(&work);
    let caller = Caller::beside(&work);
    (work, server, caller)
}

fn create_key(work: &Workplace, owner: &Client, flags: &[&str]) -> Value {
    let mut arguments =
        vec!["key", "create", "--name", "nightly", "--owner", &owner.id, "-o", "json"];
    arguments.extend(flags);
    work.run(&arguments).succeeded().json()
}
