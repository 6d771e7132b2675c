//! Usage counts by client and hour, the last use of each secret, and limits. Time is moved; the
//! periodic flush is waited for.

use std::sync::Arc;
use std::time::Duration;

use mintery::admin::client::{self, NewSecret};
use mintery::model::client::{ClientId, ClientUpdate};
use mintery::model::patch::Patch;
use mintery::model::usage::KEPT_FOR;
use serde_json::{Value, json};

use crate::support::answer::Answer;
use crate::support::app::{TestApp, TestClient, new_client, within_a_second};
use crate::support::caller::Caller;
use crate::support::database::{START, TestDatabase};
use crate::support::engine::{Engine, only_on};

const HOUR: i64 = 3600;

/// The hours of a client, once `is_there` holds for them.
async fn hours(
    app: &TestApp,
    client: &TestClient,
    is_there: impl Fn(&[Value]) -> bool,
) -> Vec<Value> {
    // A token of before may have expired.
    let caller = Caller::with(app, "mintery:usage:read").await;
    let path = format!("/api/v1/usage?client_id={}", client.id);
    app.flush_usage().await;
    let begun = std::time::Instant::now();
    loop {
        let items = caller.get(&path).await.json()["items"].as_array().unwrap().clone();
        if is_there(&items) {
            return items;
        }
        assert!(begun.elapsed() < Duration::from_secs(2), "{items:?}");
        actix_web::rt::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn limit(app: &TestApp, client: &TestClient, limit: Patch<u64>) {
    let update = ClientUpdate { max_tokens_per_hour: limit, ..ClientUpdate::default() };
    client::update(&app.admin, &ClientId::parse(&client.id).unwrap(), update).await.unwrap();
    app.caught_up().await;
}

fn is_over_limit(answer: &Answer, retry_after: i64) {
    answer.assert_oauth_error(429, "temporarily_unavailable", "over the limit");
    assert_eq!(answer.header("retry-after"), retry_after.to_string());
}

#[actix_web::test]
async fn tokens_and_refusals_are_counted_by_hour() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let wrong = TestClient { secret: "mts_wrong".to_owned(), ..client.clone() };
    for _ in 0..3 {
        app.access_token(&client).await;
    }
    app.token(&client).scope("admin").send().await.assert_oauth_error(
        400,
        "invalid_scope",
        "admin",
    );
    app.token(&client).resource("https://x.example").send().await.assert_oauth_error(
        400,
        "invalid_target",
        "x",
    );
    app.token(&wrong).send().await.assert_oauth_error(401, "invalid_client", "wrong");
    app.pass(Duration::from_hours(1)).await;
    app.access_token(&client).await;
    let items = hours(&app, &client, |items| items.len() == 2).await;
    let start = START.as_secs();
    let expected = [
        json!({ "client_id": client.id, "hour": start + HOUR, "tokens": 1, "refusals": {} }),
        json!({
            "client_id": client.id,
            "hour": start,
            "tokens": 3,
            "refusals": { "invalid_scope": 1, "invalid_target": 1, "wrong_secret": 1 },
        }),
    ];
    assert_eq!(items, expected);
    // It is added to the stored counts.
    app.access_token(&client).await;
    let items = hours(&app, &client, |items| items[0]["tokens"] == 2).await;
    assert_eq!(items[1], expected[1]);
}

/// SEC-3: a stranger adds to counts, and creates no rows.
#[actix_web::test]
async fn unknown_clients_are_not_counted() {
    let app = TestApp::spawn().await;
    let reader = Caller::with(&app, "mintery:usage:read").await;
    let client = app.client("read").await;
    for number in 0..20 {
        let stranger = TestClient { id: format!("stranger-{number}"), ..client.clone() };
        app.token(&stranger).send().await.assert_oauth_error(401, "invalid_client", "a stranger");
    }
    app.access_token(&client).await;
    hours(&app, &client, |items| items.len() == 1).await;
    let all = reader.get("/api/v1/usage").await.json();
    let clients: Vec<&str> = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["client_id"].as_str().unwrap())
        .collect();
    assert!(clients.iter().all(|id| id.starts_with("mc_")), "{all}");
}

#[actix_web::test]
async fn usage_is_read_in_pages() {
    let app = TestApp::spawn().await;
    let mut clients = [app.client("read").await, app.client("read").await];
    clients.sort_by(|one, other| one.id.cmp(&other.id));
    for _ in 0..3 {
        app.pass(Duration::from_hours(1)).await;
        for client in &clients {
            app.access_token(client).await;
        }
    }
    hours(&app, &clients[1], |items| items.len() == 3).await;
    let reader = Caller::with(&app, "mintery:usage:read").await;
    let from = START.as_secs() + HOUR;
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let page = reader.get(&format!("/api/v1/usage?limit=1&from={from}{after}")).await.json();
        let item = &page["items"][0];
        let id = item["client_id"].as_str().unwrap().to_owned();
        if clients.iter().any(|client| client.id == id) {
            seen.push((item["hour"].as_i64().unwrap(), id));
        }
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    let expected: Vec<_> = (0..3)
        .rev()
        .flat_map(|hour| clients.iter().map(move |client| (from + hour * HOUR, client.id.clone())))
        .collect();
    assert_eq!(seen, expected);
    let of = async |query: &str| reader.get(&format!("/api/v1/usage?{query}")).await;
    let count = async |query: &str| of(query).await.json()["items"].as_array().unwrap().len();
    assert_eq!(count(&format!("from={from}&until={}", from + HOUR)).await, 4);
    assert_eq!(count(&format!("until={}", from - 1)).await, 0);
    assert_eq!(count("client_id=nobody").await, 0);
    for bad in ["from=x", "until=-1", "after=x", "after=x.y", "limit=0", "name=x", "from=1&from=2"]
    {
        of(bad).await.assert_problem(400, "err_invalid_request", bad);
    }
}

/// SEC-12
#[actix_web::test]
async fn usage_is_for_those_who_may_read_it() {
    let app = TestApp::spawn().await;
    let other = Caller::with(&app, "mintery:clients:read mintery:clients:write").await;
    other.get("/api/v1/usage").await.assert_problem(403, "err_no_permission", "another scope");
    app.get("/api/v1/usage").await.assert_problem(401, "err_unauthorised", "nobody");
}

#[actix_web::test]
async fn a_secret_says_when_and_from_where_it_was_last_used() {
    let app = TestApp::with(&[("trusted_proxies", "127.0.0.1")]).await;
    let reader = Caller::with(&app, "mintery:clients:read mintery:usage:read").await;
    let client = app.client("read").await;
    let unused =
        client::add_secret(&app.admin, &ClientId::parse(&client.id).unwrap(), NewSecret::default())
            .await
            .unwrap();
    app.pass(Duration::from_secs(10)).await;
    let ask = async |from: &str| {
        app.post_token(
            &[
                ("authorization", &client.basic()),
                ("content-type", "application/x-www-form-urlencoded"),
                ("x-forwarded-for", from),
            ],
            "grant_type=client_credentials",
        )
        .await
        .assert_token(from);
    };
    let path = format!("/api/v1/clients/{}/secrets", client.id);
    let of_id = async |id: &str| {
        let items = reader.get(&path).await.json();
        items["items"].as_array().unwrap().iter().find(|item| item["id"] == id).unwrap().clone()
    };
    let secret = async || of_id(&client.secret_id).await;
    assert_eq!(secret().await["last_used_at"], Value::Null);
    ask("198.51.100.6").await;
    ask("198.51.100.7").await;
    hours(&app, &client, |items| items.len() == 1 && items[0]["tokens"] == 2).await;
    let shown = secret().await;
    assert_eq!(shown["last_used_at"], START.as_secs() + 10, "{shown}");
    assert_eq!(shown["last_used_address"], "198.51.100.7", "{shown}");
    assert_eq!(of_id(unused.secret.id.as_str()).await["last_used_at"], Value::Null);
    // A refusal after the secret was verified is a use of it; a wrong secret is not.
    app.pass(Duration::from_secs(10)).await;
    app.token(&client).scope("admin").send().await.assert_oauth_error(
        400,
        "invalid_scope",
        "admin",
    );
    app.pass(Duration::from_secs(10)).await;
    let wrong = TestClient { secret: "mts_wrong".to_owned(), ..client.clone() };
    app.token(&wrong).send().await.assert_oauth_error(401, "invalid_client", "wrong");
    hours(&app, &client, |items| items[0]["refusals"]["wrong_secret"] == 1).await;
    let shown = secret().await;
    assert_eq!(shown["last_used_at"], app.now() - 10 - 5, "{shown}");
    assert_eq!(shown["last_used_address"], "127.0.0.1", "{shown}");
    let in_full = reader.get(&format!("/api/v1/clients/{}", client.id)).await.json();
    assert!(in_full["secrets"].as_array().unwrap().contains(&shown), "{in_full}");
}

/// No count is lost when a server stops, or while the store is away.
#[actix_web::test]
async fn counts_are_flushed_at_last() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    app.access_token(&client).await;
    app.database.execute(&["ALTER TABLE client_usage RENAME TO client_usage_away"]).await;
    app.flush_usage().await;
    app.access_token(&client).await;
    app.database.execute(&["ALTER TABLE client_usage_away RENAME TO client_usage"]).await;
    app.access_token(&client).await;
    let database = Arc::clone(&app.database);
    app.stop().await;
    let app = TestApp::on(database, &[]).await.unwrap();
    let reader = Caller::with(&app, "mintery:usage:read").await;
    let items = reader.get(&format!("/api/v1/usage?client_id={}", client.id)).await.json();
    assert_eq!(items["items"][0]["tokens"], 3, "{items}");
}

#[actix_web::test]
async fn old_counts_are_deleted() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    app.access_token(&client).await;
    hours(&app, &client, |items| items.len() == 1).await;
    let many: Vec<String> = (0..1200)
        .map(|number| format!("INSERT INTO client_usage VALUES ('old-{number}', 1, 'token', 1)"))
        .collect();
    app.database.execute(&many.iter().map(String::as_str).collect::<Vec<_>>()).await;
    app.pass(KEPT_FOR + Duration::from_hours(2)).await;
    let reader = Caller::with(&app, "mintery:usage:read").await;
    let begun = std::time::Instant::now();
    loop {
        let items = reader.get("/api/v1/usage?until=1767225600").await.json();
        if items["items"].as_array().unwrap().is_empty() {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "{items}");
        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
    }
}

/// 6749-17: the limit that an operator sets for a client; a 429 names the time of the next token.
#[actix_web::test]
async fn a_client_gets_no_more_tokens_than_its_limit() {
    let app = TestApp::spawn().await;
    let mut new = new_client("read");
    new.terms.max_tokens_per_hour = Some(3);
    let client = app.create(new).await;
    let other = app.client("read").await;
    app.pass(Duration::from_mins(10)).await;
    for _ in 0..3 {
        app.access_token(&client).await;
    }
    // A request refused for another reason does not count against the limit.
    app.token(&client).scope("admin").send().await.assert_oauth_error(
        400,
        "invalid_scope",
        "admin",
    );
    is_over_limit(&app.token(&client).send().await, 50 * 60);
    app.access_token(&other).await;
    // A stranger learns nothing of it.
    let wrong = TestClient { secret: "mts_wrong".to_owned(), ..client.clone() };
    app.token(&wrong).send().await.assert_oauth_error(401, "invalid_client", "wrong");
    // Neither an update nor a flush resets the count.
    limit(&app, &client, Patch::Set(4)).await;
    app.access_token(&client).await;
    app.flush_usage().await;
    is_over_limit(&app.token(&client).send().await, 50 * 60 - 5);
    limit(&app, &client, Patch::Clear).await;
    app.access_token(&client).await;
    limit(&app, &client, Patch::Set(5)).await;
    is_over_limit(&app.token(&client).send().await, 50 * 60 - 5);
    app.pass(Duration::from_secs(50 * 60 - 6)).await;
    is_over_limit(&app.token(&client).send().await, 1);
    app.pass(Duration::from_secs(1)).await;
    for _ in 0..5 {
        app.access_token(&client).await;
    }
    is_over_limit(&app.token(&client).send().await, HOUR);
    let items =
        hours(&app, &client, |items| items.len() == 2 && items[0]["refusals"]["over_limit"] == 1)
            .await;
    assert_eq!((&items[0]["tokens"], &items[0]["refusals"]["over_limit"]), (&json!(5), &json!(1)));
    assert_eq!((&items[1]["tokens"], &items[1]["refusals"]["over_limit"]), (&json!(5), &json!(4)));
}

/// A restarted server knows the tokens of the previous one.
#[actix_web::test]
async fn a_limit_outlives_a_restart() {
    let app = TestApp::spawn().await;
    let mut new = new_client("read");
    new.terms.max_tokens_per_hour = Some(2);
    let client = app.create(new).await;
    app.access_token(&client).await;
    app.access_token(&client).await;
    let database = Arc::clone(&app.database);
    app.stop().await;
    let app = TestApp::on(database, &[]).await.unwrap();
    is_over_limit(&app.token(&client).send().await, HOUR);
}

/// Nodes learn of each other's tokens within one flush.
#[actix_web::test]
async fn a_limit_is_for_all_nodes() {
    only_on!(Engine::Postgres);
    let database = TestDatabase::create().await;
    let first = TestApp::on(Arc::clone(&database), &[]).await.unwrap();
    let second = TestApp::on(Arc::clone(&database), &[]).await.unwrap();
    let mut new = new_client("read");
    new.terms.max_tokens_per_hour = Some(3);
    let client = first.create(new).await;
    for app in [&first, &second] {
        app.access_token(&client).await;
    }
    for app in [&first, &second, &first] {
        app.flush_usage().await;
    }
    second.access_token(&client).await;
    is_over_limit(&second.token(&client).send().await, HOUR - 5);
    second.flush_usage().await;
    first.flush_usage().await;
    within_a_second(429, || first.token(&client).send()).await;
}

#[actix_web::test]
async fn a_limit_is_set_over_http() {
    let app = TestApp::spawn().await;
    let admin = Caller::with(&app, "mintery:clients:read mintery:clients:write read").await;
    let body = json!({ "client_name": "x", "scope": "read", "max_tokens_per_hour": 1 });
    let made = admin.post("/api/v1/clients", body).await;
    assert_eq!((made.status, &made.json()["max_tokens_per_hour"]), (201, &json!(1)));
    let client = TestClient {
        id: made.text("client_id"),
        secret: made.text("client_secret"),
        secret_id: String::new(),
    };
    app.access_token(&client).await;
    is_over_limit(&app.token(&client).send().await, HOUR);
    let path = format!("/api/v1/clients/{}", client.id);
    for bad in [json!(0), json!(-1), json!(1_000_000_001), json!("1"), json!(1.5)] {
        let answer = admin.patch(&path, json!({ "max_tokens_per_hour": bad })).await;
        answer.assert_problem(400, "err_invalid_request", &bad.to_string());
    }
    let answer = admin.patch(&path, json!({ "max_tokens_per_hour": null })).await;
    assert_eq!((answer.status, answer.json().get("max_tokens_per_hour")), (200, None));
    app.access_token(&client).await;
}
