//! Users: create, update, disable, delete.

use mintery::admin::user;
use mintery::admin::{Admin, AdminError};
use mintery::model::event::Actor;
use mintery::model::scope::ScopeSet;
use mintery::model::user::Role;
use reqwest::Method;
use serde_json::{Value, json};

use super::{USERS, act, body, patch, path};
use crate::support::app::{ISSUER, TestApp, within_a_second};
use crate::support::caller::Caller;
use crate::support::people::{Browser, PASSWORD};

#[actix_web::test]
async fn a_user_is_created_changed_disabled_and_deleted() {
    let app = TestApp::spawn().await;
    let admin = app.browser("ann", Role::Admin).await;
    let made = admin.post(USERS, body("Bob@example.com", "viewer")).await;
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.text("id");
    assert_eq!(made.header("location"), format!("{ISSUER}/api/v1/users/{id}"));
    assert_eq!(
        made.json(),
        json!({
            "id": id, "username": "Bob@example.com", "role": "viewer", "scope": "", "resources": [],
            "enabled": true, "second_factor": false, "created_at": app.now()
        })
    );
    assert_eq!(admin.get(&path(&id)).await.json(), made.json());
    let listed = admin.get(&format!("{USERS}?username=BOB&role=viewer&enabled=true")).await.json();
    assert_eq!((&listed["items"], &listed["next"]), (&json!([made.json()]), &Value::Null));
    let first = admin.get(&format!("{USERS}?limit=1")).await;
    let next = admin.get(&format!("{USERS}?limit=1&after={}", first.text("next"))).await.json();
    assert_ne!(first.json()["items"], next["items"]);
    assert_eq!(next["next"], Value::Null);

    let bob = Browser::given(&app, &app.try_log_in("bob@EXAMPLE.com", PASSWORD).await);
    assert_eq!(bob.get(USERS).await.status, 200);
    let changed = patch(&admin, &id, json!({ "username": "bob", "role": "member" })).await;
    assert_eq!(
        (changed.text("username"), changed.text("role")),
        ("bob".to_owned(), "member".to_owned())
    );
    bob.get(USERS).await.assert_problem(403, "err_no_permission", "a member from now on");
    assert_eq!(app.try_log_in("bob@example.com", PASSWORD).await.status, 401);

    assert_eq!(act(&admin, &id, "disable").await.json()["enabled"], false);
    bob.me().await.assert_invalid_token("disabled");
    assert_eq!(app.try_log_in("bob", PASSWORD).await.status, 401);
    assert_eq!(act(&admin, &id, "enable").await.json()["enabled"], true);
    bob.me().await.assert_invalid_token("a session does not come back");
    let bob = Browser::given(&app, &app.try_log_in("bob", PASSWORD).await);
    assert_eq!(bob.me().await.status, 200);
    assert_eq!(admin.send(Method::DELETE, &path(&id), None).await.status, 204);
    bob.me().await.assert_invalid_token("deleted");
    assert_eq!(app.try_log_in("bob", PASSWORD).await.status, 401);
    admin.get(&path(&id)).await.assert_problem(404, "err_not_found", "deleted");

    let events = admin.get(&format!("/api/v1/events?subject={id}")).await;
    for kind in ["created", "updated", "disabled", "enabled", "deleted", "logged_in"] {
        assert!(events.body.contains(&format!("\"user.{kind}\"")), "{kind}: {events:?}");
    }
    assert!(!events.body.contains(PASSWORD) && !events.body.contains("argon2"), "{events:?}");
}

#[actix_web::test]
async fn an_invalid_username_is_refused() {
    let app = TestApp::spawn().await;
    let admin = app.browser("ann", Role::Admin).await;
    let long = "x".repeat(10_000);
    for bad in [
        "",
        " ",
        "<script>alert(1)</script>",
        "\u{202e}nna",
        "ann\u{200f}",
        "a\u{0}b",
        "ann\n",
        "an n",
        "mu_0000000000000000000000",
        &long,
    ] {
        let answer = admin.post(USERS, body(bad, "member")).await;
        answer.assert_problem(400, "err_invalid_request", bad);
        if bad.len() > 1 {
            answer.assert_no_echo(bad, bad);
        }
        assert_eq!(app.try_log_in(bad, PASSWORD).await.status, 401, "{bad}");
    }
    for taken in ["ann", "ANN", "aNn"] {
        admin.post(USERS, body(taken, "member")).await.assert_problem(409, "err_conflict", taken);
    }
    let bob = app.user("bob", Role::Member).await;
    app.caught_up().await;
    let renamed = patch(&admin, bob.id.as_str(), json!({ "username": "Ann" })).await;
    renamed.assert_problem(409, "err_conflict", "renamed");
    // What differs in case alone is no other name.
    assert_eq!(patch(&admin, bob.id.as_str(), json!({ "username": "BOB" })).await.status, 200);
    for (input, what) in [
        (
            json!({ "username": "x", "role": "root", "password": PASSWORD }),
            "a role that there is not",
        ),
        (json!({ "username": "x", "role": "member" }), "no password"),
        (json!({ "username": "x", "role": "member", "password": PASSWORD, "id": "mu_x" }), "an id"),
        (json!({ "username": "x", "role": "member", "password": "lorry-7" }), "a short password"),
        (
            json!({ "username": "x", "role": "member", "password": "x".repeat(257) }),
            "a long password",
        ),
        (
            json!({ "username": "x", "role": "member", "password": "lorry\nUmbrella-7" }),
            "two lines",
        ),
        (
            json!({ "username": "x", "role": "member", "password": "Password123!" }),
            "a password that everybody has",
        ),
        (
            json!({ "username": "fortescue77", "role": "member", "password": "fortescue77" }),
            "the name",
        ),
    ] {
        let answer = admin.post(USERS, input).await;
        answer.assert_problem(400, "err_invalid_request", what);
        for sent in ["Password123!", "fortescue77", "lorry"] {
            answer.assert_no_echo(sent, what);
        }
    }
    let guessable = admin
        .post(USERS, json!({ "username": "x", "role": "member", "password": "Password123!" }))
        .await;
    assert!(
        guessable.text("detail").starts_with("the password is easy to guess. "),
        "{guessable:?}"
    );
}

#[actix_web::test]
async fn a_path_below_a_user_allows_its_methods() {
    let app = TestApp::spawn().await;
    let admin = app.browser("ann", Role::Admin).await;
    let id = path(&admin.me().await.text("sub"));
    for (part, allowed) in [
        ("enable", "POST"),
        ("set-password", "POST"),
        ("sessions", "GET, HEAD, DELETE"),
        ("sessions/x", "DELETE"),
        ("second-factor", "DELETE"),
    ] {
        let answer = admin.send(Method::PUT, &format!("{id}/{part}"), None).await;
        assert_eq!((answer.status, answer.header("allow")), (405, allowed), "{part}");
    }
    for nothing in ["x", "enable/x", "sessions/x/y", "sessionsx", "enable%2fx", "me/enable"] {
        let answer = admin.send(Method::POST, &format!("{id}/{nothing}"), None).await;
        assert!([404, 405].contains(&answer.status), "{nothing}: {answer:?}");
    }
}

/// Events say who it was.
#[actix_web::test]
async fn an_event_names_the_user_who_acted() {
    let app = TestApp::spawn().await;
    let ann = app.user("ann", Role::Admin).await;
    let admin = Admin {
        actor: Actor::User(ann.id.clone()),
        grantable: Some(ScopeSet::default()),
        ..app.admin.clone()
    };
    let refused = user::set_enabled(&admin, &ann.id, false).await;
    assert!(matches!(refused, Err(AdminError::Forbidden(_))), "{refused:?}");
    let browser = app.log_in(&ann).await;
    let made = browser.post(USERS, body("bob", "member")).await.text("id");
    let events = browser.get(&format!("/api/v1/events?subject={made}")).await.json();
    assert_eq!(events["items"][0]["actor"], format!("user:{}", ann.id));
    user::delete(&app.admin, &mintery::model::user::UserId::parse(&made).unwrap()).await.unwrap();
    let gone = path(&made);
    within_a_second(404, || browser.get(&gone)).await;
}

#[actix_web::test]
async fn users_list_and_end_their_sessions() {
    let app = TestApp::spawn().await;
    let (admin, meg) = (app.browser("ann", Role::Admin).await, app.user("meg", Role::Member).await);
    let (one, two, three) =
        (app.log_in(&meg).await, app.log_in(&meg).await, app.log_in(&meg).await);
    let own = format!("{USERS}/me/sessions");
    let listed = one.get(&own).await.json();
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.len(), 3);
    let current: Vec<&Value> = items.iter().filter(|item| item["current"] == true).collect();
    assert_eq!(current.len(), 1);
    assert_eq!(current[0]["address"], "127.0.0.1");
    let other = items.iter().find(|item| item["current"] == false).unwrap()["id"].as_str().unwrap();
    assert_eq!(one.send(Method::DELETE, &format!("{own}/{other}"), None).await.status, 204);
    let again = one.send(Method::DELETE, &format!("{own}/{other}"), None).await;
    again.assert_problem(404, "err_not_found", "gone");
    let cookie = one.send(Method::DELETE, &format!("{own}/{}", two.cookie), None).await;
    cookie.assert_problem(404, "err_not_found", "a cookie is no id");
    cookie.assert_no_echo(&two.cookie, "a cookie is no id");
    let left = one.send(Method::DELETE, &own, None).await;
    assert_eq!(left.json(), json!({ "revoked": 1 }));
    assert_eq!(one.me().await.status, 200);
    for browser in [&two, &three] {
        browser.me().await.assert_invalid_token("ended");
    }
    // Of others only who may.
    let ann = format!("{}/sessions", path(&admin.me().await.text("sub")));
    one.get(&ann).await.assert_problem(403, "err_no_permission", "those of others");
    one.send(Method::DELETE, &ann, None).await.assert_problem(
        403,
        "err_no_permission",
        "those of others",
    );
    let writer = Caller::with(&app, "mintery:users:read mintery:users:write").await;
    let of_ann = writer.get(&ann).await.json();
    let session = format!("{ann}/{}", of_ann["items"][0]["id"].as_str().unwrap());
    for path in [&ann, &session] {
        let answer = writer.delete(path).await;
        assert_eq!(
            (answer.status, answer.text("code").as_str()),
            (403, "err_no_permission"),
            "{answer:?}"
        );
    }
    assert_eq!(admin.me().await.status, 200);
    let of_meg = format!("{}/sessions", path(meg.id.as_str()));
    assert_eq!(admin.get(&of_meg).await.json()["items"].as_array().unwrap().len(), 1);
    assert_eq!(admin.send(Method::DELETE, &of_meg, None).await.json(), json!({ "revoked": 1 }));
    one.me().await.assert_invalid_token("ended by an administrator");
}
