//! Signed answers (RFC 9701).

use std::sync::Arc;

use mintery::keys::pair::KeyPair;
use mintery::model::client::ClientUpdate;
use mintery::model::patch::Patch;
use mintery::model::signing_key::SigningAlgorithm;
use mintery_verifier::Verifier;
use mintery_verifier::keys::KeySet;
use serde_json::{Value, json};

use super::assert_inactive;
use crate::support::app::{ISSUER, TestApp, TestClient};
use crate::support::forge::{self, part};
use crate::support::introspection::JWT;

/// 9701-1
#[actix_web::test]
async fn a_signed_answer_is_for_the_client_that_asked() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let token = app.access_token(&client).await;
    let plain = app.introspect(&client, &token).await;
    let signed = app.introspect_signed(&client, &token).await;
    assert_eq!((signed.status, signed.header("content-type")), (200, JWT), "{signed:?}");
    assert_eq!((signed.header("cache-control"), signed.header("pragma")), ("no-store", "no-cache"));
    signed.assert_request_id("a signed answer");
    let header = part(&signed.body, 0);
    assert_eq!(
        (&header["typ"], &header["alg"]),
        (&json!("token-introspection+jwt"), &json!("RS256"))
    );
    assert_eq!(header.len(), 3, "{header:?}");
    let expected = |introspection: Value| json!({ "iss": ISSUER, "aud": client.id, "iat": app.now(), "token_introspection": introspection });
    assert_eq!(Value::Object(part(&signed.body, 1)), expected(plain.json()));
    // Verified with the published key.
    let (message, signature) = signed.body.rsplit_once('.').unwrap();
    let kid = header["kid"].as_str().unwrap();
    let jwks = app.get("/.well-known/jwks.json").await.json();
    assert!(jwks["keys"].as_array().unwrap().iter().any(|key| key["kid"] == kid), "{jwks}");
    // RSASSA-PKCS1-v1_5 has one signature for one message.
    assert_eq!(forge::decode(signature), forge::signature(kid, message.as_bytes()));

    let inactive = app.introspect_signed(&client, "garbage").await;
    assert_eq!((inactive.status, inactive.header("content-type")), (200, JWT));
    assert_eq!(Value::Object(part(&inactive.body, 1)), expected(json!({ "active": false })));
    let other = app.client("read").await;
    let of_other = app.introspect_signed(&other, &token).await;
    assert_eq!(part(&of_other.body, 1)["aud"], *other.id);
    assert_eq!(part(&of_other.body, 1)["token_introspection"], json!({ "active": false }));
    // Errors stay what they are.
    let wrong = TestClient { secret: "mts_wrong".to_owned(), ..client.clone() };
    let answer = app.introspect_signed(&wrong, &token).await;
    answer.assert_oauth_error(401, "invalid_client", "wrong");
}

/// 9701-1: a signed introspection response is not an access token.
#[actix_web::test]
async fn a_signed_answer_opens_nothing() {
    let app = TestApp::spawn().await;
    let client = app.client("mintery:introspect").await;
    let token = app.access_token(&client).await;
    let signed = app.introspect_signed(&client, &token).await.body;
    app.me(&signed).await.assert_invalid_token("a signed answer");
    assert_inactive(&app.introspect(&client, &signed).await, "a signed answer");
    let keys = KeySet::parse(app.get("/.well-known/jwks.json").await.body.as_bytes()).unwrap();
    let library = Verifier::with_keys(ISSUER, keys, Arc::clone(&app.clock) as _);
    assert!(library.check(&signed, &client.id).is_err());
    assert!(library.check(&token, ISSUER).is_ok());
}

/// 9701-1: signed with the registered algorithm. Registering it ensures that its key exists.
#[actix_web::test]
async fn a_client_chooses_what_its_answers_are_signed_with() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    app.caught_up().await;
    let token = app.access_token(&client).await;
    let choose = async |algorithm| {
        app.update(
            &client,
            ClientUpdate { introspection_alg: algorithm, ..ClientUpdate::default() },
        )
        .await;
        let signed = app.introspect_signed(&client, &token).await;
        assert_eq!(signed.header("content-type"), JWT, "{signed:?}");
        let kid = part(&signed.body, 0)["kid"].as_str().unwrap().to_owned();
        let jwks = app.get("/.well-known/jwks.json").await.json();
        assert!(jwks["keys"].as_array().unwrap().iter().any(|key| key["kid"] == *kid), "{jwks}");
        assert_eq!(
            part(&app.access_token(&client).await, 0)["alg"],
            "ES256",
            "tokens are as before"
        );
        (part(&signed.body, 0)["alg"].as_str().unwrap().to_owned(), kid)
    };
    for algorithm in [
        SigningAlgorithm::EdDsa,
        SigningAlgorithm::Es384,
        SigningAlgorithm::Ps256,
        SigningAlgorithm::Es256,
    ] {
        let (alg, kid) = choose(Patch::Set(algorithm)).await;
        assert_eq!(alg, algorithm.name());
        assert!(KeyPair::parse(algorithm, &forge::private(&kid)).is_ok());
    }
    assert_eq!(choose(Patch::Clear).await.0, "RS256");
    let metadata = app.get("/.well-known/oauth-authorization-server").await.json();
    let values = metadata["introspection_signing_alg_values_supported"].as_array().unwrap();
    assert_eq!((values.len(), &values[0]), (5, &json!("RS256")), "{values:?}");
}
