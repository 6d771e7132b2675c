//! `client import` and `client export`: accepted and rejected lines, reasons, and the effect on a
//! running server.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Client, PATIENCE, Process, Ran, Server, Workplace, eventually};

/// The hash of `correct horse` by another program.
const HASH: &str = "$pbkdf2-sha256$i=29000,l=32$AAECAwQFBgcICQoLDA0ODw$ZvLORN3Wu1+2s6Mb0kBKZ43bylSsC/t0Vz5rE9nJPNg";

fn line(id: &str) -> String {
    json!({ "client_id": id, "client_name": id, "scope": "read", "client_secret_hash": HASH })
        .to_string()
}

/// This number of clients, each with a hash.
fn many(count: usize) -> String {
    let mut lines = String::new();
    for number in 0..count {
        writeln!(lines, "{}", line(&format!("client-{number:06}"))).unwrap();
    }
    lines
}

fn import(work: &Workplace, lines: impl AsRef<[u8]>, flags: &[&str]) -> Ran {
    let arguments: Vec<&str> =
        ["client", "import", "-o", "json"].into_iter().chain(flags.iter().copied()).collect();
    work.run_with_input(&arguments, lines.as_ref())
}

fn ids(work: &Workplace) -> Vec<String> {
    let list = work.run(&["client", "list", "-o", "json"]).succeeded().json();
    let id = |client: &Value| client["client_id"].as_str().unwrap().to_owned();
    list.as_array().unwrap().iter().map(id).collect()
}

fn count(work: &Workplace, from: &str) -> i64 {
    work.numbers(&format!("SELECT CAST(COUNT(*) AS BIGINT) FROM {from}"))[0]
}

#[test]
fn clients_are_brought_in_from_a_file_or_standard_input() {
    let work = Workplace::with_tables();
    let file = work.write("clients.jsonl", many(3));
    let ran = work.run(&["client", "import", file.to_str().unwrap(), "-o", "json"]).succeeded();
    assert_eq!(
        ran.json(),
        json!({
            "lines": 3, "imported": 3, "refused": 0, "without_secret": 0, "secrets_left_out": 0, "strict": false,
            "dry_run": false, "errors": [],
        })
    );
    assert!(ran.stderr.is_empty(), "{ran:?}");
    for (id, arguments) in [("x", &["client", "import"][..]), ("y", &["client", "import", "-"])] {
        let ran = work.run_with_input(arguments, line(id).as_bytes()).succeeded();
        assert!(ran.stdout.is_empty() && ran.stderr.contains("1 of 1 clients imported"), "{ran:?}");
    }
    assert_eq!(ids(&work), ["client-000000", "client-000001", "client-000002", "x", "y"]);
    work.run(&["client", "import", "no-such-file"]).failed(&["no-such-file"]);
    work.run(&["client", "import", "."]).failed(&["folder"]);
    work.run(&["db", "check"]).succeeded();
}

/// Every printed client can be imported.
#[test]
fn a_printed_client_can_be_imported() {
    let work = Workplace::with_tables();
    work.run(&[
        "api",
        "create",
        "--resource",
        "https://orders.example",
        "--name",
        "Orders",
        "--scope",
        "read",
    ])
    .succeeded();
    let flags = [
        "--resource",
        "https://orders.example",
        "--alg",
        "EdDSA",
        "--ttl",
        "600",
        "--default-scope",
        "read",
    ];
    let arguments = ["client", "create", "--name", "Bücher", "--scope", "read write", "-o", "json"];
    let made = work.run(&[&arguments[..], &flags].concat()).succeeded().json();
    let id = made["client_id"].as_str().unwrap();
    let mut shown = work.run(&["client", "show", id, "-o", "json"]).succeeded().json();
    work.run(&["client", "delete", id]).succeeded();
    let summary = import(&work, shown.to_string(), &[]).succeeded().json();
    assert_eq!((&summary["without_secret"], &summary["secrets_left_out"]), (&json!(1), &json!(1)));
    let again = work.run(&["client", "show", id, "-o", "json"]).succeeded().json();
    shown["secrets"] = json!([]);
    assert_eq!(again, shown);

    // Also the output of a creation, with its secret.
    work.run(&["client", "delete", id]).succeeded();
    import(&work, made.to_string(), &[]).succeeded();
    Server::start(&work).token(&Client::of(&made));
}

#[test]
fn bad_lines_are_refused_one_by_one() {
    let work = Workplace::with_tables();
    work.create_client(&["--id", "taken"]);
    let endless = format!(r#"{{"client_id":"long","client_name":"{}"}}"#, "x".repeat(300_000));
    let resource = r#"{"client_id":"x","client_name":"x","resources":["https://nobody.example"]}"#;
    let bad: &[(&[u8], &str)] = &[
        (b"{\"client_id\":\"x\",\"client_name\":\"\xff\"}", "UTF-8"),
        (endless.as_bytes(), "longer than 262144 bytes"),
        (b"not json", "expected"),
        (br#"["x","x"]"#, "JSON object"),
        (b"\"hunter2\"", "JSON object"),
        (br#"{"client_id":"x","client_name":"x","secrets":"hunter2"}"#, "expected a sequence"),
        (br#"{"client_id":"x","client_name":"x","secrets":[[null,"abcd"]]}"#, "expected a JSON object"),
        (br#"{"client_name":"x"}"#, "client_id is missing"),
        (br#"{"client_id":"x"}"#, "client_name is missing"),
        (br#"{"client_id":"","client_name":"x"}"#, "a client id must"),
        (br#"{"client_id":"x","client_name":"a\u0000b"}"#, "a name must"),
        (br#"{"client_id":"x","client_name":"x","logo_uri":"y"}"#, "unknown field `logo_uri`"),
        (br#"{"client_id":"x","client_name":"x","client_id":"x"}"#, "duplicate field `client_id`"),
        (br#"{"client_id":"x","client_name":"x","scope":"a  b"}"#, "scopes must"),
        (br#"{"client_id":"x","client_name":"x","scope":"a","default_scope":"b"}"#, "default scope b"),
        (resource.as_bytes(), "https://nobody.example"),
        (br#"{"client_id":"x","client_name":"x","grant_types":["password"]}"#, "grant"),
        (br#"{"client_id":"x","client_name":"x","token_endpoint_auth_method":"none"}"#, "auth_method"),
        (br#"{"client_id":"x","client_name":"x","access_token_ttl":0}"#, "token lifetime"),
        (br#"{"client_id":"x","client_name":"x","access_token_signed_response_alg":"none"}"#, ""),
        (br#"{"client_id":"x","client_name":"x","client_secret":"hunter2hunter2","client_secret_hash":"y"}"#, "either"),
        (br#"{"client_id":"x","client_name":"x","client_secret_hash":"hunter2hunter2"}"#, "hash"),
        (br#"{"client_id":"x","client_name":"x","client_secret":12345678}"#, "a secret must be a string"),
        (br#"{"client_id":"x","client_name":"x","client_secret":""}"#, "a secret"),
        (br#"{"client_id":"x","client_name":"x","client_id_issued_at":1795315349000}"#, "seconds"),
        (br#"{"client_id":"x","client_name":"x","secrets":[{"id":"cs_1","client_secret_hash":"y"}]}"#, ""),
        (b"{\"client_id\":\"taken\",\"client_name\":\"\x1b\"}", "column"),
        (br#"{"client_id":"taken","client_name":"x"}"#, "client taken already exists"),
        (br#"{"client_id":"good-1","client_name":"x"}"#, "client good-1 is already on line 1"),
        // The end of the line is missing.
        (br#"{"client_id":"x","client_name":"x""#, "column"),
    ];
    // A byte order mark, both ends of lines, a blank line.
    let mut lines = format!("\u{feff}{}\r\n \t\n", line("good-1")).into_bytes();
    let first = 3;
    for (line, _) in &bad[..bad.len() - 1] {
        lines.extend_from_slice(line);
        lines.push(b'\n');
    }
    lines.extend_from_slice(format!("{}\n", line("good-2")).as_bytes());
    lines.extend_from_slice(bad.last().unwrap().0);

    let ran = import(&work, &lines, &[]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(!ran.stderr.contains("hunter2") && !ran.stderr.contains('\u{1b}'), "{}", ran.stderr);
    let summary: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&summary["imported"], &summary["refused"]), (&json!(2), &json!(bad.len())));
    assert_eq!(summary["lines"], json!(bad.len() + 2));
    for (number, (_, reason)) in bad.iter().enumerate() {
        // The truncated line follows a valid one.
        let number = number + first + usize::from(number + 1 == bad.len());
        let error =
            summary["errors"].as_array().unwrap().iter().find(|error| error["line"] == number);
        let error = error.unwrap_or_else(|| panic!("line {number}: {summary:#}"));
        assert!(error["reason"].as_str().unwrap().contains(reason), "{reason}: {error}");
        assert!(ran.stderr.contains(&format!("line {number}: ")), "{}", ran.stderr);
    }
    assert_eq!(ids(&work), ["good-1", "good-2", "taken"]);
    work.assert_no_gap_in_events();
}

#[test]
fn a_dry_run_says_the_same_and_writes_nothing() {
    let work = Workplace::with_tables();
    work.create_client(&["--id", "taken"]);
    let before = (count(&work, "clients"), count(&work, "client_secrets"), count(&work, "events"));
    let lines = [line("a"), line("taken"), line("b"), "{}".to_owned(), line("a")].join("\n");
    let ran = import(&work, &lines, &["--dry-run"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let summary: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&summary["imported"], &summary["refused"]), (&json!(2), &json!(3)));
    assert_eq!(
        (count(&work, "clients"), count(&work, "client_secrets"), count(&work, "events")),
        before
    );
    assert_eq!(import(&work, &lines, &[]).code, Some(1));
    assert_eq!(ids(&work), ["a", "b", "taken"]);
    import(&work, line("c"), &["--dry-run", "--strict"]).succeeded();
    assert_eq!(count(&work, "client_imports"), 0);
}

#[test]
fn a_strict_import_takes_all_or_nothing() {
    let work = Workplace::with_tables();
    work.create_client(&["--id", "taken"]);
    for bad in ["{}", &line("taken"), &line("client-000001")] {
        let lines = format!("{}{bad}\n{}", many(2500), line("z"));
        let ran = import(&work, &lines, &["--strict"]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        let summary: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!((&summary["imported"], &summary["refused"]), (&json!(0), &json!(1)), "{bad}");
        assert!(ran.stderr.contains("line 2501: "), "{}", ran.stderr);
        assert_eq!(ids(&work), ["taken"]);
        assert_eq!((count(&work, "clients"), count(&work, "client_imports")), (1, 0));
    }
    let events = count(&work, "events");
    import(&work, many(2500), &["--strict"]).succeeded();
    assert_eq!(ids(&work).len(), 2501);
    assert_eq!(count(&work, "events"), events + 1);
    let details = work.texts("SELECT details FROM events WHERE kind = 'clients.imported'");
    let details: Value = serde_json::from_str(&details[0]).unwrap();
    assert_eq!(
        details,
        json!({ "count": 2500, "first": "client-000000", "last": "client-002499" })
    );
    work.run(&["db", "check"]).succeeded();
    // They are ordinary clients.
    for arguments in
        [&["client", "disable", "client-000001"][..], &["client", "delete", "client-000002"]]
    {
        work.run(arguments).succeeded();
    }
}

/// However it ends, and whenever.
#[test]
fn a_strict_import_that_is_killed_has_taken_nothing() {
    const COUNT: usize = 20_000;
    let work = Workplace::with_tables();
    work.create_client(&["--id", "before"]);
    let file = work.write("clients.jsonl", many(COUNT));
    let arguments = ["client", "import", file.to_str().unwrap(), "--strict", "-o", "json"];
    // In the middle of it, as far as visible from outside.
    for staged in [1, 3000, 12_000] {
        let mut process = Process::start(work.mintery(&arguments));
        eventually("some are staged", PATIENCE, || {
            let now = count(&work, "clients WHERE import_id IN (SELECT id FROM client_imports)");
            (now >= staged || process.has_ended()).then_some(())
        });
        process.kill();
        assert_eq!(ids(&work), ["before"]);
        work.run(&["client", "show", "client-000001"]).failed(&["client-000001"]);
        work.run(&["client", "delete", "client-000001"]).failed(&["client-000001"]);
        // The leftovers do not get in the way.
        let ran = import(&work, line("before"), &[]);
        assert!(ran.stderr.contains("client before already exists"), "{ran:?}");
        assert_eq!((count(&work, "clients"), count(&work, "client_imports")), (1, 0));
    }
    let ran = work.run(&arguments).succeeded();
    assert_eq!(ran.json()["imported"], COUNT);
    assert_eq!(ids(&work).len(), COUNT + 1);
    work.assert_no_gap_in_events();
    work.run(&["db", "check"]).succeeded();
}

/// An import acknowledged by an event is complete.
#[test]
fn an_import_that_is_killed_has_whole_batches() {
    let work = Workplace::with_tables();
    work.create_client(&["--id", "before"]);
    let file = work.write("clients.jsonl", many(20_000));
    let mut process = Process::start(work.mintery(&["client", "import", file.to_str().unwrap()]));
    eventually("some are there", PATIENCE, || {
        (count(&work, "clients") > 2000 || process.has_ended()).then_some(())
    });
    process.kill();
    let there = count(&work, "clients") - 1;
    assert_eq!(count(&work, "events WHERE kind = 'clients.imported'") * 1000, there);
    assert_eq!(count(&work, "client_secrets") - 1, there);
    // A second run imports the rest, and rejects existing clients.
    let ran = import(&work, many(20_000), &[]);
    assert_eq!(serde_json::from_str::<Value>(&ran.stdout).unwrap()["refused"], json!(there));
    assert_eq!(ids(&work).len(), 20_001);
    work.run(&["db", "check"]).succeeded();
}

/// SEC-10
#[test]
fn a_running_server_knows_imported_clients_within_a_second() {
    let work = Workplace::with_tables();
    let known = work.create_client(&[]);
    let server = Server::start(&work);
    server.token(&known);
    for strict in [&[][..], &["--strict"]] {
        let id = format!("soon{}", strict.len());
        let client = Client { id: id.clone(), secret: known.secret.clone() };
        // The id is unknown so far, and the server caches that.
        assert_eq!(server.ask_for_token(&client).status, 401);
        let line = json!({ "client_id": id, "client_name": "x", "scope": "read", "client_secret": client.secret });
        import(&work, line.to_string(), strict).succeeded();
        eventually("it is known", Duration::from_secs(1), || {
            (server.ask_for_token(&client).status == 200).then_some(())
        });
    }
    server.token(&known);
}

/// The tokens of a deleted client do not belong to an imported client with its id.
#[test]
fn an_imported_client_is_another_than_the_one_before() {
    let work = Workplace::with_tables();
    let server = Server::start(&work);
    for strict in [&[][..], &["--strict"]] {
        let id = format!("phoenix{}", strict.len());
        let old = work.create_client(&["--id", &id]);
        let token = server.token(&old);
        work.run(&["client", "delete", &old.id]).succeeded();
        let line = json!({ "client_id": id, "client_name": "x", "scope": "read", "client_secret": old.secret });
        import(&work, line.to_string(), strict).succeeded();
        // Until the server has followed, it may issue a token to the old one.
        eventually("the old one is gone", Duration::from_secs(1), || {
            (server.me(&token).status == 401).then_some(())
        });
        let new_token = eventually("the new one is known", Duration::from_secs(1), || {
            let answer = server.ask_for_token(&old);
            (answer.status == 200)
                .then(|| answer.json()["access_token"].as_str().unwrap().to_owned())
        });
        assert_eq!(server.me(&token).status, 401);
        assert_eq!(server.me(&new_token).status, 200);
    }
}

/// SEC-10: nor does the cached form of its secret match another secret with the same id.
#[test]
fn an_imported_secret_is_another_than_the_one_before() {
    let work = Workplace::with_tables();
    let server = Server::start(&work);
    let import_with = |secret: &str| {
        let secrets = json!([{ "id": "cs_0123456789abcdefghijkl", "client_secret": secret }]);
        let line = json!({ "client_id": "phoenix", "client_name": "x", "scope": "read", "secrets": secrets });
        import(&work, line.to_string(), &[]).succeeded();
        Client { id: "phoenix".to_owned(), secret: secret.to_owned() }
    };
    let old = import_with("the old secret");
    server.token(&old);
    work.run(&["client", "delete", "phoenix"]).succeeded();
    let new = import_with("the new secret");
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(server.ask_for_token(&old).status, 401);
    server.token(&new);
}

#[test]
fn an_export_is_imported_unchanged() {
    let (here, there) = (Workplace::with_tables(), Workplace::with_tables());
    let flags = ["--default-scope", "read", "--ttl", "60", "--alg", "EdDSA"];
    let first = here.create_client(&[&["--id", "first"][..], &flags].concat());
    let other = here
        .run(&["client", "secret", "add", "first", "--label", "späte\"r", "-o", "json"])
        .succeeded();
    let other = Client::of(&other.json());
    let disabled = here.create_client(&["--id", "disabled"]);
    let late = here.create_client(&["--id", "late", "--secret-expires", "1"]);
    here.run(&["client", "disable", "disabled"]).succeeded();
    import(&here, line("brought"), &[]).succeeded();
    let brought = Client { id: "brought".to_owned(), secret: "correct horse".to_owned() };

    let exported = here.run(&["client", "export"]).succeeded();
    assert!(exported.stderr.contains("4 clients"), "{exported:?}");
    assert!(!exported.stdout.contains(&first.secret), "{exported:?}");
    let exported_ids = exported
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["client_id"].clone());
    assert_eq!(exported_ids.collect::<Vec<_>>(), ["brought", "disabled", "first", "late"]);
    import(&there, &exported.stdout, &["--strict"]).succeeded();

    for arguments in [
        &["client", "list", "-o", "json"][..],
        &["client", "secret", "list", "first", "-o", "json"],
    ] {
        assert_eq!(there.run(arguments).succeeded().stdout, here.run(arguments).succeeded().stdout);
    }
    let again = there.run(&["client", "export", "-o", "json"]).succeeded();
    assert_eq!(again.stdout, exported.stdout);
    there.run(&["client", "export", "-o", "table"]).was_misused();

    let server = Server::start(&there);
    for client in [&first, &other, &brought] {
        server.token(client);
    }
    eventually("its secret expires", Duration::from_secs(3), || {
        (server.ask_for_token(&late).status == 401).then_some(())
    });
    assert_eq!(server.ask_for_token(&disabled).status, 401);
    assert_eq!(
        server.ask_for_token(&Client { secret: first.secret.clone(), ..brought }).status,
        401
    );
    // Once the client is enabled, its imported secret works.
    there.run(&["client", "enable", "disabled"]).succeeded();
    eventually("it is enabled", Duration::from_secs(1), || {
        (server.ask_for_token(&disabled).status == 200).then_some(())
    });
}

#[test]
fn an_empty_database_exports_nothing() {
    let work = Workplace::new();
    work.run(&["db", "migrate"]).succeeded();
    let ran = work.run(&["client", "export"]).succeeded();
    assert!(ran.stdout.is_empty() && ran.stderr.contains("No clients"), "{ran:?}");
}

/// Two concurrent imports of the same clients create each client once.
#[test]
fn imports_at_once_do_not_trip_over_each_other() {
    let work = Workplace::with_tables();
    work.create_client(&["--id", "before"]);
    let file = work.write("clients.jsonl", many(5000));
    let arguments = ["client", "import", file.to_str().unwrap(), "-o", "json"];
    let mut running: Vec<_> = (0..2).map(|_| Process::start(work.mintery(&arguments))).collect();
    let mut imported = 0;
    for process in &mut running {
        process.ended(PATIENCE);
        let summary: Value = serde_json::from_str(&process.stdout())
            .unwrap_or_else(|error| panic!("{error}: {}", process.stderr()));
        imported += summary["imported"].as_u64().unwrap();
    }
    assert_eq!(imported, 5000);
    assert_eq!(ids(&work).len(), 5001);
    work.assert_no_gap_in_events();
}

/// SEC-10: disabling a client takes effect within a second, during any other writes.
#[test]
fn an_import_does_not_delay_changes() {
    let work = Workplace::with_tables();
    let client = work.create_client(&[]);
    let server = Server::start(&work);
    server.token(&client);
    let file = work.write("clients.jsonl", many(40_000));
    for strict in [&[][..], &["--strict"]] {
        let arguments = [&["client", "import", file.to_str().unwrap()][..], strict].concat();
        let mut import = Process::start(work.mintery(&arguments));
        eventually("it is under way", PATIENCE, || {
            (count(&work, "clients") > 1000 || import.has_ended()).then_some(())
        });
        while !import.has_ended() {
            for (verb, status) in [("disable", 401), ("enable", 200)] {
                let ran = work.run(&["client", verb, &client.id]).succeeded();
                assert!(ran.took < Duration::from_secs(1), "{ran:?}");
                eventually("the server knows", Duration::from_secs(1), || {
                    (server.ask_for_token(&client).status == status).then_some(())
                });
            }
        }
        import.ended(PATIENCE);
        work.run(&["db", "check"]).succeeded();
    }
}
