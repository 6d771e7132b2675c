//! Revocations before expiry: tokens of a client, of a secret, for an API, of a signing key.

use mintery::clock::DateText as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mintery::admin::signing_key;
use mintery::clock::Clock as _;
use mintery::model::signing_key::SigningAlgorithm;
use serde_json::json;

use crate::support::app::{TestApp, within_a_second};
use crate::support::caller::Caller;
use crate::support::forge;

const APIS: &str = "/api/v1/apis";
const BILLING: &str = "https://billing.example.com";

fn of_client(id: &str, rest: &str) -> String {
    format!("/api/v1/clients/{id}{rest}")
}

fn of_api(rest: &str) -> String {
    format!("{APIS}/https%3A%2F%2Fbilling.example.com{rest}")
}

async fn is_good_for(app: &TestApp, token: &str, resource: &str) -> bool {
    app.get_with(&format!("/auth/check?resource={resource}"), token).await.status == 200
}

/// SEC-10: from the response on, on the node that gave it.
#[actix_web::test]
async fn the_tokens_of_a_client_are_revoked() {
    let app = TestApp::spawn().await;
    let admin = Caller::admin(&app).await;
    let (client, other) = (app.client("read").await, app.client("read").await);
    let tokens = [app.access_token(&client).await, app.access_token(&client).await];
    let of_other = app.access_token(&other).await;
    for _ in 0..2 {
        // Repeating it is not an error.
        let answer = admin.post(&of_client(&client.id, "/revoke-tokens"), json!({})).await;
        assert_eq!((answer.status, answer.body.as_str()), (204, ""));
        for token in &tokens {
            app.me(token).await.assert_invalid_token("revoked");
        }
    }
    assert_eq!(app.me(&of_other).await.status, 200);
    let new = app.access_token(&client).await;
    assert_eq!(app.me(&new).await.status, 200, "the client is as good as before");
    assert_eq!(app.get_with("/auth/check", &new).await.status, 200);
}

/// Revocations are stored: a process that starts later rejects the same tokens.
#[actix_web::test]
async fn revocations_survive_a_restart() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let old = app.access_token(&client).await;
    app.disable(&client).await;
    app.enable(&client).await;
    within_a_second(401, || app.me(&old)).await;
    let new = within_a_second(200, || app.token(&client).send()).await.text("access_token");
    let (database, clock) = (Arc::clone(&app.database), Arc::clone(&app.clock));
    app.stop().await;
    let app = TestApp::judged_by(database, &[], clock, None).await.unwrap();
    app.me(&old).await.assert_invalid_token("from before");
    assert_eq!(app.me(&new).await.status, 200);
}

#[actix_web::test]
async fn with_a_secret_the_tokens_that_it_asked_for_are_revoked() {
    let app = TestApp::spawn().await;
    let admin = Caller::admin(&app).await;
    let client = app.client("read").await;
    let added = admin.post(&of_client(&client.id, "/secrets"), json!({ "label": "new" })).await;
    let mut with_new = app.client("read").await;
    (with_new.id, with_new.secret) = (client.id.clone(), added.text("client_secret"));
    let (old, new) = (app.access_token(&client).await, app.access_token(&with_new).await);
    let path = of_client(&client.id, &format!("/secrets/{}", client.secret_id));
    assert_eq!(admin.delete(&path).await.status, 204);
    app.me(&old).await.assert_invalid_token("asked for with the old secret");
    assert_eq!(app.me(&new).await.status, 200);
    app.token(&client).send().await.assert_oauth_error(401, "invalid_client", "the old secret");
}

#[actix_web::test]
async fn the_tokens_for_an_api_are_revoked() {
    let app = TestApp::spawn().await;
    let admin = Caller::admin(&app).await;
    let made =
        admin.post(APIS, json!({ "resource": BILLING, "name": "Billing", "scope": "read" })).await;
    assert_eq!(made.status, 201, "{made:?}");
    let client = app.client("read").await;
    let update = json!({ "resources": [BILLING] });
    assert_eq!(admin.patch(&of_client(&client.id, ""), update).await.status, 200);
    let for_issuer =
        app.token(&client).resource(crate::support::app::ISSUER).send().await.text("access_token");
    let ask = || async { app.token(&client).resource(BILLING).send().await.text("access_token") };
    let first = ask().await;
    assert!(is_good_for(&app, &first, BILLING).await);
    assert_eq!(admin.post(&of_api("/revoke-tokens"), json!({})).await.status, 204);
    assert!(!is_good_for(&app, &first, BILLING).await);
    let second = ask().await;
    assert!(is_good_for(&app, &second, BILLING).await);
    // With the API the tokens for it are gone.
    assert_eq!(admin.delete(&of_api("")).await.status, 204);
    assert!(!is_good_for(&app, &second, BILLING).await);
    assert_eq!(app.me(&for_issuer).await.status, 200);
}

/// Also on a node that still has the key, whatever it signs.
#[actix_web::test]
async fn with_a_signing_key_what_it_signed_is_revoked() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let old = app.access_token(&client).await;
    let kid = forge::part(&old, 0)["kid"].as_str().unwrap().to_owned();
    signing_key::retire(&app.admin, &kid, SigningAlgorithm::Es256).await.unwrap();
    within_a_second(401, || app.me(&old))
        .await
        .assert_invalid_token("signed by a key that was retired");
    // The revocation takes effect a moment before the key stops signing.
    app.caught_up().await;
    let new = app.access_token(&client).await;
    assert_eq!(app.me(&new).await.status, 200);
    let kept = app.database.number("SELECT COUNT(*) FROM revocations").await;
    assert_eq!(kept, 1);
}

/// A revocation is deleted with the last token that it could affect.
#[actix_web::test]
async fn expired_revocations_are_deleted() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    app.disable(&client).await;
    app.enable(&client).await;
    let rows = || async { app.database.number("SELECT COUNT(*) FROM revocations").await };
    assert_eq!(rows().await, 1);
    // Tokens live an hour, and a node may be cut off for a day.
    app.clock.advance(Duration::from_hours(23));
    app.clock.let_pass(Duration::from_hours(1));
    actix_web::rt::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(rows().await, 1, "not yet");
    app.clock.let_pass(Duration::from_hours(2));
    let begun = Instant::now();
    while rows().await > 0 {
        assert!(begun.elapsed() < Duration::from_secs(5), "{}", app.clock.now().date());
        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
    }
}

/// SEC-12: permissions.
#[actix_web::test]
async fn revoking_requires_the_scope() {
    let app = TestApp::spawn().await;
    let reader = Caller::with(&app, "mintery:clients:read mintery:apis:read").await;
    let client = app.client("read").await;
    let path = of_client(&client.id, "/revoke-tokens");
    let token = app.access_token(&client).await;
    reader.post(&path, json!({})).await.assert_problem(403, "err_no_permission", "a reader");
    reader.post(&of_api("/revoke-tokens"), json!({})).await.assert_problem(
        403,
        "err_no_permission",
        "a reader",
    );
    assert_eq!(app.me(&token).await.status, 200);
    let admin = Caller::admin(&app).await;
    for unknown in [
        of_client("nobody", "/revoke-tokens"),
        of_client("%00", "/revoke-tokens"),
        of_api("/revoke-tokens"),
    ] {
        admin.post(&unknown, json!({})).await.assert_problem(404, "err_not_found", &unknown);
    }
    assert_eq!(admin.get(&path).await.status, 405);
}
