//! `PATCH`: a body means what it says, and may repeat what `GET` returns.

use mintery::admin::api_key::{ApiKeyUpdate, NewApiKey, update};
use mintery::model::address::AddressRanges;
use mintery::model::scope::ScopeSet;
use reqwest::Method;
use serde_json::{Value, json};

use super::{APIS, path};
use crate::support::answer::Answer;
use crate::support::api_key::{KEYS, owned_by};
use crate::support::app::{TestApp, TestClient};
use crate::support::caller::Caller;

const ALL: &str = "mintery:apis:read mintery:apis:write mintery:clients:read mintery:clients:write \
                   mintery:keys:read mintery:keys:write mintery:users:read mintery:users:write \
                   mintery:events:read read write";
const BILLING: &str = "https://billing.example.com";
const API: &str = "/api/v1/apis/https%3A%2F%2Fbilling.example.com";

/// One object of each kind, with as many members as it can have: their paths.
async fn objects(app: &TestApp, caller: &Caller<'_>) -> [String; 4] {
    let api = json!({
        "resource": BILLING, "name": "Billing", "scopes": { "read": "Read.", "write": "" },
        "access_token_ttl": 300, "access_token_signed_response_alg": "RS256"
    });
    assert_eq!(caller.post(APIS, api).await.status, 201);
    let client = caller
        .create(json!({
            "client_name": "x", "scope": "read write", "default_scope": "read",
            "resources": [BILLING], "stands_for": [BILLING], "access_token_ttl": 60,
            "access_token_signed_response_alg": "EdDSA", "max_tokens_per_hour": 10,
            "introspection_signed_response_alg": "ES256"
        }))
        .await;
    let user = caller
        .post(
            "/api/v1/users",
            json!({
                "username": "meg", "role": "member", "scope": "read write", "resources": [BILLING],
                "password": crate::support::people::PASSWORD
            }),
        )
        .await;
    assert_eq!(user.status, 201, "{user:?}");
    let scopes = Some(ScopeSet::parse("read write").unwrap());
    let key = app.key(NewApiKey { scopes, ..owned_by(&client) }).await;
    let bound = ApiKeyUpdate {
        allowed: Some(AddressRanges::parse("10.0.0.0/8").unwrap()),
        max_per_minute: mintery::model::patch::Patch::Set(10),
        ..ApiKeyUpdate::default()
    };
    update(&app.admin, &key.id(), bound).await.unwrap();
    app.caught_up().await;
    [path(&client, ""), API.to_owned(), format!("/api/v1/users/{}", user.text("id")), key.path("")]
}

async fn events(caller: &Caller<'_>) -> usize {
    let events = caller.get("/api/v1/events?limit=200").await.json();
    events["items"].as_array().unwrap().len()
}

/// R14: every member that is returned is accepted back, and nothing has changed then.
#[actix_web::test]
async fn what_is_shown_is_accepted_back() {
    let app = TestApp::spawn().await;
    let caller = Caller::with(&app, ALL).await;
    let objects = objects(&app, &caller).await;
    for object in &objects {
        let shown = caller.get(object).await;
        let before = events(&caller).await;
        let written = caller.patch(object, shown.json()).await;
        assert_eq!(written.status, 200, "{object}: {written:?}");
        assert_eq!(events(&caller).await, before, "{object}");
        assert_eq!(written.header("etag"), shown.header("etag"), "{object}");
        assert_eq!(caller.get(object).await.json(), shown.json(), "{object}");
        // As a merge patch, and with one member changed.
        let mut body = shown.json();
        let name =
            ["client_name", "name", "username"].into_iter().find(|name| body.get(name).is_some());
        body[name.unwrap()] = json!("changed");
        let request = app.request(Method::PATCH, object).bearer_auth(&caller.token);
        let request = request.header("content-type", "application/merge-patch+json; charset=utf-8");
        let changed = Answer::of(request.body(body.to_string())).await;
        assert_eq!((changed.status, changed.text(name.unwrap())), (200, "changed".to_owned()));
        assert_eq!(events(&caller).await, before + 1, "{object}");
    }
    // Scopes are a set.
    for object in &objects {
        let before = events(&caller).await;
        let answer = caller.patch(object, json!({ "scope": "write read write" })).await;
        if object != API {
            assert_eq!(answer.status, 200, "{object}: {answer:?}");
            assert_eq!(events(&caller).await, before, "{object}");
        }
    }
    // A merge patch is for PATCH.
    let request = app.request(Method::POST, "/api/v1/clients").bearer_auth(&caller.token);
    let request = request.header("content-type", "application/merge-patch+json");
    let made = Answer::of(request.body(json!({ "client_name": "x" }).to_string())).await;
    assert_eq!(made.status, 400, "{made:?}");
}

/// R14: a member that this way does not change is rejected unless it is unchanged.
#[actix_web::test]
async fn a_fixed_member_does_not_change() {
    let app = TestApp::spawn().await;
    let caller = Caller::with(&app, ALL).await;
    let [client, api, user, key] = objects(&app, &caller).await;
    for (object, change) in [
        (&client, json!({ "client_id": "another" })),
        (&client, json!({ "client_id_issued_at": 1 })),
        (&client, json!({ "enabled": false })),
        (&client, json!({ "secrets": [] })),
        (&client, json!({ "token_endpoint_auth_method": "none" })),
        (&client, json!({ "client_secret": "kept-Umbrella-7-quince" })),
        (&api, json!({ "resource": "https://other.example.com" })),
        (&api, json!({ "created_at": 1 })),
        (&user, json!({ "id": "mu_0000000000000000000000" })),
        (&user, json!({ "enabled": false })),
        (&user, json!({ "second_factor": true })),
        (&user, json!({ "password": "kept-Umbrella-7-quince" })),
        (&key, json!({ "owner": "another" })),
        (&key, json!({ "environment": "test" })),
        (&key, json!({ "expires_at": 1 })),
        (&key, json!({ "enabled": false })),
        (&key, json!({ "hint": "x" })),
        (&client, json!({ "unknown": null })),
    ] {
        let answer = caller.patch(object, change.clone()).await;
        answer.assert_problem(400, "err_invalid_request", &change.to_string());
    }
    let twice = r#"{"scope":"read","scope":"read write"}"#;
    let request = app.request(Method::PATCH, &client).bearer_auth(&caller.token);
    let request = request.header("content-type", "application/json").body(twice);
    Answer::of(request).await.assert_problem(400, "err_invalid_request", "twice");
}

/// Finding 13: `null` clears a member, or is rejected.
#[actix_web::test]
async fn null_clears_a_member_or_is_rejected() {
    let app = TestApp::spawn().await;
    let caller = Caller::with(&app, ALL).await;
    let [client, api, user, key] = objects(&app, &caller).await;
    for (object, name) in [
        (&client, "client_name"),
        (&client, "grant_types"),
        (&client, "enabled"),
        (&client, "regrant"),
        (&api, "name"),
        (&user, "username"),
        (&user, "role"),
        (&key, "name"),
        (&key, "owner"),
        (&key, "environment"),
    ] {
        let before = caller.get(object).await.json();
        let answer = caller.patch(object, json!({ name: null })).await;
        answer.assert_problem(400, "err_invalid_request", &format!("{object} {name}"));
        assert_eq!(caller.get(object).await.json(), before);
    }
    for (object, name, cleared) in [
        (&client, "default_scope", json!("read write")),
        (&client, "stands_for", json!([])),
        (&client, "access_token_ttl", Value::Null),
        (&client, "access_token_signed_response_alg", Value::Null),
        (&client, "introspection_signed_response_alg", Value::Null),
        (&client, "max_tokens_per_hour", Value::Null),
        (&user, "resources", json!([])),
        (&user, "scope", json!("")),
        (&key, "allowed_addresses", json!([])),
        (&key, "max_requests_per_minute", Value::Null),
        (&key, "scope", json!("")),
        (&client, "resources", json!([])),
        (&client, "scope", json!("")),
        (&api, "access_token_ttl", Value::Null),
        (&api, "access_token_signed_response_alg", Value::Null),
        (&api, "scopes", json!({})),
    ] {
        let answer = caller.patch(object, json!({ name: null })).await;
        assert_eq!(answer.status, 200, "{object} {name}: {answer:?}");
        assert_eq!(caller.get(object).await.json()[name], cleared, "{object} {name}");
    }
    // Of a new key it is the default.
    let owner: TestClient = caller.create(json!({ "client_name": "y", "scope": "read" })).await;
    let made = caller.post(KEYS, json!({ "name": "x", "owner": owner.id, "scope": null })).await;
    assert_eq!((made.status, made.scope()), (201, "read".to_owned()));
}
