//! `mintery doctor`: its findings and advice; it changes nothing.

mod database;
mod keys;
mod network;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use serde_json::Value;

use crate::support::engine::{Engine, engine};
use crate::support::{ISSUER, Ran, Server, Workplace, free_port};

const CHECKS: [&str; 11] = [
    "settings",
    "database",
    "migrations",
    "master_key",
    "event_log",
    "signing_keys",
    "clock",
    "issuer",
    "port",
    "metrics",
    "proxies",
];

/// The report of the doctor.
#[derive(Debug)]
struct Report {
    findings: BTreeMap<String, Value>,
    ran: Ran,
}

/// Runs the doctor, and checks the invariants: form, exit code, time, and unchanged files.
#[track_caller]
fn examine(work: &Workplace) -> Report {
    let files = |work: &Workplace| {
        let is_sqlites_own = |path: &String| path.ends_with("-wal") || path.ends_with("-shm");
        let entries = work.entries().into_iter().filter(|path| !is_sqlites_own(path));
        entries
            .map(|path| (fs::metadata(work.path(&path)).map(|file| file.permissions()).ok(), path))
            .collect::<Vec<_>>()
    };
    let before = files(work);
    let ran = work.run(&["doctor", "-o", "json"]);
    assert_eq!(files(work), before);
    assert!(ran.took < Duration::from_secs(15), "{ran:?}");
    let mut findings = BTreeMap::new();
    let mut problems = 0;
    for finding in ran.json().as_array().unwrap() {
        let text = |member: &str| finding[member].as_str().unwrap_or_default().to_owned();
        assert!(!text("found").is_empty(), "{finding}");
        match text("result").as_str() {
            "ok" => {}
            "warning" => assert!(!text("advice").is_empty(), "{finding}"),
            "problem" => {
                assert!(!text("advice").is_empty(), "{finding}");
                problems += 1;
            }
            _ => panic!("{finding}"),
        }
        findings.insert(text("check"), finding.clone());
    }
    if problems == 0 {
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
    } else {
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(
            ran.stderr.starts_with(&format!("mintery: {problems} check"))
                && ran.stderr.lines().count() == 1,
            "{ran:?}"
        );
    }
    Report { findings, ran }
}

impl Report {
    /// A check has this result, and its text contains all `words`.
    #[track_caller]
    fn says(&self, check: &str, result: &str, words: &[&str]) -> &Self {
        let finding = &self.findings[check];
        assert_eq!(finding["result"], result, "{check}: {self:#?}");
        for word in words {
            assert!(finding.to_string().contains(word), "{check} does not say `{word}`: {self:#?}");
        }
        self
    }

    /// All checks ran, and all except these passed.
    #[track_caller]
    fn is_well_but(&self, others: &[&str]) -> &Self {
        assert_eq!(self.findings.len(), CHECKS.len(), "{self:#?}");
        for check in CHECKS {
            let is_ok = self.findings[check]["result"] == "ok";
            assert_eq!(is_ok, !others.contains(&check), "{check}: {self:#?}");
        }
        self
    }

    #[track_caller]
    fn keeps(&self, secret: &str) -> &Self {
        let Ran { stdout, stderr, .. } = &self.ran;
        assert!(!stdout.contains(secret) && !stderr.contains(secret), "{self:#?}");
        self
    }
}

/// An issuer without a server, and a free port.
fn with_addresses(work: Workplace) -> Workplace {
    let address = format!("127.0.0.1:{}", free_port());
    work.with("MINTERY_LISTEN", &address).with("MINTERY_ISSUER", &format!("http://{address}"))
}

/// A healthy workplace.
fn healthy() -> Workplace {
    let work = with_addresses(Workplace::with_tables());
    work.create_client(&[]);
    work
}

fn set_mode(work: &Workplace, path: &str, mode: u32) {
    fs::set_permissions(work.path(path), fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn where_all_is_well() {
    let work = healthy();
    let report = examine(&work);
    report.is_well_but(&[]);
    report.says("master_key", "ok", &["keys/master.key", "0600", "opens"]);
    report.says("event_log", "ok", &["event 2"]);
    report.says("signing_keys", "ok", &["ES256", " until 20"]);
    match engine() {
        Engine::Sqlite => {
            report.says("database", "ok", &["SQLite", "data/mintery.db", "0600"]);
            report.says("clock", "ok", &["no clock of its own"]);
        }
        Engine::Postgres => {
            report.says("database", "ok", &["PostgreSQL"]);
            report.says("clock", "ok", &["apart"]);
        }
    }
    let table = work.run(&["doctor"]).succeeded().stdout;
    for check in CHECKS {
        assert!(table.contains(&format!(" {check} ")), "{check}: {table}");
    }
}

/// A check creates neither keys nor tables.
#[test]
fn where_nothing_was_started_yet() {
    let work = with_addresses(Workplace::new());
    let report = examine(&work);
    match engine() {
        Engine::Sqlite => {
            report.is_well_but(&[]).says(
                "master_key",
                "ok",
                &["the first `mintery serve` creates"],
            );
            assert_eq!(work.entries(), Vec::<String>::new());
        }
        Engine::Postgres => {
            report.says("migrations", "problem", &["mintery db migrate"]);
            report.says("master_key", "warning", &["keys/master.key"]);
            work.run(&["db", "migrate"]).succeeded();
            examine(&work).is_well_but(&[]).says("signing_keys", "ok", &["none yet"]);
            assert_eq!(work.numbers("SELECT number FROM event_head"), [0]);
        }
    }
}

#[test]
fn beside_the_server_that_runs() {
    let work = with_addresses(Workplace::with_tables());
    let metrics = format!("127.0.0.1:{}", free_port());
    let work = work.with("MINTERY_METRICS__LISTEN", &metrics);
    let server = Server::start(&work);
    let report = examine(&work);
    report.is_well_but(&[]);
    report.says("issuer", "ok", &["says the same"]).says("port", "ok", &["Mintery", "answers"]);
    report.says("metrics", "ok", &["Mintery", "answers"]);
    let other = work.beside().with("MINTERY_ISSUER", ISSUER);
    let report = examine(&other);
    report.says("port", "problem", &["another issuer", &server.url("")]);
    let slash = work.beside().with("MINTERY_ISSUER", &server.url("/"));
    examine(&slash).says("issuer", "problem", &["byte for byte", &format!("`{}`", server.url(""))]);
    assert_eq!(server.get("/readyz").status, 200);
}

#[test]
fn beside_the_server_for_trying_out() {
    let work =
        Workplace::with_tables().with("MINTERY_LISTEN", &format!("127.0.0.1:{}", free_port()));
    let server = Server::start_dev(&work);
    examine(&work).is_well_but(&[]).says("issuer", "ok", &[&server.url("")]);
}

#[test]
fn settings_that_are_not_valid() {
    for (variable, value, words) in [
        ("MINTERY_TOKEN__TTL", "1h", ["`token.ttl`", "seconds"]),
        ("MINTERY_TOKEN__TLL", "60", ["`token.tll`", "write `token.ttl`"]),
        ("MINTERY_LOG", "info,,=x=y", ["`log`", "MINTERY_LOG"]),
    ] {
        let report = examine(&Workplace::new().with(variable, value));
        report.says("settings", "problem", &words);
        assert_eq!(report.findings.len(), 1, "{report:#?}");
    }
    let work = Workplace::new();
    work.write("mintery.toml", "master_key = \"hunter2\nlisten = 1\n");
    examine(&work).keeps("hunter2").says("settings", "problem", &["mintery.toml", "line 1"]);
    let ran = work.run(&["--config", "missing.toml", "doctor"]);
    assert!(ran.code == Some(1) && ran.stdout.contains("missing.toml"), "{ran:?}");
    let work = healthy().with("MINTERY_KEYS__ROTATE_EVERY", "60");
    examine(&work).says("settings", "problem", &["`keys.publish_ahead`"]);
    let work = healthy().with("MINTERY_LEAKS__PUBLIC_KEYS", "scanners.json");
    examine(&work).says("settings", "problem", &["`leaks.public_keys`", "scanners.json"]);
    work.write("scanners.json", "{}");
    examine(&work).says("settings", "problem", &["`public_keys`", "docs/guides/leaked-keys.md"]);
}

/// SEC-5
#[test]
fn a_file_of_settings_with_a_secret_that_everybody_may_read() {
    let work = healthy();
    let key = fs::read_to_string(work.path("keys/master.key")).unwrap();
    work.write("mintery.toml", "workers = 1\n");
    set_mode(&work, "mintery.toml", 0o644);
    examine(&work).is_well_but(&[]);
    work.write("mintery.toml", format!("master_key = \"{}\"\n", key.trim()));
    let report = examine(&work);
    report.is_well_but(&["settings"]).says(
        "settings",
        "warning",
        &["`master_key`", "chmod 600 mintery.toml"],
    );
    set_mode(&work, "mintery.toml", 0o600);
    examine(&work).keeps(key.trim()).is_well_but(&[]);
}
