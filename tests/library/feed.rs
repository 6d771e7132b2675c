//! Revocations, followed through an honest feed and through dishonest ones.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mintery_verifier::clock::{Clock as _, ManualClock, Timestamp};
use mintery_verifier::fetch::{Document, Request};
use mintery_verifier::model::revocation::{Kind, Mark};
use mintery_verifier::revocation::{FollowError, RevocationStatus};
use mintery_verifier::{
    BuildError, Fetch, FetchError, FollowRevocations, Principal, StaleRevocations, Verifier,
    VerifierBuilder, VerifyError,
};
use serde_json::{Value, json};

use crate::issuer::{block_on, eventually, verify};
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

#[test]
fn what_is_taken_back_is_refused() {
    let issuer = Issuer::new();
    let verifier = issuer.verifier(StaleRevocations::Refuse);
    let first = issuer.asked();
    assert_eq!((first.after, first.wait), (None, None));
    assert_eq!(first.authorization, format!("Basic {}", STANDARD.encode("mc_api:se%3Acret")));
    let (good, by_client, by_id) =
        (issuer.token("mc_1", "j1"), issuer.token("mc_2", "j2"), issuer.token("mc_1", "j3"));
    for token in [&good, &by_client, &by_id] {
        assert_eq!(verify(&verifier, token).unwrap().freshness(), Some(Duration::ZERO));
    }
    let entries = json!({ "clients": issuer.cut_off(Kind::Client, "mc_2", 12), "tokens": issuer.token_entry("j3") });
    issuer.tell_truth(12, &entries);
    let status = issuer.round(&verifier);
    assert_eq!((status.event, status.error), (Some(12), None));
    let second = issuer.asked();
    assert_eq!((second.after.as_deref(), second.wait.as_deref()), (Some("10.x"), Some("1")));
    assert_ne!(first.nonce, second.nonce);
    assert!(verify(&verifier, &good).is_ok());
    for token in [&by_client, &by_id] {
        assert_eq!(verify(&verifier, token), Err(VerifyError::Revoked));
    }
    let status = issuer.round(&verifier);
    assert!(
        status.error.is_none() && issuer.asked().after.as_deref() == Some("12.x"),
        "{status:?}"
    );
    assert_eq!(verify(&verifier, &by_id), Err(VerifyError::Revoked));
}

/// One fault rejects a whole document; the known revocations stay and grow old.
#[test]
#[expect(clippy::too_many_lines, reason = "a list")]
fn a_bad_document_changes_nothing() {
    type Spoiling = Box<dyn Fn(&Issuer, &Asked, Value) -> String + Send>;
    type Spoil = fn(&Issuer, &Asked, Value) -> String;
    fn claim(name: &'static str, value: Value) -> impl Fn(&Issuer, Value) -> String {
        move |issuer, mut claims| {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
            issuer.sign(&claims)
        }
    }
    fn signed(issuer: &Issuer, header: &Value, claims: &Value) -> String {
        issuer.key.sign(header.to_string(), claims.to_string())
    }
    let digest = Mark::of(Kind::Client, "mc_2").digest();
    let now = 1_800_000_000;
    let claims: Vec<(&'static str, Value)> = vec![
        ("iss", json!("https://other.example.com")),
        ("iss", json!([ISSUER])),
        ("iss", Value::Null),
        ("aud", json!(API)),
        ("aud", json!([FEED])),
        ("aud", Value::Null),
        ("nonce", json!("AAAAAAAAAAAAAAAAAAAAAA")),
        ("nonce", json!("")),
        ("nonce", Value::Null),
        ("iat", json!(now + 60)),
        ("iat", json!("1")),
        ("iat", Value::Null),
        ("exp", json!(now - 60)),
        ("exp", Value::Null),
        ("as_of", Value::Null),
        ("as_of", json!(-1)),
        ("from", json!(9)),
        ("from", json!(11)),
        ("from", json!(10.5)),
        ("from", Value::Null),
        ("to", json!(9)),
        ("to", json!("12")),
        ("to", Value::Null),
        ("next", Value::Null),
        ("next", json!("")),
        ("next", json!("12.x&wait=0")),
        ("next", json!("a".repeat(257))),
        ("snapshot", json!(true)),
        ("snapshot", json!("yes")),
        ("more", json!(true)),
        ("part", json!(1)),
        ("clients", json!({})),
        ("clients", json!([digest])),
        ("clients", json!([[digest, 12]])),
        ("clients", json!([[digest, 12, now, 1]])),
        ("clients", json!([[digest, 10, now + 100]])),
        ("clients", json!([[digest, -1, now + 100]])),
        ("clients", json!([[digest, 1e300, now + 100]])),
        ("clients", json!([[digest, "12", now + 100]])),
        ("clients", json!([[digest, 12, 1e15]])),
        ("clients", json!([["short", 12, now + 100]])),
        ("clients", json!([[format!("{digest}="), 12, now + 100]])),
        ("tokens", json!([[digest, 12, now + 100]])),
        ("credentials", json!([[digest, 12, now + 100]])),
        ("keys", json!(false)),
    ];
    let spoils: Vec<(&str, Spoil)> = vec![
        ("typ", |i, _, c| signed(i, &json!({ "typ": "at+jwt", "alg": "ES256", "kid": "a" }), &c)),
        ("no typ", |i, _, c| signed(i, &json!({ "alg": "ES256", "kid": "a" }), &c)),
        ("alg", |i, _, c| {
            signed(i, &json!({ "typ": "revocations+jwt", "alg": "RS256", "kid": "a" }), &c)
        }),
        ("none", |i, _, c| {
            signed(i, &json!({ "typ": "revocations+jwt", "alg": "none", "kid": "a" }), &c)
        }),
        ("kid", |i, _, c| {
            signed(i, &json!({ "typ": "revocations+jwt", "alg": "ES256", "kid": "b" }), &c)
        }),
        ("no kid", |i, _, c| signed(i, &json!({ "typ": "revocations+jwt", "alg": "ES256" }), &c)),
        ("crit", |i, _, c| {
            signed(
                i,
                &json!({ "typ": "revocations+jwt", "alg": "ES256", "kid": "a", "crit": [] }),
                &c,
            )
        }),
        ("a secret", |_, _, c| {
            let header = json!({ "typ": "revocations+jwt", "alg": "HS256", "kid": "shared" });
            Key::new("shared", "HS256").sign(header.to_string(), c.to_string())
        }),
        ("another key", |_, _, c| {
            let header = json!({ "typ": "revocations+jwt", "alg": "ES256", "kid": "a" });
            Key::new("a", "ES256").sign(header.to_string(), c.to_string())
        }),
        ("cut short", |i, _, c| i.sign(&c)[..200].to_owned()),
        ("changed", |i, _, c| i.sign(&c).replacen('e', "f", 9)),
        ("empty", |_, _, _| String::new()),
        ("a web page", |_, _, _| "<html>".to_owned()),
        ("a member twice", |i, _, c| {
            let header = json!({ "typ": "revocations+jwt", "alg": "ES256", "kid": "a" });
            i.key.sign(header.to_string(), c.to_string().replacen('{', "{\"to\":12,", 1))
        }),
        ("no object", |i, _, _| i.sign(&json!([1]))),
        ("too long", |i, _, mut c| {
            c["x"] = json!("x".repeat(4 * 1024 * 1024));
            i.sign(&c)
        }),
    ];
    let mut cases: Vec<(String, Spoiling)> = Vec::new();
    for (name, value) in claims {
        let spoil = claim(name, value.clone());
        cases.push((
            format!("{name}={value:.40}"),
            Box::new(move |issuer, _, claims| spoil(issuer, claims)),
        ));
    }
    for (name, spoil) in spoils {
        cases.push((name.to_owned(), Box::new(spoil)));
    }
    // Each waits for its verifier most of the time.
    let cases = Mutex::new(cases);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some((name, spoil)) = { cases.lock().unwrap().pop() } {
                    check_spoilt(&name, spoil);
                }
            });
        }
    });
}

/// A document that `spoil` makes of a good one is refused.
fn check_spoilt(name: &str, spoil: impl Fn(&Issuer, &Asked, Value) -> String + Send + 'static) {
    let issuer = Issuer::new();
    let follow = Issuer::follow().when_stale(StaleRevocations::Accept);
    let builder = issuer.builder(follow).shared_key("shared", [7; 32]);
    let verifier = block_on(builder.build()).unwrap();
    let (other, token) = (issuer.token("mc_3", "j1"), issuer.token("mc_2", "j2"));
    let own = issuer.clone();
    let entries = json!({ "clients": issuer.cut_off(Kind::Client, "mc_2", 12) });
    issuer.answer(move |asked| {
        let from = asked.after.as_ref().map(|_| 10);
        Ok(spoil(&own, asked, own.document(asked, from, 12, &entries)))
    });
    // The unknown key may be asked for.
    let status = issuer.round_after(Duration::from_secs(10), &verifier);
    assert!(status.error.is_some(), "{name}");
    assert_eq!(status.event, Some(10), "{name}");
    for token in [&other, &token] {
        let caller: Principal =
            verify(&verifier, token).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(caller.freshness(), Some(Duration::from_secs(10)), "{name}");
    }
    // It starts over, and is told the truth.
    issuer.tell_truth(12, &json!({ "clients": issuer.cut_off(Kind::Client, "mc_2", 12) }));
    let status = issuer.round_after(Duration::from_millis(500), &verifier);
    assert!(status.error.is_none() && issuer.asked().after.is_none(), "{name}: {status:?}");
    assert_eq!(verify(&verifier, &token), Err(VerifyError::Revoked), "{name}");
}

/// A replayed answer is rejected.
#[test]
fn an_old_document_is_no_answer() {
    let issuer = Issuer::new();
    let kept = Arc::new(Mutex::new(None));
    let (own, keep) = (issuer.clone(), Arc::clone(&kept));
    issuer.answer(move |asked| {
        let document = own.sign(&own.document(asked, None, 10, &json!({})));
        Ok(keep.lock().unwrap().get_or_insert(document).clone())
    });
    let verifier = issuer.verifier(StaleRevocations::Refuse);
    let status = issuer.round(&verifier);
    let error = status.error.unwrap().to_string();
    assert!(error.contains("nonce"), "{error}");
}

/// After a restored backup, revocations of the lost history do not count.
#[test]
fn a_snapshot_replaces_what_was_known() {
    let issuer = Issuer::new();
    issuer.tell_truth(20, &json!({ "clients": issuer.cut_off(Kind::Client, "mc_1", 15) }));
    let verifier = issuer.verifier(StaleRevocations::Refuse);
    let token = issuer.token("mc_1", "j1");
    assert_eq!(verify(&verifier, &token), Err(VerifyError::Revoked));
    issuer.tell_truth(12, &json!({ "tokens": issuer.token_entry("j9") }));
    let status = issuer.round(&verifier);
    assert_eq!((status.event, status.error), (Some(12), None));
    assert!(verify(&verifier, &token).is_ok());
    assert_eq!(verify(&verifier, &issuer.token("mc_1", "j9")), Err(VerifyError::Revoked));
}

#[test]
fn a_long_list_is_taken_over_when_it_is_complete() {
    let issuer = Issuer::new();
    let verifier = issuer.verifier(StaleRevocations::Accept);
    let token = |part: u64| issuer.token("mc_1", &format!("j{part}"));
    let part = |own: &Issuer, asked: &Asked, part: u64, to: u64, more: bool| {
        let mut claims = own.document(
            asked,
            None,
            to,
            &json!({ "tokens": own.token_entry(&format!("j{part}")) }),
        );
        (claims["part"], claims["more"]) = (json!(part), json!(more));
        claims["next"] = if more {
            json!(format!("{to}.x.{}.token.y", part + 1))
        } else {
            json!(format!("{to}.x"))
        };
        if part > 1 {
            claims.as_object_mut().unwrap().remove("as_of");
        }
        own.sign(&claims)
    };
    // The third is not the next one of the first; and what belongs to another list is not either.
    for (second, to) in [(3, 30), (1, 30), (2, 31)] {
        let own = issuer.clone();
        let mut asked_before = 0;
        issuer.answer(move |asked| {
            asked_before += 1;
            match asked_before {
                1 => Ok(part(&own, asked, 1, 30, true)),
                2 => Ok(part(&own, asked, second, to, true)),
                _ => Err(FetchError::Status(500)),
            }
        });
        let status = issuer.round_after(Duration::from_secs(5), &verifier);
        assert!(status.error.is_some() && status.event == Some(10), "{status:?}");
        assert!((1..4).all(|number| verify(&verifier, &token(number)).is_ok()));
        issuer.tell_truth(10, &json!({}));
        assert!(issuer.round_after(Duration::from_secs(5), &verifier).error.is_none());
    }
    let own = issuer.clone();
    let mut number = 0;
    issuer.answer(move |asked| {
        number += 1;
        if number > 1 {
            assert_eq!(asked.after.as_deref(), Some(format!("30.x.{number}.token.y").as_str()));
            assert_eq!(asked.wait, None);
        }
        Ok(part(&own, asked, number, 30, number < 3))
    });
    let status = issuer.round(&verifier);
    assert_eq!((status.event, status.error), (Some(30), None));
    assert!((1..4).all(|number| verify(&verifier, &token(number)) == Err(VerifyError::Revoked)));
}

/// While the issuer is away, or a node of it cannot tell, the policy decides.
#[test]
fn old_knowledge_is_treated_as_the_policy_says() {
    for policy in [StaleRevocations::Accept, StaleRevocations::Refuse] {
        let issuer = Issuer::new();
        let verifier = issuer.verifier(policy);
        issuer.answer(|_| Err(FetchError::Timeout));
        issuer.round_after(Duration::from_secs(10), &verifier);
        let token = issuer.token("mc_1", "j1");
        assert_eq!(verify(&verifier, &token).unwrap().freshness(), Some(Duration::from_secs(10)));
        issuer.clock.let_pass(Duration::from_millis(1));
        if policy == StaleRevocations::Accept {
            assert!(verify(&verifier, &token).is_ok());
        } else {
            assert_eq!(verify(&verifier, &token), Err(VerifyError::StaleRevocations));
            assert_eq!(verifier.check(&token, API), Err(VerifyError::StaleRevocations));
            // What is wrong anyhow is said.
            assert_eq!(verify(&verifier, "a.b"), Err(VerifyError::Malformed));
        }
        // A node that is cut off from its store answers, and knows as little.
        let own = issuer.clone();
        issuer.answer(move |asked| {
            let mut claims = own.document(asked, Some(10), 10, &json!({}));
            claims["as_of"] = json!(own.clock.now().as_secs() - 60);
            Ok(own.sign(&claims))
        });
        let status = issuer.round_after(Duration::from_secs(5), &verifier);
        assert!(status.error.is_none(), "{status:?}");
        let caller = verify(&verifier, &token);
        assert_eq!(caller.is_ok(), policy == StaleRevocations::Accept, "{caller:?}");
        issuer.tell_truth(10, &json!({}));
        issuer.round(&verifier);
        assert_eq!(verify(&verifier, &token).unwrap().freshness(), Some(Duration::ZERO));
    }
}

/// A machine that slept: the clock that does not jump stood still, the date did not.
#[test]
fn a_verifier_that_slept_for_a_day_starts_over() {
    let issuer = Issuer::new();
    let verifier = issuer.verifier(StaleRevocations::Refuse);
    issuer.answer(|_| Err(FetchError::Connection("asleep".to_owned())));
    issuer.clock.advance(Duration::from_hours(24));
    let token = issuer.token("mc_1", "j1");
    assert_eq!(verify(&verifier, &token), Err(VerifyError::StaleRevocations));
    let own = issuer.clone();
    issuer.answer(move |asked| {
        assert_eq!(asked.after.as_deref(), Some("10.x"));
        Ok(own.sign(&own.document(
            asked,
            None,
            90_000,
            &json!({ "tokens": own.token_entry("j1") }),
        )))
    });
    let status = issuer.round(&verifier);
    assert!(status.error.is_none(), "{status:?}");
    assert_eq!(verify(&verifier, &token), Err(VerifyError::Revoked));
    assert!(verify(&verifier, &issuer.token("mc_1", "j2")).is_ok());
}

#[test]
fn the_issuer_is_asked_where_the_policy_says_so() {
    let issuer = Issuer::new();
    let verifier = issuer.verifier(StaleRevocations::Introspect);
    let tell = |answer: Result<&str, FetchError>| {
        issuer.state.lock().unwrap().introspection = answer.map(ToOwned::to_owned);
    };
    let asked = || issuer.state.lock().unwrap().introspections.len();
    issuer.answer(|_| Err(FetchError::Timeout));
    let token = issuer.token("mc_1", "j+1");
    assert!(verify(&verifier, &token).is_ok());
    assert_eq!(asked(), 0);
    issuer.round_after(Duration::from_secs(11), &verifier);
    tell(Ok(r#"{"active":true}"#));
    for _ in 0..5 {
        assert_eq!(verify(&verifier, &token).unwrap().freshness(), Some(Duration::ZERO));
    }
    assert_eq!(asked(), 1);
    let form = issuer.state.lock().unwrap().introspections[0].clone();
    assert_eq!(form, format!("token={token}&token_type_hint=access_token"));
    // Only what waits for nobody is refused.
    assert_eq!(verifier.check(&token, API), Err(VerifyError::StaleRevocations));
    tell(Ok(r#"{"active":false}"#));
    issuer.clock.let_pass(Duration::from_secs(1));
    assert_eq!(verify(&verifier, &token), Err(VerifyError::Revoked));
    for bad in
        ["{}", "[true]", r#"{"active":"yes"}"#, r#"{"active":true,"active":false}"#, "<html>"]
    {
        tell(Ok(bad));
        issuer.clock.let_pass(Duration::from_secs(1));
        assert_eq!(verify(&verifier, &token), Err(VerifyError::StaleRevocations), "{bad}");
    }
    tell(Err(FetchError::Status(503)));
    let before = asked();
    assert_eq!(verify(&verifier, &token), Err(VerifyError::StaleRevocations));
    assert_eq!(asked(), before + 1);
}

/// Before the first document nothing is known.
#[test]
fn a_verifier_that_never_heard_of_anything() {
    for (policy, expected) in [
        (StaleRevocations::Refuse, Err(VerifyError::StaleRevocations)),
        (StaleRevocations::Accept, Ok(Some(Duration::MAX))),
    ] {
        let issuer = Issuer::new();
        issuer.answer(|_| Err(FetchError::Status(503)));
        let builder = || issuer.builder(Issuer::follow().when_stale(policy));
        let error = block_on(builder().build()).unwrap_err();
        assert!(matches!(&error, BuildError::Revocations(_)), "{error}");
        let verifier = builder().start().unwrap();
        eventually("the keys", || verifier.jwks().unwrap().status().attempts > 0);
        let caller = verify(&verifier, &issuer.token("mc_1", "j1"));
        assert_eq!(caller.map(|caller| caller.freshness()), expected);
        assert_eq!(verifier.revocation_status().unwrap().known_at, None);
    }
}

#[test]
fn credentials_that_are_refused_are_told() {
    let issuer = Issuer::new();
    let verifier = issuer.verifier(StaleRevocations::Refuse);
    issuer.answer(|_| Err(FetchError::Status(401)));
    let status = issuer.round(&verifier);
    let error = status.error.unwrap();
    assert_eq!(*error, FollowError::Credentials { client: "mc_api".to_owned(), status: 401 });
    assert!(!error.to_string().contains("se:cret"), "{error}");
    // Wrong again and again, it asks more and more seldom.
    let asked = || issuer.state.lock().unwrap().asked.len();
    for secs in [1, 1, 2, 4, 8, 16, 30, 30] {
        issuer.round_after(Duration::from_secs(secs), &verifier);
    }
    let before = asked();
    issuer.clock.let_pass(Duration::from_secs(29));
    std::thread::sleep(Duration::from_millis(600));
    assert_eq!(asked(), before);
}

#[test]
fn a_new_key_of_the_issuer_is_fetched() {
    let issuer = Issuer::new();
    let verifier = issuer.verifier(StaleRevocations::Refuse);
    let new = Arc::new(Key::new("b", "ES256"));
    issuer.state.lock().unwrap().keys.push(Arc::clone(&new));
    let rotated = Issuer { key: new, ..issuer.clone() };
    rotated.tell_truth(11, &json!({}));
    let fetches = issuer.jwks_fetches();
    let status = issuer.round_after(Duration::from_secs(10), &verifier);
    assert_eq!((status.event, status.error), (Some(11), None));
    assert_eq!(issuer.jwks_fetches(), fetches + 1);
}

/// A stolen key can sign any event number, so the key itself is dropped at once.
#[test]
fn a_key_that_is_taken_back_is_not_believed_any_more() {
    let issuer = Issuer::new();
    let stolen = Arc::new(Key::new("b", "ES256"));
    issuer.state.lock().unwrap().keys.push(Arc::clone(&stolen));
    let verifier = issuer.verifier(StaleRevocations::Refuse);
    let thief = Issuer { key: stolen, ..issuer.clone() };
    let token = thief.token("mc_1", &"_".repeat(43));
    assert!(verify(&verifier, &token).is_ok());
    issuer.state.lock().unwrap().keys.pop();
    issuer.tell_truth(11, &json!({ "keys": issuer.cut_off(Kind::Key, "b", 11) }));
    issuer.round(&verifier);
    eventually("the key is gone", || verify(&verifier, &token) == Err(VerifyError::UnknownKey));
}

/// While the feed hangs, tokens are checked.
#[test]
fn a_feed_that_hangs_holds_nobody_up() {
    let issuer = Issuer::new();
    let verifier = issuer.verifier(StaleRevocations::Refuse);
    let (release, held) = std::sync::mpsc::channel::<()>();
    issuer.answer(move |_| {
        held.recv().ok();
        Err(FetchError::Timeout)
    });
    let asked = || issuer.state.lock().unwrap().asked.len();
    let before = asked();
    issuer.clock.let_pass(Duration::from_secs(1));
    eventually("it is asked", || asked() > before);
    let began = Instant::now();
    for number in 0..100 {
        assert!(verify(&verifier, &issuer.token("mc_1", &format!("j{number}"))).is_ok());
    }
    assert!(began.elapsed() < Duration::from_secs(5));
    drop(verifier);
    drop(release);
}

/// A secret is sent to the issuer alone.
#[test]
fn the_feed_is_at_the_issuer() {
    let issuer = Issuer::new();
    // Whatever the metadata say.
    issuer.state.lock().unwrap().metadata["revocations_endpoint"] =
        json!("https://evil.example.com/oauth/revocations");
    assert!(block_on(issuer.builder(Issuer::follow()).build()).is_ok());
    // It would not have been answered elsewhere.
    assert!(!issuer.state.lock().unwrap().asked.is_empty());
    let issuer = Issuer::new();
    assert!(block_on(issuer.builder(Issuer::follow().url(FEED)).build()).is_ok());
    let insecure = issuer.builder(Issuer::follow().url("http://auth.example.com/feed")).start();
    assert!(matches!(insecure, Err(BuildError::Insecure(_))));
    let own = Verifier::builder(ISSUER)
        .audience(API)
        .fetcher(issuer.clone())
        .revocations(Issuer::follow());
    assert!(matches!(own.start(), Err(BuildError::NoFetcherToFollow)));
}

/// A key instead of an id and a secret: one credential is enough for an API that asks about keys as
/// well.
#[test]
fn the_feed_is_followed_with_an_api_key() {
    let issuer = Issuer::new();
    let follow = FollowRevocations::with_api_key("mtk_live_x\n");
    assert!(!format!("{follow:?}").contains("mtk_"));
    let verifier = block_on(issuer.builder(follow).build()).unwrap();
    let status = issuer.round(&verifier);
    assert!(status.error.is_none(), "{status:?}");
    let asked = issuer.state.lock().unwrap().asked.clone();
    assert!(
        asked.len() > 1 && asked.iter().all(|asked| asked.authorization == "Bearer mtk_live_x"),
        "{asked:?}"
    );
}
