//! Revocations, and APIs in processes of their own that follow them: `examples/resource_server.rs`
//! with the library, and `examples/verifier.mjs` in another language, by
//! `docs/reference/revocation-feed.md`.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::resource_server::example;
use crate::support::{
    Client, PATIENCE, Process, Server, Workplace, eventually, free_port, http, send,
};

/// The maximum age of the examples' knowledge in these tests.
const MAX_AGE: Duration = Duration::from_secs(3);

/// An API that follows.
struct Api {
    process: Process,
    route: String,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Library,
    Node,
}

const KINDS: [Kind; 2] = [Kind::Library, Kind::Node];

impl Api {
    fn start(kind: Kind, issuer: &str, own: &Client) -> Self {
        let listen = format!("127.0.0.1:{}", free_port());
        let (mut command, route) = match kind {
            Kind::Library => (Command::new(example()), "servers"),
            Kind::Node => {
                let mut command = Command::new("node");
                command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/verifier.mjs"));
                (command, "whoami")
            }
        };
        command
            .env("ISSUER", issuer)
            .env("LISTEN", &listen)
            .env("CLIENT_ID", &own.id)
            .env("CLIENT_SECRET", &own.secret)
            .env("MAX_AGE", MAX_AGE.as_secs().to_string());
        let mut api =
            Self { process: Process::start(command), route: format!("http://{listen}/{route}") };
        eventually("the example answers", PATIENCE, || {
            assert!(!api.process.has_ended(), "it ended: {}", api.process.stderr());
            send(http().get(&api.route)).ok()
        });
        api
    }

    fn status(&self, token: &str) -> u16 {
        send(http().get(&self.route).bearer_auth(token)).unwrap().status
    }

    /// Waits until a token gets this status; returns the elapsed time.
    fn until(&self, status: u16, token: &str, within: Duration) -> Duration {
        let began = Instant::now();
        eventually(
            &format!("{} answers {status}: {}", self.route, self.process.stderr()),
            within,
            || (self.status(token) == status).then_some(()),
        );
        began.elapsed()
    }
}

fn kid(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    let header: serde_json::Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

fn has_node() -> bool {
    let has_node = Command::new("node").arg("--version").output().is_ok();
    if !has_node {
        println!("SKIP: node is missing: apt-get install nodejs");
    }
    has_node
}

fn kinds() -> impl Iterator<Item = Kind> {
    let has_node = has_node();
    KINDS.into_iter().filter(move |kind| has_node || matches!(kind, Kind::Library))
}

/// 7009-5: within one second, in verifiers that ask no one.
#[test]
fn revocations_hold_everywhere_within_a_second() {
    let work = Workplace::with_tables();
    let server = Server::start_dev(&work);
    let own = work.create_client_for("x", &[]);
    let apis: Vec<Api> = kinds().map(|kind| Api::start(kind, &server.url(""), &own)).collect();
    let (caller, other) =
        (work.create_client_for("servers:read", &[]), work.create_client_for("servers:read", &[]));
    let (token, of_other) = (server.token(&caller), server.token(&other));
    for api in &apis {
        api.until(200, &token, PATIENCE);
        assert_eq!(api.status(&of_other), 200);
    }
    work.run(&["client", "disable", &caller.id]).succeeded();
    for api in &apis {
        let took = api.until(401, &token, Duration::from_secs(1));
        println!("refused {took:?} after the command had ended");
        assert_eq!(api.status(&of_other), 200);
    }
    // Later tokens are valid.
    work.run(&["client", "enable", &caller.id]).succeeded();
    let again = eventually("it is enabled", PATIENCE, || {
        let answer = server.ask_for_token(&caller);
        (answer.status == 200).then(|| answer.json()["access_token"].as_str().unwrap().to_owned())
    });
    for api in &apis {
        assert_eq!((api.status(&again), api.status(&token)), (200, 401));
    }
    // A key.
    work.run(&["signing-key", "retire", &kid(&of_other)]).succeeded();
    for api in &apis {
        api.until(401, &of_other, Duration::from_secs(1));
    }
    let of_new_key = eventually("the next key signs", PATIENCE, || {
        Some(server.token(&other)).filter(|token| kid(token) != kid(&of_other))
    });
    for api in &apis {
        api.until(200, &of_new_key, PATIENCE);
    }
}

/// A silent issuer with an open port: after a while tokens are rejected with 503.
#[test]
fn knowledge_that_is_too_old_shows() {
    let work = Workplace::with_tables();
    let server = Server::start_dev(&work);
    let own = work.create_client_for("x", &[]);
    let apis: Vec<Api> = kinds().map(|kind| Api::start(kind, &server.url(""), &own)).collect();
    let caller = work.create_client_for("servers:read", &[]);
    let token = server.token(&caller);
    for api in &apis {
        api.until(200, &token, PATIENCE);
    }
    server.process.signal("STOP");
    let began = Instant::now();
    for api in &apis {
        api.until(503, &token, MAX_AGE + Duration::from_secs(3));
        assert!(began.elapsed() > Duration::from_millis(500), "{:?}", began.elapsed());
    }
    server.process.signal("CONT");
    for api in &apis {
        api.until(200, &token, PATIENCE);
    }
}

/// Revocations made while the issuer was down are known as soon as it is up.
#[test]
fn a_restart_of_the_issuer_loses_nothing() {
    let listen = format!("127.0.0.1:{}", free_port());
    let work = Workplace::with_tables().with("MINTERY_LISTEN", &listen);
    let mut server = Server::start_dev(&work);
    let own = work.create_client_for("x", &[]);
    let apis: Vec<Api> = kinds().map(|kind| Api::start(kind, &server.url(""), &own)).collect();
    let (caller, other) =
        (work.create_client_for("servers:read", &[]), work.create_client_for("servers:read", &[]));
    let (token, of_other) = (server.token(&caller), server.token(&other));
    for api in &apis {
        api.until(200, &token, PATIENCE);
    }
    // Waiting readers are answered, not waited for.
    let began = Instant::now();
    assert_eq!(server.stop(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    work.run(&["client", "disable", &caller.id]).succeeded();
    let _server = Server::start_dev(&work);
    for api in &apis {
        api.until(401, &token, PATIENCE);
        api.until(200, &of_other, PATIENCE);
    }
}
