//! Roles and scopes that a user may give to another.

use mintery::admin::user::{self, UserUpdate};
use mintery::admin::{Admin, AdminError};
use mintery::model::user::Role;
use reqwest::Method;
use serde_json::{Value, json};

use super::{OTHER_PASSWORD, USERS, act, body, patch, path};
use crate::support::answer::Answer;
use crate::support::app::{TestApp, new_client};
use crate::support::people::{PASSWORD, TestUser};

/// SEC-12
#[actix_web::test]
async fn a_user_gives_no_higher_role_than_their_own() {
    let app = TestApp::spawn().await;
    let ann = app.user("ann", Role::Admin).await;
    let viewer = app.browser("vic", Role::Viewer).await;
    viewer.post(USERS, body("x", "viewer")).await.assert_problem(
        403,
        "err_no_permission",
        "a viewer",
    );
    // A program that manages users, without further scopes.
    let scopes = "mintery:users:read mintery:users:write";
    let client = app.create(new_client(scopes)).await;
    let token = app.token(&client).scope(scopes).send().await.text("access_token");
    let send = |method: Method, path: &str, body: Value| {
        let request = app.request(method, path).bearer_auth(&token);
        Answer::of(request.header("content-type", "application/json").body(body.to_string()))
    };
    for role in ["admin", "viewer"] {
        let answer = send(Method::POST, USERS, body("x", role)).await;
        assert_eq!(
            (answer.status, answer.text("code").as_str()),
            (403, "err_no_permission"),
            "{role}"
        );
    }
    let made = send(Method::POST, USERS, body("meg", "member")).await;
    assert_eq!(made.status, 201, "{made:?}");
    let meg = made.text("id");
    assert_eq!(send(Method::PATCH, &path(&meg), json!({ "role": "admin" })).await.status, 403);
    let id = ann.id.as_str();
    assert_eq!(send(Method::PATCH, &path(id), json!({ "role": "member" })).await.status, 403);
    assert_eq!(send(Method::DELETE, &path(id), json!({})).await.status, 403);
    let password = json!({ "password": OTHER_PASSWORD });
    assert_eq!(
        send(Method::POST, &format!("{}/set-password", path(id)), password.clone()).await.status,
        403
    );
    assert_eq!(send(Method::POST, &format!("{}/disable", path(id)), json!({})).await.status, 403);
    assert_eq!(
        send(Method::POST, &format!("{}/set-password", path(&meg)), password).await.status,
        200
    );
    assert_eq!(send(Method::GET, &format!("{USERS}/me/sessions"), json!({})).await.status, 403);
    assert_eq!(app.try_log_in("ann", PASSWORD).await.status, 200);
    assert_eq!(app.try_log_in("meg", OTHER_PASSWORD).await.status, 200);
}

/// SEC-12: only a caller with an API scope can grant it to a user, or make a change that would let
/// it act as a user who has it.
#[actix_web::test]
async fn a_user_gives_no_scope_that_they_lack() {
    let app = TestApp::spawn().await;
    let admin = app.browser("ann", Role::Admin).await;
    app.api("https://orders.example.com").await;
    let given = json!({
        "username": "meg", "role": "member", "password": PASSWORD, "scope": "write read",
        "resources": ["https://orders.example.com"]
    });
    let made = admin.post(USERS, given).await;
    assert_eq!(made.status, 201, "{made:?}");
    let meg = made.text("id");
    assert_eq!(made.json()["scope"], "read write");
    assert_eq!(made.json()["resources"], json!(["https://orders.example.com"]));
    assert_eq!(admin.get(&path(&meg)).await.json(), made.json());
    let events = admin.get(&format!("/api/v1/events?subject={meg}")).await.json();
    assert_eq!(events["items"][0]["details"]["scope"], "read write", "{events}");
    // The role decides Mintery's own scopes.
    for (change, what) in [
        (json!({ "scope": "read mintery:clients:read" }), "Mintery's own"),
        (json!({ "scope": "read  write" }), "two spaces"),
        (json!({ "scope": "x".repeat(4097) }), "too much"),
        (json!({ "scope": ["read"] }), "a list"),
        (json!({ "resources": ["orders"] }), "no URI"),
        (json!({ "resources": ["https://stock.example.com"] }), "an API that there is not"),
        (json!({ "resources": vec!["https://orders.example.com"; 33] }), "too many APIs"),
    ] {
        let answer = patch(&admin, &meg, change.clone()).await;
        answer.assert_problem(400, "err_invalid_request", what);
        let mut new = body("x", "admin");
        new.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        admin.post(USERS, new).await.assert_problem(400, "err_invalid_request", what);
    }
    assert_eq!(admin.get(&path(&meg)).await.json(), made.json());

    // A program that manages users and their keys, with one of the two scopes.
    let scopes = "mintery:keys:write mintery:users:read mintery:users:write read";
    let client = app.create(new_client(scopes)).await;
    let token = app.token(&client).scope(scopes).send().await.text("access_token");
    let send = |method: Method, path: &str, body: Value| {
        let request = app.request(method, path).bearer_auth(&token);
        Answer::of(request.header("content-type", "application/json").body(body.to_string()))
    };
    let own = path(&meg);
    let key = json!({ "name": "x", "owner": meg, "scope": "read" });
    let password = json!({ "password": OTHER_PASSWORD });
    let new = |scope: &str| json!({ "username": "eve", "role": "member", "password": PASSWORD, "scope": scope });
    for (method, at, body) in [
        (Method::POST, USERS.to_owned(), new("write")),
        (Method::PATCH, own.clone(), json!({ "scope": "read" })),
        (Method::PATCH, own.clone(), json!({ "username": "eve" })),
        (Method::POST, format!("{own}/enable"), json!({})),
        (Method::POST, format!("{own}/set-password"), password.clone()),
        (Method::DELETE, own.clone(), json!({})),
        (Method::DELETE, format!("{own}/second-factor"), json!({})),
        (Method::POST, "/api/v1/keys".to_owned(), key.clone()),
    ] {
        let answer = send(method, &at, body).await;
        assert_eq!(
            (answer.status, answer.text("code").as_str()),
            (403, "err_no_permission"),
            "{at}"
        );
        assert!(answer.text("detail").contains("write"), "{answer:?}");
    }
    // Disabling a user requires fewer rights.
    assert_eq!(send(Method::POST, &format!("{own}/disable"), json!({})).await.status, 200);
    assert_eq!(act(&admin, &meg, "enable").await.status, 200);
    assert_eq!(patch(&admin, &meg, json!({ "scope": "read" })).await.status, 200);
    assert_eq!(send(Method::PATCH, &own, json!({ "scope": "write" })).await.status, 403);
    // They still have an API that the program does not have.
    for (at, body) in
        [(format!("{own}/set-password"), &password), ("/api/v1/keys".to_owned(), &key)]
    {
        assert_eq!(send(Method::POST, &at, body.clone()).await.status, 403, "{at}");
    }
    assert_eq!(patch(&admin, &meg, json!({ "resources": [] })).await.status, 200);
    assert_eq!(send(Method::POST, &format!("{own}/set-password"), password).await.status, 200);
    assert_eq!(send(Method::POST, "/api/v1/keys", key).await.status, 201);
    // Only a caller with scopes for APIs decides which APIs a user may call.
    let apis = json!({ "resources": [] });
    assert_eq!(send(Method::PATCH, &own, apis).await.status, 200);
    let apis = json!({ "resources": ["https://orders.example.com"] });
    assert_eq!(send(Method::PATCH, &own, apis).await.status, 403);
    assert_eq!(send(Method::POST, USERS, new("read")).await.status, 201);
}

/// One administrator always remains, even if two are removed concurrently.
#[actix_web::test]
async fn the_last_administrator_stays() {
    let app = TestApp::spawn().await;
    let ann = app.user("ann", Role::Admin).await;
    let admin = app.log_in(&ann).await;
    let id = ann.id.as_str();
    let refused = |answer: Answer, what: &str| {
        answer.assert_problem(409, "err_conflict", what);
        assert!(answer.text("detail").contains("last administrator"), "{answer:?}");
    };
    refused(act(&admin, id, "disable").await, "disabled");
    refused(patch(&admin, id, json!({ "role": "viewer" })).await, "demoted");
    refused(admin.send(Method::DELETE, &path(id), None).await, "deleted");
    // A disabled administrator does not count.
    let bob = app.user("bob", Role::Admin).await;
    user::set_enabled(&app.admin, &bob.id, false).await.unwrap();
    refused(patch(&admin, id, json!({ "role": "member" })).await, "beside a disabled one");
    assert_eq!(patch(&admin, id, json!({ "username": "anna" })).await.status, 200);
    assert_eq!(admin.get(USERS).await.status, 200);

    for round in 0..5 {
        user::set_enabled(&app.admin, &ann.id, true).await.unwrap();
        user::set_enabled(&app.admin, &bob.id, true).await.unwrap();
        let admin = UserUpdate { role: Some(Role::Admin), ..UserUpdate::default() };
        user::update(&app.admin, &bob.id, admin).await.unwrap();
        let other = app.database.administer(app.clock.clone()).await;
        let (one, two) = tokio::join!(
            user::set_enabled(&app.admin, &ann.id, false),
            demote_or_disable(&other, &bob, round)
        );
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        for outcome in [one.map(drop), two] {
            assert!(matches!(outcome, Ok(()) | Err(AdminError::Conflict(_))), "{outcome:?}");
        }
    }
}

async fn demote_or_disable(admin: &Admin, user: &TestUser, round: i32) -> Result<(), AdminError> {
    if round % 2 == 0 {
        return user::set_enabled(admin, &user.id, false).await.map(drop);
    }
    let demoted = user::update(
        admin,
        &user.id,
        UserUpdate { role: Some(Role::Viewer), ..UserUpdate::default() },
    )
    .await?;
    assert_eq!(demoted.role, Role::Viewer);
    Ok(())
}
