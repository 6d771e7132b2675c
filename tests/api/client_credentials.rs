//! `POST /oauth/token`: the grant, scopes and resources.

use std::time::Duration;

use serde_json::json;

use crate::support::app::{ISSUER, TestApp, new_client};
use crate::support::forge::part;

const API: &str = "https://api.example.com";

/// 6749-11, 6749-12, 6749-13
#[actix_web::test]
async fn a_client_gets_a_token_and_never_a_refresh_token() {
    let app = TestApp::spawn().await;
    let client = app.client("read write").await;
    let answer = app.token(&client).scope("read").send().await;
    answer.assert_token("Basic");
    assert_eq!(answer.json()["scope"], "read");
    assert_eq!(answer.json()["expires_in"], 3600);

    let answer = app
        .form(&[
            ("grant_type", "client_credentials"),
            ("client_id", &client.id),
            ("client_secret", &client.secret),
        ])
        .send()
        .await;
    answer.assert_token("form");
    assert_eq!(answer.json()["scope"], "read write");
}

/// 6749-5
#[actix_web::test]
async fn an_empty_value_is_absent_and_an_unknown_parameter_is_ignored() {
    let app = TestApp::spawn().await;
    let client = app.client("read write").await;
    let answer = app
        .token(&client)
        .scope("")
        .resource("")
        .field("client_id", "")
        .field("client_secret", "")
        .field("organization", "https://unknown.example.com")
        .field("x-unknown", "y")
        .field("", "z")
        .send()
        .await;
    answer.assert_token("empty and unknown parameters");
    assert_eq!(answer.scope(), "read write");
    let answer = app.token(&client).without("grant_type").field("grant_type", "").send().await;
    answer.assert_oauth_error(400, "invalid_request", "an empty grant_type");
}

/// 6749-9, 6749-11
#[actix_web::test]
async fn a_scope_is_a_set_of_tokens() {
    let app = TestApp::spawn().await;
    let all = "read write !#$%&'()*+,-./:;<=>?@[]^_`{|}~";
    let client = app.client(all).await;
    let repeated = "read ".repeat(999) + "read";
    let good = [
        ("read", "read"),
        ("write", "write"),
        ("write read", "read write"),
        ("read write", "read write"),
        ("read read write read", "read write"),
        ("!#$%&'()*+,-./:;<=>?@[]^_`{|}~", "!#$%&'()*+,-./:;<=>?@[]^_`{|}~"),
        (repeated.as_str(), "read"),
    ];
    for (scope, granted) in good {
        let answer = app.token(&client).scope(scope).send().await;
        answer.assert_token(scope);
        assert_eq!(sorted(&answer.scope()), sorted(granted), "{scope}");
    }
    let long = "a".repeat(20_000);
    let thousand: Vec<_> = (0..1000).map(|number| format!("scope-{number}")).collect();
    let thousand = thousand.join(" ");
    let bad = [
        "admin",
        "read admin",
        "READ",
        "read,write",
        " ",
        "read  write",
        " read",
        "read ",
        "read\"",
        "\"read\"",
        "re\\ad",
        "read\u{7f}",
        "read\u{1}",
        "read\twrite",
        "read\nwrite",
        "read\r\nX-Injected: 1",
        "lire-é",
        "read\u{a0}write",
        "read\u{2003}write",
        "*",
        long.as_str(),
        thousand.as_str(),
    ];
    for scope in bad {
        let answer = app.token(&client).scope(scope).send().await;
        answer.assert_oauth_error(400, "invalid_scope", scope);
        assert!(answer.headers.get("x-injected").is_none(), "{scope:?}");
    }
}

fn sorted(scope: &str) -> Vec<&str> {
    let mut tokens: Vec<_> = scope.split(' ').collect();
    tokens.sort_unstable();
    tokens
}

/// 6749-9: a client that has many scopes gets a token that its own verifier still takes.
#[actix_web::test]
async fn many_scopes_still_make_a_token() {
    let app = TestApp::spawn().await;
    let many: Vec<_> = (0..700).map(|number| format!("{number:04}")).collect();
    let client = app.client(&many.join(" ")).await;
    let answer = app.token(&client).send().await;
    answer.assert_token("700 scopes");
    assert_eq!(answer.scope().split(' ').count(), 700);
    let me = app.me(&answer.text("access_token")).await;
    assert_eq!(me.status, 200, "{me:?}");
    let all = many.join("+");
    let check =
        app.get_with(&format!("/auth/check?scope={all}"), &answer.text("access_token")).await;
    assert_eq!(check.status, 200, "{check:?}");
}

/// 6749-10
#[actix_web::test]
async fn without_a_scope_the_client_gets_its_default() {
    let app = TestApp::spawn().await;
    let client = app.client("read write").await;
    assert_eq!(app.token(&client).send().await.scope(), "read write");

    let none = app.client("").await;
    let answer = app.token(&none).send().await;
    answer.assert_token("a client without scopes");
    assert!(answer.json().get("scope").is_none_or(|scope| scope == ""), "{answer:?}");
    let token = answer.text("access_token");
    assert!(!part(&token, 1).contains_key("scope"));
    assert_eq!(app.me(&token).await.status, 200);
    app.token(&none).scope("read").send().await.assert_oauth_error(
        400,
        "invalid_scope",
        "no scopes",
    );
}

/// SEC-12
#[actix_web::test]
async fn scopes_of_minterys_own_are_never_a_default() {
    let app = TestApp::with(&[("token.audience", API)]).await;
    let client = app.client("mintery:clients:read read").await;
    assert_eq!(app.token(&client).send().await.scope(), "read");
    let own = app.client("mintery:clients:read").await;
    assert_eq!(app.token(&own).resource(ISSUER).send().await.scope(), "");

    let asked = app.token(&client).scope("mintery:clients:read").resource(ISSUER).send().await;
    asked.assert_token("asked for");
    assert_eq!(asked.scope(), "mintery:clients:read");
    assert_eq!(part(&asked.text("access_token"), 1)["aud"], ISSUER);
    // Only good for the issuer, and only for who holds it.
    let elsewhere = app.token(&client).scope("mintery:clients:read").send().await;
    elsewhere.assert_oauth_error(400, "invalid_scope", "another audience by default");
    let both = app
        .token(&client)
        .scope("mintery:clients:read")
        .resource(ISSUER)
        .resource(API)
        .send()
        .await;
    both.assert_oauth_error(400, "invalid_scope", "two audiences");
    let foreign = app.token(&client).scope("mintery:clients:write").resource(ISSUER).send().await;
    foreign.assert_oauth_error(400, "invalid_scope", "not held");
}

/// 6749-15
#[actix_web::test]
async fn a_grant_is_known_and_allowed_to_this_client() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    for grant in [
        "password",
        "authorization_code",
        "refresh_token",
        "implicit",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "Client_Credentials",
        "client_credentials ",
        "client_credentials\u{7f}",
        "GRANT\"MARKER",
    ] {
        let answer =
            app.token(&client).without("grant_type").field("grant_type", grant).send().await;
        answer.assert_oauth_error(400, "unsupported_grant_type", grant);
        answer.assert_no_echo("MARKER", grant);
    }
    let none = app.token(&client).without("grant_type").scope("read").send().await;
    none.assert_oauth_error(400, "invalid_request", "no grant_type");

    let mut new = new_client("read");
    new.terms.grants = Vec::new();
    let without = app.create(new).await;
    let answer = app.token(&without).send().await;
    answer.assert_oauth_error(400, "unauthorized_client", "a client without grants");
}

/// 8707-1, 8707-2
#[actix_web::test]
async fn a_resource_becomes_the_audience() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let audience = async |resources: &[&str]| {
        let asking = resources.iter().fold(app.token(&client), |asking, one| asking.resource(one));
        part(&asking.send().await.text("access_token"), 1)["aud"].clone()
    };
    assert_eq!(audience(&[]).await, json!(ISSUER));
    assert_eq!(audience(&[ISSUER]).await, json!(ISSUER));
    assert_eq!(audience(&[ISSUER, ISSUER]).await, json!(ISSUER));
    assert_eq!(audience(&[ISSUER, ""]).await, json!(ISSUER));

    for resource in [
        API,
        "https://AUTH.example.com",
        "https://auth.example.com#",
        "https://auth.example.com#fragment",
        "https://auth.example.com/other",
        "https://auth.example.com?x=y",
        "http://auth.example.com",
        "/api",
        "api",
        "auth.example.com",
        "//auth.example.com",
        "https:",
        "https://auth.example.com ",
        "https://MARKER.example.com\"<>",
        "urn:MARKER",
        "https://é.example.com",
    ] {
        let answer = app.token(&client).resource(resource).send().await;
        answer.assert_oauth_error(400, "invalid_target", resource);
        answer.assert_no_echo("MARKER", resource);
        let answer = app.token(&client).resource(ISSUER).resource(resource).send().await;
        answer.assert_oauth_error(400, "invalid_target", resource);
    }
}

/// 8707-2: a default audience, and never more than was asked for.
#[actix_web::test]
async fn the_default_audience_is_a_setting() {
    let app = TestApp::with(&[("token.audience", API)]).await;
    let client = app.client("read").await;
    let token = app.access_token(&client).await;
    assert_eq!(part(&token, 1)["aud"], API);
    app.me(&token).await.assert_invalid_token("a token for another API");

    let own = app.token(&client).resource(ISSUER).send().await.text("access_token");
    assert_eq!(part(&own, 1)["aud"], ISSUER);
    assert_eq!(app.me(&own).await.status, 200);

    let both = app.token(&client).resource(ISSUER).resource(API).send().await.text("access_token");
    assert_eq!(part(&both, 1)["aud"].as_array().unwrap().len(), 2);
    assert_eq!(app.me(&both).await.status, 200);
}

/// 9068-2: what the settings say about how long a token is good.
#[actix_web::test]
async fn the_life_of_a_token_is_a_setting() {
    let app = TestApp::with(&[("token.ttl", "60")]).await;
    let client = app.client("read").await;
    let answer = app.token(&client).send().await;
    assert_eq!(answer.json()["expires_in"], 60);
    let token = answer.text("access_token");
    let claims = part(&token, 1);
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 60);
    app.clock.advance(Duration::from_secs(59));
    assert_eq!(app.me(&token).await.status, 200);
    app.clock.advance(Duration::from_secs(1));
    app.me(&token).await.assert_invalid_token("expired");
}
