//! The second factor: an authenticator app, and recovery codes.

use std::time::Duration;

use actix_web::rt::net::TcpStream;
use mintery::admin::second_factor;
use mintery::model::user::Role;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Connection as _;

use crate::support::answer::Answer;
use crate::support::app::{ISSUER, TestApp};
use crate::support::authenticator::{code, wrong_code};
use crate::support::people::{Browser, PASSWORD, SESSION, TestUser};

const OWN: &str = "/api/v1/users/me/second-factor";

async fn try_log_in(app: &TestApp, user: &TestUser, code: &str) -> Answer {
    let body = json!({ "username": user.username, "password": user.password, "code": code });
    Answer::of(app.log_in_request(&body)).await
}

/// Sets up a second factor; returns its secret and the recovery codes.
async fn enroll(app: &TestApp, browser: &Browser<'_>) -> (String, Vec<String>) {
    let begun = browser.send(Method::POST, OWN, None).await;
    assert_eq!(begun.status, 200, "{begun:?}");
    let secret = begun.text("secret");
    let confirmed =
        browser.post(&format!("{OWN}/confirm"), json!({ "code": code(&secret, app.now()) })).await;
    assert_eq!(confirmed.status, 200, "{confirmed:?}");
    let codes = confirmed.json()["recovery_codes"].as_array().unwrap().clone();
    app.clock.advance(Duration::from_secs(30));
    (secret, codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect())
}

#[actix_web::test]
async fn a_user_sets_up_a_second_factor_and_logs_in_with_it() {
    let app = TestApp::spawn().await;
    let ann = app.user("ann", Role::Admin).await;
    let browser = app.log_in(&ann).await;
    let begun = browser.send(Method::POST, OWN, None).await;
    let secret = begun.text("secret");
    assert_eq!(secret.len(), 32);
    assert_eq!(
        begun.text("uri"),
        format!(
            "otpauth://totp/auth%2Eexample%2Ecom:ann?secret={secret}&issuer=auth%2Eexample%2Ecom&algorithm=SHA1&digits=6&period=30"
        )
    );
    assert!(begun.text("qr_svg").contains("<svg"), "{begun:?}");
    assert_eq!(begun.header("cache-control"), "no-store");
    // No code is required before an app has proved that it works.
    assert_eq!(app.try_log_in("ann", PASSWORD).await.status, 200);
    let confirm = format!("{OWN}/confirm");
    let wrong = browser.post(&confirm, json!({ "code": wrong_code(&app, &secret) })).await;
    wrong.assert_problem(400, "err_invalid_request", "a wrong code");
    let first = code(&secret, app.now());
    let confirmed = browser.post(&confirm, json!({ "code": first })).await;
    assert_eq!(confirmed.json()["recovery_codes"].as_array().unwrap().len(), 10, "{confirmed:?}");
    browser.post(&confirm, json!({ "code": first })).await.assert_problem(
        409,
        "err_conflict",
        "twice",
    );
    browser.send(Method::POST, OWN, None).await.assert_problem(409, "err_conflict", "another one");

    let needed = app.try_log_in("ann", PASSWORD).await;
    needed.assert_problem(401, "err_unauthorised", "no code");
    assert_eq!(needed.json()["code_required"], true);
    assert_eq!(needed.header("set-cookie"), "");
    let wrong = app.try_log_in("ann", "wrong").await;
    wrong.assert_problem(401, "err_unauthorised", "a wrong password");
    assert_eq!(wrong.json()["code_required"], Value::Null);
    // The code used above is spent, on all nodes.
    assert_eq!(try_log_in(&app, &ann, &first).await.status, 401);
    app.clock.advance(Duration::from_secs(30));
    let second = code(&secret, app.now());
    let spaced = format!("{} {}", &second[..3], &second[3..]);
    let answer = try_log_in(&app, &ann, &spaced).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let again = try_log_in(&app, &ann, &second).await;
    again.assert_problem(401, "err_unauthorised", "the same again");
    assert_eq!(again.json()["code_required"], true);
    // One step late, one step early.
    app.clock.advance(Duration::from_mins(1));
    assert_eq!(try_log_in(&app, &ann, &code(&secret, app.now() - 60)).await.status, 401);
    assert_eq!(try_log_in(&app, &ann, &code(&secret, app.now() - 30)).await.status, 200);
    assert_eq!(try_log_in(&app, &ann, &code(&secret, app.now() + 60)).await.status, 401);
    assert_eq!(try_log_in(&app, &ann, &code(&secret, app.now() + 30)).await.status, 200);
    // A code older than the last one is spent too.
    assert_eq!(try_log_in(&app, &ann, &code(&secret, app.now())).await.status, 401);

    let me = browser.get("/api/v1/users").await.json();
    assert_eq!(me["items"][0]["second_factor"], true);
    let events = browser.get(&format!("/api/v1/events?subject={}", ann.id)).await;
    for kind in ["second_factor_begun", "second_factor_confirmed"] {
        assert!(events.body.contains(kind), "{kind}: {events:?}");
    }
    assert!(events.body.contains("\"second_factor\":\"totp\""), "{events:?}");
    assert!(!events.body.contains(&secret), "{events:?}");
    let kept = app
        .database
        .number("SELECT COUNT(*) FROM second_factors WHERE sealed_secret LIKE 'v1.%'")
        .await;
    assert_eq!(kept, 1);
}

/// Of two concurrent requests with the same code, one is an attacker's.
#[actix_web::test]
async fn a_code_is_good_once_however_fast() {
    let app = TestApp::spawn().await;
    let ann = app.user("ann", Role::Viewer).await;
    let browser = app.log_in(&ann).await;
    let (secret, codes) = enroll(&app, &browser).await;
    let now = code(&secret, app.now());
    for shown in [&now, &codes[0]] {
        let (one, two) = tokio::join!(try_log_in(&app, &ann, shown), try_log_in(&app, &ann, shown));
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401], "{one:?} {two:?}");
    }
}

#[actix_web::test]
async fn a_recovery_code_is_good_once() {
    let app = TestApp::spawn().await;
    let ann = app.user("ann", Role::Viewer).await;
    let browser = app.log_in(&ann).await;
    let (secret, codes) = enroll(&app, &browser).await;
    assert_eq!(try_log_in(&app, &ann, &codes[0]).await.status, 200);
    assert_eq!(try_log_in(&app, &ann, &codes[0]).await.status, 401);
    assert_eq!(
        try_log_in(&app, &ann, &codes[1].to_uppercase().replace('-', " ")).await.status,
        200
    );
    assert_eq!(second_factor::codes_left(&app.admin, &ann.id).await.unwrap(), 8);
    // It is not valid for another user.
    let bob = app.user("bob", Role::Viewer).await;
    let of_bob = app.log_in(&bob).await;
    let (_, codes_of_bob) = enroll(&app, &of_bob).await;
    assert_eq!(try_log_in(&app, &ann, &codes_of_bob[0]).await.status, 401);
    // New codes replace the old ones.
    let renew = format!("{OWN}/recovery-codes");
    browser.post(&renew, json!({ "code": "abcde-fghij" })).await.assert_problem(
        400,
        "err_invalid_request",
        "wrong",
    );
    let renewed = browser.post(&renew, json!({ "code": code(&secret, app.now()) })).await.json();
    assert_eq!(try_log_in(&app, &ann, &codes[2]).await.status, 401);
    let new = renewed["recovery_codes"][0].as_str().unwrap();
    assert_eq!(try_log_in(&app, &ann, new).await.status, 200);
    // Removed with a code; afterwards none is required.
    let remove = format!("{OWN}/remove");
    browser.post(&remove, json!({})).await.assert_problem(400, "err_invalid_request", "no code");
    browser.post(&remove, json!({ "code": "000000 1" })).await.assert_problem(
        400,
        "err_invalid_request",
        "wrong",
    );
    let other = renewed["recovery_codes"][1].as_str().unwrap();
    assert_eq!(browser.post(&remove, json!({ "code": other })).await.status, 204);
    assert_eq!(app.try_log_in("ann", PASSWORD).await.status, 200);
}

/// 6749-17: a known password does not allow guessing codes.
#[actix_web::test]
async fn guessing_codes_is_limited() {
    let app = TestApp::with(&[("trusted_proxies", "127.0.0.1")]).await;
    let ann = app.user("ann", Role::Viewer).await;
    let browser = app.log_in(&ann).await;
    let (secret, _) = enroll(&app, &browser).await;
    let wrong = wrong_code(&app, &secret);
    for number in 0..10 {
        // From every address.
        let body = json!({ "username": "ann", "password": PASSWORD, "code": wrong });
        let request =
            app.log_in_request(&body).header("x-forwarded-for", format!("192.0.2.{number}"));
        assert_eq!(Answer::of(request).await.status, 401);
    }
    let limited = try_log_in(&app, &ann, &code(&secret, app.now())).await;
    limited.assert_problem(429, "err_rate_limited", "too many");
    let remove = browser.post(&format!("{OWN}/remove"), json!({ "code": wrong })).await;
    remove.assert_problem(429, "err_rate_limited", "and in a session");
    // The response still asks for a code, and nothing is counted.
    assert_eq!(app.try_log_in("ann", PASSWORD).await.json()["code_required"], true);
    app.clock.let_pass(Duration::from_mins(2));
    assert_eq!(try_log_in(&app, &ann, &code(&secret, app.now())).await.status, 200);
}

/// Posts a form, and breaks the connection while no change can be written.
async fn hang_up(app: &TestApp, browser: &Browser<'_>, path: &str, body: &str) {
    let stream = TcpStream::connect(app.address()).await.unwrap();
    // Reset, not closed: a client that has only finished sending may still read.
    stream.set_zero_linger().unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {}\r\norigin: {ISSUER}\r\ncookie: {}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        app.address(),
        browser.header(),
        body.len()
    );
    stream.writable().await.unwrap();
    assert_eq!(stream.try_write(request.as_bytes()).unwrap(), request.len());
    // Until it waits for the store.
    actix_web::rt::time::sleep(Duration::from_millis(300)).await;
}

/// 6749-17: a guess counts even if the client disconnects before the response.
#[actix_web::test]
async fn hanging_up_is_no_way_to_guess_codes() {
    let app = TestApp::spawn().await;
    let ann = app.user("ann", Role::Viewer).await;
    let browser = app.log_in(&ann).await;
    let (secret, _) = enroll(&app, &browser).await;
    let remove = format!("{OWN}/remove");
    let wrong = json!({ "code": wrong_code(&app, &secret) }).to_string();
    let held = app.database.hold_changes().await;
    futures_util::future::join_all((0..10).map(|_| hang_up(&app, &browser, &remove, &wrong))).await;
    held.close().await.unwrap();
    let right = json!({ "code": code(&secret, app.now()) });
    browser.post(&remove, right).await.assert_problem(429, "err_rate_limited", "too many");
}

/// An attacker who knew only the password gets nowhere with it afterwards, nor with a log-in begun
/// before.
#[actix_web::test]
async fn a_second_factor_ends_the_sessions_that_were_begun_without_it() {
    let app = TestApp::with(&[("users.second_factor", "admins")]).await;
    let ann = app.user("ann", Role::Admin).await;
    let (thief, own) = (app.log_in(&ann).await, app.log_in(&ann).await);
    enroll(&app, &own).await;
    thief.get("/api/v1/users").await.assert_invalid_token("begun without the second factor");
    assert_eq!(own.get("/api/v1/users").await.status, 200);
    let events = own.get("/api/v1/events?kind=user.second_factor_confirmed").await.json();
    assert!(events["items"][0]["details"]["kept"].as_str().unwrap().starts_with("ss_"), "{events}");
}

/// A user who must have a second factor can do nothing else without one.
#[actix_web::test]
async fn administrators_need_one_where_the_settings_say_so() {
    let app = TestApp::with(&[("users.second_factor", "admins")]).await;
    let (admin, viewer) =
        (app.browser("ann", Role::Admin).await, app.browser("vic", Role::Viewer).await);
    assert_eq!(viewer.get("/api/v1/users").await.status, 200);
    assert_eq!(admin.me().await.json()["scope"], "");
    // Nor at a proxy that requires no scope.
    assert_eq!(admin.get("/auth/check").await.status, 403);
    for answer in [
        admin.get("/api/v1/users").await,
        admin.post("/api/v1/users", json!({})).await,
        admin.get("/api/v1/users/me/sessions").await,
        admin.post("/api/v1/users/me/set-password", json!({})).await,
        admin.get("/api/v1/keys").await,
        admin.get("/api/v1/auth/check").await,
    ] {
        answer.assert_problem(403, "err_no_permission", "no second factor");
        assert_eq!(answer.json()["second_factor_required"], true, "{answer:?}");
    }
    let (secret, _) = enroll(&app, &admin).await;
    assert_eq!(admin.get("/api/v1/users").await.status, 200);
    assert!(admin.me().await.text("scope").contains("mintery:users:write"));
    assert_eq!(admin.send(Method::DELETE, SESSION, None).await.status, 204);
    assert_eq!(app.try_log_in("ann", PASSWORD).await.status, 401);
    let answer = app.log_in_request(
        &json!({ "username": "ann", "password": PASSWORD, "code": code(&secret, app.now()) }),
    );
    assert_eq!(Answer::of(answer).await.status, 200);
}

/// A user who has lost it asks an administrator.
#[actix_web::test]
async fn an_administrator_takes_a_lost_one_away() {
    let app = TestApp::spawn().await;
    let admin = app.browser("ann", Role::Admin).await;
    let meg = app.user("meg", Role::Member).await;
    let browser = app.log_in(&meg).await;
    let path = format!("/api/v1/users/{}/second-factor", meg.id);
    admin.send(Method::DELETE, &path, None).await.assert_problem(409, "err_conflict", "none");
    enroll(&app, &browser).await;
    browser.send(Method::DELETE, &path, None).await.assert_problem(
        403,
        "err_no_permission",
        "one's own",
    );
    assert_eq!(admin.send(Method::DELETE, &path, None).await.status, 204);
    browser.me().await.assert_invalid_token("logged out");
    assert_eq!(app.try_log_in("meg", PASSWORD).await.status, 200);
    // Users remove their own only with a code.
    enroll(&app, &admin).await;
    let own = format!("/api/v1/users/{}/second-factor", admin.me().await.text("sub"));
    admin.send(Method::DELETE, &own, None).await.assert_problem(409, "err_conflict", "one's own");
}
