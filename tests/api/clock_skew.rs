//! A node whose clock is wrong, judged by that of the store.

use mintery::clock::DateText as _;
use std::sync::Arc;
use std::time::Duration;

use mintery::background::CLOCK_EVERY;
use mintery::clock::{Clock, ManualClock};

use crate::support::app::{TestApp, within_a_second};
use crate::support::database::{START, TestDatabase};
use crate::support::engine::{Engine, engine};

/// Lets time pass on both machines.
fn pass(app: &TestApp, store: &ManualClock) {
    app.clock.let_pass(CLOCK_EVERY);
    store.let_pass(CLOCK_EVERY);
}

/// SEC-13
#[actix_web::test]
async fn a_node_whose_clock_is_off_is_not_ready() {
    let (clock, store) = (ManualClock::starting_at(START), ManualClock::starting_at(START));
    let judge = Arc::clone(&store) as Arc<dyn Clock>;
    let app =
        TestApp::judged_by(TestDatabase::create().await, &[], clock, Some(judge)).await.unwrap();
    assert_eq!(app.get("/readyz").await.status, 200);
    let client = app.client("read").await;
    // The maximum skew of a token's dates.
    app.clock.advance(Duration::from_secs(10));
    pass(&app, &store);
    app.until_metric("mintery_clock_offset_seconds", 10.0).await;
    assert_eq!(app.get("/readyz").await.status, 200);

    for off_by in ["ahead", "behind"] {
        if off_by == "ahead" {
            app.clock.advance(Duration::from_millis(1));
        } else {
            app.clock.turn_back(Duration::from_millis(20_002));
        }
        pass(&app, &store);
        let answer = within_a_second(503, || app.get("/readyz")).await;
        assert_eq!(answer.text("status"), "wrong_clock", "{off_by}: {answer:?}");
        let date = |clock: &ManualClock| clock.now().date().replace(" UTC", "").replace(' ', "T");
        assert!(answer.text("clock").starts_with(&date(&app.clock)), "{answer:?}");
        assert!(answer.text("store_clock").starts_with(&date(&store)), "{answer:?}");
        assert_ne!(answer.text("clock"), answer.text("store_clock"));
        let advice = answer.text("advice");
        assert!(
            advice.contains("NTP") && advice.contains("10.001 s") && advice.contains("10 s"),
            "{advice}"
        );
        // The process is up, and still serves requests.
        assert_eq!(app.get("/healthz").await.status, 200);
        app.token(&client).send().await.assert_token(off_by);
    }
    app.clock.advance(Duration::from_millis(1));
    pass(&app, &store);
    within_a_second(200, || app.get("/readyz")).await;
}

/// SEC-13: the clock of an embedded database is that of the machine; a PostgreSQL has one of its
/// own, which shows another time than the tests.
#[actix_web::test]
async fn the_clock_of_the_store_itself_is_asked() {
    let clock = ManualClock::starting_at(START);
    let app = TestApp::judged_by(TestDatabase::create().await, &[], clock, None).await.unwrap();
    let answer = app.get("/readyz").await;
    assert_eq!(answer.status, if engine() == Engine::Postgres { 503 } else { 200 }, "{answer:?}");
    if engine() == Engine::Postgres {
        assert!(answer.text("clock").starts_with("2026-01-01T00:00:00"), "{answer:?}");
        assert_ne!(answer.text("store_clock")[..10], answer.text("clock")[..10], "{answer:?}");
    }
}
