//! An API in a process of its own (`examples/resource_server.rs`) that verifies the tokens of a
//! server beside it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::support::{
    Answer, Client, PATIENCE, Process, Server, Workplace, eventually, free_port, http, send,
};

/// The example, running.
struct Api {
    process: Process,
    url: String,
}

impl Api {
    fn start(issuer: &str) -> Self {
        let listen = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new(example());
        command.env("ISSUER", issuer).env("LISTEN", &listen);
        let mut process = Process::start(command);
        let url = format!("http://{listen}");
        eventually("the example answers", PATIENCE, || {
            assert!(!process.has_ended(), "it ended: {}", process.stderr());
            send(http().get(&url)).ok()
        });
        Self { process, url }
    }

    fn servers(&self, token: &str) -> Answer {
        send(http().get(format!("{}/servers", self.url)).bearer_auth(token)).unwrap()
    }
}

/// Cargo puts examples beside the programs.
pub fn example() -> PathBuf {
    let path =
        Path::new(env!("CARGO_BIN_EXE_mintery")).with_file_name("examples").join("resource_server");
    assert!(path.exists(), "`cargo build --example resource_server` makes {}", path.display());
    path
}

fn create_caller(work: &Workplace) -> Client {
    work.create_client_for("servers:read tasks:write", &[])
}

fn kid(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    let header: serde_json::Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

/// The promises of `docs/guides/protecting-an-api.md` for the example. 9728-1, 6750-1, 6750-4
#[test]
fn the_example_takes_the_tokens_of_a_server() {
    let work = Workplace::with_tables();
    let server = Server::start_dev(&work);
    let client = create_caller(&work);
    let api = Api::start(&server.url(""));
    let answer = api.servers(&server.token(&client));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["for"], client.id.as_str());

    let post = |token: &str| {
        send(http().post(format!("{}/v1/tasks", api.url)).bearer_auth(token)).unwrap()
    };
    assert_eq!(post(&server.token(&client)).status, 201);
    let reader = work.create_client_for("servers:read", &[]);
    let answer = post(&server.token(&reader));
    assert_eq!((answer.status, &answer.json()["code"]), (403, &"err_no_permission".into()));

    let answer = send(http().get(format!("{}/servers", api.url))).unwrap();
    assert_eq!(answer.status, 401);
    let challenge = answer.header("www-authenticate").unwrap();
    let (_, rest) =
        challenge.split_once("resource_metadata=\"").unwrap_or_else(|| panic!("{challenge}"));
    let metadata = rest.split('"').next().unwrap();
    assert!(metadata.contains("/.well-known/oauth-protected-resource"), "{challenge}");
}

/// An API does not depend on its issuer being up.
#[test]
fn the_example_survives_a_restart_of_the_issuer() {
    let listen = format!("127.0.0.1:{}", free_port());
    let work = Workplace::with_tables().with("MINTERY_LISTEN", &listen);
    let mut server = Server::start_dev(&work);
    let client = create_caller(&work);
    let api = Api::start(&server.url(""));
    let (seen, unseen) = (server.token(&client), server.token(&client));
    assert_eq!(api.servers(&seen).status, 200);
    assert_eq!(server.stop(), Some(0));
    assert_eq!(api.servers(&seen).status, 200);
    assert_eq!(api.servers(&unseen).status, 200);
    let server = Server::start_dev(&work);
    assert_eq!(api.servers(&server.token(&client)).status, 200);
}

/// Tokens are issued without a gap during rapid rotations, and a verifier in another process
/// accepts every one. `TEST_ROTATIONS` is the number of rotations.
#[test]
fn no_token_is_refused_while_keys_rotate() {
    let rotations: usize =
        std::env::var("TEST_ROTATIONS").map_or(3, |count| count.parse().unwrap());
    let work = Workplace::with_tables()
        .with("MINTERY_KEYS__ROTATE_EVERY", "3")
        .with("MINTERY_KEYS__PUBLISH_AHEAD", "2")
        .with("MINTERY_JWKS__MAX_AGE", "1")
        .with("MINTERY_TOKEN__TTL", "5");
    let server = Server::start_dev(&work);
    let client = create_caller(&work);
    let api = Api::start(&server.url(""));
    let (done, verified) = (AtomicBool::new(false), AtomicU64::new(0));
    let worker = || {
        let mut kids = BTreeSet::new();
        while !done.load(Ordering::Relaxed) {
            let token = server.token(&client);
            let answer = api.servers(&token);
            assert_eq!(answer.status, 200, "{answer:?} {}", kid(&token));
            assert_eq!(server.me(&token).status, 200, "{}", kid(&token));
            verified.fetch_add(1, Ordering::Relaxed);
            kids.insert(kid(&token));
            if kids.len() > rotations {
                done.store(true, Ordering::Relaxed);
            }
        }
        kids
    };
    let began = Instant::now();
    let kids = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2).map(|_| scope.spawn(worker)).collect();
        let limit = Duration::from_secs(20 + 4 * u64::try_from(rotations).unwrap());
        while !workers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            if began.elapsed() > limit {
                done.store(true, Ordering::Relaxed);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect::<BTreeSet<_>>()
    });
    assert!(kids.len() > rotations, "only {} keys signed in {:?}", kids.len(), began.elapsed());
    println!("{} tokens of {} keys in {:?}", verified.into_inner(), kids.len(), began.elapsed());
    assert!(!api.process.stderr().contains("panicked"), "{}", api.process.stderr());
}
