//! An API key from its creation to its end.

use std::time::Duration;

use mintery::admin::api_key::{self, NewApiKey};
use mintery::model::api_key::Environment;
use mintery::model::client::ClientId;
use mintery::model::patch::Patch;
use mintery::model::scope::ScopeSet;
use reqwest::Method;
use serde_json::{Value, json};

use super::{MANAGER, assert_forbidden, create, manager};
use crate::support::answer::Answer;
use crate::support::api_key::{KEYS, ME, TestKey, owned_by};
use crate::support::app::{TestApp, TestClient, within_a_second};

/// SEC-10: a key is created, used in both headers, revoked, and rejected immediately.
#[actix_web::test]
async fn a_key_is_made_used_and_revoked() {
    let app = TestApp::spawn().await;
    let owner = app.client("read write").await;
    let key = app.key(owned_by(&owner)).await;
    assert!(key.key.starts_with("mtk_live_") && key.key.len() == 58, "{key:?}");
    for answer in [
        app.get_with(ME, &key.key).await,
        Answer::of(app.as_header(Method::GET, ME, &key.key)).await,
    ] {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(
            answer.json(),
            json!({
                "sub": owner.id, "kind": "api_key", "name": "tester", "scope": "read write",
                "credential": "api_key", "expires_at": null
            })
        );
    }
    let check = Answer::of(app.as_header(Method::GET, "/auth/check?scope=read", &key.key)).await;
    assert_eq!(check.status, 200, "{check:?}");
    assert_eq!(check.header("x-auth-subject"), owner.id);
    assert_eq!(check.header("x-auth-kind"), "api_key");
    assert_eq!(check.header("x-auth-scope"), "read write");
    let missing = Answer::of(app.as_header(Method::GET, "/auth/check?scope=admin", &key.key)).await;
    missing.assert_problem(403, "err_no_permission", "a scope that the key lacks");
    assert!(missing.header("www-authenticate").contains("scope=\"admin\""), "{missing:?}");

    api_key::revoke(&app.admin, &key.id()).await.unwrap();
    within_a_second(401, || app.get_with(ME, &key.key)).await.assert_invalid_token("revoked");
    app.refuses_key(&key.key, "revoked").await;
}

/// A test key creates test keys only.
#[actix_web::test]
async fn a_test_key_makes_no_live_one() {
    let app = TestApp::with(&[("api_keys.environment", "any")]).await;
    let owner = app.client(MANAGER).await;
    let new = NewApiKey {
        scopes: Some(ScopeSet::parse(MANAGER).unwrap()),
        environment: Environment::Test,
        ..owned_by(&owner)
    };
    let (own, live) = (app.key(new).await, app.key(owned_by(&owner)).await);
    let send = async |method, path: &str, body| {
        app.send_with_key(method, path, &own.key, Some(body)).await
    };
    let made = send(Method::POST, KEYS, json!({ "name": "x", "environment": "test" })).await;
    assert_eq!(made.status, 201, "{made:?}");
    for (method, path, body) in [
        (Method::POST, KEYS.to_owned(), json!({ "name": "x", "environment": "live" })),
        (Method::PATCH, live.path(""), json!({ "name": "y" })),
        (Method::POST, live.path("/rotate"), json!({})),
    ] {
        let answer = send(method, &path, body).await;
        assert_forbidden(&answer, &path);
        assert!(answer.text("detail").contains("environment"), "{answer:?}");
    }
}

#[actix_web::test]
async fn a_key_expires_and_is_disabled_with_its_owner() {
    let app = TestApp::spawn().await;
    let owner = app.client("read write").await;
    let life = Patch::Set(Duration::from_mins(1));
    let short = app.key(NewApiKey { expires_in: life, ..owned_by(&owner) }).await;
    let key = app.key(owned_by(&owner)).await;
    assert_eq!(app.get_with(ME, &short.key).await.json()["expires_at"], app.now() + 60);
    app.clock.advance(Duration::from_mins(1));
    app.refuses_key(&short.key, "expired").await;

    app.accepts_key(&key.key, "the control").await;
    api_key::set_enabled(&app.admin, &key.id(), false).await.unwrap();
    within_a_second(401, || app.get_with(ME, &key.key)).await;
    api_key::set_enabled(&app.admin, &key.id(), true).await.unwrap();
    within_a_second(200, || app.get_with(ME, &key.key)).await;
    app.disable(&owner).await;
    within_a_second(401, || app.get_with(ME, &key.key)).await;
    app.refuses_key(&key.key, "a disabled owner").await;
    app.enable(&owner).await;
    within_a_second(200, || app.get_with(ME, &key.key)).await;

    // A new owner with the same id does not get the old owner's keys.
    app.delete(&owner).await;
    within_a_second(401, || app.get_with(ME, &key.key)).await;
    let mut again = crate::support::app::new_client("read write");
    again.id = Some(ClientId::parse(&owner.id).unwrap());
    let again = app.create(again).await;
    app.caught_up().await;
    app.refuses_key(&key.key, "a key of the one before").await;
    assert_eq!(
        api_key::page(&app.admin, "", 10, &api_key::Filter::default()).await.unwrap().len(),
        0
    );
    app.accepts_key(&app.key(owned_by(&again)).await.key, "one of the new one").await;
}

/// A key never allows more than its owner may do now.
#[actix_web::test]
async fn a_key_goes_with_what_its_owner_may() {
    let app = TestApp::spawn().await;
    let (_, admin) = manager(&app, "mintery:clients:write mintery:keys:write read write").await;
    let owner = app.client("read write").await;
    let key = app.key(owned_by(&owner)).await;
    assert_eq!(app.get_with(ME, &key.key).await.json()["scope"], "read write");
    let path = format!("/api/v1/clients/{}", owner.id);
    let answer =
        app.send_with_key(Method::PATCH, &path, &admin.key, Some(json!({ "scope": "read" }))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(app.get_with(ME, &key.key).await.json()["scope"], "read");
    assert_eq!(app.get_with("/auth/check?scope=write", &key.key).await.status, 403);
    // A key gets only scopes of its owner, and none of Mintery's own by default.
    for (scope, status) in [("read write", 400), ("other", 400), ("read", 201), ("", 201)] {
        let body = json!({ "name": "x", "owner": owner.id, "scope": scope });
        assert_eq!(create(&app, &admin, body).await.status, status, "{scope}");
    }
    let of_admin = create(&app, &admin, json!({ "name": "x" })).await;
    assert_eq!(of_admin.json()["scope"], "read write");
}

#[actix_web::test]
async fn many_keys_are_revoked_at_once() {
    let app = TestApp::spawn().await;
    let (_, admin) = manager(&app, MANAGER).await;
    let owner = app.client("read").await;
    let mut keys = Vec::new();
    for _ in 0..5 {
        keys.push(TestKey::of(
            &create(&app, &admin, json!({ "name": "x", "owner": owner.id })).await,
        ));
    }
    for key in &keys {
        app.accepts_key(&key.key, "the control").await;
    }
    let revoke = async |body: Value| {
        let answer = app
            .send_with_key(Method::POST, &format!("{KEYS}/revoke"), &admin.key, Some(body))
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["revoked"].as_array().unwrap().len()
    };
    let some = [&keys[0].id, &keys[1].id, &keys[0].id];
    assert_eq!(revoke(json!({ "ids": some })).await, 2);
    assert_eq!(revoke(json!({ "ids": some })).await, 0, "they are gone already");
    for key in &keys[..2] {
        app.refuses_key(&key.key, "revoked").await;
    }
    app.accepts_key(&keys[2].key, "not named").await;
    assert_eq!(revoke(json!({ "owner": owner.id })).await, 3);
    assert_eq!(revoke(json!({ "owner": owner.id })).await, 0);
    for key in &keys {
        app.refuses_key(&key.key, "revoked").await;
    }
    app.accepts_key(&admin.key, "somebody else's").await;
}

/// A repeated request creates nothing, and reveals no secret.
#[actix_web::test]
async fn a_request_that_is_sent_again_makes_one_key() {
    let app = TestApp::spawn().await;
    let (_, admin) = manager(&app, MANAGER).await;
    let (_, other) = manager(&app, MANAGER).await;
    let send = async |caller: &TestKey, repeat_by: &str, body: &str| {
        let request =
            app.as_header(Method::POST, KEYS, &caller.key).header("Idempotency-Key", repeat_by);
        Answer::of(request.header("content-type", "application/json").body(body.to_owned())).await
    };
    let body = r#"{"name": "x"}"#;
    let first = send(&admin, "one", body).await;
    let made = TestKey::of(&first);
    assert_eq!(first.header("idempotency-replayed"), "");
    for _ in 0..2 {
        let again = send(&admin, "one", body).await;
        assert_eq!((again.status, again.text("id")), (200, made.id.clone()), "{again:?}");
        assert_eq!(again.header("idempotency-replayed"), "true");
        again.assert_no_echo(&made.key[9..52], "sent again");
        assert_eq!(again.json()["key"], Value::Null);
    }
    send(&admin, "one", r#"{"name": "y"}"#).await.assert_problem(
        409,
        "err_conflict",
        "something else",
    );
    // Each caller has their own keys.
    assert_ne!(TestKey::of(&send(&other, "one", body).await).id, made.id);
    assert_ne!(TestKey::of(&send(&admin, "two", body).await).id, made.id);
    // A failed request created nothing, and can be repeated.
    assert_eq!(send(&admin, "three", r#"{"name": "x", "scope": "other"}"#).await.status, 400);
    assert_eq!(send(&admin, "three", body).await.status, 201);
    // The created key has been revoked.
    app.send_with_key(Method::DELETE, &made.path(""), &admin.key, None).await;
    send(&admin, "one", body).await.assert_problem(409, "err_conflict", "gone");
    // Concurrently.
    let (one, two) = tokio::join!(send(&admin, "four", body), send(&admin, "four", body));
    assert_eq!(one.text("id"), two.text("id"));
    assert_eq!(one.status + two.status, 401, "one of each: {one:?} {two:?}");
    let long = "x".repeat(256);
    for bad in ["", long.as_str(), "é"] {
        send(&admin, bad, body).await.assert_problem(400, "err_invalid_request", bad);
    }
    let twice = app.as_header(Method::POST, KEYS, &admin.key).header("Idempotency-Key", "a");
    let twice =
        twice.header("Idempotency-Key", "b").header("content-type", "application/json").body(body);
    Answer::of(twice).await.assert_problem(400, "err_invalid_request", "twice");
    // A day later it is another request.
    app.clock.advance(Duration::from_hours(24));
    assert_ne!(TestKey::of(&send(&admin, "one", body).await).id, made.id);
}

/// Old records are deleted some time later: long expired keys, counts, and keys of repeatable
/// requests.
#[actix_web::test]
async fn expired_and_revoked_keys_are_deleted() {
    let app = TestApp::spawn().await;
    let (_, admin) = manager(&app, MANAGER).await;
    let request = app.as_header(Method::POST, KEYS, &admin.key).header("Idempotency-Key", "one");
    let body = r#"{"name": "x", "expires_in": 60}"#;
    let made = TestKey::of(
        &Answer::of(request.header("content-type", "application/json").body(body)).await,
    );
    app.accepts_key(&made.key, "the control").await;
    app.flush_usage().await;
    let count =
        async |table: &str| app.database.number(&format!("SELECT COUNT(*) FROM {table}")).await;
    assert_eq!((count("api_keys").await, count("idempotency_keys").await), (2, 1));
    let pass = async |time: Duration| {
        app.clock.advance(time);
        app.clock.let_pass(time);
    };
    pass(Duration::from_hours(25)).await;
    until(async || count("idempotency_keys").await == 0).await;
    assert_eq!(count("api_keys").await, 2);
    pass(mintery::model::usage::KEPT_FOR).await;
    until(async || count("api_keys").await == 1).await;
    until(async || count("api_key_usage").await == 0).await;
    // The last use of an existing key stays.
    until(async || count("api_key_last_use").await == 1).await;
}

/// Waits for a task that runs a few times a second.
async fn until(is_so: impl AsyncFn() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < Duration::from_secs(5), "nothing is deleted");
        actix_web::rt::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A key works immediately, even if its owner was looked up before it existed.
#[actix_web::test]
async fn a_key_of_an_owner_who_was_asked_for_too_early_is_good() {
    let app = TestApp::spawn().await;
    for round in 0..20 {
        let id = format!("late-{round}");
        let guess =
            TestClient { id: id.clone(), secret: "mts_0".to_owned(), secret_id: String::new() };
        assert_eq!(app.token(&guess).send().await.status, 401);
        let owner = app.client_with_id(&id, "read").await;
        let key = app.key(owned_by(&owner)).await;
        assert_eq!(app.me(&key.key).await.status, 200, "{round}");
    }
}
