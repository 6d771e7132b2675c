//! Administration of API keys over HTTP, with keys and with tokens.

use mintery::admin::event_log::{self, Asked, Filter};
use reqwest::Method;
use serde_json::{Value, json};

use super::{MANAGER, create, manager};
use crate::support::answer::Answer;
use crate::support::api_key::{KEYS, TestKey};
use crate::support::app::{ISSUER, TestApp, TestClient};

/// A caller who manages keys with a key, and a key that it created with every limit.
struct Worker<'a> {
    app: &'a TestApp,
    owner: TestClient,
    admin: TestKey,
    created: Answer,
    key: TestKey,
}

impl<'a> Worker<'a> {
    async fn create(app: &'a TestApp) -> Self {
        let (owner, admin) = manager(app, MANAGER).await;
        let body = json!({
            "name": "worker", "scope": "read", "environment": "test", "expires_in": 3600,
            "allowed_addresses": ["192.0.2.0/24", "2001:db8::1"], "max_requests_per_minute": 60
        });
        let created = create(app, &admin, body).await;
        Self { app, owner, admin, key: TestKey::of(&created), created }
    }

    /// Sends a request below the path of the key, with the manager's key.
    async fn send(&self, method: Method, rest: &str, body: Option<Value>) -> Answer {
        self.app.send_with_key(method, &self.key.path(rest), &self.admin.key, body).await
    }

    /// Removes the limit on addresses.
    async fn allow_all_addresses(&self) {
        let body = json!({ "allowed_addresses": null });
        assert_eq!(self.send(Method::PATCH, "", Some(body)).await.status, 200);
    }

    /// Presents the key itself.
    async fn check(&self) -> Answer {
        Answer::of(self.app.as_header(Method::GET, "/auth/check?env=test", &self.key.key)).await
    }
}

#[actix_web::test]
async fn a_created_key_is_shown_once() {
    let app = TestApp::spawn().await;
    let worker = Worker::create(&app).await;
    let (made, answer) = (&worker.key, &worker.created);
    assert_eq!(answer.header("location"), format!("{ISSUER}{}", made.path("")));
    assert_eq!(answer.header("cache-control"), "no-store");
    let mut expected = json!({
        "id": made.id, "name": "worker", "owner": worker.owner.id, "environment": "test",
        "scope": "read", "hint": &made.key[48..52],
        "allowed_addresses": ["192.0.2.0/24", "2001:db8::1/128"], "max_requests_per_minute": 60,
        "created_at": app.now(), "expires_at": app.now() + 3600, "enabled": true,
        "replaced_by": null, "leaked_at": null, "key": made.key
    });
    assert_eq!(answer.json(), expected);
    let members = expected.as_object_mut().unwrap();
    members.remove("key");
    members.insert("last_used_at".to_owned(), Value::Null);
    members.insert("last_used_address".to_owned(), Value::Null);
    let shown = worker.send(Method::GET, "", None).await;
    assert_eq!(shown.json(), expected);
    shown.assert_no_echo(&made.key[9..52], "a key is never shown again");
}

#[actix_web::test]
async fn a_key_is_updated() {
    let app = TestApp::spawn().await;
    let worker = Worker::create(&app).await;
    let change = json!({
        "name": "Worker", "scope": "write", "allowed_addresses": null,
        "max_requests_per_minute": null, "expires_in": null
    });
    for body in [change, json!({})] {
        let changed = worker.send(Method::PATCH, "", Some(body)).await.json();
        for (member, value) in [
            ("name", json!("Worker")),
            ("scope", json!("write")),
            ("allowed_addresses", json!([])),
            ("max_requests_per_minute", Value::Null),
            ("expires_at", Value::Null),
        ] {
            assert_eq!(changed[member], value, "{member}: {changed}");
        }
    }
}

#[actix_web::test]
async fn a_disabled_key_is_refused_until_it_is_enabled() {
    let app = TestApp::spawn().await;
    let worker = Worker::create(&app).await;
    worker.allow_all_addresses().await;
    assert_eq!(worker.send(Method::POST, "/disable", None).await.json()["enabled"], false);
    worker.check().await.assert_invalid_token("disabled");
    assert_eq!(worker.send(Method::POST, "/enable", None).await.json()["enabled"], true);
    assert_eq!(worker.check().await.status, 200, "an enabled key is good");
}

#[actix_web::test]
async fn keys_are_listed_in_pages_and_filtered() {
    let app = TestApp::spawn().await;
    let worker = Worker::create(&app).await;
    let get = async |query: &str| {
        app.send_with_key(Method::GET, &format!("{KEYS}{query}"), &worker.admin.key, None).await
    };
    let list = async |query: &str| {
        let answer = get(query).await;
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
        let items = answer.json()["items"].as_array().unwrap().clone();
        (items.len(), answer.json()["next"].clone())
    };
    assert_eq!(list("").await, (2, Value::Null));
    for (query, count) in [
        ("?environment=test", 1),
        ("?environment=live", 1),
        ("?name=WORK", 1),
        ("?name=%25", 0),
        ("?enabled=false", 0),
        ("?owner=nobody", 0),
        ("?owner=", 0),
    ] {
        assert_eq!(list(query).await.0, count, "{query}");
    }
    assert_eq!(list(&format!("?owner={}&limit=2", worker.owner.id)).await.0, 2, "of the owner");
    let (count, next) = list("?limit=1").await;
    assert_eq!(count, 1, "a page of one");
    assert_eq!(list(&format!("?limit=1&after={}", next.as_str().unwrap())).await, (1, Value::Null));
    for bad in ["?environment=x", "?enabled=x", "?limit=0", "?scope=read"] {
        get(bad).await.assert_problem(400, "err_invalid_request", bad);
    }
}

#[actix_web::test]
async fn a_revoked_key_is_refused_and_not_found() {
    let app = TestApp::spawn().await;
    let worker = Worker::create(&app).await;
    worker.allow_all_addresses().await;
    let answer = worker.send(Method::DELETE, "", None).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{answer:?}");
    worker.check().await.assert_invalid_token("revoked");
    for (method, rest) in [
        (Method::GET, ""),
        (Method::DELETE, ""),
        (Method::PATCH, ""),
        (Method::POST, "/rotate"),
        (Method::POST, "/enable"),
        (Method::POST, "/disable"),
    ] {
        worker.send(method, rest, None).await.assert_problem(404, "err_not_found", rest);
    }
}

/// A caller may confuse the key with its id.
#[actix_web::test]
async fn a_key_in_the_place_of_its_id_is_not_repeated() {
    let app = TestApp::spawn().await;
    let Worker { admin, key, .. } = Worker::create(&app).await;
    let path = format!("{KEYS}/{}", key.key);
    let answer = app.send_with_key(Method::GET, &path, &admin.key, None).await;
    answer.assert_problem(404, "err_not_found", "a key for its id");
    answer.assert_no_echo(&key.key, "a key for its id");
}

#[actix_web::test]
async fn events_name_the_key_that_acted() {
    let app = TestApp::spawn().await;
    let worker = Worker::create(&app).await;
    for (method, rest) in [
        (Method::PATCH, ""),
        (Method::PATCH, ""),
        (Method::POST, "/disable"),
        (Method::POST, "/enable"),
        (Method::DELETE, ""),
    ] {
        let body = (method == Method::PATCH).then(|| json!({ "name": "Worker" }));
        let answer = worker.send(method.clone(), rest, body).await;
        assert!(answer.status < 300, "{method} {rest}: {answer:?}");
    }
    let filter = Filter { kind: Some("api_key".to_owned()), ..Filter::default() };
    let events = event_log::page(&app.admin, Asked::Last, 50, &filter).await.unwrap();
    let kinds: Vec<_> = events.iter().skip(1).map(|event| event.kind.name()).collect();
    // The second update has changed nothing.
    let expected = ["created", "updated", "disabled", "enabled", "revoked"];
    assert_eq!(kinds, expected.map(|kind| format!("api_key.{kind}")));
    let actor = format!("api_key:{}", worker.admin.id);
    assert!(events.iter().skip(1).all(|event| event.actor == actor), "{events:?}");
    assert!(!format!("{events:?}").contains(&worker.key.key[9..52]), "an event has no secret");
}
