//! `client secret list` and `client secret safe-to-revoke`: the uses of a secret, and the verdict
//! on its revocation. A stopped server has flushed its counts; past uses are written into the
//! database by hand.

use serde_json::json;

use crate::support::{Client, Ran, Server, Workplace};

/// Requests tokens, and waits until the uses are in the database.
fn use_secrets(work: &Workplace, clients: &[&Client]) {
    let mut server = Server::start(work);
    for client in clients {
        server.token(client);
    }
    assert_eq!(server.stop(), Some(0));
}

/// The ids of the secrets of a client, oldest first.
fn secrets(work: &Workplace, id: &str) -> Vec<String> {
    let list = work.run(&["client", "secret", "list", id, "-o", "json"]).succeeded().json();
    list.as_array()
        .unwrap()
        .iter()
        .map(|secret| secret["id"].as_str().unwrap().to_owned())
        .collect()
}

fn safe_to_revoke(work: &Workplace, id: &str, secret: &str, flags: &[&str]) -> Ran {
    work.run(&[&["client", "secret", "safe-to-revoke", id, secret][..], flags].concat())
}

/// Moves the last use of the secret into the past.
fn set_back(work: &Workplace, secret: &str, secs: i64) {
    for table in ["secret_usage", "secret_addresses"] {
        let sql = format!(
            "UPDATE {table} SET used_at = used_at - {secs}000 WHERE secret_id = '{secret}'"
        );
        work.execute(&sql);
    }
}

/// The answer is on standard output, and the exit code is 1.
#[track_caller]
fn is_not_safe(ran: Ran, words: &[&str]) -> Ran {
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    assert!(ran.stdout.contains("is not safe to revoke"), "{ran:#?}");
    assert!(
        ran.stderr.starts_with("mintery: secret cs_") && ran.stderr.lines().count() == 1,
        "{ran:#?}"
    );
    for word in words {
        assert!(ran.stdout.contains(word), "does not say `{word}`: {ran:#?}");
    }
    ran
}

/// The table fits into a terminal.
#[track_caller]
fn is_narrow(ran: &Ran) {
    let rows = ran.stdout.lines().filter(|line| line.starts_with([' ', '─', '═']));
    assert!(
        rows.clone().count() > 0 && rows.clone().all(|row| row.chars().count() <= 80),
        "{ran:#?}"
    );
}

#[test]
fn a_secret_is_rotated() {
    let work = Workplace::with_tables();
    let old = work.create_client(&["--id", "x"]);
    let list = work.run(&["client", "secret", "list", "x"]).succeeded();
    assert_eq!(
        list.stdout.matches(" never ").count(),
        2,
        "neither expires nor was used: {list:#?}"
    );
    let [old_id] = secrets(&work, "x").try_into().unwrap();
    is_not_safe(
        safe_to_revoke(&work, "x", &old_id, &[]),
        &["never used", "no other valid secret", "just now"],
    );
    use_secrets(&work, &[&old]);
    let list = work.run(&["client", "secret", "list", "x"]).succeeded();
    assert!(
        list.stdout.matches(" never ").count() == 1 && list.stdout.contains("127.0.0.1"),
        "{list:#?}"
    );
    let new = work.run(&["client", "secret", "add", "x"]).succeeded().stdout.trim().to_owned();
    let new = Client { secret: new, ..old.clone() };
    let new_id = secrets(&work, "x").remove(1);
    let words = [
        "last used just now",
        "127.0.0.1",
        "for 1 day: wait until 20",
        "no other valid secret has been used yet",
    ];
    is_narrow(&is_not_safe(safe_to_revoke(&work, "x", &old_id, &[]), &words));
    use_secrets(&work, &[&new]);
    is_not_safe(safe_to_revoke(&work, "x", &old_id, &[]), &["used just now"]);
    set_back(&work, &old_id, 86_300);
    is_not_safe(safe_to_revoke(&work, "x", &old_id, &[]), &["used 23 hours ago", new_id.as_str()]);
    set_back(&work, &old_id, 200);
    let ran = safe_to_revoke(&work, "x", &old_id, &[]).succeeded();
    assert!(ran.stderr.is_empty(), "{ran:#?}");
    for words in [
        "is safe to revoke:",
        "last used 1 day ago",
        &format!("only {new_id} was used"),
        "uses of the last 10 seconds may be missing",
    ] {
        assert!(ran.stdout.contains(words), "{words}: {ran:#?}");
    }
    is_narrow(&ran);
    let json = safe_to_revoke(&work, "x", &old_id, &["-o", "json"]).succeeded().json();
    assert_eq!(
        (&json["safe_to_revoke"], &json["client_id"], &json["id"]),
        (&json!(true), &json!("x"), &json!(old_id))
    );
    let ran = safe_to_revoke(&work, "x", &old_id, &["--unused-for", "100000", "-o", "json"]);
    assert_eq!(
        (ran.code, &ran.json()["reasons"][0]["code"]),
        (Some(1), &json!("used_lately")),
        "{ran:#?}"
    );
    // A longer token lifetime requires a longer wait.
    let settings = work.beside().with("MINTERY_DATABASE_URL", &work.database_url());
    let key = work.path("keys/master.key");
    let settings = settings
        .with("MINTERY_MASTER_KEY_FILE", key.to_str().unwrap())
        .with("MINTERY_TOKEN__TTL", "100000");
    let ran = safe_to_revoke(&settings, "x", &old_id, &["-o", "json"]);
    assert_eq!((ran.code, &ran.json()["unused_for"]), (Some(1), &json!(200_000)), "{ran:#?}");
    work.run(&["client", "secret", "revoke", "x", &old_id]).succeeded();
    safe_to_revoke(&work, "x", &old_id, &[]).failed(&["there is no secret", &old_id]);
    work.run(&["client", "secret", "revoke", "x", &new_id]).succeeded();
    let list = work.run(&["client", "secret", "list", "x", "-o", "json"]).succeeded();
    assert_eq!(list.json(), json!([]));
    work.run(&["client", "secret", "list", "x"]).succeeded();
}

#[test]
fn an_unknown_secret_is_an_error() {
    let work = Workplace::with_tables();
    let client = work.create_client(&["--id", "x"]);
    work.create_client(&["--id", "y"]);
    let [id] = secrets(&work, "x").try_into().unwrap();
    safe_to_revoke(&work, "y", &id, &[]).failed(&["there is no secret", "of client y"]);
    safe_to_revoke(&work, "nobody", &id, &[]).failed(&["there is no client nobody"]);
    safe_to_revoke(&work, "x", "cs_0000000000000000000000", &[]).failed(&["there is no secret"]);
    // SEC-5: text that may be the secret itself is not repeated.
    let ran = safe_to_revoke(&work, "x", &client.secret, &[]).failed(&["cs_ and 22"]);
    assert!(!ran.stderr.contains(&client.secret), "{ran:#?}");
    for bad in
        ["0", "9", "x", "", "1.5", "315619201", "18446744073709551615", "99999999999999999999"]
    {
        safe_to_revoke(&work, "x", &id, &["--unused-for", bad]).was_misused();
    }
    let empty = Workplace::new();
    let before = empty.entries();
    let ran = safe_to_revoke(&empty, "x", &id, &[]);
    assert!(ran.code == Some(1) && ran.stdout.is_empty(), "{ran:#?}");
    assert_eq!(empty.entries(), before);
}

/// The earlier uses of an imported secret are unknown, whatever its creation date.
#[test]
fn of_a_secret_from_elsewhere_it_is_unknown_whether_it_was_used() {
    let work = Workplace::with_tables();
    let hash = "$pbkdf2-sha256$i=29000,l=32$AAECAwQFBgcICQoLDA0ODw$ZvLORN3Wu1+2s6Mb0kBKZ43bylSsC/t0Vz5rE9nJPNg";
    let long_ago = 1_700_000_000;
    let line = json!({
        "client_id": "x", "client_name": "x", "scope": "read", "client_id_issued_at": long_ago,
        "secrets": [{ "client_secret_hash": hash, "created_at": long_ago }],
    });
    work.run_with_input(&["client", "import"], line.to_string().as_bytes()).succeeded();
    let [imported] = secrets(&work, "x").try_into().unwrap();
    let list = work.run(&["client", "secret", "list", "x"]).succeeded();
    assert!(list.stdout.contains(" unknown "), "{list:#?}");
    let new = work.run(&["client", "secret", "add", "x"]).succeeded().stdout.trim().to_owned();
    let list = work.run(&["client", "secret", "list", "x"]).succeeded();
    assert!(list.stdout.matches(" never ").count() == 3, "one of them was made here: {list:#?}");
    use_secrets(&work, &[&Client { id: "x".to_owned(), secret: new }]);
    is_not_safe(
        safe_to_revoke(&work, "x", &imported, &[]),
        &["no use is known", "counted only since"],
    );
    // The import was two days ago.
    work.execute("UPDATE events SET at = at - 172800000 WHERE kind = 'clients.imported'");
    let ran = safe_to_revoke(&work, "x", &imported, &["-o", "json"]);
    let made = ran.json()["uses_counted_since"].as_i64().unwrap();
    assert!(ran.code == Some(1) && made > long_ago, "the tables were made later: {ran:#?}");
    work.execute("UPDATE _sqlx_migrations SET installed_on = '2025-01-01 00:00:00'");
    let ran = safe_to_revoke(&work, "x", &imported, &[]).succeeded();
    assert!(ran.stdout.contains("earlier uses were not counted"), "{ran:#?}");
}
