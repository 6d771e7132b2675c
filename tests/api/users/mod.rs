//! Users: management, permissions, passwords.

mod management;
mod passwords;
mod permissions;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::answer::Answer;
use crate::support::people::{Browser, PASSWORD};

const USERS: &str = "/api/v1/users";

const OTHER_PASSWORD: &str = "seven-Pelicans-under-9-oaks";

fn body(username: &str, role: &str) -> Value {
    json!({ "username": username, "role": role, "password": PASSWORD })
}

fn path(id: &str) -> String {
    format!("{USERS}/{id}")
}

async fn patch(browser: &Browser<'_>, id: &str, change: Value) -> Answer {
    browser.send(Method::PATCH, &path(id), Some(change)).await
}

async fn act(browser: &Browser<'_>, id: &str, act: &str) -> Answer {
    browser.send(Method::POST, &format!("{USERS}/{id}/{act}"), None).await
}
