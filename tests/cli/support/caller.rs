//! A caller of a server with `mintery` from elsewhere: without its database, beside settings that
//! would break every command that reads them.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use crate::support::{Client, Ran, Server, Workplace};

/// A place to call servers from, with its own configuration directory.
pub struct Caller {
    pub work: Workplace,
}

impl Caller {
    /// A caller without access to the database of `work`.
    pub fn beside(work: &Workplace) -> Self {
        let work = work.beside();
        work.write("mintery.toml", "this is no setting");
        let config = work.path("config").display().to_string();
        let work = work.with("MINTERY_DATABASE_URL", "none").with("MINTERY_TOKEN__TTL", "1h");
        Self { work: work.with("XDG_CONFIG_HOME", &config) }
    }

    pub fn with(self, name: &str, value: &str) -> Self {
        Self { work: self.work.with(name, value) }
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.work.run(arguments)
    }

    /// The file with the profiles.
    pub fn file(&self) -> PathBuf {
        self.work.path("config/mintery/profiles.toml")
    }

    /// Logs in with a token or a key.
    pub fn login(&self, url: &str, token: &str) -> Ran {
        self.work.run_with_input(&["login", "--url", url, "--token", "-"], token.as_bytes())
    }

    /// Logs in as a client.
    pub fn login_as(&self, server: &Server, client: &Client) -> Ran {
        let arguments =
            ["login", "--url", &server.url("/"), "--client-id", &client.id, "--secret", "-"];
        self.work.run_with_input(&arguments, client.secret.as_bytes())
    }
}

impl Ran {
    /// The command ended with `code` and a reason: nothing on standard output, all `words` on
    /// standard error, and no terminal escapes.
    #[track_caller]
    pub fn ended_with(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        assert!(self.stdout.is_empty(), "{self:#?}");
        for word in words {
            assert!(self.stderr.contains(word), "does not say `{word}`: {self:#?}");
        }
        self.shows_no_control_characters()
    }

    #[track_caller]
    pub fn shows_no_control_characters(self) -> Self {
        let is_bad = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!self.stdout.contains(is_bad) && !self.stderr.contains(is_bad), "{self:#?}");
        self
    }
}

/// A server that is not Mintery: it sends the same bytes to every client.
pub struct Stranger {
    pub url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Stranger {
    /// A server with a status line, headers and a body; the length is added.
    pub fn answering(status: &str, headers: &str, body: &[u8]) -> Self {
        let head = format!(
            "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        Self::sending([head.as_bytes(), body].concat())
    }

    /// A server that sends these bytes and disconnects.
    pub fn sending(answer: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&requests);
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
                while !is_whole(&request) {
                    match connection.read(&mut buffer) {
                        Ok(length @ 1..) => request.extend_from_slice(&buffer[..length]),
                        _ => break,
                    }
                }
                kept.lock().unwrap().push(String::from_utf8(request).unwrap());
                connection.write_all(&answer).ok();
            }
        });
        Self { url, requests }
    }

    /// The received requests.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let lengths = head.lines().filter_map(|line| {
        line.to_ascii_lowercase()
            .strip_prefix("content-length:")
            .map(|n| n.trim().parse::<usize>().unwrap())
    });
    body.len() >= lengths.sum::<usize>()
}
