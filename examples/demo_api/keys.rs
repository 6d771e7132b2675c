//! Asks Mintery about API keys, and remembers each answer for half a second.
//!
//! A key, unlike a token, is not signed: only Mintery knows its owner and state. An answer counts for
//! [`COUNTS_FOR`] from the moment of its question, so that a busy key does not cost a question per
//! request, and a revoked key is rejected at most half a second later than at Mintery, which
//! promises a second on every node. In return Mintery counts questions, not requests: its figures of
//! use and its `--rate-limit` see at most two per second and key.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use quick_cache::sync::Cache;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Semaphore;

use crate::caller::Caller;
use crate::problem::Problem;

/// The time for which an answer counts.
const COUNTS_FOR: Duration = Duration::from_millis(500);

/// The maximum number of cached responses, which also bounds the cost of invented keys.
const CAPACITY: usize = 10_000;

/// The maximum number of concurrent requests to Mintery; further callers get 503.
const MAX_ASKING: usize = 64;

/// The longest time for a question.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The length of the longest possible key.
const MAX_KEY_LEN: usize = 100;

/// The owners and scopes of keys, from Mintery.
pub struct ApiKeys {
    url: String,
    audience: String,
    own_key: String,
    http: reqwest::Client,
    answers: Cache<[u8; 32], Answer>,
    asking: Semaphore,
}

#[derive(Clone)]
struct Answer {
    caller: Result<Caller, Problem>,
    asked: Instant,
}

/// The response of `POST /api/v1/keys/verify`.
#[derive(Deserialize)]
struct Verified {
    valid: bool,
    #[serde(default)]
    sub: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    scope: String,
    retry_after: Option<u64>,
}

impl ApiKeys {
    /// Asks `issuer`, for the API `audience`, with a key that has the scope `mintery:keys:verify`.
    pub fn new(issuer: &str, audience: &str, own_key: String) -> Result<Self, reqwest::Error> {
        Ok(Self {
            url: format!("{issuer}/api/v1/keys/verify"),
            audience: audience.to_owned(),
            own_key,
            http: reqwest::Client::builder()
                .timeout(TIMEOUT)
                .redirect(reqwest::redirect::Policy::none())
                // Keys go to Mintery alone, whatever the environment says.
                .no_proxy()
                .build()?,
            answers: Cache::new(CAPACITY),
            asking: Semaphore::new(MAX_ASKING),
        })
    }

    /// The owner of `key`, sent from the address `from`: a key may be bound to addresses.
    pub async fn holder(&self, key: &str, from: Option<IpAddr>) -> Result<Caller, Problem> {
        if key.len() > MAX_KEY_LEN
            || !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            return Err(Problem::Invalid);
        }
        let Ok(digest) = digest(&SHA256, format!("{key} {from:?}").as_bytes()).as_ref().try_into()
        else {
            return Err(Problem::Unavailable);
        };
        if let Some(answer) =
            self.answers.get(&digest).filter(|answer| answer.asked.elapsed() < COUNTS_FOR)
        {
            return answer.caller;
        }
        // Before the question: a later revocation is not in the answer.
        let asked = Instant::now();
        let caller = self.ask(key, from).await;
        // That Mintery is out of reach is no answer.
        if caller != Err(Problem::Unavailable) {
            self.answers.insert(digest, Answer { caller: caller.clone(), asked });
        }
        caller
    }

    async fn ask(&self, key: &str, from: Option<IpAddr>) -> Result<Caller, Problem> {
        let _place = self.asking.try_acquire().map_err(|_| Problem::Unavailable)?;
        let question = json!({ "key": key, "resource": self.audience, "address": from });
        let answer = self
            .http
            .post(&self.url)
            .header("X-API-Key", &self.own_key)
            .json(&question)
            .send()
            .await;
        let verified: Verified = match answer.and_then(reqwest::Response::error_for_status) {
            Ok(answer) => answer.json().await.map_err(|error| unavailable(&error))?,
            Err(error) => return Err(unavailable(&error)),
        };
        match verified.retry_after {
            _ if verified.valid => {
                let Verified { sub, name, scope, .. } = verified;
                Ok(Caller { sub, name, kind: "api_key", scope })
            }
            Some(secs) => Err(Problem::OverLimit(secs)),
            None => Err(Problem::Invalid),
        }
    }
}

/// Logs a failed question for the operator: this API's own key is invalid, say. The request is
/// rejected.
fn unavailable(error: &reqwest::Error) -> Problem {
    eprintln!("cannot ask about a key: {error}");
    Problem::Unavailable
}
