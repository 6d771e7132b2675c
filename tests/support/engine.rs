//! The database engine of a run, and tests that concern one engine alone.
//!
//! A test that concerns one engine begins with `only_on!(Engine::Postgres)`. On the other engine it
//! ends there and appends a line to the file that `TEST_OUTCOMES` names. `tests/run.sh` counts such
//! tests apart, since the harness reports them as passed.

use std::fs::OpenOptions;
use std::io::Write as _;

/// The engine that the tests run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// The engine that `TEST_ENGINE` names; SQLite by default.
pub fn engine() -> Engine {
    match std::env::var("TEST_ENGINE").as_deref() {
        Err(_) | Ok("sqlite") => Engine::Sqlite,
        Ok("postgres") => Engine::Postgres,
        Ok(other) => panic!("TEST_ENGINE is sqlite or postgres, not {other}"),
    }
}

/// Ends the test on every engine but this one.
macro_rules! only_on {
    ($engine:expr) => {
        if $crate::support::engine::engine() != $engine {
            $crate::support::engine::record("NOT APPLICABLE", {
                fn here() {}
                std::any::type_name_of_val(&here)
            });
            return;
        }
    };
}

pub(crate) use only_on;

/// Appends `OUTCOME: test` to the file in `TEST_OUTCOMES`, or prints it. `test` is the path of a
/// function inside the test, and a reason.
pub fn record(outcome: &str, test: &str) {
    let test = test.replace("::{{closure}}", "").replace("::here", "");
    let line = format!("{outcome}: {test}\n");
    let Some(file) = std::env::var_os("TEST_OUTCOMES") else {
        print!("{line}");
        return;
    };
    let mut file = OpenOptions::new().create(true).append(true).open(file).unwrap();
    // One write: tests run at the same time.
    file.write_all(line.as_bytes()).unwrap();
}
