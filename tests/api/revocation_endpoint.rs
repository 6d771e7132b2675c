//! `POST /oauth/revoke`: clients revoke their own tokens.

use std::time::Duration;

use reqwest::Method;

use crate::support::answer::Answer;
use crate::support::api_key::owned_by;
use crate::support::app::{ISSUER, TestApp, TestClient};
use crate::support::forge::{self, Forgery};

const PATH: &str = "/oauth/revoke";

impl TestApp {
    /// The response to `client` revoking `token`.
    async fn revoke(&self, client: &TestClient, token: &str) -> Answer {
        self.revoke_form(client, &[("token", token)]).await
    }

    async fn revoke_form(&self, client: &TestClient, fields: &[(&str, &str)]) -> Answer {
        let request = self.request(Method::POST, PATH).header("authorization", client.basic());
        Answer::of(request.form(fields)).await
    }
}

/// The number of the last applied event, from the metrics.
async fn applied(app: &TestApp) -> String {
    app.metric("mintery_applied_event").await.to_string()
}

#[track_caller]
fn assert_done(answer: &Answer, what: &str) {
    assert_eq!((answer.status, answer.body.as_str()), (200, "{}"), "{what}: {answer:?}");
    assert_eq!(answer.header("content-type"), "application/json", "{what}");
    assert_eq!(answer.header("cache-control"), "no-store", "{what}");
}

/// 7009-5, 7009-6, SEC-10: from the response on.
#[actix_web::test]
async fn a_revoked_token_is_refused() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    for round in 0..10 {
        let (token, other) = (app.access_token(&client).await, app.access_token(&client).await);
        assert_eq!(app.me(&token).await.status, 200);
        assert_done(&app.revoke(&client, &token).await, "good until now");
        app.me(&token).await.assert_invalid_token("revoked");
        assert_eq!(app.get_with("/auth/check", &token).await.status, 401);
        assert_eq!(app.introspect(&client, &token).await.body, r#"{"active":false}"#);
        assert_eq!(app.me(&other).await.status, 200, "{round}");
        assert_eq!(app.introspect(&client, &other).await.json()["active"], true);
    }
    app.token(&client).send().await.assert_token("the client is as good as before");
}

/// 7009-2, 7009-4: an invalid token is already as the client wants it, and costs no write.
#[actix_web::test]
async fn an_invalid_token_counts_as_revoked() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let token = app.access_token(&client).await;
    app.caught_up().await;
    let before = applied(&app).await;
    let forged = Forgery::of(&token).claim("iss", "https://other.example.com").sign();
    let expired = Forgery::of(&token).claim("exp", app.now() - 1).sign();
    for other in [
        "garbage",
        "a.b.c",
        "é",
        "mts_0000000000000000000000000000000000000000000000000",
        &forged,
        &expired,
    ] {
        assert_done(&app.revoke(&client, other).await, other);
    }
    assert_eq!(applied(&app).await, before);
    assert_eq!(app.me(&token).await.status, 200);
    for hint in ["access_token", "refresh_token", "nonsense", ""] {
        let token = app.access_token(&client).await;
        assert_done(
            &app.revoke_form(&client, &[("token", &token), ("token_type_hint", hint)]).await,
            hint,
        );
        app.me(&token).await.assert_invalid_token(hint);
        let after = applied(&app).await;
        assert_done(&app.revoke(&client, &token).await, "again");
        assert_eq!(applied(&app).await, after, "nothing was written again");
    }
}

/// 7009-3
#[actix_web::test]
async fn another_clients_token_stays_good() {
    let app = TestApp::spawn().await;
    let (client, other) =
        (app.client("read mintery:clients:write").await, app.client("read").await);
    let token = app.access_token(&other).await;
    let answer = app.revoke(&client, &token).await;
    answer.assert_oauth_error(400, "unauthorized_client", "another client's");
    answer.assert_no_echo(&token, "another client's");
    assert_eq!(app.me(&token).await.status, 200);
}

/// The endpoint does not claim to revoke an API key that stays valid.
#[actix_web::test]
async fn an_api_key_is_not_revoked_here() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let key = app.key(owned_by(&client)).await.key;
    let answer = app.revoke(&client, &key).await;
    answer.assert_oauth_error(400, "unsupported_token_type", "a key");
    answer.assert_no_echo(&key, "a key");
    assert_eq!(app.get_with("/api/v1/users/me", &key).await.status, 200);
    assert_done(
        &app.revoke(&client, &format!("{key}x")).await,
        "what is no key is good for nothing",
    );
}

/// 7009-1
#[actix_web::test]
async fn revoking_requires_authentication() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let token = app.access_token(&client).await;
    let wrong = TestClient { secret: format!("{}x", client.secret), ..client.clone() };
    app.revoke(&wrong, &token).await.assert_oauth_error(401, "invalid_client", "a wrong secret");
    let bare = app.request(Method::POST, PATH);
    let answer = Answer::of(bare.form(&[("token", &token)])).await;
    answer.assert_oauth_error(401, "invalid_client", "no secret");
    app.revoke_form(&client, &[]).await.assert_oauth_error(400, "invalid_request", "no token");
    let twice = [("token", token.as_str()), ("token", token.as_str())];
    app.revoke_form(&client, &twice).await.assert_oauth_error(400, "invalid_request", "two tokens");
    let get = app
        .request(Method::GET, &format!("{PATH}?token={token}"))
        .header("authorization", client.basic());
    assert_eq!(Answer::of(get).await.status, 405);
    assert_eq!(app.me(&token).await.status, 200);
    let post = app.request(Method::POST, PATH);
    let fields =
        [("client_id", client.id.as_str()), ("client_secret", &client.secret), ("token", &token)];
    assert_done(&Answer::of(post.form(&fields)).await, "by the form");
    app.me(&token).await.assert_invalid_token("revoked");
}

/// SEC-3: no client fills the list, and expired entries make room.
#[actix_web::test]
async fn a_client_revokes_no_more_than_is_remembered() {
    let app = TestApp::with(&[("revocations.max_per_client", "5")]).await;
    let (client, other) = (app.client("read").await, app.client("read").await);
    let mut tokens = Vec::new();
    for _ in 0..8 {
        tokens.push(app.access_token(&client).await);
    }
    // Concurrent revocations become one change.
    let answers =
        futures_util::future::join_all(tokens.iter().map(|token| app.revoke(&client, token))).await;
    let done = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(done, 5);
    for (answer, token) in answers.iter().zip(&tokens) {
        if answer.status != 200 {
            answer.assert_oauth_error(429, "temporarily_unavailable", "one too many");
            assert_eq!(answer.header("retry-after"), "60");
        }
        assert_eq!(app.me(token).await.status == 200, answer.status != 200, "told as it is");
    }
    // Others are not affected, and revoking all at once still works.
    let token = app.access_token(&other).await;
    assert_done(&app.revoke(&other, &token).await, "another client");
    app.disable(&client).await;
    app.enable(&client).await;
    app.caught_up().await;
    for token in &tokens {
        app.me(token).await.assert_invalid_token("all of them");
    }
    app.clock.advance(Duration::from_hours(2));
    let late = app.access_token(&client).await;
    assert_done(&app.revoke(&client, &late).await, "there is room again");
    app.me(&late).await.assert_invalid_token("there is room again");
}

/// Concurrent revocations are one change, and the log lists the tokens, their clients and the
/// actor.
#[actix_web::test]
async fn the_log_names_what_was_revoked() {
    let app = TestApp::spawn().await;
    let reader = crate::support::caller::Caller::with(&app, "mintery:events:read").await;
    let client = app.client("read").await;
    let mut tokens = Vec::new();
    for _ in 0..20 {
        tokens.push(app.access_token(&client).await);
    }
    let answers =
        futures_util::future::join_all(tokens.iter().map(|token| app.revoke(&client, token))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    let events = reader.get("/api/v1/events?kind=tokens.revoked").await.json();
    let events = events["items"].as_array().unwrap();
    assert!(events.len() < tokens.len(), "{} changes", events.len());
    let mut named = Vec::new();
    for event in events {
        assert_eq!(event["actor"], format!("client:{}", client.id));
        assert_eq!(event["subject"], client.id.as_str());
        for token in event["details"]["tokens"].as_array().unwrap() {
            assert_eq!(token["client"], client.id.as_str());
            named.push(token["jti"].as_str().unwrap().to_owned());
        }
    }
    let mut expected: Vec<String> = tokens
        .iter()
        .map(|token| forge::part(token, 1)["jti"].as_str().unwrap().to_owned())
        .collect();
    named.sort_unstable();
    expected.sort_unstable();
    assert_eq!(named, expected);
    app.until_metric("mintery_tokens_revoked_total", 20.0).await;
    let metadata = app.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata["revocation_endpoint"], format!("{ISSUER}{PATH}"));
}
