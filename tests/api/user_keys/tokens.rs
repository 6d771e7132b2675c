//! Scopes of a user's key, and tokens exchanged for it.

use std::sync::Arc;

use mintery::admin::Admin;
use mintery::admin::api_key::{self, ApiKeyUpdate, Selection};
use mintery::admin::user::{self, UserUpdate};
use mintery::model::address::AddressRanges;
use mintery::model::api_key::KeyOwner;
use mintery::model::name::DisplayName;
use mintery::model::revocation::{Kind, Mark};
use mintery::model::scope::ScopeSet;
use mintery::model::user::{Role, Username};
use mintery::random::SystemRandom;
use mintery::secret::password::Password;
use mintery::secret::pool::Lane;
use reqwest::Method;
use serde_json::{Value, json};

use super::{KEYS, make, text};
use crate::support::answer::Answer;
use crate::support::api_key::TestKey;
use crate::support::api_key::key_of;
use crate::support::app::{ISSUER, TestApp, within_a_second};
use crate::support::database::TestDatabase;
use crate::support::engine::{Engine, only_on};
use crate::support::forge::{Forgery, part};
use crate::support::people::TestUser;

/// SEC-10, 9068-4: a user's key allows the granted scopes, besides those of the role, and no more
/// than the user still has.
#[actix_web::test]
async fn a_key_allows_the_scopes_of_its_user() {
    const ORDERS: &str = "https://orders.example.com";
    let app = TestApp::spawn().await;
    // It has two scopes: read and write.
    app.api(ORDERS).await;
    let admin = app.browser("ann", Role::Admin).await;
    let vic = app.user("vic", Role::Viewer).await;
    let give = async |change: Value| {
        let path = format!("/api/v1/users/{}", vic.id);
        assert_eq!(admin.send(Method::PATCH, &path, Some(change)).await.status, 200);
    };
    give(json!({ "scope": "other read write", "resources": [ORDERS] })).await;
    let browser = app.log_in(&vic).await;
    let held = browser.me().await.scope();
    assert!(held.ends_with(" other read write") && held.contains("mintery:clients:read"), "{held}");
    // Mintery's own scopes are not defaults.
    let usual = make(&browser, json!({ "name": "usual" })).await;
    assert_eq!(usual["scope"], "other read write");
    let asked =
        make(&browser, json!({ "name": "asked", "scope": "mintery:clients:read read" })).await;
    let more = browser.post(KEYS, json!({ "name": "x", "scope": "read admin" })).await;
    more.assert_problem(400, "err_invalid_request", "not theirs");
    let (usual, asked) = (text(&usual, "key"), text(&asked, "key"));
    let check = async |key: &str, query: &str| {
        let answer = app.get_with(&format!("/auth/check?{query}"), key).await;
        (answer.status, answer.header("x-auth-scope").to_owned())
    };
    let orders = format!("resource={ORDERS}");
    assert_eq!(check(&usual, "scope=read+write").await, (200, "other read write".to_owned()));
    assert_eq!(check(&usual, &orders).await, (200, "read write".to_owned()));
    assert_eq!(check(&asked, &orders).await, (200, "read".to_owned()));
    assert_eq!(check(&asked, &format!("{orders}&scope=write")).await.0, 403);
    assert_eq!(app.get_with("/api/v1/clients", &asked).await.status, 200);
    // A token request without an API gets a token for the user's first.
    let token = app.exchange(&usual).send().await.text("access_token");
    assert_eq!(part(&token, 1)["aud"], json!(ORDERS));
    assert_eq!(check(&token, &orders).await, (200, "read write".to_owned()));

    give(json!({ "scope": "write" })).await;
    assert_eq!(check(&token, &orders).await.0, 401, "a token that allows more is void");
    assert_eq!(check(&usual, &orders).await, (200, "write".to_owned()));
    assert_eq!(check(&asked, "scope=read").await.0, 403);
    assert!(!browser.me().await.scope().contains(" read"));
    let token = app.exchange(&usual).send().await.text("access_token");
    give(json!({ "scope": "read write" })).await;
    assert_eq!(check(&token, &orders).await.0, 200, "what was taken was not its");
    assert_eq!(check(&usual, "").await, (200, "read write".to_owned()));
    give(json!({ "resources": [] })).await;
    for credential in [&token, &usual] {
        assert_eq!(check(credential, &orders).await.0, 401, "none of their APIs any more");
    }
    // Changing the role keeps the granted scopes, and an administrator holds all.
    give(json!({ "role": "member" })).await;
    assert_eq!(check(&usual, "scope=read+write").await.0, 200);
    assert_eq!(check(&asked, "scope=mintery:clients:read").await.0, 403);
    give(json!({ "role": "admin" })).await;
    assert_eq!(check(&usual, "").await, (200, "other read write".to_owned()));
}

/// 8693-1, 8693-2: a token exchanged for a user's key acts for the user, and allows no more than
/// the user may do.
#[actix_web::test]
async fn a_key_of_a_user_becomes_a_token() {
    let app = TestApp::spawn().await;
    app.user("ann", Role::Admin).await;
    let bob = app.user("bob", Role::Admin).await;
    let key = key_of(&app, &bob, "read mintery:users:read mintery:keys:write").await;
    let answer = app.exchange(&key.key).send().await;
    // Scopes of this server itself are never defaults.
    assert_eq!((answer.status, answer.scope().as_str()), (200, "read"), "{answer:?}");
    let answer = app.exchange(&key.key).scope("read mintery:users:read").send().await;
    let token = answer.text("access_token");
    let claims = part(&token, 1);
    assert_eq!((&claims["sub"], &claims["client_id"]), (&json!(bob.id.as_str()), &json!(key.id)));
    assert_eq!((&claims["aud"], &claims["environment"]), (&json!(ISSUER), &json!("live")));
    let mut me = app.me(&token).await.json();
    assert!(me.as_object_mut().unwrap().remove("expires_at").unwrap().is_i64());
    let expected = json!({
        "sub": bob.id.as_str(), "kind": "api_key", "name": "bob", "scope": "mintery:users:read read", "credential": "access_token",
    });
    assert_eq!(me, expected);
    let check = app.get_with("/auth/check?scope=read", &token).await;
    assert_eq!((check.status, check.header("x-auth-subject")), (200, bob.id.as_str()), "{check:?}");
    assert_eq!(app.get_with("/api/v1/users", &token).await.status, 200);
    app.get_with("/api/v1/clients", &token).await.assert_problem(
        403,
        "err_no_permission",
        "not asked for",
    );
    for beyond in ["write", "mintery:clients:read"] {
        let answer = app.exchange(&key.key).scope(beyond).send().await;
        answer.assert_oauth_error(400, "invalid_scope", beyond);
    }
    let elsewhere = app.exchange(&key.key).resource("https://orders.example.com").send().await;
    elsewhere.assert_oauth_error(400, "invalid_target", "no API of theirs");

    let (watcher, other) = (app.client("mintery:introspect").await, app.client("read").await);
    let told = app.introspect(&watcher, &token).await.json();
    assert_eq!((&told["active"], &told["sub"]), (&json!(true), &json!(bob.id.as_str())));
    assert_eq!(
        (&told["client_id"], &told["scope"]),
        (&json!(key.id), &json!("mintery:users:read read"))
    );
    assert_eq!(app.introspect(&other, &token).await.body, r#"{"active":false}"#);
    let revoke = app.request(Method::POST, "/oauth/revoke").header("authorization", other.basic());
    let answer = Answer::of(revoke.form(&[("token", &token)])).await;
    answer.assert_oauth_error(400, "unauthorized_client", "nobody's but theirs");

    // The actor of its changes is the key, and it grants no more than it holds.
    let scope = "mintery:keys:write read";
    let token = app.exchange(&key.key).scope(scope).send().await.text("access_token");
    let make = async |scope: &str| {
        let request = app.request(Method::POST, KEYS).bearer_auth(&token);
        let body = json!({ "name": "made", "scope": scope }).to_string();
        Answer::of(request.header("content-type", "application/json").body(body)).await
    };
    let made = make("read").await;
    assert_eq!((made.status, made.text("owner").as_str()), (201, bob.id.as_str()), "{made:?}");
    let more = make("write").await;
    assert_eq!((more.status, more.text("code").as_str()), (403, "err_no_permission"), "{more:?}");
    let by_key = format!("SELECT COUNT(*) FROM events WHERE actor = 'api_key:{}'", key.id);
    assert_eq!(app.database.number(&by_key).await, 1);

    // A forged one, of another user or of an unknown one.
    let forged = Forgery::of(&token);
    assert!(app.is_good(&forged.sign()).await, "the control");
    for sub in ["mu_0000000000000000000000", "mu_", "bob"] {
        assert!(!app.is_good(&forged.clone().claim("sub", sub).sign()).await, "{sub}");
    }
    assert!(!app.is_good(&forged.clone().without_claim("environment").sign()).await);
    let not_a_key = forged.clone().claim("client_id", other.id.as_str()).sign();
    assert!(!app.is_good(&not_a_key).await);
}

/// Acts on a user or a key, and `true` if earlier tokens stay invalid even after the act is undone.
const ACTS: [(&str, bool); 12] = [
    ("disabled and enabled", true),
    ("deleted", true),
    ("made a viewer, and an administrator again", true),
    ("made a member", true),
    ("renamed", false),
    ("another password", false),
    ("the key is disabled and enabled", true),
    ("the key is revoked", true),
    ("all keys of theirs are revoked", true),
    ("the key allows less, and all again", true),
    ("the key is bound to addresses", true),
    ("the key is renamed", false),
];

/// Performs an act at the command line.
async fn act(admin: &Admin, what: &str, user: &TestUser, key: &TestKey) {
    let (id, key) = (&user.id, &key.id());
    let role = async |role| {
        let update = UserUpdate { role: Some(role), ..UserUpdate::default() };
        user::update(admin, id, update).await.unwrap();
    };
    let update_key =
        async |update: ApiKeyUpdate| drop(api_key::update(admin, key, update).await.unwrap());
    let usual = ApiKeyUpdate::default;
    match what {
        "disabled and enabled" => {
            user::set_enabled(admin, id, false).await.unwrap();
            user::set_enabled(admin, id, true).await.unwrap();
        }
        "deleted" => user::delete(admin, id).await.unwrap(),
        "made a viewer, and an administrator again" => {
            role(Role::Viewer).await;
            role(Role::Admin).await;
        }
        "made a member" => role(Role::Member).await,
        "renamed" => {
            let username = Username::parse(&format!("{}-2", user.username)).unwrap();
            let update = UserUpdate { username: Some(username), ..UserUpdate::default() };
            user::update(admin, id, update).await.unwrap();
        }
        "another password" => {
            let password = Password::generate(&SystemRandom);
            user::set_password(admin, id, password, None, Lane::Administration).await.unwrap();
        }
        "the key is disabled and enabled" => {
            api_key::set_enabled(admin, key, false).await.unwrap();
            api_key::set_enabled(admin, key, true).await.unwrap();
        }
        "the key is revoked" => api_key::revoke(admin, key).await.unwrap(),
        "all keys of theirs are revoked" => {
            let all = Selection::Owner(KeyOwner::User(id.clone()));
            api_key::revoke_all(admin, all).await.unwrap();
        }
        "the key allows less, and all again" => {
            for some in ["write", "read write mintery:users:read"] {
                let scopes = Some(ScopeSet::parse(some).unwrap());
                update_key(ApiKeyUpdate { scopes, ..usual() }).await;
            }
        }
        "the key is bound to addresses" => {
            let allowed = Some(AddressRanges::parse("127.0.0.0/8").unwrap());
            update_key(ApiKeyUpdate { allowed, ..usual() }).await;
        }
        "the key is renamed" => {
            update_key(ApiKeyUpdate {
                name: Some(DisplayName::parse("other").unwrap()),
                ..usual()
            })
            .await;
        }
        other => unreachable!("{other}"),
    }
}

/// 8693-2, 7009-5: every act that reduces a user's permissions revokes the tokens of their keys: on
/// this node, at introspection, and for followers of the feed; no other act does.
#[actix_web::test]
async fn a_token_does_not_outlive_the_permissions_of_its_user() {
    let app = TestApp::spawn().await;
    app.user("ann", Role::Admin).await;
    let watcher = app.client("mintery:introspect").await;
    let eve = app.user("eve", Role::Admin).await;
    let other = app.token_for(&key_of(&app, &eve, "read").await).await;
    for (number, (what, takes_back)) in ACTS.into_iter().enumerate() {
        let user = app.user(&format!("user-{number}"), Role::Admin).await;
        let key = key_of(&app, &user, "read write mintery:users:read").await;
        app.caught_up().await;
        let token = app.token_for(&key).await;
        assert!(app.is_good(&token).await, "{what}: before");
        let position = app.feed(&watcher, "").await["next"].as_str().unwrap().to_owned();
        Box::pin(act(&app.admin, what, &user, &key)).await;
        app.caught_up().await;
        assert_eq!(app.is_good(&token).await, !takes_back, "{what}");
        assert_eq!(app.introspect(&watcher, &token).await.json()["active"], !takes_back, "{what}");
        // By the credential in its `jti`, or by the user.
        let news = app.feed(&watcher, &format!("after={position}")).await;
        let has = |list: &str, mark: Mark| {
            let entries = news.get(list).and_then(Value::as_array).cloned().unwrap_or_default();
            entries.iter().any(|entry| entry[0] == mark.digest())
        };
        let is_told = has("credentials", Mark::of(Kind::Credential, &key.id))
            || has("clients", Mark::of(Kind::Client, user.id.as_str()));
        assert_eq!(is_told, takes_back, "{what}: {news:?}");
        // A valid key gets new tokens.
        let again = app.exchange(&key.key).send().await;
        if again.status == 200 {
            assert!(app.is_good(&again.text("access_token")).await, "{what}: a new one");
        }
    }
    assert!(app.is_good(&other).await, "of somebody else");
}

/// 8693-2: a token loses the scopes that its user loses, and gains none that the user gains.
#[actix_web::test]
async fn a_token_allows_the_current_scopes_of_its_user() {
    let app = TestApp::spawn().await;
    let user = app.user("vic", Role::Viewer).await;
    let key = key_of(&app, &user, "mintery:users:read").await;
    let exchange = || app.exchange(&key.key).scope("mintery:users:read");
    let token = exchange().send().await.text("access_token");
    assert_eq!(app.get_with("/api/v1/users", &token).await.status, 200);
    let role = async |role| {
        let update = UserUpdate { role: Some(role), ..UserUpdate::default() };
        user::update(&app.admin, &user.id, update).await.unwrap();
        app.caught_up().await;
    };
    role(Role::Admin).await;
    assert_eq!(app.me(&token).await.scope(), "mintery:users:read");
    app.user("ann", Role::Admin).await;
    role(Role::Member).await;
    assert!(!app.is_good(&token).await);
    exchange().send().await.assert_oauth_error(400, "invalid_scope", "a member");
    // Without scopes it still identifies the user.
    let plain = app.token_for(&key).await;
    assert_eq!(app.me(&plain).await.text("sub"), user.id.as_str());
}

/// 8693-2: a revocation by one node holds on another within a second; and a user who was disabled
/// and enabled there gets tokens here that are valid from the start.
#[actix_web::test]
async fn other_nodes_know_the_permissions_of_a_user() {
    only_on!(Engine::Postgres);
    let database = TestDatabase::create().await;
    let one = TestApp::on(Arc::clone(&database), &[]).await.unwrap();
    let other = TestApp::on(database, &[]).await.unwrap();
    one.user("ann", Role::Admin).await;
    for number in 0..5 {
        let user = one.user(&format!("user-{number}"), Role::Admin).await;
        let key = key_of(&one, &user, "read").await;
        user::set_enabled(&one.admin, &user.id, false).await.unwrap();
        user::set_enabled(&one.admin, &user.id, true).await.unwrap();
        // Looked up before that node has applied the acts.
        let token = other.token_for(&key).await;
        for node in [&one, &other] {
            node.caught_up().await;
            assert_eq!(node.me(&token).await.status, 200);
        }
        user::set_enabled(&one.admin, &user.id, false).await.unwrap();
        within_a_second(401, || other.me(&token)).await;
        within_a_second(400, || other.exchange(&key.key).send()).await;
    }
}
