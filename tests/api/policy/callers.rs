//! The callers: each scope of Mintery's own, alone and with more; each role; no caller at all.

use mintery::model::own_scope::OwnScope;
use mintery::model::user::Role;
use reqwest::Method;
use serde_json::Value;

use crate::support::answer::Answer;
use crate::support::app::{ISSUER, TestApp};
use crate::support::people::Browser;

/// A caller with its credential.
pub struct Caller {
    pub label: String,
    credential: Credential,
}

enum Credential {
    None,
    Token(String),
    Cookie(String),
}

/// The callers in groups; within one each holds more than the one before.
pub struct Callers<'a> {
    pub groups: Vec<Vec<Caller>>,
    /// Keeps the sessions.
    _browsers: Vec<Browser<'a>>,
}

impl<'a> Callers<'a> {
    pub async fn create(app: &'a TestApp) -> Self {
        let nobody = Caller { label: "anyone".to_owned(), credential: Credential::None };
        let mut groups = vec![vec![nobody]];
        for scope in OwnScope::ALL {
            let short = scope.name().strip_prefix("mintery:").unwrap();
            let mut group = Vec::new();
            for more in ["", " read", " read mintery:apis:write"] {
                let scopes = format!("{}{more}", scope.name());
                let client = app.client(&scopes).await;
                let token = app.token(&client).scope(&scopes).send().await.text("access_token");
                let label = format!("{short}{}", more.replace("mintery:", "").replace(' ', "+"));
                group.push(Caller { label, credential: Credential::Token(token) });
            }
            groups.push(group);
        }
        let mut browsers = Vec::new();
        for role in [Role::Admin, Role::Viewer, Role::Member] {
            let browser = app.browser(&format!("caller-{}", role.name()), role).await;
            let label = format!("role {}", role.name());
            let credential = Credential::Cookie(browser.header());
            groups.push(vec![Caller { label, credential }]);
            browsers.push(browser);
        }
        Self { groups, _browsers: browsers }
    }
}

impl Caller {
    pub async fn send(
        &self,
        app: &TestApp,
        method: &Method,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let request = app.request(method.clone(), path);
        let mut request = match &self.credential {
            Credential::None => request,
            Credential::Token(token) => request.bearer_auth(token),
            Credential::Cookie(cookie) => request.header("cookie", cookie).header("origin", ISSUER),
        };
        if *method != Method::GET {
            request = request.header("content-type", "application/json");
        }
        Answer::of(match body {
            Some(body) => request.body(body.to_string()),
            None => request,
        })
        .await
    }
}
