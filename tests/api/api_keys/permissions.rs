//! A caller gives a key no more than it holds itself.

use std::time::Duration;

use mintery::admin::api_key::NewApiKey;
use mintery::model::patch::Patch;
use mintery::model::scope::ScopeSet;
use reqwest::Method;
use serde_json::{Value, json};

use super::{assert_forbidden, create, manager};
use crate::support::answer::Answer;
use crate::support::api_key::{KEYS, TestKey, owned_by};
use crate::support::app::{TestApp, TestClient};

/// A key that may write keys, with limits on time, addresses and requests.
struct Limited<'a> {
    app: &'a TestApp,
    owner: TestClient,
    own: TestKey,
}

impl<'a> Limited<'a> {
    async fn create(app: &'a TestApp) -> Self {
        let owner = app.client("mintery:keys:write read").await;
        let own = app.key(NewApiKey { scopes: Some(writer()), ..owned_by(&owner) }).await;
        let limited = Self { app, owner, own };
        let answer = limited.send(Method::PATCH, &limited.own.path(""), limits()).await;
        assert_eq!(answer.status, 200, "a key may limit itself: {answer:?}");
        limited
    }

    async fn send(&self, method: Method, path: &str, body: Value) -> Answer {
        self.app.send_with_key(method, path, &self.own.key, Some(body)).await
    }

    /// Creates a key with the limits of this key, but for one member.
    async fn create_with(&self, member: &str, value: Value) -> Answer {
        let mut body = limits();
        body["name"] = json!("made");
        body[member] = value;
        self.send(Method::POST, KEYS, body).await
    }
}

fn writer() -> ScopeSet {
    ScopeSet::parse("mintery:keys:write read").unwrap()
}

fn limits() -> Value {
    json!({
        "expires_in": 3600, "allowed_addresses": ["127.0.0.0/8"], "max_requests_per_minute": 100
    })
}

/// SEC-12: a key creates no key beyond its own limits, and exceeds them by no update.
#[actix_web::test]
async fn a_key_sets_no_limit_beyond_its_own() {
    let app = TestApp::spawn().await;
    let limited = Limited::create(&app).await;
    let made = TestKey::of(&limited.create_with("name", json!("made")).await);
    for (member, beyond, reason) in [
        ("expires_in", json!(3601), "later than itself"),
        ("expires_in", Value::Null, "later than itself"),
        ("allowed_addresses", json!([]), "more addresses"),
        ("allowed_addresses", json!(["127.0.0.1", "192.0.2.7"]), "more addresses"),
        ("allowed_addresses", json!(["126.0.0.0/7"]), "more addresses"),
        ("max_requests_per_minute", json!(101), "higher rate limit"),
        ("max_requests_per_minute", Value::Null, "higher rate limit"),
    ] {
        let update = json!({ member: beyond });
        for answer in [
            limited.create_with(member, beyond.clone()).await,
            limited.send(Method::PATCH, &made.path(""), update.clone()).await,
            limited.send(Method::PATCH, &limited.own.path(""), update).await,
        ] {
            assert_forbidden(&answer, &format!("{member}: {beyond}"));
            assert!(answer.text("detail").contains(reason), "{answer:?}");
        }
    }
    let without = limited.send(Method::POST, KEYS, json!({ "name": "x" })).await;
    assert_forbidden(&without, "a key without limits");
    for (member, value) in
        [("allowed_addresses", json!(["127.0.0.1"])), ("environment", json!("test"))]
    {
        let answer = limited.create_with(member, value).await;
        assert_eq!(answer.status, 201, "a closer limit, {member}: {answer:?}");
    }
    let renamed = limited.send(Method::PATCH, &made.path(""), json!({ "name": "y" })).await;
    assert_eq!(renamed.status, 200, "{renamed:?}");
}

/// SEC-12: a key stops a stronger key, and neither changes, replaces nor enables it.
#[actix_web::test]
async fn a_key_only_stops_a_stronger_key() {
    let app = TestApp::spawn().await;
    let limited = Limited::create(&app).await;
    let stronger = app.key(owned_by(&limited.owner)).await;
    let send =
        async |method, rest: &str, body| limited.send(method, &stronger.path(rest), body).await;
    for (method, rest, body) in [
        (Method::PATCH, "", json!({ "name": "x" })),
        (Method::POST, "/rotate", json!({})),
        (Method::POST, "/rotate", json!({ "expires_in": 60 })),
        (Method::POST, "/enable", json!({})),
    ] {
        assert_forbidden(&send(method, rest, body).await, rest);
    }
    for (method, rest, body, status) in [
        (Method::POST, "/disable", json!({}), 200),
        // With the limits of the caller it is stronger no more.
        (Method::PATCH, "", limits(), 200),
        (Method::POST, "/enable", json!({}), 200),
        (Method::DELETE, "", json!({}), 204),
    ] {
        let answer = send(method.clone(), rest, body).await;
        assert_eq!(answer.status, status, "{method} {rest}: {answer:?}");
    }
}

/// SEC-12: a key does not extend its own life.
#[actix_web::test]
async fn a_key_does_not_extend_its_life() {
    let app = TestApp::spawn().await;
    let limited = Limited::create(&app).await;
    let path = limited.own.path("");
    app.clock.advance(Duration::from_mins(1));
    let rotate = limited.own.path("/rotate");
    let whole_life = limited.send(Method::POST, &rotate, json!({})).await;
    assert_forbidden(&whole_life, "a rotation for its whole life");
    let a_second_more = limited.send(Method::PATCH, &path, json!({ "expires_in": 3541 })).await;
    assert_forbidden(&a_second_more, "a second more");
    let rest = limited.send(Method::POST, &rotate, json!({ "expires_in": 3540 })).await;
    assert_eq!(rest.status, 201, "a rotation for the rest of its life: {rest:?}");
}

/// SEC-12: a token exchanged for a key has the limits of the key; a token for the client's secret
/// has none of them.
#[actix_web::test]
async fn a_token_has_the_limits_of_its_key() {
    let app = TestApp::spawn().await;
    let owner = app.client("mintery:keys:write read").await;
    let expires_in = Patch::Set(Duration::from_mins(10));
    let key = app.key(NewApiKey { scopes: Some(writer()), expires_in, ..owned_by(&owner) }).await;
    let create = async |token: &str, body: Value| {
        let request = app.request(Method::POST, KEYS).bearer_auth(token);
        let request = request.header("content-type", "application/json");
        Answer::of(request.body(body.to_string())).await
    };
    let exchanged = app.exchange(&key.key).scope("mintery:keys:write read").send().await;
    for (expires_in, status) in [(601, 403), (600, 201)] {
        let body = json!({ "name": "x", "scope": "read", "expires_in": expires_in });
        let answer = create(&exchanged.text("access_token"), body).await;
        assert_eq!(answer.status, status, "expires in {expires_in}: {answer:?}");
    }
    let own = app.token(&owner).scope("mintery:keys:write read").send().await;
    let body = json!({ "name": "x", "environment": "test" });
    let answer = create(&own.text("access_token"), body).await;
    assert_eq!(answer.status, 201, "by the secret of the client: {answer:?}");
}

/// SEC-12
#[actix_web::test]
async fn a_caller_gives_a_key_no_more_than_they_may() {
    let app = TestApp::spawn().await;
    let target = app.client("read write admin").await;
    let of_target = app.key(owned_by(&target)).await;
    let (plain, nobody) = manager(&app, "read").await;
    let (reader, reading) = manager(&app, "mintery:keys:read read").await;
    for caller in [&nobody, &reading] {
        for (method, path) in [
            (Method::POST, KEYS.to_owned()),
            (Method::PATCH, of_target.path("")),
            (Method::DELETE, of_target.path("")),
            (Method::POST, of_target.path("/rotate")),
            (Method::POST, of_target.path("/disable")),
            (Method::POST, of_target.path("/enable")),
            (Method::POST, format!("{KEYS}/revoke")),
            (Method::POST, format!("{KEYS}/verify")),
        ] {
            let answer =
                app.send_with_key(method.clone(), &path, &caller.key, Some(json!({}))).await;
            answer.assert_problem(403, "err_no_permission", &format!("{method} {path}"));
        }
    }
    for path in [KEYS.to_owned(), of_target.path(""), of_target.path("/usage")] {
        let answer = app.send_with_key(Method::GET, &path, &nobody.key, None).await;
        answer.assert_problem(403, "err_no_permission", &path);
        assert_eq!(
            app.send_with_key(Method::GET, &path, &reading.key, None).await.status,
            200,
            "{path}"
        );
        assert_eq!(app.get(&path).await.status, 401, "{path}");
    }
    assert_ne!(plain.id, reader.id);

    // With fewer scopes than the owner, a caller can only disable the keys.
    let (writer, writing) = manager(&app, "mintery:keys:write read").await;
    let send = async |method, path: &str, body| {
        app.send_with_key(method, path, &writing.key, Some(body)).await
    };
    for (method, path, body) in [
        (
            Method::POST,
            KEYS.to_owned(),
            json!({ "name": "x", "owner": target.id, "scope": "read" }),
        ),
        (Method::POST, KEYS.to_owned(), json!({ "name": "x", "owner": target.id, "scope": "" })),
        (Method::PATCH, of_target.path(""), json!({ "name": "x" })),
        (Method::PATCH, of_target.path(""), json!({ "scope": "" })),
        (Method::DELETE, of_target.path(""), json!({})),
        (Method::POST, of_target.path("/rotate"), json!({})),
        (Method::POST, of_target.path("/enable"), json!({})),
        (Method::POST, format!("{KEYS}/revoke"), json!({ "owner": target.id })),
        (Method::POST, format!("{KEYS}/revoke"), json!({ "ids": [writing.id, of_target.id] })),
    ] {
        let answer = send(method.clone(), &path, body.clone()).await;
        assert_forbidden(&answer, &format!("{method} {path} {body}"));
    }
    app.accepts_key(&of_target.key, "nothing was revoked").await;
    assert_eq!(send(Method::POST, &of_target.path("/disable"), json!({})).await.status, 200);
    // A client manages its own keys, but grants them no more than the current credential holds.
    let narrow = app.key(NewApiKey {
        scopes: Some(ScopeSet::parse("mintery:keys:write").unwrap()),
        ..owned_by(&writer)
    });
    let narrow = narrow.await;
    let answer = create(&app, &narrow, json!({ "name": "x", "scope": "read" })).await;
    assert_forbidden(&answer, "more than the key that asks");
    let answer = app
        .send_with_key(
            Method::PATCH,
            &narrow.path(""),
            &narrow.key,
            Some(json!({ "scope": "read" })),
        )
        .await;
    assert_forbidden(&answer, "more for itself");
    let answer = app
        .send_with_key(Method::POST, &writing.path("/rotate"), &narrow.key, Some(json!({})))
        .await;
    assert_forbidden(&answer, "another key of its owner that may do more");
    assert_eq!(create(&app, &narrow, json!({ "name": "x", "scope": "" })).await.status, 201);
    assert_eq!(create(&app, &writing, json!({ "name": "x", "scope": "read" })).await.status, 201);
    // A caller who holds all of the owner's scopes may manage the keys.
    let (_, strong) = manager(&app, "admin mintery:keys:write read write").await;
    let body = json!({ "name": "x", "owner": target.id, "scope": "admin" });
    assert_eq!(create(&app, &strong, body).await.status, 201);
}
