//! API keys of the tests, and requests that present them.

use crate::support::people::TestUser;
use mintery::admin::api_key::{self, NewApiKey};
use mintery::model::address::AddressRanges;
use mintery::model::api_key::{ApiKeyId, Environment, KeyOwner};
use mintery::model::client::ClientId;
use mintery::model::name::DisplayName;
use mintery::model::patch::Patch;
use mintery::model::scope::ScopeSet;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::support::answer::Answer;
use crate::support::app::{TestApp, TestClient};

pub const KEYS: &str = "/api/v1/keys";

pub const ME: &str = "/api/v1/users/me";

/// A key, with its text from the creation.
#[derive(Debug, Clone)]
pub struct TestKey {
    pub id: String,
    pub key: String,
}

impl TestKey {
    pub fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 201, "{answer:?}");
        Self { id: answer.text("id"), key: answer.text("key") }
    }

    pub fn id(&self) -> ApiKeyId {
        ApiKeyId::parse(&self.id).unwrap()
    }

    pub fn path(&self, rest: &str) -> String {
        format!("{KEYS}/{}{rest}", self.id)
    }
}

/// The terms of a new key of this client.
pub fn owned_by(owner: &TestClient) -> NewApiKey {
    NewApiKey {
        owner: KeyOwner::Client(ClientId::parse(&owner.id).unwrap()),
        name: DisplayName::parse("tester").unwrap(),
        environment: Environment::Live,
        scopes: None,
        allowed: AddressRanges::default(),
        max_per_minute: None,
        expires_in: Patch::Keep,
    }
}

impl TestApp {
    /// Makes a key at the command line.
    pub async fn key(&self, new: NewApiKey) -> TestKey {
        let made = Box::pin(api_key::create(&self.admin, new)).await.unwrap();
        TestKey { id: made.key.id.to_string(), key: made.plain.expose().to_owned() }
    }

    pub fn as_header(&self, method: Method, path: &str, key: &str) -> RequestBuilder {
        self.request(method, path).header("X-API-Key", key)
    }

    /// Presents it in both ways, at both endpoints.
    pub async fn shown(&self, key: &str) -> [Answer; 4] {
        [
            Answer::of(self.as_header(Method::GET, ME, key)).await,
            self.get_with(ME, key).await,
            Answer::of(self.as_header(Method::GET, "/auth/check", key)).await,
            self.get_with("/auth/check", key).await,
        ]
    }

    pub async fn accepts_key(&self, key: &str, what: &str) {
        for answer in self.shown(key).await {
            assert_eq!(answer.status, 200, "{what}: {answer:?}");
        }
    }

    pub async fn refuses_key(&self, key: &str, what: &str) {
        for answer in self.shown(key).await {
            answer.assert_invalid_token(what);
            if key.len() > 20 {
                answer.assert_no_echo(key, what);
            }
        }
    }

    pub async fn send_with_key(
        &self,
        method: Method,
        path: &str,
        key: &str,
        body: Option<Value>,
    ) -> Answer {
        let mut request = self.as_header(method, path, key);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        Answer::of(request).await
    }
}

/// Creates a key of a user at the command line.
pub async fn key_of(app: &TestApp, user: &TestUser, scopes: &str) -> TestKey {
    app.key(NewApiKey {
        owner: KeyOwner::User(user.id.clone()),
        name: DisplayName::parse("theirs").unwrap(),
        environment: Environment::Live,
        scopes: Some(ScopeSet::parse(scopes).unwrap()),
        allowed: AddressRanges::default(),
        max_per_minute: None,
        expires_in: Patch::Keep,
    })
    .await
}
