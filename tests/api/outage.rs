//! The store fails: cached entries are served for a while, and nothing is ever guessed. (Renamed
//! tables make every query fail on both engines, and are restored afterwards.)

use std::time::Duration;

use crate::support::api_key::owned_by;
use crate::support::app::{TestApp, within_a_second};
use crate::support::forge::Forgery;

impl TestApp {
    async fn break_store(&self) {
        let away = [
            "ALTER TABLE clients RENAME TO clients_away",
            "ALTER TABLE events RENAME TO events_away",
        ];
        self.database.execute(&away).await;
    }

    async fn mend_store(&self) {
        let back = [
            "ALTER TABLE clients_away RENAME TO clients",
            "ALTER TABLE events_away RENAME TO events",
        ];
        self.database.execute(&back).await;
    }
}

/// The same for API keys: a cached one is accepted, and an unknown one is not called invalid.
#[actix_web::test]
async fn a_node_serves_the_keys_that_it_remembers() {
    let app = TestApp::spawn().await;
    let owner = app.client("read").await;
    let known = app.key(owned_by(&owner)).await.key;
    let forgotten = app.key(owned_by(&owner)).await.key;
    app.caught_up().await;
    assert_eq!(app.me(&known).await.status, 200);
    app.database.execute(&["ALTER TABLE api_keys RENAME TO api_keys_away"]).await;
    app.break_store().await;
    assert_eq!(app.me(&known).await.status, 200);
    app.me(&format!("{}!", &known[..57])).await.assert_invalid_token("no key at all");
    let answer = app.me(&forgotten).await;
    answer.assert_problem(503, "err_unavailable", "not remembered");
    assert!(answer.header("retry-after").parse::<u32>().is_ok(), "{answer:?}");
    assert_eq!(app.get_with("/auth/check", &forgotten).await.status, 401);
    app.clock.let_pass(Duration::from_secs(301));
    app.me(&known).await.assert_problem(503, "err_unavailable", "after the grace");
    app.mend_store().await;
    app.database.execute(&["ALTER TABLE api_keys_away RENAME TO api_keys"]).await;
    within_a_second(200, || app.me(&forgotten)).await;
    assert_eq!(app.me(&known).await.status, 200);
}

/// An unknown state is 503, never 401; cached entries are served until the grace is over.
#[actix_web::test]
async fn a_node_serves_what_it_remembers_and_never_guesses() {
    let app = TestApp::spawn().await;
    let known = app.client("read").await;
    let forgotten = app.client("read").await;
    // A lookup before this node has applied the event is not cached beyond it.
    app.caught_up().await;
    let token = app.access_token(&known).await;
    app.break_store().await;

    app.token(&known).send().await.assert_token("remembered");
    assert_eq!(app.me(&token).await.status, 200);
    let wrong =
        crate::support::app::TestClient { secret: forgotten.secret.clone(), ..known.clone() };
    // R6, R24: a secret or a signing key may have been added since.
    let refused = app.token(&wrong).send().await;
    refused.assert_oauth_error(503, "temporarily_unavailable", "remembered, and wrong");
    let unknown_key = Forgery::of(&token).header("kid", "unknown").sign();
    app.me(&unknown_key).await.assert_problem(503, "err_unavailable", "an unknown key");
    app.me("e30.e30.AA").await.assert_invalid_token("no token at all");
    let answer = app.token(&forgotten).send().await;
    answer.assert_oauth_error(503, "temporarily_unavailable", "not remembered");
    assert!(answer.header("retry-after").parse::<u32>().is_ok(), "{answer:?}");

    app.clock.let_pass(Duration::from_secs(2));
    let ready = app.get("/readyz").await;
    assert_eq!((ready.status, ready.text("status").as_str()), (200, "degraded"), "{ready:?}");
    assert!(ready.text("since").starts_with("2026-01-01T00:00:0"), "{ready:?}");
    assert_eq!(app.get("/healthz").await.status, 200);

    app.clock.let_pass(Duration::from_secs(299));
    let ready = app.get("/readyz").await;
    assert_eq!((ready.status, ready.text("status").as_str()), (503, "unavailable"), "{ready:?}");
    let answer = app.token(&known).send().await;
    answer.assert_oauth_error(503, "temporarily_unavailable", "after the grace");
    let answer = app.me(&token).await;
    answer.assert_problem(503, "err_unavailable", "after the grace");
    assert!(answer.header("retry-after").parse::<u32>().is_ok(), "{answer:?}");
    // nginx would turn a 503 into a 500.
    let answer = app.get_with("/auth/check", &token).await;
    assert_eq!(answer.status, 401);
    assert!(answer.text("message").contains("try again"), "it is not the token: {answer:?}");
    assert_eq!(app.get("/healthz").await.status, 200);

    app.mend_store().await;
    within_a_second(200, || app.get("/readyz")).await;
    app.token(&known).send().await.assert_token("mended");
    app.token(&forgotten).send().await.assert_token("mended, and not remembered");
    assert_eq!(app.me(&token).await.status, 200);
}

/// `outage_grace = 0` still waits for the promised time, and no longer.
#[actix_web::test]
async fn a_strict_node_stops_at_once() {
    let app = TestApp::with(&[("outage_grace", "0")]).await;
    let client = app.client("read").await;
    app.token(&client).send().await.assert_token("in reach");
    app.break_store().await;
    app.clock.let_pass(Duration::from_millis(1001));
    let answer = app.token(&client).send().await;
    answer.assert_oauth_error(503, "temporarily_unavailable", "out of reach");
    app.mend_store().await;
    within_a_second(200, || app.token(&client).send()).await;
}
