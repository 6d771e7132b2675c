//! `mintery client …`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::support::engine::{Engine, engine, only_on};
use crate::support::{Client, Process, Server, Workplace, eventually};

const CREATE: [&str; 4] = ["client", "create", "--name", "billing"];

fn create(more: &[&'static str]) -> Vec<&'static str> {
    CREATE.into_iter().chain(more.iter().copied()).collect()
}

#[test]
fn create_prints_what_programs_need_and_nothing_else() {
    let work = Workplace::with_tables();
    let ran = work.run(&create(&["--scope", "read write", "-o", "json"])).succeeded();
    let made = ran.json();
    let client = Client::of(&made);
    assert!(client.id.starts_with("mc_") && client.id.len() == 3 + 22, "{client:?}");
    assert!(client.secret.starts_with("mts_") && client.secret.len() == 4 + 43 + 6, "{client:?}");
    assert_eq!(made["client_name"], "billing");
    assert_eq!(made["scope"], "read write");
    assert_eq!(made["token_endpoint_auth_method"], "client_secret_basic");
    assert_eq!(made["client_secret_expires_at"], 0);
    assert!(!ran.stderr.contains(&client.secret), "{ran:?}");

    let ran = work.run(&create(&["--secret-expires", "60", "--output=json"])).succeeded();
    let made = ran.json();
    let expires_at = made["client_secret_expires_at"].as_i64().unwrap();
    assert_eq!(expires_at, made["client_id_issued_at"].as_i64().unwrap() + 60);
}

#[test]
fn create_prints_the_secret_alone_on_standard_output() {
    let work = Workplace::with_tables();
    let ran = work.run(&create(&["--scope", "read"])).succeeded();
    let secret = ran.stdout.strip_suffix('\n').unwrap();
    assert!(secret.starts_with("mts_") && secret.len() == 4 + 43 + 6, "{ran:?}");
    assert!(ran.stderr.contains("billing") && ran.stderr.contains("mc_"), "{ran:?}");
    assert!(!ran.stderr.contains(secret), "{ran:?}");
}

#[test]
fn list_and_show_tell_everything_but_the_secret() {
    let work = Workplace::with_tables();
    let client = work.create_client(&["--id", "shown"]);
    for arguments in [
        vec!["client", "list"],
        vec!["client", "list", "-o", "json"],
        vec!["client", "show", "shown"],
        vec!["client", "show", "shown", "-o", "json"],
    ] {
        let ran = work.run(&arguments).succeeded();
        for expected in ["shown", "test", "read write"] {
            assert!(ran.stdout.contains(expected), "{ran:?}");
        }
        let printed = ran.stdout + &ran.stderr;
        // Only its first and last characters are printed.
        assert!(!printed.contains(&client.secret[4..12]), "{printed}");
        assert!(!printed.contains("$argon2") && !printed.contains("digest"), "{printed}");
    }
    let list = work.run(&["client", "list", "-o", "json"]).json();
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!(list[0]["client_id"], "shown");
    let shown = work.run(&["client", "show", "shown", "-o", "json"]).json();
    assert_eq!(shown["client_name"], "test");
    assert!(shown.get("client_secret").is_none());
    assert_eq!(shown["secrets"].as_array().unwrap().len(), 1);
    assert!(client.secret.contains(shown["secrets"][0]["hint"].as_str().unwrap()), "{shown}");
}

#[test]
fn a_client_is_disabled_enabled_and_deleted() {
    let work = Workplace::with_tables();
    work.create_client(&["--id", "x"]);
    let is_enabled_now =
        || work.run(&["client", "show", "x", "-o", "json"]).succeeded().json()["enabled"].clone();
    assert_eq!(is_enabled_now(), true);
    // Repeating it is not an error.
    for (verb, expected) in
        [("disable", false), ("disable", false), ("enable", true), ("enable", true)]
    {
        let ran = work.run(&["client", verb, "x"]).succeeded();
        assert!(ran.stdout.is_empty() && ran.stderr.contains('x'), "{ran:?}");
        assert_eq!(is_enabled_now(), expected);
        let status = if expected { "enabled" } else { "disabled" };
        for verb in ["show x", "list"] {
            let arguments: Vec<&str> = ["client"].into_iter().chain(verb.split(' ')).collect();
            assert!(work.run(&arguments).stdout.contains(status));
        }
    }
    let ran = work.run(&["client", "delete", "x"]).succeeded();
    assert!(ran.stdout.is_empty() && ran.stderr.contains('x'), "{ran:?}");
    work.run(&["client", "show", "x"]).failed(&["x"]);
    assert_eq!(work.run(&["client", "list", "-o", "json"]).json(), Value::Array(Vec::new()));
    work.assert_no_gap_in_events();
}

/// A script may add `-o json` to every command.
#[test]
fn every_verb_takes_the_output_format() {
    let work = Workplace::with_tables();
    work.create_client(&["--id", "x"]);
    for verb in ["disable", "enable", "delete"] {
        for format in ["table", "json"] {
            let ran = work.run(&["client", verb, "x", "-o", format]);
            assert_ne!(ran.code, Some(2), "{ran:?}");
        }
        work.run(&["client", "create", "--name", "again", "--id", "x"]);
    }
}

#[test]
fn an_unknown_client_is_an_error_with_code_1() {
    let work = Workplace::with_tables();
    work.create_client(&["--id", "taken"]);
    for verb in ["show", "enable", "disable", "delete"] {
        work.run(&["client", verb, "mc_0000000000000000000000"])
            .failed(&["mc_0000000000000000000000"]);
    }
    work.run(&["client", "show", "mc_0000000000000000000000", "-o", "json"]).failed(&[]);
    work.run(&create(&["--id", "taken"])).failed(&["taken"]);
    assert_eq!(work.run(&["client", "list", "-o", "json"]).json().as_array().unwrap().len(), 1);
    work.assert_no_gap_in_events();
}

#[test]
fn a_call_that_makes_no_sense_has_code_2_and_touches_nothing() {
    let work = Workplace::new();
    let before = work.entries();
    let (long_name, long_id) = ("x".repeat(201), "x".repeat(256));
    let long_scope =
        (0..600).map(|number| format!("scope{number:03}")).collect::<Vec<_>>().join(" ");
    assert!(long_scope.len() > 4096);
    for flags in [
        vec![],
        vec!["--name", ""],
        vec!["--name", " "],
        vec!["--name", "a\nb"],
        vec!["--name", "a\u{1b}[31mb"],
        vec!["--name", "a\u{7f}b"],
        vec!["--name", "a\u{85}b"],
        vec!["--name", &long_name],
        vec!["--name", "x", "--scope", "a\"b"],
        vec!["--name", "x", "--scope", "a\\b"],
        vec!["--name", "x", "--scope", "a\tb"],
        vec!["--name", "x", "--scope", "é"],
        vec!["--name", "x", "--scope", &long_scope],
        vec!["--name", "x", "--id", ""],
        vec!["--name", "x", "--id", " a"],
        vec!["--name", "x", "--id", "a\nb"],
        vec!["--name", "x", "--id", "é"],
        vec!["--name", "x", "--id", &long_id],
        vec!["--name", "x", "--grant-types", "password"],
        vec!["--name", "x", "--secret-expires", "-1"],
        vec!["--name", "x", "--secret-expires", "soon"],
        vec!["--name", "x", "-o", "yaml"],
        vec!["--name", "x", "--colour", "red"],
        vec!["--name", "x", "--name", "y"],
    ] {
        let arguments: Vec<&str> = ["client", "create"].into_iter().chain(flags).collect();
        let ran = work.run(&arguments).was_misused();
        assert!(!ran.stderr.contains('\u{1b}'), "{ran:?}");
    }
    for arguments in [
        &[][..],
        &["client"],
        &["client", "creat"],
        &["client", "show"],
        &["client", "show", ""],
        &["client", "show", "é"],
        &["client", "enable", "a\nb"],
        &["client", "list", "extra"],
        &["serve", "--no-such-flag"],
        &["no-such-noun"],
    ] {
        work.run(arguments).was_misused();
    }
    assert_eq!(work.entries(), before);
}

#[test]
fn help_and_version_are_results() {
    let work = Workplace::new();
    assert!(work.run(&["--version"]).succeeded().stdout.starts_with("mintery "));
    for arguments in [
        &["--help"][..],
        &["client", "--help"],
        &["client", "create", "--help"],
        &["serve", "--help"],
    ] {
        let ran = work.run(arguments).succeeded();
        assert!(ran.stdout.contains("Usage") && ran.stderr.is_empty(), "{ran:?}");
    }
    // Options of a single command are not among those of all commands.
    let help = work.run(&["whoami", "--help"]).succeeded().stdout;
    let own = help.split("Options of all commands:").next().unwrap();
    assert!(own.contains("--profile") && !own.contains("--database-url"), "{help}");
    assert!(help.contains("--database-url"), "{help}");
}

/// 6749-8
#[test]
fn an_id_of_all_characters_that_the_rfc_allows_is_kept() {
    let work = Workplace::with_tables();
    let odd: String = (' '..='~').collect::<String>().trim().to_owned();
    let longest = "x".repeat(255);
    for id in ["billing.example.com", "a:b", "a b", &odd, &longest] {
        let made = work.create_client(&["--id", id]);
        assert_eq!(made.id, id);
        let id = if id.starts_with('-') { continue } else { id };
        assert_eq!(
            work.run(&["client", "show", id, "-o", "json"]).succeeded().json()["client_id"],
            id
        );
    }
}

#[test]
fn a_name_may_be_long_and_foreign() {
    let work = Workplace::with_tables();
    let longest = "é".repeat(200);
    for name in [longest.as_str(), "请求 \"quoted\" 'single' \\ %00", "🦀"] {
        let ran = work.run(&["client", "create", "--name", name, "-o", "json"]).succeeded();
        assert_eq!(ran.json()["client_name"], name);
    }
}

#[test]
fn an_empty_database_has_no_clients() {
    let work = Workplace::new();
    work.run(&["db", "migrate"]).succeeded();
    assert_eq!(
        work.run(&["client", "list", "-o", "json"]).succeeded().json(),
        Value::Array(Vec::new())
    );
    let ran = work.run(&["client", "list"]).succeeded();
    assert!(ran.stdout.is_empty() && ran.stderr.contains("mintery client create"), "{ran:?}");
}

/// A misspelled path must not create a database.
#[test]
fn a_list_makes_no_database() {
    let work = Workplace::new();
    for arguments in [
        &["client", "list"][..],
        &["client", "list", "-o", "json"],
        &["client", "show", "x"],
        &["client", "enable", "x"],
        &["client", "disable", "x"],
        &["client", "delete", "x"],
    ] {
        match engine() {
            Engine::Sqlite => work.run(arguments).failed(&["data/mintery.db", "no database"]),
            Engine::Postgres => work.run(arguments).failed(&["mintery db migrate"]),
        };
    }
    assert_eq!(work.entries(), Vec::<String>::new());
}

/// Also while a server has them open, and the files beside the database.
#[test]
fn created_files_are_private() {
    let work = Workplace::with_tables();
    work.create_client(&[]);
    let server = Server::start(&work);
    let mode = |path: &str| fs::metadata(work.path(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode("keys"), 0o700);
    assert_eq!(mode("keys/master.key"), 0o600);
    if engine() == Engine::Sqlite {
        assert_eq!(mode("data"), 0o700);
        assert_eq!(mode("data/mintery.db"), 0o600);
    }
    for path in work.entries() {
        assert_eq!(mode(&path) & 0o077, 0, "{path}");
    }
    drop(server);
}

#[test]
fn flags_say_where_database_and_key_are() {
    only_on!(Engine::Sqlite);
    let work = Workplace::new();
    let elsewhere = ["--database-url", "sqlite://here/a b.db", "--master-key-file", "there/x.key"];
    let made = work.run(&[&create(&["-o", "json"])[..], &elsewhere].concat()).succeeded().json();
    assert!(work.path("here/a b.db").exists() && work.path("there/x.key").exists());
    assert!(!work.path("data").exists() && !work.path("keys").exists());
    let list =
        work.run(&[&elsewhere[..], &["client", "list", "-o", "json"]].concat()).succeeded().json();
    assert_eq!(list[0]["client_id"], made["client_id"]);
}

#[test]
fn commands_that_start_at_once_do_not_trip_over_each_other() {
    const COUNT: usize = 6;
    let work = Workplace::with_tables();
    let mut running: Vec<Process> =
        (0..COUNT).map(|_| Process::start(work.mintery(&create(&["-o", "json"])))).collect();
    for process in &mut running {
        let code = process.ended(Duration::from_secs(30));
        assert_eq!(code, Some(0), "{}", process.stderr());
    }
    let list = work.run(&["client", "list", "-o", "json"]).succeeded().json();
    assert_eq!(list.as_array().unwrap().len(), COUNT);
    work.assert_no_gap_in_events();
}

/// A result that could not be printed is an error.
#[test]
fn a_full_disk_behind_standard_output_is_a_failure() {
    let work = Workplace::with_tables();
    work.create_client(&[]);
    for arguments in [&["client", "list"][..], &["client", "list", "-o", "json"]] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = work.mintery(arguments).stdout(Stdio::from(full)).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
    }
}

/// SEC-10
#[test]
fn a_running_server_sees_a_change_within_a_second() {
    let work = Workplace::with_tables();
    let server = Server::start(&work);
    let client = work.create_client(&[]);
    // Immediately: a cache miss is looked up.
    let token = server.token(&client);
    assert_eq!(server.me(&token).status, 200);
    let within_a_second = |what: &str, token_status, me_status| {
        eventually(what, Duration::from_secs(1), || {
            let statuses = (server.ask_for_token(&client).status, server.me(&token).status);
            (statuses == (token_status, me_status)).then_some(())
        });
    };
    work.run(&["client", "disable", &client.id]).succeeded();
    within_a_second("it is disabled", 401, 401);
    work.run(&["client", "enable", &client.id]).succeeded();
    // Tokens from before the disabling stay revoked.
    within_a_second("it is enabled", 200, 401);
    work.run(&["client", "delete", &client.id]).succeeded();
    within_a_second("it is deleted", 401, 401);
}

/// The tokens of a deleted client do not belong to a new client with its id.
#[test]
fn a_client_that_is_made_again_is_another() {
    let work = Workplace::with_tables();
    let server = Server::start(&work);
    let old = work.create_client(&["--id", "phoenix"]);
    let token = server.token(&old);
    work.run(&["client", "delete", "phoenix"]).succeeded();
    let new = work.create_client(&["--id", "phoenix"]);
    let new_token = eventually("the new one is known", Duration::from_secs(1), || {
        let answer = server.ask_for_token(&new);
        (answer.status == 200).then(|| answer.json()["access_token"].as_str().unwrap().to_owned())
    });
    assert_eq!(server.ask_for_token(&old).status, 401);
    assert_eq!(server.me(&token).status, 401);
    assert_eq!(server.me(&new_token).status, 200);
}

/// An id that was looked up before it existed is found.
#[test]
fn the_absence_of_a_client_is_soon_forgotten() {
    let work = Workplace::with_tables();
    let server = Server::start(&work);
    let guess = Client { id: "soon".to_owned(), secret: "mts_0".to_owned() };
    assert_eq!(server.ask_for_token(&guess).status, 401);
    let client = work.create_client(&["--id", "soon"]);
    eventually("it is found", Duration::from_secs(1), || {
        (server.ask_for_token(&client).status == 200).then_some(())
    });
}

/// A server flushes its counts when it stops; a limit holds across restarts.
#[test]
fn a_stopped_server_has_flushed_its_counts() {
    let work = Workplace::with_tables();
    let client = work.create_client(&["--max-tokens-per-hour", "1000"]);
    let secrets =
        || work.run(&["client", "secret", "list", &client.id, "-o", "json"]).succeeded().json();
    assert_eq!(secrets()[0]["last_used_at"], Value::Null);
    let mut server = Server::start(&work);
    for _ in 0..3 {
        server.token(&client);
    }
    assert_eq!(server.stop(), Some(0));
    assert_eq!(
        work.numbers("SELECT CAST(SUM(times) AS BIGINT) FROM client_usage WHERE outcome = 'token'"),
        [3]
    );
    let used = &secrets()[0];
    assert!(used["last_used_at"].is_i64() && used["last_used_address"] == "127.0.0.1", "{used}");
    let table = work.run(&["client", "show", &client.id]).succeeded().stdout;
    assert!(table.contains("127.0.0.1") && table.contains("at most 1000"), "{table}");
    let limited = ["client", "update", &client.id, "--max-tokens-per-hour", "4", "-o", "json"];
    assert_eq!(work.run(&limited).succeeded().json()["max_tokens_per_hour"], 4);
    let server = Server::start(&work);
    // Unless the next hour has just begun.
    let began = work.numbers("SELECT MAX(hour) FROM client_usage");
    let statuses: Vec<u16> = (0..2).map(|_| server.ask_for_token(&client).status).collect();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() / 3600;
    if began == [i64::try_from(now).unwrap()] {
        assert_eq!(statuses, [200, 429]);
    }
    let unlimited = ["client", "update", &client.id, "--max-tokens-per-hour", "none", "-o", "json"];
    assert_eq!(work.run(&unlimited).succeeded().json().get("max_tokens_per_hour"), None);
}
