//! `kill -9` at any moment: acknowledged changes are complete, and others are absent or complete.

use std::time::Duration;

use crate::support::{Client, ISSUER, PATIENCE, Process, Server, Workplace};

/// Moments to kill at, spread over the duration of the command; none must matter.
fn moments(count: u64, step: Duration) -> impl Iterator<Item = Duration> {
    (1..=count).map(move |number| step * u32::try_from(number).unwrap())
}

#[test]
fn clients_tokens_and_keys_outlive_a_kill() {
    let work = Workplace::with_tables();
    let client = work.create_client(&[]);
    let mut server = Server::start(&work);
    let token = server.token(&client);
    let keys = server.get("/.well-known/jwks.json").body;
    for _ in 0..3 {
        let made_meanwhile = work.create_client(&[]);
        server.process.kill();
        server = Server::start(&work);
        assert_eq!(server.get("/.well-known/jwks.json").body, keys);
        assert_eq!(server.me(&token).status, 200);
        server.token(&client);
        server.token(&made_meanwhile);
        work.assert_no_gap_in_events();
    }
    let list = work.run(&["client", "list", "-o", "json"]).succeeded().json();
    assert_eq!(list.as_array().unwrap().len(), 4);
}

/// A displayed secret works.
#[test]
fn a_command_that_is_killed_has_made_a_client_or_not() {
    let work = Workplace::with_tables();
    work.create_client(&[]);
    let mut told = Vec::new();
    for moment in moments(16, Duration::from_millis(4)) {
        let command =
            work.mintery(&["client", "create", "--name", "x", "--scope", "read", "-o", "json"]);
        let mut process = Process::start(command);
        std::thread::sleep(moment);
        process.kill();
        if let Ok(made) = serde_json::from_str(&process.stdout()) {
            told.push(Client::of(&made));
        }
    }
    told.push(work.create_client(&[]));
    work.assert_no_gap_in_events();
    let created = "SELECT CAST(COUNT(*) AS BIGINT) FROM events WHERE kind = 'client.created'";
    let list = work.run(&["client", "list", "-o", "json"]).succeeded().json();
    let count = i64::try_from(list.as_array().unwrap().len()).unwrap();
    assert_eq!(work.numbers(created), [count]);
    let secrets = "SELECT CAST(COUNT(*) AS BIGINT) FROM client_secrets";
    assert_eq!(work.numbers(secrets), [count]);
    let server = Server::start(&work);
    for client in &told {
        server.token(client);
    }
}

/// The first start creates tables, a master key, data keys and signing keys. After a kill in
/// between, the next start continues: it never finds a database whose key was lost.
#[test]
fn a_first_start_that_is_killed_can_be_repeated() {
    for moment in moments(12, Duration::from_millis(12)) {
        let work = Workplace::new();
        let mut serve = work.mintery(&["serve", "--migrate", "--issuer", ISSUER]);
        serve.env("MINTERY_LISTEN", "127.0.0.1:0");
        let mut process = Process::start(serve);
        std::thread::sleep(moment);
        process.kill();
        let server = Server::start(&work);
        assert_eq!(server.get("/readyz").status, 200);
        server.token(&work.create_client(&[]));
        let jwks = server.get("/.well-known/jwks.json").json();
        assert!(jwks["keys"].as_array().unwrap().len() >= 2, "{jwks}");
        work.assert_no_gap_in_events();
    }
}

/// Its client is either shown or not yet created.
#[test]
fn a_first_start_with_dev_that_is_killed_can_be_repeated() {
    for moment in moments(6, Duration::from_millis(30)) {
        let work = Workplace::new();
        let mut serve = work.mintery(&["serve", "--migrate", "--dev"]);
        serve.env("MINTERY_LISTEN", "127.0.0.1:0");
        let mut process = Process::start(serve);
        std::thread::sleep(moment);
        process.kill();
        let server = Server::start_dev(&work);
        crate::support::eventually("the welcome", PATIENCE, || {
            server.process.stdout().contains("Mintery answers on").then_some(())
        });
        assert_eq!(server.get("/readyz").status, 200);
    }
}
