//! A running server, and requests to it.

use std::net::SocketAddr;

use super::http::{Answer, http, send};
use super::{Client, ISSUER, PATIENCE, Process, Workplace, eventually};

/// A server that answers.
pub struct Server {
    pub process: Process,
    pub address: SocketAddr,
}

/// A server that was started and may not answer yet.
pub struct Starting(Process);

impl Starting {
    /// Waits until it answers.
    pub fn ready(self) -> Server {
        let mut process = self.0;
        let address = eventually("the server answers", PATIENCE, || {
            assert!(
                !process.has_ended(),
                "the server ended: {}{}",
                process.stdout(),
                process.stderr()
            );
            address_in(&process.stderr())
        });
        Server { process, address }
    }
}

/// From the line of the log that says where it answers.
fn address_in(log: &str) -> Option<SocketAddr> {
    let (_, rest) = log.split_once("listening on http://")?;
    let end =
        rest.find(|character: char| !character.is_ascii_digit() && !".:".contains(character))?;
    rest[..end].parse().ok()
}

impl Server {
    /// Starts `mintery serve` on a free port.
    pub fn spawn(workplace: &Workplace, flags: &[&str]) -> Starting {
        let mut command = workplace.mintery(&["serve", "--migrate"]);
        command.args(flags);
        if !workplace.has("MINTERY_LISTEN") {
            command.env("MINTERY_LISTEN", "127.0.0.1:0");
        }
        Starting(Process::start(command))
    }

    /// A server that was started in a way of its own.
    pub fn of(process: Process) -> Server {
        Starting(process).ready()
    }

    /// `mintery serve` for [`ISSUER`], unless the workplace says another.
    pub fn start(workplace: &Workplace) -> Server {
        if workplace.has("MINTERY_ISSUER") {
            Self::spawn(workplace, &[]).ready()
        } else {
            Self::spawn(workplace, &["--issuer", ISSUER]).ready()
        }
    }

    /// `mintery serve --dev`.
    pub fn start_dev(workplace: &Workplace) -> Server {
        Self::spawn(workplace, &["--dev"]).ready()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn get(&self, path: &str) -> Answer {
        send(http().get(self.url(path))).unwrap()
    }

    /// Asks for a token with Basic.
    pub fn ask_for_token(&self, client: &Client) -> Answer {
        self.try_token(client).unwrap()
    }

    pub fn try_token(&self, client: &Client) -> Result<Answer, reqwest::Error> {
        let request = http()
            .post(self.url("/oauth/token"))
            .basic_auth(&client.id, Some(&client.secret))
            .form(&[("grant_type", "client_credentials")]);
        send(request)
    }

    /// A token; it must be given.
    #[track_caller]
    pub fn token(&self, client: &Client) -> String {
        let answer = self.ask_for_token(client);
        assert_eq!(answer.status, 200, "{answer:?}\n{}", self.process.stderr());
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// Calls a protected route.
    pub fn me(&self, token: &str) -> Answer {
        send(http().get(self.url("/api/v1/users/me")).bearer_auth(token)).unwrap()
    }

    /// Stops it with SIGTERM; the exit code.
    pub fn stop(&mut self) -> Option<i32> {
        self.process.signal("TERM");
        self.process.ended(PATIENCE)
    }
}
