//! Tokens that were tampered with, or signed with the server's own keys and not what they should be.

use std::time::Duration;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::app::{ISSUER, TestApp, TestClient};
use crate::forge::{Forgery, decode, encode, part, sign};

struct Stage {
    app: TestApp,
    client: TestClient,
    token: String,
    real: Forgery,
    /// `kid` of the ES256 and of the RS256 key.
    ec: String,
    rsa: String,
    jwks: Value,
}

impl Stage {
    async fn set() -> Self {
        let app = TestApp::spawn().await;
        let client = app.client("read").await;
        let token = app.access_token(&client).await;
        let jwks = app.get("/.well-known/jwks.json").await.json();
        let kid = |number: usize| jwks["keys"][number]["kid"].as_str().unwrap().to_owned();
        let stage = Self { real: Forgery::of(&token), ec: kid(0), rsa: kid(1), app, client, token, jwks };
        // What is refused below is refused for what was changed, not because it was signed here.
        stage.assert_accepted("the control", &stage.real.sign()).await;
        stage
    }

    async fn assert_accepted(&self, what: &str, token: &str) {
        let answer = self.app.me(token).await;
        assert_eq!(answer.status, 200, "{what}: {answer:?}\n{token}");
        assert_eq!(answer.text("sub"), self.client.id);
    }

    async fn assert_refused(&self, what: &str, token: &str) {
        let answer = self.app.me(token).await;
        answer.assert_invalid_token(&format!("{what}\n{token}"));
        let check = self.app.get_with("/auth/check", token).await;
        check.assert_invalid_token(&format!("{what}\n{token}"));
    }
}

/// JOSE-1
#[actix_web::test]
async fn only_the_strict_compact_form_is_read() {
    let stage = Stage::set().await;
    let token = &stage.token;
    let parts: Vec<_> = token.split('.').collect();
    let [header, claims, signature] = parts.as_slice() else { panic!("{token}") };
    let base64 = |text: &str| text.replace('-', "+").replace('_', "/");
    let json = json!({ "protected": header, "payload": claims, "signature": signature }).to_string();
    let table = [
        ("two parts", format!("{header}.{claims}")),
        ("four parts", format!("{token}.{signature}")),
        ("five parts", format!("{token}.{signature}.{signature}")),
        ("an empty fourth part", format!("{token}.")),
        ("no signature", format!("{header}.{claims}.")),
        ("no header", format!(".{claims}.{signature}")),
        ("no claims", format!("{header}..{signature}")),
        ("padding", format!("{token}=")),
        ("two of padding", format!("{token}==")),
        ("padding inside", format!("{header}=.{claims}.{signature}")),
        ("a blank inside", format!("{header}. {claims}.{signature}")),
        ("a tab inside", format!("{header}.\t{claims}.{signature}")),
        ("a blank in the signature", token.replacen(&signature[..4], &format!("{} ", &signature[..4]), 1)),
        ("the JSON form", json),
        ("quoted", format!("\"{token}\"")),
        ("base64 alphabet in the signature", format!("{header}.{claims}.{}+", &base64(signature)[1..])),
        ("a percent sign", token.replacen('.', "%2E", 1)),
        ("upper case", token.to_uppercase()),
        ("reversed", token.chars().rev().collect()),
    ];
    for (what, token) in table {
        stage.assert_refused(what, &token).await;
    }
}

/// JOSE-1: the last character of a part carries bits that say nothing. Only one way to write them counts.
#[actix_web::test]
async fn bits_that_say_nothing_must_be_zero() {
    let stage = Stage::set().await;
    // 64 bytes of signature: two characters at the end of which the last has four bits to spare.
    let (start, last) = stage.token.split_at(stage.token.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for other in alphabet.chars().filter(|other| !last.starts_with(*other)) {
        stage.assert_refused("another last character", &format!("{start}{other}")).await;
    }
    // The same in the claims, signed as they stand: of three lengths of JSON two have bits to spare.
    let mut seen = 0;
    for filler in ["", "x", "xx"] {
        let claims = stage.real.clone().claim("filler", filler).claims_text();
        if claims.len() % 3 == 0 {
            continue;
        }
        seen += 1;
        let encoded = encode(&claims);
        let (start, last) = encoded.split_at(encoded.len() - 1);
        let position = alphabet.find(last).unwrap();
        let sloppy = format!("{start}{}", &alphabet[position + 1..position + 2]);
        let header = encode(stage.real.header_text());
        let good = crate::forge::sign_encoded(&stage.ec, &format!("{header}.{encoded}"));
        stage.assert_accepted("the control", &good).await;
        let bad = crate::forge::sign_encoded(&stage.ec, &format!("{header}.{sloppy}"));
        stage.assert_refused("stray bits in the claims", &bad).await;
    }
    assert_eq!(seen, 2);
}

/// JOSE-1: 16 KiB at most, whoever signed it.
#[actix_web::test]
async fn a_long_token_is_refused() {
    let stage = Stage::set().await;
    let with_filler = |length: usize| stage.real.clone().claim("filler", "x".repeat(length)).sign();
    let base = with_filler(0).len();
    let longest = (16 * 1024 - base) * 3 / 4 - 3;
    let good = with_filler(longest);
    assert!((16 * 1024 - 8..=16 * 1024).contains(&good.len()), "{}", good.len());
    stage.assert_accepted("just below 16 KiB", &good).await;
    stage.assert_refused("just above", &with_filler(longest + 9)).await;
    stage.assert_refused("far above", &with_filler(30_000)).await;
}

/// JOSE-2
#[actix_web::test]
async fn the_algorithm_is_the_one_of_the_key() {
    let stage = Stage::set().await;
    let (ec, rsa) = (stage.ec.as_str(), stage.rsa.as_str());
    // Both keys are good, each with its own algorithm.
    let by_rsa = stage.real.clone().header("alg", "RS256").header("kid", rsa).signed_by(rsa);
    stage.assert_accepted("RS256 with the RSA key", &by_rsa.sign()).await;
    for algorithm in [
        "none", "None", "NONE", "nOnE", "", "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256",
        "ES384", "ES512", "ES256K", "EdDSA", "Ed25519", "es256", "ES256 ", " ES256", "ES-256", "dir",
        "RSA-OAEP",
    ] {
        let token = stage.real.clone().header("alg", algorithm).sign();
        stage.assert_refused(algorithm, &token).await;
        let (signed, _) = token.rsplit_once('.').unwrap();
        stage.assert_refused(algorithm, &format!("{signed}.")).await;
    }
    for algorithm in ["ES256", "PS256", "RS384", "RS512", "HS256", "none"] {
        stage.assert_refused(algorithm, &by_rsa.clone().header("alg", algorithm).sign()).await;
    }
    for (what, token) in [
        ("the RSA key under the name of the other", stage.real.clone().signed_by(rsa)),
        ("the EC key under the name of the other", by_rsa.clone().signed_by(ec)),
        ("RS256 under the name of the EC key", stage.real.clone().header("alg", "RS256").signed_by(rsa)),
        ("ES256 under the name of the RSA key", stage.real.clone().header("kid", rsa)),
    ] {
        stage.assert_refused(what, &token.sign()).await;
    }
    for value in [json!(null), json!(1), json!(["ES256"]), json!({"ES256": 1})] {
        stage.assert_refused("no name", &stage.real.clone().header("alg", value).sign()).await;
    }
    stage.assert_refused("no alg", &stage.real.clone().without_header("alg").sign()).await;
}

/// JOSE-2: the public key is no secret of an HMAC, in whatever form.
#[actix_web::test]
async fn the_public_key_is_no_secret() {
    let stage = Stage::set().await;
    for (number, kid) in [(0, &stage.ec), (1, &stage.rsa)] {
        let key = &stage.jwks["keys"][number];
        let names: &[&str] = if number == 0 { &["x", "y"] } else { &["n"] };
        let mut secrets = vec![key.to_string().into_bytes(), stage.jwks.to_string().into_bytes(), Vec::new()];
        secrets.extend(names.iter().map(|name| decode(key[*name].as_str().unwrap())));
        secrets.extend(names.iter().map(|name| key[*name].as_str().unwrap().as_bytes().to_vec()));
        secrets.push(
            [
                &[4],
                names
                    .iter()
                    .flat_map(|name| decode(key[*name].as_str().unwrap()))
                    .collect::<Vec<_>>()
                    .as_slice(),
            ]
            .concat(),
        );
        for secret in secrets {
            for (name, algorithm) in [("HS256", hmac::HMAC_SHA256), ("HS512", hmac::HMAC_SHA512)] {
                let forged = stage.real.clone().header("alg", name).header("kid", kid.as_str());
                let signed = format!("{}.{}", encode(forged.header_text()), encode(forged.claims_text()));
                let tag = hmac::sign(&hmac::Key::new(algorithm, &secret), signed.as_bytes());
                stage.assert_refused(name, &format!("{signed}.{}", encode(tag))).await;
            }
        }
    }
}

/// JOSE-3
#[actix_web::test]
async fn nothing_critical_is_understood() {
    let stage = Stage::set().await;
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
        let token =
            stage.real.clone().header("crit", value.clone()).header("exp", 1).header("b64", true).sign();
        stage.assert_refused(&format!("crit {value}"), &token).await;
    }
}

/// JOSE-4
#[actix_web::test]
async fn a_member_that_stands_twice_is_refused() {
    let stage = Stage::set().await;
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
            let token = stage.real.sign_texts(|header, _| double(header, member, value, first));
            stage.assert_refused(&format!("{member} twice in the header"), &token).await;
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
            let token = stage.real.sign_texts(|_, claims| double(claims, member, value, first));
            stage.assert_refused(&format!("{member} twice in the claims"), &token).await;
        }
    }
    let nested =
        stage.real.sign_texts(|_, claims| double(claims, "act", "{\"sub\":\"a\",\"sub\":\"b\"}", false));
    stage.assert_refused("twice in a nested object", &nested).await;
    let other = stage.real.sign_texts(|_, claims| double(claims, "act", "{\"sub\":\"a\"}", false));
    stage.assert_accepted("an unknown claim", &other).await;
}

/// JOSE-5
#[actix_web::test]
async fn a_key_in_the_header_is_never_used() {
    let stage = Stage::set().await;
    let own = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let point = own.public_key().as_ref();
    let jwk = json!({ "kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..]), "alg": "ES256" });
    let by_own_key = |header: &Forgery| {
        let signed = format!("{}.{}", encode(header.header_text()), encode(header.claims_text()));
        let signature = own.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", encode(signature))
    };
    for (member, value) in [
        ("jwk", jwk),
        ("jwk", stage.jwks["keys"][0].clone()),
        ("jku", json!(format!("{}/.well-known/jwks.json", stage.app.url))),
        ("jku", json!("")),
        ("x5u", json!("https://attacker.example.com/cert")),
        ("x5c", json!(["MIIB"])),
        ("x5c", json!([])),
        ("jwk", json!(null)),
    ] {
        let forged = stage.real.clone().header(member, value);
        stage.assert_refused(member, &forged.sign()).await;
        stage.assert_refused(member, &by_own_key(&forged)).await;
        stage.assert_refused(member, &by_own_key(&forged.header("kid", "own"))).await;
    }
    stage.assert_refused("another key", &by_own_key(&stage.real)).await;
}

/// JOSE-5: `kid` is looked up in memory, and nowhere else.
#[actix_web::test]
async fn only_a_known_kid_is_a_key() {
    let stage = Stage::set().await;
    for kid in [
        json!("unknown"),
        json!(""),
        json!("../../keys/master.key"),
        json!("' OR 1=1 --"),
        json!("https://attacker.example.com/jwks"),
        json!(stage.ec.to_lowercase()),
        json!(format!("{} ", stage.ec)),
        json!(&stage.ec[..42]),
        json!(0),
        json!(null),
        json!([stage.ec]),
    ] {
        stage.assert_refused(&kid.to_string(), &stage.real.clone().header("kid", kid.clone()).sign()).await;
    }
    stage.assert_refused("no kid", &stage.real.clone().without_header("kid").sign()).await;
}

/// 9068-1
#[actix_web::test]
async fn only_access_tokens_are_access_tokens() {
    let stage = Stage::set().await;
    for typ in ["at+jwt", "application/at+jwt"] {
        stage.assert_accepted(typ, &stage.real.clone().header("typ", typ).sign()).await;
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
        stage.assert_refused(&typ.to_string(), &stage.real.clone().header("typ", typ.clone()).sign()).await;
    }
    stage.assert_refused("no typ", &stage.real.clone().without_header("typ").sign()).await;
    let nested = sign(&stage.ec, stage.real.clone().header("cty", "JWT").header_text(), &stage.token);
    stage.assert_refused("a token in a token", &nested).await;
}

/// 9068-2
#[actix_web::test]
async fn every_claim_is_there_and_of_its_type() {
    let stage = Stage::set().await;
    for claim in ["iss", "aud", "exp", "iat", "sub", "client_id", "jti"] {
        stage.assert_refused(&format!("no {claim}"), &stage.real.clone().without_claim(claim).sign()).await;
        let text = stage.real.clone().without_claim(claim);
        for value in [json!(null), json!(true), json!({}), json!([]), json!([[]]), json!(""), json!([1])] {
            let token = text.clone().claim(claim, value.clone()).sign();
            stage.assert_refused(&format!("{claim}: {value}"), &token).await;
        }
    }
    for claim in ["iss", "aud", "sub", "client_id", "jti"] {
        stage.assert_refused(claim, &stage.real.clone().claim(claim, 1).sign()).await;
    }
    for claim in ["exp", "iat", "nbf"] {
        let value = part(&stage.token, 1)[claim].to_string();
        stage.assert_refused(claim, &stage.real.clone().claim(claim, value).sign()).await;
    }
    for value in [json!(["read"]), json!(1), json!(null), json!("a  b"), json!("\"")] {
        stage.assert_refused("scope", &stage.real.clone().claim("scope", value).sign()).await;
    }
    for nbf in [json!("x"), json!(null), json!([])] {
        stage.assert_refused("nbf", &stage.real.clone().claim("nbf", nbf).sign()).await;
    }
    stage.assert_accepted("no nbf", &stage.real.clone().without_claim("nbf").sign()).await;
    stage.assert_accepted("no scope", &stage.real.clone().without_claim("scope").sign()).await;
    for claims in ["", "null", "[]", "\"x\"", "1", "{", "{}", "\u{feff}{}"] {
        stage.assert_refused(claims, &sign(&stage.ec, stage.real.header_text(), claims)).await;
    }
    for header in ["", "null", "[]", "{", "{}"] {
        stage.assert_refused(header, &sign(&stage.ec, header, stage.real.claims_text())).await;
    }
    let bytes = [b"{\"x\":\"\xff\",".as_slice(), &stage.real.claims_text().as_bytes()[1..]].concat();
    stage.assert_refused("claims that are no UTF-8", &sign(&stage.ec, stage.real.header_text(), bytes)).await;
}

/// 9068-2: a fraction is cut; the moment of `exp` is too late.
#[actix_web::test]
async fn times_are_numbers_in_range() {
    let stage = Stage::set().await;
    let now = stage.app.now();
    let exp = |value: Value| stage.real.clone().claim("exp", value).sign();
    #[expect(clippy::cast_precision_loss, reason = "a date of this century is exact")]
    let fraction = |secs: i64, fraction: f64| json!(secs as f64 + fraction);
    for (what, value) in [
        ("a second to go", json!(now + 1)),
        ("a fraction", fraction(now + 3600, 0.75)),
        ("a float", fraction(now + 3600, 0.0)),
    ] {
        stage.assert_accepted(what, &exp(value)).await;
    }
    for (what, value) in [
        ("now", json!(now)),
        ("a fraction after now", fraction(now, 0.9)),
        ("a second ago", json!(now - 1)),
        ("zero", json!(0)),
        ("negative", json!(-1)),
        ("in milliseconds", json!(now * 1_000_000)),
        ("huge", json!(1e300)),
        ("the largest", json!(u64::MAX)),
        ("the largest signed", json!(i64::MAX)),
    ] {
        stage.assert_refused(what, &exp(value)).await;
    }
    for text in ["1e400", "NaN", "Infinity", "0x7fffffff", "01767300000"] {
        let token = stage.real.clone().claim("exp", "EXP").sign_texts(|_, claims| {
            *claims = claims.replace("\"EXP\"", text);
        });
        stage.assert_refused(text, &token).await;
    }
}

/// 9068-2: 10 seconds of skew, for what begins; none for what ends.
#[actix_web::test]
async fn clocks_may_differ_by_ten_seconds() {
    let stage = Stage::set().await;
    let now = stage.app.now();
    for claim in ["iat", "nbf"] {
        let at = |value: i64| stage.real.clone().claim(claim, value).sign();
        stage.assert_accepted(claim, &at(now + 10)).await;
        stage.assert_refused(claim, &at(now + 11)).await;
        stage.assert_refused(claim, &at(now + 100_000)).await;
        stage.assert_accepted(claim, &at(now - 100_000)).await;
    }
    let ahead = stage.real.clone().claim("nbf", now + 11).sign();
    stage.assert_refused("too early", &ahead).await;
    stage.app.clock.advance(Duration::from_secs(1));
    stage.assert_accepted("a second later", &ahead).await;
}

/// 9068-4
#[actix_web::test]
async fn issuer_and_audience_are_mine() {
    let stage = Stage::set().await;
    let with = |claim: &str, value: &Value| stage.real.clone().claim(claim, value.clone()).sign();
    for iss in [
        json!("https://auth.example.com/"),
        json!("https://AUTH.example.com"),
        json!("https://auth.example.com:443"),
        json!("http://auth.example.com"),
        json!("https://auth.example.com.attacker.example"),
        json!("https://other.example.com"),
        json!("auth.example.com"),
        json!([ISSUER]),
        json!({ "iss": ISSUER }),
    ] {
        stage.assert_refused(&format!("iss {iss}"), &with("iss", &iss)).await;
    }
    for aud in [json!(ISSUER), json!([ISSUER]), json!(["https://api.example.com", ISSUER])] {
        stage.assert_accepted(&format!("aud {aud}"), &with("aud", &aud)).await;
    }
    for aud in [
        json!("https://api.example.com"),
        json!("https://auth.example.com/"),
        json!("https://auth.example.com https://api.example.com"),
        json!(["https://api.example.com"]),
        json!([]),
        json!([ISSUER, 1]),
        json!([ISSUER, null]),
        json!([[ISSUER]]),
        json!({ ISSUER: true }),
    ] {
        stage.assert_refused(&format!("aud {aud}"), &with("aud", &aud)).await;
    }
}

/// 6750-3: a token of a client that there is not, and one whose id says nothing about what its issuer knew.
#[actix_web::test]
async fn a_token_is_of_a_client_that_exists_and_was_issued_after_its_cut_off() {
    let stage = Stage::set().await;
    let unknown = stage.real.clone().claim("client_id", "mc_unknown").claim("sub", "mc_unknown").sign();
    stage.assert_refused("an unknown client", &unknown).await;
    let long = "x".repeat(300);
    let malformed = stage.real.clone().claim("client_id", long.as_str()).claim("sub", long.as_str()).sign();
    stage.assert_refused("an impossible client", &malformed).await;
    for jti in ["x", "AAAA", &"A".repeat(44), &encode([0; 32])] {
        stage.assert_refused(jti, &stage.real.clone().claim("jti", jti).sign()).await;
    }
}

/// JOSE-1: each byte of a token counts.
#[actix_web::test]
async fn no_change_of_one_byte_is_accepted() {
    let stage = Stage::set().await;
    let bytes = stage.token.as_bytes();
    let mut runner = TestRunner::deterministic();
    let visible = 0x21_u8..0x7f;
    for position in 0..bytes.len() {
        let byte = visible.new_tree(&mut runner).unwrap().current();
        let mut changed = bytes.to_vec();
        changed[position] = if byte == bytes[position] { b'~' } else { byte };
        refused(&stage, changed).await;
    }
    let edits = (0..bytes.len(), prop_oneof![Just(None), visible.prop_map(Some)]);
    for _ in 0..256 {
        let (position, inserted) = edits.new_tree(&mut runner).unwrap().current();
        let mut changed = bytes.to_vec();
        match inserted {
            Some(byte) => changed.insert(position, byte),
            None => drop(changed.remove(position)),
        }
        refused(&stage, changed).await;
    }
    stage.assert_accepted("the token itself", &stage.token).await;
}

async fn refused(stage: &Stage, changed: Vec<u8>) {
    let changed = String::from_utf8(changed).unwrap();
    let answer = stage.app.me(&changed).await;
    assert_eq!(answer.status, 401, "{changed}\n{}\n{answer:?}", stage.token);
}
