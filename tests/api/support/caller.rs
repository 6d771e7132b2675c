//! A caller of the administration API with an access token.

use reqwest::Method;
use serde_json::Value;

use crate::support::answer::Answer;
use crate::support::app::{TestApp, TestClient};

pub const CLIENTS: &str = "/api/v1/clients";

/// All that an administrator may hold, and the scopes that they may give to others.
pub const ADMIN: &str =
    "mintery:apis:read mintery:apis:write mintery:clients:read mintery:clients:write read write";

/// A client that calls the API with an access token.
pub struct Caller<'a> {
    app: &'a TestApp,
    pub token: String,
}

impl<'a> Caller<'a> {
    /// With these scopes, each asked for: Mintery's own are never a default.
    pub async fn with(app: &'a TestApp, scopes: &str) -> Self {
        let client = app.client(scopes).await;
        let token = app.token(&client).scope(scopes).send().await.text("access_token");
        Self { app, token }
    }

    /// With this token.
    pub const fn holding(app: &'a TestApp, token: String) -> Self {
        Self { app, token }
    }

    pub async fn admin(app: &'a TestApp) -> Self {
        Self::with(app, ADMIN).await
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.app.request(method, path).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        Answer::of(request).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    pub async fn create(&self, body: Value) -> TestClient {
        let answer = self.post(CLIENTS, body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        TestClient {
            id: answer.text("client_id"),
            secret: answer.text("client_secret"),
            secret_id: String::new(),
        }
    }
}
