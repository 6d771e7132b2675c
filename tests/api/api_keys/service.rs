//! Settings, usage counts and database queries of API keys.

use std::time::Duration;

use mintery::admin::api_key::{self, NewApiKey};
use mintery::model::api_key::{Environment, KeyFormat};
use mintery::model::patch::Patch;
use mintery::random::SystemRandom;
use reqwest::Method;
use serde_json::{Value, json};

use super::{MANAGER, manager};
use crate::support::answer::Answer;
use crate::support::api_key::{KEYS, ME, TestKey, owned_by};
use crate::support::app::TestApp;

/// Accepted and refused requests are counted, with the time and address of the last use.
#[actix_web::test]
async fn uses_of_keys_are_counted() {
    let app = TestApp::spawn().await;
    let (_, admin) = manager(&app, MANAGER).await;
    let owner = app.client("read").await;
    let life = Patch::Set(Duration::from_mins(10));
    let key = app.key(NewApiKey { expires_in: life, ..owned_by(&owner) }).await;
    for _ in 0..3 {
        app.get_with(ME, &key.key).await;
    }
    let used_at = app.now();
    app.get_with("/auth/check?scope=other", &key.key).await;
    app.get_with("/auth/check?env=test", &key.key).await;
    app.clock.advance(Duration::from_mins(10));
    app.get_with(ME, &key.key).await;
    app.flush_usage().await;
    let get = async |path: &str| app.send_with_key(Method::GET, path, &admin.key, None).await;
    let shown = get(&key.path("")).await.json();
    assert_eq!(
        (&shown["last_used_at"], &shown["last_used_address"]),
        (&json!(used_at), &json!("127.0.0.1"))
    );
    let usage = get(&key.path("/usage")).await;
    let items = usage.json()["items"].as_array().unwrap().clone();
    let sum = |member: &str| -> i64 {
        let of = |item: &Value| match member {
            "used" => item["used"].as_i64().unwrap(),
            reason => item["refusals"][reason].as_i64().unwrap_or_default(),
        };
        items.iter().map(of).sum()
    };
    assert_eq!(sum("used"), 3, "{usage:?}");
    for reason in ["missing_scope", "other_environment", "expired"] {
        assert_eq!(sum(reason), 1, "{reason}: {usage:?}");
    }
    // By hour, newest first, also after the key is revoked.
    for _ in 0..3 {
        app.clock.advance(Duration::from_hours(1));
        app.get_with(ME, &key.key).await;
    }
    app.flush_usage().await;
    api_key::revoke(&app.admin, &key.id()).await.unwrap();
    let page = get(&key.path("/usage?limit=2")).await.json();
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let rest =
        get(&key.path(&format!("/usage?after={}", page["next"].as_str().unwrap()))).await.json();
    let hours = [&page, &rest].map(|page| page["items"].as_array().unwrap().clone()).concat();
    assert!(
        hours
            .iter()
            .map(|hour| hour["hour"].as_i64().unwrap())
            .is_sorted_by(|one, next| one > next)
    );
    assert!(hours.len() >= 4, "{hours:?}");
    get("/api/v1/keys/ak_0000000000000000000000/usage").await.assert_problem(
        404,
        "err_not_found",
        "nobody's",
    );
    // Clients have counts of their own, in which keys do not appear.
    let query = "SELECT COUNT(*) FROM client_usage";
    assert_eq!(app.database.number(query).await, 0);
}

/// A cached key costs no query, and an unknown one costs one.
#[actix_web::test]
async fn a_key_costs_no_query_and_an_unknown_one_costs_one() {
    const LOOKUPS: &str = "mintery_store_queries_total{purpose=\"lookup\"}";
    let app = TestApp::spawn().await;
    let owner = app.client("read").await;
    let key = app.key(owned_by(&owner)).await;
    app.caught_up().await;
    app.accepts_key(&key.key, "the first time").await;
    let before = app.metric(LOOKUPS).await;
    for _ in 0..20 {
        app.accepts_key(&key.key, "remembered").await;
        // The checksum is checked first.
        app.refuses_key(&format!("{}!", &key.key[..57]), "malformed").await;
    }
    assert!((app.metric(LOOKUPS).await - before).abs() < 0.5);
    let unknown: Vec<_> =
        (0..50).map(|_| KeyFormat::default().generate(Environment::Live, &SystemRandom)).collect();
    for _ in 0..3 {
        for unknown in &unknown {
            assert_eq!(app.get_with(ME, unknown.expose()).await.status, 401);
        }
    }
    let cost = app.metric(LOOKUPS).await - before;
    assert!((cost - 50.0).abs() < 0.5, "{cost}");
    app.accepts_key(&key.key, "still remembered").await;
}

/// Settings decide the prefix, the header and the longest lifetime.
#[actix_web::test]
async fn keys_are_as_the_settings_say() {
    let settings = [
        ("api_keys.prefix", "acme"),
        ("api_keys.header", "X-Acme-Key"),
        ("api_keys.max_ttl", "3600"),
    ];
    let app = TestApp::with(&settings).await;
    let admin = app.client("mintery:keys:write read").await;
    let token =
        app.token(&admin).scope("mintery:keys:write read").send().await.text("access_token");
    let create = async |body: Value| {
        let request = app.request(Method::POST, KEYS).bearer_auth(&token);
        Answer::of(request.header("content-type", "application/json").body(body.to_string())).await
    };
    let answer = create(json!({ "name": "x" })).await;
    let key = TestKey::of(&answer);
    assert!(key.key.starts_with("acme_live_"), "{key:?}");
    assert_eq!(answer.json()["expires_at"], app.now() + 3600, "no longer than any");
    for (life, status) in [(json!(3600), 201), (json!(3601), 400), (Value::Null, 400)] {
        assert_eq!(
            create(json!({ "name": "x", "expires_in": life })).await.status,
            status,
            "{life}"
        );
    }
    let send = async |header: &str, key: &str| {
        Answer::of(app.request(Method::GET, ME).header(header, key)).await.status
    };
    assert_eq!(send("X-Acme-Key", &key.key).await, 200);
    assert_eq!(send("x-acme-key", &key.key).await, 200);
    assert_eq!(send("X-API-Key", &key.key).await, 401);
    assert_eq!(app.get_with(ME, &key.key).await.status, 200);
    // Repeated extensions do not exceed the maximum: the whole lifetime counts.
    app.clock.advance(Duration::from_mins(30));
    let token =
        app.token(&admin).scope("mintery:keys:write read").send().await.text("access_token");
    let patch = async |secs: u64| {
        let request = app.request(Method::PATCH, &key.path("")).bearer_auth(&token);
        let body = json!({ "expires_in": secs }).to_string();
        Answer::of(request.header("content-type", "application/json").body(body)).await.status
    };
    assert_eq!((patch(1801).await, patch(1800).await), (400, 200));
}

/// A database of a release without keys gets their digest key at the next start.
#[actix_web::test]
async fn a_database_that_was_made_before_has_keys_too() {
    let app = TestApp::spawn().await;
    let database = std::sync::Arc::clone(&app.database);
    app.stop().await;
    database.execute(&["DELETE FROM data_keys WHERE purpose = 'api-keys'"]).await;
    let app = TestApp::on(std::sync::Arc::clone(&database), &[]).await.unwrap();
    let filter = mintery::admin::event_log::Filter {
        kind: Some("instance.data_keys_added".to_owned()),
        ..Default::default()
    };
    let asked = mintery::admin::event_log::Asked::Last;
    let events = mintery::admin::event_log::page(&app.admin, asked, 50, &filter).await.unwrap();
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(events[0].details.contains("api-keys"));
    let owner = app.client("read").await;
    let key = app.key(owned_by(&owner)).await;
    app.accepts_key(&key.key, "a key of its own").await;
    app.stop().await;
    // The next start finds it.
    let app = TestApp::on(database, &[]).await.unwrap();
    app.accepts_key(&key.key, "after another start").await;
}
