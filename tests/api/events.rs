//! The event log over HTTP.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::caller::Caller;

const EVENTS: &str = "/api/v1/events";

fn items(json: &Value) -> &Vec<Value> {
    json["items"].as_array().unwrap_or_else(|| panic!("{json}"))
}

/// SEC-12
#[actix_web::test]
async fn events_need_their_scope() {
    let app = TestApp::spawn().await;
    let scopes = "mintery:signing-keys:read mintery:clients:read mintery:clients:write \
                  mintery:apis:write mintery:usage:read read";
    let caller = Caller::with(&app, scopes).await;
    let answer = caller.get(EVENTS).await;
    answer.assert_problem(403, "err_no_permission", EVENTS);
    assert!(answer.header("www-authenticate").contains("mintery:events:read"), "{answer:?}");
    let answer = caller.send(Method::POST, EVENTS, None).await;
    assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD"), "{answer:?}");
}

#[actix_web::test]
async fn events_are_read_in_pages() {
    let app = TestApp::spawn().await;
    let caller =
        Caller::with(&app, "mintery:events:read mintery:clients:write mintery:clients:read read")
            .await;
    app.clock.let_pass(Duration::from_secs(7));
    let made = caller.post("/api/v1/clients", json!({ "client_name": "x", "scope": "read" })).await;
    let id = made.text("client_id");
    caller.post(&format!("/api/v1/clients/{id}/disable"), json!({})).await;
    let numbers = async |query: &str| -> Vec<i64> {
        let page = caller.get(&format!("{EVENTS}?{query}")).await.json();
        items(&page).iter().map(|event| event["number"].as_i64().unwrap()).collect()
    };
    assert_eq!(numbers("").await, [1, 2, 3, 4]);
    assert_eq!(numbers("newest_first=true").await, [4, 3, 2, 1]);
    assert_eq!(numbers("after=2").await, [3, 4]);
    assert_eq!(numbers("newest_first=true&after=3").await, [2, 1]);
    assert_eq!(numbers(&format!("subject={id}")).await, [3, 4]);
    assert_eq!(numbers("kind=client.disabled").await, [4]);
    assert_eq!(numbers("kind=client").await, [2, 3, 4]);
    assert_eq!(numbers("kind=%25").await, [] as [i64; 0]);
    assert_eq!(numbers("actor=system").await, [1]);
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = caller.get(&format!("{EVENTS}?limit=1{after}")).await.json();
        seen.push(items(&page)[0]["number"].as_i64().unwrap());
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen, [1, 2, 3, 4]);
    let page = caller.get(&format!("{EVENTS}?after=2&limit=1")).await.json();
    let event = &items(&page)[0];
    assert_eq!(event["kind"], "client.created");
    assert_eq!(event["subject"], id.as_str());
    assert_eq!(event["at"], app.now());
    assert!(event["actor"].as_str().unwrap().starts_with("client:mc_"), "{event}");
    assert!(event["details"].is_object(), "{event}");
    let members: Vec<&String> = event.as_object().unwrap().keys().collect();
    assert_eq!(members, ["actor", "at", "details", "kind", "number", "subject"]);
    assert!(!page.to_string().contains(&made.text("client_secret")[4..20]));
    for bad in [
        "after=x",
        "after=-1",
        "limit=201",
        "name=x",
        "newest_first=1",
        "kind=a&kind=b",
        "kind=%0A",
    ] {
        let answer = caller.get(&format!("{EVENTS}?{bad}")).await;
        answer.assert_problem(400, "err_invalid_request", bad);
    }
}
