//! `POST /oauth/introspect`: permissions, requests, plain and signed answers.

mod permissions;
mod request;
mod signed;

use serde_json::Value;

use crate::support::answer::Answer;

const ORDERS: &str = "https://orders.example.com";

const STOCK: &str = "urn:example:stock";

const INACTIVE: &str = r#"{"active":false}"#;

#[track_caller]
fn assert_active(answer: &Answer, what: &str) -> Value {
    assert_eq!(answer.status, 200, "{what}: {answer:?}");
    let json = answer.json();
    assert_eq!(json["active"], true, "{what}: {answer:?}");
    json
}

#[track_caller]
fn assert_inactive(answer: &Answer, what: &str) {
    assert_eq!((answer.status, answer.body.as_str()), (200, INACTIVE), "{what}: {answer:?}");
}
