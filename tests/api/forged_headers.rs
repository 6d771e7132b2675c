//! Tampered headers and forms, and tokens signed with the server's own keys but malformed. Each is
//! presented at every door, and the library reports the reason.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use mintery_verifier::VerifyError;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::json;

use crate::support::doors::Doors;
use crate::support::forge::{self, Forgery, decode, encode, sign};

/// JOSE-1
#[actix_web::test]
async fn only_the_strict_compact_form_is_read() {
    let doors = Doors::open().await;
    let token = &doors.token;
    let parts: Vec<_> = token.split('.').collect();
    let [header, claims, signature] = parts.as_slice() else { panic!("{token}") };
    let base64 = |text: &str| text.replace('-', "+").replace('_', "/");
    let json =
        json!({ "protected": header, "payload": claims, "signature": signature }).to_string();
    // The claims are not read before the signature is verified.
    for (what, token) in [
        ("no signature", format!("{header}.{claims}.")),
        ("a blank before the claims", format!("{header}. {claims}.{signature}")),
        ("a tab after the claims", format!("{header}.{claims}\t.{signature}")),
        ("padded claims", format!("{header}.{claims}=.{signature}")),
    ] {
        doors.refuse(what, &token, VerifyError::Signature).await;
    }
    let table = [
        ("two parts", format!("{header}.{claims}")),
        ("four parts", format!("{token}.{signature}")),
        ("five parts", format!("{token}.{signature}.{signature}")),
        ("an empty fourth part", format!("{token}.")),
        ("nothing", String::new()),
        ("dots", "..".to_owned()),
        ("no header", format!(".{claims}.{signature}")),
        ("no claims", format!("{header}..{signature}")),
        ("padding", format!("{token}=")),
        ("two of padding", format!("{token}==")),
        ("padding inside", format!("{header}=.{claims}.{signature}")),
        ("a blank after the header", format!("{header} .{claims}.{signature}")),
        ("a tab before the signature", format!("{header}.{claims}.\t{signature}")),
        (
            "a blank in the signature",
            token.replacen(&signature[..4], &format!("{} ", &signature[..4]), 1),
        ),
        ("the JSON form", json),
        ("quoted", format!("\"{token}\"")),
        (
            "base64 alphabet in the signature",
            format!("{header}.{claims}.{}+", &base64(signature)[1..]),
        ),
        ("a percent sign", token.replacen('.', "%2E", 1)),
        ("upper case", token.to_uppercase()),
        ("reversed", token.chars().rev().collect()),
    ];
    for (what, token) in table {
        doors.refuse(what, &token, VerifyError::Malformed).await;
    }
}

/// JOSE-1: the last character of a part has unused bits. Only one encoding is accepted.
#[actix_web::test]
async fn bits_that_say_nothing_must_be_zero() {
    let doors = Doors::open().await;
    // 64 bytes of signature: two characters at the end, the last with four unused bits.
    let (start, last) = doors.token.split_at(doors.token.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (number, other) in
        alphabet.chars().enumerate().filter(|(_, other)| !last.starts_with(*other))
    {
        let why = if number % 16 == 0 { VerifyError::Signature } else { VerifyError::Malformed };
        doors.refuse("another last character", &format!("{start}{other}"), why).await;
    }
    // The same in the claims, signed as they are: two of three lengths of JSON have unused bits.
    let mut seen = 0;
    for filler in ["", "x", "xx"] {
        let claims = doors.real.clone().claim("filler", filler).claims_text();
        if claims.len() % 3 == 0 {
            continue;
        }
        seen += 1;
        let encoded = encode(&claims);
        let (start, last) = encoded.split_at(encoded.len() - 1);
        let position = alphabet.find(last).unwrap();
        let sloppy = format!("{start}{}", &alphabet[position + 1..position + 2]);
        let header = encode(doors.real.header_text());
        let good = forge::sign_encoded(&doors.ec, &format!("{header}.{encoded}"));
        doors.accept("the control", &good).await;
        let bad = forge::sign_encoded(&doors.ec, &format!("{header}.{sloppy}"));
        doors.refuse("stray bits in the claims", &bad, VerifyError::Malformed).await;
    }
    assert_eq!(seen, 2);
}

/// JOSE-1: at most 16 KiB, whatever the signature.
#[actix_web::test]
async fn a_long_token_is_refused() {
    let doors = Doors::open().await;
    let with_filler = |length: usize| doors.real.clone().claim("filler", "x".repeat(length)).sign();
    let base = with_filler(0).len();
    let longest = (16 * 1024 - base) * 3 / 4 - 3;
    let good = with_filler(longest);
    assert!((16 * 1024 - 8..=16 * 1024).contains(&good.len()), "{}", good.len());
    doors.accept("just below 16 KiB", &good).await;
    doors.refuse("just above", &with_filler(longest + 9), VerifyError::Malformed).await;
    doors.refuse("far above", &with_filler(30_000), VerifyError::Malformed).await;
}

/// JOSE-2
#[actix_web::test]
async fn the_algorithm_is_the_one_of_the_key() {
    let doors = Doors::open().await;
    let (ec, rsa) = (doors.ec.as_str(), doors.rsa.as_str());
    // Both keys are valid, each with its own algorithm.
    let by_rsa = doors.real.clone().header("alg", "RS256").header("kid", rsa).signed_by(rsa);
    doors.accept("RS256 with the RSA key", &by_rsa.sign()).await;
    for algorithm in [
        "none", "None", "NONE", "nOnE", "", "HS256", "HS384", "HS512", "RS256", "RS384", "RS512",
        "PS256", "ES384", "ES512", "ES256K", "EdDSA", "Ed25519", "es256", "ES256 ", " ES256",
        "ES-256", "dir", "RSA-OAEP",
    ] {
        let token = doors.real.clone().header("alg", algorithm).sign();
        doors.refuse(algorithm, &token, VerifyError::Algorithm).await;
        let (signed, _) = token.rsplit_once('.').unwrap();
        doors.refuse(algorithm, &format!("{signed}."), VerifyError::Algorithm).await;
    }
    for algorithm in ["ES256", "PS256", "RS384", "RS512", "HS256", "none"] {
        let token = by_rsa.clone().header("alg", algorithm).sign();
        doors.refuse(algorithm, &token, VerifyError::Algorithm).await;
    }
    for (what, token, why) in [
        (
            "the RSA key under the name of the other",
            doors.real.clone().signed_by(rsa),
            VerifyError::Signature,
        ),
        (
            "the EC key under the name of the other",
            by_rsa.clone().signed_by(ec),
            VerifyError::Signature,
        ),
        (
            "RS256 under the name of the EC key",
            doors.real.clone().header("alg", "RS256").signed_by(rsa),
            VerifyError::Algorithm,
        ),
        (
            "ES256 under the name of the RSA key",
            doors.real.clone().header("kid", rsa),
            VerifyError::Algorithm,
        ),
    ] {
        doors.refuse(what, &token.sign(), why).await;
    }
    for value in [json!(null), json!(1), json!(["ES256"]), json!({"ES256": 1})] {
        let token = doors.real.clone().header("alg", value).sign();
        doors.refuse("no name", &token, VerifyError::Algorithm).await;
    }
    doors
        .refuse("no alg", &doors.real.clone().without_header("alg").sign(), VerifyError::Algorithm)
        .await;
}

/// JOSE-2: the public key is not an HMAC secret in any form: JWK, PEM, DER, or its parts.
#[actix_web::test]
async fn the_public_key_is_no_secret() {
    let doors = Doors::open().await;
    for (number, kid, names) in [(0, &doors.ec, ["x", "y"].as_slice()), (1, &doors.rsa, &["n"])] {
        let key = &doors.jwks["keys"][number];
        let texts: Vec<_> = names.iter().map(|name| key[*name].as_str().unwrap()).collect();
        let bytes: Vec<_> = texts.iter().map(|text| decode(text)).collect();
        let pem = forge::public_pem(kid);
        let mut secrets = vec![
            Vec::new(),
            key.to_string().into_bytes(),
            doors.jwks.to_string().into_bytes(),
            forge::pem_contents(&pem),
            pem.trim_end().as_bytes().to_vec(),
            pem.into_bytes(),
            [vec![4], bytes.concat()].concat(),
        ];
        secrets.extend(texts.iter().map(|text| text.as_bytes().to_vec()));
        secrets.extend(bytes);
        for secret in secrets {
            for (name, algorithm) in [("HS256", hmac::HMAC_SHA256), ("HS512", hmac::HMAC_SHA512)] {
                let signed =
                    doors.real.clone().header("alg", name).header("kid", kid.as_str()).signed();
                let tag = hmac::sign(&hmac::Key::new(algorithm, &secret), signed.as_bytes());
                let token = format!("{signed}.{}", encode(tag));
                doors.refuse(name, &token, VerifyError::Algorithm).await;
            }
        }
    }
}

/// JOSE-3
#[actix_web::test]
async fn nothing_critical_is_understood() {
    let doors = Doors::open().await;
    for value in [
        json!([]),
        json!(["exp"]),
        json!(["b64"]),
        json!(["typ"]),
        json!(["http://example.com/unknown"]),
        json!("exp"),
        json!(""),
        json!(null),
        json!(false),
        json!({}),
        json!([1]),
    ] {
        let token = doors
            .real
            .clone()
            .header("crit", value.clone())
            .header("exp", 1)
            .header("b64", true)
            .sign();
        doors.refuse(&format!("crit {value}"), &token, VerifyError::Header).await;
    }
}

/// JOSE-4
#[actix_web::test]
async fn a_member_that_stands_twice_is_refused() {
    let doors = Doors::open().await;
    let double = |text: &mut String, member: &str, value: &str, first: bool| {
        let addition = format!("\"{member}\":{value}");
        if first {
            text.insert_str(1, &(addition + ","));
        } else {
            text.insert_str(text.len() - 1, &format!(",{addition}"));
        }
    };
    for first in [true, false] {
        for (member, value) in [
            ("alg", "\"ES256\""),
            ("alg", "\"none\""),
            ("typ", "\"at+jwt\""),
            ("kid", "\"other\""),
            ("\\u0061lg", "\"ES256\""),
        ] {
            let token = doors.real.sign_texts(|header, _| double(header, member, value, first));
            doors
                .refuse(&format!("{member} twice in the header"), &token, VerifyError::Malformed)
                .await;
        }
        for (member, value) in [
            ("iss", "\"https://auth.example.com\""),
            ("sub", "\"other\""),
            ("client_id", "\"other\""),
            ("aud", "\"https://auth.example.com\""),
            ("exp", "99999999999"),
            ("scope", "\"admin\""),
            ("jti", "\"x\""),
            ("\\u0073cope", "\"admin\""),
        ] {
            let token = doors.real.sign_texts(|_, claims| double(claims, member, value, first));
            doors
                .refuse(&format!("{member} twice in the claims"), &token, VerifyError::Malformed)
                .await;
        }
    }
    let nested = doors
        .real
        .sign_texts(|_, claims| double(claims, "act", "{\"sub\":\"a\",\"sub\":\"b\"}", false));
    doors.refuse("twice in a nested object", &nested, VerifyError::Malformed).await;
    let other = doors.real.sign_texts(|_, claims| double(claims, "act", "{\"sub\":\"a\"}", false));
    doors.accept("an unknown claim", &other).await;
}

/// JOSE-5
#[actix_web::test]
async fn a_key_in_the_header_is_never_used() {
    let doors = Doors::open().await;
    let own = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let point = own.public_key().as_ref();
    let jwk = json!({ "kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..]), "alg": "ES256" });
    let by_own_key = |header: &Forgery| {
        let signed = header.signed();
        let signature = own.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", encode(signature))
    };
    for (member, value) in [
        ("jwk", jwk),
        ("jwk", doors.jwks["keys"][0].clone()),
        ("jku", json!(format!("{}/.well-known/jwks.json", doors.app.url))),
        ("jku", json!("")),
        ("x5u", json!("https://attacker.example.com/cert")),
        ("x5c", json!(["MIIB"])),
        ("x5c", json!([])),
        ("jwk", json!(null)),
    ] {
        let forged = doors.real.clone().header(member, value);
        for token in [forged.sign(), by_own_key(&forged), by_own_key(&forged.header("kid", "own"))]
        {
            doors.refuse(member, &token, VerifyError::Header).await;
        }
    }
    doors.refuse("another key", &by_own_key(&doors.real), VerifyError::Signature).await;
}

/// JOSE-5: `kid` is looked up in memory, and nowhere else.
#[actix_web::test]
async fn only_a_known_kid_is_a_key() {
    let doors = Doors::open().await;
    for kid in [
        json!("unknown"),
        json!(""),
        json!("../../keys/master.key"),
        json!("' OR 1=1 --"),
        json!("https://attacker.example.com/jwks"),
        json!(doors.ec.to_lowercase()),
        json!(format!("{} ", doors.ec)),
        json!(&doors.ec[..42]),
        json!(0),
        json!(null),
        json!([doors.ec]),
    ] {
        let token = doors.real.clone().header("kid", kid.clone()).sign();
        doors.refuse(&kid.to_string(), &token, VerifyError::UnknownKey).await;
    }
    doors
        .refuse("no kid", &doors.real.clone().without_header("kid").sign(), VerifyError::UnknownKey)
        .await;
}

/// 9068-1
#[actix_web::test]
async fn only_access_tokens_are_access_tokens() {
    let doors = Doors::open().await;
    for typ in ["at+jwt", "application/at+jwt"] {
        doors.accept(typ, &doors.real.clone().header("typ", typ).sign()).await;
    }
    for typ in [
        json!("JWT"),
        json!("jwt"),
        json!("AT+JWT"),
        json!("At+Jwt"),
        json!("at+JWT"),
        json!("application/jwt"),
        json!("application/AT+JWT"),
        json!(" at+jwt"),
        json!("at+jwt;x=y"),
        json!("logout+jwt"),
        json!("token-introspection+jwt"),
        json!("dpop+jwt"),
        json!("client-authentication+jwt"),
        json!(""),
        json!(null),
        json!(["at+jwt"]),
        json!(1),
    ] {
        let token = doors.real.clone().header("typ", typ.clone()).sign();
        doors.refuse(&typ.to_string(), &token, VerifyError::Type).await;
    }
    doors
        .refuse("no typ", &doors.real.clone().without_header("typ").sign(), VerifyError::Type)
        .await;
    let nested =
        sign(&doors.ec, doors.real.clone().header("cty", "JWT").header_text(), &doors.token);
    doors.refuse("a token in a token", &nested, VerifyError::Malformed).await;
}

/// JOSE-1: each byte of a token counts.
#[actix_web::test]
async fn no_change_of_one_byte_is_accepted() {
    let doors = Doors::open().await;
    let bytes = doors.token.as_bytes();
    let mut runner = TestRunner::deterministic();
    let visible = 0x21_u8..0x7f;
    for position in 0..bytes.len() {
        let byte = visible.new_tree(&mut runner).unwrap().current();
        let mut changed = bytes.to_vec();
        changed[position] = if byte == bytes[position] { b'~' } else { byte };
        refused(&doors, changed).await;
    }
    let edits = (0..bytes.len(), prop_oneof![Just(None), visible.prop_map(Some)]);
    for _ in 0..256 {
        let (position, inserted) = edits.new_tree(&mut runner).unwrap().current();
        let mut changed = bytes.to_vec();
        match inserted {
            Some(byte) => changed.insert(position, byte),
            None => drop(changed.remove(position)),
        }
        refused(&doors, changed).await;
    }
    doors.accept("the token itself", &doors.token).await;
}

/// Every door rejects a token with a changed byte, whatever the result of the change.
async fn refused(doors: &Doors, changed: Vec<u8>) {
    let changed = String::from_utf8(changed).unwrap();
    doors.refuse_somehow("another byte", &changed).await;
}
