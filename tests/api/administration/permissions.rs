//! Callers and their scopes: a caller does and grants no more than it may.

use reqwest::Method;
use serde_json::json;

use super::{APIS, path};
use crate::support::answer::Answer;
use crate::support::app::{TestApp, basic};
use crate::support::caller::{ADMIN, CLIENTS, Caller};

/// SEC-12: each kind of act has a scope of its own, and callers grant only scopes they hold.
#[actix_web::test]
async fn a_caller_does_and_grants_no_more_than_it_may() {
    let app = TestApp::spawn().await;
    let target = app.client("read write admin").await;
    let reader = Caller::with(&app, "mintery:clients:read read").await;
    assert_eq!(reader.get(CLIENTS).await.status, 200);
    for (method, path) in [
        (Method::POST, CLIENTS.to_owned()),
        (Method::PATCH, path(&target, "")),
        (Method::DELETE, path(&target, "")),
        (Method::POST, path(&target, "/disable")),
        (Method::POST, path(&target, "/secrets")),
        (Method::GET, APIS.to_owned()),
        (Method::POST, APIS.to_owned()),
    ] {
        let answer = reader.send(method.clone(), &path, Some(json!({ "client_name": "x" }))).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (403, &json!("err_no_permission")),
            "{method} {path}"
        );
        assert!(answer.header("www-authenticate").contains("insufficient_scope"), "{answer:?}");
        let anonymous = Answer::of(app.request(method, &path)).await;
        assert_eq!(anonymous.status, 401, "{path}");
    }

    let writer = Caller::with(&app, "mintery:clients:write read").await;
    for body in [
        json!({ "client_name": "x", "scope": "read write" }),
        json!({ "client_name": "x", "scope": "mintery:clients:read" }),
        json!({ "client_name": "x", "scope": "mintery:users:write read" }),
    ] {
        let answer = writer.post(CLIENTS, body.clone()).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (403, &json!("err_no_permission")),
            "{body}"
        );
    }
    let own =
        writer.create(json!({ "client_name": "x", "scope": "read mintery:clients:write" })).await;
    assert_eq!(writer.patch(&path(&own, ""), json!({ "scope": "read write" })).await.status, 403);
    assert_eq!(writer.patch(&path(&own, ""), json!({ "scope": "" })).await.status, 200);
    // A secret of a stronger client would give the caller its permissions.
    assert_eq!(writer.post(&path(&target, "/secrets"), json!({})).await.status, 403);
    // A caller who takes over a client acts as it once it gets its scopes back, so even a new name
    // requires all of them.
    for change in [
        json!({ "client_name": "renamed" }),
        json!({ "scope": "" }),
        json!({ "default_scope": "read" }),
    ] {
        assert_eq!(writer.patch(&path(&target, ""), change.clone()).await.status, 403, "{change}");
    }
    assert_eq!(writer.delete(&path(&target, "")).await.status, 403);
    // Revoking a secret cannot be undone, so it requires the scopes too.
    let secret = path(&target, &format!("/secrets/{}", target.secret_id));
    assert_eq!(writer.delete(&secret).await.status, 403);
    // Disabling requires fewer rights than enabling.
    assert_eq!(writer.post(&path(&target, "/disable"), json!({})).await.status, 200);
    assert_eq!(writer.post(&path(&target, "/enable"), json!({})).await.status, 403);
    // Mintery's own scopes are never defaults.
    let answer = writer
        .patch(
            &path(&own, ""),
            json!({ "scope": "mintery:clients:write", "default_scope": "mintery:clients:write" }),
        )
        .await;
    assert_eq!(answer.status, 400, "{answer:?}");
}

/// A token that was issued before a scope was taken from its client is revoked.
#[actix_web::test]
async fn a_revoked_scope_is_absent_from_new_tokens() {
    let app = TestApp::spawn().await;
    let caller = Caller::admin(&app).await;
    let client = caller.create(json!({ "client_name": "x", "scope": "read write" })).await;
    let token = app.access_token(&client).await;
    caller.patch(&path(&client, ""), json!({ "scope": "read" })).await;
    app.me(&token).await.assert_invalid_token("a scope was taken");
    let new = app.access_token(&client).await;
    assert_eq!(app.me(&new).await.json()["scope"], "read");
}

/// SEC-12: nor by two concurrent changes, of which each alone would be allowed or refused.
#[actix_web::test]
async fn changes_at_the_same_moment_grant_nothing() {
    let app = TestApp::spawn().await;
    let caller = Caller::with(&app, "mintery:clients:write read write pay").await;
    for _ in 0..20 {
        let client = caller.create(json!({ "client_name": "x", "scope": "pay read" })).await;
        let target = path(&client, "");
        let (one, two) = tokio::join!(
            caller.patch(&target, json!({ "default_scope": "pay" })),
            caller.patch(&target, json!({ "scope": "read" })),
        );
        assert!(one.status == 400 || two.status == 400, "{one:?} {two:?}");
        assert!(app.token(&client).send().await.scope() == "read" || two.status == 400);
    }
}

/// Only a caller with scopes for APIs decides which APIs a client may call.
#[actix_web::test]
async fn a_client_does_not_give_itself_an_api() {
    let app = TestApp::spawn().await;
    let admin = Caller::admin(&app).await;
    let billing = "https://billing.example.com";
    assert_eq!(
        admin
            .post(APIS, json!({ "resource": billing, "name": "Billing", "scope": "read" }))
            .await
            .status,
        201
    );
    let writer = Caller::with(&app, "mintery:clients:write read").await;
    let body = json!({ "client_name": "x", "scope": "read", "resources": [billing] });
    assert_eq!(writer.post(CLIENTS, body.clone()).await.status, 403);
    let own = writer.create(json!({ "client_name": "x", "scope": "read" })).await;
    assert_eq!(writer.patch(&path(&own, ""), json!({ "resources": [billing] })).await.status, 403);
    let given = admin.create(body).await;
    // A change decides the whole client, so even a new name requires everything that it has.
    assert_eq!(writer.patch(&path(&given, ""), json!({ "client_name": "y" })).await.status, 403);
    assert_eq!(admin.patch(&path(&given, ""), json!({ "client_name": "y" })).await.status, 200);
}

/// 7662-1: the same for the APIs that a client stands for, and for secrets of such a client.
#[actix_web::test]
async fn a_client_does_not_give_itself_an_api_to_stand_for() {
    let app = TestApp::spawn().await;
    let admin = Caller::admin(&app).await;
    let billing = "https://billing.example.com";
    let api = format!("{APIS}/https%3A%2F%2Fbilling.example.com");
    admin.post(APIS, json!({ "resource": billing, "name": "Billing", "scope": "read" })).await;
    let writer = Caller::with(&app, "mintery:clients:write read").await;
    let body = json!({ "client_name": "x", "scope": "read", "stands_for": [billing] });
    assert_eq!(writer.post(CLIENTS, body.clone()).await.status, 403, "a new one");
    let own = writer.create(json!({ "client_name": "x", "scope": "read" })).await;
    let taken = writer.patch(&path(&own, ""), json!({ "stands_for": [billing] })).await;
    assert_eq!(taken.status, 403, "one of its own");
    let given = admin.create(body).await;
    let changed = json!({ "client_name": "y", "introspection_signed_response_alg": "ES256" });
    assert_eq!(writer.patch(&path(&given, ""), changed.clone()).await.status, 403, "its name");
    let shown = admin.patch(&path(&given, ""), changed).await;
    assert_eq!((shown.status, &shown.json()["stands_for"]), (200, &json!([billing])));
    assert_eq!(shown.json()["introspection_signed_response_alg"], "ES256");
    let secrets = path(&given, "/secrets");
    assert_eq!(writer.post(&secrets, json!({})).await.status, 403, "a secret of it");
    assert_eq!(admin.post(&secrets, json!({})).await.status, 201);

    // An API that a client stands for cannot be deleted.
    let answer = admin.delete(&api).await;
    assert_eq!((answer.status, answer.text("code").as_str()), (409, "err_conflict"), "{answer:?}");
    assert!(answer.text("detail").contains(&given.id), "{answer:?}");
    let taken = json!({ "stands_for": [], "introspection_signed_response_alg": null });
    let shown = admin.patch(&path(&given, ""), taken).await.json();
    assert_eq!(
        (&shown["stands_for"], shown.get("introspection_signed_response_alg")),
        (&json!([]), None)
    );
    assert_eq!(admin.delete(&api).await.status, 204);
}

/// Basic is for the token endpoint; the API takes tokens.
#[actix_web::test]
async fn a_secret_does_not_open_the_api() {
    let app = TestApp::spawn().await;
    let client = app.client(ADMIN).await;
    let request = app
        .request(Method::GET, CLIENTS)
        .header("authorization", basic(format!("{}:{}", client.id, client.secret)));
    assert_eq!(Answer::of(request).await.status, 401);
}
