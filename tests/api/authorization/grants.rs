//! Scopes at an API: a principal gets one only by an act on that principal.

use mintery::model::api_key::{Environment, KeyOwner};
use serde_json::json;

use super::{OTHER, PAYMENTS, client_with, member_with};
use crate::support::api_key::owned_by;
use crate::support::app::{TestApp, TestClient};
use crate::support::caller::{CLIENTS, Caller};

const APIS: &str = "/api/v1/apis";
const ADMIN: &str = "mintery:apis:read mintery:apis:write mintery:clients:read \
                     mintery:clients:write mintery:users:write read refund write";

fn path_of(resource: &str) -> String {
    let encoded =
        percent_encoding::utf8_percent_encode(resource, percent_encoding::NON_ALPHANUMERIC);
    format!("{APIS}/{encoded}")
}

async fn scope_at(app: &TestApp, client: &TestClient, resource: &str) -> String {
    let answer = app.token(client).resource(resource).send().await;
    if answer.status == 200 { answer.scope() } else { answer.text("error") }
}

/// Finding 15: adding a scope to an API grants it to no client, key or user that has its name for
/// another API.
#[actix_web::test]
async fn a_scope_that_is_added_to_an_api_is_granted_to_nobody() {
    let app = TestApp::spawn().await;
    app.api(PAYMENTS).await;
    app.api(OTHER).await;
    let caller = Caller::with(&app, ADMIN).await;
    let client = client_with(&app, "read refund", &[PAYMENTS, OTHER]).await;
    let key = app.key(owned_by(&client)).await;
    let meg = member_with(&app, "meg", "read refund", &[PAYMENTS]).await;
    let of_meg = app
        .key(mintery::admin::api_key::NewApiKey {
            owner: KeyOwner::User(meg.clone()),
            environment: Environment::Live,
            ..owned_by(&client)
        })
        .await;
    let more = json!({ "scope": "read refund write" });
    assert_eq!(caller.patch(&path_of(PAYMENTS), more).await.status, 200);
    assert_eq!(scope_at(&app, &client, PAYMENTS).await, "read");
    let refused = app.token(&client).resource(PAYMENTS).scope("refund").send().await;
    refused.assert_oauth_error(400, "invalid_scope", "a scope that was added");
    let check = format!("/auth/check?resource={PAYMENTS}");
    for key in [&key, &of_meg] {
        assert_eq!(app.get_with(&check, &key.key).await.header("x-auth-scope"), "read");
        assert_eq!(app.get_with(&format!("{check}&scope=refund"), &key.key).await.status, 403);
    }
    // An act on the principal that decides something else changes nothing about it.
    let renamed = json!({ "client_name": "renamed", "resources": [PAYMENTS, OTHER] });
    let path = format!("{CLIENTS}/{}", client.id);
    assert_eq!(caller.patch(&path, renamed).await.status, 200);
    assert_eq!(scope_at(&app, &client, PAYMENTS).await, "read");
    // An act that gives it grants it.
    assert_eq!(caller.patch(&path, json!({ "regrant": true })).await.status, 200);
    assert_eq!(scope_at(&app, &client, PAYMENTS).await, "read refund");
    assert_eq!(app.get_with(&format!("{check}&scope=refund"), &key.key).await.status, 200);
    let path = format!("/api/v1/users/{meg}");
    assert_eq!(caller.patch(&path, json!({ "regrant": true })).await.status, 200);
    assert_eq!(app.get_with(&format!("{check}&scope=refund"), &of_meg.key).await.status, 200);
    // A client that is created later gets what the API has then.
    let later = client_with(&app, "read refund", &[PAYMENTS]).await;
    assert_eq!(scope_at(&app, &later, PAYMENTS).await, "read refund");
    // A scope that was taken from the API and added again is another one.
    for scope in ["read", "read refund"] {
        assert_eq!(caller.patch(&path_of(PAYMENTS), json!({ "scope": scope })).await.status, 200);
    }
    assert_eq!(scope_at(&app, &later, PAYMENTS).await, "read");
}

/// Finding 15: to give anew takes what giving takes.
#[actix_web::test]
async fn giving_anew_needs_the_scope_for_apis() {
    let app = TestApp::spawn().await;
    app.api(PAYMENTS).await;
    let client = client_with(&app, "read refund", &[PAYMENTS]).await;
    let path = format!("{CLIENTS}/{}", client.id);
    let admin = Caller::with(&app, ADMIN).await;
    let more = json!({ "scope": "read refund" });
    assert_eq!(admin.patch(&path_of(PAYMENTS), more).await.status, 200);
    let own = client_with(&app, "mintery:clients:write read refund", &[PAYMENTS]).await;
    let token = app
        .token(&own)
        .scope("mintery:clients:write read refund")
        .resource(crate::support::app::ISSUER)
        .send()
        .await
        .text("access_token");
    let caller = Caller::holding(&app, token);
    let answer = caller.patch(&path, json!({ "regrant": true })).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(scope_at(&app, &client, PAYMENTS).await, "read");
}

/// Finding 15: an API that is created again has no clients.
#[actix_web::test]
async fn an_api_that_is_created_again_has_no_clients() {
    let app = TestApp::spawn().await;
    let caller = Caller::with(&app, ADMIN).await;
    let api = json!({ "resource": PAYMENTS, "name": "Payments", "scope": "read" });
    assert_eq!(caller.post(APIS, api.clone()).await.status, 201);
    let client = client_with(&app, "read", &[PAYMENTS]).await;
    let key = app.key(owned_by(&client)).await;
    let check = format!("/auth/check?resource={PAYMENTS}");
    assert_eq!(scope_at(&app, &client, PAYMENTS).await, "read");
    assert_eq!(app.get_with(&check, &key.key).await.status, 200);
    assert_eq!(caller.delete(&path_of(PAYMENTS)).await.status, 204);
    assert_eq!(caller.post(APIS, api).await.status, 201);
    assert_eq!(scope_at(&app, &client, PAYMENTS).await, "invalid_target");
    assert_eq!(app.get_with(&check, &key.key).await.status, 401);
    let path = format!("{CLIENTS}/{}", client.id);
    assert_eq!(caller.patch(&path, json!({ "regrant": true })).await.status, 200);
    assert_eq!(scope_at(&app, &client, PAYMENTS).await, "read");
}
