//! Administration over HTTP: clients, their secrets, APIs; permissions of the callers.

mod apis;
mod clients;
mod input;
mod patch;
mod permissions;

use serde_json::Value;

use crate::support::app::TestClient;
use crate::support::caller::CLIENTS;

const APIS: &str = "/api/v1/apis";

fn path(client: &TestClient, rest: &str) -> String {
    format!("{CLIENTS}/{}{rest}", client.id)
}

fn claims(token: &str) -> Value {
    Value::Object(crate::support::forge::part(token, 1))
}
