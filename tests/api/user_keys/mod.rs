//! API keys of users.

mod management;
mod tokens;

use serde_json::Value;

use crate::support::people::Browser;

const KEYS: &str = "/api/v1/keys";

async fn make(browser: &Browser<'_>, body: Value) -> Value {
    let made = browser.post(KEYS, body).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.json()
}

fn text(made: &Value, member: &str) -> String {
    made[member].as_str().unwrap().to_owned()
}
