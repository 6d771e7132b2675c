//! Tools of the command line tests: commands run in a [`Workplace`], beside a [`Server`] that runs
//! there and answers over HTTP.

pub mod caller;
#[path = "../../support/engine.rs"]
pub mod engine;
mod http;
mod postgres;
mod process;
pub mod proxy;
mod ran;
mod server;
pub mod skip;
mod workplace;

use std::net::TcpListener;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::runtime::Runtime;

pub use http::{Answer, http, send};
pub use process::Process;
pub use ran::Ran;
pub use server::{Server, Starting};
pub use workplace::Workplace;

/// The time after which anything counts as hanging.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// An issuer for servers that are reached at another address.
pub const ISSUER: &str = "https://auth.example.test";

/// Polls until there is a result. No test waits for a fixed time.
pub fn eventually<T>(what: &str, within: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(began.elapsed() < within, "not within {within:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The runtime for the tests' own asynchronous work.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        sqlx::any::install_default_drivers();
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
    })
}

/// A port that nothing listens on.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A client, and its secret.
#[derive(Debug, Clone)]
pub struct Client {
    pub id: String,
    pub secret: String,
}

impl Client {
    #[track_caller]
    pub fn of(json: &Value) -> Self {
        let member =
            |name: &str| json[name].as_str().unwrap_or_else(|| panic!("{name}: {json}")).to_owned();
        Self { id: member("client_id"), secret: member("client_secret") }
    }
}
