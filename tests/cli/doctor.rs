//! `mintery doctor`: what it finds, that it says what to do, and that it changes nothing.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::time::Duration;

use serde_json::Value;
use sqlx::Connection as _;

use crate::support::{Engine, ISSUER, Ran, Server, Workplace, engine, free_port, runtime};

const CHECKS: [&str; 10] = [
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
];

/// What the doctor said.
#[derive(Debug)]
struct Report {
    findings: BTreeMap<String, Value>,
    ran: Ran,
}

/// Asks the doctor, and checks what is always so: form, exit code, time, and that nothing was changed.
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
        assert!(ran.stderr.starts_with("mintery: there ") && ran.stderr.lines().count() == 1, "{ran:?}");
    }
    Report { findings, ran }
}

impl Report {
    /// A check came out so, and says all `words`.
    #[track_caller]
    fn says(&self, check: &str, result: &str, words: &[&str]) -> &Self {
        let finding = &self.findings[check];
        assert_eq!(finding["result"], result, "{check}: {self:#?}");
        for word in words {
            assert!(finding.to_string().contains(word), "{check} does not say `{word}`: {self:#?}");
        }
        self
    }

    /// All checks were made, and all but these are as they should be.
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

/// An issuer at which nobody answers, and a port that is free.
fn with_addresses(work: Workplace) -> Workplace {
    let address = format!("127.0.0.1:{}", free_port());
    work.with("MINTERY_LISTEN", &address).with("MINTERY_ISSUER", &format!("http://{address}"))
}

/// A place where nothing is wrong.
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
            report.says("clock", "ok", &["nothing to compare"]);
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

/// A look makes neither keys nor tables.
#[test]
fn where_nothing_was_started_yet() {
    let work = with_addresses(Workplace::new());
    let report = examine(&work);
    match engine() {
        Engine::Sqlite => {
            report.is_well_but(&[]).says("master_key", "ok", &["the first `mintery serve` makes"]);
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
    let work = Workplace::with_tables().with("MINTERY_LISTEN", &format!("127.0.0.1:{}", free_port()));
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

#[test]
fn an_issuer_that_does_not_do() {
    let work = healthy();
    let report = examine(&work.beside().with("MINTERY_ISSUER", "http://auth.example.com"));
    report.says("issuer", "problem", &["https"]);
    let slash = format!("http://127.0.0.1:{}/", free_port());
    examine(&work.beside().with("MINTERY_ISSUER", &slash)).says("issuer", "warning", &["slash"]);
    let none = Workplace::with_tables();
    none.create_client(&[]);
    examine(&none).says("issuer", "problem", &["not set", "MINTERY_ISSUER", "serve --dev"]);
}

/// Something else answers where the issuer should: no Mintery, and nobody that says anything.
#[test]
fn an_issuer_that_leads_elsewhere() {
    let (work, other) = (healthy(), with_addresses(Workplace::with_tables()));
    let server = Server::start(&other);
    let issuer = server.url("/api");
    examine(&work.with("MINTERY_ISSUER", &issuer)).says("issuer", "warning", &["404", "proxy"]);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let issuer = format!("http://{}", silent.local_addr().unwrap());
    let report = examine(&healthy().with("MINTERY_ISSUER", &issuer));
    report.is_well_but(&[]).says("issuer", "ok", &["nobody answers"]);
}

#[test]
fn a_port_that_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let report = examine(&healthy().with("MINTERY_LISTEN", &address));
    report.is_well_but(&["port"]).says("port", "problem", &[&address, "another program", "ss -ltnp"]);
    let report = examine(&healthy().with("MINTERY_METRICS__LISTEN", &address));
    report.is_well_but(&["metrics"]).says("metrics", "problem", &[&address, "another program"]);
    // An address of the documentation (RFC 5737), which no machine has.
    let report = examine(&healthy().with("MINTERY_LISTEN", "192.0.2.1:8080"));
    report.says("port", "problem", &["192.0.2.1"]);
}

#[test]
fn metrics_that_would_be_open_to_others() {
    let address = format!("0.0.0.0:{}", free_port());
    let work = healthy().with("MINTERY_LISTEN", &address);
    examine(&work).is_well_but(&["metrics"]).says("metrics", "problem", &["metrics.listen"]);
    let work = work.with("MINTERY_METRICS__LISTEN", &address);
    examine(&work).says("metrics", "problem", &["same address"]);
    examine(&work.with("MINTERY_METRICS__LISTEN", "127.0.0.1:0")).is_well_but(&[]);
}

#[test]
fn a_database_file_that_everybody_may_use() {
    if engine() == Engine::Postgres {
        return;
    }
    let work = healthy();
    set_mode(&work, "data/mintery.db", 0o644);
    let report = examine(&work);
    report.is_well_but(&["database"]).says("database", "warning", &["0644", "chmod 600 data/mintery.db"]);
}

#[test]
fn a_database_file_of_somebody_else() {
    if engine() == Engine::Postgres || !is_root() {
        return;
    }
    let work = healthy();
    std::os::unix::fs::chown(work.path("data/mintery.db"), Some(4321), None).unwrap();
    examine(&work).says("database", "problem", &["4321", "as that user"]);
}

/// A user who may look and not write: the first start would fail.
#[test]
fn where_this_user_may_not_write() {
    if engine() == Engine::Postgres || !is_root() {
        return;
    }
    let work = with_addresses(Workplace::new());
    set_mode(&work, ".", 0o755);
    let mut command = work.mintery(&["doctor", "-o", "json"]);
    // The program itself may lie where only its owner goes.
    let Ok(output) = command.uid(4321).gid(4321).output() else { return };
    let findings: Value = serde_json::from_slice(&output.stdout).unwrap();
    for (check, found) in [(1, "may not make one"), (3, "may not make a key")] {
        assert_eq!(findings[check]["result"], "problem", "{findings}");
        assert!(findings[check]["found"].as_str().unwrap().contains(found), "{findings}");
    }
}

/// Only root may give files away.
fn is_root() -> bool {
    let probe = tempfile::NamedTempFile::new().unwrap();
    std::os::unix::fs::chown(probe.path(), Some(4321), None).is_ok()
}

#[test]
fn what_is_no_database() {
    if engine() == Engine::Postgres {
        return;
    }
    for garbage in
        [&b"not a database, but a text that is longer than its header\n"[..].repeat(40), &vec![0xff; 8192]]
    {
        let work = with_addresses(Workplace::new());
        let path = work.write("data/mintery.db", garbage);
        let report = examine(&work);
        report.says("database", "problem", &["data/mintery.db", "not a database"]);
        report.says("migrations", "warning", &["not looked at"]).says("clock", "warning", &[]);
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

/// Neither an empty file nor one of another program becomes ours by a look.
#[test]
fn a_database_without_our_tables() {
    if engine() == Engine::Postgres {
        return;
    }
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
    report.says("master_key", "ok", &["not looked at"]).says("event_log", "warning", &["not looked at"]);
    work.execute("DELETE FROM _sqlx_migrations WHERE version = 99991231000000");
    let result = if engine() == Engine::Postgres { "problem" } else { "warning" };
    examine(&work).says("migrations", result, &["earlier release", "mintery db migrate"]);
}

/// SEC-5
#[test]
fn a_database_that_is_down() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    for (port, word) in [(free_port(), "refused"), (silent.local_addr().unwrap().port(), "answer")] {
        let url = format!("postgres://mintery:hunter2@127.0.0.1:{port}/mintery?sslmode=disable");
        let work = with_addresses(Workplace::new()).with("MINTERY_DATABASE_URL", &url);
        let report = examine(&work);
        report.keeps("hunter2").says("database", "problem", &["127.0.0.1", word, "database_url"]);
        for check in ["migrations", "event_log", "signing_keys", "clock"] {
            report.says(check, "warning", &["not looked at"]);
        }
        report.says("master_key", "warning", &["keys/master.key"]).says("port", "ok", &[]);
    }
}

#[test]
fn a_database_that_somebody_has_locked() {
    if engine() == Engine::Postgres {
        return;
    }
    let work = with_addresses(Workplace::new());
    work.write("data/mintery.db", "");
    let mut locker = work.connect();
    let lock = "BEGIN EXCLUSIVE; CREATE TABLE x (y)";
    runtime().block_on(async { sqlx::raw_sql(lock).execute(&mut locker).await.unwrap() });
    examine(&work).says("database", "problem", &["locked"]);
    runtime().block_on(async { locker.close().await.unwrap() });
}

#[test]
fn a_master_key_that_others_may_use() {
    let work = healthy();
    set_mode(&work, "keys/master.key", 0o640);
    let report = examine(&work);
    report.is_well_but(&["master_key"]).says("master_key", "warning", &["0640", "chmod 600 keys/master.key"]);
    set_mode(&work, "keys/master.key", 0o644);
    let report = examine(&work);
    report.says("master_key", "problem", &["0644", "chmod 600"]).says(
        "signing_keys",
        "warning",
        &["master key"],
    );
    set_mode(&work, "keys/master.key", 0o400);
    examine(&work).is_well_but(&[]);
}

/// SEC-5
#[test]
fn a_master_key_that_does_not_open_the_database() {
    let (work, other) = (healthy(), healthy());
    let path = work.path("keys/master.key");
    let key = fs::read_to_string(&path).unwrap();
    fs::copy(other.path("keys/master.key"), &path).unwrap();
    let report = examine(&work);
    report.keeps(key.trim()).keeps(&fs::read_to_string(&path).unwrap()[..20]);
    report.says("master_key", "problem", &["not the one", "restore"]);
    for bad in ["", "correct horse battery staple", &key[..20]] {
        fs::write(&path, bad).unwrap();
        let report = examine(&work);
        report.keeps("horse").keeps(&key[..20]).says("master_key", "problem", &["base64", "master_key_file"]);
    }
    fs::remove_file(&path).unwrap();
    examine(&work).says("master_key", "problem", &["keys/master.key", "restore"]);
    assert!(!path.exists());
    fs::create_dir(&path).unwrap();
    examine(&work).says("master_key", "problem", &["keys/master.key"]);
    let work = work.with("MINTERY_MASTER_KEY", key.trim());
    examine(&work).keeps(key.trim()).is_well_but(&[]).says("master_key", "ok", &["settings", "opens"]);
    let wrong = "hunter2hunter2";
    let work = work.with("MINTERY_MASTER_KEY", wrong);
    examine(&work).keeps(wrong).says("master_key", "problem", &["base64", "`master_key`"]);
}

#[test]
fn an_event_log_without_a_head() {
    let work = healthy();
    work.execute("DELETE FROM event_head");
    examine(&work).is_well_but(&["event_log"]).says("event_log", "problem", &["event head", "backup"]);
}

#[test]
fn signing_keys_that_are_missing_damaged_or_due() {
    let work = healthy();
    let report = examine(&work.beside_with_keys().with("MINTERY_TOKEN__ALG", "EdDSA"));
    report.is_well_but(&["signing_keys"]).says("signing_keys", "warning", &["EdDSA", "mintery serve"]);
    work.run(&["signing-key", "rotate"]).succeeded();
    examine(&work).is_well_but(&[]).says("signing_keys", "ok", &["then the next one"]);
    let work = healthy();
    work.execute("UPDATE signing_keys SET signs_from = 0");
    examine(&work).says("signing_keys", "warning", &["1970-04-01", "was due", "signing-key rotate"]);
    let by_hand = work.with("MINTERY_KEYS__ROTATE_EVERY", "0");
    examine(&by_hand).is_well_but(&[]).says("signing_keys", "ok", &["signing-key rotate"]);
    by_hand.execute("UPDATE signing_keys SET signs_from = 9000000000000");
    examine(&by_hand).says("signing_keys", "warning", &["2255", "clock"]);
    by_hand.execute("UPDATE signing_keys SET signs_from = 0, sealed_private = 'v1.AAAA'");
    examine(&by_hand).says("signing_keys", "problem", &["does not open", "backup"]);
}

impl Workplace {
    /// Another directory with the database and the master key of this one.
    fn beside_with_keys(&self) -> Self {
        let key = self.path("keys/master.key");
        self.beside()
            .with("MINTERY_DATABASE_URL", &self.database_url())
            .with("MINTERY_MASTER_KEY_FILE", key.to_str().unwrap())
    }
}
