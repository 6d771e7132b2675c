//! Passwords: log-in, limits on guessing, change.

use std::time::{Duration, Instant};

use mintery::admin::user;
use mintery::model::user::Role;
use reqwest::Method;
use serde_json::json;

use super::{OTHER_PASSWORD, USERS, path};
use crate::support::answer::Answer;
use crate::support::app::{ISSUER, TestApp};
use crate::support::people::PASSWORD;

/// SEC-4, 6749-17: failed log-ins do not reveal usernames, and guessing is limited.
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
    // Repeating the same password is not a guess; others count, whether the user exists or not.
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
    // A right password from there has to wait too, but not from elsewhere, and not for other users.
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

/// Changing a password ends the sessions that began with the old one.
#[actix_web::test]
async fn a_changed_password_ends_the_other_sessions() {
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
    // By an administrator.
    let answer = admin
        .post(&format!("{}/set-password", path(meg.id.as_str())), json!({ "password": PASSWORD }))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    one.me().await.assert_invalid_token("set by an administrator");
    one.post(&own, json!({})).await.assert_invalid_token("after that");
    assert_eq!(app.try_log_in("meg", OTHER_PASSWORD).await.status, 401);
    assert_eq!(app.try_log_in("meg", PASSWORD).await.status, 200);
}

/// SEC-3: checking and hashing a new password queue with log-ins, so expensive passwords do not
/// delay them.
#[actix_web::test]
async fn repeated_password_changes_delay_no_other_user() {
    let app = TestApp::with(&[("trusted_proxies", "127.0.0.1")]).await;
    let (meg, vic) = (app.user("meg", Role::Member).await, app.user("vic", Role::Viewer).await);
    let browser = app.log_in(&meg).await;
    // All substitutions of a letter.
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
