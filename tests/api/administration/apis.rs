//! APIs.

use serde_json::json;

use super::{APIS, claims};
use crate::support::app::{ISSUER, TestApp};
use crate::support::caller::Caller;

/// The identifier in the path is read once: two that differ by an encoding are two.
#[actix_web::test]
async fn an_identifier_is_decoded_once() {
    let app = TestApp::spawn().await;
    let caller = Caller::admin(&app).await;
    for resource in ["https://x.example/%41", "https://x.example/A"] {
        let answer = caller.post(APIS, json!({ "resource": resource, "name": "x" })).await;
        let location = answer.header("location").strip_prefix(ISSUER).unwrap().to_owned();
        assert_eq!(caller.get(&location).await.json()["resource"], resource);
    }
    assert_eq!(caller.delete(&format!("{APIS}/https%3A%2F%2Fx.example%2F%2541")).await.status, 204);
    let left = caller.get(APIS).await.json();
    assert_eq!(left["items"][0]["resource"], "https://x.example/A");
}

/// Two who change different things of an API at once both have what they wanted.
#[actix_web::test]
async fn changes_of_an_api_at_once_are_not_lost() {
    let app = TestApp::spawn().await;
    let caller = Caller::admin(&app).await;
    let api = format!("{APIS}/urn%3Ax");
    caller.post(APIS, json!({ "resource": "urn:x", "name": "x", "scope": "read pay" })).await;
    for number in 0..20 {
        let (scopes, name) = if number % 2 == 0 { ("read", "even") } else { ("read pay", "odd") };
        tokio::join!(
            caller.patch(&api, json!({ "scope": scopes })),
            caller.patch(&api, json!({ "name": name })),
        );
        let now = caller.get(&api).await.json();
        assert_eq!(
            (&now["scope"], &now["name"]),
            (&json!(if number % 2 == 0 { "read" } else { "pay read" }), &json!(name))
        );
    }
}

/// 8707-1, 8707-2: APIs, their scopes, what their tokens look like; and clients that may ask for
/// them.
#[actix_web::test]
async fn tokens_are_for_the_apis_that_a_client_may_call() {
    let app = TestApp::spawn().await;
    let caller = Caller::admin(&app).await;
    let (orders, stock) = ("https://orders.example.com", "urn:example:stock");
    let api = json!({ "resource": orders, "name": "Orders", "scopes": { "read": "Reads orders.", "write": "" },
        "access_token_ttl": 300, "access_token_signed_response_alg": "RS256" });
    let answer = caller.post(APIS, api).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.json()["scopes"]["read"], "Reads orders.");
    let location = answer.header("location").strip_prefix(ISSUER).unwrap().to_owned();
    assert_eq!(caller.get(&location).await.json()["resource"], orders);
    assert_eq!(
        caller
            .post(APIS, json!({ "resource": stock, "name": "Stock", "scope": "read" }))
            .await
            .status,
        201
    );
    assert_eq!(caller.get(APIS).await.json()["items"].as_array().unwrap().len(), 2);

    let client = caller
        .create(json!({ "client_name": "x", "scope": "read write", "resources": [orders, stock] }))
        .await;
    // Without `resource` it is the first that the client is registered for, with the defaults that
    // belong to it.
    let answer = app.token(&client).send().await;
    let token = answer.text("access_token");
    assert_eq!(claims(&token)["aud"], orders);
    assert_eq!(
        (answer.scope(), &answer.json()["expires_in"]),
        ("read write".to_owned(), &json!(300))
    );
    assert_eq!(crate::support::forge::part(&token, 0)["alg"], "RS256");
    assert_eq!(app.get_with(&format!("/auth/check?resource={orders}"), &token).await.status, 200);
    assert_eq!(app.me(&token).await.status, 401, "a token for another API");

    let answer = app.token(&client).resource(stock).send().await;
    assert_eq!(
        (answer.scope(), &claims(&answer.text("access_token"))["aud"]),
        ("read".to_owned(), &json!(stock))
    );
    let both = app.token(&client).resource(stock).resource(orders).scope("read").send().await;
    assert_eq!(claims(&both.text("access_token"))["aud"], json!([orders, stock]));
    // A scope must belong to every audience that is asked for.
    let answer = app.token(&client).resource(stock).resource(orders).scope("write").send().await;
    answer.assert_oauth_error(400, "invalid_scope", "a scope of one of two");
    // The default API is everybody's.
    let own = app.token(&client).resource(ISSUER).send().await.text("access_token");
    assert_eq!(app.me(&own).await.status, 200);

    // Known, and not for this client; and unknown.
    let stranger = app.client("read").await;
    for resource in [orders, "https://unknown.example.com"] {
        app.token(&stranger).resource(resource).send().await.assert_oauth_error(
            400,
            "invalid_target",
            resource,
        );
    }
    let own_scope = caller
        .create(
            json!({ "client_name": "x", "scope": "mintery:clients:read", "resources": [orders] }),
        )
        .await;
    let answer = app.token(&own_scope).scope("mintery:clients:read").resource(orders).send().await;
    answer.assert_oauth_error(400, "invalid_scope", "Mintery's own scope for another API");

    let changed = caller
        .patch(&location, json!({ "scope": "read", "access_token_signed_response_alg": null }))
        .await;
    assert_eq!((changed.status, &changed.json()["scope"]), (200, &json!("read")));
    let answer = app.token(&client).send().await;
    assert_eq!(answer.scope(), "read");
    assert_eq!(crate::support::forge::part(&answer.text("access_token"), 0)["alg"], "ES256");
    assert_eq!(caller.delete(&location).await.status, 204);
    app.token(&client).send().await.assert_oauth_error(
        400,
        "invalid_target",
        "an API that is no more",
    );
    assert_eq!(caller.delete(&location).await.status, 404);
    for bad in [
        json!({ "name": "x" }),
        json!({ "resource": "/x", "name": "x" }),
        json!({ "resource": "https://a/#b", "name": "x" }),
        json!({ "resource": "https://a", "name": "x", "scope": "mintery:clients:read" }),
        json!({ "resource": "https://a", "name": "x", "scope": "a", "scopes": {} }),
        json!({ "resource": "https://a", "name": "x", "scopes": { "a b": "" } }),
        json!({ "resource": "https://a", "name": "x", "access_token_signed_response_alg": "HS256" }),
    ] {
        assert_eq!(caller.post(APIS, bad.clone()).await.status, 400, "{bad}");
    }
    assert_eq!(caller.post(APIS, json!({ "resource": stock, "name": "again" })).await.status, 409);
}
