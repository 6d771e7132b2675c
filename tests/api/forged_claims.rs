//! Claims that are not what RFC 9068 asks for, under a good signature of the server's own key. Each
//! is shown at every door, and the library says why it is refused.

use std::time::Duration;

use mintery_verifier::VerifyError;
use serde_json::{Value, json};

use crate::support::app::ISSUER;
use crate::support::doors::Doors;
use crate::support::forge::{encode, part, sign};

/// 9068-2
#[actix_web::test]
async fn every_claim_is_there_and_of_its_type() {
    let doors = Doors::open().await;
    let with = |claim: &str, value: &Value| doors.real.clone().claim(claim, value.clone()).sign();
    for claim in ["iss", "aud", "exp", "iat", "sub", "client_id", "jti"] {
        let without = doors.real.clone().without_claim(claim).sign();
        doors.refuse(&format!("no {claim}"), &without, VerifyError::Claim(claim)).await;
        for value in
            [json!(null), json!(true), json!({}), json!([]), json!([[]]), json!(""), json!([1])]
        {
            let why = match (claim, &value) {
                ("iss", Value::String(_)) => VerifyError::Issuer,
                ("aud", Value::String(_)) => VerifyError::Audience,
                _ => VerifyError::Claim(claim),
            };
            doors.refuse(&format!("{claim}: {value}"), &with(claim, &value), why).await;
        }
    }
    for claim in ["iss", "aud", "sub", "client_id", "jti"] {
        doors.refuse(claim, &with(claim, &json!(1)), VerifyError::Claim(claim)).await;
    }
    for claim in ["exp", "iat", "nbf"] {
        let text = json!(part(&doors.token, 1)[claim].to_string());
        doors.refuse(claim, &with(claim, &text), VerifyError::Claim(claim)).await;
    }
    for scope in [json!(["read"]), json!(1), json!(null), json!("a  b"), json!("\"")] {
        doors.refuse("scope", &with("scope", &scope), VerifyError::Claim("scope")).await;
    }
    for nbf in [json!("x"), json!(null), json!([])] {
        doors.refuse("nbf", &with("nbf", &nbf), VerifyError::Claim("nbf")).await;
    }
    doors.accept("no nbf", &doors.real.clone().without_claim("nbf").sign()).await;
    doors.accept("no scope", &doors.real.clone().without_claim("scope").sign()).await;
    for claims in ["", "null", "[]", "\"x\"", "1", "{", "{}", "{}{}", "\u{feff}{}"] {
        let why = if claims == "{}" { VerifyError::Claim("iss") } else { VerifyError::Malformed };
        doors.refuse(claims, &sign(&doors.ec, doors.real.header_text(), claims), why).await;
    }
    for header in ["", "null", "[]", "{", "{}", "{}{}"] {
        let why = if header == "{}" { VerifyError::Type } else { VerifyError::Malformed };
        doors.refuse(header, &sign(&doors.ec, header, doors.real.claims_text()), why).await;
    }
    let bytes =
        [b"{\"x\":\"\xff\",".as_slice(), &doors.real.claims_text().as_bytes()[1..]].concat();
    let token = sign(&doors.ec, doors.real.header_text(), bytes);
    doors.refuse("claims that are no UTF-8", &token, VerifyError::Malformed).await;
}

/// R21, 9449-7: a token that is bound to a key proves nothing without that key, and no proof is
/// checked yet.
#[actix_web::test]
async fn a_token_that_is_bound_to_a_key_is_no_bearer_token() {
    let doors = Doors::open().await;
    for cnf in [
        json!({ "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" }),
        json!({ "x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2" }),
        json!({}),
        json!(null),
        json!("x"),
    ] {
        let token = doors.real.clone().claim("cnf", cnf.clone()).sign();
        doors.refuse(&format!("cnf: {cnf}"), &token, VerifyError::Bound).await;
    }
}

/// 9068-2: a fraction is cut; the moment of `exp` is too late.
#[actix_web::test]
async fn times_are_numbers_in_range() {
    let doors = Doors::open().await;
    let now = doors.app.now();
    let exp = |value: Value| doors.real.clone().claim("exp", value).sign();
    #[expect(clippy::cast_precision_loss, reason = "a date of this century is exact")]
    let fraction = |secs: i64, fraction: f64| json!(secs as f64 + fraction);
    for (what, value) in [
        ("a second to go", json!(now + 1)),
        ("a fraction", fraction(now + 3600, 0.75)),
        ("a float", fraction(now + 3600, 0.0)),
    ] {
        doors.accept(what, &exp(value)).await;
    }
    for (what, value, why) in [
        ("now", json!(now), VerifyError::Expired),
        ("a fraction after now", fraction(now, 0.9), VerifyError::Expired),
        ("a second ago", json!(now - 1), VerifyError::Expired),
        ("zero", json!(0), VerifyError::Expired),
        ("negative", json!(-1), VerifyError::Claim("exp")),
        ("in milliseconds", json!(now * 1_000_000), VerifyError::Claim("exp")),
        ("huge", json!(1e300), VerifyError::Claim("exp")),
        ("the largest", json!(u64::MAX), VerifyError::Claim("exp")),
        ("the largest signed", json!(i64::MAX), VerifyError::Claim("exp")),
    ] {
        doors.refuse(what, &exp(value), why).await;
    }
    for text in ["1e400", "NaN", "Infinity", "0x7fffffff", "01767300000"] {
        let token = doors.real.clone().claim("exp", "EXP").sign_texts(|_, claims| {
            *claims = claims.replace("\"EXP\"", text);
        });
        doors.refuse(text, &token, VerifyError::Malformed).await;
    }
}

/// 9068-2: 10 seconds of skew, for what begins; none for what ends.
#[actix_web::test]
async fn clocks_may_differ_by_ten_seconds() {
    let doors = Doors::open().await;
    let now = doors.app.now();
    for claim in ["iat", "nbf"] {
        let at = |value: i64| doors.real.clone().claim(claim, value).sign();
        doors.accept(claim, &at(now + 10)).await;
        doors.refuse(claim, &at(now + 11), VerifyError::NotYetValid).await;
        doors.refuse(claim, &at(now + 100_000), VerifyError::NotYetValid).await;
        doors.accept(claim, &at(now - 100_000)).await;
    }
    let ahead = doors.real.clone().claim("nbf", now + 11).sign();
    doors.refuse("too early", &ahead, VerifyError::NotYetValid).await;
    doors.app.clock.advance(Duration::from_secs(1));
    doors.accept("a second later", &ahead).await;
}

/// 9068-4
#[actix_web::test]
async fn issuer_and_audience_are_mine() {
    let doors = Doors::open().await;
    let with = |claim: &str, value: &Value| doors.real.clone().claim(claim, value.clone()).sign();
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
        let why = if iss.is_string() { VerifyError::Issuer } else { VerifyError::Claim("iss") };
        doors.refuse(&format!("iss {iss}"), &with("iss", &iss), why).await;
    }
    // Of http and https URIs, an empty path and `/` are the same (RFC 3986 §6.2.3).
    for aud in [
        json!(ISSUER),
        json!([ISSUER]),
        json!(["https://api.example.com", ISSUER]),
        json!("https://auth.example.com/"),
    ] {
        doors.accept(&format!("aud {aud}"), &with("aud", &aud)).await;
    }
    for (aud, why) in [
        (json!("https://api.example.com"), VerifyError::Audience),
        (json!("https://auth.example.com//"), VerifyError::Audience),
        (json!("https://auth.example.com https://api.example.com"), VerifyError::Audience),
        (json!(["https://api.example.com"]), VerifyError::Audience),
        (json!([]), VerifyError::Claim("aud")),
        (json!([ISSUER, 1]), VerifyError::Claim("aud")),
        (json!([ISSUER, null]), VerifyError::Claim("aud")),
        (json!([[ISSUER]]), VerifyError::Claim("aud")),
        (json!({ ISSUER: true }), VerifyError::Claim("aud")),
    ] {
        doors.refuse(&format!("aud {aud}"), &with("aud", &aud), why).await;
    }
}

/// 9068-3: a token of Mintery's stands for the client that asked for it. An API can tell the two
/// apart, and another issuer may have tokens that stand for a person.
#[actix_web::test]
async fn the_subject_is_the_client() {
    let doors = Doors::open().await;
    let other = doors.app.client("read").await.id;
    for subject in [
        "somebody",
        other.as_str(),
        &doors.client.id.to_uppercase(),
        &format!("{} ", doors.client.id),
    ] {
        let token = doors.real.clone().claim("sub", subject).sign();
        doors.refuse_at_the_server_alone(subject, &token).await;
    }
}

/// 6750-3: a token of a client that there is not, and one whose id says nothing about what its
/// issuer knew.
#[actix_web::test]
async fn a_token_is_of_a_client_that_exists_and_was_issued_after_its_cut_off() {
    let doors = Doors::open().await;
    for client in ["mc_unknown", "x".repeat(300).as_str()] {
        let token = doors.real.clone().claim("client_id", client).claim("sub", client).sign();
        doors.refuse_at_the_server_alone(client, &token).await;
    }
    for jti in ["x", "AAAA", &"A".repeat(44), &encode([0; 32])] {
        let token = doors.real.clone().claim("jti", jti).sign();
        doors.refuse_at_the_server_alone(jti, &token).await;
    }
}
