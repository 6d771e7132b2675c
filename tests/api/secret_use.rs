//! Judging if a secret can be revoked: from its uses, their addresses, and the use of others. Time
//! is moved; counts are flushed before the question.

use std::time::Duration;

use mintery::admin::api::{self, ApiTerms};
use mintery::admin::client::{self, NewSecret};
use mintery::clock::Clock as _;
use mintery::model::api::ApiScopes;
use mintery::model::client::{ClientId, ClientUpdate, SecretId};
use mintery::model::name::DisplayName;
use mintery::model::patch::Patch;
use mintery::model::resource::ResourceUri;
use mintery::model::scope::ScopeSet;
use mintery::model::usage::{KEPT_FOR, MAX_ADDRESSES};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::answer::Answer;
use crate::support::app::{TestApp, TestClient, basic};
use crate::support::caller::Caller;

const DAY: Duration = Duration::from_hours(24);
const MINUTE: Duration = Duration::from_mins(1);
const READ: &str = "mintery:clients:read";

/// A server behind a proxy that reports addresses, on a database that has always counted uses.
async fn spawn() -> TestApp {
    let app = TestApp::with(&[("trusted_proxies", "127.0.0.1")]).await;
    counts_since(&app, "2025-01-01 00:00:00").await;
    app
}

/// Makes counting begin at `date`.
async fn counts_since(app: &TestApp, date: &str) {
    let made = format!(
        "UPDATE _sqlx_migrations SET installed_on = '{date}' WHERE version = 20261122050000"
    );
    app.database.execute(&[&made]).await;
}

fn id(client: &TestClient) -> ClientId {
    ClientId::parse(&client.id).unwrap()
}

/// The same client with another secret.
async fn add(app: &TestApp, client: &TestClient, expires_in: Option<Duration>) -> TestClient {
    let new = NewSecret { expires_in, ..NewSecret::default() };
    let made = client::add_secret(&app.admin, &id(client), new).await.unwrap();
    app.caught_up().await;
    TestClient {
        secret: made.plain.expose().to_owned(),
        secret_id: made.secret.id.as_str().to_owned(),
        ..client.clone()
    }
}

async fn ask(app: &TestApp, client: &TestClient, from: &str) -> Answer {
    let headers = [
        ("authorization", basic(format!("{}:{}", client.id, client.secret))),
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ("x-forwarded-for", from.to_owned()),
    ];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    app.post_token(&headers, "grant_type=client_credentials").await
}

/// Requests a token from an address, and waits until the use is stored.
async fn used(app: &TestApp, client: &TestClient, from: &str) {
    ask(app, client, from).await.assert_token(from);
    told(app, client).await;
}

/// Lets time pass until a use of the secret at this moment is stored.
async fn told(app: &TestApp, client: &TestClient) {
    let query = format!(
        "SELECT COUNT(*) FROM secret_addresses WHERE secret_id = '{}' AND used_at >= {}",
        client.secret_id,
        app.clock.now().as_millis()
    );
    app.flush_usage().await;
    // A flush that began before may have ended only now.
    until(async || app.database.number(&query).await > 0).await;
}

fn path(client: &TestClient, query: &str) -> String {
    format!("/api/v1/clients/{}/secrets/{}/safe-to-revoke{query}", client.id, client.secret_id)
}

/// The verdict on a secret.
async fn verdict(app: &TestApp, client: &TestClient, query: &str) -> Value {
    let answer = Caller::with(app, READ).await.get(&path(client, query)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn codes(verdict: &Value) -> Vec<&str> {
    verdict["reasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reason| reason["code"].as_str().unwrap())
        .collect()
}

#[track_caller]
fn assert_codes(verdict: &Value, is_safe: bool, expected: &[&str]) {
    assert_eq!(
        (verdict["safe_to_revoke"].as_bool(), codes(verdict).as_slice()),
        (Some(is_safe), expected),
        "{verdict:#}"
    );
}

fn to_be_changed(verdict: &Value) -> Vec<&str> {
    let addresses = verdict["addresses"].as_array().unwrap().iter();
    addresses
        .filter(|used| used["to_be_changed"] == true)
        .map(|used| used["address"].as_str().unwrap())
        .collect()
}

#[actix_web::test]
async fn an_old_secret_is_safe_to_revoke_once_only_the_new_one_is_used() {
    let app = spawn().await;
    let old = app.client("read").await;
    for from in ["192.0.2.6", "2001:db8::9"] {
        used(&app, &old, from).await;
    }
    assert_codes(&verdict(&app, &old, "").await, false, &["used_lately", "no_other_secret"]);
    app.pass(DAY).await;
    assert_codes(&verdict(&app, &old, "").await, false, &["no_other_secret"]);
    let new = add(&app, &old, None).await;
    assert_codes(&verdict(&app, &old, "").await, false, &["others_unused"]);
    // One of two machines is updated.
    used(&app, &new, "192.0.2.6").await;
    let answer = verdict(&app, &old, "").await;
    assert_codes(&answer, true, &["last_used", "only_others_used"]);
    app.pass(MINUTE).await;
    let last = app.now();
    used(&app, &old, "2001:db8::9").await;
    app.pass(3 * MINUTE).await;
    let answer = verdict(&app, &old, "").await;
    assert_codes(&answer, false, &["used_lately", "not_replaced", "to_be_changed"]);
    assert_eq!(to_be_changed(&answer), ["2001:db8::9"]);
    let message = answer["reasons"][0]["message"].as_str().unwrap();
    assert!(message.contains("3 minutes ago") && message.contains("2001:db8::9"), "{message}");
    assert_eq!(answer["not_before"], last + 86_400);
    assert_eq!(answer["only_others_since"], Value::Null);
    // The other one, too.
    used(&app, &new, "2001:db8::9").await;
    let moved = app.now();
    let answer = verdict(&app, &old, "").await;
    assert_codes(&answer, false, &["used_lately"]);
    assert_eq!(answer["only_others_since"], last);
    app.pass(Duration::from_secs((last + 86_400 - app.now() - 1).unsigned_abs())).await;
    assert_codes(&verdict(&app, &old, "").await, false, &["used_lately"]);
    app.pass(Duration::from_secs(1)).await;
    let answer = verdict(&app, &old, "").await;
    assert_codes(&answer, true, &["last_used", "only_others_used"]);
    let expected = json!([
        { "address": "2001:db8::9", "last_used_at": last, "other_last_used_at": moved - 5, "to_be_changed": false },
        { "address": "192.0.2.6", "last_used_at": answer["addresses"][1]["last_used_at"], "other_last_used_at": last - 65, "to_be_changed": false },
    ]);
    assert_eq!(answer["addresses"], expected);
    assert_eq!(answer["other_secrets"][0]["id"], new.secret_id);
    assert_eq!(answer["other_secrets"][0]["last_used_address"], "2001:db8::9");
    assert_eq!(
        (&answer["unused_for"], &answer["longest_token_ttl"]),
        (&json!(86_400), &json!(3600))
    );
    // Only the new one is used.
    assert_codes(
        &verdict(&app, &new, "").await,
        false,
        &["used_lately", "not_replaced", "to_be_changed"],
    );
    client::revoke_secret(&app.admin, &id(&old), &SecretId::parse(&old.secret_id).unwrap())
        .await
        .unwrap();
    let gone = Caller::with(&app, READ).await.get(&path(&old, "")).await;
    gone.assert_problem(404, "err_not_found", "a secret that was revoked");
}

/// A machine that has not returned is listed, even if the secret is safe to revoke.
#[actix_web::test]
async fn an_address_that_has_yet_to_be_changed_is_named() {
    let app = spawn().await;
    let old = app.client("read").await;
    let new = add(&app, &old, None).await;
    app.pass(MINUTE).await;
    used(&app, &old, "192.0.2.9").await;
    app.pass(MINUTE).await;
    used(&app, &new, "192.0.2.6").await;
    app.pass(2 * DAY).await;
    let answer = verdict(&app, &old, "").await;
    assert_codes(&answer, true, &["last_used", "only_others_used", "to_be_changed"]);
    assert_eq!(to_be_changed(&answer), ["192.0.2.9"]);
    // A time shorter than the lifetime of tokens proves little.
    assert_codes(
        &verdict(&app, &old, "?unused_for=60").await,
        true,
        &["last_used", "only_others_used", "shorter_than_tokens", "to_be_changed"],
    );
    assert_codes(
        &verdict(&app, &old, "?unused_for=172801").await,
        true,
        &["last_used", "only_others_used", "to_be_changed"],
    );
    assert_codes(
        &verdict(&app, &old, "?unused_for=180000").await,
        false,
        &["used_lately", "to_be_changed"],
    );
}

/// A secret without uses was never used if counting began before it; otherwise that is unknown.
#[actix_web::test]
async fn never_is_not_unknown() {
    let app = spawn().await;
    let client = app.client("read").await;
    let spare = add(&app, &client, None).await;
    let made_at = app.now();
    app.pass(MINUTE).await;
    used(&app, &client, "192.0.2.6").await;
    let answer = verdict(&app, &spare, "").await;
    assert_codes(&answer, false, &["unused_too_shortly"]);
    assert_eq!(
        (&answer["not_before"], &answer["uses_counted_since"]),
        (&json!(made_at + 86_400), &json!(made_at))
    );
    app.pass(DAY).await;
    let answer = verdict(&app, &spare, "").await;
    assert_codes(&answer, true, &["never_used", "only_others_used"]);
    assert_eq!((&answer["last_used_at"], &answer["addresses"]), (&Value::Null, &json!([])));
    // The first half of that day might belong to another release; and no other secret was used
    // since.
    counts_since(&app, "2026-01-01 12:00:00").await;
    let since = made_at + 43_200;
    let answer = verdict(&app, &spare, "").await;
    assert_codes(&answer, false, &["unused_too_shortly", "not_replaced"]);
    assert_eq!(
        (&answer["not_before"], &answer["uses_counted_since"]),
        (&json!(since + 86_400), &json!(since))
    );
    app.pass(DAY).await;
    assert_codes(&verdict(&app, &spare, "").await, false, &["not_replaced"]);
    used(&app, &client, "192.0.2.6").await;
    assert_codes(&verdict(&app, &spare, "").await, true, &["not_seen", "only_others_used"]);
}

#[actix_web::test]
async fn the_usual_time_is_longer_than_tokens_live() {
    let app = spawn().await;
    let client = app.client("read").await;
    let unused_for = async || verdict(&app, &client, "").await["unused_for"].as_u64().unwrap();
    assert_eq!(unused_for().await, 86_400);
    let resource = ResourceUri::parse("https://orders.example").unwrap();
    let terms = ApiTerms {
        name: DisplayName::parse("Orders").unwrap(),
        scopes: ApiScopes::plain(&ScopeSet::parse("read").unwrap()).unwrap(),
        token_alg: None,
        token_ttl: Some(2 * DAY),
    };
    api::create(&app.admin, resource.clone(), terms).await.unwrap();
    assert_eq!(unused_for().await, 86_400);
    let update = async |update| {
        client::update(&app.admin, &id(&client), update).await.unwrap();
    };
    update(ClientUpdate { resources: Some(vec![resource]), ..ClientUpdate::default() }).await;
    assert_eq!(unused_for().await, 4 * 86_400);
    update(ClientUpdate { token_ttl: Patch::Set(7 * DAY), ..ClientUpdate::default() }).await;
    assert_eq!(unused_for().await, 14 * 86_400);
    update(ClientUpdate { token_ttl: Patch::Set(MINUTE), ..ClientUpdate::default() }).await;
    assert_eq!(unused_for().await, 86_400);
    drop(app);
    let app = TestApp::with(&[("token.ttl", "86400")]).await;
    let client = app.client("read").await;
    assert_eq!(verdict(&app, &client, "").await["unused_for"], 2 * 86_400);
}

#[actix_web::test]
async fn secrets_that_are_not_good_are_told_apart() {
    let app = spawn().await;
    let lasting = app.client("read").await;
    let ending = add(&app, &lasting, Some(DAY)).await;
    used(&app, &lasting, "192.0.2.6").await;
    used(&app, &ending, "192.0.2.6").await;
    assert_codes(&verdict(&app, &lasting, "?unused_for=60").await, false, &["used_lately"]);
    app.pass(DAY).await;
    // An expired secret is safe to revoke, but not a reason to revoke the other one.
    let answer = verdict(&app, &ending, "").await;
    assert_codes(&answer, true, &["expired"]);
    assert_eq!(answer["other_secrets"].as_array().unwrap().len(), 1);
    let answer = verdict(&app, &lasting, "").await;
    assert_codes(&answer, false, &["no_other_secret"]);
    assert_eq!(answer["other_secrets"], json!([]));
    // An unusable secret proves nothing.
    let other = add(&app, &lasting, None).await;
    app.pass(MINUTE).await;
    used(&app, &other, "192.0.2.6").await;
    assert_codes(&verdict(&app, &lasting, "").await, true, &["last_used", "only_others_used"]);
    app.disable(&lasting).await;
    assert_codes(&verdict(&app, &lasting, "").await, false, &["client_disabled"]);
    app.enable(&lasting).await;
    assert_codes(&verdict(&app, &lasting, "").await, true, &["last_used", "only_others_used"]);
}

#[actix_web::test]
async fn a_client_without_secrets_has_none_to_revoke() {
    let app = spawn().await;
    let client = app.client("read").await;
    let secret = SecretId::parse(&client.secret_id).unwrap();
    client::revoke_secret(&app.admin, &id(&client), &secret).await.unwrap();
    let reader = Caller::with(&app, READ).await;
    reader.get(&path(&client, "")).await.assert_problem(404, "err_not_found", "revoked");
    let list = reader.get(&format!("/api/v1/clients/{}/secrets", client.id)).await.json();
    assert_eq!(list, json!({ "items": [] }));
}

/// SEC-12, and invalid parameters.
#[actix_web::test]
async fn an_invalid_question_is_rejected() {
    let app = spawn().await;
    let (client, other) = (app.client("read").await, app.client("read").await);
    app.get(&path(&client, "")).await.assert_problem(401, "err_unauthorised", "nobody");
    let writer = Caller::with(&app, "mintery:clients:write mintery:usage:read").await;
    writer.get(&path(&client, "")).await.assert_problem(403, "err_no_permission", "another scope");
    let reader = Caller::with(&app, READ).await;
    for bad in [
        "unused_for=",
        "unused_for=x",
        "unused_for=-1",
        "unused_for=1.5",
        "unused_for=0",
        "unused_for=9",
        "unused_for=315619201",
        "unused_for=18446744073709551615",
        "unused_for=99999999999999999999",
        "unused_for=60&unused_for=60",
        "limit=1",
        "unused_for=60&x=1",
        "unused_for",
    ] {
        let answer = reader.get(&path(&client, &format!("?{bad}"))).await;
        answer.assert_problem(400, "err_invalid_request", bad);
    }
    for good in ["unused_for=10", "unused_for=315619200", ""] {
        assert_eq!(reader.get(&path(&client, &format!("?{good}"))).await.status, 200, "{good}");
    }
    let of = |client: &str, secret: &str| {
        path(
            &TestClient {
                id: client.to_owned(),
                secret: String::new(),
                secret_id: secret.to_owned(),
            },
            "",
        )
    };
    for (client, secret) in [
        (client.id.as_str(), other.secret_id.as_str()),
        (&client.id, "cs_0000000000000000000000"),
        ("nobody", &client.secret_id),
        ("%00", &client.secret_id),
        (&client.id, &client.secret),
    ] {
        let answer = reader.get(&of(client, secret)).await;
        answer.assert_problem(404, "err_not_found", secret);
    }
    reader
        .get(&of(&client.id, &client.secret))
        .await
        .assert_no_echo(&client.secret, "a secret as an id");
    assert_eq!(reader.send(Method::HEAD, &path(&client, ""), None).await.status, 200);
    assert_eq!(reader.post(&path(&client, ""), json!({})).await.status, 405);
}

/// SEC-3: a bounded number of addresses per secret is stored, none for longer than counts; the last
/// use stays.
#[actix_web::test]
async fn the_addresses_of_a_secret_are_few() {
    let app = spawn().await;
    let client = app.client("read").await;
    let other = add(&app, &client, None).await;
    used(&app, &other, "198.51.100.1").await;
    for round in 0..4 {
        // More than fit in memory between two flushes.
        for number in 0..10 {
            app.clock.let_pass(Duration::from_millis(1));
            ask(&app, &client, &format!("192.0.2.{}", round * 10 + number))
                .await
                .assert_token("a round");
        }
        told(&app, &client).await;
    }
    // A known address replaces no other.
    used(&app, &client, "192.0.2.39").await;
    let answer = verdict(&app, &client, "").await;
    let addresses: Vec<&str> = answer["addresses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|used| used["address"].as_str().unwrap())
        .collect();
    // Eight of each round: the latest.
    let expected: Vec<String> =
        (22..30).chain(32..40).rev().map(|number| format!("192.0.2.{number}")).collect();
    assert_eq!(addresses, expected);
    let of_client =
        format!("SELECT COUNT(*) FROM secret_addresses WHERE secret_id = '{}'", client.secret_id);
    assert_eq!(app.database.number(&of_client).await, MAX_ADDRESSES);
    app.pass(KEPT_FOR + Duration::from_hours(2)).await;
    until(async || app.database.number(&of_client).await == 0).await;
    let answer = verdict(&app, &client, "").await;
    assert_eq!(answer["last_used_address"], "192.0.2.39", "{answer}");
    assert_eq!(answer["addresses"].as_array().unwrap().len(), 1, "{answer}");
    // Deleting a secret deletes its uses.
    used(&app, &client, "192.0.2.1").await;
    used(&app, &other, "192.0.2.1").await;
    app.delete(&client).await;
    app.pass(Duration::from_hours(1)).await;
    app.flush_usage().await;
    let of_both = format!("{of_client} OR secret_id = '{}'", other.secret_id);
    until(async || app.database.number(&of_both).await == 0).await;
    let uses = of_both.replace("secret_addresses", "secret_usage");
    until(async || app.database.number(&uses).await == 0).await;
}

/// Tasks that run a few times a second finish soon.
async fn until(is_so: impl AsyncFn() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < Duration::from_secs(5));
        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Nodes of the previous release report only the last use; and a late flush never replaces a later
/// use.
#[actix_web::test]
async fn a_use_that_an_older_node_told_counts() {
    let app = spawn().await;
    let old = app.client("read").await;
    let new = add(&app, &old, None).await;
    used(&app, &old, "192.0.2.6").await;
    app.pass(MINUTE).await;
    used(&app, &new, "192.0.2.6").await;
    app.pass(DAY).await;
    assert_codes(&verdict(&app, &old, "").await, true, &["last_used", "only_others_used"]);
    let told = |secret: &TestClient, address: &str, at: i64| {
        format!(
            "UPDATE secret_usage SET used_at = {at}000, address = '{address}' WHERE secret_id = '{}'",
            secret.secret_id
        )
    };
    app.database.execute(&[&told(&old, "192.0.2.8", app.now() - 60)]).await;
    let answer = verdict(&app, &old, "").await;
    assert_codes(&answer, false, &["used_lately", "not_replaced", "to_be_changed"]);
    assert_eq!(to_be_changed(&answer), ["192.0.2.8"]);
    assert_eq!(answer["addresses"].as_array().unwrap().len(), 2);
    app.database.execute(&[&told(&new, "192.0.2.8", app.now() - 30)]).await;
    let answer = verdict(&app, &old, "").await;
    assert_codes(&answer, false, &["used_lately"]);
    assert_eq!(answer["addresses"][0]["other_last_used_at"], app.now() - 30);
    // Another node has reported later uses.
    let later = app.now() + 100;
    let rows = format!(
        "UPDATE secret_addresses SET used_at = {later}000 WHERE secret_id = '{}'",
        old.secret_id
    );
    app.database.execute(&[&rows, &told(&old, "192.0.2.6", later)]).await;
    used(&app, &old, "192.0.2.6").await;
    app.flush_usage().await;
    let answer = verdict(&app, &old, "").await;
    assert_eq!(answer["last_used_at"], later);
    assert_eq!(answer["addresses"][0]["last_used_at"], later);
}
