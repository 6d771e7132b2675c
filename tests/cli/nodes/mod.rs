//! Several real processes on one PostgreSQL, and a node without its database. One process serves a
//! SQLite file, so that these tests do not apply there.

mod first_use;
mod outage;
mod together;

use crate::support::{Server, Workplace};

/// The issuer of all nodes: the name of the service, not of one of them.
const SERVICE: &str = "http://127.0.0.1:1";

/// A database without tables, for several nodes with the master key of one directory.
fn cluster() -> Workplace {
    Workplace::new().with("MINTERY_ISSUER", SERVICE)
}

fn start_three(work: &Workplace) -> Vec<Server> {
    let starting: Vec<_> = (0..3).map(|_| Server::spawn(work, &[])).collect();
    starting.into_iter().map(crate::support::Starting::ready).collect()
}
