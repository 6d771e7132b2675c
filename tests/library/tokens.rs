//! The check of a token with fixed keys: it never fetches and needs no runtime.

use std::sync::Arc;
use std::time::Duration;

use mintery_verifier::clock::{Clock as _, ManualClock, Timestamp};
use mintery_verifier::keys::KeySet;
use mintery_verifier::{Verifier, VerifyError};
use serde_json::{Value, json};

use crate::issuer::block_on;
use crate::key::{API, Key, Pair, claims, encode, jwks};

const ISSUER: &str = "https://auth.example.com";

struct Stage {
    clock: Arc<ManualClock>,
    verifier: Verifier,
}

impl Stage {
    fn with(keys: &[&Key]) -> Self {
        let set =
            KeySet::parse(jwks(&keys.iter().map(|key| key.jwk()).collect::<Vec<_>>()).as_bytes())
                .unwrap();
        Self::with_set(set)
    }

    fn with_set(set: KeySet) -> Self {
        let clock = ManualClock::starting_at(Timestamp::from_secs(1_800_000_000));
        Self { verifier: Verifier::with_keys(ISSUER, set, clock.clone()), clock }
    }

    fn claims(&self) -> Value {
        claims(ISSUER, self.clock.now().as_secs(), "read")
    }

    fn check(&self, token: &str) -> Result<(), VerifyError> {
        self.verifier.check(token, API).map(drop)
    }
}

/// JOSE-2, 9068-5
#[test]
fn each_algorithm_verifies_and_no_other_passes_for_it() {
    let keys = ["ES256", "ES384", "PS256", "RS256", "EdDSA"]
        .map(|algorithm| Key::new(algorithm, algorithm));
    let stage = Stage::with(&keys.each_ref());
    for key in &keys {
        let token = key.token(&stage.claims());
        for _ in 0..2 {
            assert_eq!(stage.check(&token), Ok(()), "{}", key.kid);
        }
        for algorithm in [
            "none", "HS256", "ES256", "ES384", "PS256", "RS256", "EdDSA", "Ed25519", "eddsa",
            "RS512", "",
        ] {
            let names_it =
                algorithm == key.algorithm || (key.algorithm == "EdDSA" && algorithm == "Ed25519");
            let mut header = key.header();
            header["alg"] = json!(algorithm);
            let expected = if names_it { Ok(()) } else { Err(VerifyError::Algorithm) };
            let token = key.sign(header.to_string(), stage.claims().to_string());
            assert_eq!(stage.check(&token), expected, "{} as {algorithm}", key.kid);
        }
        // Signed by another key under this one's name, or not at all.
        for other in keys.iter().filter(|other| other.kid != key.kid) {
            let token = other.sign(key.header().to_string(), stage.claims().to_string());
            assert_eq!(
                stage.check(&token),
                Err(VerifyError::Signature),
                "{} by {}",
                key.kid,
                other.kid
            );
        }
        let (signed, _) = token.rsplit_once('.').unwrap();
        assert_eq!(stage.check(&format!("{signed}.")), Err(VerifyError::Signature));
    }
}

/// JOSE-2: the public key is no secret.
#[test]
fn hs256_needs_a_secret_of_its_own() {
    let (public, shared) = (Key::new("public", "ES256"), Key::new("shared", "HS256"));
    let Pair::Shared(secret) = &shared.pair else { unreachable!() };
    let set = KeySet::parse(jwks(&[public.jwk()]).as_bytes()).unwrap();
    let stage = Stage::with_set(set.clone());
    assert_eq!(stage.check(&shared.token(&stage.claims())), Err(VerifyError::UnknownKey));
    let mut forged = Key::new("public", "HS256");
    forged.pair = Pair::Shared(public.jwk().to_string().into_bytes());
    assert_eq!(stage.check(&forged.token(&stage.claims())), Err(VerifyError::Algorithm));

    assert!(set.clone().with_shared_key("shared", &[7; 31]).is_err());
    stage.verifier.replace_keys(set.with_shared_key("shared", secret).unwrap());
    assert_eq!(stage.check(&shared.token(&stage.claims())), Ok(()));
    assert_eq!(stage.check(&public.token(&stage.claims())), Ok(()));
    let other =
        Key { kid: "shared".to_owned(), algorithm: "HS256", pair: Pair::Shared(vec![8; 32]) };
    assert_eq!(stage.check(&other.token(&stage.claims())), Err(VerifyError::Signature));
    let mut header = shared.header();
    header["alg"] = json!("ES256");
    let confused = shared.sign(header.to_string(), stage.claims().to_string());
    assert_eq!(stage.check(&confused), Err(VerifyError::Algorithm));
}

/// JOSE-1, JOSE-3, JOSE-4, JOSE-5, 9068-1
#[test]
fn headers_and_forms_that_are_not_accepted() {
    let key = Key::new("k", "ES256");
    let stage = Stage::with(&[&key]);
    let claims = stage.claims().to_string();
    let with = |name: &str, value: Value| {
        let mut header = key.header();
        header[name] = value;
        key.sign(header.to_string(), &claims)
    };
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("crit", json!("exp")),
        ("crit", json!(null)),
        ("jku", json!("https://evil.example")),
        ("x5u", json!("https://evil.example")),
        ("x5c", json!([])),
        ("jwk", key.jwk()),
    ] {
        assert_eq!(
            stage.check(&with(name, value.clone())),
            Err(VerifyError::Header),
            "{name} {value}"
        );
    }
    for typ in ["JWT", "AT+JWT", "", "application/jwt", "logout+jwt"] {
        assert_eq!(stage.check(&with("typ", json!(typ))), Err(VerifyError::Type), "{typ}");
    }
    assert_eq!(stage.check(&with("typ", json!("application/at+jwt"))), Ok(()));
    for kid in [json!("other"), json!(null), json!(1), json!("")] {
        assert_eq!(stage.check(&with("kid", kid.clone())), Err(VerifyError::UnknownKey), "{kid}");
    }
    let twice = key.header().to_string().replacen('{', "{\"kid\":\"k\",", 1);
    assert_eq!(stage.check(&key.sign(twice, &claims)), Err(VerifyError::Malformed));
    let twice = claims.replacen('{', "{\"aud\":\"https://api.example.com\",", 1);
    assert_eq!(
        stage.check(&key.sign(key.header().to_string(), twice)),
        Err(VerifyError::Malformed)
    );
    let token = key.token(&stage.claims());
    for bad in [
        "",
        ".",
        "..",
        &token[1..],
        &format!("{token}="),
        &format!("{token}\n"),
        &format!("{token}.{token}"),
    ] {
        assert!(stage.check(bad).is_err(), "{bad}");
    }
    assert_eq!(stage.check(&"A".repeat(20_000)), Err(VerifyError::Malformed));
}

/// 9068-2, 9068-4
#[test]
fn claims_that_are_not_accepted() {
    let key = Key::new("k", "ES256");
    let stage = Stage::with(&[&key]);
    let now = stage.clock.now().as_secs();
    let with = |name: &str, value: Value| {
        let mut claims = stage.claims();
        claims[name] = value;
        stage.check(&key.token(&claims))
    };
    for name in ["iss", "aud", "exp", "iat", "sub", "client_id", "jti"] {
        let mut claims = stage.claims();
        claims.as_object_mut().unwrap().remove(name);
        assert!(matches!(stage.check(&key.token(&claims)), Err(VerifyError::Claim(_))), "{name}");
        for value in [json!(null), json!(true), json!({}), json!([])] {
            assert!(
                matches!(with(name, value.clone()), Err(VerifyError::Claim(_))),
                "{name}: {value}"
            );
        }
    }
    assert_eq!(with("iss", json!("https://auth.example.com/")), Err(VerifyError::Issuer));
    assert_eq!(with("aud", json!("https://api.example.com/v1")), Err(VerifyError::Audience));
    // R7: an empty path and `/` are the same (RFC 3986 §6.2.3).
    assert_eq!(with("aud", json!("https://api.example.com/")), Ok(()));
    assert_eq!(with("aud", json!([ISSUER])), Err(VerifyError::Audience));
    assert_eq!(with("aud", json!([ISSUER, API])), Ok(()));
    assert_eq!(with("exp", json!(now)), Err(VerifyError::Expired));
    assert_eq!(with("exp", json!(now + 1)), Ok(()));
    assert_eq!(with("nbf", json!(now + 10)), Ok(()));
    assert_eq!(with("nbf", json!(now + 11)), Err(VerifyError::NotYetValid));
    assert_eq!(with("scope", json!("a  b")), Err(VerifyError::Claim("scope")));
}

/// 9068-2: what was found good once is held against the clock and the audience again.
#[test]
fn a_token_that_was_good_expires() {
    let key = Key::new("k", "ES256");
    let stage = Stage::with(&[&key]);
    let token = key.token(&stage.claims());
    assert_eq!(stage.check(&token), Ok(()));
    assert_eq!(stage.verifier.check(&token, ISSUER).unwrap_err(), VerifyError::Audience);
    stage.clock.advance(Duration::from_secs(7199));
    assert_eq!(stage.check(&token), Ok(()));
    stage.clock.advance(Duration::from_secs(1));
    assert_eq!(stage.check(&token), Err(VerifyError::Expired));
}

#[test]
fn a_token_that_was_good_falls_with_its_key() {
    let (key, other, namesake) =
        (Key::new("k", "ES256"), Key::new("o", "ES256"), Key::new("k", "ES256"));
    let stage = Stage::with(&[&key]);
    let token = key.token(&stage.claims());
    let set = |key: &Key| KeySet::parse(jwks(&[key.jwk()]).as_bytes()).unwrap();
    assert_eq!(stage.check(&token), Ok(()));
    stage.verifier.replace_keys(set(&other));
    assert_eq!(stage.check(&token), Err(VerifyError::UnknownKey));
    stage.verifier.replace_keys(set(&namesake));
    assert_eq!(stage.check(&token), Err(VerifyError::Signature));
    stage.verifier.replace_keys(set(&key));
    assert_eq!(stage.check(&token), Ok(()));
}

/// With fixed keys `verify` asks for the issuer's own API, and fetches nothing.
#[test]
fn fixed_keys_are_all_there_is() {
    let key = Key::new("k", "ES256");
    let stage = Stage::with(&[&key]);
    assert!(stage.verifier.jwks().is_none());
    let mut claims = stage.claims();
    claims["aud"] = json!(ISSUER);
    assert!(block_on(stage.verifier.verify(&key.token(&claims))).is_ok());
    let unknown = Key::new("other", "ES256").token(&claims);
    assert_eq!(block_on(stage.verifier.verify(&unknown)), Err(VerifyError::UnknownKey));
    let bytes = encode([0; 3]);
    assert_eq!(bytes, "AAAA");
}
