//! Signing keys over HTTP.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::caller::Caller;

const KEYS: &str = "/api/v1/signing-keys";
const JWKS: &str = "/.well-known/jwks.json";

fn items(json: &Value) -> &Vec<Value> {
    json["items"].as_array().unwrap_or_else(|| panic!("{json}"))
}

/// The keys of an algorithm, with their states.
async fn states(caller: &Caller<'_>, algorithm: &str) -> Vec<(String, String)> {
    let keys = caller.get(KEYS).await.json();
    let of_algorithm = items(&keys).iter().filter(|key| key["alg"] == algorithm);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    of_algorithm.map(|key| (text(&key["kid"]), text(&key["state"]))).collect()
}

/// SEC-10: an act on a key is in force for the next request.
#[actix_web::test]
async fn signing_keys_are_listed_rotated_and_retired() {
    let app = TestApp::spawn().await;
    let caller =
        Caller::with(&app, "mintery:signing-keys:read mintery:signing-keys:write read").await;
    let first = states(&caller, "ES256").await;
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].1, "active");

    let answer = caller.post(&format!("{KEYS}/rotate"), json!({})).await;
    assert_eq!((answer.status, answer.text("state").as_str()), (200, "next"), "{answer:?}");
    let next = answer.text("kid");
    assert_eq!(answer.json()["signs_from"], app.now() + 86_400);
    assert!(app.get(JWKS).await.body.contains(&next), "it is published at once");
    let again = caller.post(&format!("{KEYS}/rotate"), json!({ "alg": "ES256" })).await;
    again.assert_problem(409, "err_conflict", "one waits already");
    let answer = caller.post(&format!("{KEYS}/rotate"), json!({ "now": true })).await;
    assert_eq!((answer.text("kid"), answer.text("state")), (next.clone(), "active".to_owned()));
    let token = app.access_token(&app.client("read").await).await;
    assert_eq!(crate::support::forge::part(&token, 0)["kid"], next.as_str());

    let shown = caller.get(&format!("{KEYS}/{next}")).await;
    assert_eq!((shown.status, shown.text("alg").as_str()), (200, "ES256"), "{shown:?}");
    assert!(shown.text("public_key").starts_with("-----BEGIN PUBLIC KEY-----"), "{shown:?}");
    assert!(!shown.body.contains("PRIVATE"), "{shown:?}");

    let answer = caller.post(&format!("{KEYS}/{}/retire", first[0].0), json!({})).await;
    assert_eq!((answer.status, answer.text("state").as_str()), (200, "gone"), "{answer:?}");
    assert!(!app.get(JWKS).await.body.contains(&first[0].0));
    // The token that it signed is revoked too.
    caller.get(KEYS).await.assert_invalid_token("signed by the key that was retired");
    let caller = Caller::with(&app, "mintery:signing-keys:read mintery:signing-keys:write").await;
    let shown = caller.get(&format!("{KEYS}/{}", first[0].0)).await.json();
    assert_eq!((&shown["state"], &shown["public_key"]), (&json!("gone"), &Value::Null));
    let answer = caller.post(&format!("{KEYS}/{}/retire", first[0].0), json!({})).await;
    answer.assert_problem(409, "err_conflict", "retired already");

    let made = caller.post(&format!("{KEYS}/rotate"), json!({ "alg": "EdDSA" })).await;
    assert_eq!((made.status, made.text("alg").as_str()), (200, "EdDSA"), "{made:?}");
    for (path, body) in [
        ("/rotate", json!({ "alg": "none" })),
        ("/rotate", json!({ "alg": "es256" })),
        ("/rotate", json!({ "private_key": "x" })),
        ("/rotate", json!([])),
    ] {
        let answer = caller.post(&format!("{KEYS}{path}"), body.clone()).await;
        answer.assert_problem(400, "err_invalid_request", &body.to_string());
    }
    for path in ["/unknown", "/%0D%0AX:y", "/..%2f", "/%C3%A9"] {
        caller.get(&format!("{KEYS}{path}")).await.assert_problem(404, "err_not_found", path);
        let answer = caller.post(&format!("{KEYS}{path}/retire"), json!({})).await;
        answer.assert_problem(404, "err_not_found", path);
    }
}

/// The secret of an HMAC algorithm stays inside the server.
#[actix_web::test]
async fn a_shared_key_is_not_shown() {
    let app = TestApp::with(&[("token.alg", "HS256")]).await;
    let client = app.client("mintery:signing-keys:read").await;
    let answer = app.token(&client).scope("mintery:signing-keys:read").send().await;
    // Verifiers of such tokens could sign them.
    answer.assert_oauth_error(400, "invalid_scope", "own scopes");
    let mut new =
        crate::support::app::new_client("mintery:signing-keys:read mintery:signing-keys:write");
    new.terms.token_alg = Some(mintery::model::signing_key::SigningAlgorithm::Es256);
    let client = app.create(new).await;
    let token =
        app.token(&client).scope("mintery:signing-keys:read").send().await.text("access_token");
    let keys = app.get_with(KEYS, &token).await.json();
    let secret = items(&keys).iter().find(|key| key["alg"] == "HS256").unwrap();
    let shown = app.get_with(&format!("{KEYS}/{}", secret["kid"].as_str().unwrap()), &token).await;
    assert_eq!(shown.json()["public_key"], Value::Null, "{shown:?}");
    let private = crate::support::forge::private(secret["kid"].as_str().unwrap());
    assert!(!private.is_empty());
    let text = URL_SAFE_NO_PAD.encode(&private);
    assert!(!shown.body.contains(&text) && !keys.to_string().contains(&text));
}

/// SEC-12
#[actix_web::test]
async fn signing_keys_need_their_scopes() {
    let app = TestApp::spawn().await;
    let reader = Caller::with(&app, "mintery:signing-keys:read").await;
    let kid = states(&reader, "ES256").await.remove(0).0;
    let others =
        "mintery:clients:read mintery:clients:write mintery:apis:write mintery:usage:read read";
    let other = Caller::with(&app, others).await;
    for (caller, method, path, needed) in [
        (&reader, Method::POST, format!("{KEYS}/rotate"), "mintery:signing-keys:write"),
        (&reader, Method::POST, format!("{KEYS}/{kid}/retire"), "mintery:signing-keys:write"),
        (&other, Method::GET, KEYS.to_owned(), "mintery:signing-keys:read"),
        (&other, Method::GET, format!("{KEYS}/{kid}"), "mintery:signing-keys:read"),
        (&other, Method::POST, format!("{KEYS}/rotate"), "mintery:signing-keys:write"),
    ] {
        let answer = caller.send(method.clone(), &path, None).await;
        answer.assert_problem(403, "err_no_permission", &path);
        assert!(answer.header("www-authenticate").contains(needed), "{path}: {answer:?}");
    }
    for (method, path, allowed) in [
        (Method::DELETE, KEYS.to_owned(), "GET, HEAD"),
        (Method::GET, format!("{KEYS}/rotate"), "POST"),
        (Method::DELETE, format!("{KEYS}/{kid}"), "GET, HEAD"),
    ] {
        let answer = other.send(method, &path, None).await;
        assert_eq!((answer.status, answer.header("allow")), (405, allowed), "{path}");
    }
    assert_eq!(states(&reader, "ES256").await, [(kid, "active".to_owned())]);
}
