//! The fuzz targets, and the properties of accepted input. Each function takes any bytes and panics on
//! a fault: a panic of the code under test, two readings that differ, or accepted input that other
//! code, reading it anew, rejects.
//!
//! `make fuzz` drives them with libFuzzer; `tests/library/fuzz.rs` includes this file and drives
//! them for a moment in every test run. A new target is a function here, a file in `targets/` with
//! its `[[bin]]`, a folder in `seeds/`, and a line in `run.sh` and in that test.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mintery_verifier::clock::{ManualClock, Timestamp};
use mintery_verifier::keys::KeySet;
use mintery_verifier::{AccessToken, Verifier, VerifyError};
use serde_json::{Map, Value};

/// The issuer of the tokens, their API, and the time.
const ISSUER: &str = "https://auth.example.com";
const API: &str = "https://api.example.com";
const NOW: f64 = 1_800_000_000.0;
const SKEW: f64 = 10.0;

/// The secret that the fuzzer may sign with.
const SECRET: &[u8] = b"a secret for nothing but fuzzing";

/// The keys of RFC 7515 A.3 and A.2, and of RFC 8037 A.2.
const ES256_X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const ES256_Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
const RS256_N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
const EDDSA_X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

const GOOD_HEADER: &[u8] = br#"{"typ":"at+jwt","alg":"HS256","kid":"hs256"}"#;
const GOOD_CLAIMS: &[u8] = br#"{"iss":"https://auth.example.com","sub":"mc_a","client_id":"mc_a","aud":"https://api.example.com","iat":1800000000,"nbf":1800000000,"exp":1800003600,"jti":"an-id","scope":"read write"}"#;

fn verifier() -> &'static Verifier {
    static VERIFIER: OnceLock<Verifier> = OnceLock::new();
    VERIFIER.get_or_init(|| {
        let jwks = serde_json::json!({ "keys": [
            { "kid": "es256", "kty": "EC", "crv": "P-256", "x": ES256_X, "y": ES256_Y },
            { "kid": "rs256", "kty": "RSA", "n": RS256_N, "e": "AQAB" },
            { "kid": "eddsa", "kty": "OKP", "crv": "Ed25519", "x": EDDSA_X },
        ] });
        let keys = KeySet::parse(jwks.to_string().as_bytes()).unwrap();
        let keys = keys.with_shared_key("hs256", SECRET).unwrap();
        Verifier::with_keys(
            ISSUER,
            keys,
            ManualClock::starting_at(Timestamp::from_millis(1_800_000_000_000)),
        )
    })
}

/// Any text as a token, of which the fuzzer has no key.
pub fn token(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input) {
        let _ = judge(text);
    }
}

/// A header and, from the second line on, claims, signed with a good key; either may be left out,
/// for a good one.
pub fn claims(input: &[u8]) {
    let _ = check_claims(input);
}

/// The result of the verifier for such a header and claims.
pub fn check_claims(input: &[u8]) -> Result<(), VerifyError> {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (header, rest) = input.split_at(end);
    let claims = rest.strip_prefix(b"\n").unwrap_or_default();
    let header = if header.is_empty() { GOOD_HEADER } else { header };
    let claims = if claims.is_empty() { GOOD_CLAIMS } else { claims };
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), signed.as_bytes());
    judge(&format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag)))
}

/// Checks a token twice, because valid ones are cached; an accepted token is read again by other
/// code.
pub fn judge(token: &str) -> Result<(), VerifyError> {
    let first = verifier().check(token, API);
    assert_eq!(first, verifier().check(token, API), "the second answer differs");
    let granted = first?;
    assert!(token.len() <= 16 * 1024);
    reread(token, &granted);
    Ok(())
}

/// Reads the token by RFC 7515, RFC 7519 and RFC 9068, with other code than the verifier's. Of a
/// repeated member, this takes the last and the verifier the first.
fn reread(token: &str, granted: &AccessToken) {
    let parts: Vec<_> = token.split('.').collect();
    let [header, claims, signature] = parts.as_slice() else { panic!("{} parts", parts.len()) };
    let bytes = |part: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(part).unwrap();
        assert_eq!(URL_SAFE_NO_PAD.encode(&bytes), part, "written in another way than encoders do");
        bytes
    };
    let object = |part: &str| serde_json::from_slice::<Map<String, Value>>(&bytes(part)).unwrap();
    let header = object(header);
    for name in ["crit", "jku", "jwk", "x5u", "x5c"] {
        assert!(!header.contains_key(name), "{name}");
    }
    assert!(header["typ"] == "at+jwt" || header["typ"] == "application/at+jwt");
    let (signed, _) = token.rsplit_once('.').unwrap();
    let algorithm = (header["kid"].as_str().unwrap(), header["alg"].as_str().unwrap());
    assert!(is_signed(algorithm, signed.as_bytes(), &bytes(signature)), "{algorithm:?}");
    assert_eq!(granted.kid, header["kid"]);

    let claims = object(claims);
    assert_eq!(claims["iss"], ISSUER);
    for (name, value) in
        [("sub", &granted.subject), ("client_id", &granted.client_id), ("jti", &granted.jti)]
    {
        assert!(claims[name] == **value && !value.is_empty(), "{name}");
    }
    let audience = match &claims["aud"] {
        Value::Array(several) => several.clone(),
        one => vec![one.clone()],
    };
    assert!(audience.contains(&API.into()) && audience.iter().all(Value::is_string));
    let second = |name: &str| claims[name].as_f64().unwrap().trunc();
    assert!(second("exp") > NOW && second("iat") <= NOW + SKEW);
    assert!(!claims.contains_key("nbf") || second("nbf") <= NOW + SKEW);
    assert_eq!(granted.expires_at.as_secs().to_string(), second("exp").to_string());
    let scopes = claims.get("scope").map_or("", |scope| scope.as_str().unwrap());
    let scopes: BTreeSet<_> = scopes.split(' ').filter(|scope| !scope.is_empty()).collect();
    assert_eq!(granted.scopes.as_str(), scopes.into_iter().collect::<Vec<_>>().join(" "));
}

/// `true` if the signature is valid, with the matching key and algorithm.
fn is_signed(algorithm: (&str, &str), message: &[u8], signature: &[u8]) -> bool {
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    match algorithm {
        ("hs256", "HS256") => {
            hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), message, signature).is_ok()
        }
        ("eddsa", "EdDSA" | "Ed25519") => {
            UnparsedPublicKey::new(&ED25519, bytes(EDDSA_X)).verify(message, signature).is_ok()
        }
        ("es256", "ES256") => {
            let point = [vec![4], bytes(ES256_X), bytes(ES256_Y)].concat();
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                .verify(message, signature)
                .is_ok()
        }
        ("rs256", "RS256") => {
            let key = RsaPublicKeyComponents { n: bytes(RS256_N), e: vec![1, 0, 1] };
            key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
        }
        _ => false,
    }
}

/// Any bytes as a JWKS. Each accepted key is in the document, public, of an accepted size, and not
/// trivial.
pub fn key_set(input: &[u8]) {
    let Ok(set) = KeySet::parse(input) else { return };
    // Invalid Unicode, or a number out of range, may be in an ignored member.
    let Ok(document) = serde_json::from_slice::<Value>(input) else { return };
    let keys = document["keys"].as_array().unwrap();
    assert!(keys.len() <= 64 && set.ids().count() + set.left_out().len() <= keys.len());
    for kid in set.ids() {
        assert!((1..=256).contains(&kid.len()));
        let key = set.get(kid).unwrap();
        let is_private = |published: &Value| {
            let members = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
            // `null` counts as absent.
            members.iter().any(|name| !published[*name].is_null())
        };
        let fits = |published: &Value| {
            let is = |name: &str, value: &str| published[name] == value;
            match key.algorithm().name() {
                "ES256" => is("kty", "EC") && is("crv", "P-256"),
                "ES384" => is("kty", "EC") && is("crv", "P-384"),
                "EdDSA" => is("kty", "OKP") && is("crv", "Ed25519"),
                "RS256" | "PS256" => is("kty", "RSA") && modulus_bits(published) >= 2048,
                _ => false,
            }
        };
        let mut named = keys.iter().filter(|key| key["kid"] == kid);
        assert!(named.any(|key| fits(key) && !is_private(key)), "{kid}");
        for forged in
            [vec![], vec![0; 64], vec![0; 96], [vec![1], vec![0; 63]].concat(), vec![0; 256]]
        {
            assert!(
                signature::Verifier::verify(&**key, b"anything", &forged).is_err(),
                "{kid}: {forged:?}"
            );
        }
    }
}

fn modulus_bits(key: &Value) -> usize {
    let modulus = URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap();
    let digits: Vec<_> = modulus.into_iter().skip_while(|byte| *byte == 0).collect();
    digits.first().map_or(0, |first| digits.len() * 8 - first.leading_zeros() as usize)
}

/// A header and, from the second line on, the body of a request to the token endpoint.
pub fn form(input: &[u8]) {
    use mintery::oauth::authorization::Authorization;
    use mintery::oauth::client_auth::ClientCredential;
    use mintery::oauth::form::Form;

    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (header, rest) = input.split_at(end);
    let body = rest.strip_prefix(b"\n").unwrap_or_default();
    let Ok(mut form) = Form::parse(body) else { return };
    // Read anew, without any leniency.
    assert!(!body.iter().any(u8::is_ascii_control));
    let pairs: Vec<_> = body
        .split(|byte| *byte == b'&')
        .map(|pair| {
            let end = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            (decoded(&pair[..end]), decoded(pair.get(end + 1..).unwrap_or_default()))
        })
        .collect();
    for name in ["grant_type", "client_id", "client_secret", "scope", "resource", "a"] {
        let own = pairs.iter().filter(|(own, value)| own == name && !value.is_empty());
        let own: Vec<_> = own.map(|(_, value)| value.as_str()).collect();
        assert_eq!(form.all(name).collect::<Vec<_>>(), own, "{name}");
        assert!(own.len() <= 1 || name == "resource", "{name}");
        assert!(own.iter().all(|value| !value.contains('\0')));
    }
    let _ = ClientCredential::find(Authorization::Once(header), &mut form);
}

/// RFC 6749 Appendix B, for text whose every `%` is followed by two digits.
fn decoded(text: &[u8]) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next().unwrap()).to_digit(16).unwrap();
                u8::try_from(digit() * 16 + digit()).unwrap()
            }
            other => other,
        });
    }
    String::from_utf8(bytes).unwrap()
}
