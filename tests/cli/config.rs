//! `mintery config show`: effective values with their sources, and no secrets.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{Ran, Workplace, free_port};

/// The output: value and source of each setting.
fn shown(work: &Workplace, flags: &[&str]) -> BTreeMap<String, (Value, String)> {
    let ran = work.run(&[&["config", "show", "-o", "json"], flags].concat()).succeeded();
    assert!(ran.stderr.is_empty(), "{ran:?}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let settings = ran.json();
    let settings = settings.as_array().unwrap().iter();
    settings
        .map(|setting| {
            (text(&setting["key"]), (setting["value"].clone(), text(&setting["source"])))
        })
        .collect()
}

fn in_both_formats(work: &Workplace, flags: &[&str]) -> [Ran; 2] {
    ["table", "json"]
        .map(|format| work.run(&[&["config", "show", "-o", format], flags].concat()).succeeded())
}

#[test]
fn every_value_is_told_with_its_source() {
    let work = Workplace::new().with("MINTERY_TOKEN__TTL", "61").with("MINTERY_LOG_FORMAT", "json");
    let work = work.with("RUST_LOG", "debug");
    work.write(
        "mintery.toml",
        "log_format = \"text\"\nworkers = 3\n[metadata]\nopenid_configuration = false\n",
    );
    let settings = shown(
        &work,
        &["--master-key-file", "/run/secrets/key", "--database-url", "sqlite://x y.db"],
    );
    for (key, value, source) in [
        ("master_key_file", json!("/run/secrets/key"), "flag --master-key-file"),
        ("database_url", json!("sqlite://x y.db"), "flag --database-url"),
        ("token.ttl", json!(61), "environment variable MINTERY_TOKEN__TTL"),
        ("log_format", json!("json"), "environment variable MINTERY_LOG_FORMAT"),
        ("log", json!("debug"), "environment variable RUST_LOG"),
        ("workers", json!(3), "file mintery.toml"),
        ("metadata.openid_configuration", json!(false), "file mintery.toml"),
        ("token.alg", json!("ES256"), "default"),
        ("issuer", Value::Null, "default"),
        ("master_key", Value::Null, "default"),
    ] {
        assert_eq!(settings[key], (value, source.to_owned()), "{key}");
    }
    work.write("other.toml", "workers = 4\n");
    assert_eq!(
        shown(&work, &["--config", "other.toml"])["workers"],
        (json!(4), "file other.toml".to_owned())
    );
    let table = work.run(&["config", "show"]).succeeded().stdout;
    for line in [["token.ttl", "61", "MINTERY_TOKEN__TTL"], ["token.alg", "\"ES256\"", "default"]] {
        let is_told = |text: &str| line.iter().all(|word| text.contains(word));
        assert!(table.lines().any(is_told), "{line:?}: {table}");
    }
}

/// The output is TOML that can be pasted into a file.
#[test]
fn a_value_is_printed_as_the_file_has_it() {
    let work = Workplace::new().with("MINTERY_MASTER_KEY_FILE", "C:\\keys\\\"my\"\u{1b}[31m.key");
    let table = work.run(&["config", "show"]).succeeded().stdout;
    let line = table.lines().find(|line| line.contains(" master_key_file ")).unwrap();
    let value = line.trim().strip_prefix("master_key_file").unwrap();
    let value = value.split("environment").next().unwrap().trim();
    assert!(!line.contains('\u{1b}'), "{line:?}");
    work.write("again.toml", format!("master_key_file = {value}\n"));
    let again = shown(&Workplace::new(), &["--config", work.path("again.toml").to_str().unwrap()]);
    assert_eq!(again["master_key_file"].0, shown(&work, &[])["master_key_file"].0);
}

/// SEC-5
#[test]
fn secrets_are_masked() {
    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let url = "postgres://mintery:hunter2@db.example.com:5433/mintery?sslmode=verify-full&password=hunter2";
    let masked = "postgres://mintery:…@db.example.com:5433/mintery?sslmode=verify-full&password=…";
    let by_environment =
        Workplace::new().with("MINTERY_MASTER_KEY", KEY).with("MINTERY_DATABASE_URL", url);
    let by_file = Workplace::new();
    by_file.write("secret.toml", format!("master_key = \"{KEY}\"\n"));
    let by_file_flags = ["--config", "secret.toml", "--database-url", url];
    for (work, flags) in [(&by_environment, &[][..]), (&by_file, &by_file_flags)] {
        for ran in in_both_formats(work, flags) {
            assert!(ran.stdout.contains(masked), "{ran:?}");
            for secret in ["hunter2", KEY, &KEY[..8]] {
                assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret), "{ran:?}");
            }
        }
        assert_eq!(shown(work, flags)["master_key"].0, "…");
    }
}

/// SEC-5: a password in text that is not a URL, as other programs accept it.
#[test]
fn a_password_in_a_malformed_url_is_masked_too() {
    for url in [
        "host=db user=mintery password=hunter2",
        "mintery:hunter2@db",
        "postgres://mintery:hunter2/x@db/m",
    ] {
        let work = Workplace::new().with("MINTERY_DATABASE_URL", url);
        for ran in in_both_formats(&work, &[]) {
            assert!(!ran.stdout.contains("hunter2") && !ran.stderr.contains("hunter2"), "{ran:?}");
        }
    }
}

#[test]
fn no_database_is_needed_and_none_is_made() {
    let nowhere = format!("postgres://127.0.0.1:{}/x", free_port());
    let work = Workplace::new();
    for flags in [&[][..], &["--database-url", &nowhere], &["--master-key-file", "/nowhere/at/all"]]
    {
        in_both_formats(&work, flags);
    }
    assert_eq!(work.entries(), Vec::<String>::new());
}

#[test]
fn an_invalid_setting_is_an_error() {
    for (variable, value, word) in [
        ("MINTERY_TOKEN__TLL", "60", "`token.ttl`"),
        ("MINTERY_TOKEN__TTL", "1h", "`token.ttl`"),
        ("MINTERY_LISTEN", "localhost", "`listen`"),
        ("MINTERY_TRUSTED_PROXIES", "10.0.0.1/8", "10.0.0.0/8"),
    ] {
        Workplace::new().with(variable, value).run(&["config", "show"]).failed(&[variable, word]);
    }
    let work = Workplace::new();
    work.run(&["--config", "missing.toml", "config", "show"]).failed(&["missing.toml"]);
    work.write("folder/x", "");
    work.run(&["--config", "folder", "config", "show"]).failed(&["folder"]);
    work.write("bytes.toml", [0xff, 0xfe]);
    work.run(&["--config", "bytes.toml", "config", "show"]).failed(&["bytes.toml"]);
    work.run(&["config"]).was_misused();
    work.run(&["config", "show", "-o", "yaml"]).was_misused();
}

/// SEC-5
#[test]
fn a_file_that_does_not_parse_is_not_repeated() {
    let work = Workplace::new();
    for (text, line) in [
        ("listen = \"127.0.0.1:1\"\nmaster_key = \"hunter2\n", "line 2"),
        ("master_key = hunter2\n", "line 1"),
        ("master_key = \"a\"\nmaster_key = \"hunter2\"\n", "line 2"),
        ("\n\n[hunter2", "line 3"),
    ] {
        work.write("mintery.toml", text);
        let ran = work.run(&["config", "show"]).failed(&["mintery.toml", line]);
        assert!(text.starts_with('\n') || !ran.stderr.contains("hunter2"), "{ran:?}");
    }
}
