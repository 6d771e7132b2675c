//! Acting for a principal: a caller needs all that the principal has.

use reqwest::Method;
use serde_json::{Value, json};

use super::{OTHER, PAYMENTS, client_with, member_with, owner};
use crate::support::api_key::{KEYS, owned_by};
use crate::support::app::{ISSUER, TestApp, TestClient};
use crate::support::caller::{CLIENTS, Caller};
use crate::support::people::PASSWORD;

/// All that a caller needs for the acts below, except the principal's APIs.
const WRITER: &str = "mintery:clients:read mintery:clients:write mintery:keys:write \
                      mintery:users:read mintery:users:write read write";

fn of_client(client: &TestClient, rest: &str) -> String {
    format!("{CLIENTS}/{}{rest}", client.id)
}

/// The acts that make their author a client, or that decide about it.
async fn acts_on_client(app: &TestApp, client: &TestClient) -> Vec<(Method, String, Value)> {
    let key = app.key(owned_by(client)).await;
    let disabled = app.key(owned_by(client)).await;
    mintery::admin::api_key::set_enabled(&app.admin, &disabled.id(), false).await.unwrap();
    app.caught_up().await;
    let secret = of_client(client, &format!("/secrets/{}", client.secret_id));
    vec![
        (Method::POST, of_client(client, "/secrets"), json!({})),
        (
            Method::POST,
            of_client(client, "/secrets"),
            json!({ "client_secret": "kept-Umbrella-7-quince" }),
        ),
        (Method::PATCH, of_client(client, ""), json!({ "scope": "read write" })),
        (Method::PATCH, of_client(client, ""), json!({ "access_token_ttl": 60 })),
        (Method::POST, of_client(client, "/enable"), json!({})),
        (Method::POST, of_client(client, "/revoke-tokens"), json!({})),
        (Method::POST, KEYS.to_owned(), json!({ "name": "x", "owner": client.id })),
        (Method::POST, KEYS.to_owned(), json!({ "name": "x", "owner": client.id, "scope": "" })),
        (Method::PATCH, key.path(""), json!({ "name": "y" })),
        (Method::POST, key.path("/rotate"), json!({})),
        (Method::POST, disabled.path("/enable"), json!({})),
        (Method::DELETE, key.path(""), json!({})),
        (Method::POST, format!("{KEYS}/revoke"), json!({ "ids": [disabled.id] })),
        (Method::POST, format!("{KEYS}/revoke"), json!({ "owner": client.id })),
        (Method::DELETE, secret, json!({})),
        (Method::PATCH, of_client(client, ""), json!({ "scope": "" })),
        (Method::DELETE, of_client(client, ""), json!({})),
    ]
}

async fn assert_refused(caller: &Caller<'_>, acts: Vec<(Method, String, Value)>, missing: &str) {
    for (method, path, body) in acts {
        let answer = caller.send(method.clone(), &path, Some(body.clone())).await;
        let what = format!("{method} {path} {body}: {answer:?}");
        assert_eq!(
            (answer.status, answer.text("code").as_str()),
            (403, "err_no_permission"),
            "{what}"
        );
        assert!(answer.text("detail").contains(missing), "{what}");
    }
}

/// Finding 1: the scopes of a client do not suffice to act for it; its APIs count too.
#[actix_web::test]
async fn acting_for_a_client_needs_its_apis() {
    let app = TestApp::spawn().await;
    app.api(PAYMENTS).await;
    let client = client_with(&app, "read", &[PAYMENTS]).await;
    let caller = Caller::with(&app, WRITER).await;
    let acts = acts_on_client(&app, &client).await;
    assert_refused(&caller, acts, "mintery:apis:write").await;
    // An emergency stop stays open.
    assert_eq!(caller.post(&of_client(&client, "/disable"), json!({})).await.status, 200);
    assert_eq!(caller.post(&of_client(&client, "/enable"), json!({})).await.status, 403);
    // A caller that manages APIs may do each of them.
    let admin = Caller::with(&app, &format!("{WRITER} mintery:apis:write")).await;
    for (method, path, body) in
        acts_on_client(&app, &client_with(&app, "read", &[PAYMENTS]).await).await
    {
        let answer = admin.send(method.clone(), &path, Some(body.clone())).await;
        assert!(answer.status < 300, "{method} {path} {body}: {answer:?}");
    }
}

/// Finding 1: the same for an API that the client stands for.
#[actix_web::test]
async fn acting_for_a_client_needs_the_apis_that_it_stands_for() {
    let app = TestApp::spawn().await;
    app.api(PAYMENTS).await;
    let client = app.standing_for(&[PAYMENTS]).await;
    let caller = Caller::with(&app, WRITER).await;
    let acts = acts_on_client(&app, &client).await;
    assert_refused(&caller, acts, "mintery:apis:write").await;
}

/// Finding 1: the password of a user, and a key of a user, make their holder that user.
#[actix_web::test]
async fn acting_for_a_user_needs_their_apis() {
    let app = TestApp::spawn().await;
    app.api(PAYMENTS).await;
    let meg = member_with(&app, "meg", "read", &[PAYMENTS]).await;
    let caller = Caller::with(&app, WRITER).await;
    let at = |rest: &str| format!("/api/v1/users/{meg}{rest}");
    let acts = vec![
        (Method::POST, at("/set-password"), json!({ "password": "quince-Umbrella-9-lorry" })),
        (Method::PATCH, at(""), json!({ "scope": "read write" })),
        (Method::PATCH, at(""), json!({ "username": "eve" })),
        (Method::POST, at("/enable"), json!({})),
        (Method::DELETE, at("/second-factor"), json!({})),
        (Method::POST, KEYS.to_owned(), json!({ "name": "x", "owner": meg.as_str() })),
        (Method::DELETE, at(""), json!({})),
    ];
    assert_refused(&caller, acts, "mintery:apis:write").await;
    assert_eq!(app.try_log_in("meg", PASSWORD).await.status, 200);
    assert_eq!(caller.post(&at("/disable"), json!({})).await.status, 200);
}

/// Finding 1: a caller that has the API itself holds it, and no other API.
#[actix_web::test]
async fn a_caller_holds_its_own_apis() {
    let app = TestApp::spawn().await;
    app.api(PAYMENTS).await;
    app.api(OTHER).await;
    let own = client_with(&app, WRITER, &[PAYMENTS]).await;
    let token = app.token(&own).scope(WRITER).resource(ISSUER).send().await.text("access_token");
    let caller = Caller::holding(&app, token);
    let same = client_with(&app, "read", &[PAYMENTS]).await;
    assert_eq!(caller.post(&of_client(&same, "/secrets"), json!({})).await.status, 201);
    let more = client_with(&app, "read", &[PAYMENTS, OTHER]).await;
    assert_eq!(caller.post(&of_client(&more, "/secrets"), json!({})).await.status, 403);
    // It rotates its own secret, and widens neither itself nor another.
    assert_eq!(caller.post(&of_client(&own, "/secrets"), json!({})).await.status, 201);
    for target in [&own, &same] {
        for body in [
            json!({ "resources": [PAYMENTS, OTHER] }),
            json!({ "stands_for": [PAYMENTS] }),
            json!({ "scope": format!("{WRITER} admin") }),
            json!({ "scope": format!("{WRITER} mintery:apis:write") }),
        ] {
            let answer = caller.patch(&of_client(target, ""), body.clone()).await;
            assert_eq!(answer.status, 403, "{body}: {answer:?}");
        }
    }
}

/// Finding 15: more scopes for a principal that has another API are more at that API, so they need
/// the scope that decides about APIs.
#[actix_web::test]
async fn more_scopes_at_an_api_need_the_scope_for_apis() {
    let app = TestApp::spawn().await;
    app.api(PAYMENTS).await;
    let own = client_with(&app, WRITER, &[PAYMENTS]).await;
    let token = app.token(&own).scope(WRITER).resource(ISSUER).send().await.text("access_token");
    let caller = Caller::holding(&app, token);
    let client = client_with(&app, "read", &[PAYMENTS]).await;
    let wider = json!({ "scope": "read write" });
    let refused = caller.patch(&of_client(&client, ""), wider.clone()).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    assert!(refused.text("detail").contains("mintery:apis:write"), "{refused:?}");
    let meg = member_with(&app, "meg", "read", &[PAYMENTS]).await;
    let refused = caller.patch(&format!("/api/v1/users/{meg}"), wider.clone()).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    // Without another API the scopes of the caller suffice.
    let plain = app.client("read").await;
    assert_eq!(caller.patch(&of_client(&plain, ""), wider).await.status, 200);
}

/// Finding 15: `mintery:clients:write` alone revokes the tokens of no client that has more.
#[actix_web::test]
async fn tokens_are_revoked_by_callers_that_may_act_for_the_client() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let token = app.access_token(&client).await;
    let caller = Caller::with(&app, "mintery:clients:write").await;
    let path = of_client(&client, "/revoke-tokens");
    assert_eq!(caller.post(&path, json!({})).await.status, 403, "fewer scopes");
    assert_eq!(app.me(&token).await.status, 200);
    let holder = Caller::with(&app, "mintery:clients:write read").await;
    assert_eq!(holder.post(&path, json!({})).await.status, 204);
    app.me(&token).await.assert_invalid_token("revoked");
}

/// Finding 1: the ids of other principals in each path and body lead nowhere.
#[actix_web::test]
async fn a_key_of_one_principal_is_not_reached_through_another() {
    let app = TestApp::spawn().await;
    app.api(PAYMENTS).await;
    let (plain, rich) = (app.client("read").await, client_with(&app, "read", &[PAYMENTS]).await);
    let caller = Caller::with(&app, WRITER).await;
    // A secret of one client is not named below another.
    let crossed = of_client(&plain, &format!("/secrets/{}", rich.secret_id));
    assert_eq!(caller.delete(&crossed).await.status, 404);
    let (own, other) = (app.key(owned_by(&plain)).await, app.key(owned_by(&rich)).await);
    app.caught_up().await;
    // One foreign id keeps all of them.
    let both = json!({ "ids": [own.id, other.id] });
    assert_eq!(caller.post(&format!("{KEYS}/revoke"), both).await.status, 403);
    app.accepts_key(&own.key, "untouched").await;
    app.accepts_key(&other.key, "untouched").await;
    let moved = json!({ "owner": owner(&plain).as_str(), "name": "z" });
    let answer = caller.patch(&other.path(""), moved).await;
    assert!(matches!(answer.status, 400 | 403), "{answer:?}");
}
