//! `mintery key …`, beside a running server.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, Client, Server, Workplace, eventually, http, send};

fn me(server: &Server, key: &str) -> Answer {
    send(http().get(server.url("/api/v1/users/me")).header("X-API-Key", key)).unwrap()
}

fn within_a_second(what: &str, status: u16, ask: impl Fn() -> Answer) {
    eventually(what, Duration::from_secs(1), || (ask().status == status).then_some(()));
}

/// A key, and its id.
fn create(work: &Workplace, owner: &str, flags: &[&str]) -> (String, String) {
    let arguments =
        [&["key", "create", "--name", "x", "--owner", owner, "-o", "json"], flags].concat();
    let made = work.run(&arguments).succeeded().json();
    let text = |member: &str| made[member].as_str().unwrap().to_owned();
    (text("key"), text("id"))
}

/// A key named `nightly` with every limit, as it was printed.
fn create_nightly(work: &Workplace, owner: &Client) -> Value {
    let create = ["key", "create", "--name", "nightly", "--owner", &owner.id, "-o", "json"];
    let limits = ["--scope", "read", "--expires", "3600", "--env", "live", "--rate-limit", "600"];
    let addresses = ["--allow", "127.0.0.1", "--allow", "2001:db8::/32"];
    work.run(&[&create[..], &limits, &addresses].concat()).succeeded().json()
}

fn text<'a>(made: &'a Value, member: &str) -> &'a str {
    made[member].as_str().unwrap_or_else(|| panic!("no {member} in {made}"))
}

#[test]
fn a_created_key_is_printed_once() {
    let work = Workplace::with_tables();
    let server = Server::start(&work);
    let owner = work.create_client_for("read write", &[]);
    let made = create_nightly(&work, &owner);
    let (key, id) = (text(&made, "key"), text(&made, "id"));
    assert_eq!((&made["name"], &made["scope"]), (&json!("nightly"), &json!("read")));
    assert_eq!(made["expires_at"].as_i64().unwrap() - made["created_at"].as_i64().unwrap(), 3600);
    assert_eq!(made["allowed_addresses"], json!(["127.0.0.1/32", "2001:db8::/32"]));
    let answer = me(&server, key);
    assert_eq!((answer.status, answer.json()["name"].clone()), (200, json!("nightly")));
    for printed in [
        work.run(&["key", "list"]).succeeded().stdout,
        work.run(&["key", "list", "-o", "json"]).succeeded().stdout,
        work.run(&["key", "show", id]).succeeded().stdout,
        work.run(&["key", "show", id, "-o", "json"]).succeeded().stdout,
    ] {
        assert!(printed.contains(id) && printed.contains("nightly"), "{printed}");
        assert!(!printed.contains(&key[9..52]), "a key is printed once: {printed}");
    }
    // Without JSON, standard output contains only the key.
    let ran = work.run(&["key", "create", "--name", "plain", "--owner", &owner.id]).succeeded();
    assert_eq!(me(&server, ran.stdout.trim_end()).status, 200, "{ran:?}");
    assert!(ran.stderr.contains("not shown again"), "{ran:?}");
}

#[test]
fn keys_are_listed_and_filtered() {
    let work = Workplace::with_tables();
    let owner = work.create_client_for("read write", &[]);
    create_nightly(&work, &owner);
    create(&work, &owner.id, &[]);
    for (flags, count) in [
        (&[][..], 2),
        (&["--owner", &owner.id], 2),
        (&["--owner", "nobody"], 0),
        (&["--env", "test"], 0),
        (&["--name", "NIGHT"], 1),
        (&["--enabled", "false"], 0),
    ] {
        let arguments = [&["key", "list", "-o", "json"], flags].concat();
        let listed = work.run(&arguments).succeeded().json();
        assert_eq!(listed.as_array().unwrap().len(), count, "{flags:?}: {listed}");
    }
}

#[test]
fn a_key_is_disabled_enabled_and_updated() {
    let work = Workplace::with_tables();
    let server = Server::start(&work);
    let made = create_nightly(&work, &work.create_client_for("read write", &[]));
    let (key, id) = (text(&made, "key"), text(&made, "id"));
    work.run(&["key", "disable", id]).succeeded();
    within_a_second("it is disabled", 401, || me(&server, key));
    work.run(&["key", "enable", id]).succeeded();
    within_a_second("it is enabled", 200, || me(&server, key));
    let update = ["key", "update", id, "--name", "Nightly", "--scope", "write", "-o", "json"];
    let limits = ["--expires", "never", "--allow", "", "--rate-limit", "none"];
    let changed = work.run(&[&update[..], &limits].concat()).succeeded().json();
    for (member, value) in [
        ("name", json!("Nightly")),
        ("scope", json!("write")),
        ("expires_at", Value::Null),
        ("max_requests_per_minute", Value::Null),
        ("allowed_addresses", json!([])),
    ] {
        assert_eq!(changed[member], value, "{member}: {changed}");
    }
}

#[test]
fn a_key_is_rotated_and_revoked() {
    let work = Workplace::with_tables();
    let server = Server::start(&work);
    let owner = work.create_client_for("read write", &[]);
    let made = create_nightly(&work, &owner);
    let (key, id) = (text(&made, "key"), text(&made, "id"));
    let rotate = ["key", "rotate", id, "--overlap", "0", "-o", "json"];
    let rotated = work.run(&rotate).succeeded().json();
    let (new, new_id) = (text(&rotated, "key"), text(&rotated, "id"));
    assert_eq!(me(&server, new).status, 200, "the new key is good");
    within_a_second("it is replaced", 401, || me(&server, key));
    work.run(&["key", "rotate", id]).failed(&["replaced", new_id]);
    let ran = work.run(&["key", "rotate", new_id]).succeeded();
    let newest = ran.stdout.trim_end();
    assert_eq!((me(&server, new).status, me(&server, newest).status), (200, 200), "both overlap");

    work.run(&["key", "revoke", id]).succeeded();
    work.run(&["key", "revoke", id]).failed(&[id]);
    work.run(&["key", "show", id]).failed(&[id]);
    work.run(&["key", "revoke", "--owner", &owner.id]).succeeded();
    within_a_second("all are revoked", 401, || me(&server, newest));
    let listed = work.run(&["key", "list", "-o", "json"]).succeeded().json();
    assert_eq!(listed, json!([]), "no key is left");
    work.run(&["db", "check"]).succeeded();
    work.assert_no_gap_in_events();
}

#[test]
fn invalid_flags_are_rejected() {
    let work = Workplace::with_tables();
    let owner = work.create_client_for("read", &[]);
    let (key, id) = create(&work, &owner.id, &[]);
    let of_owner = ["key", "create", "--name", "x", "--owner", &owner.id];
    let long = "x".repeat(10_000);
    for flags in [
        &["--scope", "a  b"][..],
        &["--scope", "write"],
        &["--scope", "mintery:keys:write"],
        &["--expires", "soon"],
        &["--expires", "0"],
        &["--expires", "99999999999999999999"],
        &["--env", "production"],
        &["--allow", "0.0.0.0/0"],
        &["--allow", "10.0.0.1/8"],
        &["--allow", "here"],
        &["--rate-limit", "0"],
        &["--rate-limit", "many"],
        &["--output", "xml"],
    ] {
        work.run(&[&of_owner[..], flags].concat()).was_misused();
    }
    for arguments in [
        &["key", "create", "--name", "x"][..],
        &["key", "create", "--owner", &owner.id],
        &["key", "create", "--name", "", "--owner", &owner.id],
        &["key", "create", "--name", "a\nb", "--owner", &owner.id],
        &["key", "create", "--name", &long, "--owner", &owner.id],
        &["key", "show", "x"],
        &["key", "show", &key],
        &["key", "rotate", &id, "--overlap", "2592001"],
        &["key", "rotate", &id, "--overlap", "-1"],
        &["key", "revoke"],
        &["key", "revoke", &id, "--owner", &owner.id],
        &["key", "usage", &id, "--limit", "0"],
    ] {
        work.run(arguments).was_misused();
    }
    work.run(&["key", "create", "--name", "x", "--owner", "nobody"]).failed(&["nobody"]);
    work.run(&["key", "revoke", "--owner", "nobody"]).failed(&["nobody"]);
    // Characters that reverse a line are shown escaped.
    let name = "<b>\u{202e}evil";
    work.run(&["key", "update", &id, "--name", name]).succeeded();
    for printed in [work.run(&["key", "list"]).stdout, work.run(&["key", "show", &id]).stdout] {
        assert!(printed.contains("<b>\\u{202e}evil"), "{printed}");
    }
    // A new database has only the data keys that it needs.
    let empty = Workplace::new();
    empty.run(&["key", "list"]).failed(&["database"]);
}

/// Counts are flushed when the server stops, and a key works as before after the next start.
#[test]
fn uses_are_known_after_a_stop() {
    let work = Workplace::with_tables();
    let mut server = Server::start(&work);
    let owner = work.create_client_for("read", &[]);
    let (key, id) = create(&work, &owner.id, &[]);
    for _ in 0..3 {
        assert_eq!(me(&server, &key).status, 200);
    }
    let check = server.url("/auth/check?scope=write");
    assert_eq!(send(http().get(check).header("X-API-Key", &key)).unwrap().status, 403);
    assert_eq!(server.stop(), Some(0));
    let usage = work.run(&["key", "usage", &id, "-o", "json"]).succeeded().json();
    let sum: i64 =
        usage.as_array().unwrap().iter().map(|hour| hour["used"].as_i64().unwrap()).sum();
    assert_eq!(sum, 3, "{usage}");
    let printed = work.run(&["key", "usage", &id]).succeeded().stdout;
    assert!(printed.contains("missing_scope 1"), "{printed}");
    let shown = work.run(&["key", "show", &id, "-o", "json"]).succeeded().json();
    assert_eq!(shown["last_used_address"], "127.0.0.1");
    work.run(&["key", "usage", "ak_0000000000000000000000"]).failed(&["ak_"]);
    let server = Server::start(&work);
    assert_eq!(me(&server, &key).status, 200);
}

/// SEC-5: neither the database nor the log of the server holds a key.
#[test]
fn a_key_is_nowhere() {
    let work = Workplace::with_tables();
    let server = Server::start(&work);
    let owner = work.create_client_for("read", &[]);
    let (key, _) = create(&work, &owner.id, &[]);
    assert_eq!(me(&server, &key).status, 200);
    let wrong = format!("{}!", &key[..57]);
    assert_eq!(me(&server, &wrong).status, 401);
    send(http().get(server.url(&format!("/api/v1/users/me?api_key={key}")))).unwrap();
    for table in ["api_keys", "api_key_usage", "api_key_last_use", "events", "idempotency_keys"] {
        let columns: &[&str] = match table {
            "api_keys" => &["digest", "hint", "name"],
            "events" => &["details", "actor", "subject"],
            "idempotency_keys" => &["request_digest"],
            _ => &["key_id"],
        };
        for column in columns {
            let held = work.texts(&format!("SELECT {column} FROM {table}"));
            assert!(
                !held.iter().any(|held| held.contains(&key[9..52])),
                "{table}.{column}: {held:?}"
            );
        }
    }
    let log = server.process.stderr();
    assert!(!log.contains(&key[9..52]), "{log}");
}

/// The first start of `--dev` creates a key, and shows its use.
#[test]
fn the_first_key_works_as_it_is_shown() {
    let work = Workplace::new();
    let server = Server::start_dev(&work);
    let line = eventually("the key is shown", Duration::from_secs(5), || {
        let printed = server.process.stdout();
        printed.lines().find(|line| line.contains("X-API-Key")).map(str::to_owned)
    });
    let key = line.split("X-API-Key: ").nth(1).unwrap().split('"').next().unwrap();
    let answer = me(&server, key);
    assert_eq!((answer.status, answer.json()["kind"].clone()), (200, json!("api_key")));
}

/// A database of a release without API keys: `doctor` leaves it as it is, and the next command
/// updates it.
#[test]
fn a_database_of_the_release_before_gets_what_keys_need() {
    let work = Workplace::with_tables();
    let owner = work.create_client_for("read", &[]);
    work.execute("DELETE FROM data_keys WHERE purpose = 'api-keys'");
    let count = || work.numbers("SELECT COUNT(*) FROM data_keys WHERE purpose = 'api-keys'");
    work.run(&["doctor", "-o", "json"]);
    assert_eq!(count(), [0]);
    let (key, _) = create(&work, &owner.id, &[]);
    assert_eq!(count(), [1]);
    let server = Server::start(&work);
    assert_eq!(me(&server, &key).status, 200);
    work.run(&["db", "check"]).succeeded();
    assert!(work.run(&["event", "list"]).stdout.contains("instance.data_keys_added"));
}
