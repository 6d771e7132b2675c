//! A scripted issuer on this machine: it answers, is slow, redirects, disconnects, is down, comes
//! back.

use std::future::Future;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use mintery_verifier::clock::{Clock as _, ManualClock, Timestamp};
use mintery_verifier::{Principal, Verifier, VerifierBuilder, VerifyError};
use serde_json::json;

use crate::key::{API, Key, claims, jwks};

pub const METADATA: &str = "/.well-known/oauth-authorization-server";
pub const OPENID: &str = "/.well-known/openid-configuration";
pub const JWKS: &str = "/jwks";

/// The answer at an address.
#[derive(Debug, Clone)]
pub enum Answer {
    Document(String),
    /// A document with a `Cache-Control`.
    Cached(String, &'static str),
    Status(u16),
    Redirect(String),
    /// Nothing for this time.
    Slow(Duration),
    /// A byte now and then.
    Drip,
    /// A hundred megabytes, with or without announcing the length.
    Huge {
        announced: bool,
    },
    HangUp,
}

#[derive(Debug)]
struct Site {
    answers: Mutex<Vec<(&'static str, Answer)>>,
    jwks_hits: AtomicUsize,
    metadata_hits: AtomicUsize,
    sent: AtomicUsize,
    is_stopped: AtomicBool,
}

pub struct Issuer {
    pub url: String,
    pub clock: Arc<ManualClock>,
    address: SocketAddr,
    site: Arc<Site>,
    listener: Option<JoinHandle<()>>,
}

impl Issuer {
    /// An issuer that publishes `keys`.
    pub fn with(keys: &[&Key]) -> Self {
        let mut issuer = Self::down();
        issuer.publish(keys);
        issuer.come_up();
        issuer
    }

    /// An issuer that is down, with an address to come up at.
    pub fn down() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let url = format!("http://{address}");
        let metadata = json!({ "issuer": url, "jwks_uri": format!("{url}{JWKS}") }).to_string();
        let site = Arc::new(Site {
            answers: Mutex::new(vec![(METADATA, Answer::Document(metadata))]),
            jwks_hits: AtomicUsize::new(0),
            metadata_hits: AtomicUsize::new(0),
            sent: AtomicUsize::new(0),
            is_stopped: AtomicBool::new(false),
        });
        let clock = ManualClock::starting_at(Timestamp::from_secs(1_800_000_000));
        Self { url, clock, address, site, listener: None }
    }

    pub fn come_up(&mut self) {
        self.site.is_stopped.store(false, Ordering::SeqCst);
        let listener = TcpListener::bind(self.address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let site = Arc::clone(&self.site);
        self.listener = Some(thread::spawn(move || {
            while !site.is_stopped.load(Ordering::SeqCst) {
                match listener.accept() {
                    Ok((stream, _)) => {
                        let site = Arc::clone(&site);
                        thread::spawn(move || site.serve(stream));
                    }
                    Err(_) => thread::sleep(Duration::from_millis(2)),
                }
            }
        }));
    }

    pub fn go_down(&mut self) {
        self.site.is_stopped.store(true, Ordering::SeqCst);
        if let Some(listener) = self.listener.take() {
            listener.join().unwrap();
        }
    }

    pub fn publish(&self, keys: &[&Key]) {
        let keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
        self.put(JWKS, Answer::Document(jwks(&keys)));
    }

    pub fn put(&self, path: &'static str, answer: Answer) {
        let mut answers = self.site.answers.lock().unwrap();
        answers.retain(|(own, _)| *own != path);
        answers.push((path, answer));
    }

    /// The number of requests for its keys.
    pub fn hits(&self) -> usize {
        self.site.jwks_hits.load(Ordering::SeqCst)
    }

    pub fn metadata_hits(&self) -> usize {
        self.site.metadata_hits.load(Ordering::SeqCst)
    }

    /// The number of bytes of long documents that it could send.
    pub fn sent(&self) -> usize {
        self.site.sent.load(Ordering::SeqCst)
    }

    pub fn builder(&self) -> VerifierBuilder {
        Verifier::builder(&self.url).audience(API).clock(self.clock.clone())
    }

    pub fn verifier(&self) -> Verifier {
        block_on(self.builder().build()).unwrap()
    }

    /// A valid token.
    pub fn token(&self, key: &Key) -> String {
        key.token(&claims(&self.url, self.clock.now().as_secs(), "read"))
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.go_down();
    }
}

impl Site {
    fn serve(&self, mut stream: TcpStream) {
        stream.set_nonblocking(false).unwrap();
        let mut request = Vec::new();
        let mut buffer = [0; 4096];
        while !request.windows(4).any(|end| end == b"\r\n\r\n") {
            match stream.read(&mut buffer) {
                Ok(read) if read > 0 => request.extend_from_slice(&buffer[..read]),
                _ => return,
            }
        }
        let request = String::from_utf8(request).unwrap();
        let path = request.split(' ').nth(1).unwrap();
        match path {
            JWKS => self.jwks_hits.fetch_add(1, Ordering::SeqCst),
            _ => self.metadata_hits.fetch_add(1, Ordering::SeqCst),
        };
        let answer = self
            .answers
            .lock()
            .unwrap()
            .iter()
            .find(|(own, _)| *own == path)
            .map(|(_, a)| a.clone());
        // The client may have disconnected.
        self.answer(&mut stream, answer.unwrap_or(Answer::Status(404))).ok();
    }

    fn answer(&self, stream: &mut TcpStream, answer: Answer) -> std::io::Result<()> {
        match answer {
            Answer::Document(text) => write(stream, "200 OK", "", &text),
            Answer::Cached(text, header) => {
                write(stream, "200 OK", &format!("Cache-Control: {header}\r\n"), &text)
            }
            Answer::Status(status) => write(stream, &format!("{status} Told So"), "", "{}"),
            Answer::Redirect(to) => write(stream, "302 Found", &format!("Location: {to}\r\n"), ""),
            Answer::Slow(pause) => {
                thread::sleep(pause);
                write(stream, "200 OK", "", "{}")
            }
            Answer::Drip => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")?;
                for _ in 0..100 {
                    stream.write_all(b" ")?;
                    thread::sleep(Duration::from_millis(100));
                }
                Ok(())
            }
            Answer::Huge { announced } => {
                let length = if announced { "Content-Length: 104857600\r\n" } else { "" };
                write!(stream, "HTTP/1.1 200 OK\r\n{length}Connection: close\r\n\r\n")?;
                let chunk = vec![b' '; 65536];
                for _ in 0..1600 {
                    stream.write_all(&chunk)?;
                    self.sent.fetch_add(chunk.len(), Ordering::SeqCst);
                }
                Ok(())
            }
            Answer::HangUp => Ok(()),
        }
    }
}

fn write(stream: &mut TcpStream, status: &str, headers: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}"
    )
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future with no runtime at all.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

pub fn verify(verifier: &Verifier, token: &str) -> Result<Principal, VerifyError> {
    block_on(verifier.verify(token))
}

/// Waits for what another thread does, a few seconds at most.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(8), "never: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
