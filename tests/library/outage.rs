//! Issuers that are down, slow, or answer something else.

use std::time::{Duration, Instant};

use mintery_verifier::keys::{KeySetError, RefreshError};
use mintery_verifier::{BuildError, FetchError, Verifier, VerifyError};
use serde_json::json;

use crate::issuer::{Answer, Issuer, JWKS, METADATA, OPENID, block_on, eventually, verify};
use crate::key::{API, Key};

/// The reason why no verifier can be built for `issuer`.
fn refusal(issuer: &Issuer) -> String {
    let BuildError::Keys(error) = block_on(issuer.builder().build()).unwrap_err() else {
        panic!("not its keys")
    };
    error.to_string()
}

#[test]
fn an_issuer_that_is_down_at_the_start_comes_up() {
    let key = Key::new("a", "ES256");
    let mut issuer = Issuer::down();
    issuer.publish(&[&key]);
    let error = refusal(&issuer);
    assert!(error.contains(&issuer.url) && error.contains("refused"), "{error}");

    let verifier = issuer.builder().start().unwrap();
    let token = issuer.token(&key);
    assert_eq!(verify(&verifier, &token), Err(VerifyError::KeysUnavailable));
    assert_eq!(verify(&verifier, "a.b"), Err(VerifyError::Malformed));
    eventually("an attempt", || verifier.jwks().unwrap().status().attempts > 0);
    assert_eq!(verify(&verifier, &token), Err(VerifyError::KeysUnavailable));
    assert!(verifier.jwks().unwrap().status().error.is_some());

    issuer.come_up();
    issuer.clock.let_pass(Duration::from_secs(1));
    eventually("the keys come", || verify(&verifier, &token).is_ok());
    let status = verifier.jwks().unwrap().status();
    assert!(status.error.is_none() && status.fetched_at.is_some(), "{status:?}");
}

#[test]
fn keys_stay_while_the_issuer_is_down() {
    let (key, other) = (Key::new("a", "ES256"), Key::new("b", "ES256"));
    let mut issuer = Issuer::with(&[&key]);
    let verifier = issuer.verifier();
    let seen = issuer.token(&key);
    assert!(verify(&verifier, &seen).is_ok());
    issuer.go_down();
    for hour in 0..3 {
        issuer.clock.let_pass(Duration::from_mins(30));
        let attempts = verifier.jwks().unwrap().status().attempts;
        eventually("another attempt", || verifier.jwks().unwrap().status().attempts > attempts);
        assert!(verifier.jwks().unwrap().status().error.is_some());
        assert!(verify(&verifier, &seen).is_ok(), "{hour}");
        assert!(verify(&verifier, &issuer.token(&key)).is_ok(), "{hour}");
        // Whether there is such a key now cannot be told.
        assert_eq!(verify(&verifier, &issuer.token(&other)), Err(VerifyError::KeysUnavailable));
    }
    // It comes back, with another key.
    issuer.publish(&[&other]);
    issuer.come_up();
    issuer.clock.let_pass(Duration::from_secs(10));
    let token = issuer.token(&other);
    eventually("the new key", || verify(&verifier, &token).is_ok());
    assert_eq!(verify(&verifier, &issuer.token(&key)), Err(VerifyError::UnknownKey));
    assert_eq!(verify(&verifier, &seen), Err(VerifyError::UnknownKey));
}

/// SEC-2: three seconds, for the answer and for all of it.
#[test]
fn a_slow_issuer_is_given_up() {
    let slow = [Answer::Slow(Duration::from_secs(20)), Answer::Drip].map(|answer| {
        std::thread::spawn(move || {
            let issuer = Issuer::with(&[]);
            issuer.put(JWKS, answer);
            let started = Instant::now();
            let error = refusal(&issuer);
            assert!(error.contains("within 3 seconds"), "{error}");
            assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        })
    });
    for test in slow {
        test.join().unwrap();
    }
}

/// SEC-2: at most 64 KiB, whether the length is announced or not.
#[test]
fn a_hundred_megabytes_are_not_read() {
    for path in [METADATA, JWKS] {
        for announced in [true, false] {
            let issuer = Issuer::with(&[]);
            issuer.put(path, Answer::Huge { announced });
            let error = refusal(&issuer);
            assert!(error.contains("longer than 64 KiB"), "{error}");
            assert!(issuer.sent() < 20_000_000, "{} bytes of {path}", issuer.sent());
        }
    }
}

/// SEC-2: no redirects.
#[test]
fn a_redirect_is_not_followed() {
    let key = Key::new("a", "ES256");
    for path in [METADATA, JWKS] {
        let issuer = Issuer::with(&[&key]);
        let other = Issuer::with(&[&key]);
        issuer.put(path, Answer::Redirect(format!("{}{path}", other.url)));
        let error = refusal(&issuer);
        assert!(error.contains("redirects") && error.contains(path), "{error}");
        assert_eq!(other.hits() + other.metadata_hits(), 0);
    }
}

#[test]
fn invalid_metadata_and_keys_are_reported() {
    let key = Key::new("a", "ES256");
    let html = Answer::Document("<!doctype html><title>Log in</title>".to_owned());
    let issuer = Issuer::with(&[&key]);
    issuer.put(METADATA, html.clone());
    assert!(refusal(&issuer).contains("check the URL of the issuer"));

    let issuer = Issuer::with(&[&key]);
    issuer.put(JWKS, html);
    assert!(refusal(&issuer).contains("not a JWK set"));

    for (answer, said) in [
        (Answer::Status(404), "status 404"),
        (Answer::Status(500), "status 500"),
        (Answer::Status(204), "status 204"),
        (Answer::HangUp, "cannot fetch"),
    ] {
        for path in [METADATA, JWKS] {
            let issuer = Issuer::with(&[&key]);
            issuer.put(path, answer.clone());
            let error = refusal(&issuer);
            assert!(error.contains(said), "{path}: {error}");
        }
    }
}

/// RFC 8414 §3.3: metadata of another issuer would bring its keys.
#[test]
fn another_issuers_metadata_are_refused() {
    let key = Key::new("a", "ES256");
    let (issuer, other) = (Issuer::with(&[&key]), Issuer::with(&[&key]));
    for named in [
        other.url.clone(),
        format!("{}/", issuer.url),
        issuer.url.replace("127.0.0.1", "localhost"),
    ] {
        let metadata = json!({ "issuer": named, "jwks_uri": format!("{}{JWKS}", issuer.url) });
        issuer.put(METADATA, Answer::Document(metadata.to_string()));
        let error = refusal(&issuer);
        assert!(
            error.contains(&named) && error.contains("configure exactly this value"),
            "{error}"
        );
    }
    assert_eq!(issuer.hits() + other.hits(), 0);
}

#[test]
fn metadata_may_stand_where_openid_has_them() {
    let key = Key::new("a", "ES256");
    let issuer = Issuer::with(&[&key]);
    issuer.put(METADATA, Answer::Status(404));
    let metadata = json!({ "issuer": issuer.url, "jwks_uri": format!("{}{JWKS}", issuer.url) });
    issuer.put(OPENID, Answer::Document(metadata.to_string()));
    assert!(verify(&issuer.verifier(), &issuer.token(&key)).is_ok());
}

#[test]
fn an_issuer_without_metadata_is_told_where_its_keys_are() {
    let key = Key::new("a", "ES256");
    let issuer = Issuer::with(&[&key]);
    issuer.put(METADATA, Answer::Status(404));
    let builder = issuer.builder().jwks_uri(format!("{}{JWKS}", issuer.url));
    let verifier = block_on(builder.build()).unwrap();
    assert!(verify(&verifier, &issuer.token(&key)).is_ok());
    assert_eq!(issuer.metadata_hits(), 0);
}

#[test]
fn an_empty_set_does_not_replace_one_with_keys() {
    let key = Key::new("a", "ES256");
    let issuer = Issuer::with(&[&key]);
    let verifier = issuer.verifier();
    for bad in [r#"{"keys":[]}"#, r#"{"keys":[{"kty":"EC"}]}"#, "{}", "[]", "null", ""] {
        issuer.put(JWKS, Answer::Document(bad.to_owned()));
        let attempts = verifier.jwks().unwrap().status().attempts;
        issuer.clock.let_pass(Duration::from_mins(5));
        eventually("another attempt", || verifier.jwks().unwrap().status().attempts > attempts);
        let error = verifier.jwks().unwrap().status().error;
        assert!(matches!(error.as_deref(), Some(RefreshError::Keys { .. })), "{bad}: {error:?}");
        assert!(verify(&verifier, &issuer.token(&key)).is_ok(), "{bad}");
        assert!(matches!(block_on(issuer.builder().build()), Err(BuildError::Keys(_))), "{bad}");
    }
}

/// SEC-2: keys come by https, or from this machine.
#[test]
fn keys_that_anybody_could_change_on_the_way_are_not_fetched() {
    let start = |issuer: &str| Verifier::builder(issuer).audience(API).start();
    for issuer in [
        "http://auth.example.com",
        "ftp://a",
        "auth.example.com",
        "",
        "https://u:p@a",
        "https://a?b=c",
    ] {
        assert!(matches!(start(issuer), Err(BuildError::Insecure(_))), "{issuer}");
    }
    let issuer = Issuer::with(&[]);
    let elsewhere = issuer.builder().jwks_uri("http://keys.example.com/jwks").start();
    assert!(matches!(elsewhere, Err(BuildError::Insecure(_))), "{elsewhere:?}");
    for jwks_uri in
        ["http://keys.example.com/jwks", "http://169.254.169.254/", "file:///etc/passwd", ""]
    {
        let metadata = json!({ "issuer": issuer.url, "jwks_uri": jwks_uri });
        issuer.put(METADATA, Answer::Document(metadata.to_string()));
        assert!(refusal(&issuer).contains("not https"), "{jwks_uri}");
    }
}

#[test]
fn a_verifier_is_for_an_api() {
    for audience in ["", "a b", "a\"b", "a\\b", "é", "a\n"] {
        let built = Verifier::builder("https://auth.example.com").audience(audience).start();
        assert!(matches!(built, Err(BuildError::Audience(_))), "{audience:?}");
    }
    let short = Verifier::builder("https://auth.example.com")
        .audience(API)
        .shared_key("k", [7; 31])
        .start();
    assert!(matches!(short, Err(BuildError::SharedKey(KeySetError::ShortSecret))), "{short:?}");
}

#[test]
fn plain_http_where_tls_is_expected_is_no_connection() {
    let issuer = Issuer::with(&[]);
    let https = issuer.url.replace("http://", "https://");
    let error = block_on(Verifier::builder(https).audience(API).build()).unwrap_err();
    let BuildError::Keys(error) = error else { panic!("{error}") };
    assert!(matches!(&*error, RefreshError::Discovery(_)), "{error}");
    assert!(!error.to_string().contains(&FetchError::Insecure.to_string()), "{error}");
}
