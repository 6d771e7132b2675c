//! Readers that wait, and readers of several nodes.

use std::time::{Duration, Instant};

use mintery::model::revocation::Kind;
use reqwest::Method;
use serde_json::json;

use super::{digest, next};
use crate::support::answer::Answer;
use crate::support::app::TestApp;
use crate::support::database::TestDatabase;
use crate::support::engine::{Engine, only_on};
use crate::support::feed::FEED;

/// A waiting reader learns of a revocation immediately.
#[actix_web::test]
async fn a_waiting_reader_is_answered_at_the_next_revocation() {
    let app = TestApp::spawn().await;
    let (reader, other) = (app.client("read").await, app.client("read").await);
    app.caught_up().await;
    let start = next(&app.feed(&reader, "").await);
    let began = Instant::now();
    let query = format!("after={start}&wait=30");
    let taking_back = async {
        app.until_metric("mintery_revocation_feed_readers", 1.0).await;
        // A change without a revocation wakes no reader.
        app.client("read").await;
        app.caught_up().await;
        assert_eq!(app.metric("mintery_revocation_feed_readers").await.to_string(), "1");
        app.disable(&other).await;
        Instant::now()
    };
    let (changes, disabled) =
        futures_util::future::join(app.feed(&reader, &query), taking_back).await;
    assert!(
        disabled.elapsed() < Duration::from_secs(1) && began.elapsed() < Duration::from_secs(10)
    );
    assert_eq!(changes["clients"][0][0], digest(Kind::Client, &other.id));
    assert_eq!(app.metric("mintery_revocation_feed_readers").await.to_string(), "0");
    // Without a revocation, the response comes when the time is over.
    let nothing = app.feed(&reader, &format!("after={}&wait=1", next(&changes))).await;
    assert!(!nothing.contains_key("clients"));
}

/// Waiting readers notice a restored backup too.
#[actix_web::test]
async fn a_waiting_reader_learns_of_another_history() {
    let database = TestDatabase::create().await;
    let app = TestApp::on(database.clone(), &[]).await.unwrap();
    let reader = app.client("read").await;
    database.execute(&["CREATE TABLE kept AS SELECT * FROM event_head"]).await;
    let kept = app.head().await;
    app.client("read").await;
    app.caught_up().await;
    let start = next(&app.feed(&reader, "").await);
    let restore = [
        format!("DELETE FROM events WHERE number > {kept}"),
        "UPDATE event_head SET number = (SELECT number FROM kept), seal = (SELECT seal FROM kept)"
            .to_owned(),
    ];
    let restoring = async {
        app.until_metric("mintery_revocation_feed_readers", 1.0).await;
        database.execute(&restore.iter().map(String::as_str).collect::<Vec<_>>()).await;
    };
    let query = format!("after={start}&wait=30");
    let began = Instant::now();
    let (told, ()) = futures_util::future::join(app.feed(&reader, &query), restoring).await;
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!((&told["snapshot"], &told["to"]), (&json!(true), &json!(kept)));
}

/// A node that is cut off reports the age of its knowledge, and invents nothing.
#[actix_web::test]
async fn a_node_that_is_cut_off_shows_it() {
    let app = TestApp::spawn().await;
    let reader = app.client("read").await;
    app.caught_up().await;
    app.access_token(&reader).await;
    let start = next(&app.feed(&reader, "").await);
    app.database
        .execute(&[
            "ALTER TABLE events RENAME TO away",
            "ALTER TABLE revocations RENAME TO away_too",
        ])
        .await;
    app.clock.let_pass(Duration::from_mins(2));
    let changes = app.feed(&reader, &format!("after={start}")).await;
    let age = changes["iat"].as_f64().unwrap() - changes["as_of"].as_f64().unwrap();
    assert!((119.0..=121.0).contains(&age), "{age}");
    let answer = app.ask_feed(&reader, "").await;
    answer.assert_oauth_error(503, "temporarily_unavailable", "a snapshot");
    app.database
        .execute(&[
            "ALTER TABLE away RENAME TO events",
            "ALTER TABLE away_too RENAME TO revocations",
        ])
        .await;
    let begun = Instant::now();
    loop {
        let changes = app.feed(&reader, &format!("after={start}")).await;
        if changes["iat"].as_f64().unwrap() - changes["as_of"].as_f64().unwrap() < 1.0 {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(2));
    }
}

/// Two nodes on one database (simulated for SQLite): a reader that comes from a node that is ahead
/// misses nothing.
#[actix_web::test]
async fn a_node_that_is_behind_catches_up_with_its_reader() {
    only_on!(Engine::Postgres);
    let database = TestDatabase::create().await;
    let one = TestApp::on(database.clone(), &[]).await.unwrap();
    let other = TestApp::on(database.clone(), &[]).await.unwrap();
    let reader = one.client("read").await;
    for _ in 0..20 {
        let client = one.client("read").await;
        one.caught_up().await;
        let start = next(&one.feed(&reader, "").await);
        let there = other.feed(&reader, &format!("after={start}")).await;
        assert!(!there.contains_key("snapshot"), "{there:?}");
        one.disable(&client).await;
        one.caught_up().await;
        let here = one.feed(&reader, &format!("after={start}")).await;
        let there = other.feed(&reader, &format!("after={}", next(&here))).await;
        assert_eq!((&there["from"], there.contains_key("clients")), (&here["to"], false));
    }
}

/// Readers over the limit are answered immediately, and a stop waits for none.
#[actix_web::test]
async fn so_many_wait_and_a_stop_waits_for_none() {
    let app = TestApp::spawn().await;
    let reader = app.client("read").await;
    app.caught_up().await;
    let start = next(&app.feed(&reader, "").await);
    let query = format!("after={start}&wait=30");
    let waiting: Vec<_> = (0..64)
        .map(|_| {
            let request = app.request(Method::GET, &format!("{FEED}?{query}"));
            actix_web::rt::spawn(Answer::of(request.header("authorization", reader.basic())))
        })
        .collect();
    app.until_metric("mintery_revocation_feed_readers", 64.0).await;
    let began = Instant::now();
    assert_eq!(app.feed(&reader, &query).await["from"], app.head().await);
    app.stop().await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    for answer in waiting {
        assert_eq!(answer.await.unwrap().status, 200);
    }
}
