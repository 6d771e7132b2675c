//! Tokens that a client may introspect.

use std::time::Duration;

use mintery::admin::api;
use mintery::admin::signing_key;
use mintery::model::client::ClientUpdate;
use mintery::model::name::DisplayName;
use mintery::model::scope::ScopeSet;
use mintery::model::signing_key::SigningAlgorithm;
use reqwest::Method;
use serde_json::json;

use super::{INACTIVE, ORDERS, STOCK, assert_active, assert_inactive};
use crate::support::answer::Answer;
use crate::support::api_key::owned_by;
use crate::support::app::{ISSUER, TestApp};
use crate::support::forge::{Forgery, part};
use crate::support::introspection::{PATH, api_terms, uri};

/// 7662-1
#[actix_web::test]
async fn a_client_introspects_its_own_tokens() {
    let app = TestApp::spawn().await;
    let client = app.client("read write").await;
    let token = app.access_token(&client).await;
    let answer = app.introspect(&client, &token).await;
    let expected = json!({
        "active": true,
        "scope": "read write",
        "client_id": client.id,
        "sub": client.id,
        "aud": ISSUER,
        "iss": ISSUER,
        "exp": app.now() + 3600,
        "iat": app.now(),
        "nbf": app.now(),
        "jti": part(&token, 1)["jti"],
        "token_type": "Bearer",
    });
    assert_eq!(assert_active(&answer, "its own"), expected);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    answer.assert_request_id("an introspection");

    // By form, with any hint, and with parameters of other servers.
    for hint in ["access_token", "refresh_token", "nonsense", ""] {
        let fields = [
            ("client_id", client.id.as_str()),
            ("client_secret", &client.secret),
            ("token", &token),
            ("token_type_hint", hint),
            ("unknown", "x"),
        ];
        let request = app.request(Method::POST, PATH).form(&fields);
        assert_eq!(assert_active(&Answer::of(request).await, hint), expected);
    }
    let other = app.client("read write").await;
    assert_inactive(&app.introspect(&other, &token).await, "somebody else's");
}

/// 7662-2: an API key is not a token. Its validity depends on the caller's address, which another
/// endpoint checks.
#[actix_web::test]
async fn an_api_key_is_no_active_token() {
    let app = TestApp::spawn().await;
    let client = app.client("read mintery:introspect").await;
    let key = app.key(owned_by(&client)).await;
    assert_inactive(&app.introspect(&client, &key.key).await, "its own key");
}

/// 7662-1
#[actix_web::test]
async fn a_client_introspects_tokens_for_the_apis_that_it_stands_for() {
    let app = TestApp::spawn().await;
    app.api(ORDERS).await;
    app.api(STOCK).await;
    let client = app.client_of(&[ORDERS, STOCK]).await;
    let (orders, stock) =
        (app.standing_for(&[ORDERS]).await, app.standing_for(&[STOCK, ORDERS]).await);
    app.caught_up().await;
    let token_for = async |resources: &[&str]| {
        let asking = resources.iter().fold(app.token(&client), |asking, one| asking.resource(one));
        asking.scope("read").send().await.text("access_token")
    };
    let (for_orders, for_stock) = (token_for(&[ORDERS]).await, token_for(&[STOCK]).await);
    let (for_both, for_issuer) = (token_for(&[ORDERS, STOCK]).await, token_for(&[ISSUER]).await);
    let seen = assert_active(&app.introspect(&orders, &for_orders).await, "orders");
    assert_eq!((&seen["aud"], &seen["client_id"]), (&json!(ORDERS), &json!(client.id)));
    let seen = assert_active(&app.introspect(&orders, &for_both).await, "orders among others");
    assert_eq!(seen["aud"], json!([ORDERS, STOCK]));
    for token in [&for_orders, &for_stock, &for_both] {
        assert_active(&app.introspect(&stock, token).await, "both");
        assert_active(&app.introspect(&client, token).await, "its own");
    }
    assert_inactive(&app.introspect(&orders, &for_stock).await, "another API");
    for stranger in [&orders, &stock] {
        assert_inactive(&app.introspect(stranger, &for_issuer).await, "the issuer's");
    }

    // After the next event it stands for another API.
    let update = ClientUpdate { stands_for: Some(vec![uri(STOCK)]), ..ClientUpdate::default() };
    app.update(&orders, update).await;
    assert_inactive(&app.introspect(&orders, &for_orders).await, "no more");
    assert_active(&app.introspect(&orders, &for_stock).await, "from now on");
}

/// 7662-1: introspecting the issuer's tokens requires a scope. An API of the issuer's name changes
/// nothing.
#[actix_web::test]
async fn no_client_stands_for_the_issuer() {
    let app = TestApp::spawn().await;
    app.api(ISSUER).await;
    let impostor = app.standing_for(&[ISSUER]).await;
    let client = app.client("read").await;
    app.caught_up().await;
    let token = app.access_token(&client).await;
    assert_inactive(&app.introspect(&impostor, &token).await, "the issuer");
}

/// 7662-1
#[actix_web::test]
async fn a_scope_lets_a_client_introspect_all() {
    let app = TestApp::spawn().await;
    app.api(ORDERS).await;
    let client = app.client_of(&[ORDERS]).await;
    let auditor = app.client("mintery:introspect").await;
    let almost = app.client("mintery:introspection introspect").await;
    app.caught_up().await;
    let tokens = [
        app.token(&client).send().await.text("access_token"),
        app.token(&client).resource(ISSUER).send().await.text("access_token"),
    ];
    for token in &tokens {
        assert_active(&app.introspect(&auditor, token).await, "all");
        assert_inactive(&app.introspect(&almost, token).await, "another scope");
    }
    let update = ClientUpdate { scopes: Some(ScopeSet::default()), ..ClientUpdate::default() };
    app.update(&auditor, update).await;
    assert_inactive(&app.introspect(&auditor, &tokens[0]).await, "the scope was taken away");
}

/// 7662-2, 7662-3: all invalid tokens get the same response.
#[actix_web::test]
async fn inactive_is_one_answer() {
    let app = TestApp::spawn().await;
    let auditor = app.client("mintery:introspect").await;
    let client = app.client("read").await;
    let (disabled, deleted) = (app.client("read").await, app.client("read").await);
    let remade = app.client_with_id("remade", "read").await;
    app.caught_up().await;
    let token = app.access_token(&client).await;
    let real = Forgery::of(&token);
    assert_active(&app.introspect(&auditor, &token).await, "the control");
    let mut tokens = vec![
        ("garbage", "garbage".to_owned()),
        ("no ASCII", "é".to_owned()),
        ("a secret", client.secret.clone()),
        ("dots", "a.b.c".to_owned()),
        ("a long one", "a".repeat(20_000)),
        ("two", format!("{token} {token}")),
        ("another issuer", real.clone().claim("iss", "https://other.example.com").sign()),
        ("expired", real.clone().claim("exp", app.now()).sign()),
        ("not yet", real.clone().claim("nbf", app.now() + 11).sign()),
        ("another type", real.clone().header("typ", "JWT").sign()),
        ("another subject", real.clone().claim("sub", "somebody").sign()),
        (
            "a client of nobody",
            real.clone().claim("sub", "nobody").claim("client_id", "nobody").sign(),
        ),
        ("no event", real.clone().claim("jti", "x").sign()),
        (
            "another signature",
            format!(
                "{}{}",
                &token[..token.len() - 1],
                if token.ends_with('A') { 'Q' } else { 'A' }
            ),
        ),
    ];
    for (what, client) in [("disabled", &disabled), ("deleted", &deleted), ("remade", &remade)] {
        let token = app.access_token(client).await;
        assert_active(&app.introspect(&auditor, &token).await, what);
        tokens.push((what, token));
    }
    app.disable(&disabled).await;
    app.delete(&deleted).await;
    app.delete(&remade).await;
    app.client_with_id("remade", "read").await;
    app.caught_up().await;
    let first = app.introspect(&auditor, "garbage").await;
    assert_eq!(first.body, INACTIVE);
    for (what, token) in &tokens {
        for who in [&auditor, &client] {
            let answer = app.introspect(who, token).await;
            assert_eq!(answer.fingerprint(), first.fingerprint(), "{what}");
        }
    }
    // Enabling restores the client, but not its earlier tokens.
    app.enable(&disabled).await;
    app.caught_up().await;
    let of_disabled = &tokens.iter().find(|(what, _)| *what == "disabled").unwrap().1;
    assert_inactive(&app.introspect(&auditor, of_disabled).await, "enabled again");
    let new = app.access_token(&disabled).await;
    assert_active(&app.introspect(&auditor, &new).await, "issued since");

    // A revoked key, and expiry.
    let kid = part(&token, 0)["kid"].as_str().unwrap().to_owned();
    Box::pin(signing_key::retire(&app.admin, &kid, SigningAlgorithm::Es256)).await.unwrap();
    app.caught_up().await;
    assert_inactive(&app.introspect(&auditor, &token).await, "the key was taken back");
    let token = app.access_token(&client).await;
    app.clock.advance(Duration::from_millis(3_599_999));
    assert_active(&app.introspect(&client, &token).await, "the last moment");
    app.clock.advance(Duration::from_millis(1));
    assert_inactive(&app.introspect(&client, &token).await, "the moment of exp");
}

/// 7662-3: a token allows what its client may do now.
#[actix_web::test]
async fn a_revoked_scope_is_not_introspected() {
    let app = TestApp::spawn().await;
    let client = app.client("read write").await;
    app.caught_up().await;
    let token = app.access_token(&client).await;
    // As a release that revoked nothing then has left it.
    let set = async |scopes: &str| {
        let taken = format!("UPDATE clients SET scopes = '{scopes}' WHERE id = '{}'", client.id);
        app.database.execute(&[&taken]).await;
        let name = DisplayName::parse(scopes).unwrap();
        app.update(&client, ClientUpdate { name: Some(name), ..ClientUpdate::default() }).await;
    };
    set("write other").await;
    assert_eq!(assert_active(&app.introspect(&client, &token).await, "write")["scope"], "write");
    set("other").await;
    assert_eq!(assert_active(&app.introspect(&client, &token).await, "none").get("scope"), None);
    let token = app.access_token(&client).await;
    let none = ClientUpdate { scopes: Some(ScopeSet::default()), ..ClientUpdate::default() };
    app.update(&client, none).await;
    assert_inactive(&app.introspect(&client, &token).await, "revoked");
}

/// A client that stood for a deleted API does not stand for a new one with the same identifier.
#[actix_web::test]
async fn an_api_that_a_client_stands_for_stays() {
    let app = TestApp::spawn().await;
    app.api(ORDERS).await;
    app.api("https://ORDERS.example.com").await;
    app.api("https://orders.example.com/v2").await;
    app.api(STOCK).await;
    let watcher = app.standing_for(&[STOCK, ORDERS]).await;
    for other in ["https://ORDERS.example.com", "https://orders.example.com/v2"] {
        api::delete(&app.admin, &uri(other)).await.unwrap();
    }
    let refused = api::delete(&app.admin, &uri(ORDERS)).await.unwrap_err().to_string();
    assert!(refused.contains(&watcher.id) && refused.contains(ORDERS), "{refused}");
    assert!(api::show(&app.admin, &uri(ORDERS)).await.is_ok());
    let update = ClientUpdate { stands_for: Some(Vec::new()), ..ClientUpdate::default() };
    app.update(&watcher, update).await;
    api::delete(&app.admin, &uri(ORDERS)).await.unwrap();

    // A client that still stands for a deleted API gets nothing from it, and none is newly allowed.
    app.api(ORDERS).await;
    let client = app.client_of(&[ORDERS]).await;
    app.caught_up().await;
    let token = app.access_token(&client).await;
    api::delete(&app.admin, &uri(ORDERS)).await.unwrap();
    app.database
        .execute(&[
            "UPDATE clients SET stands_for = 'https://orders.example.com' WHERE grant_types = ''",
        ])
        .await;
    let rename = ClientUpdate { name: DisplayName::parse("y").ok(), ..ClientUpdate::default() };
    app.update(&watcher, rename).await;
    assert_inactive(&app.introspect(&watcher, &token).await, "an API that is gone");
    let terms = api_terms();
    let refused =
        Box::pin(api::create(&app.admin, uri(ORDERS), terms)).await.unwrap_err().to_string();
    assert!(refused.contains(&watcher.id), "{refused}");
}
