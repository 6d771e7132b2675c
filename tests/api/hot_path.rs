//! The cost of a token request for a cached client: no query.

use crate::support::app::TestApp;

const LOOKUPS: &str = "mintery_store_queries_total{purpose=\"lookup\"}";

#[actix_web::test]
async fn a_client_that_is_remembered_costs_no_query() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let before = app.metric(LOOKUPS).await;
    let token = app.access_token(&client).await;
    assert_eq!(app.me(&token).await.status, 200);
    let after_the_first = app.metric(LOOKUPS).await;
    assert!(after_the_first - before >= 1.0, "the counter counts: {before} {after_the_first}");

    let issued = app.metric("mintery_tokens_issued_total").await;
    for _ in 0..100 {
        let token = app.access_token(&client).await;
        assert_eq!(app.me(&token).await.status, 200);
        assert_eq!(app.get_with("/auth/check?scope=read", &token).await.status, 200);
    }
    let after_a_hundred = app.metric(LOOKUPS).await;
    assert!((after_a_hundred - after_the_first).abs() < 0.5, "{after_the_first} {after_a_hundred}");
    let issued_now = app.metric("mintery_tokens_issued_total").await;
    assert!((issued_now - issued - 100.0).abs() < 0.5, "{issued} {issued_now}");
}

/// Issuing a token writes nothing.
#[actix_web::test]
async fn a_token_is_no_change() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    app.access_token(&client).await;
    let changes = "mintery_store_queries_total{purpose=\"change\"}";
    app.caught_up().await;
    let (before, event) = (app.metric(changes).await, app.metric("mintery_applied_event").await);
    for _ in 0..20 {
        app.access_token(&client).await;
        app.token(&client).scope("admin").send().await.assert_oauth_error(
            400,
            "invalid_scope",
            "admin",
        );
    }
    assert!((app.metric(changes).await - before).abs() < 0.5);
    assert!((app.metric("mintery_applied_event").await - event).abs() < 0.5);
}

/// SEC-3: repeated requests for one unknown client share a query; the absence is cached for a
/// moment.
#[actix_web::test]
async fn an_unknown_client_is_not_looked_up_each_time() {
    let app = TestApp::spawn().await;
    let mut client = app.client("read").await;
    "mc_0000000000000000000000".clone_into(&mut client.id);
    app.caught_up().await;
    app.token(&client).send().await.assert_oauth_error(401, "invalid_client", "unknown");
    let before = app.metric(LOOKUPS).await;
    for _ in 0..50 {
        app.token(&client).send().await.assert_oauth_error(401, "invalid_client", "unknown");
    }
    assert!((app.metric(LOOKUPS).await - before).abs() < 0.5);
}

/// SEC-3, SEC-5: requests of strangers create no new series, and no series contains a secret.
#[actix_web::test]
async fn metrics_do_not_grow_with_what_is_sent() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    app.access_token(&client).await;
    let series = async || app.get("/metrics").await.body.lines().count();
    let before = series().await;
    for number in 0..20 {
        let name = format!("MARKER{number}");
        app.form(&[("grant_type", &name), ("client_id", &name), ("client_secret", &name)])
            .send()
            .await;
        app.token(&client).scope(&name).send().await;
        app.me(&name).await;
        app.get(&format!("/{name}")).await;
    }
    assert_eq!(series().await, before);
    let text = app.get("/metrics").await.body;
    assert!(
        !text.contains("MARKER") && !text.contains(&client.secret) && !text.contains(&client.id)
    );
}
