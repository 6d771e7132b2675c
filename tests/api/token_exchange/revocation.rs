//! Changes of the key and of its owner that end the token.

use std::sync::Arc;
use std::time::Duration;

use mintery::admin::api_key::{self, ApiKeyUpdate, NewApiKey, Rotation, Selection};
use mintery::admin::{Admin, client, revocation};
use mintery::model::address::AddressRanges;
use mintery::model::api_key::{ApiKeyId, KeyOwner};
use mintery::model::client::{ClientId, ClientUpdate};
use mintery::model::name::DisplayName;
use mintery::model::patch::Patch;
use mintery::model::revocation::{Kind, Mark};
use reqwest::Method;
use serde_json::{Value, json};

use super::{client_id, scopes};
use crate::support::answer::Answer;
use crate::support::api_key::owned_by;
use crate::support::app::{TestApp, TestClient, within_a_second};
use crate::support::database::TestDatabase;
use crate::support::engine::{Engine, only_on};
use crate::support::forge::{Forgery, part};

/// Acts on a key or its owner, and `true` if earlier tokens stay invalid even after the act is
/// undone.
const ACTS: [(&str, bool); 14] = [
    ("revoked", true),
    ("revoked with others", true),
    ("revoked with all of the owner", true),
    ("disabled and enabled", true),
    ("rotated out at once", true),
    ("rotated, for less than the life of a token", true),
    ("rotated, for longer than any token lives", false),
    ("renamed and limited", false),
    ("allowed less, and all again", true),
    ("bound to addresses", true),
    ("ended earlier", true),
    ("the owner's tokens are revoked", true),
    ("the owner is disabled and enabled", true),
    ("the owner is deleted", true),
];

/// Performs an act at the command line.
async fn act(admin: &Admin, what: &str, key: &ApiKeyId, owner: &ClientId) {
    let update =
        async |update: ApiKeyUpdate| drop(api_key::update(admin, key, update).await.unwrap());
    let usual = ApiKeyUpdate::default;
    let rotate = async |overlap: Option<Duration>| {
        drop(
            api_key::rotate(admin, key, Rotation { overlap, ..Rotation::default() }).await.unwrap(),
        );
    };
    match what {
        "revoked" => api_key::revoke(admin, key).await.unwrap(),
        "revoked with others" => {
            api_key::revoke_all(admin, Selection::Ids(vec![key.clone()])).await.unwrap();
        }
        "revoked with all of the owner" => {
            let all = Selection::Owner(KeyOwner::Client(owner.clone()));
            api_key::revoke_all(admin, all).await.unwrap();
        }
        "disabled and enabled" => {
            api_key::set_enabled(admin, key, false).await.unwrap();
            api_key::set_enabled(admin, key, true).await.unwrap();
        }
        "rotated out at once" => rotate(Some(Duration::ZERO)).await,
        "rotated, for less than the life of a token" => {
            rotate(Some(Duration::from_secs(3599))).await;
        }
        "rotated, for longer than any token lives" => rotate(None).await,
        "renamed and limited" => {
            let name = Some(DisplayName::parse("other").unwrap());
            update(ApiKeyUpdate { name, max_per_minute: Patch::Set(1000), ..usual() }).await;
        }
        "allowed less, and all again" => {
            for some in ["write", "read write"] {
                update(ApiKeyUpdate { scopes: Some(scopes(some)), ..usual() }).await;
            }
        }
        "bound to addresses" => {
            let allowed = Some(AddressRanges::parse("127.0.0.0/8").unwrap());
            update(ApiKeyUpdate { allowed, ..usual() }).await;
        }
        "ended earlier" => {
            let expires_in = Patch::Set(Duration::from_mins(1));
            update(ApiKeyUpdate { expires_in, ..usual() }).await;
        }
        "the owner's tokens are revoked" => {
            revocation::revoke_client_tokens(admin, owner).await.unwrap();
        }
        "the owner is disabled and enabled" => {
            client::set_enabled(admin, owner, false).await.unwrap();
            client::set_enabled(admin, owner, true).await.unwrap();
        }
        "the owner is deleted" => {
            client::delete(admin, owner).await.unwrap();
        }
        other => unreachable!("{other}"),
    }
}

/// 8693-2, 7009-5: every act that revokes a key revokes its tokens: on this node, at introspection,
/// and for followers of the feed; no other act does.
#[actix_web::test]
async fn a_token_does_not_outlive_its_key() {
    let app = TestApp::spawn().await;
    let watcher = app.client("mintery:introspect").await;
    let bystander = app.client("read write").await;
    let other = app.token_for(&app.key(owned_by(&bystander)).await).await;
    for (what, takes_back) in ACTS {
        let owner = app.client("read write").await;
        let key = app.key(owned_by(&owner)).await;
        app.caught_up().await;
        let token = app.token_for(&key).await;
        assert!(app.is_good(&token).await, "{what}: before");
        let position = app.feed(&watcher, "").await["next"].as_str().unwrap().to_owned();
        Box::pin(act(&app.admin, what, &key.id(), &client_id(&owner))).await;
        app.caught_up().await;
        assert_eq!(app.is_good(&token).await, !takes_back, "{what}");
        let told = app.introspect(&watcher, &token).await.json();
        assert_eq!(told["active"], !takes_back, "{what}");
        // By the credential in its `jti`, or by the client that it acts for.
        let news = app.feed(&watcher, &format!("after={position}")).await;
        let has = |list: &str, mark: Mark| {
            let entries = news.get(list).and_then(Value::as_array).cloned().unwrap_or_default();
            entries.iter().any(|entry| entry[0] == mark.digest())
        };
        let is_told = has("credentials", Mark::of(Kind::Credential, &key.id))
            || has("clients", Mark::of(Kind::Client, &owner.id));
        assert_eq!(is_told, takes_back, "{what}: {news:?}");
        // A valid key gets new tokens.
        let again = app.exchange(&key.key).send().await;
        if again.status == 200 {
            assert!(app.is_good(&again.text("access_token")).await, "{what}: a new one");
        }
    }
    assert!(app.is_good(&other).await, "another key");
}

/// 8693-2: a token ends with its key, to the second, and a key in its last second gets none.
#[actix_web::test]
async fn a_token_ends_with_its_key() {
    let app = TestApp::spawn().await;
    let owner = app.client("read").await;
    let life = Patch::Set(Duration::from_secs(90));
    app.clock.advance(Duration::from_millis(400));
    let key = app.key(NewApiKey { expires_in: life, ..owned_by(&owner) }).await;
    let answer = app.exchange(&key.key).send().await;
    assert_eq!(answer.json()["expires_in"], 90, "{answer:?}");
    let token = answer.text("access_token");
    assert_eq!(part(&token, 1)["exp"], app.now() + 90);
    app.clock.advance(Duration::from_secs(89));
    assert!(app.is_good(&token).await);
    let last = app.exchange(&key.key).send().await;
    assert_eq!(last.json()["expires_in"], 1, "{last:?}");
    // The key is still valid, for less than the second that a token would have.
    app.clock.advance(Duration::from_millis(700));
    assert_eq!(app.me(&key.key).await.status, 200);
    assert!(!app.is_good(&token).await);
    app.refuses_subject(&key.key, "its last moment").await;
    // A shorter token lifetime of the client applies to these too.
    app.update(
        &owner,
        ClientUpdate { token_ttl: Patch::Set(Duration::from_mins(1)), ..ClientUpdate::default() },
    )
    .await;
    let key = app.key(owned_by(&owner)).await;
    assert_eq!(app.exchange(&key.key).send().await.json()["expires_in"], 60);
}

/// 7009-3: the owner can revoke a token of its key, and no other client can.
#[actix_web::test]
async fn the_owner_revokes_a_token_of_its_key() {
    let app = TestApp::spawn().await;
    let (owner, other) = (app.client("read").await, app.client("read").await);
    let key = app.key(owned_by(&owner)).await;
    let (first, second) = (app.token_for(&key).await, app.token_for(&key).await);
    let revoke = async |client: &TestClient, token: &str| {
        let request =
            app.request(Method::POST, "/oauth/revoke").header("authorization", client.basic());
        Answer::of(request.form(&[("token", token)])).await
    };
    revoke(&other, &first).await.assert_oauth_error(400, "unauthorized_client", "another client");
    assert!(app.is_good(&first).await);
    assert_eq!(revoke(&owner, &first).await.status, 200);
    assert!(!app.is_good(&first).await && app.is_good(&second).await);
    assert_eq!(app.me(&key.key).await.status, 200);
}

/// 8693-2: forged claims. A client whose id looks like that of a key is a client.
#[actix_web::test]
async fn a_token_is_of_the_key_that_it_names() {
    let app = TestApp::spawn().await;
    let (owner, other) = (app.client("read").await, app.client("read").await);
    let key = app.key(owned_by(&owner)).await;
    let forged = Forgery::of(&app.token_for(&key).await);
    assert!(app.is_good(&forged.sign()).await, "the control");
    assert!(!app.is_good(&forged.clone().without_claim("environment").sign()).await);
    assert!(!app.is_good(&forged.clone().claim("environment", "production").sign()).await);
    assert!(!app.is_good(&forged.clone().claim("environment", json!(["live"])).sign()).await);
    assert!(!app.is_good(&forged.clone().claim("client_id", other.id.as_str()).sign()).await);
    assert!(!app.is_good(&forged.clone().claim("sub", "nobody").sign()).await);

    let namesake = app.client_with_id(&key.id, "read").await;
    app.caught_up().await;
    let token = app.access_token(&namesake).await;
    assert_eq!(app.me(&token).await.text("kind"), "client");
    let of_key = forged.sign();
    assert_eq!(app.me(&of_key).await.text("sub"), owner.id);
    assert_eq!(app.introspect(&namesake, &of_key).await.body, r#"{"active":false}"#);
    let request =
        app.request(Method::POST, "/oauth/revoke").header("authorization", namesake.basic());
    let answer = Answer::of(request.form(&[("token", &of_key)])).await;
    answer.assert_oauth_error(400, "unauthorized_client", "a namesake");
}

/// 8693-2: a revocation by one node holds on another within a second; and a key that was disabled
/// and enabled there gets tokens here that are valid from the start.
#[actix_web::test]
async fn a_token_from_another_node_is_good_from_the_start() {
    only_on!(Engine::Postgres);
    let database = TestDatabase::create().await;
    let one = TestApp::on(Arc::clone(&database), &[]).await.unwrap();
    let other = TestApp::on(database, &[]).await.unwrap();
    let owner = one.client("read").await;
    let key = one.key(owned_by(&owner)).await;
    let token = one.token_for(&key).await;
    within_a_second(200, || other.me(&token)).await;
    api_key::set_enabled(&one.admin, &key.id(), false).await.unwrap();
    within_a_second(401, || one.me(&token)).await;
    within_a_second(401, || other.me(&token)).await;
    // Looked up before that node has applied the acts.
    for _ in 0..5 {
        let key = one.key(owned_by(&owner)).await;
        api_key::set_enabled(&one.admin, &key.id(), false).await.unwrap();
        api_key::set_enabled(&one.admin, &key.id(), true).await.unwrap();
        let token = other.token_for(&key).await;
        for node in [&one, &other] {
            node.caught_up().await;
            assert_eq!(node.me(&token).await.status, 200);
        }
    }
    let key = one.key(owned_by(&owner)).await;
    let token = other.token_for(&key).await;
    api_key::revoke(&one.admin, &key.id()).await.unwrap();
    within_a_second(401, || other.me(&token)).await;
    within_a_second(400, || other.exchange(&key.key).send()).await;
}
