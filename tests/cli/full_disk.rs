//! A full disk, simulated by a limit on the size of files: writes beyond it fail until it is
//! lifted.

use std::process::Command;

use serde_json::json;

use crate::support::engine::{Engine, only_on};
use crate::support::{Answer, Client, ISSUER, Process, Server, Workplace, http, send};

/// Starts a server that survives a write beyond the limit, as it survives a full disk.
fn start(work: &Workplace) -> Server {
    let mintery = env!("CARGO_BIN_EXE_mintery");
    let mut command = work.program("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", mintery, "serve", "--issuer", ISSUER]);
    command.env("MINTERY_LISTEN", "127.0.0.1:0");
    Server::of(Process::start(command))
}

/// Limits the size of the server's files.
fn limit(server: &Server, size: &str) {
    let pid = server.process.id().to_string();
    let limited = Command::new("prlimit")
        .args(["--pid", &pid, &format!("--fsize={size}:unlimited")])
        .status()
        .unwrap();
    assert!(limited.success());
}

fn create(server: &Server, token: &str, name: &str) -> Answer {
    let body = json!({ "client_name": name, "scope": "read" }).to_string();
    let request = http().post(server.url("/api/v1/clients")).bearer_auth(token);
    send(request.header("content-type", "application/json").body(body)).unwrap()
}

fn administrator(server: &Server, client: &Client) -> String {
    let form = [("grant_type", "client_credentials"), ("scope", "mintery:clients:write read")];
    let request = http()
        .post(server.url("/oauth/token"))
        .basic_auth(&client.id, Some(&client.secret))
        .form(&form);
    send(request).unwrap().json()["access_token"].as_str().unwrap().to_owned()
}

/// A failed write is answered with 503, acknowledged changes are never lost, and no restart is
/// needed.
#[test]
fn a_full_disk_is_survived() {
    only_on!(Engine::Sqlite);
    let work = Workplace::with_tables();
    let client = work.create_client_for("mintery:clients:write read", &[]);
    let mut server = start(&work);
    let token = administrator(&server, &client);
    let mut made = vec![client.clone()];
    let first = create(&server, &token, "before");
    assert_eq!(first.status, 201, "{first:?}");
    made.push(Client::of(&first.json()));

    let log = std::fs::metadata(work.path("data/mintery.db-wal")).unwrap().len();
    limit(&server, &log.to_string());
    for _ in 0..3 {
        let refused = create(&server, &token, "refused");
        assert_eq!(
            (refused.status, refused.json()["code"].as_str()),
            (503, Some("err_unavailable")),
            "{refused:?}"
        );
        assert!(refused.header("retry-after").is_some(), "{refused:?}");
        assert!(
            refused.json()["detail"].as_str().unwrap().contains("nothing was changed"),
            "{refused:?}"
        );
        // Requests that write nothing still work.
        for client in &made {
            server.token(client);
        }
        assert_eq!(server.me(&token).status, 200);
        assert_eq!(server.get("/readyz").status, 200);
    }
    let refused = "SELECT CAST(COUNT(*) AS BIGINT) FROM clients WHERE name = 'refused'";
    assert_eq!(work.numbers(refused), [0]);

    limit(&server, "unlimited");
    let answer = create(&server, &token, "after");
    assert_eq!(answer.status, 201, "{answer:?}");
    made.push(Client::of(&answer.json()));
    for client in &made {
        server.token(client);
    }
    assert_eq!(server.stop(), Some(0));
    assert!(!server.process.stderr().contains("panicked"), "{}", server.process.stderr());
    work.assert_no_gap_in_events();
    work.run(&["db", "check"]).succeeded();
    assert_eq!(work.numbers(refused), [0]);
    // Also the counts from meanwhile: one for the administrator, two clients three times, and
    // finally all three.
    let tokens = "SELECT CAST(SUM(times) AS BIGINT) FROM client_usage WHERE outcome = 'token'";
    assert_eq!(work.numbers(tokens), [1 + 2 * 3 + 3]);
    let server = Server::start(&work);
    for client in &made {
        server.token(client);
    }
}
