//! Asks Mintery whether an API key is good, and remembers the answer for half a second.
//!
//! A key is not signed, as a token is: who holds it, and whether it was taken back, only Mintery
//! knows. So that a busy key does not cost a question for each request, an answer counts for
//! [`COUNTS_FOR`], from the moment it was asked for. A key that was revoked is refused half a
//! second later at the latest; what Mintery itself promises, to know of it on every node, is a
//! second. The other side of it: Mintery counts questions, so its figures of use, and its
//! `--rate-limit`, are of at most two a second here.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use quick_cache::sync::Cache;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Semaphore;

use crate::caller::Caller;
use crate::problem::Problem;

/// How long an answer counts.
const COUNTS_FOR: Duration = Duration::from_millis(500);

/// The most answers that are remembered. What strangers make up costs no more than this.
const CAPACITY: usize = 10_000;

/// The most questions at once; more are answered with 503.
const MAX_ASKING: usize = 64;

/// How long a question may take.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The longest text that can be a key, with the longest prefix.
const MAX_KEY_LEN: usize = 100;

/// Who holds which key, as Mintery says.
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

/// What `POST /api/v1/keys/verify` answers.
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

    /// Who holds `key`, when it comes from the address `from`: a key may be bound to addresses.
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
        // Before it is asked: what is taken back meanwhile is not in the answer.
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

/// For whoever runs this: the key of this API is not good, say. Nobody is let in because nobody
/// could ask.
fn unavailable(error: &reqwest::Error) -> Problem {
    eprintln!("cannot ask about a key: {error}");
    Problem::Unavailable
}
