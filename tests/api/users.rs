//! People: who makes them known, what they are called, and who decides about whom.

use std::time::{Duration, Instant};

use mintery::admin::user::{self, UserUpdate};
use mintery::admin::{Admin, AdminError};
use mintery::model::event::Actor;
use mintery::model::scope::ScopeSet;
use mintery::model::user::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::administration::Caller;
use crate::support::answer::Answer;
use crate::support::app::{ISSUER, TestApp, new_client, within_a_second};
use crate::support::people::{Browser, PASSWORD, TestUser};

const USERS: &str = "/api/v1/users";
const OTHER_PASSWORD: &str = "seven-Pelicans-under-9-oaks";

fn body(username: &str, role: &str) -> Value {
    json!({ "username": username, "role": role, "password": PASSWORD })
}

fn path(id: &str) -> String {
    format!("{USERS}/{id}")
}

async fn patch(browser: &Browser<'_>, id: &str, change: Value) -> Answer {
    browser.send(Method::PATCH, &path(id), Some(change)).await
}

async fn act(browser: &Browser<'_>, id: &str, act: &str) -> Answer {
    browser.send(Method::POST, &format!("{USERS}/{id}/{act}"), None).await
}

#[actix_web::test]
async fn somebody_is_made_known_changed_disabled_and_deleted() {
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
async fn what_nobody_can_be_called_is_refused() {
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

/// SEC-12
#[actix_web::test]
async fn nobody_gives_a_role_that_they_do_not_hold() {
    let app = TestApp::spawn().await;
    let ann = app.user("ann", Role::Admin).await;
    let viewer = app.browser("vic", Role::Viewer).await;
    viewer.post(USERS, body("x", "viewer")).await.assert_problem(
        403,
        "err_no_permission",
        "a viewer",
    );
    // A program that manages users, and holds no more.
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

/// SEC-12: what somebody may do at APIs is given by who may do it too, and so is whatever would
/// make them somebody who may.
#[actix_web::test]
async fn nobody_gives_a_scope_that_they_do_not_hold() {
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
    // The role says what of Mintery's own they may do.
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

    // A program that manages users and their keys, and holds one of the two.
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
    // To stop somebody takes less.
    assert_eq!(send(Method::POST, &format!("{own}/disable"), json!({})).await.status, 200);
    assert_eq!(act(&admin, &meg, "enable").await.status, 200);
    assert_eq!(patch(&admin, &meg, json!({ "scope": "read" })).await.status, 200);
    assert_eq!(send(Method::PATCH, &own, json!({ "scope": "write" })).await.status, 403);
    assert_eq!(send(Method::POST, &format!("{own}/set-password"), password).await.status, 200);
    assert_eq!(send(Method::POST, "/api/v1/keys", key).await.status, 201);
    // Which APIs somebody may use is for those to say who manage APIs.
    let apis = json!({ "resources": [] });
    assert_eq!(send(Method::PATCH, &own, apis).await.status, 200);
    let apis = json!({ "resources": ["https://orders.example.com"] });
    assert_eq!(send(Method::PATCH, &own, apis).await.status, 403);
    assert_eq!(send(Method::POST, USERS, new("read")).await.status, 201);
}

/// There is always an administrator left, also where two go at once.
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
    // A disabled administrator is none.
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

/// SEC-4, 6749-17: nobody learns who there is, and guessing is limited.
#[actix_web::test]
async fn guessing_is_limited_and_tells_nothing() {
    let app = TestApp::spawn().await;
    app.user("ann", Role::Admin).await;
    let bob = app.user("bob", Role::Member).await;
    user::set_enabled(&app.admin, &bob.id, false).await.unwrap();
    let wrong = app.try_log_in("ann", "wrong-1").await;
    wrong.assert_problem(401, "err_unauthorised", "a wrong password");
    let long = "x".repeat(10_000);
    for (username, password) in [
        ("nobody", "wrong-1"),
        ("bob", PASSWORD),
        ("bob", "wrong-1"),
        ("ann", ""),
        ("ann", &long),
        (&long, &long),
        ("", ""),
    ] {
        let answer = app.try_log_in(username, password).await;
        assert_eq!(answer.fingerprint(), wrong.fingerprint(), "{username:.20} {password:.20}");
    }
    // The same again is no guess; others are counted, whether there is such a user or not.
    for username in ["carl", "ANN"] {
        for _ in 0..20 {
            assert_eq!(app.try_log_in(username, "wrong-1").await.status, 401);
        }
        let mut refused = 0;
        for number in 0..12 {
            let answer = app.try_log_in(username, &format!("wrong-{username}-{number}")).await;
            if answer.status == 429 {
                answer.assert_problem(429, "err_rate_limited", username);
                assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
                refused += 1;
            } else {
                assert_eq!(answer.status, 401, "{answer:?}");
            }
        }
        assert!(refused >= 3, "{username}: {refused}");
    }
    // Who is right from there has to wait too, but not from elsewhere, and not for others.
    app.user("dora", Role::Member).await;
    assert_eq!(app.try_log_in("dora", PASSWORD).await.status, 200);
    assert_eq!(app.try_log_in("ann", PASSWORD).await.status, 429);
    app.clock.let_pass(Duration::from_secs(6));
    assert_eq!(app.try_log_in("ann", PASSWORD).await.status, 200);
    for _ in 0..30 {
        assert_eq!(
            app.try_log_in("ann", PASSWORD).await.status,
            200,
            "what is right does not count"
        );
    }
    for (input, what) in [
        (json!({ "username": "ann" }), "no password"),
        (json!({ "password": PASSWORD }), "no name"),
        (json!({ "username": ["ann"], "password": PASSWORD }), "no text"),
        (json!({ "username": "ann", "password": 7 }), "a number"),
        (json!({ "username": "ann", "password": PASSWORD, "remember": true }), "something else"),
        (json!([]), "no object"),
    ] {
        let answer = Answer::of(app.log_in_request(&input)).await;
        answer.assert_problem(400, "err_invalid_request", what);
        answer.assert_no_echo(PASSWORD, what);
    }
}

/// Whoever changes a password ends the sessions that were begun with the old one.
#[actix_web::test]
async fn another_password_ends_the_other_sessions() {
    let app = TestApp::spawn().await;
    let (admin, meg) = (app.browser("ann", Role::Admin).await, app.user("meg", Role::Member).await);
    let (one, two) = (app.log_in(&meg).await, app.log_in(&meg).await);
    let own = format!("{USERS}/me/set-password");
    let change = |current: &str, new: &str| json!({ "current_password": current, "password": new });
    for (input, what) in [
        (json!({ "password": OTHER_PASSWORD }), "without the old one"),
        (change("wrong", OTHER_PASSWORD), "with a wrong one"),
        (change(PASSWORD, "short"), "to a short one"),
        (change(PASSWORD, "megmegmegmeg"), "to one that is easy to guess"),
    ] {
        one.post(&own, input).await.assert_problem(400, "err_invalid_request", what);
    }
    let done = one.post(&own, change(PASSWORD, OTHER_PASSWORD)).await;
    assert_eq!(done.status, 200, "{done:?}");
    assert_eq!(one.me().await.status, 200);
    two.me().await.assert_invalid_token("another session");
    assert_eq!(app.try_log_in("meg", PASSWORD).await.status, 401);
    assert_eq!(app.try_log_in("meg", OTHER_PASSWORD).await.status, 200);
    // By somebody else.
    let answer = admin
        .post(&format!("{}/set-password", path(meg.id.as_str())), json!({ "password": PASSWORD }))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    one.me().await.assert_invalid_token("set by an administrator");
    one.post(&own, json!({})).await.assert_invalid_token("after that");
    assert_eq!(app.try_log_in("meg", OTHER_PASSWORD).await.status, 401);
    assert_eq!(app.try_log_in("meg", PASSWORD).await.status, 200);
}

/// SEC-3: judging and hashing a password takes its turn among those who log in. Nobody keeps them
/// waiting with passwords of their own.
#[actix_web::test]
async fn whoever_changes_their_password_again_and_again_holds_nobody_up() {
    let app = TestApp::with(&[("trusted_proxies", "127.0.0.1")]).await;
    let (meg, vic) = (app.user("meg", Role::Member).await, app.user("vic", Role::Viewer).await);
    let browser = app.log_in(&meg).await;
    // All the ways in which a letter is written otherwise.
    let costly = "4@8({[<369&#!1/|0$5+7%2".repeat(11);
    let body = json!({ "current_password": PASSWORD, "password": costly }).to_string();
    let changes = (0..40).map(|_| {
        let request = browser.request(Method::POST, &format!("{USERS}/me/set-password"));
        let request = request.header("origin", ISSUER).header("content-type", "application/json");
        request.body(body.clone()).send()
    });
    let flood = futures_util::future::join_all(changes);
    let other = async {
        // After all of them.
        actix_web::rt::time::sleep(Duration::from_millis(200)).await;
        let begun = Instant::now();
        let input = json!({ "username": vic.username, "password": vic.password });
        let answer =
            Answer::of(app.log_in_request(&input).header("x-forwarded-for", "192.0.2.9")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        begun.elapsed()
    };
    let (_, took) = futures_util::future::join(flood, other).await;
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[actix_web::test]
async fn people_see_and_end_their_sessions() {
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

#[actix_web::test]
async fn what_stands_behind_an_id_takes_its_methods() {
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
async fn an_act_of_a_person_is_theirs() {
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
