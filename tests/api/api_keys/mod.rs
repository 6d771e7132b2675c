//! API keys: lifecycle, rotation, limits, permissions, administration and input.

mod administration;
mod input;
mod lifecycle;
mod limits;
mod permissions;
mod rotation;
mod service;

use mintery::admin::api_key::NewApiKey;
use mintery::model::scope::ScopeSet;
use reqwest::Method;
use serde_json::Value;

use crate::support::answer::Answer;
use crate::support::api_key::{KEYS, TestKey, owned_by};
use crate::support::app::{TestApp, TestClient};

const MANAGER: &str = "mintery:keys:read mintery:keys:verify mintery:keys:write read write";

/// A key that may manage keys, and its owner.
async fn manager(app: &TestApp, scopes: &str) -> (TestClient, TestKey) {
    let client = app.client(scopes).await;
    let scopes = Some(ScopeSet::parse(scopes).unwrap());
    let key = app.key(NewApiKey { scopes, ..owned_by(&client) }).await;
    (client, key)
}

async fn create(app: &TestApp, caller: &TestKey, body: Value) -> Answer {
    app.send_with_key(Method::POST, KEYS, &caller.key, Some(body)).await
}

/// The caller holds the scope of the route, and lacks the permission for this act.
#[track_caller]
fn assert_forbidden(answer: &Answer, what: &str) {
    assert_eq!(
        (answer.status, answer.text("code").as_str()),
        (403, "err_no_permission"),
        "{what}: {answer:?}"
    );
}
