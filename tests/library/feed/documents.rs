//! Documents: good, bad, old, long.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mintery_verifier::model::revocation::{Kind, Mark};
use mintery_verifier::{FetchError, Principal, StaleRevocations, VerifyError};
use serde_json::{Value, json};

use super::{Asked, FEED, ISSUER, Issuer};
use crate::issuer::{block_on, verify};
use crate::key::{API, Key};

/// Makes a bad document of the claims of a good one.
type Spoil = Box<dyn Fn(&Issuer, &Asked, Value) -> String + Send>;

/// Each bad document is refused as a whole; the verifier keeps its state, which grows old. The
/// cases run side by side, since each waits for its verifier.
fn check_all(cases: Vec<(String, Spoil)>) {
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

#[test]
fn a_document_with_a_bad_claim_changes_nothing() {
    let digest = Mark::of(Kind::Client, "mc_2").digest();
    let now = 1_800_000_000;
    let claims = [
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
    let spoil = |name: &'static str, value: Value| -> Spoil {
        Box::new(move |issuer, _, mut claims| {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
            issuer.sign(&claims)
        })
    };
    let cases = claims.map(|(name, value)| (format!("{name}={value:.40}"), spoil(name, value)));
    check_all(cases.into());
}

#[test]
fn a_document_with_a_bad_header_changes_nothing() {
    let header = |typ: &str, alg: &str, kid: &str| json!({ "typ": typ, "alg": alg, "kid": kid });
    let critical = json!({ "typ": "revocations+jwt", "alg": "ES256", "kid": "a", "crit": [] });
    let cases = [
        ("typ", header("at+jwt", "ES256", "a")),
        ("no typ", json!({ "alg": "ES256", "kid": "a" })),
        ("alg", header("revocations+jwt", "RS256", "a")),
        ("none", header("revocations+jwt", "none", "a")),
        ("kid", header("revocations+jwt", "ES256", "b")),
        ("no kid", json!({ "typ": "revocations+jwt", "alg": "ES256" })),
        ("crit", critical),
    ];
    let spoil = |header: Value| -> Spoil {
        Box::new(move |issuer, _, claims| issuer.key.sign(header.to_string(), claims.to_string()))
    };
    check_all(cases.map(|(name, header)| (name.to_owned(), spoil(header))).into());
}

#[test]
fn a_document_with_a_bad_signature_or_form_changes_nothing() {
    type Case = (&'static str, fn(&Issuer, Value) -> String);
    let cases: [Case; 9] = [
        ("a secret", |_, c| {
            let header = json!({ "typ": "revocations+jwt", "alg": "HS256", "kid": "shared" });
            Key::new("shared", "HS256").sign(header.to_string(), c.to_string())
        }),
        ("another key", |_, c| {
            let header = json!({ "typ": "revocations+jwt", "alg": "ES256", "kid": "a" });
            Key::new("a", "ES256").sign(header.to_string(), c.to_string())
        }),
        ("cut short", |i, c| i.sign(&c)[..200].to_owned()),
        ("changed", |i, c| i.sign(&c).replacen('e', "f", 9)),
        ("empty", |_, _| String::new()),
        ("a web page", |_, _| "<html>".to_owned()),
        ("a member twice", |i, c| {
            let header = json!({ "typ": "revocations+jwt", "alg": "ES256", "kid": "a" });
            i.key.sign(header.to_string(), c.to_string().replacen('{', "{\"to\":12,", 1))
        }),
        ("no object", |i, _| i.sign(&json!([1]))),
        ("too long", |i, mut c| {
            c["x"] = json!("x".repeat(4 * 1024 * 1024));
            i.sign(&c)
        }),
    ];
    let spoil = |case: fn(&Issuer, Value) -> String| -> Spoil {
        Box::new(move |issuer, _, claims| case(issuer, claims))
    };
    check_all(cases.map(|(name, case)| (name.to_owned(), spoil(case))).into());
}

/// Asserts that a valid document changed by `spoil` is rejected.
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
    // The unknown key may be fetched.
    let status = issuer.round_after(Duration::from_secs(10), &verifier);
    assert!(status.error.is_some(), "{name}");
    assert_eq!(status.event, Some(10), "{name}");
    for token in [&other, &token] {
        let caller: Principal =
            verify(&verifier, token).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(caller.freshness(), Some(Duration::from_secs(10)), "{name}");
    }
    // It starts over, and gets the truth.
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
    // The third part does not follow the first; nor does a part of another list.
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
