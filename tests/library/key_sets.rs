//! The accepted and the rejected keys of a JWKS.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use mintery_verifier::keys::{KeySet, KeySetError, LeftOutReason};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::issuer::{Answer, Issuer, JWKS, verify};
use crate::key::{Key, decode, encode, jwks};

fn parse(keys: &[Value]) -> Result<KeySet, KeySetError> {
    KeySet::parse(jwks(keys).as_bytes())
}

/// The reason why `key` is left out of a set with another, usable key.
fn reason(key: &Value) -> LeftOutReason {
    let good = Key::new("good", "ES256").jwk();
    let set = parse(&[key.clone(), good]).unwrap();
    assert_eq!(set.ids().collect::<Vec<_>>(), ["good"], "{key}");
    let [left_out] = set.left_out() else { panic!("{key}: {:?}", set.left_out()) };
    left_out.reason
}

/// JOSE-2
#[test]
fn every_algorithm_is_read_and_bound_to_its_key() {
    for (algorithm, goes_without_saying) in [
        ("ES256", "ES256"),
        ("ES384", "ES384"),
        ("RS256", "RS256"),
        ("PS256", "RS256"),
        ("EdDSA", "EdDSA"),
    ] {
        let mut jwk = Key::new("k", algorithm).jwk();
        let set = parse(&[jwk.clone()]).unwrap();
        assert_eq!(set.get("k").unwrap().algorithm().name(), algorithm);
        assert_eq!(format!("{:?}", set.get("k").unwrap()), format!("VerifyingKey({algorithm})"));
        jwk.as_object_mut().unwrap().remove("alg");
        jwk.as_object_mut().unwrap().remove("use");
        assert_eq!(
            parse(&[jwk.clone()]).unwrap().get("k").unwrap().algorithm().name(),
            goes_without_saying
        );
        for other in [
            "ES512",
            "HS256",
            "none",
            "es256",
            "",
            "RS512",
            if algorithm == "ES256" { "ES384" } else { "ES256" },
        ] {
            jwk["alg"] = json!(other);
            assert_eq!(reason(&jwk), LeftOutReason::UnknownType, "{algorithm} as {other}");
        }
    }
    let mut ed = Key::new("k", "EdDSA").jwk();
    ed["alg"] = json!("Ed25519");
    assert_eq!(parse(&[ed]).unwrap().get("k").unwrap().algorithm().name(), "EdDSA");
}

#[test]
fn one_key_of_an_unknown_type_does_not_spoil_the_others() {
    for key in [
        json!({ "kty": "AKP", "kid": "x", "alg": "ML-DSA-65", "pub": "AAAA" }),
        json!({ "kty": "EC", "crv": "secp256k1", "kid": "x", "alg": "ES256K", "x": "AA", "y": "AA" }),
        json!({ "kty": "OKP", "crv": "X25519", "kid": "x", "x": encode([1; 32]) }),
        json!({ "kty": "EC", "kid": "x" }),
        json!({ "kty": "ec", "crv": "P-256", "kid": "x" }),
    ] {
        assert_eq!(reason(&key), LeftOutReason::UnknownType);
    }
    for key in [
        json!(1),
        json!(null),
        json!("x"),
        json!([]),
        json!({}),
        json!({ "kid": "x" }),
        json!({ "kty": 1 }),
    ] {
        assert_eq!(reason(&key), LeftOutReason::Malformed);
    }
    let mut jwk = Key::new("k", "ES256").jwk();
    for (name, value) in
        [("x5c", json!(["AAAA"])), ("x5u", json!("https://evil.example")), ("other", json!({}))]
    {
        jwk[name] = value;
    }
    assert!(parse(&[jwk]).unwrap().get("k").is_some(), "what is not used is not looked at");
}

/// JOSE-6
#[test]
fn keys_that_are_too_weak_or_off_the_curve_are_left_out() {
    for algorithm in ["ES256", "ES384"] {
        let jwk = Key::new("k", algorithm).jwk();
        for name in ["x", "y"] {
            let length = if algorithm == "ES256" { 32 } else { 48 };
            for bytes in [
                vec![0; length],
                vec![1; length],
                vec![0xff; length],
                vec![1; length - 1],
                vec![],
                vec![0; length + 1],
            ] {
                let mut other = jwk.clone();
                other[name] = json!(encode(&bytes));
                assert_eq!(
                    reason(&other),
                    LeftOutReason::BadParameters,
                    "{algorithm} {name} {bytes:?}"
                );
            }
        }
    }
    for (algorithm, length) in [("ES256", 32), ("ES384", 48)] {
        let jwk = Key::new("k", algorithm).jwk();
        let (x, y) = (jwk["x"].clone(), jwk["y"].clone());
        // The point at infinity has no coordinates: all zeros are none of its encodings.
        let zero = json!(encode(vec![0; length]));
        let one = json!(encode([vec![0; length - 1], vec![1]].concat()));
        for (x, y) in [(&zero, &zero), (&zero, &one), (&one, &zero), (&y, &x), (&x, &x)] {
            let mut other = jwk.clone();
            (other["x"], other["y"]) = (x.clone(), y.clone());
            assert_eq!(reason(&other), LeftOutReason::BadParameters, "{algorithm} {x} {y}");
        }
        // A point of the other curve, or a coordinate without its zeros in front.
        let stranger = Key::new("k", if algorithm == "ES256" { "ES384" } else { "ES256" }).jwk();
        let mut other = jwk.clone();
        (other["x"], other["y"]) = (stranger["x"].clone(), stranger["y"].clone());
        assert_eq!(reason(&other), LeftOutReason::BadParameters);
    }
    for x in [[1; 31].as_slice(), &[1; 33], &[]] {
        let mut other = Key::new("k", "EdDSA").jwk();
        other["x"] = json!(encode(x));
        assert_eq!(reason(&other), LeftOutReason::BadParameters);
    }
    for algorithm in ["RS256", "PS256"] {
        let jwk = Key::new("k", algorithm).jwk();
        let odd = |len: usize, first: u8| {
            let mut modulus = vec![0xa5; len];
            modulus[0] = first;
            modulus
        };
        for n in [
            odd(128, 0x80),
            odd(255, 0xff),
            odd(256, 0x7f),
            odd(1025, 0x01),
            [vec![0], odd(255, 0xff)].concat(),
            vec![],
            vec![0; 256],
            // Even.
            [odd(255, 0xff), vec![0xa4]].concat(),
        ] {
            let mut other = jwk.clone();
            other["n"] = json!(encode(&n));
            assert_eq!(
                reason(&other),
                LeftOutReason::BadParameters,
                "{algorithm} {} bytes",
                n.len()
            );
        }
        for e in [
            vec![],
            vec![0],
            vec![1],
            vec![0, 0, 1],
            vec![2],
            vec![1, 0, 0],
            vec![0xff; 5],
            vec![0xff; 9],
        ] {
            let mut other = jwk.clone();
            other["e"] = json!(encode(&e));
            assert_eq!(reason(&other), LeftOutReason::BadParameters, "{algorithm} e {e:?}");
        }
        let mut padded = jwk.clone();
        padded["e"] = json!(encode([0, 1, 0, 1]));
        assert!(parse(&[padded]).is_ok(), "zeros in front change nothing");
    }
    let mut jwk = Key::new("k", "ES256").jwk();
    jwk["x"] = json!("=+/");
    assert_eq!(reason(&jwk), LeftOutReason::Malformed);
}

/// JOSE-6: the neutral element, and the other points of small order, in every encoding that readers
/// take: with such a key, a signature that needs no private half verifies for one message in eight,
/// or for all.
#[test]
fn a_key_with_which_anybody_signs_is_left_out() {
    let top = |first: u8, last: u8| [vec![first], vec![0xff; 30], vec![last]].concat();
    let number = |first: u8| [vec![first], vec![0; 31]].concat();
    let order_8 = [
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ];
    let order_8 = order_8.map(|hex| {
        (0..32)
            .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
            .collect::<Vec<_>>()
    });
    // 0, 1, p-1, p, p+1: p is 2^255 - 19.
    let [one, other] = order_8;
    let points =
        [number(0), number(1), top(0xec, 0x7f), top(0xed, 0x7f), top(0xee, 0x7f), one, other];
    let with_signs = points.iter().flat_map(|point| {
        let mut negative = point.clone();
        negative[31] |= 0x80;
        [point.clone(), negative]
    });
    let encodings: Vec<_> = with_signs.collect();
    let is_forgeable = |key: &[u8]| {
        let key = UnparsedPublicKey::new(&ED25519, key);
        let forged = encodings.iter().map(|point| [point.as_slice(), &[0; 32]].concat());
        forged
            .into_iter()
            .any(|signature| (0..64_u8).any(|message| key.verify(&[message], &signature).is_ok()))
    };
    let mut jwk = Key::new("k", "EdDSA").jwk();
    assert!(!is_forgeable(&decode(jwk["x"].as_str().unwrap())));
    // Most of them are: the list is the right one. The others are no encodings to this reader.
    assert!(encodings.iter().filter(|point| is_forgeable(point)).count() >= 8);
    for point in encodings {
        jwk["x"] = json!(encode(&point));
        assert_eq!(reason(&jwk), LeftOutReason::BadParameters, "{point:?}");
    }
}

#[test]
fn keys_for_something_else_are_left_out() {
    let key = Key::new("k", "ES256");
    for (name, value) in [
        ("use", json!("enc")),
        ("use", json!("")),
        ("key_ops", json!(["sign"])),
        ("key_ops", json!([])),
    ] {
        let mut jwk = key.jwk();
        jwk[name] = value;
        assert_eq!(reason(&jwk), LeftOutReason::OtherUse, "{name}");
    }
    let mut jwk = key.jwk();
    jwk["key_ops"] = json!(["verify"]);
    assert!(parse(&[jwk]).is_ok());
    for kid in [json!(null), json!(""), json!("k".repeat(257))] {
        let mut jwk = key.jwk();
        jwk["kid"] = kid;
        assert_eq!(reason(&jwk), LeftOutReason::NoId);
    }
}

/// 7517-1: a reader of a private member can sign; JOSE-2: a secret in a JWKS is rejected.
#[test]
fn a_published_private_key_is_compromised() {
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        for algorithm in ["ES256", "RS256", "EdDSA"] {
            let mut jwk = Key::new("k", algorithm).jwk();
            jwk[name] = json!("AAAA");
            assert_eq!(reason(&jwk), LeftOutReason::Private, "{algorithm} {name}");
        }
    }
    assert_eq!(reason(&Key::new("k", "HS256").jwk()), LeftOutReason::Private);
    let both = Key::new("k", "ES256");
    let (public, mut private) = (both.jwk(), both.jwk());
    private["d"] = json!("AAAA");
    for keys in [[public.clone(), private.clone()], [private, public]] {
        assert!(
            matches!(parse(&keys), Err(KeySetError::NoUsableKey(_))),
            "its public half beside it counts neither"
        );
    }
    let issuer = Issuer::with(&[]);
    let good = Key::new("good", "ES256");
    let mut jwk = both.jwk();
    jwk["d"] = json!("AAAA");
    issuer.put(JWKS, Answer::Document(jwks(&[jwk, good.jwk()])));
    let verifier = issuer.verifier();
    assert!(verify(&verifier, &issuer.token(&both)).is_err());
    assert!(verify(&verifier, &issuer.token(&good)).is_ok());
    let keys = verifier.jwks().unwrap().keys();
    let told: Vec<_> = keys.left_out().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["the key k: its private key is published: it is compromised and must be replaced"]
    );
}

#[test]
fn two_keys_of_one_name_are_none() {
    let (one, two, other) =
        (Key::new("k", "ES256"), Key::new("k", "RS256"), Key::new("other", "ES256"));
    for keys in [[one.jwk(), two.jwk(), other.jwk()], [two.jwk(), other.jwk(), one.jwk()]] {
        let set = parse(&keys).unwrap();
        assert_eq!(set.ids().collect::<Vec<_>>(), ["other"]);
        assert_eq!(set.left_out()[0].reason, LeftOutReason::Ambiguous);
    }
    let thrice = parse(&[one.jwk(), two.jwk(), one.jwk(), other.jwk()]).unwrap();
    assert!(thrice.get("k").is_none());
    assert!(parse(&[one.jwk(), one.jwk()]).unwrap().get("k").is_some(), "twice the same is one");
}

#[test]
fn an_invalid_key_set_is_rejected() {
    for text in [
        "",
        "{}",
        "[]",
        "null",
        "[[]]",
        "{\"keys\":{}}",
        "{\"keys\":null}",
        "{\"keys\":1}",
        "<html>",
        "{\"keys\":[]",
    ] {
        assert!(matches!(KeySet::parse(text.as_bytes()), Err(KeySetError::NotASet)), "{text}");
    }
    assert!(matches!(KeySet::parse(b"{\"keys\":[],\"keys\":[]}"), Err(KeySetError::NotASet)));
    assert!(matches!(KeySet::parse(b"\xff"), Err(KeySetError::NotASet)));
    assert!(matches!(parse(&[]), Err(KeySetError::NoUsableKey(none)) if none.is_empty()));
    let key = Key::new("k", "ES256").jwk();
    let named = |number: usize| {
        let mut key = key.clone();
        key["kid"] = json!(number.to_string());
        key
    };
    let many: Vec<_> = (0..65).map(named).collect();
    assert_eq!(parse(&many[..64]).unwrap().ids().count(), 64);
    assert!(matches!(parse(&many), Err(KeySetError::TooMany)));
    let twice = format!(r#"{{"keys":[{{"kid":"a","kid":"b",{}]}}"#, &key.to_string()[1..]);
    assert!(matches!(KeySet::parse(twice.as_bytes()), Err(KeySetError::NoUsableKey(_))));
}

proptest! {
    #[test]
    fn reading_never_panics(
        bytes in proptest::collection::vec(any::<u8>(), 0..64),
        kty in "EC|RSA|OKP|oct|x",
        crv in "P-256|P-384|Ed25519|x",
        numbers in proptest::collection::vec("[A-Za-z0-9_-]{0,90}", 4),
    ) {
        prop_assert!(KeySet::parse(&bytes).is_err());
        let [x, y, n, e] = numbers.as_slice() else { unreachable!() };
        let key = json!({ "kty": kty, "crv": crv, "kid": "k", "x": x, "y": y, "n": n, "e": e });
        if let Ok(set) = parse(&[key]) {
            prop_assert_eq!(set.ids().collect::<Vec<_>>(), ["k"]);
        }
    }
}
