//! Revocations at a verifier: an issuer without a network, whose feed tells the truth or does not.

mod documents;
mod following;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mintery_verifier::clock::{Clock as _, ManualClock, Timestamp};
use mintery_verifier::fetch::{Document, Request};
use mintery_verifier::model::revocation::{Kind, Mark};
use mintery_verifier::revocation::RevocationStatus;
use mintery_verifier::{
    Fetch, FetchError, FollowRevocations, StaleRevocations, Verifier, VerifierBuilder,
};
use serde_json::{Value, json};

use crate::issuer::{block_on, eventually};
use crate::key::{API, Key, claims, jwks};

const ISSUER: &str = "https://auth.example.com";

const FEED: &str = "https://auth.example.com/oauth/revocations";

/// A question to the feed.
#[derive(Debug, Clone, Default)]
struct Asked {
    nonce: String,
    after: Option<String>,
    wait: Option<String>,
    authorization: String,
}

type Answering = Arc<Mutex<dyn FnMut(&Asked) -> Result<String, FetchError> + Send>>;

struct State {
    keys: Vec<Arc<Key>>,
    metadata: Value,
    answering: Answering,
    asked: Vec<Asked>,
    jwks_fetches: usize,
    introspection: Result<String, FetchError>,
    introspections: Vec<String>,
}

/// An issuer without a network.
#[derive(Clone)]
struct Issuer {
    state: Arc<Mutex<State>>,
    clock: Arc<ManualClock>,
    key: Arc<Key>,
}

impl Fetch for Issuer {
    fn get(&self, url: &str) -> Result<Document, FetchError> {
        let mut state = self.state.lock().unwrap();
        let body = match url.strip_prefix(ISSUER) {
            Some("/.well-known/oauth-authorization-server") => state.metadata.to_string(),
            Some("/jwks") => {
                state.jwks_fetches += 1;
                jwks(&state.keys.iter().map(|key| key.jwk()).collect::<Vec<_>>())
            }
            _ => return Err(FetchError::Status(404)),
        };
        Ok(Document { body: body.into_bytes(), cache_control: None })
    }

    fn send(&self, request: &Request<'_>) -> Result<Document, FetchError> {
        if let Some(form) = request.form {
            let mut state = self.state.lock().unwrap();
            assert_eq!(request.url, format!("{ISSUER}/oauth/introspect"));
            state.introspections.push(form.to_owned());
            return state
                .introspection
                .clone()
                .map(|body| Document { body: body.into_bytes(), cache_control: None });
        }
        let (url, query) = request.url.split_once('?').unwrap();
        assert_eq!((url, request.accept), (FEED, "application/revocations+jwt"));
        let mut asked =
            Asked { authorization: request.authorization.to_owned(), ..Asked::default() };
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap();
            match name {
                "nonce" => value.clone_into(&mut asked.nonce),
                "after" => asked.after = Some(value.to_owned()),
                "wait" => asked.wait = Some(value.to_owned()),
                other => panic!("{other}"),
            }
        }
        let answering = {
            let mut state = self.state.lock().unwrap();
            state.asked.push(asked.clone());
            Arc::clone(&state.answering)
        };
        let answer = answering.lock().unwrap()(&asked);
        answer.map(|text| Document { body: text.into_bytes(), cache_control: None })
    }
}

impl Issuer {
    /// An issuer that took nothing back, and is at event 10.
    fn new() -> Self {
        let key = Arc::new(Key::new("a", "ES256"));
        let clock = ManualClock::starting_at(Timestamp::from_secs(1_800_000_000));
        let metadata = json!({
            "issuer": ISSUER, "jwks_uri": format!("{ISSUER}/jwks"),
            "introspection_endpoint": format!("{ISSUER}/oauth/introspect"),
        });
        let state = State {
            keys: vec![Arc::clone(&key)],
            metadata,
            answering: Arc::new(Mutex::new(|_: &Asked| Err(FetchError::Timeout))),
            asked: Vec::new(),
            jwks_fetches: 0,
            introspection: Err(FetchError::Status(500)),
            introspections: Vec::new(),
        };
        let issuer = Self { state: Arc::new(Mutex::new(state)), clock, key };
        issuer.tell_truth(10, &json!({}));
        issuer
    }

    fn answer(&self, answering: impl FnMut(&Asked) -> Result<String, FetchError> + Send + 'static) {
        self.state.lock().unwrap().answering = Arc::new(Mutex::new(answering));
    }

    /// Answers as a good issuer at event `head`, whose changes or snapshot are `entries`.
    fn tell_truth(&self, head: u64, entries: &Value) {
        let (own, entries) = (self.clone(), entries.clone());
        self.answer(move |asked| {
            let from = asked
                .after
                .as_deref()
                .map(|after| after.strip_suffix(".x").unwrap().parse::<u64>().unwrap());
            let entries = if from == Some(head) { json!({}) } else { entries.clone() };
            let from = from.filter(|from| *from <= head);
            Ok(own.sign(&own.document(asked, from, head, &entries)))
        });
    }

    /// The claims of a good document.
    fn document(&self, asked: &Asked, from: Option<u64>, to: u64, entries: &Value) -> Value {
        let now = self.clock.now().as_secs();
        let mut claims = json!({
            "iss": ISSUER, "aud": FEED, "iat": now, "exp": now + 10, "as_of": now, "nonce": asked.nonce,
            "to": to, "next": format!("{to}.x"),
        });
        if let Some(from) = from {
            claims["from"] = json!(from);
        } else {
            (claims["snapshot"], claims["part"]) = (json!(true), json!(1));
        }
        for (name, value) in entries.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    }

    fn sign(&self, claims: &Value) -> String {
        let header = json!({ "typ": "revocations+jwt", "alg": "ES256", "kid": self.key.kid });
        self.key.sign(header.to_string(), claims.to_string())
    }

    fn follow() -> FollowRevocations {
        FollowRevocations::with_secret("mc_api", "se:cret")
    }

    fn builder(&self, follow: FollowRevocations) -> VerifierBuilder {
        let builder = Verifier::builder(ISSUER).audience(API).clock(self.clock.clone());
        builder.fetcher(self.clone()).revocations(follow.fetcher(self.clone()))
    }

    fn verifier(&self, when_stale: StaleRevocations) -> Verifier {
        block_on(self.builder(Self::follow().when_stale(when_stale)).build()).unwrap()
    }

    fn token(&self, client: &str, jti: &str) -> String {
        let mut claims = claims(ISSUER, self.clock.now().as_secs(), "read");
        (claims["client_id"], claims["jti"]) = (json!(client), json!(jti));
        self.key.token(&claims)
    }

    /// Lets a second pass, in which the verifier asks, and waits for that. Gives what became of it.
    fn round(&self, verifier: &Verifier) -> RevocationStatus {
        self.round_after(Duration::from_secs(1), verifier)
    }

    fn round_after(&self, pause: Duration, verifier: &Verifier) -> RevocationStatus {
        let before = verifier.revocation_status().unwrap().attempts;
        self.clock.let_pass(pause);
        eventually("an attempt", || verifier.revocation_status().unwrap().attempts > before);
        verifier.revocation_status().unwrap()
    }

    fn asked(&self) -> Asked {
        self.state.lock().unwrap().asked.last().unwrap().clone()
    }

    fn jwks_fetches(&self) -> usize {
        self.state.lock().unwrap().jwks_fetches
    }

    /// A cut-off of this client, or another thing, by event `number`.
    fn cut_off(&self, kind: Kind, name: &str, number: u64) -> Value {
        json!([[Mark::of(kind, name).digest(), number, self.clock.now().as_secs() + 100_000]])
    }

    fn token_entry(&self, jti: &str) -> Value {
        json!([[Mark::of(Kind::Token, jti).digest(), self.clock.now().as_secs() + 7200]])
    }
}
