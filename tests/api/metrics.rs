//! The metrics.

use std::collections::{BTreeMap, BTreeSet};

use mintery::admin::user;
use mintery::model::user::Role;
use reqwest::Method;

use crate::support::answer::Answer;
use crate::support::app::{TestApp, TestClient};
use crate::support::people::PASSWORD;

/// The series of a scrape with their values, in Prometheus' text format 0.0.4.
fn series(text: &str) -> BTreeMap<String, f64> {
    let mut found = BTreeMap::new();
    let mut types: BTreeMap<&str, &str> = BTreeMap::new();
    let mut family = "";
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            assert!(rest.split_once(' ').is_some_and(|(_, help)| !help.is_empty()), "{line}");
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(types.insert(name, kind).is_none(), "once for each name: {line}");
            family = name;
            continue;
        }
        assert!(!line.starts_with('#'), "{line}");
        let (series, value) = line.rsplit_once(' ').unwrap();
        let value: f64 = value.parse().unwrap();
        let (name, labels) = match series.split_once('{') {
            Some((name, labels)) => (name, labels.strip_suffix('}').unwrap()),
            None => (series, ""),
        };
        let is_of_family = name == family
            || (types[family] == "histogram"
                && ["_bucket", "_sum", "_count"]
                    .iter()
                    .any(|end| name == format!("{family}{end}")));
        assert!(is_of_family, "{line} is not of {family}");
        assert!(name.starts_with("mintery_"), "{line}");
        assert_eq!(types[family] == "counter", name.ends_with("_total"), "{line}");
        for label in labels.split(',').filter(|label| !label.is_empty()) {
            let (key, value) = label.split_once("=\"").unwrap();
            assert!(key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{line}");
            assert!(!value.strip_suffix('"').unwrap().contains(['"', '\\']), "{line}");
        }
        assert!(found.insert(series.to_owned(), value).is_none(), "twice: {line}");
    }
    found
}

async fn scrape(app: &TestApp) -> BTreeMap<String, f64> {
    let answer = app.get("/metrics").await;
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    series(&answer.body)
}

/// The counters that grew between two scrapes, and by how much.
fn growth(
    before: &BTreeMap<String, f64>,
    after: &BTreeMap<String, f64>,
    name: &str,
) -> BTreeMap<String, f64> {
    let of_name = after.iter().filter(|(series, _)| series.starts_with(name));
    of_name
        .map(|(series, value)| (series[name.len()..].to_owned(), value - before[series]))
        .filter(|(_, by)| *by > 0.0)
        .collect()
}

#[actix_web::test]
async fn every_refusal_is_counted_by_its_reason() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let disabled = app.client("read").await;
    app.disable(&disabled).await;
    app.caught_up().await;
    let before = scrape(&app).await;
    let nobody = TestClient { id: "nobody".to_owned(), ..client.clone() };
    let wrong = TestClient { secret: "mts_wrong".to_owned(), ..client.clone() };
    for stranger in [&nobody, &wrong, &wrong, &disabled] {
        app.token(stranger).send().await.assert_oauth_error(401, "invalid_client", "a stranger");
    }
    app.form(&[("grant_type", "client_credentials")]).send().await;
    app.token(&client).scope("admin").send().await;
    app.token(&client).resource("https://x.example").send().await;
    app.token(&client).without("grant_type").send().await;
    app.token(&client).without("grant_type").field("grant_type", "password").send().await;
    app.access_token(&client).await;
    let after = scrape(&app).await;
    let refusals = growth(&before, &after, "mintery_token_refusals_total");
    let expected = [
        ("invalid_client", "no_credentials", 1.0),
        ("invalid_client", "unknown_client", 1.0),
        ("invalid_client", "wrong_secret", 2.0),
        ("invalid_client", "disabled", 1.0),
        ("invalid_request", "malformed", 1.0),
        ("invalid_scope", "scope", 1.0),
        ("invalid_target", "resource", 1.0),
        ("unsupported_grant_type", "grant_type", 1.0),
    ];
    let expected = expected
        .map(|(error, reason, by)| (format!("{{error=\"{error}\",reason=\"{reason}\"}}"), by));
    assert_eq!(refusals, BTreeMap::from(expected));
    let grown = |name| growth(&before, &after, name).values().sum::<f64>();
    assert!((grown("mintery_tokens_issued_total") - 1.0).abs() < 0.1);
    assert!((grown("mintery_token_request_seconds_count") - 10.0).abs() < 0.1);
}

/// Log-ins are counted by outcome, without any typed text.
#[actix_web::test]
async fn log_ins_are_counted_by_their_outcome() {
    let app = TestApp::spawn().await;
    app.user("ann", Role::Admin).await;
    let of_bob = app.user("bob", Role::Member).await;
    user::set_enabled(&app.admin, &of_bob.id, false).await.unwrap();
    let before = scrape(&app).await;
    let outcomes = async || growth(&before, &scrape(&app).await, "mintery_log_ins_total");
    let counted = |outcome: &str, times: f64| (format!("{{outcome=\"{outcome}\"}}"), times);
    assert_eq!(app.try_log_in("ann", PASSWORD).await.status, 200);
    for (username, password) in
        [("ann", "MARKER-1"), ("MARKER-nobody", PASSWORD), ("bob", PASSWORD)]
    {
        assert_eq!(app.try_log_in(username, password).await.status, 401);
    }
    let expected = [counted("logged_in", 1.0), counted("wrong", 3.0)];
    assert_eq!(outcomes().await, BTreeMap::from(expected));
    for number in 0..50 {
        app.try_log_in("ann", &format!("wrong-{number}")).await;
    }
    let grown = outcomes().await;
    assert!(grown.contains_key("{outcome=\"too_many_guesses\"}"), "{grown:?}");
    assert!((grown.values().sum::<f64>() - 54.0).abs() < 0.1, "{grown:?}");
    assert!(!app.get("/metrics").await.body.contains("MARKER"));
}

#[actix_web::test]
async fn durations_are_a_histogram() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    for _ in 0..5 {
        app.access_token(&client).await;
    }
    let scraped = scrape(&app).await;
    for name in ["mintery_token_request_seconds", "mintery_store_query_seconds"] {
        let text = app.get("/metrics").await.body;
        let prefix = format!("{name}_bucket{{");
        let mut last: BTreeMap<String, (f64, f64)> = BTreeMap::new();
        for line in text.lines().filter_map(|line| line.strip_prefix(&prefix)) {
            let (labels, count) = line.split_once("} ").unwrap();
            let (labels, end) = labels.split_once("le=\"").unwrap();
            let end = end.trim_end_matches('"').replace("+Inf", "inf").parse().unwrap();
            let count = count.parse().unwrap();
            let before = last.insert(labels.to_owned(), (end, count));
            assert!(
                before.is_none_or(|(end_before, before)| end_before < end && before <= count),
                "{line}"
            );
        }
        assert!(last.values().all(|(end, _)| end.is_infinite()), "{last:?}");
    }
    let count = |series: &str| scraped[series];
    assert!(count("mintery_token_request_seconds_count") >= 5.0);
    assert!(count("mintery_token_request_seconds_sum") > 0.0);
    let all = count("mintery_token_request_seconds_bucket{le=\"+Inf\"}");
    assert!((all - count("mintery_token_request_seconds_count")).abs() < 0.1);
    assert!(count("mintery_store_query_seconds_count{purpose=\"lookup\"}") >= 1.0);
    assert!(count("mintery_store_query_seconds_count{purpose=\"follow\"}") >= 1.0);
}

#[actix_web::test]
async fn every_documented_series_exists() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    app.caught_up().await;
    app.access_token(&client).await;
    app.access_token(&client).await;
    app.flush_usage().await;
    let scraped = scrape(&app).await;
    for (name, at_least) in [
        ("mintery_directory_lookups_total{result=\"hit\"}", 1.0),
        ("mintery_directory_lookups_total{result=\"miss\"}", 1.0),
        ("mintery_store_queries_total{purpose=\"usage\"}", 1.0),
        ("mintery_store_errors_total{purpose=\"lookup\"}", 0.0),
        ("mintery_applied_event", 2.0),
        ("mintery_clock_offset_seconds", 0.0),
        ("mintery_failures_total", 0.0),
        (concat!("mintery_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"}"), 1.0),
    ] {
        assert!(scraped[name] >= at_least, "{name}: {scraped:?}");
    }
    let connections =
        scraped.iter().filter(|(name, _)| name.starts_with("mintery_store_connections{"));
    assert!(
        connections.clone().count() == 4 && connections.map(|(_, value)| value).sum::<f64>() >= 1.0
    );
    assert!(scraped["mintery_follower_lag_seconds"] < 6.0);
    // Failures of the store are visible.
    app.database.execute(&["ALTER TABLE events RENAME TO events_away"]).await;
    app.until_metric("mintery_store_errors_total{purpose=\"follow\"}", 1.0).await;
    app.database.execute(&["ALTER TABLE events_away RENAME TO events"]).await;
}

/// SEC-3: requests of strangers create no new series.
#[actix_web::test]
async fn a_stranger_makes_no_series() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    app.access_token(&client).await;
    let names = async || scrape(&app).await.into_keys().collect::<BTreeSet<_>>();
    let before = names().await;
    for number in 0..10 {
        let marker = format!("MARKER{number}");
        for method in ["GET", "POST", "PUT", "BREW"] {
            for path in [
                "/",
                "/oauth/",
                "/oauth/token/",
                "/api/v1/clients/",
                "/auth/check?scope=",
                "/metrics?",
            ] {
                let method = Method::from_bytes(method.as_bytes()).unwrap();
                let request = app.request(method, &format!("{path}{marker}"));
                let request = request
                    .header("authorization", format!("Bearer {marker}"))
                    .header("user-agent", &marker)
                    .header("x-forwarded-for", format!("203.0.113.{number}"))
                    .header("host", format!("{marker}.example.com"));
                Answer::of(request).await;
            }
        }
        app.token(&TestClient { id: marker.clone(), ..client.clone() }).scope(&marker).send().await;
        app.token(&client).scope(&marker).resource(&format!("https://{marker}")).send().await;
        app.form(&[(&marker, &marker), ("grant_type", &marker)]).send().await;
    }
    app.flush_usage().await;
    assert_eq!(names().await, before);
}
