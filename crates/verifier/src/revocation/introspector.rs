//! Asking the issuer whether a token is good (RFC 7662), when what it takes back cannot be
//! followed. Each question has a thread; there are few at once, each token is asked about once, and
//! the answer counts for a moment.

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
use crate::fetch::{Fetch, MAX_DOCUMENT_LEN, Request};
use crate::keys::discovery;
use crate::revocation::options::{Authorization, form_encoded};

/// Questions at once; more fail.
const MAX_ASKING: usize = 8;

/// How long an answer counts.
const COUNTS_FOR: Duration = Duration::from_secs(1);

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The most answers that are remembered.
const CAPACITY: usize = 1024;

/// A digest of a token.
type Key = [u8; 32];

/// Asks, and remembers for a moment.
pub struct Introspector(Arc<Shared>);

struct Shared {
    issuer: Box<str>,
    fetch: Arc<dyn Fetch + Sync>,
    authorization: Authorization,
    clock: Arc<dyn Clock>,
    /// Where it is asked, once that was found, until it fails.
    url: Mutex<Option<String>>,
    answers: Cache<Key, Answer>,
    asking: Mutex<HashMap<Key, watch::Receiver<Option<Answer>>>>,
}

/// What the issuer said when.
#[derive(Clone, Copy)]
struct Answer {
    /// Whether the token is good; nothing when that could not be told.
    is_active: Option<bool>,
    at: Duration,
}

#[derive(Deserialize)]
struct Introspection {
    active: bool,
}

impl Introspector {
    pub(crate) fn new(
        issuer: Box<str>,
        fetch: Arc<dyn Fetch + Sync>,
        authorization: Authorization,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self(Arc::new(Shared {
            issuer,
            fetch,
            authorization,
            clock,
            url: Mutex::default(),
            answers: Cache::new(CAPACITY),
            asking: Mutex::default(),
        }))
    }

    /// Whether `token` is good, as the issuer says; nothing when that cannot be told now.
    pub(crate) async fn is_active(&self, token: &str) -> Option<bool> {
        let key: Key = digest(&SHA256, token.as_bytes()).as_ref().try_into().ok()?;
        let mut answer = match self.answer_or_ask(key, token) {
            Known::Answer(answer) => return answer.is_active,
            Known::Asked(answer) => answer,
            Known::TooMany => return None,
        };
        let answer = answer.wait_for(Option::is_some).await.ok()?;
        answer.as_ref()?.is_active
    }

    fn answer_or_ask(&self, key: Key, token: &str) -> Known {
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
            // Before it is asked: what is taken back meanwhile is not in the answer.
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

/// What there is to go by.
enum Known {
    Answer(Answer),
    Asked(watch::Receiver<Option<Answer>>),
    TooMany,
}

impl Shared {
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
            // It may have moved.
            *lock(&self.url) = None;
            return None;
        };
        // `serde` reads an array in the place of an object too.
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

/// What is held stays consistent at every step, so a panic while it is does no harm.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
