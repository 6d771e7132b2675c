//! The contents of tokens, and the published keys to verify them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use mintery::model::claims::TokenId;
use serde_json::{Map, Value};

use crate::support::answer::Answer;
use crate::support::app::{ISSUER, TestApp, within_a_second};
use crate::support::database::TestDatabase;
use crate::support::forge::{decode, encode, part};

async fn published_keys(app: &TestApp) -> Vec<Map<String, Value>> {
    let jwks = app.get("/.well-known/jwks.json").await;
    assert_eq!(jwks.status, 200);
    let keys = jwks.json()["keys"].clone();
    serde_json::from_value(keys).unwrap()
}

/// Checks a signature with a published key and nothing of the server's code.
fn signature_is_good(key: &Map<String, Value>, token: &str) -> bool {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let member = |name: &str| decode(key[name].as_str().unwrap());
    match key["alg"].as_str().unwrap() {
        "ES256" => {
            let point = [vec![4], member("x"), member("y")].concat();
            let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
            key.verify(signed.as_bytes(), &decode(signature)).is_ok()
        }
        "RS256" => {
            let key = RsaPublicKeyComponents { n: member("n"), e: member("e") };
            key.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &decode(signature)).is_ok()
        }
        other => panic!("{other}"),
    }
}

/// RFC 7638 §3, from the published members alone.
fn thumbprint(key: &Map<String, Value>) -> String {
    let required: &[&str] = match key["kty"].as_str().unwrap() {
        "EC" => &["crv", "kty", "x", "y"],
        "RSA" => &["e", "kty", "n"],
        other => panic!("{other}"),
    };
    let members: BTreeMap<_, _> = required.iter().map(|name| (*name, key[*name].clone())).collect();
    encode(digest(&SHA256, serde_json::to_string(&members).unwrap().as_bytes()))
}

/// 9068-1, 9068-2, 9068-3, 9068-4
#[actix_web::test]
async fn a_token_is_what_rfc_9068_says() {
    let app = TestApp::spawn().await;
    let client = app.client("read write").await;
    let answer = app.token(&client).scope("write").send().await;
    let token = answer.text("access_token");

    let header = part(&token, 0);
    assert_eq!(header["typ"], "at+jwt");
    assert_eq!(header["alg"], "ES256");
    assert_eq!(header.len(), 3, "{header:?}");

    let claims = part(&token, 1);
    let now = app.now();
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(claims["sub"], *client.id);
    assert_eq!(claims["client_id"], *client.id);
    assert_eq!(claims["aud"], ISSUER);
    assert_eq!(claims["iat"], now);
    assert_eq!(claims["nbf"], now);
    assert_eq!(claims["exp"], now + 3600);
    assert_eq!(claims["scope"], "write");
    assert_eq!(claims.len(), 9, "{claims:?}");
}

/// 9068-2: the id of a token names the last known event and the requesting credential.
#[actix_web::test]
async fn the_id_of_a_token_has_the_form_that_cut_offs_need() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let id = async || {
        let jti = part(&app.access_token(&client).await, 1)["jti"].clone();
        TokenId::decode(jti.as_str().unwrap()).unwrap()
    };
    let (first, second) = (id().await, id().await);
    // The event of the keys, then that of the client.
    assert_eq!(first.event, 2);
    assert_eq!(first.credential, TokenId::credential_digest(&client.secret_id));
    assert_eq!((second.event, second.credential), (first.event, first.credential));
    assert_ne!(first.nonce, second.nonce);

    app.client("").await;
    let caught_up = async || Answer {
        status: if id().await.event == 3 { 200 } else { 503 },
        headers: reqwest::header::HeaderMap::new(),
        body: String::new(),
    };
    within_a_second(200, caught_up).await;
}

/// 9068-5, 7517-2
#[actix_web::test]
async fn tokens_are_signed_with_the_algorithm_of_the_settings() {
    for (setting, algorithm) in
        [(None, "ES256"), (Some("ES256"), "ES256"), (Some("RS256"), "RS256")]
    {
        let settings: Vec<_> = setting.map(|setting| ("token.alg", setting)).into_iter().collect();
        let app = TestApp::with(&settings).await;
        let client = app.client("read").await;
        let token = app.access_token(&client).await;
        let header = part(&token, 0);
        assert_eq!(header["alg"], algorithm);
        let keys = published_keys(&app).await;
        // Both kinds are there from the first start, and the one that signs stands first.
        assert_eq!(keys.len(), 2);
        assert_eq!(keys[0]["kid"], header["kid"]);
        assert_eq!(keys[0]["alg"], algorithm);
        assert!(signature_is_good(&keys[0], &token));
        let another = app.access_token(&client).await;
        let spliced = format!(
            "{}.{}",
            token.rsplit_once('.').unwrap().0,
            another.rsplit_once('.').unwrap().1
        );
        assert!(!signature_is_good(&keys[0], &spliced));
        assert_eq!(app.me(&token).await.status, 200);
    }
}

/// 7517-1
#[actix_web::test]
async fn published_keys_are_public_and_named_by_their_thumbprint() {
    let app = TestApp::spawn().await;
    let keys = published_keys(&app).await;
    let mut kinds = Vec::new();
    for key in &keys {
        let names: Vec<_> = key.keys().map(String::as_str).collect();
        let allowed = match key["kty"].as_str().unwrap() {
            "EC" => ["alg", "crv", "kid", "kty", "use", "x", "y"].as_slice(),
            "RSA" => &["alg", "e", "kid", "kty", "n", "use"],
            other => panic!("{other}"),
        };
        assert_eq!(names, allowed);
        assert_eq!(key["use"], "sig");
        assert_eq!(key["kid"], thumbprint(key));
        kinds.push(key["alg"].as_str().unwrap());
        if key["kty"] == "RSA" {
            assert_eq!(decode(key["n"].as_str().unwrap()).len(), 256);
        }
    }
    assert_eq!(kinds, ["ES256", "RS256"]);
}

/// 7517-1: the caching time of the keys is a setting.
#[actix_web::test]
async fn published_keys_may_be_kept_for_a_while() {
    for (settings, expected) in
        [(vec![], "max-age=3600"), (vec![("jwks.max_age", "60")], "max-age=60")]
    {
        let app = TestApp::with(&settings).await;
        let jwks = app.get("/.well-known/jwks.json").await;
        let directives: Vec<_> = jwks.header("cache-control").split(", ").collect();
        assert!(directives.contains(&expected), "{jwks:?}");
        assert!(jwks.header("content-type").starts_with("application/"), "{jwks:?}");
        assert!(jwks.header("content-type").contains("json"), "{jwks:?}");
    }
}

/// 7517-1: keys survive a restart, so that tokens do.
#[actix_web::test]
async fn a_token_outlives_a_restart() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let token = app.access_token(&client).await;
    let database = Arc::clone(&app.database);
    app.stop().await;
    let again = within_the_lock(&database).await;
    assert_eq!(again.me(&token).await.status, 200);
    again.token(&client).send().await.assert_token("after the restart");
}

/// The lock on an SQLite file is released a moment after the last response.
async fn within_the_lock(database: &Arc<TestDatabase>) -> TestApp {
    for _ in 0..200 {
        match TestApp::on(Arc::clone(database), &[]).await {
            Ok(app) => return app,
            Err(_) => actix_web::rt::time::sleep(Duration::from_millis(5)).await,
        }
    }
    panic!("the file stays locked")
}
