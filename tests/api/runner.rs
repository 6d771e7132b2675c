//! `tests/run.sh`: counts and exit status. Its parts call a `cargo` that only reports results.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::support::engine::{Engine, engine, only_on};

/// `tests/run.sh` in a folder without the programs that it installs and starts.
struct Runner {
    folder: tempfile::TempDir,
}

/// The end of a run.
struct Summary {
    succeeded: bool,
    output: String,
}

impl Runner {
    /// A runner whose part of each engine reports two passed tests and these outcomes.
    fn with(sqlite: &[&str], postgres: &[&str]) -> Self {
        let runner = Self { folder: tempfile::tempdir().unwrap() };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/run.sh");
        runner.program("tests/run.sh", &fs::read_to_string(script).unwrap());
        runner.program("tests/setup/packages.sh", "#!/bin/sh\n");
        runner.program("tests/setup/postgres.sh", "#!/bin/sh\n");
        let cargo = "#!/bin/sh\n[ \"$1\" = test ] || exit 0\n\
                     cat \"$OUTCOMES/$TEST_ENGINE\" >>\"$TEST_OUTCOMES\"\n\
                     echo 'test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured'\n";
        runner.program("bin/cargo", cargo);
        for (name, outcomes) in [("sqlite", sqlite), ("postgres", postgres)] {
            let lines = outcomes.iter().flat_map(|line| [line, "\n"]).collect::<String>();
            fs::write(runner.folder.path().join(name), lines).unwrap();
        }
        runner
    }

    fn program(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn run(&self, ci: bool, parts: &[&str]) -> Summary {
        let folder = self.folder.path();
        let path = format!("{}:{}", folder.join("bin").display(), std::env::var("PATH").unwrap());
        let output = Command::new("bash")
            .arg(folder.join("tests/run.sh"))
            .args(parts)
            .env("PATH", path)
            .env("OUTCOMES", folder)
            .env("TEST_POSTGRES_URL", "postgres://unused")
            .env("CI", if ci { "true" } else { "" })
            .env_remove("TEST_OUTCOMES")
            .output()
            .unwrap();
        let text = [output.stderr, output.stdout].concat();
        Summary { succeeded: output.status.success(), output: String::from_utf8(text).unwrap() }
    }
}

impl Summary {
    #[track_caller]
    fn ends_with(&self, succeeded: bool, lines: &[&str]) {
        let end: Vec<&str> = self.output.lines().rev().take(lines.len()).collect();
        let end: Vec<&str> = end.into_iter().rev().collect();
        assert_eq!((self.succeeded, end.as_slice()), (succeeded, lines), "{}", self.output);
    }
}

const BOTH: [&str; 2] = ["sqlite", "postgres"];

#[test]
fn a_run_without_early_ends_counts_what_passed() {
    for ci in [false, true] {
        let summary = Runner::with(&[], &[]).run(ci, &BOTH);
        summary.ends_with(true, &["4 passed, 0 failed, 0 skipped"]);
    }
}

#[test]
fn a_test_for_one_engine_is_counted_apart() {
    let runner = Runner::with(&["NOT APPLICABLE: api::a"], &["NOT APPLICABLE: api::b"]);
    for ci in [false, true] {
        let lines = ["2 not applicable on their engine", "2 passed, 0 failed, 0 skipped"];
        runner.run(ci, &BOTH).ends_with(true, &lines);
    }
}

#[test]
fn a_test_that_applies_to_no_engine_fails_continuous_integration() {
    let runner = Runner::with(&["NOT APPLICABLE: api::a"], &["NOT APPLICABLE: api::a"]);
    let lines = ["2 not applicable on their engine", "2 passed, 0 failed, 0 skipped"];
    let summary = runner.run(false, &BOTH);
    summary.ends_with(true, &lines);
    assert!(summary.output.contains("\napplies to no engine: api::a\n"), "{}", summary.output);
    runner.run(true, &BOTH).ends_with(false, &lines);
    // One part alone proves nothing.
    let lines = ["1 not applicable on their engine", "1 passed, 0 failed, 0 skipped"];
    runner.run(true, &["sqlite"]).ends_with(true, &lines);
}

#[test]
fn a_skipped_test_has_not_passed_and_fails_continuous_integration() {
    let runner = Runner::with(&["SKIP: cli::a: `script` is missing"], &[]);
    let summary = runner.run(false, &BOTH);
    summary.ends_with(true, &["1 skipped", "3 passed, 0 failed, 1 skipped"]);
    assert!(summary.output.contains("\nSKIP: cli::a: `script`"), "{}", summary.output);
    let lines = ["with CI=true nothing may be skipped", "3 passed, 0 failed, 1 skipped"];
    runner.run(true, &BOTH).ends_with(false, &lines);
}

/// Two tests that end early by the helper; `a_test_that_ends_early_is_recorded` runs them.
#[test]
fn for_sqlite() {
    only_on!(Engine::Sqlite);
    assert_eq!(engine(), Engine::Sqlite, "the test goes on after `only_on!` on another engine");
}

#[actix_web::test]
async fn for_postgres() {
    only_on!(Engine::Postgres);
    assert_eq!(engine(), Engine::Postgres, "the test goes on after `only_on!` on another engine");
}

#[test]
fn a_test_that_ends_early_is_recorded_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    for (engine, name) in
        [("sqlite", "api::runner::for_postgres"), ("postgres", "api::runner::for_sqlite")]
    {
        let outcomes = folder.path().join(engine);
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["runner::for_sqlite", "runner::for_postgres", "--exact"])
            .env("TEST_ENGINE", engine)
            .env("TEST_OUTCOMES", &outcomes)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        let recorded = fs::read_to_string(&outcomes).unwrap();
        assert_eq!(recorded, format!("NOT APPLICABLE: {name}\n"), "on {engine}");
    }
}
