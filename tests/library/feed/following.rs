//! The follower: policy, pace, credentials, keys.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mintery_verifier::clock::Clock as _;
use mintery_verifier::model::revocation::Kind;
use mintery_verifier::revocation::FollowError;
use mintery_verifier::{
    BuildError, FetchError, FollowRevocations, StaleRevocations, Verifier, VerifyError,
};
use serde_json::json;

use super::{FEED, ISSUER, Issuer};
use crate::issuer::{block_on, eventually, verify};
use crate::key::{API, Key};

#[test]
fn a_revoked_token_is_refused() {
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

/// While the issuer is away, or its node does not know, the policy decides.
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
            // Other faults are still reported.
            assert_eq!(verify(&verifier, "a.b"), Err(VerifyError::Malformed));
        }
        // A node that is cut off from its store answers, but knows no more.
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

/// A machine that slept: the monotonic clock stood still, the date did not.
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
    // Only a check that cannot wait is refused.
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

/// Before the first document no revocations are known.
#[test]
fn a_verifier_without_any_document() {
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
fn refused_credentials_are_reported() {
    let issuer = Issuer::new();
    let verifier = issuer.verifier(StaleRevocations::Refuse);
    issuer.answer(|_| Err(FetchError::Status(401)));
    let status = issuer.round(&verifier);
    let error = status.error.unwrap();
    assert_eq!(*error, FollowError::Credentials { client: "mc_api".to_owned(), status: 401 });
    assert!(!error.to_string().contains("se:cret"), "{error}");
    // After repeated failures it asks more and more rarely.
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

/// The holder of a stolen key can write any event number, so the key itself is dropped immediately.
#[test]
fn a_document_of_a_withdrawn_key_is_refused() {
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
fn a_feed_that_hangs_delays_no_verification() {
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
    // It was not sent elsewhere.
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

/// A key instead of an id and a secret: an API that also asks about keys needs only one credential.
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
