//! Log-in, and the pages of a user about themselves.

use std::time::Duration;

use mintery::model::user::Role;
use reqwest::Method;

use super::{NEW, Pages, hidden_fields, text_of};
use crate::support::answer::Answer;
use crate::support::app::{ISSUER, TestApp};
use crate::support::authenticator::{code, wrong_code};
use crate::support::people::PASSWORD;

#[actix_web::test]
async fn sessions_are_listed_and_ended() {
    let app = TestApp::spawn().await;
    let user = app.user("ann", Role::Member).await;
    let (one, other) = (app.log_in(&user).await, app.log_in(&user).await);
    let (one, other) = (Pages { app: &app, browser: one }, Pages { app: &app, browser: other });
    let page = one.page("/dashboard/sessions").await;
    assert_eq!(page.matches("Logged in ").count(), 2, "{page}");
    let id = page.split("/dashboard/sessions/ss_").nth(1).unwrap().split('/').next().unwrap();
    assert_eq!(one.press(&format!("/dashboard/sessions/ss_{id}/end")).await.status, 303);
    assert_eq!(other.get("/dashboard").await.status, 303);
    let third = Pages { app: &app, browser: app.log_in(&user).await };
    assert_eq!(one.press("/dashboard/sessions/end-others").await.status, 303);
    assert_eq!(third.get("/dashboard").await.status, 303);
    one.page("/dashboard").await;
}

#[actix_web::test]
async fn a_user_changes_their_password() {
    let app = TestApp::spawn().await;
    let user = app.user("meg", Role::Member).await;
    let (pages, other) = (
        Pages { app: &app, browser: app.log_in(&user).await },
        Pages { app: &app, browser: app.log_in(&user).await },
    );
    let send = async |current: &str, new: &str, repeat: &str| {
        let fields = [("current", current), ("password", new), ("repeat", repeat)];
        pages.press_with("/dashboard/settings/password", &fields).await
    };
    for (current, new, repeat, field, problem) in [
        ("wrong", NEW, NEW, "current", "Wrong password"),
        (PASSWORD, "short", "short", "password", "at least 8"),
        (PASSWORD, NEW, "else", "repeat", "do not match"),
    ] {
        let answer = send(current, new, repeat).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(text_of(&answer.body, &format!("{field}-problem")).contains(problem), "{answer:?}");
        assert!(!answer.body.contains(NEW) && !answer.body.contains(PASSWORD), "{answer:?}");
    }
    let weak = send(PASSWORD, "password1", "password1").await;
    assert!(text_of(&weak.body, "password-problem").contains("guess"), "{weak:?}");
    let done = send(PASSWORD, NEW, NEW).await;
    assert_eq!(done.header("location"), "/dashboard/settings?done=password", "{done:?}");
    pages.page("/dashboard").await;
    assert_eq!(other.get("/dashboard").await.status, 303);
    assert_eq!(app.try_log_in("meg", NEW).await.status, 200);
}

/// SEC-7: the password never stands in a page, nor does a log-in that was begun last.
#[actix_web::test]
async fn a_log_in_has_a_second_step() {
    let app = TestApp::spawn().await;
    let user = app.user("meg", Role::Member).await;
    let pages = Pages { app: &app, browser: app.log_in(&user).await };
    let begun = pages.press("/dashboard/settings/second-factor/begin").await;
    assert_eq!(begun.status, 200, "{begun:?}");
    assert!(begun.body.contains("data:image/svg+xml;base64,"), "{begun:?}");
    let secret = text_of(&begun.body, "totp");
    let wrong = pages
        .press_with(
            "/dashboard/settings/second-factor/confirm",
            &[("code", &wrong_code(&app, &secret))],
        )
        .await;
    assert_eq!(wrong.status, 400, "{wrong:?}");
    assert!(wrong.body.contains("The code is wrong") && !wrong.body.contains(&secret), "{wrong:?}");
    let right = code(&secret, app.now());
    let on =
        pages.press_with("/dashboard/settings/second-factor/confirm", &[("code", &right)]).await;
    assert_eq!(on.status, 200, "{on:?}");
    let recovery = text_of(&on.body, "codes");
    let recovery: Vec<&str> = recovery.split_whitespace().collect();
    assert_eq!(recovery.len(), 10, "{on:?}");
    let page = pages.page("/dashboard/settings/second-factor").await;
    assert!(page.contains("10 left") && !page.contains(recovery[0]), "{page}");

    let post = |fields: Vec<(&'static str, String)>| {
        Answer::of(app.request(Method::POST, "/login").header("origin", ISSUER).form(&fields))
    };
    let first = || post(vec![("username", "meg".to_owned()), ("password", PASSWORD.to_owned())]);
    let step_of = |answer: &Answer| {
        let step = hidden_fields(&answer.body).into_iter().find(|(name, _)| name == "step");
        step.unwrap_or_else(|| panic!("{answer:?}")).1
    };
    let asked = first().await;
    assert_eq!((asked.status, asked.header("set-cookie")), (200, ""), "{asked:?}");
    assert!(!asked.body.contains(PASSWORD), "{asked:?}");
    let step = step_of(&asked);
    let second =
        |step: &str, typed: &str| post(vec![("step", step.to_owned()), ("code", typed.to_owned())]);
    let refused = second(&step, &wrong_code(&app, &secret)).await;
    assert_eq!((refused.status, refused.header("set-cookie")), (401, ""), "{refused:?}");
    let step = step_of(&refused);
    let changed = format!("{}A", &step[..step.len() - 1]);
    assert_eq!(second(&changed, recovery[0]).await.status, 400);
    let done = second(&step, recovery[0]).await;
    assert_eq!(done.header("location"), "/dashboard", "{done:?}");
    // A recovery code is good once, and a step for ten minutes.
    assert_eq!(second(&step, recovery[0]).await.status, 401);
    app.clock.advance(Duration::from_secs(601));
    let late = second(&step, recovery[1]).await;
    assert_eq!(late.status, 400, "{late:?}");
    assert!(late.body.contains("timed out"), "{late:?}");

    let removed = pages
        .press_with("/dashboard/settings/second-factor/remove", &[("code", recovery[2])])
        .await;
    assert!(removed.header("location").ends_with("?done=factor-removed"), "{removed:?}");
    assert_eq!(first().await.header("location"), "/dashboard");
}

#[actix_web::test]
async fn a_user_without_a_required_second_factor_must_set_one_up() {
    let app = TestApp::with(&[("users.second_factor", "everybody")]).await;
    let user = app.user("ann", Role::Admin).await;
    let pages = Pages { app: &app, browser: app.log_in(&user).await };
    for path in ["/dashboard", "/dashboard/keys/new", "/dashboard/settings", "/dashboard/sessions"]
    {
        assert_eq!(
            pages.get(path).await.header("location"),
            "/dashboard/settings/second-factor",
            "{path}"
        );
    }
    let page = pages.page("/dashboard/settings/second-factor").await;
    assert!(page.contains("Set up a second factor to continue"), "{page}");
    let token: Vec<_> =
        hidden_fields(&page).into_iter().filter(|(name, _)| name == "csrf_token").collect();
    let begun = pages.send("/dashboard/settings/second-factor/begin", &token).await;
    let right = code(&text_of(&begun.body, "totp"), app.now());
    let mut fields = token.clone();
    fields.push(("code".to_owned(), right));
    assert_eq!(pages.send("/dashboard/settings/second-factor/confirm", &fields).await.status, 200);
    pages.page("/dashboard/keys/new").await;
}
