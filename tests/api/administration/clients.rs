//! Clients and their secrets.

use reqwest::Method;
use serde_json::{Value, json};

use super::path;
use crate::support::answer::Answer;
use crate::support::app::{ISSUER, TestApp, TestClient};
use crate::support::caller::{CLIENTS, Caller};

/// SEC-10: an acknowledged change is in force for the next request on the same node.
#[actix_web::test]
async fn a_client_is_made_changed_and_deleted() {
    let app = TestApp::spawn().await;
    let caller = Caller::admin(&app).await;
    let answer =
        caller.post(CLIENTS, json!({ "client_name": "billing", "scope": "read write" })).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    let made = answer.json();
    assert_eq!((&made["client_name"], &made["scope"]), (&json!("billing"), &json!("read write")));
    assert_eq!(made["client_secret_expires_at"], 0);
    assert_eq!(
        answer.header("location"),
        format!("{ISSUER}{CLIENTS}/{}", made["client_id"].as_str().unwrap().replace('_', "%5F"))
    );
    let client = TestClient {
        id: answer.text("client_id"),
        secret: answer.text("client_secret"),
        secret_id: String::new(),
    };
    assert_eq!(app.token(&client).send().await.scope(), "read write");

    let changed = json!({ "client_name": "Billing", "scope": "read", "access_token_ttl": 60, "access_token_signed_response_alg": "EdDSA" });
    let answer = caller.patch(&path(&client, ""), changed).await;
    assert_eq!((answer.status, &answer.json()["client_name"]), (200, &json!("Billing")));
    let answer = app.token(&client).send().await;
    assert_eq!((answer.scope(), &answer.json()["expires_in"]), ("read".to_owned(), &json!(60)));
    assert_eq!(crate::support::forge::part(&answer.text("access_token"), 0)["alg"], "EdDSA");
    app.token(&client).scope("write").send().await.assert_oauth_error(
        400,
        "invalid_scope",
        "what was taken away",
    );

    // `null` removes a value, an absent member keeps it.
    let answer = caller.patch(&path(&client, ""), json!({ "access_token_ttl": null })).await;
    assert_eq!(answer.json()["access_token_ttl"], Value::Null);
    assert_eq!(answer.json()["access_token_signed_response_alg"], "EdDSA");
    assert_eq!(app.token(&client).send().await.json()["expires_in"], 3600);

    let answer = caller.post(&path(&client, "/disable"), json!({})).await;
    assert_eq!((answer.status, &answer.json()["enabled"]), (200, &json!(false)));
    app.token(&client).send().await.assert_oauth_error(401, "invalid_client", "disabled");
    caller.post(&path(&client, "/enable"), json!({})).await;
    assert_eq!(app.token(&client).send().await.status, 200);

    let shown = caller.get(&path(&client, "")).await;
    assert_eq!(shown.json()["secrets"].as_array().unwrap().len(), 1);
    assert!(!shown.body.contains(&client.secret[4..20]), "{shown:?}");
    let answer = caller.delete(&path(&client, "")).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    app.token(&client).send().await.assert_oauth_error(401, "invalid_client", "deleted");
    assert_eq!(caller.get(&path(&client, "")).await.status, 404);
    assert_eq!(caller.delete(&path(&client, "")).await.json()["code"], "err_not_found");
}

/// A new secret is deployed before the old one is revoked.
#[actix_web::test]
async fn a_client_has_several_secrets_meanwhile() {
    let app = TestApp::spawn().await;
    let caller = Caller::admin(&app).await;
    let old = caller.create(json!({ "client_name": "x", "scope": "read" })).await;
    let secrets = path(&old, "/secrets");
    let answer = caller.post(&secrets, json!({ "label": "spring", "expires_in": 60 })).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.json()["label"], "spring");
    assert_eq!(answer.json()["expires_at"], app.now() + 60);
    let new = TestClient { secret: answer.text("client_secret"), ..old.clone() };
    for client in [&old, &new] {
        assert_eq!(app.token(client).send().await.status, 200);
    }
    let listed = caller.get(&secrets).await;
    let items = listed.json()["items"].as_array().unwrap().clone();
    assert_eq!(items.len(), 2);
    assert!(!listed.body.contains(&new.secret) && !listed.body.contains("digest"));
    let first = items.iter().find(|item| item["label"].is_null()).unwrap()["id"].as_str().unwrap();
    assert_eq!(caller.delete(&format!("{secrets}/{first}")).await.status, 204);
    app.token(&old).send().await.assert_oauth_error(401, "invalid_client", "a revoked secret");
    assert_eq!(app.token(&new).send().await.status, 200);
    assert_eq!(caller.delete(&format!("{secrets}/{first}")).await.status, 404);
    let by_itself = caller.delete(&format!("{secrets}/{}", new.secret)).await;
    by_itself.assert_problem(404, "err_not_found", "a secret for its id");
    by_itself.assert_no_echo(&new.secret, "a secret for its id");
    app.clock.advance(std::time::Duration::from_mins(1));
    app.token(&new).send().await.assert_oauth_error(401, "invalid_client", "an expired secret");
    // The maximum number, and no more.
    for _ in 1..10 {
        assert_eq!(caller.send(Method::POST, &secrets, None).await.status, 201);
    }
    assert_eq!(caller.post(&secrets, json!({})).await.status, 400);
}

#[actix_web::test]
async fn clients_are_listed_in_pages_and_filtered() {
    let app = TestApp::spawn().await;
    let caller = Caller::admin(&app).await;
    for number in 0..7 {
        let name = if number < 3 { format!("Invoice_{number}") } else { format!("other {number}") };
        let client = caller.create(json!({ "client_name": name })).await;
        if number % 2 == 0 {
            caller.post(&path(&client, "/disable"), json!({})).await;
        }
    }
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = caller.get(&format!("{CLIENTS}?limit=3&after={after}")).await.json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 3);
        seen.extend(items.iter().map(|item| item["client_id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => break,
        }
    }
    assert_eq!(seen.len(), 8, "seven and the caller");
    assert!(seen.is_sorted_by(|one, next| one < next));
    for (query, count) in [
        ("name=invoice", 3),
        ("name=INVOICE_", 3),
        ("name=e_", 3),
        ("name=%25", 0),
        ("enabled=false", 4),
        ("enabled=true", 4),
        ("enabled=false&name=invoice", 2),
        ("limit=200", 8),
    ] {
        let page = caller.get(&format!("{CLIENTS}?{query}")).await.json();
        assert_eq!(page["items"].as_array().unwrap().len(), count, "{query}: {page}");
        assert_eq!(page["next"], Value::Null);
    }
    let long = format!("name={}", "x".repeat(300));
    for bad in [
        "limit=0",
        "limit=201",
        "limit=x",
        "enabled=yes",
        "order=name",
        "limit=1&limit=2",
        "name=a&name=b",
        "after=%00",
        "name=%00",
        &long,
    ] {
        let answer = caller.get(&format!("{CLIENTS}?{bad}")).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (400, &json!("err_invalid_request")),
            "{bad}"
        );
    }
}

/// An existing id may contain a slash and every other character of RFC 6749.
#[actix_web::test]
async fn an_id_of_any_characters_is_a_segment_of_the_path() {
    let app = TestApp::spawn().await;
    let caller = Caller::admin(&app).await;
    for (id, segment) in [("a/b", "a%2Fb"), ("a b%c?d#e", "a%20b%25c%3Fd%23e"), ("../x", "..%2Fx")]
    {
        caller.create(json!({ "client_name": "x", "client_id": id })).await;
        let shown = caller.get(&format!("{CLIENTS}/{segment}")).await;
        assert_eq!((shown.status, &shown.json()["client_id"]), (200, &json!(id)), "{id}");
    }
}

/// The id of a deleted client is still trusted elsewhere: it cannot be reused over HTTP.
#[actix_web::test]
async fn an_id_is_not_made_again_over_http() {
    let app = TestApp::spawn().await;
    let caller = Caller::admin(&app).await;
    let client = caller.create(json!({ "client_name": "x", "client_id": "once" })).await;
    assert_eq!(caller.delete(&path(&client, "")).await.status, 204);
    assert_eq!(
        caller.post(CLIENTS, json!({ "client_name": "x", "client_id": "once" })).await.status,
        409
    );
    // The command line may reuse it.
    app.client_with_id("once", "read").await;
}

/// 6749-10: the default scopes are the client's setting, or all of its own except Mintery's.
#[actix_web::test]
async fn a_client_has_default_scopes() {
    let app = TestApp::spawn().await;
    let caller = Caller::admin(&app).await;
    let client = caller
        .create(json!({ "client_name": "x", "scope": "read write mintery:clients:read", "default_scope": "read" }))
        .await;
    assert_eq!(app.token(&client).send().await.scope(), "read");
    assert_eq!(app.token(&client).scope("write").send().await.scope(), "write");
    caller.patch(&path(&client, ""), json!({ "default_scope": "" })).await;
    assert!(app.token(&client).send().await.json().get("scope").is_none());
    caller.patch(&path(&client, ""), json!({ "default_scope": null })).await;
    assert_eq!(app.token(&client).send().await.scope(), "read write");
    // A default scope that the client has lost no longer applies.
    let answer = caller.patch(&path(&client, ""), json!({ "default_scope": "write" })).await;
    assert_eq!(answer.status, 200);
    assert_eq!(caller.patch(&path(&client, ""), json!({ "scope": "read" })).await.status, 400);
}

/// Administration is served below the path of an issuer too, and at no other path.
#[actix_web::test]
async fn the_path_of_the_issuer_may_stand_in_front() {
    let app = TestApp::with(&[("issuer", "https://example.com/tenant")]).await;
    for path in [
        CLIENTS,
        "/api/v1/clients/x",
        "/api/v1/apis/https://example.com/a",
        "/api/v1/users/me/sessions/x",
    ] {
        let method = if path.ends_with("sessions/x") { Method::DELETE } else { Method::GET };
        for (prefix, status) in
            [("", 401), ("/tenant", 401), ("/tenantx", 404), ("/tenant/tenant", 404), ("/x", 404)]
        {
            let answer = Answer::of(app.request(method.clone(), &format!("{prefix}{path}"))).await;
            assert_eq!(answer.status, status, "{prefix}{path}: {answer:?}");
        }
    }
}
