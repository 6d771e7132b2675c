//! Questions to the issuer about single tokens (RFC 7662), while revocations cannot be followed.
//! Each question has a thread; few run at once, one per token, and an answer counts for a moment.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use quick_cache::sync::Cache;
use serde::Deserialize;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::fetch::address::Address;
use crate::fetch::authorization::{Authorization, form_encoded};
use crate::fetch::{Fetch, MAX_DOCUMENT_LEN, Request};
use crate::keys::discovery;

/// The maximum number of concurrent requests; further ones fail.
const MAX_ASKING: usize = 8;

/// The time for which an answer counts.
const COUNTS_FOR: Duration = Duration::from_secs(1);

/// The longest time for an answer.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The maximum number of cached responses.
const CAPACITY: usize = 1024;

/// The SHA-256 of a token.
type TokenDigest = [u8; 32];

/// Asks the issuer, and remembers answers for a moment.
pub struct Introspector(Arc<Questions>);

struct Questions {
    issuer: Box<str>,
    fetch: Arc<dyn Fetch + Sync>,
    authorization: Authorization,
    clock: Arc<dyn Clock>,
    /// The discovered address of the endpoint, until it fails.
    url: Mutex<Option<String>>,
    answers: Cache<TokenDigest, Answer>,
    asking: Mutex<HashMap<TokenDigest, watch::Receiver<Option<Answer>>>>,
}

/// An answer of the issuer, and the moment of its question.
#[derive(Clone, Copy)]
struct Answer {
    /// The state of the token; nothing if the question failed.
    is_active: Option<bool>,
    at: Duration,
}

#[derive(Deserialize)]
struct Introspection {
    active: bool,
}

impl Introspector {
    pub fn new(
        issuer: Box<str>,
        fetch: Arc<dyn Fetch + Sync>,
        authorization: Authorization,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self(Arc::new(Questions {
            issuer,
            fetch,
            authorization,
            clock,
            url: Mutex::default(),
            answers: Cache::new(CAPACITY),
            asking: Mutex::default(),
        }))
    }

    /// The state of `token` at the issuer; nothing if the question fails.
    pub async fn is_active(&self, token: &str) -> Option<bool> {
        let key: TokenDigest = digest(&SHA256, token.as_bytes()).as_ref().try_into().ok()?;
        let mut answer = match self.answer_or_ask(key, token) {
            Known::Answer(answer) => return answer.is_active,
            Known::Asked(answer) => answer,
            Known::TooMany => return None,
        };
        let answer = answer.wait_for(Option::is_some).await.ok()?;
        answer.as_ref()?.is_active
    }

    fn answer_or_ask(&self, key: TokenDigest, token: &str) -> Known {
        let shared = &self.0;
        let now = shared.clock.elapsed();
        if let Some(answer) = shared.answers.get(&key).filter(|answer| now < answer.at + COUNTS_FOR)
        {
            return Known::Answer(answer);
        }
        let mut asking = lock(&shared.asking);
        if let Some(answer) = asking.get(&key) {
            return Known::Asked(answer.clone());
        }
        if asking.len() >= MAX_ASKING {
            return Known::TooMany;
        }
        let (sender, receiver) = watch::channel(None);
        let (thread_shared, token) = (Arc::clone(shared), token.to_owned());
        let asked = thread::Builder::new().name("mintery-introspect".to_owned()).spawn(move || {
            // Before the question: a later revocation is not in the answer.
            let at = thread_shared.clock.elapsed();
            let asked = catch_unwind(AssertUnwindSafe(|| thread_shared.ask(&token)));
            let answer = Answer { is_active: asked.unwrap_or(None), at };
            if answer.is_active.is_some() {
                thread_shared.answers.insert(key, answer);
            }
            lock(&thread_shared.asking).remove(&key);
            sender.send_replace(Some(answer));
        });
        if asked.is_err() {
            return Known::TooMany;
        }
        asking.insert(key, receiver.clone());
        Known::Asked(receiver)
    }
}

/// An answer, or the way to it.
enum Known {
    Answer(Answer),
    Asked(watch::Receiver<Option<Answer>>),
    TooMany,
}

impl Questions {
    fn ask(&self, token: &str) -> Option<bool> {
        let url = self.url()?;
        let form = format!("token={}&token_type_hint=access_token", *form_encoded(token));
        let answer = self.fetch.send(&Request {
            url: &url,
            authorization: self.authorization.as_str(),
            accept: "application/json",
            form: Some(&form),
            timeout: TIMEOUT,
            max_len: MAX_DOCUMENT_LEN,
        });
        let Ok(answer) = answer else {
            // The endpoint may have moved.
            *lock(&self.url) = None;
            return None;
        };
        // `serde` would accept an array in place of an object.
        let is_object = answer.body.trim_ascii_start().starts_with(b"{");
        let introspection: Introspection =
            serde_json::from_slice(&answer.body).ok().filter(|_| is_object)?;
        Some(introspection.active)
    }

    fn url(&self) -> Option<String> {
        if let Some(known) = lock(&self.url).clone() {
            return Some(known);
        }
        let address = Address::parse(&self.issuer)?;
        let found = discovery::introspection_endpoint(&*self.fetch, &self.issuer, address).ok()?;
        Some(lock(&self.url).insert(found).clone())
    }
}

/// The data is consistent at every step, so a panic while it is locked does no harm.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
