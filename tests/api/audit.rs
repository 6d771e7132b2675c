//! Signing keys and events over HTTP: what is done with the keys, and who changed what.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::caller::Caller;

const KEYS: &str = "/api/v1/signing-keys";
const EVENTS: &str = "/api/v1/events";
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

/// SEC-10: what was done with a key is in force for the next request.
#[actix_web::test]
async fn keys_are_listed_rotated_and_retired() {
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
    // With it the token that was signed with it.
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

/// A secret that tokens are signed with is shown to nobody.
#[actix_web::test]
async fn a_shared_key_is_not_shown() {
    let app = TestApp::with(&[("token.alg", "HS256")]).await;
    let client = app.client("mintery:signing-keys:read").await;
    let answer = app.token(&client).scope("mintery:signing-keys:read").send().await;
    // Whoever verifies such tokens could make them.
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
async fn keys_and_events_are_for_those_who_hold_the_scopes() {
    let app = TestApp::spawn().await;
    let reader = Caller::with(&app, "mintery:signing-keys:read").await;
    let kid = states(&reader, "ES256").await.remove(0).0;
    let others =
        "mintery:clients:read mintery:clients:write mintery:apis:write mintery:usage:read read";
    let other = Caller::with(&app, others).await;
    for (caller, method, path, needed) in [
        (&reader, Method::POST, format!("{KEYS}/rotate"), "mintery:signing-keys:write"),
        (&reader, Method::POST, format!("{KEYS}/{kid}/retire"), "mintery:signing-keys:write"),
        (&reader, Method::GET, EVENTS.to_owned(), "mintery:events:read"),
        (&other, Method::GET, KEYS.to_owned(), "mintery:signing-keys:read"),
        (&other, Method::GET, format!("{KEYS}/{kid}"), "mintery:signing-keys:read"),
        (&other, Method::POST, format!("{KEYS}/rotate"), "mintery:signing-keys:write"),
        (&other, Method::GET, EVENTS.to_owned(), "mintery:events:read"),
    ] {
        let answer = caller.send(method.clone(), &path, None).await;
        answer.assert_problem(403, "err_no_permission", &path);
        assert!(answer.header("www-authenticate").contains(needed), "{path}: {answer:?}");
    }
    for (method, path, allowed) in [
        (Method::DELETE, KEYS.to_owned(), "GET, HEAD"),
        (Method::GET, format!("{KEYS}/rotate"), "POST"),
        (Method::DELETE, format!("{KEYS}/{kid}"), "GET, HEAD"),
        (Method::POST, EVENTS.to_owned(), "GET, HEAD"),
    ] {
        let answer = other.send(method, &path, None).await;
        assert_eq!((answer.status, answer.header("allow")), (405, allowed), "{path}");
    }
    assert_eq!(states(&reader, "ES256").await, [(kid, "active".to_owned())]);
}

#[actix_web::test]
async fn events_are_read_in_pages() {
    let app = TestApp::spawn().await;
    let caller =
        Caller::with(&app, "mintery:events:read mintery:clients:write mintery:clients:read read")
            .await;
    app.clock.let_pass(Duration::from_secs(7));
    let made = caller.post("/api/v1/clients", json!({ "client_name": "x", "scope": "read" })).await;
    let id = made.text("client_id");
    caller.post(&format!("/api/v1/clients/{id}/disable"), json!({})).await;
    let numbers = async |query: &str| -> Vec<i64> {
        let page = caller.get(&format!("{EVENTS}?{query}")).await.json();
        items(&page).iter().map(|event| event["number"].as_i64().unwrap()).collect()
    };
    assert_eq!(numbers("").await, [1, 2, 3, 4]);
    assert_eq!(numbers("newest_first=true").await, [4, 3, 2, 1]);
    assert_eq!(numbers("after=2").await, [3, 4]);
    assert_eq!(numbers("newest_first=true&after=3").await, [2, 1]);
    assert_eq!(numbers(&format!("subject={id}")).await, [3, 4]);
    assert_eq!(numbers("kind=client.disabled").await, [4]);
    assert_eq!(numbers("kind=client").await, [2, 3, 4]);
    assert_eq!(numbers("kind=%25").await, [] as [i64; 0]);
    assert_eq!(numbers("actor=system").await, [1]);
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = caller.get(&format!("{EVENTS}?limit=1{after}")).await.json();
        seen.push(items(&page)[0]["number"].as_i64().unwrap());
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen, [1, 2, 3, 4]);
    let page = caller.get(&format!("{EVENTS}?after=2&limit=1")).await.json();
    let event = &items(&page)[0];
    assert_eq!(event["kind"], "client.created");
    assert_eq!(event["subject"], id.as_str());
    assert_eq!(event["at"], app.now());
    assert!(event["actor"].as_str().unwrap().starts_with("client:mc_"), "{event}");
    assert!(event["details"].is_object(), "{event}");
    let members: Vec<&String> = event.as_object().unwrap().keys().collect();
    assert_eq!(members, ["actor", "at", "details", "kind", "number", "subject"]);
    assert!(!page.to_string().contains(&made.text("client_secret")[4..20]));
    for bad in [
        "after=x",
        "after=-1",
        "limit=201",
        "name=x",
        "newest_first=1",
        "kind=a&kind=b",
        "kind=%0A",
    ] {
        let answer = caller.get(&format!("{EVENTS}?{bad}")).await;
        answer.assert_problem(400, "err_invalid_request", bad);
    }
}
