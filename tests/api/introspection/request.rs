//! The endpoint: authentication, writes, failures, metrics.

use std::time::Duration;

use mintery::admin::client;
use mintery::model::client::{ClientId, ClientUpdate};
use mintery::store::event;
use reqwest::Method;
use serde_json::json;

use super::{assert_active, assert_inactive};
use crate::support::answer::Answer;
use crate::support::app::{TestApp, TestClient, new_client};
use crate::support::database::START;
use crate::support::forge::Forgery;
use crate::support::introspection::PATH;

/// 7662-4: no event, no count, no row. The use of the secret is recorded as anywhere, in memory,
/// and flushed with the counts.
#[actix_web::test]
async fn an_introspection_writes_nothing() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let watcher = app.client("mintery:introspect").await;
    app.caught_up().await;
    let token = app.access_token(&client).await;
    assert_active(&app.introspect(&watcher, &token).await, "remembered from now on");
    app.flush_usage().await;

    let database = app.admin.store.database();
    let used = async || {
        let id = ClientId::parse(&watcher.id).unwrap();
        let (_, secrets) = client::show(&app.admin, &id).await.unwrap();
        secrets[0].last_use.map(|last| (last.at.as_secs(), last.from))
    };
    let purposes = ["lookup", "change", "usage", "tidy"];
    let queries = async || {
        let mut queries = Vec::new();
        for purpose in purposes {
            queries.push(
                app.metric(&format!("mintery_store_queries_total{{purpose=\"{purpose}\"}}")).await,
            );
        }
        queries
    };
    let begun = std::time::Instant::now();
    while used().await.is_none() {
        assert!(begun.elapsed() < Duration::from_secs(2), "the last use is told");
    }
    assert_eq!(used().await, Some((START.as_secs(), Some("127.0.0.1".parse().unwrap()))));
    let (before, head) = (queries().await, event::head(database).await.unwrap());
    for _ in 0..20 {
        assert_active(&app.introspect(&watcher, &token).await, "active");
        assert_inactive(&app.introspect(&watcher, "garbage").await, "inactive");
        assert_eq!(app.introspect_signed(&watcher, &token).await.status, 200);
    }
    assert_eq!(queries().await, before, "{purposes:?}");
    assert_eq!(event::head(database).await.unwrap(), head);

    // No token and no refusal is counted for the caller.
    app.flush_usage().await;
    let caller = crate::support::caller::Caller::with(&app, "mintery:usage:read").await;
    let usage = caller.get(&format!("/api/v1/usage?client_id={}", watcher.id)).await.json();
    assert_eq!(usage["items"], json!([]), "{usage}");
    let begun = std::time::Instant::now();
    while used().await.is_none_or(|(at, _)| at == START.as_secs()) {
        assert!(begun.elapsed() < Duration::from_secs(2), "the last use is told again");
    }
}

/// 7662-1
#[actix_web::test]
async fn a_request_is_refused_as_at_the_token_endpoint() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let token = app.access_token(&client).await;
    let wrong = TestClient { secret: "mts_wrong".to_owned(), ..client.clone() };
    let unknown = TestClient { id: "mc_0000000000000000000000".to_owned(), ..client.clone() };
    let disabled = app.client("read").await;
    app.disable(&disabled).await;
    app.caught_up().await;
    for stranger in [&wrong, &unknown, &disabled] {
        let answer = app.introspect(stranger, &token).await;
        answer.assert_oauth_error(401, "invalid_client", &stranger.id);
    }
    let by = async |headers: &[(&str, &str)], query: &str, body: String| {
        let mut request = app.request(Method::POST, &format!("{PATH}{query}")).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request).await
    };
    let form = ("content-type", "application/x-www-form-urlencoded");
    let basic = client.basic();
    let (own, bearer) = (("authorization", basic.as_str()), format!("Bearer {token}"));
    let with_token = || format!("token={token}");
    let refused = async |what: &str, status, code, answer: Answer| {
        answer.assert_oauth_error(status, code, what);
        answer.assert_no_echo(&token, what);
    };
    let invalid = async |what: &str, answer| refused(what, 400, "invalid_request", answer).await;
    refused("nobody", 401, "invalid_client", by(&[form], "", with_token()).await).await;
    let by_token = by(&[form, ("authorization", &bearer)], "", with_token()).await;
    refused("a token", 401, "invalid_client", by_token).await;
    invalid("no token", by(&[form, own], "", String::new()).await).await;
    invalid("a hint alone", by(&[form, own], "", "token_type_hint=access_token".to_owned()).await)
        .await;
    invalid("an empty token", by(&[form, own], "", "token=".to_owned()).await).await;
    invalid("two tokens", by(&[form, own], "", format!("token={token}&token={token}")).await).await;
    invalid("a token in the URI", by(&[form, own], &format!("?token={token}"), with_token()).await)
        .await;
    invalid("a secret in the URI", by(&[form, own], "?client_secret=x", with_token()).await).await;
    invalid("two ways", by(&[form, own], "", format!("token={token}&client_secret=x")).await).await;
    invalid("two headers", by(&[form, own, own], "", with_token()).await).await;
    invalid(
        "another type",
        by(&[("content-type", "application/json"), own], "", with_token()).await,
    )
    .await;
    invalid("no type", by(&[own], "", with_token()).await).await;
    invalid("a bad escape", by(&[form, own], "", "token=%zz".to_owned()).await).await;
    let large = by(&[form, own], "", format!("token={}", "x".repeat(70_000))).await;
    refused("a large body", 413, "invalid_request", large).await;
    assert_active(&by(&[form, own], "?unknown=1", with_token()).await, "the control");
    for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = app.request(method.clone(), PATH).header("authorization", client.basic());
        let answer = Answer::of(request).await;
        assert_eq!((answer.status, answer.header("allow")), (405, "POST"), "{method}");
    }
}

/// A client needs no grant to introspect, and its token limit does not apply.
#[actix_web::test]
async fn a_client_without_grants_introspects() {
    let app = TestApp::spawn().await;
    let mut new = new_client("read");
    new.terms.max_tokens_per_hour = Some(1);
    let client = app.create(new).await;
    let token = app.access_token(&client).await;
    app.token(&client).send().await.assert_oauth_error(429, "temporarily_unavailable", "the limit");
    let update = ClientUpdate { grants: Some(Vec::new()), ..ClientUpdate::default() };
    app.update(&client, update).await;
    app.token(&client).send().await.assert_oauth_error(400, "unauthorized_client", "no grant");
    // It may still introspect: its tokens were revoked with the grant.
    assert_inactive(&app.introspect(&client, &token).await, "no grant");
}

/// An unknown state is 503: neither active nor inactive.
#[actix_web::test]
async fn an_introspection_never_guesses() {
    let app = TestApp::spawn().await;
    let watcher = app.client("mintery:introspect").await;
    let (known, forgotten) = (app.client("read").await, app.client("read").await);
    app.caught_up().await;
    let token = app.access_token(&known).await;
    let claim = |name| Forgery::of(&token).claim("sub", name).claim("client_id", name);
    let of_forgotten = claim(forgotten.id.as_str()).sign();
    assert_active(&app.introspect(&watcher, &token).await, "the store is there");
    app.database.execute(&["ALTER TABLE clients RENAME TO clients_away"]).await;
    assert_active(&app.introspect(&watcher, &token).await, "remembered");
    let answer = app.introspect(&watcher, &of_forgotten).await;
    answer.assert_oauth_error(503, "temporarily_unavailable", "not remembered");
    assert!(answer.header("retry-after").parse::<u32>().is_ok(), "{answer:?}");
    app.database.execute(&["ALTER TABLE clients_away RENAME TO clients"]).await;
    assert_active(&app.introspect(&watcher, &of_forgotten).await, "there again");
}

/// SEC-3: introspections are counted in series that exist from the start.
#[actix_web::test]
async fn introspections_are_counted() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let token = app.access_token(&client).await;
    let wrong = TestClient { secret: "mts_wrong".to_owned(), ..client.clone() };
    let series = async || {
        let mut values = Vec::new();
        for name in [
            "mintery_introspections_total{active=\"true\"}",
            "mintery_introspections_total{active=\"false\"}",
            "mintery_introspection_refusals_total{error=\"invalid_client\",reason=\"wrong_secret\"}",
            "mintery_introspection_refusals_total{error=\"invalid_request\",reason=\"malformed\"}",
            "mintery_token_refusals_total{error=\"invalid_client\",reason=\"wrong_secret\"}",
            "mintery_tokens_issued_total",
        ] {
            values.push(app.metric(name).await);
        }
        values
    };
    let before = series().await;
    app.introspect(&client, &token).await;
    app.introspect_signed(&client, &token).await;
    app.introspect(&client, "garbage").await;
    app.introspect(&wrong, &token).await;
    app.introspect_form(&client, &[]).await;
    let grown: Vec<f64> =
        series().await.iter().zip(&before).map(|(now, before)| now - before).collect();
    assert_eq!(grown, [2.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
}

#[actix_web::test]
async fn an_issuer_with_a_path_has_the_endpoint_below_it() {
    let app = TestApp::with(&[("issuer", "https://example.com/tenant")]).await;
    let client = app.client("read").await;
    let token = app.access_token(&client).await;
    for path in [PATH, "/tenant/oauth/introspect"] {
        let request = app.request(Method::POST, path).header("authorization", client.basic());
        assert_active(&Answer::of(request.form(&[("token", &token)])).await, path);
    }
    let metadata = app.get("/.well-known/oauth-authorization-server/tenant").await.json();
    assert_eq!(metadata["introspection_endpoint"], "https://example.com/tenant/oauth/introspect");
}
