//! The examples of the RFCs. None of them is an access token, so their signatures are checked with
//! the keys themselves.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mintery_verifier::keys::{KeySet, KeySetError, LeftOut, LeftOutReason};
use serde_json::{Value, json};
use signature::Verifier as _;

use crate::key::jwks;

/// The claims of RFC 7515 Appendix A.1 to A.3.
const CLAIMS: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

/// `true` if the key `kid` of `set` verifies the signature at the end of `token`, and rejects it
/// over any other text, and any other signature.
fn is_signed(set: &KeySet, kid: &str, token: &str) -> bool {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let key = set.get(kid).unwrap();
    for at in 0..signature.len() {
        let mut changed = signature.clone();
        changed[at] ^= 1;
        assert!(key.verify(signed.as_bytes(), &changed).is_err(), "{kid}: byte {at}");
    }
    assert!(key.verify(&signed.as_bytes()[1..], &signature).is_err());
    key.verify(signed.as_bytes(), &signature).is_ok()
}

fn set(key: Value) -> KeySet {
    KeySet::parse(jwks(&[key]).as_bytes()).unwrap()
}

/// 7517-1: RFC 7515 Appendix A.1.
#[test]
fn rfc_7515_hs256() {
    let secret =
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    let secret = URL_SAFE_NO_PAD.decode(secret).unwrap();
    let set = KeySet::default().with_shared_key("a1", &secret).unwrap();
    let token = format!(
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{CLAIMS}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    );
    assert!(is_signed(&set, "a1", &token));
}

/// 9068-5: RFC 7515 Appendix A.2.
#[test]
fn rfc_7515_rs256() {
    let set = set(
        json!({ "kid": "a2", "kty": "RSA", "e": "AQAB", "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ" }),
    );
    assert_eq!(set.get("a2").unwrap().algorithm().name(), "RS256");
    let token = format!(
        "eyJhbGciOiJSUzI1NiJ9.{CLAIMS}.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
    );
    assert!(is_signed(&set, "a2", &token));
}

/// JOSE-2: RFC 7515 Appendix A.3.
#[test]
fn rfc_7515_es256() {
    let set = set(json!({
        "kid": "a3", "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    }));
    let token = format!(
        "eyJhbGciOiJFUzI1NiJ9.{CLAIMS}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    );
    assert!(is_signed(&set, "a3", &token));
}

/// JOSE-2: RFC 8037 Appendix A.2 and A.5.
#[test]
fn rfc_8037_ed25519() {
    let set = set(json!({
        "kid": "a2", "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    }));
    assert!(is_signed(
        &set,
        "a2",
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
    ));
}

/// The keys of RFC 7517 Appendix A.1: one for encryption, one for RS256.
fn rfc_7517_public_keys() -> [Value; 2] {
    [
        json!({
            "kty": "EC", "crv": "P-256", "use": "enc", "kid": "1",
            "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
            "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        }),
        json!({
            "kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
            "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        }),
    ]
}

/// 7517-1: RFC 7517 Appendix A.1: a key that is not for signatures is left out.
#[test]
fn rfc_7517_public_keys_are_read() {
    let mut keys = rfc_7517_public_keys();
    let set = KeySet::parse(jwks(&keys).as_bytes()).unwrap();
    assert_eq!(set.ids().collect::<Vec<_>>(), ["2011-04-29"]);
    assert_eq!(set.get("2011-04-29").unwrap().algorithm().name(), "RS256");
    assert_eq!(
        set.left_out(),
        [LeftOut { kid: Some("1".to_owned()), reason: LeftOutReason::OtherUse }]
    );
    // Its point is valid nonetheless.
    keys[0].as_object_mut().unwrap().remove("use");
    assert_eq!(KeySet::parse(jwks(&keys).as_bytes()).unwrap().ids().count(), 2);
}

/// 7517-1: RFC 7517 Appendix A.2 and A.3: keys with private members, and secrets, are compromised.
#[test]
fn rfc_7517_private_keys_are_refused() {
    let [mut ec, mut rsa] = rfc_7517_public_keys();
    ec["d"] = json!("870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE");
    rsa["d"] = json!(
        "X4cTteJY_gn4FYPsXB8rdXix5vwsg1FLN5E3EaG6RJoVH-HLLKD9M7dx5oo7GURknchnrRweUkC7hT5fJLM0WbFAKNLWY2vv7B6NqXSzUvxT0_YSfqijwp3RTzlBaCxWp4doFk5N2o8Gy_nHNKroADIkJ46pRUohsXywbReAdYaMwFs9tv8d_cPVY3i07a3t8MN6TNwm0dSawm9v47UiCl3Sk5ZiG7xojPLu4sbg1U2jx4IBTNBznbJSzFHK66jT8bgkuqsk0GjskDJk19Z4qwjwbsnn4j2WBii3RL-Us2lGVkY8fkFzme1z0HbIkfz0Y6mqnOYtqc0X4jfcKoAC8Q"
    );
    let secrets = [
        json!({ "kty": "oct", "alg": "A128KW", "k": "GawgguFyGrWKav7AX4VKUg" }),
        json!({
            "kty": "oct", "kid": "HMAC key used in JWS spec Appendix A.1 example",
            "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
        }),
    ];
    for keys in [[ec, rsa], secrets] {
        match KeySet::parse(jwks(&keys).as_bytes()) {
            Err(KeySetError::NoUsableKey(left_out)) => {
                assert!(
                    left_out.iter().all(|key| key.reason == LeftOutReason::Private),
                    "{left_out:?}"
                );
            }
            other => panic!("{other:?}"),
        }
    }
}
