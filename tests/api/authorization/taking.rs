//! Removing something from a client or an API revokes tokens, here and for offline verifiers.

use mintery::model::revocation::{Kind, Mark};
use serde_json::{Value, json};

use super::{OTHER, PAYMENTS, client_with};
use crate::support::app::{TestApp, TestClient};
use crate::support::caller::{CLIENTS, Caller};

const ADMIN: &str = "mintery:apis:read mintery:apis:write mintery:clients:read \
                     mintery:clients:write read write";
const PATH: &str = "/api/v1/apis/https%3A%2F%2Fpayments.example.com";

async fn token(app: &TestApp, client: &TestClient) -> String {
    app.token(client).resource(PAYMENTS).send().await.text("access_token")
}

async fn is_good(app: &TestApp, token: &str) -> bool {
    app.get_with(&format!("/auth/check?resource={PAYMENTS}"), token).await.status == 200
}

async fn is_active(app: &TestApp, watcher: &TestClient, token: &str) -> bool {
    app.introspect(watcher, token).await.json()["active"] == true
}

/// The digests that the feed has under `member`.
async fn in_feed(app: &TestApp, reader: &TestClient, member: &str) -> Vec<Value> {
    let document = app.feed(reader, "").await;
    let rows = document.get(member).and_then(Value::as_array).cloned().unwrap_or_default();
    rows.iter().map(|row| row[0].clone()).collect()
}

fn digest(kind: Kind, name: &str) -> Value {
    json!(Mark::of(kind, name).digest())
}

/// Finding 5: a scope, an API, a grant, or an API to stand for.
#[actix_web::test]
async fn what_is_taken_from_a_client_revokes_its_tokens() {
    let app = TestApp::spawn().await;
    app.api(PAYMENTS).await;
    app.api(OTHER).await;
    let admin = Caller::with(&app, ADMIN).await;
    let watcher = app.client("mintery:introspect").await;
    for taken in [
        json!({ "scope": "read" }),
        json!({ "scope": "" }),
        json!({ "resources": [OTHER] }),
        json!({ "resources": [PAYMENTS] }),
        json!({ "grant_types": [] }),
        json!({ "stands_for": [] }),
        json!({ "client_name": "y", "revoke_tokens": true }),
        json!({ "access_token_ttl": 60, "revoke_tokens": true }),
        json!({ "revoke_tokens": true }),
    ] {
        let given = json!({
            "client_name": "x", "scope": "read write", "resources": [PAYMENTS, OTHER],
            "stands_for": [PAYMENTS]
        });
        let client = admin.create(given).await;
        let path = format!("{CLIENTS}/{}", client.id);
        let token = token(&app, &client).await;
        assert!(is_good(&app, &token).await && is_active(&app, &watcher, &token).await);
        let answer = admin.patch(&path, taken.clone()).await;
        assert_eq!(answer.status, 200, "{taken}: {answer:?}");
        assert!(!is_good(&app, &token).await, "{taken}");
        assert!(!is_active(&app, &watcher, &token).await, "{taken}");
        let entries = in_feed(&app, &watcher, "clients").await;
        assert!(entries.contains(&digest(Kind::Client, &client.id)), "{taken}");
        // Giving it back does not restore the tokens.
        let back = json!({ "scope": "read write", "resources": [PAYMENTS, OTHER] });
        assert_eq!(admin.patch(&path, back).await.status, 200);
        assert!(!is_good(&app, &token).await, "{taken}");
    }
}

/// Finding 5: a change that takes nothing leaves the tokens as they are; a shorter life counts for
/// new tokens alone.
#[actix_web::test]
async fn what_takes_nothing_revokes_nothing() {
    let app = TestApp::spawn().await;
    app.api(PAYMENTS).await;
    app.api(OTHER).await;
    let admin = Caller::with(&app, ADMIN).await;
    let client = client_with(&app, "read", &[PAYMENTS]).await;
    let token = token(&app, &client).await;
    for change in [
        json!({ "client_name": "y" }),
        json!({ "access_token_ttl": 60 }),
        json!({ "scope": "read write" }),
        json!({ "resources": [OTHER, PAYMENTS] }),
        json!({ "default_scope": "read" }),
        json!({ "max_tokens_per_hour": 10 }),
        json!({ "regrant": true }),
    ] {
        let answer = admin.patch(&format!("{CLIENTS}/{}", client.id), change.clone()).await;
        assert_eq!(answer.status, 200, "{change}: {answer:?}");
        assert!(is_good(&app, &token).await, "{change}");
    }
    for change in [
        json!({ "name": "Payments" }),
        json!({ "access_token_ttl": 60 }),
        json!({ "scope": "read refund write" }),
    ] {
        assert_eq!(admin.patch(PATH, change.clone()).await.status, 200, "{change}");
        assert!(is_good(&app, &token).await, "{change}");
    }
}

/// Finding 5: the same of an API.
#[actix_web::test]
async fn what_is_taken_from_an_api_revokes_the_tokens_for_it() {
    let app = TestApp::spawn().await;
    app.api(PAYMENTS).await;
    let admin = Caller::with(&app, ADMIN).await;
    let watcher = app.client("mintery:introspect").await;
    for taken in [
        json!({ "scope": "read" }),
        json!({ "revoke_tokens": true }),
        json!({ "access_token_ttl": 60, "revoke_tokens": true }),
    ] {
        assert_eq!(admin.patch(PATH, json!({ "scope": "read write" })).await.status, 200);
        let client = client_with(&app, "read", &[PAYMENTS]).await;
        app.caught_up().await;
        let token = token(&app, &client).await;
        assert!(is_good(&app, &token).await);
        assert_eq!(admin.patch(PATH, taken.clone()).await.status, 200, "{taken}");
        assert!(!is_good(&app, &token).await, "{taken}");
        assert!(!is_active(&app, &watcher, &token).await, "{taken}");
        let entries = in_feed(&app, &watcher, "apis").await;
        assert!(entries.contains(&digest(Kind::Api, PAYMENTS)), "{taken}");
    }
}

/// Finding 5: introspection and the check for proxies compare the audience with the APIs that the
/// holder has now, also where no revocation says anything.
#[actix_web::test]
async fn an_audience_that_the_holder_has_lost_is_absent() {
    let app = TestApp::spawn().await;
    app.api(PAYMENTS).await;
    app.api(OTHER).await;
    let client = client_with(&app, "read", &[PAYMENTS, OTHER]).await;
    let watcher = app.client("mintery:introspect").await;
    let both = app.token(&client).resource(PAYMENTS).resource(OTHER).send().await;
    let both = both.text("access_token");
    // As a release before this one has done it: without a revocation.
    let taken = format!("UPDATE clients SET resources = '{OTHER}' WHERE id = '{}'", client.id);
    app.database.execute(&[&taken]).await;
    let admin = Caller::with(&app, ADMIN).await;
    let answer =
        admin.patch(&format!("{CLIENTS}/{}", client.id), json!({ "client_name": "y" })).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(!is_good(&app, &both).await);
    let check = format!("/auth/check?resource={OTHER}");
    assert_eq!(app.get_with(&check, &both).await.status, 200);
    assert_eq!(app.get_with(&format!("{check}&resource={PAYMENTS}"), &both).await.status, 401);
    let seen = app.introspect(&watcher, &both).await.json();
    assert_eq!((&seen["active"], &seen["aud"]), (&json!(true), &json!(OTHER)), "{seen}");
}
