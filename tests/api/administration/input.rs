//! Invalid requests.

use reqwest::Method;
use serde_json::json;

use super::{APIS, path};
use crate::support::answer::Answer;
use crate::support::app::TestApp;
use crate::support::caller::{CLIENTS, Caller};

/// A request that creates a client, with any body.
async fn send(caller: &Caller<'_>, app: &TestApp, body: Vec<u8>, content_type: &str) -> Answer {
    let request = app.request(Method::POST, CLIENTS).bearer_auth(&caller.token);
    Answer::of(request.header("content-type", content_type).body(body)).await
}

/// The number of clients, the caller among them.
async fn count(caller: &Caller<'_>) -> usize {
    caller.get(CLIENTS).await.json()["items"].as_array().unwrap().len()
}

#[actix_web::test]
async fn an_invalid_new_client_is_refused() {
    let app = TestApp::spawn().await;
    let caller = Caller::admin(&app).await;
    for body in [
        json!({}),
        json!({ "client_name": "" }),
        json!({ "client_name": "a\u{1b}[31m" }),
        json!({ "client_name": 1 }),
        json!({ "client_name": "x", "scope": "a  b" }),
        json!({ "client_name": "x", "scope": ["read"] }),
        json!({ "client_name": "x", "scope": "read", "default_scope": "write" }),
        json!({ "client_name": "x", "access_token_ttl": 0 }),
        json!({ "client_name": "x", "access_token_ttl": 99_999_999 }),
        json!({ "client_name": "x", "access_token_ttl": -1 }),
        json!({ "client_name": "x", "access_token_signed_response_alg": "HS256" }),
        json!({ "client_name": "x", "access_token_signed_response_alg": "none" }),
        json!({ "client_name": "x", "introspection_signed_response_alg": "HS256" }),
        json!({ "client_name": "x", "introspection_signed_response_alg": "none" }),
        json!({ "client_name": "x", "stands_for": ["/relative"] }),
        json!({ "client_name": "x", "stands_for": ["https://unknown.example.com"] }),
        json!({ "client_name": "x", "stands_for": "https://unknown.example.com" }),
        json!({ "client_name": "x", "stands_for": vec!["urn:x"; 33] }),
        json!({ "client_name": "x", "grant_types": ["password"] }),
        json!({ "client_name": "x", "resources": ["/relative"] }),
        json!({ "client_name": "x", "client_id": " x" }),
        json!({ "client_name": "x", "client_secret": "chosen" }),
        json!({ "client_name": "x", "unknown": true }),
        json!({ "client_name": "x".repeat(5000) }),
        json!({ "client_name": "x", "resources": ["https://unknown.example.com"] }),
        json!(["client_name"]),
    ] {
        let answer = caller.post(CLIENTS, body.clone()).await;
        answer.assert_problem(400, "err_invalid_request", &body.to_string());
    }
    // A secret that is never valid, or implausibly long.
    for life in [0, 10_000_000_000, 9_223_372_036_854_775, u64::MAX] {
        let body = json!({ "client_name": "x", "secret_expires_in": life });
        assert_eq!(caller.post(CLIENTS, body).await.status, 400, "{life}");
    }
    let answer = caller.send(Method::PUT, CLIENTS, None).await;
    assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD, POST"), "{answer:?}");
    assert_eq!(count(&caller).await, 1, "a refused request creates no client");
}

#[actix_web::test]
async fn a_body_is_one_json_object() {
    let app = TestApp::spawn().await;
    let caller = Caller::admin(&app).await;
    for (body, content_type) in [
        (b"{".to_vec(), "application/json"),
        (b"{\"client_name\":\"\xff\"}".to_vec(), "application/json"),
        (b"client_name=x".to_vec(), "application/x-www-form-urlencoded"),
        (b"{\"client_name\":\"x\"}".to_vec(), "text/plain"),
        (b"{\"client_name\":\"x\",\"client_name\":\"y\"}".to_vec(), "application/json"),
        (
            b"[\"arr\",\"from array\",\"read\",null,null,null,null,null,null]".to_vec(),
            "application/json",
        ),
    ] {
        let answer = send(&caller, &app, body.clone(), content_type).await;
        assert_eq!(answer.status, 400, "{}", body.escape_ascii());
    }
    for path in [CLIENTS, APIS, "/api/v1/clients/known/secrets"] {
        let request = app.request(Method::POST, path).bearer_auth(&caller.token);
        let request = request.header("content-type", "application/json").body("[]");
        let answer = Answer::of(request).await;
        answer.assert_problem(400, "err_invalid_request", path);
        assert!(answer.body.contains("a JSON object"), "{path}: {answer:?}");
    }
    let long = send(&caller, &app, vec![b' '; 70_000], "application/json").await;
    assert_eq!(long.status, 413, "{long:?}");
    assert_eq!(count(&caller).await, 1, "a refused request creates no client");
}

/// SEC-5: a value of the wrong type may be a secret in the wrong place.
#[actix_web::test]
async fn a_value_of_the_wrong_type_is_not_repeated() {
    let app = TestApp::spawn().await;
    let caller = Caller::admin(&app).await;
    for body in [
        r#"{"secret_expires_in":"MARKER"}"#,
        r#"{"client_name":"x","resources":"MARKER"}"#,
        r#""MARKER""#,
    ] {
        let answer = send(&caller, &app, body.into(), "application/json").await;
        answer.assert_problem(400, "err_invalid_request", body);
        answer.assert_no_echo("MARKER", body);
    }
}

#[actix_web::test]
async fn an_invalid_update_is_refused() {
    let app = TestApp::spawn().await;
    let caller = Caller::admin(&app).await;
    let known = caller.create(json!({ "client_name": "x", "client_id": "known" })).await;
    let again = caller.post(CLIENTS, json!({ "client_name": "x", "client_id": "known" })).await;
    again.assert_problem(409, "err_conflict", "an id that exists");
    for bad in [
        json!({ "client_id": "other" }),
        json!({ "secret_expires_in": 1 }),
        json!({ "client_name": null, "scope": 1 }),
    ] {
        assert_eq!(caller.patch(&path(&known, ""), bad.clone()).await.status, 400, "{bad}");
    }
    let named = caller.get(&format!("{CLIENTS}?name=tester")).await.json();
    assert_eq!(named["items"].as_array().unwrap().len(), 1, "{named}");
    assert_eq!(count(&caller).await, 2, "the caller and the new client");
}
