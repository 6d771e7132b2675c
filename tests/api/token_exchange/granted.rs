//! The token: claims, scopes, environment.

use std::sync::Arc;

use mintery::admin::api_key::NewApiKey;
use mintery::model::api_key::Environment;
use mintery::model::client::ClientUpdate;
use mintery_verifier::keys::KeySet;
use mintery_verifier::{Verifier, VerifyError};
use reqwest::Method;
use serde_json::{Value, json};

use super::{ACCESS_TOKEN, ORDERS, STOCK, scopes};
use crate::support::answer::Answer;
use crate::support::api_key::owned_by;
use crate::support::app::{ISSUER, TestApp};
use crate::support::forge::part;
use crate::support::token_exchange::EXCHANGE;

/// 8693-1, 8693-2: the response, the claims, and the identity of the token's holder.
#[actix_web::test]
async fn an_api_key_becomes_a_token() {
    let app = TestApp::spawn().await;
    let owner = app.client("read write").await;
    let key = app.key(NewApiKey { scopes: Some(scopes("read")), ..owned_by(&owner) }).await;
    let answer = app.exchange(&key.key).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    let mut body = answer.json();
    let token = body.as_object_mut().unwrap().remove("access_token").unwrap();
    let token = token.as_str().unwrap();
    let expected = json!({
        "issued_token_type": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 3600, "scope": "read"
    });
    assert_eq!(body, expected);
    answer.assert_no_echo(&key.key, "an answer");

    assert_eq!(part(token, 0)["typ"], "at+jwt");
    let mut claims = Value::Object(part(token, 1));
    let jti = claims.as_object_mut().unwrap().remove("jti").unwrap();
    assert_eq!(jti.as_str().unwrap().len(), 43);
    let now = app.now();
    let expected = json!({
        "iss": ISSUER, "sub": owner.id, "client_id": key.id, "aud": ISSUER, "iat": now, "nbf": now, "exp": now + 3600,
        "scope": "read", "environment": "live",
    });
    assert_eq!(claims, expected);

    let me = app.me(token).await.json();
    let expected = json!({
        "sub": owner.id, "kind": "api_key", "name": "tester", "scope": "read", "credential": "access_token",
        "expires_at": now + 3600,
    });
    assert_eq!(me, expected);
    let check = app.get_with("/auth/check?scope=read", token).await;
    assert_eq!(
        (check.status, check.header("x-auth-subject")),
        (200, owner.id.as_str()),
        "{check:?}"
    );
    assert_eq!((check.header("x-auth-kind"), check.header("x-auth-scope")), ("api_key", "read"));
    assert_eq!(app.get_with("/auth/check?scope=write", token).await.status, 403);
    // Its owner can introspect it, and no other client can.
    let told = app.introspect(&owner, token).await.json();
    assert_eq!(
        (&told["active"], &told["client_id"], &told["sub"]),
        (&json!(true), &json!(key.id), &me["sub"])
    );
    assert_eq!((&told["environment"], &told["scope"]), (&json!("live"), &json!("read")));
    let other = app.client("read").await;
    assert_eq!(app.introspect(&other, token).await.body, r#"{"active":false}"#);
    let metadata = app.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata["grant_types_supported"], json!(["client_credentials", EXCHANGE]));
}

/// 8693-2, 8707-1, 8707-2: at most the scopes of the key, and the APIs of its owner; named by
/// `resource` or `audience`.
#[actix_web::test]
async fn a_token_allows_no_more_than_the_key() {
    let app = TestApp::spawn().await;
    for api in [ORDERS, STOCK] {
        app.api(api).await;
    }
    let owner = app.client_of(&[ORDERS]).await;
    let key = app.key(NewApiKey { scopes: Some(scopes("read")), ..owned_by(&owner) }).await;
    app.caught_up().await;
    let audience = |answer: &Answer| {
        assert_eq!(answer.status, 200, "{answer:?}");
        part(&answer.text("access_token"), 1)["aud"].clone()
    };
    let exchange = || app.exchange(&key.key);
    // The owner's first API, as without a resource.
    assert_eq!(audience(&exchange().send().await), ORDERS);
    assert_eq!(audience(&exchange().resource(ISSUER).send().await), ISSUER);
    assert_eq!(audience(&exchange().field("audience", ISSUER).send().await), ISSUER);
    let both = exchange().resource(ORDERS).field("audience", ISSUER).send().await;
    assert_eq!(audience(&both), json!([ISSUER, ORDERS]));
    let same = exchange().resource(ORDERS).field("audience", ORDERS).send().await;
    assert_eq!(audience(&same), ORDERS);
    let several = exchange().field("audience", ISSUER).field("audience", ORDERS).send().await;
    assert_eq!(audience(&several), json!([ISSUER, ORDERS]));
    for target in [STOCK, "https://unknown.example.com", "orders", "#"] {
        for name in ["resource", "audience"] {
            let answer = exchange().field(name, target).send().await;
            answer.assert_oauth_error(400, "invalid_target", target);
            exchange().resource(ISSUER).field(name, target).send().await.assert_oauth_error(
                400,
                "invalid_target",
                target,
            );
        }
    }
    assert_eq!(exchange().scope("read").send().await.scope(), "read");
    for beyond in ["write", "read write", "mintery:keys:write", "é", "read  write"] {
        let answer = exchange().scope(beyond).send().await;
        answer.assert_oauth_error(400, "invalid_scope", beyond);
    }
    // Scopes that the owner has lost no longer work for the key, nor for existing tokens.
    let token = exchange().resource(ISSUER).send().await.text("access_token");
    app.update(&owner, ClientUpdate { scopes: Some(scopes("write")), ..ClientUpdate::default() })
        .await;
    exchange().scope("read").send().await.assert_oauth_error(
        400,
        "invalid_scope",
        "the owner lost it",
    );
    assert_eq!(app.me(&token).await.scope(), "");
    let without = exchange().send().await;
    assert!(without.status == 200 && without.json().get("scope").is_none(), "{without:?}");
}

/// SEC-12: scopes of this server itself are never defaults; a token with them acts as the key.
#[actix_web::test]
async fn a_key_that_administers_makes_a_token_that_does() {
    let app = TestApp::spawn().await;
    let owner = app.client("mintery:keys:write read").await;
    let all = Some(scopes("mintery:keys:write read"));
    let key = app.key(NewApiKey { scopes: all, ..owned_by(&owner) }).await;
    assert_eq!(app.exchange(&key.key).send().await.scope(), "read");
    let answer = app.exchange(&key.key).scope("mintery:keys:write read").send().await;
    let token = answer.text("access_token");
    let make = app.request(Method::POST, "/api/v1/keys").bearer_auth(&token);
    let make = make
        .header("content-type", "application/json")
        .body(r#"{"name": "made", "scope": "read"}"#);
    let made = Answer::of(make).await;
    assert_eq!((made.status, made.text("owner")), (201, owner.id.clone()), "{made:?}");
    let by_key = format!(
        "SELECT COUNT(*) FROM events WHERE kind = 'api_key.created' AND actor = 'api_key:{}'",
        key.id
    );
    assert_eq!(app.database.number(&by_key).await, 1);
}

/// 8693-2: `environment` is that of the key, and a test token is rejected in production: here, and
/// at an API with the library.
#[actix_web::test]
async fn a_token_is_good_in_the_environment_of_its_key() {
    let app = TestApp::spawn().await;
    let owner = app.client("read").await;
    let live = app.key(owned_by(&owner)).await;
    let test = app.key(NewApiKey { environment: Environment::Test, ..owned_by(&owner) }).await;
    let (live, test) = (app.token_for(&live).await, app.token_for(&test).await);
    assert_eq!(
        (&part(&live, 1)["environment"], &part(&test, 1)["environment"]),
        (&json!("live"), &json!("test"))
    );
    assert!(app.is_good(&live).await && !app.is_good(&test).await);
    app.me(&test).await.assert_invalid_token("for trying out");
    let check = async |token: &str, query: &str| {
        app.get_with(&format!("/auth/check{query}"), token).await.status
    };
    assert_eq!((check(&live, "?env=live").await, check(&test, "?env=live").await), (200, 401));
    assert_eq!((check(&live, "?env=test").await, check(&test, "?env=test").await), (401, 200));
    assert_eq!((check(&live, "?env=any").await, check(&test, "?env=any").await), (200, 200));
    let told = app.introspect(&owner, &test).await.json();
    assert_eq!((&told["active"], &told["environment"]), (&json!(true), &json!("test")));
    let keys = KeySet::parse(app.get("/.well-known/jwks.json").await.body.as_bytes()).unwrap();
    let library = Verifier::with_keys(ISSUER, keys, Arc::clone(&app.clock) as _);
    assert_eq!(library.check(&live, ISSUER).unwrap().environment, Some(Environment::Live));
    assert_eq!(library.check(&test, ISSUER).unwrap_err(), VerifyError::Environment);
    assert_eq!(library.check(&app.access_token(&owner).await, ISSUER).unwrap().environment, None);

    let other = TestApp::with(&[("api_keys.environment", "test")]).await;
    let owner = other.client("read").await;
    let live = other.key(owned_by(&owner)).await;
    let test = other.key(NewApiKey { environment: Environment::Test, ..owned_by(&owner) }).await;
    assert!(!other.is_good(&other.token_for(&live).await).await);
    assert!(other.is_good(&other.token_for(&test).await).await);
}
