//! Refreshing keys, and the limits on requests to the issuer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mintery_verifier::fetch::Document;
use mintery_verifier::keys::RefreshError;
use mintery_verifier::{Fetch, FetchError, Verifier, VerifyError};

use crate::issuer::{Answer, Issuer, JWKS, block_on, eventually, verify};
use crate::key::{API, Key, claims, jwks};

/// The time that an unknown key has to wait after a fetch.
const INTERVAL: Duration = Duration::from_secs(10);

/// SEC-2, SEC-3: one fetch per interval whatever the demand; a negative answer is remembered.
#[test]
fn a_thousand_unknown_keys_are_one_fetch() {
    let key = Key::new("a", "ES256");
    let issuer = Issuer::with(&[&key]);
    let verifier = issuer.verifier();
    let unknown: Vec<_> = (0..1000)
        .map(|number| {
            let mut header = key.header();
            header["kid"] = format!("unknown-{number}").into();
            key.sign(header.to_string(), claims(&issuer.url, 0, "read").to_string())
        })
        .collect();
    let all_are_refused = || {
        for token in &unknown {
            assert_eq!(verify(&verifier, token), Err(VerifyError::UnknownKey));
        }
    };
    assert_eq!(issuer.hits(), 1);
    all_are_refused();
    assert_eq!(issuer.hits(), 1, "within the interval");
    for fetches in 2..5 {
        issuer.clock.let_pass(INTERVAL);
        all_are_refused();
        all_are_refused();
        assert_eq!(issuer.hits(), fetches);
        assert!(verify(&verifier, &issuer.token(&key)).is_ok());
    }
    assert_eq!(issuer.metadata_hits(), 1);
}

/// SEC-2
#[test]
fn the_same_unknown_key_is_not_asked_for_again_for_a_minute() {
    let (key, other) = (Key::new("a", "ES256"), Key::new("b", "ES256"));
    let issuer = Issuer::with(&[&key]);
    let verifier = issuer.verifier();
    let token = issuer.token(&other);
    issuer.clock.let_pass(INTERVAL);
    for _ in 0..5 {
        assert_eq!(verify(&verifier, &token), Err(VerifyError::UnknownKey));
        assert_eq!(issuer.hits(), 2);
        issuer.clock.let_pass(INTERVAL);
    }
    issuer.clock.let_pass(INTERVAL);
    assert_eq!(verify(&verifier, &token), Err(VerifyError::UnknownKey));
    assert_eq!(issuer.hits(), 3);
}

#[test]
fn many_who_wait_for_one_key_are_one_fetch() {
    let (key, new) = (Key::new("a", "ES256"), Key::new("b", "ES256"));
    let issuer = Issuer::with(&[&key]);
    let verifier = issuer.verifier();
    issuer.publish(&[&key, &new]);
    issuer.clock.let_pass(INTERVAL);
    let token = issuer.token(&new);
    let callers: Vec<_> = (0..32)
        .map(|_| {
            let (verifier, token) = (verifier.clone(), token.clone());
            std::thread::spawn(move || verify(&verifier, &token).is_ok())
        })
        .collect();
    assert!(callers.into_iter().all(|caller| caller.join().unwrap()));
    assert_eq!(issuer.hits(), 2);
}

#[test]
fn a_new_key_is_found_when_a_token_comes_with_it() {
    let (old, new) = (Key::new("a", "ES256"), Key::new("b", "EdDSA"));
    let issuer = Issuer::with(&[&old]);
    let verifier = issuer.verifier();
    issuer.publish(&[&new, &old]);
    let token = issuer.token(&new);
    assert_eq!(
        verify(&verifier, &token),
        Err(VerifyError::UnknownKey),
        "the issuer was asked just now"
    );
    assert_eq!(verifier.check(&token, API).unwrap_err(), VerifyError::UnknownKey);
    issuer.clock.let_pass(INTERVAL);
    assert_eq!(
        verifier.check(&token, API).unwrap_err(),
        VerifyError::UnknownKey,
        "this never fetches"
    );
    assert!(verify(&verifier, &token).is_ok());
    assert!(verify(&verifier, &issuer.token(&old)).is_ok());
    assert_eq!((issuer.hits(), issuer.metadata_hits()), (2, 1));
}

#[test]
fn tokens_of_a_withdrawn_key_are_rejected() {
    let (old, new) = (Key::new("a", "ES256"), Key::new("b", "ES256"));
    let issuer = Issuer::with(&[&old, &new]);
    let verifier = issuer.verifier();
    let token = issuer.token(&old);
    assert!(verify(&verifier, &token).is_ok());
    issuer.publish(&[&new]);
    issuer.clock.let_pass(Duration::from_mins(5));
    eventually("the key is gone", || verifier.check(&token, API).is_err());
    assert_eq!(verify(&verifier, &token), Err(VerifyError::UnknownKey));
    // Another key under the old id verifies only its own signatures.
    let namesake = Key::new("a", "ES256");
    issuer.publish(&[&namesake, &new]);
    issuer.clock.let_pass(Duration::from_mins(5));
    let its_own = issuer.token(&namesake);
    eventually("the namesake", || verify(&verifier, &its_own).is_ok());
    assert_eq!(verify(&verifier, &token), Err(VerifyError::Signature));
}

#[test]
fn an_issuer_that_starts_anew_has_other_keys() {
    let (old, new) = (Key::new("a", "ES256"), Key::new("b", "ES256"));
    let mut issuer = Issuer::with(&[&old]);
    let verifier = issuer.verifier();
    issuer.go_down();
    issuer.publish(&[&new]);
    issuer.come_up();
    issuer.clock.let_pass(INTERVAL);
    assert!(verify(&verifier, &issuer.token(&new)).is_ok());
    assert_eq!(verify(&verifier, &issuer.token(&old)), Err(VerifyError::UnknownKey));
}

/// The issuer sets the caching time of its keys, from a second to an hour.
#[test]
fn the_issuers_max_age_is_kept() {
    let key = Key::new("a", "ES256");
    for (header, secs) in
        [("max-age=0", 1), ("max-age=1", 1), ("public, max-age=60", 60), ("max-age=999999", 3600)]
    {
        let issuer = Issuer::with(&[]);
        issuer.put(JWKS, Answer::Cached(jwks(&[key.jwk()]), header));
        let verifier = issuer.verifier();
        for fetches in 1..4 {
            assert_eq!(issuer.hits(), fetches, "{header}");
            issuer.clock.let_pass(Duration::from_millis(secs * 1000 - 1));
            std::thread::sleep(Duration::from_millis(if fetches == 1 { 300 } else { 0 }));
            assert_eq!(issuer.hits(), fetches, "{header}: too early");
            issuer.clock.let_pass(Duration::from_millis(1));
            eventually(header, || verifier.jwks().unwrap().status().attempts > fetches as u64);
        }
    }
    let issuer = Issuer::with(&[]);
    issuer.put(JWKS, Answer::Cached(jwks(&[key.jwk()]), "max-age=3600"));
    let verifier =
        block_on(issuer.builder().refresh_every(Duration::from_secs(30)).build()).unwrap();
    issuer.clock.let_pass(Duration::from_secs(30));
    eventually("the program's own interval", || verifier.jwks().unwrap().status().attempts == 2);
}

/// A corrected date is not elapsed time: it causes no fetch and no expiry.
#[test]
fn a_clock_that_jumps_an_hour_confuses_nothing() {
    let hour = Duration::from_hours(1);
    let (key, new) = (Key::new("a", "ES256"), Key::new("b", "ES256"));
    let issuer = Issuer::with(&[&key]);
    let verifier = issuer.verifier();
    let token = issuer.token(&key);
    issuer.clock.advance(hour);
    assert!(verify(&verifier, &token).is_ok(), "two hours are not over");
    issuer.clock.advance(hour);
    assert_eq!(verify(&verifier, &token), Err(VerifyError::Expired));
    issuer.clock.turn_back(2 * hour);
    assert!(verify(&verifier, &token).is_ok(), "nobody remembers the mistake");
    issuer.clock.turn_back(hour);
    assert_eq!(verify(&verifier, &token), Err(VerifyError::NotYetValid));
    assert_eq!(verify(&verifier, &issuer.token(&new)), Err(VerifyError::UnknownKey));
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(issuer.hits(), 1);
    // With the date an hour back, time passes as usual.
    issuer.publish(&[&key, &new]);
    issuer.clock.let_pass(INTERVAL);
    assert!(verify(&verifier, &issuer.token(&new)).is_ok());
    issuer.clock.let_pass(Duration::from_mins(5));
    eventually("the usual interval", || issuer.hits() == 3);
}

/// A program's own fetcher.
struct Own {
    calls: Arc<AtomicUsize>,
    panics: bool,
    document: String,
}

impl Fetch for Own {
    fn get(&self, url: &str) -> Result<Document, FetchError> {
        assert_eq!(url, "https://auth.example.com/jwks");
        self.calls.fetch_add(1, Ordering::SeqCst);
        assert!(!self.panics, "on purpose");
        Ok(Document { body: self.document.clone().into_bytes(), cache_control: None })
    }
}

fn own(panics: bool) -> (Arc<AtomicUsize>, Result<Verifier, mintery_verifier::BuildError>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let document = jwks(&[Key::new("a", "ES256").jwk()]);
    let fetch = Own { calls: Arc::clone(&calls), panics, document };
    let builder = Verifier::builder("https://auth.example.com").audience(API).fetcher(fetch);
    (calls, block_on(builder.jwks_uri("https://auth.example.com/jwks").build()))
}

#[test]
fn the_thread_ends_with_the_last_handle() {
    let (calls, verifier) = own(false);
    let verifier = verifier.unwrap();
    let clone = verifier.clone();
    drop(verifier);
    assert!(clone.jwks().unwrap().keys().get("a").is_some());
    assert_eq!((Arc::strong_count(&calls), calls.load(Ordering::SeqCst)), (2, 1));
    drop(clone);
    eventually("the fetcher is dropped", || Arc::strong_count(&calls) == 1);
}

#[test]
fn a_fetcher_that_panics_is_one_that_failed() {
    let (calls, built) = own(true);
    let mintery_verifier::BuildError::Keys(error) = built.unwrap_err() else {
        panic!("another error")
    };
    assert!(
        matches!(&*error, RefreshError::Panicked(why) if why.contains("on purpose")),
        "{error}"
    );
    eventually("the thread ends", || Arc::strong_count(&calls) == 1);
}

/// These futures work in every runtime that moves them between threads.
#[test]
fn its_futures_and_handles_go_from_thread_to_thread() {
    fn sent<T: Send>(_: T) {}
    fn shared<T: Send + Sync>(_: &T) {}
    let issuer = Issuer::down();
    sent(issuer.builder().build());
    let verifier = issuer.builder().start().unwrap();
    sent(verifier.verify("token"));
    shared(&verifier);
    shared(verifier.jwks().unwrap());
}

#[test]
fn an_interval_without_end_is_one() {
    let key = Key::new("a", "ES256");
    let issuer = Issuer::with(&[&key]);
    let verifier = block_on(issuer.builder().refresh_every(Duration::MAX).build()).unwrap();
    assert!(verify(&verifier, &issuer.token(&key)).is_ok());
    issuer.clock.let_pass(INTERVAL);
    assert_eq!(
        verify(&verifier, &issuer.token(&Key::new("b", "ES256"))),
        Err(VerifyError::UnknownKey)
    );
    assert_eq!(issuer.hits(), 2);
}

#[actix_web::test]
async fn it_waits_in_a_runtime_too() {
    let (key, new) = (Key::new("a", "ES256"), Key::new("b", "ES256"));
    let issuer = Issuer::with(&[&key]);
    let verifier = issuer.builder().build().await.unwrap();
    issuer.publish(&[&new]);
    issuer.clock.let_pass(INTERVAL);
    let token = issuer.token(&new);
    let caller = verifier.verify(&token).await.unwrap();
    assert_eq!(
        (caller.subject(), caller.client_id(), caller.token_id()),
        ("mc_tester", "mc_tester", "an-id")
    );
    assert!(caller.has_scope("read") && !caller.has_scope("rea"));
    assert_eq!(caller.scopes().to_string(), "read");
    assert_eq!(caller.expires_at().as_secs(), caller.token().good_from().as_secs() + 7200);
}
