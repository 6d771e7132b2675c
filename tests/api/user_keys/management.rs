//! Users create and revoke their keys.

use std::time::Duration;

use mintery::admin::api_key;
use mintery::admin::user::{self, UserUpdate};
use mintery::model::user::Role;
use reqwest::Method;
use serde_json::json;

use super::{KEYS, make, text};
use crate::support::answer::Answer;
use crate::support::api_key::key_of;
use crate::support::api_key::owned_by;
use crate::support::app::{TestApp, new_client, within_a_second};
use crate::support::people::ME;

/// Members have keys of their own, and see no others.
#[actix_web::test]
async fn a_user_manages_their_own_keys() {
    let app = TestApp::spawn().await;
    let (meg, eve) = (app.user("meg", Role::Member).await, app.user("eve", Role::Member).await);
    let client = app.create(new_client("")).await;
    let of_client = app.key(owned_by(&client)).await;
    let (one, other) = (app.log_in(&meg).await, app.log_in(&eve).await);
    let made = make(&one, json!({ "name": "mine" })).await;
    let (id, key) = (text(&made, "id"), text(&made, "key"));
    assert_eq!((&made["owner"], &made["scope"]), (&json!(meg.id.as_str()), &json!("")));
    let me = app.get_with(ME, &key).await.json();
    assert_eq!(
        (&me["sub"], &me["kind"], &me["name"]),
        (&json!(meg.id.as_str()), &json!("api_key"), &json!("mine"))
    );
    let check = app.get_with("/auth/check", &key).await;
    assert_eq!(check.header("x-auth-subject"), meg.id.as_str());
    let of_eve = make(&other, json!({ "name": "hers", "owner": eve.id.as_str() })).await;

    let listed = one.get(KEYS).await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(listed["items"][0]["id"], id);
    assert_eq!(one.get(&format!("{KEYS}?owner={}", meg.id)).await.status, 200);
    for foreign in [eve.id.as_str(), &client.id] {
        let answer = one.get(&format!("{KEYS}?owner={foreign}")).await;
        answer.assert_problem(403, "err_no_permission", foreign);
        let answer = one.post(KEYS, json!({ "name": "x", "owner": foreign })).await;
        answer.assert_problem(403, "err_no_permission", foreign);
        let answer = one.post(&format!("{KEYS}/revoke"), json!({ "owner": foreign })).await;
        answer.assert_problem(403, "err_no_permission", foreign);
    }
    for foreign in [text(&of_eve, "id"), of_client.id().to_string()] {
        let path = format!("{KEYS}/{foreign}");
        for answer in [
            one.get(&path).await,
            one.get(&format!("{path}/usage")).await,
            one.send(Method::PATCH, &path, Some(json!({ "name": "mine" }))).await,
            one.send(Method::DELETE, &path, None).await,
            one.send(Method::POST, &format!("{path}/disable"), None).await,
            one.send(Method::POST, &format!("{path}/enable"), None).await,
            one.send(Method::POST, &format!("{path}/rotate"), None).await,
            one.post(&format!("{KEYS}/revoke"), json!({ "ids": [foreign] })).await,
        ] {
            answer.assert_problem(404, "err_not_found", &foreign);
        }
    }
    assert_eq!(app.get_with(ME, &text(&of_eve, "key")).await.status, 200);
    assert_eq!(app.get_with(ME, &of_client.key).await.status, 200);
    // Users grant only scopes they hold.
    for scope in ["read", "mintery:keys:read"] {
        let answer = one.post(KEYS, json!({ "name": "x", "scope": scope })).await;
        assert_eq!(answer.status, 400, "{answer:?}");
    }
    let own = format!("{KEYS}/{id}");
    let renamed = one.send(Method::PATCH, &own, Some(json!({ "name": "other" }))).await;
    assert_eq!(renamed.text("name"), "other");
    assert_eq!(one.send(Method::POST, &format!("{own}/disable"), None).await.status, 200);
    assert_eq!(app.get_with(ME, &key).await.status, 401);
    assert_eq!(one.send(Method::POST, &format!("{own}/enable"), None).await.status, 200);
    let rotated = one.send(Method::POST, &format!("{own}/rotate"), None).await;
    assert_eq!(rotated.status, 201, "{rotated:?}");
    assert_eq!(one.get(&format!("{own}/usage")).await.status, 200);
    assert_eq!(one.send(Method::DELETE, &own, None).await.status, 204);
    assert_eq!(app.get_with(ME, &key).await.status, 401);
    let gone = one.post(&format!("{KEYS}/revoke"), json!({ "owner": meg.id.as_str() })).await;
    assert_eq!(gone.json()["revoked"], json!([rotated.text("id")]));
    // A key that is already revoked does not keep the others from being revoked.
    let left = one.post(KEYS, json!({ "name": "left" })).await.text("id");
    let some = one.post(&format!("{KEYS}/revoke"), json!({ "ids": [id, left] })).await;
    assert_eq!(some.json()["revoked"], json!([left]), "{some:?}");
    // Not without a session: a user's key manages nothing.
    app.get_with(KEYS, &text(&of_eve, "key")).await.assert_problem(
        403,
        "err_no_permission",
        "a key",
    );
}

/// SEC-10: disabling and deleting a user affect their keys.
#[actix_web::test]
async fn a_key_goes_with_its_user() {
    let app = TestApp::spawn().await;
    app.user("ann", Role::Admin).await;
    let bob = app.user("bob", Role::Admin).await;
    let key = key_of(&app, &bob, "read mintery:users:read").await;
    assert_eq!(app.get_with(ME, &key.key).await.json()["scope"], "mintery:users:read read");
    assert_eq!(app.get_with("/api/v1/users", &key.key).await.status, 200);
    let demote = |role| UserUpdate { role: Some(role), ..UserUpdate::default() };
    user::update(&app.admin, &bob.id, demote(Role::Viewer)).await.unwrap();
    app.caught_up().await;
    assert_eq!(app.get_with(ME, &key.key).await.json()["scope"], "mintery:users:read");
    user::update(&app.admin, &bob.id, demote(Role::Member)).await.unwrap();
    app.caught_up().await;
    assert_eq!(app.get_with(ME, &key.key).await.json()["scope"], "");
    app.get_with("/api/v1/users", &key.key).await.assert_problem(
        403,
        "err_no_permission",
        "a member",
    );

    user::set_enabled(&app.admin, &bob.id, false).await.unwrap();
    within_a_second(401, || app.get_with(ME, &key.key)).await.assert_invalid_token("disabled");
    user::set_enabled(&app.admin, &bob.id, true).await.unwrap();
    within_a_second(200, || app.get_with(ME, &key.key)).await;
    user::delete(&app.admin, &bob.id).await.unwrap();
    within_a_second(401, || app.get_with(ME, &key.key)).await.assert_invalid_token("deleted");
    assert_eq!(
        api_key::page(&app.admin, "", 10, &api_key::Filter::default()).await.unwrap().len(),
        0
    );
}

/// SEC-12
#[actix_web::test]
async fn a_key_of_a_user_is_created_by_a_caller_with_its_scopes() {
    let app = TestApp::spawn().await;
    let ann = app.user("ann", Role::Admin).await;
    let admin = app.log_in(&ann).await;
    let (vic, meg) = (app.user("vic", Role::Viewer).await, app.user("meg", Role::Member).await);
    let viewer = app.log_in(&vic).await;
    let of_meg = make(&admin, json!({ "name": "x", "owner": meg.id.as_str() })).await;
    assert_eq!(of_meg["owner"], meg.id.as_str());
    let client = app.client("read").await;
    let of_client = make(&admin, json!({ "name": "x", "owner": client.id })).await;
    assert_eq!(of_client["scope"], "read");
    // A viewer sees everything, and creates only their own keys, with their own scopes.
    assert_eq!(viewer.get(KEYS).await.json()["items"].as_array().unwrap().len(), 2);
    let path = format!("{KEYS}/{}", text(&of_meg, "id"));
    assert_eq!(viewer.get(&path).await.status, 200);
    viewer.send(Method::DELETE, &path, None).await.assert_problem(
        404,
        "err_not_found",
        "somebody else's",
    );
    let own = make(&viewer, json!({ "name": "x", "scope": "mintery:clients:read" })).await;
    assert_eq!(app.get_with("/api/v1/clients", &text(&own, "key")).await.status, 200);
    let more = viewer.post(KEYS, json!({ "name": "x", "scope": "mintery:clients:write" })).await;
    assert_eq!(more.status, 400, "{more:?}");
    // A program that manages keys does not become an administrator through an administrator's key.
    let scopes = "mintery:keys:read mintery:keys:write";
    let program = app.create(new_client(scopes)).await;
    let token = app.token(&program).scope(scopes).send().await.text("access_token");
    for owner in [&ann, &vic] {
        let body = json!({ "name": "x", "owner": owner.id.as_str(), "scope": "" }).to_string();
        let request = app.request(Method::POST, KEYS).bearer_auth(&token);
        let answer =
            Answer::of(request.header("content-type", "application/json").body(body)).await;
        assert_eq!(
            (answer.status, answer.text("code").as_str()),
            (403, "err_no_permission"),
            "{answer:?}"
        );
    }
    let nobody =
        admin.post(KEYS, json!({ "name": "x", "owner": "mu_0000000000000000000000" })).await;
    nobody.assert_problem(400, "err_invalid_request", "nobody");
    // An expired session creates no key.
    app.clock.advance(Duration::from_hours(12));
    admin.post(KEYS, json!({ "name": "x" })).await.assert_invalid_token("idle");
}

/// 9068-3: no client has the form of a user id.
#[actix_web::test]
async fn no_client_has_the_id_of_a_user() {
    let app = TestApp::spawn().await;
    let admin = app.browser("ann", Role::Admin).await;
    let id = admin.me().await.text("sub");
    for taken in [id.as_str(), "mu_0000000000000000000000"] {
        let body = json!({ "client_name": "x", "client_id": taken });
        admin.post("/api/v1/clients", body).await.assert_problem(400, "err_invalid_request", taken);
    }
    let body = json!({ "client_name": "x", "client_id": "mu_client" });
    assert_eq!(admin.post("/api/v1/clients", body).await.status, 201);
}
