//! API keys of people.

use std::sync::Arc;
use std::time::Duration;

use mintery::admin::Admin;
use mintery::admin::api_key::{self, ApiKeyUpdate, NewApiKey, Selection};
use mintery::admin::user::{self, UserUpdate};
use mintery::model::address::AddressRanges;
use mintery::model::api_key::{Environment, KeyOwner};
use mintery::model::name::DisplayName;
use mintery::model::patch::Patch;
use mintery::model::revocation::{Kind, Mark};
use mintery::model::scope::ScopeSet;
use mintery::model::user::{Role, Username};
use mintery::random::SystemRandom;
use mintery::secret::password::Password;
use mintery::secret::pool::Lane;
use reqwest::Method;
use serde_json::{Value, json};

use crate::api_keys::{TestKey, owned_by};
use crate::support::answer::Answer;
use crate::support::app::{ISSUER, TestApp, new_client, within_a_second};
use crate::support::database::TestDatabase;
use crate::support::engine::{Engine, only_on};
use crate::support::forge::{Forgery, part};
use crate::support::people::{Browser, ME, TestUser};

const KEYS: &str = "/api/v1/keys";

async fn make(browser: &Browser<'_>, body: Value) -> Value {
    let made = browser.post(KEYS, body).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.json()
}

fn text(made: &Value, member: &str) -> String {
    made[member].as_str().unwrap().to_owned()
}

/// A key of a user, made at the command line.
pub async fn key_of(app: &TestApp, user: &TestUser, scopes: &str) -> TestKey {
    app.key(NewApiKey {
        owner: KeyOwner::User(user.id.clone()),
        name: DisplayName::parse("theirs").unwrap(),
        environment: Environment::Live,
        scopes: Some(ScopeSet::parse(scopes).unwrap()),
        allowed: AddressRanges::default(),
        max_per_minute: None,
        expires_in: Patch::Keep,
    })
    .await
}

/// Members have keys of their own, and know of no others.
#[actix_web::test]
async fn somebody_manages_their_own_keys() {
    let app = TestApp::spawn().await;
    let (meg, eve) = (app.user("meg", Role::Member).await, app.user("eve", Role::Member).await);
    let client = app.create(new_client("")).await;
    let of_client = app.key(owned_by(&client)).await;
    let (one, other) = (app.log_in(&meg).await, app.log_in(&eve).await);
    let made = make(&one, json!({ "name": "mine" })).await;
    let (id, key) = (text(&made, "id"), text(&made, "key"));
    assert_eq!((&made["owner"], &made["scope"]), (&json!(meg.id.as_str()), &json!("")));
    let me = app.get_with(ME, &key).await.json();
    assert_eq!(
        (&me["sub"], &me["kind"], &me["name"]),
        (&json!(meg.id.as_str()), &json!("api_key"), &json!("mine"))
    );
    let check = app.get_with("/auth/check", &key).await;
    assert_eq!(check.header("x-auth-subject"), meg.id.as_str());
    let of_eve = make(&other, json!({ "name": "hers", "owner": eve.id.as_str() })).await;

    let listed = one.get(KEYS).await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(listed["items"][0]["id"], id);
    assert_eq!(one.get(&format!("{KEYS}?owner={}", meg.id)).await.status, 200);
    for foreign in [eve.id.as_str(), &client.id] {
        let answer = one.get(&format!("{KEYS}?owner={foreign}")).await;
        answer.assert_problem(403, "err_no_permission", foreign);
        let answer = one.post(KEYS, json!({ "name": "x", "owner": foreign })).await;
        answer.assert_problem(403, "err_no_permission", foreign);
        let answer = one.post(&format!("{KEYS}/revoke"), json!({ "owner": foreign })).await;
        answer.assert_problem(403, "err_no_permission", foreign);
    }
    for foreign in [text(&of_eve, "id"), of_client.id().to_string()] {
        let path = format!("{KEYS}/{foreign}");
        for answer in [
            one.get(&path).await,
            one.get(&format!("{path}/usage")).await,
            one.send(Method::PATCH, &path, Some(json!({ "name": "mine" }))).await,
            one.send(Method::DELETE, &path, None).await,
            one.send(Method::POST, &format!("{path}/disable"), None).await,
            one.send(Method::POST, &format!("{path}/enable"), None).await,
            one.send(Method::POST, &format!("{path}/rotate"), None).await,
            one.post(&format!("{KEYS}/revoke"), json!({ "ids": [foreign] })).await,
        ] {
            answer.assert_problem(404, "err_not_found", &foreign);
        }
    }
    assert_eq!(app.get_with(ME, &text(&of_eve, "key")).await.status, 200);
    assert_eq!(app.get_with(ME, &of_client.key).await.status, 200);
    // What they do not hold they cannot give.
    for scope in ["read", "mintery:keys:read"] {
        let answer = one.post(KEYS, json!({ "name": "x", "scope": scope })).await;
        assert_eq!(answer.status, 400, "{answer:?}");
    }
    let own = format!("{KEYS}/{id}");
    let renamed = one.send(Method::PATCH, &own, Some(json!({ "name": "other" }))).await;
    assert_eq!(renamed.text("name"), "other");
    assert_eq!(one.send(Method::POST, &format!("{own}/disable"), None).await.status, 200);
    assert_eq!(app.get_with(ME, &key).await.status, 401);
    assert_eq!(one.send(Method::POST, &format!("{own}/enable"), None).await.status, 200);
    let rotated = one.send(Method::POST, &format!("{own}/rotate"), None).await;
    assert_eq!(rotated.status, 201, "{rotated:?}");
    assert_eq!(one.get(&format!("{own}/usage")).await.status, 200);
    assert_eq!(one.send(Method::DELETE, &own, None).await.status, 204);
    assert_eq!(app.get_with(ME, &key).await.status, 401);
    let gone = one.post(&format!("{KEYS}/revoke"), json!({ "owner": meg.id.as_str() })).await;
    assert_eq!(gone.json()["revoked"], json!([rotated.text("id")]));
    // What is gone already keeps nothing else from going.
    let left = one.post(KEYS, json!({ "name": "left" })).await.text("id");
    let some = one.post(&format!("{KEYS}/revoke"), json!({ "ids": [id, left] })).await;
    assert_eq!(some.json()["revoked"], json!([left]), "{some:?}");
    // Not without a session: a key of theirs manages nothing.
    app.get_with(KEYS, &text(&of_eve, "key")).await.assert_problem(
        403,
        "err_no_permission",
        "a key",
    );
}

/// SEC-10: what becomes of somebody becomes of their keys.
#[actix_web::test]
async fn a_key_goes_with_its_user() {
    let app = TestApp::spawn().await;
    app.user("ann", Role::Admin).await;
    let bob = app.user("bob", Role::Admin).await;
    let key = key_of(&app, &bob, "read mintery:users:read").await;
    assert_eq!(app.get_with(ME, &key.key).await.json()["scope"], "mintery:users:read read");
    assert_eq!(app.get_with("/api/v1/users", &key.key).await.status, 200);
    let demote = |role| UserUpdate { role: Some(role), ..UserUpdate::default() };
    user::update(&app.admin, &bob.id, demote(Role::Viewer)).await.unwrap();
    app.caught_up().await;
    assert_eq!(app.get_with(ME, &key.key).await.json()["scope"], "mintery:users:read");
    user::update(&app.admin, &bob.id, demote(Role::Member)).await.unwrap();
    app.caught_up().await;
    assert_eq!(app.get_with(ME, &key.key).await.json()["scope"], "");
    app.get_with("/api/v1/users", &key.key).await.assert_problem(
        403,
        "err_no_permission",
        "a member",
    );

    user::set_enabled(&app.admin, &bob.id, false).await.unwrap();
    within_a_second(401, || app.get_with(ME, &key.key)).await.assert_invalid_token("disabled");
    user::set_enabled(&app.admin, &bob.id, true).await.unwrap();
    within_a_second(200, || app.get_with(ME, &key.key)).await;
    user::delete(&app.admin, &bob.id).await.unwrap();
    within_a_second(401, || app.get_with(ME, &key.key)).await.assert_invalid_token("deleted");
    assert_eq!(
        api_key::page(&app.admin, "", 10, &api_key::Filter::default()).await.unwrap().len(),
        0
    );
}

/// SEC-10, 9068-4: a key of somebody allows what was given to them, beside what goes with their
/// role; and no more than is left of it.
#[actix_web::test]
async fn a_key_allows_what_was_given_to_somebody() {
    const ORDERS: &str = "https://orders.example.com";
    let app = TestApp::spawn().await;
    // It knows of two scopes: read and write.
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
    // What nobody asked for is not Mintery's own.
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
    // A token is for the first of their APIs when it names none.
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
    // A role does not take what was given, and an administrator holds all.
    give(json!({ "role": "member" })).await;
    assert_eq!(check(&usual, "scope=read+write").await.0, 200);
    assert_eq!(check(&asked, "scope=mintery:clients:read").await.0, 403);
    give(json!({ "role": "admin" })).await;
    assert_eq!(check(&usual, "").await, (200, "other read write".to_owned()));
}

/// 8693-1, 8693-2: what a key of somebody is exchanged for stands for them, and allows no more than
/// they may.
#[actix_web::test]
async fn a_key_of_somebody_becomes_a_token() {
    let app = TestApp::spawn().await;
    app.user("ann", Role::Admin).await;
    let bob = app.user("bob", Role::Admin).await;
    let key = key_of(&app, &bob, "read mintery:users:read mintery:keys:write").await;
    let answer = app.exchange(&key.key).send().await;
    // Those of this server itself are never a default.
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

    // What it does is done by the key, and it gives no more than it holds.
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

    // Nobody issued one of somebody else, or of nobody.
    let forged = Forgery::of(&token);
    assert!(app.is_good(&forged.sign()).await, "the control");
    for sub in ["mu_0000000000000000000000", "mu_", "bob"] {
        assert!(!app.is_good(&forged.clone().claim("sub", sub).sign()).await, "{sub}");
    }
    assert!(!app.is_good(&forged.clone().without_claim("environment").sign()).await);
    let not_a_key = forged.clone().claim("client_id", other.id.as_str()).sign();
    assert!(!app.is_good(&not_a_key).await);
}

/// What is done with somebody, or with their key, and whether the tokens that were made before are
/// void from then on, also when it is undone.
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

/// Does it at the command line.
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

/// 8693-2, 7009-5: whatever takes back what somebody may do takes back what was made from their
/// keys, on this node, at an introspection, and for whoever follows the feed; and nothing else
/// does.
#[actix_web::test]
async fn a_token_does_not_outlive_what_somebody_may() {
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
        // By the credential of its `jti`, or by who it stands for.
        let news = app.feed(&watcher, &format!("after={position}")).await;
        let has = |list: &str, mark: Mark| {
            let entries = news.get(list).and_then(Value::as_array).cloned().unwrap_or_default();
            entries.iter().any(|entry| entry[0] == mark.digest())
        };
        let is_told = has("credentials", Mark::of(Kind::Credential, &key.id))
            || has("clients", Mark::of(Kind::Client, user.id.as_str()));
        assert_eq!(is_told, takes_back, "{what}: {news:?}");
        // What is still good for it makes new ones.
        let again = app.exchange(&key.key).send().await;
        if again.status == 200 {
            assert!(app.is_good(&again.text("access_token")).await, "{what}: a new one");
        }
    }
    assert!(app.is_good(&other).await, "of somebody else");
}

/// 8693-2: what they may not do any more the token may not, whatever it says; and what they may
/// from now on, it says at most.
#[actix_web::test]
async fn a_token_allows_what_somebody_may_now() {
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
    // Without any it says who somebody is.
    let plain = app.token_for(&key).await;
    assert_eq!(app.me(&plain).await.text("sub"), user.id.as_str());
}

/// 8693-2: what one node took back is void on another within a second; and somebody who was stopped
/// and let go there gets tokens here that are good from the start.
#[actix_web::test]
async fn other_nodes_know_what_somebody_may() {
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
        // Looked up there before that node has come to what was done with them.
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

/// SEC-12
#[actix_web::test]
async fn a_key_of_somebody_is_made_by_who_may_as_much() {
    let app = TestApp::spawn().await;
    let ann = app.user("ann", Role::Admin).await;
    let admin = app.log_in(&ann).await;
    let (vic, meg) = (app.user("vic", Role::Viewer).await, app.user("meg", Role::Member).await);
    let viewer = app.log_in(&vic).await;
    let of_meg = make(&admin, json!({ "name": "x", "owner": meg.id.as_str() })).await;
    assert_eq!(of_meg["owner"], meg.id.as_str());
    let client = app.client("read").await;
    let of_client = make(&admin, json!({ "name": "x", "owner": client.id })).await;
    assert_eq!(of_client["scope"], "read");
    // A viewer sees all, and makes their own alone, with what they hold.
    assert_eq!(viewer.get(KEYS).await.json()["items"].as_array().unwrap().len(), 2);
    let path = format!("{KEYS}/{}", text(&of_meg, "id"));
    assert_eq!(viewer.get(&path).await.status, 200);
    viewer.send(Method::DELETE, &path, None).await.assert_problem(
        404,
        "err_not_found",
        "somebody else's",
    );
    let own = make(&viewer, json!({ "name": "x", "scope": "mintery:clients:read" })).await;
    assert_eq!(app.get_with("/api/v1/clients", &text(&own, "key")).await.status, 200);
    let more = viewer.post(KEYS, json!({ "name": "x", "scope": "mintery:clients:write" })).await;
    assert_eq!(more.status, 400, "{more:?}");
    // A program that manages keys does not become an administrator by one of theirs.
    let scopes = "mintery:keys:read mintery:keys:write";
    let program = app.create(new_client(scopes)).await;
    let token = app.token(&program).scope(scopes).send().await.text("access_token");
    for owner in [&ann, &vic] {
        let body = json!({ "name": "x", "owner": owner.id.as_str(), "scope": "" }).to_string();
        let request = app.request(Method::POST, KEYS).bearer_auth(&token);
        let answer =
            Answer::of(request.header("content-type", "application/json").body(body)).await;
        assert_eq!(
            (answer.status, answer.text("code").as_str()),
            (403, "err_no_permission"),
            "{answer:?}"
        );
    }
    let nobody =
        admin.post(KEYS, json!({ "name": "x", "owner": "mu_0000000000000000000000" })).await;
    nobody.assert_problem(400, "err_invalid_request", "nobody");
    // A session that must not be used any more makes none.
    app.clock.advance(Duration::from_hours(12));
    admin.post(KEYS, json!({ "name": "x" })).await.assert_invalid_token("idle");
}

/// 9068-3: no client is called what a user could be.
#[actix_web::test]
async fn no_client_has_the_id_of_a_user() {
    let app = TestApp::spawn().await;
    let admin = app.browser("ann", Role::Admin).await;
    let id = admin.me().await.text("sub");
    for taken in [id.as_str(), "mu_0000000000000000000000"] {
        let body = json!({ "client_name": "x", "client_id": taken });
        admin.post("/api/v1/clients", body).await.assert_problem(400, "err_invalid_request", taken);
    }
    let body = json!({ "client_name": "x", "client_id": "mu_client" });
    assert_eq!(admin.post("/api/v1/clients", body).await.status, 201);
}
