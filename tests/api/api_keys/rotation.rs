//! Rotation: a new key replaces an old one.

use std::time::Duration;

use mintery::admin::api_key;
use reqwest::Method;
use serde_json::{Value, json};

use super::{MANAGER, create, manager};
use crate::support::api_key::{ME, TestKey, owned_by};
use crate::support::app::TestApp;

#[actix_web::test]
async fn a_key_is_replaced_while_the_old_one_stays_good() {
    let app = TestApp::spawn().await;
    let (_, admin) = manager(&app, MANAGER).await;
    let old =
        TestKey::of(&create(&app, &admin, json!({ "name": "x", "expires_in": 864_000 })).await);
    let rotate = async |key: &TestKey, body: Value| {
        app.send_with_key(Method::POST, &key.path("/rotate"), &admin.key, Some(body)).await
    };
    app.clock.advance(Duration::from_hours(1));
    let answer = rotate(&old, json!({ "overlap": 600 })).await;
    let new = TestKey::of(&answer);
    assert_ne!(new.key, old.key);
    // It has the lifetime of the old key.
    assert_eq!(answer.json()["expires_at"], app.now() + 864_000);
    let shown = app.send_with_key(Method::GET, &old.path(""), &admin.key, None).await.json();
    assert_eq!(
        (&shown["replaced_by"], &shown["expires_at"]),
        (&json!(new.id), &json!(app.now() + 600))
    );
    app.accepts_key(&old.key, "the overlap").await;
    app.accepts_key(&new.key, "the new one").await;
    let again = rotate(&old, json!({})).await;
    again.assert_problem(409, "err_conflict", "replaced already");
    assert!(again.text("detail").contains(&new.id), "{again:?}");
    app.clock.advance(Duration::from_mins(10));
    app.refuses_key(&old.key, "after the overlap").await;
    app.accepts_key(&new.key, "after the overlap").await;

    // Immediately, and from the next one on.
    let newer = TestKey::of(&rotate(&new, json!({ "overlap": 0, "expires_in": null })).await);
    app.refuses_key(&new.key, "no overlap").await;
    assert_eq!(app.get_with(ME, &newer.key).await.json()["expires_at"], Value::Null);
    // The successor is lost, so another one may be created.
    let newest = TestKey::of(&rotate(&newer, json!({ "overlap": 2_592_000 })).await);
    app.send_with_key(Method::DELETE, &newest.path(""), &admin.key, None).await;
    let another = TestKey::of(&rotate(&newer, json!({})).await);
    app.send_with_key(Method::POST, &another.path("/disable"), &admin.key, None).await;
    rotate(&another, json!({})).await.assert_problem(409, "err_conflict", "disabled");
}

/// Of two concurrent rotations one creates a key, and the other fails.
#[actix_web::test]
async fn only_one_of_two_replaces_a_key() {
    let app = TestApp::spawn().await;
    let (owner, admin) = manager(&app, MANAGER).await;
    for round in 0..5 {
        let key = TestKey::of(&create(&app, &admin, json!({ "name": "x" })).await);
        let path = key.path("/rotate");
        let rotate = || app.send_with_key(Method::POST, &path, &admin.key, Some(json!({})));
        let id = key.id();
        let cli = api_key::rotate(&app.admin, &id, api_key::Rotation::default());
        let (one, other, cli) = tokio::join!(rotate(), rotate(), cli);
        let mut statuses = vec![one.status, other.status, if cli.is_ok() { 201 } else { 409 }];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409, 409], "{round}: {one:?} {other:?} {cli:?}");
        for answer in [one, other].iter().filter(|answer| answer.status == 409) {
            answer.assert_problem(409, "err_conflict", "somebody else was first");
        }
    }
    let filter = api_key::Filter { owner: Some(owner.id.clone()), ..Default::default() };
    assert_eq!(api_key::page(&app.admin, "", 100, &filter).await.unwrap().len(), 11);
}

/// An owner with fewer scopes than before still manages their keys, and no new key regains the lost
/// scopes.
#[actix_web::test]
async fn a_key_is_replaced_without_what_its_owner_lost() {
    let app = TestApp::spawn().await;
    let (_, admin) = manager(&app, "mintery:clients:write mintery:keys:write read write").await;
    let (owner, own) = manager(&app, "mintery:keys:write read write").await;
    let [renamed, replaced] = [app.key(owned_by(&owner)).await, app.key(owned_by(&owner)).await];
    let path = format!("/api/v1/clients/{}", owner.id);
    let may = async |scope: &str| {
        let body = Some(json!({ "scope": scope }));
        assert_eq!(app.send_with_key(Method::PATCH, &path, &admin.key, body).await.status, 200);
    };
    let send = async |method, path: String, body| {
        app.send_with_key(method, &path, &own.key, Some(body)).await
    };
    may("mintery:keys:write read").await;
    let answer = send(Method::PATCH, renamed.path(""), json!({ "name": "x" })).await;
    answer.assert_problem(400, "err_invalid_request", "the scope is to go");
    let answer =
        send(Method::PATCH, renamed.path(""), json!({ "name": "x", "scope": "read" })).await;
    assert_eq!((answer.status, &answer.json()["scope"]), (200, &json!("read")), "{answer:?}");
    let answer = send(Method::POST, replaced.path("/rotate"), json!({})).await;
    assert_eq!((answer.status, &answer.json()["scope"]), (201, &json!("read")), "{answer:?}");
    may("mintery:keys:write read write").await;
    assert_eq!(app.get_with(ME, &answer.text("key")).await.json()["scope"], "read");
}
