//! The rows of the dashboard: the roles that each page answers.

use std::fmt::Write as _;

use mintery::model::user::Role;
use reqwest::Method;

use super::targets::{Kind, Targets};
use crate::support::answer::Answer;
use crate::support::app::{ISSUER, TestApp};

pub const ROWS: &[&str] = &[
    "GET /dashboard",
    "GET /dashboard/activity",
    "GET /dashboard/apis",
    "GET /dashboard/apis/delete",
    "GET /dashboard/apis/edit",
    "GET /dashboard/apis/new",
    "GET /dashboard/apis/revoke-tokens",
    "GET /dashboard/apis/show",
    "GET /dashboard/clients",
    "GET /dashboard/clients/new",
    "GET /dashboard/clients/{id}",
    "GET /dashboard/clients/{id}/delete",
    "GET /dashboard/clients/{id}/disable",
    "GET /dashboard/clients/{id}/edit",
    "GET /dashboard/clients/{id}/revoke-tokens",
    "GET /dashboard/clients/{id}/secrets/new",
    "GET /dashboard/clients/{id}/secrets/{secret}/revoke",
    "GET /dashboard/keys",
    "GET /dashboard/keys/new",
    "GET /dashboard/keys/{id}",
    "GET /dashboard/keys/{id}/edit",
    "GET /dashboard/keys/{id}/revoke",
    "GET /dashboard/keys/{id}/rotate",
    "GET /dashboard/sessions",
    "GET /dashboard/settings",
    "GET /dashboard/settings/second-factor",
    "GET /dashboard/signing-keys",
    "GET /dashboard/signing-keys/rotate",
    "GET /dashboard/signing-keys/{kid}",
    "GET /dashboard/signing-keys/{kid}/retire",
    "GET /dashboard/users",
    "GET /dashboard/users/new",
    "GET /dashboard/users/{id}",
    "GET /dashboard/users/{id}/edit",
    "GET /dashboard/users/{id}/password",
    "GET /dashboard/users/{id}/{name}",
    "POST /dashboard/apis/edit",
    "POST /dashboard/apis/new",
    "POST /dashboard/clients/new",
    "POST /dashboard/clients/{id}/delete",
    "POST /dashboard/clients/{id}/disable",
    "POST /dashboard/clients/{id}/edit",
    "POST /dashboard/clients/{id}/enable",
    "POST /dashboard/clients/{id}/revoke-tokens",
    "POST /dashboard/clients/{id}/secrets/new",
    "POST /dashboard/clients/{id}/secrets/{secret}/revoke",
    "POST /dashboard/keys/new",
    "POST /dashboard/keys/{id}/disable",
    "POST /dashboard/keys/{id}/edit",
    "POST /dashboard/keys/{id}/enable",
    "POST /dashboard/keys/{id}/revoke",
    "POST /dashboard/keys/{id}/rotate",
    "POST /dashboard/sessions/{id}/end",
    "POST /dashboard/settings/password",
    "POST /dashboard/settings/second-factor/begin",
    "POST /dashboard/settings/second-factor/codes",
    "POST /dashboard/settings/second-factor/confirm",
    "POST /dashboard/settings/second-factor/remove",
    "POST /dashboard/users/new",
    "POST /dashboard/users/{id}/edit",
    "POST /dashboard/users/{id}/enable",
    "POST /dashboard/users/{id}/end-sessions",
    "POST /dashboard/users/{id}/password",
    "POST /dashboard/users/{id}/{name}",
    "POST /dashboard/apis/delete",
    "POST /dashboard/apis/revoke-tokens",
    "POST /dashboard/sessions/end-others",
    "POST /dashboard/signing-keys/rotate",
    "POST /dashboard/signing-keys/{kid}/retire",
];

/// Patterns that pass a path on to a table of their own, or redirect to another page.
pub const EXEMPT: &[&str] = &[
    "GET /dashboard/clients/{id}/secrets/{page @ ..}",
    "GET /dashboard/settings/password",
    "GET /dashboard/settings/second-factor/{_}",
    "POST /dashboard/clients/{id}/secrets/{page @ ..}",
];

/// Prints the table.
pub async fn print(app: &TestApp, targets: &mut Targets<'_>, table: &mut String) {
    let mut pages = Vec::new();
    for role in [Role::Admin, Role::Viewer, Role::Member] {
        let browser = app.browser(&format!("visitor-{}", role.name()), role).await;
        let page = browser.get("/dashboard").await.body;
        let (_, after) = page.split_once("name=\"csrf_token\" value=\"").expect("a form");
        let token = after.split('"').next().unwrap().to_owned();
        pages.push((role, browser, token));
    }
    for row in ROWS {
        let (method, path) = row.split_once(' ').unwrap();
        let mut allowed = Vec::new();
        for (role, browser, token) in &pages {
            if method == "POST" {
                targets.replace(Kind::Api).await;
            }
            let path = targets.path(&path.replace("{name}", "disable"), Kind::Api).await;
            let path = format!("{path}?resource=https%3A%2F%2Fpayments.example.com");
            let request = browser.request(Method::from_bytes(method.as_bytes()).unwrap(), &path);
            let answer = Answer::of(match method {
                "POST" => request.header("origin", ISSUER).form(&[("csrf_token", token)]),
                _ => request,
            })
            .await;
            assert!(answer.status < 500, "{row}: {answer:?}");
            assert!(!answer.header("location").starts_with("/login"), "{row}: {answer:?}");
            if !matches!(answer.status, 401 | 403 | 404) {
                allowed.push(format!("role {}", role.name()));
            }
        }
        let allowed = if allowed.is_empty() { "nobody".to_owned() } else { allowed.join("; ") };
        writeln!(table, "page {row}\n    {allowed}").unwrap();
    }
}
