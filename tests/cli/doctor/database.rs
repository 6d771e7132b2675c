//! The database: its file, its server, its tables.

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::process::Output;

use serde_json::Value;
use sqlx::Connection as _;

use super::{examine, healthy, set_mode, with_addresses};
use crate::support::engine::{Engine, engine, only_on};
use crate::support::skip::skip_unless;
use crate::support::{Workplace, free_port, runtime};

#[test]
fn a_database_file_that_everybody_may_use() {
    only_on!(Engine::Sqlite);
    let work = healthy();
    set_mode(&work, "data/mintery.db", 0o644);
    let report = examine(&work);
    report.is_well_but(&["database"]).says(
        "database",
        "warning",
        &["0644", "chmod 600 data/mintery.db"],
    );
}

#[test]
fn a_database_file_of_another_user() {
    only_on!(Engine::Sqlite);
    skip_unless!(is_root(), "only root gives files away");
    let work = healthy();
    std::os::unix::fs::chown(work.path("data/mintery.db"), Some(4321), None).unwrap();
    examine(&work).says("database", "problem", &["4321", "as that user"]);
}

/// A user with read access only: the first start would fail.
#[test]
fn where_this_user_may_not_write() {
    only_on!(Engine::Sqlite);
    skip_unless!(is_root(), "only root gives files away");
    let work = with_addresses(Workplace::new());
    set_mode(&work, ".", 0o755);
    let output = run_as_another_user(&work, &["doctor", "-o", "json"]);
    let findings: Value = serde_json::from_slice(&output.stdout).unwrap();
    for (check, found) in [(1, "cannot create one"), (3, "cannot create a key")] {
        assert_eq!(findings[check]["result"], "problem", "{findings}");
        assert!(findings[check]["found"].as_str().unwrap().contains(found), "{findings}");
    }
}

/// A check leaves no file behind that would block later writers.
#[test]
fn a_database_that_its_owner_may_only_read() {
    only_on!(Engine::Sqlite);
    skip_unless!(is_root(), "only root gives files away");
    let work = with_addresses(Workplace::new());
    set_mode(&work, ".", 0o777);
    let as_user = |arguments: &[&str]| run_as_another_user(&work, arguments);
    let made = as_user(&["client", "create", "--name", "x"]);
    assert!(made.status.success(), "{made:?}");
    // At rest, with nothing but the file itself.
    let rested = as_user(&["doctor", "-o", "json"]);
    assert!(rested.status.success(), "{rested:?}");
    for (path, forbidding, allowing) in [("data/mintery.db", 0o400, 0o600), ("data", 0o500, 0o700)]
    {
        set_mode(&work, path, forbidding);
        let before = work.entries();
        let output = as_user(&["doctor", "-o", "json"]);
        let findings: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(findings[1]["found"].as_str().unwrap().contains("may not write"), "{findings}");
        assert_eq!(work.entries(), before);
        set_mode(&work, path, allowing);
        let changed = as_user(&["client", "create", "--name", "y"]);
        assert!(changed.status.success(), "{changed:?}");
        as_user(&["doctor"]);
    }
}

/// Runs `mintery` as another user. The program lies in the folder of the workplace, since that user
/// may be unable to reach the folder in which it was built.
fn run_as_another_user(work: &Workplace, arguments: &[&str]) -> Output {
    let (built, program) = (env!("CARGO_BIN_EXE_mintery"), work.path("mintery"));
    if !program.exists() {
        fs::hard_link(built, &program).or_else(|_| fs::copy(built, &program).map(drop)).unwrap();
    }
    let mut command = work.program(program.to_str().unwrap());
    command.args(arguments).uid(4321).gid(4321).output().unwrap()
}

/// Only root may change the owner of files.
fn is_root() -> bool {
    let probe = tempfile::NamedTempFile::new().unwrap();
    std::os::unix::fs::chown(probe.path(), Some(4321), None).is_ok()
}

#[test]
fn files_that_are_not_databases() {
    only_on!(Engine::Sqlite);
    for garbage in [
        &b"not a database, but a text that is longer than its header\n"[..].repeat(40),
        &vec![0xff; 8192],
    ] {
        let work = with_addresses(Workplace::new());
        let path = work.write("data/mintery.db", garbage);
        let report = examine(&work);
        report.says("database", "problem", &["data/mintery.db", "not a database"]);
        report.says("migrations", "warning", &["not checked"]).says("clock", "warning", &[]);
        assert_eq!(&fs::read(path).unwrap(), garbage);
    }
    let work = with_addresses(Workplace::new());
    work.write("data/mintery.db/x", "");
    examine(&work).says("database", "problem", &["data/mintery.db", "not a file"]);
    let work = with_addresses(Workplace::new());
    work.write("data", "a file where the folder should be");
    examine(&work).says("database", "problem", &["data"]);
    for url in [
        "mysql://u:hunter2@db/m",
        "host=db password=hunter2",
        "sqlite::memory:",
        "postgres://u:hunter2@db:x/m",
    ] {
        let report = examine(&with_addresses(Workplace::new()).with("MINTERY_DATABASE_URL", url));
        report.keeps("hunter2").says("database", "problem", &[]);
    }
}

/// Neither an empty file nor one of another program is changed by a check.
#[test]
fn a_database_without_our_tables() {
    only_on!(Engine::Sqlite);
    let work = with_addresses(Workplace::new());
    let path = work.write("data/mintery.db", "");
    examine(&work).says("migrations", "warning", &["mintery db migrate"]);
    assert_eq!(fs::read(&path).unwrap(), b"");
    work.execute("CREATE TABLE theirs (x TEXT)");
    let theirs = fs::read(&path).unwrap();
    examine(&work).says("migrations", "warning", &["mintery db migrate"]);
    assert_eq!(fs::read(&path).unwrap(), theirs);
}

#[test]
fn tables_of_another_release() {
    let work = healthy();
    work.execute("UPDATE _sqlx_migrations SET version = 99991231000000 WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)");
    let report = examine(&work);
    report.says("migrations", "problem", &["99991231000000", "upgrade"]);
    report.says("master_key", "ok", &["not checked"]).says(
        "event_log",
        "warning",
        &["not checked"],
    );
    work.execute("DELETE FROM _sqlx_migrations WHERE version = 99991231000000");
    let result = if engine() == Engine::Postgres { "problem" } else { "warning" };
    examine(&work).says("migrations", result, &["earlier release", "mintery db migrate"]);
}

/// SEC-5
#[test]
fn a_database_that_is_down() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    for (port, word) in [(free_port(), "refused"), (silent.local_addr().unwrap().port(), "answer")]
    {
        let url = format!("postgres://mintery:hunter2@127.0.0.1:{port}/mintery?sslmode=disable");
        let work = with_addresses(Workplace::new()).with("MINTERY_DATABASE_URL", &url);
        let report = examine(&work);
        report.keeps("hunter2").says("database", "problem", &["127.0.0.1", word, "database_url"]);
        for check in ["migrations", "event_log", "signing_keys", "clock"] {
            report.says(check, "warning", &["not checked"]);
        }
        report.says("master_key", "warning", &["keys/master.key"]).says("port", "ok", &[]);
    }
}

#[test]
fn a_database_locked_by_another_process() {
    only_on!(Engine::Sqlite);
    let work = with_addresses(Workplace::new());
    work.write("data/mintery.db", "");
    let mut locker = work.connect();
    let lock = "BEGIN EXCLUSIVE; CREATE TABLE x (y)";
    runtime().block_on(async { sqlx::raw_sql(lock).execute(&mut locker).await.unwrap() });
    examine(&work).says("database", "problem", &["locked"]);
    runtime().block_on(async { locker.close().await.unwrap() });
}

/// A misspelled `sslmode` is reported, because it encrypts nothing, and a misspelled password is
/// never shown (SEC-5).
#[test]
fn parameters_of_the_database_that_are_ignored() {
    only_on!(Engine::Postgres);
    let work = healthy();
    let url = work.database_url();
    let separator = if url.contains('?') { '&' } else { '?' };
    let work = work.with(
        "MINTERY_DATABASE_URL",
        &format!("{url}{separator}sslmod=verify-full&passwd=hunter2"),
    );
    let report = examine(&work);
    report.keeps("hunter2").is_well_but(&["database"]).says(
        "database",
        "warning",
        &["sslmod, passwd"],
    );
    let ran = work.run(&["client", "list"]).succeeded();
    assert!(ran.stderr.contains("sslmod") && !ran.stderr.contains("hunter2"), "{ran:?}");
}

#[test]
fn an_event_log_without_a_head() {
    let work = healthy();
    work.execute("DELETE FROM event_head");
    examine(&work).is_well_but(&["event_log"]).says(
        "event_log",
        "problem",
        &["event head", "backup"],
    );
}
