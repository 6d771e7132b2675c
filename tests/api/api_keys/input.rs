//! Invalid keys and invalid requests.

use std::time::Duration;

use mintery::admin::api_key::{self, NewApiKey};
use mintery::model::address::AddressRanges;
use mintery::model::api_key::{Environment, KeyFormat};
use mintery::model::patch::Patch;
use mintery::random::SystemRandom;
use reqwest::Method;
use serde_json::{Value, json};

use super::{MANAGER, create, manager};
use crate::support::answer::Answer;
use crate::support::api_key::{KEYS, ME, owned_by};
use crate::support::app::{TestApp, TestClient};

/// SEC-4: every invalid key gets the same response.
#[actix_web::test]
async fn an_invalid_key_is_refused() {
    let app = TestApp::spawn().await;
    let owner = app.client("read").await;
    let key = app.key(owned_by(&owner)).await.key;
    let token = app.access_token(&owner).await;
    let unknown = KeyFormat::default().generate(Environment::Live, &SystemRandom);
    let other_prefix = KeyFormat::new("acme").unwrap().generate(Environment::Live, &SystemRandom);
    let last = if key.ends_with('0') { "1" } else { "0" };
    let mut refusals = Vec::new();
    for (what, wrong) in [
        ("a wrong checksum", format!("{}{last}", &key[..key.len() - 1])),
        (
            "a changed digit",
            key.replacen(&key[12..14], if &key[12..14] == "00" { "11" } else { "00" }, 1),
        ),
        ("another environment", key.replace("_live_", "_test_")),
        ("one that was never made", unknown.expose().to_owned()),
        ("another prefix", other_prefix.expose().to_owned()),
        ("upper case", key.to_uppercase()),
        ("half of it", key[..30].to_owned()),
        ("twice in a row", format!("{key}{key}")),
        ("nothing but the prefix", "mtk_live_".to_owned()),
        ("its end", key[9..].to_owned()),
        ("quoted", format!("\"{key}\"")),
        ("two in one header", format!("{key}, {key}")),
        ("10 kB", format!("mtk_live_{}", "a".repeat(10_240))),
        ("10 kB of nothing known", "a".repeat(10_240)),
        ("a client secret", owner.secret.clone()),
        ("a client id", owner.id.clone()),
    ] {
        app.refuses_key(&wrong, what).await;
        refusals
            .push((what, Answer::of(app.as_header(Method::GET, ME, &wrong)).await.fingerprint()));
    }
    for (what, refusal) in &refusals {
        assert_eq!(*refusal, refusals[0].1, "{what}");
    }
    // A token is not accepted as a key, nor a key as a token or secret.
    for path in [ME, "/auth/check"] {
        Answer::of(app.as_header(Method::GET, path, &token))
            .await
            .assert_invalid_token("a token as a key");
    }
    let watcher = app.client("mintery:introspect").await;
    assert_eq!(app.introspect(&watcher, &key).await.body, r#"{"active":false}"#);
    let as_secret = TestClient { secret: key.clone(), ..owner.clone() };
    app.token(&as_secret).send().await.assert_oauth_error(
        401,
        "invalid_client",
        "a key as a secret",
    );
    let not_text = app.request(Method::GET, ME).header("X-API-Key", b"mtk_live_\xff".as_slice());
    Answer::of(not_text).await.assert_invalid_token("no text");
    app.accepts_key(&key, "the control").await;
}

/// 6750-2, 6750-5
#[actix_web::test]
async fn a_request_has_one_credential_and_none_in_its_uri() {
    let app = TestApp::spawn().await;
    let owner = app.client("read").await;
    let (one, other) = (app.key(owned_by(&owner)).await.key, app.key(owned_by(&owner)).await.key);
    let token = app.access_token(&owner).await;
    let get = |path: &str| app.request(Method::GET, path);
    for (what, request) in [
        ("a key and a token", get(ME).bearer_auth(&token).header("X-API-Key", &one)),
        ("two keys", get(ME).bearer_auth(&other).header("X-API-Key", &one)),
        ("two keys in two headers", get(ME).header("X-API-Key", &one).header("X-API-Key", &other)),
        (
            "a key and Basic",
            get(ME).header("authorization", owner.basic()).header("X-API-Key", &one),
        ),
        (
            "a key and a token in the query",
            get("/api/v1/users/me?access_token=x").header("X-API-Key", &one),
        ),
        ("a key in the query", get(&format!("{ME}?api_key={one}"))),
        ("a key in the query by any name", get(&format!("{ME}?x={one}"))),
        ("a key in the query, encoded", get(&format!("{ME}?x=%6dtk_live_0"))),
        ("a key in the query by no name", get(&format!("{ME}?{one}"))),
        ("a key in the query after something else", get(&format!("{ME}?x=Bearer%20{one}"))),
        ("a key in the query after a semicolon", get(&format!("{ME}?x=y;z={one}"))),
        ("the name of the header in the query", get(&format!("{ME}?X-Api-Key=x"))),
        ("a token, and a key in the query", get(&format!("{ME}?apikey={one}")).bearer_auth(&token)),
        (
            "a key, and another in the query",
            get(&format!("{ME}?x={other}")).header("X-API-Key", &one),
        ),
    ] {
        let answer = Answer::of(request).await;
        answer.assert_problem(400, "err_invalid_request", what);
        answer.assert_no_echo(&one, what);
    }
    // nginx turns 400 into 500.
    let both = get("/auth/check").bearer_auth(&token).header("X-API-Key", &one);
    let both = Answer::of(both).await;
    both.assert_invalid_token("two credentials at a check");
    // A valid key needs no further checks.
    assert_eq!(both.text("message"), "The request has two credentials; send one");
    get_is_401(&app, &format!("/auth/check?api_key={one}")).await;
}

/// R12: an empty header is no credential; gateways leave one where they remove a credential.
#[actix_web::test]
async fn an_empty_header_is_no_credential() {
    let app = TestApp::spawn().await;
    let owner = app.client("mintery:introspect read").await;
    let key = app.key(owned_by(&owner)).await.key;
    let token = app.access_token(&owner).await;
    for path in [ME, "/auth/check", "/oauth/revocations"] {
        let get = || app.request(Method::GET, path);
        for empty in ["", " "] {
            for (what, request) in [
                ("a key", get().header("authorization", empty).header("x-api-key", &key)),
                ("two for keys", get().header("x-api-key", empty).header("x-api-key", &key)),
                ("a key in Authorization", get().header("x-api-key", empty).bearer_auth(&key)),
                ("a token", get().header("x-api-key", empty).bearer_auth(&token)),
                ("two headers", get().header("authorization", empty).bearer_auth(&token)),
            ] {
                let answer = Answer::of(request).await;
                assert_eq!(answer.status, 200, "{path} {what}: {answer:?}");
            }
            let nothing = get().header("authorization", empty).header("x-api-key", empty);
            let nothing = Answer::of(nothing).await;
            assert_eq!(nothing.status, 401, "{path}: {nothing:?}");
            assert!(!nothing.header("www-authenticate").contains("error"), "{nothing:?}");
        }
    }
    let exchange = app.request(Method::POST, "/oauth/token").header("authorization", "");
    let exchange = exchange.form(&[
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token_type", "urn:mintery:token-type:api-key"),
        ("subject_token", &key),
    ]);
    assert_eq!(Answer::of(exchange).await.status, 200);
}

async fn get_is_401(app: &TestApp, path: &str) {
    assert_eq!(app.get(path).await.status, 401, "{path}");
}

/// Another service checks a key that it was presented.
#[actix_web::test]
async fn another_service_asks_whether_a_key_is_good() {
    let app = TestApp::spawn().await;
    let (_, asker) = manager(&app, "mintery:keys:verify").await;
    let owner = app.client("read write").await;
    let allowed = AddressRanges::parse("192.0.2.0/24").unwrap();
    let life = Patch::Set(Duration::from_hours(1));
    let bound = app.key(NewApiKey { allowed, expires_in: life, ..owned_by(&owner) }).await;
    let test = app.key(NewApiKey { environment: Environment::Test, ..owned_by(&owner) }).await;
    let verify = async |body: Value| {
        app.send_with_key(Method::POST, &format!("{KEYS}/verify"), &asker.key, Some(body)).await
    };
    let good = verify(json!({ "key": bound.key, "address": "192.0.2.7", "scope": "read" })).await;
    assert_eq!(good.status, 200, "{good:?}");
    assert_eq!(
        good.json(),
        json!({
            "valid": true, "id": bound.id, "sub": owner.id, "kind": "api_key", "name": "tester",
            "scope": "read write", "expires_at": app.now() + 3600
        })
    );
    assert_eq!(
        verify(json!({ "key": test.key, "environment": "test" })).await.json()["valid"],
        true
    );
    let unknown = KeyFormat::default().generate(Environment::Live, &SystemRandom);
    let token = app.access_token(&owner).await;
    for body in [
        json!({ "key": "" }),
        json!({ "key": "x" }),
        json!({ "key": unknown.expose() }),
        json!({ "key": token }),
        json!({ "key": owner.secret }),
        json!({ "key": bound.key }),
        json!({ "key": bound.key, "address": "198.51.100.1" }),
        json!({ "key": bound.key, "address": "192.0.2.7", "scope": "admin" }),
        json!({ "key": bound.key, "address": "192.0.2.7", "resource": "https://unknown.example.com" }),
        json!({ "key": bound.key, "address": "192.0.2.7", "environment": "test" }),
        json!({ "key": test.key }),
        json!({ "key": "x".repeat(20_000) }),
    ] {
        let answer = verify(body.clone()).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"valid":false}"#), "{body}");
    }
    for body in [
        json!({}),
        json!({ "key": 7 }),
        json!({ "key": bound.key, "address": "here" }),
        json!({ "key": bound.key, "scope": "a  b" }),
        json!({ "key": bound.key, "environment": "x" }),
        json!({ "key": bound.key, "other": 1 }),
    ] {
        let answer = verify(body.clone()).await;
        answer.assert_problem(400, "err_invalid_request", &body.to_string());
        answer.assert_no_echo(&bound.key, "a key that was asked about");
    }
    api_key::revoke(&app.admin, &bound.id()).await.unwrap();
    app.caught_up().await;
    assert_eq!(
        verify(json!({ "key": bound.key, "address": "192.0.2.7" })).await.body,
        r#"{"valid":false}"#
    );
}

/// The number of keys.
async fn count(app: &TestApp) -> usize {
    api_key::page(&app.admin, "", 100, &api_key::Filter::default()).await.unwrap().len()
}

#[actix_web::test]
async fn an_invalid_new_key_is_refused() {
    let app = TestApp::spawn().await;
    let (_, admin) = manager(&app, MANAGER).await;
    let before = count(&app).await;
    for body in [
        json!({}),
        json!({ "name": "" }),
        json!({ "name": "a\u{0}b" }),
        json!({ "name": "x".repeat(10_000) }),
        json!({ "name": 7 }),
        json!({ "name": "x", "scope": "a  b" }),
        json!({ "name": "x", "scope": ["read"] }),
        json!({ "name": "x", "scope": "x".repeat(20_000) }),
        json!({ "name": "x", "environment": "production" }),
        json!({ "name": "x", "expires_in": 0 }),
        json!({ "name": "x", "expires_in": -1 }),
        json!({ "name": "x", "expires_in": u64::MAX }),
        json!({ "name": "x", "expires_in": "never" }),
        json!({ "name": "x", "allowed_addresses": ["0.0.0.0/0"] }),
        json!({ "name": "x", "allowed_addresses": ["10.0.0.1/8"] }),
        json!({ "name": "x", "allowed_addresses": [""] }),
        json!({ "name": "x", "allowed_addresses": "10.0.0.0/8" }),
        json!({ "name": "x", "allowed_addresses": ["localhost"] }),
        json!({ "name": "x", "allowed_addresses": vec!["192.0.2.1"; 33] }),
        json!({ "name": "x", "max_requests_per_minute": 0 }),
        json!({ "name": "x", "max_requests_per_minute": 1_000_001 }),
        json!({ "name": "x", "owner": "" }),
        json!({ "name": "x", "owner": "nobody" }),
        json!({ "name": "x", "key": "mtk_live_x" }),
        json!({ "name": "x", "id": "ak_0" }),
        json!(["x"]),
    ] {
        let answer = create(&app, &admin, body.clone()).await;
        let start: String = body.to_string().chars().take(80).collect();
        answer.assert_problem(400, "err_invalid_request", &start);
    }
    assert_eq!(count(&app).await, before, "a refused request creates no key");
}

#[actix_web::test]
async fn an_invalid_act_on_a_key_is_refused() {
    let app = TestApp::spawn().await;
    let (_, admin) = manager(&app, MANAGER).await;
    let (path, rotate, revoke) = (admin.path(""), admin.path("/rotate"), format!("{KEYS}/revoke"));
    for (method, path, body) in [
        (Method::PATCH, &path, json!({ "owner": "x" })),
        (Method::PATCH, &path, json!({ "environment": "test" })),
        (Method::PATCH, &path, json!({ "name": "" })),
        (Method::POST, &rotate, json!({ "overlap": 30 * 86_400 + 1 })),
        (Method::POST, &rotate, json!({ "overlap": -1 })),
        (Method::POST, &rotate, json!({ "expires_in": 0 })),
        (Method::POST, &revoke, json!({})),
        (Method::POST, &revoke, json!({ "owner": "x", "ids": [] })),
        (Method::POST, &revoke, json!({ "ids": ["x"] })),
        (Method::POST, &revoke, json!({ "ids": vec![&admin.id; 201] })),
        (Method::POST, &revoke, json!({ "owner": "nobody" })),
    ] {
        let answer = app.send_with_key(method, path, &admin.key, Some(body.clone())).await;
        answer.assert_problem(400, "err_invalid_request", &format!("{path}: {body}"));
    }
    for (method, path, allowed) in [
        (Method::DELETE, KEYS.to_owned(), "GET, HEAD, POST"),
        (Method::GET, format!("{KEYS}/verify"), "POST"),
        (Method::GET, revoke, "POST"),
        (Method::PUT, path, "GET, HEAD, PATCH, DELETE"),
        (Method::GET, rotate, "POST"),
        (Method::POST, admin.path("/usage"), "GET, HEAD"),
    ] {
        let answer = app.send_with_key(method, &path, &admin.key, None).await;
        assert_eq!((answer.status, answer.header("allow")), (405, allowed), "{path}");
    }
}

#[actix_web::test]
async fn a_key_in_the_wrong_place_is_not_repeated() {
    let app = TestApp::spawn().await;
    let (_, admin) = manager(&app, MANAGER).await;
    let (before, key) = (count(&app).await, &admin.key);
    for body in [
        json!({ "name": "x", "owner": key }),
        json!({ "name": "x", "scope": format!("read {key}") }),
    ] {
        let answer = create(&app, &admin, body.clone()).await;
        answer.assert_problem(400, "err_invalid_request", "a key in the wrong place");
        answer.assert_no_echo(key, "a key in the wrong place");
        assert!(answer.text("message").contains("mtk_live_…"), "{}", answer.text("message"));
    }
    assert_eq!(count(&app).await, before, "a refused request creates no key");
}

/// The name of a key is the caller's choice; a page escapes it.
#[actix_web::test]
async fn a_name_may_have_any_printable_characters() {
    let app = TestApp::spawn().await;
    let (_, admin) = manager(&app, MANAGER).await;
    for name in
        ["<script>alert(1)</script>", "abc\u{202e}cba", "München \u{1f511}", &"ü".repeat(200)]
    {
        let answer = create(&app, &admin, json!({ "name": name })).await;
        assert_eq!((answer.status, &answer.json()["name"]), (201, &json!(name)), "{name}");
        assert_eq!(answer.header("content-type"), "application/json", "{name}");
        let me = app.get_with(ME, &answer.text("key")).await;
        assert_eq!(me.json()["name"], name);
    }
}

proptest::proptest! {
    /// The check of a key's form never panics.
    #[test]
    fn reading_a_key_never_panics(text in "(mtk_(live|test)_)?.{0,60}") {
        let format = KeyFormat::default();
        proptest::prop_assert!(format.environment(&text).is_none() || format.is_meant(&text));
    }
}
