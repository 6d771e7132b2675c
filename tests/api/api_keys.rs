//! API keys: made, used, changed, replaced and taken back; and everything that is no key, or none for this.

use std::time::Duration;

use mintery::admin::api_key::{self, Creation, NewApiKey};
use mintery::admin::patch::Patch;
use mintery::model::address::AddressRanges;
use mintery::model::api_key::{ApiKeyId, Environment, KeyFormat, KeyOwner};
use mintery::model::client::ClientId;
use mintery::model::name::DisplayName;
use mintery::model::scope::ScopeSet;
use mintery::random::SystemRandom;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::app::{ISSUER, TestApp, TestClient, within_a_second};

const KEYS: &str = "/api/v1/keys";
const ME: &str = "/api/v1/users/me";

/// A key, and its text that was shown once.
#[derive(Debug, Clone)]
struct TestKey {
    id: String,
    key: String,
}

impl TestKey {
    fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 201, "{answer:?}");
        Self { id: answer.text("id"), key: answer.text("key") }
    }

    fn id(&self) -> ApiKeyId {
        ApiKeyId::parse(&self.id).unwrap()
    }

    fn path(&self, rest: &str) -> String {
        format!("{KEYS}/{}{rest}", self.id)
    }
}

fn owned_by(owner: &TestClient) -> NewApiKey {
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
    async fn key(&self, new: NewApiKey) -> TestKey {
        match Box::pin(api_key::create(&self.admin, new, None)).await.unwrap() {
            Creation::New(made) => {
                TestKey { id: made.key.id.to_string(), key: made.plain.expose().to_owned() }
            }
            Creation::Repeated(_) => unreachable!("it was sent once"),
        }
    }

    fn as_header(&self, method: Method, path: &str, key: &str) -> RequestBuilder {
        self.request(method, path).header("X-API-Key", key)
    }

    /// Both ways of presenting it, and both of asking.
    async fn shown(&self, key: &str) -> [Answer; 4] {
        [
            Answer::of(self.as_header(Method::GET, ME, key)).await,
            self.get_with(ME, key).await,
            Answer::of(self.as_header(Method::GET, "/auth/check", key)).await,
            self.get_with("/auth/check", key).await,
        ]
    }

    async fn accepts_key(&self, key: &str, what: &str) {
        for answer in self.shown(key).await {
            assert_eq!(answer.status, 200, "{what}: {answer:?}");
        }
    }

    async fn refuses_key(&self, key: &str, what: &str) {
        for answer in self.shown(key).await {
            answer.assert_invalid_token(what);
            if key.len() > 20 {
                answer.assert_no_echo(key, what);
            }
        }
    }

    async fn send_with_key(&self, method: Method, path: &str, key: &str, body: Option<Value>) -> Answer {
        let mut request = self.as_header(method, path, key);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        Answer::of(request).await
    }
}

const MANAGER: &str = "mintery:keys:read mintery:keys:verify mintery:keys:write read write";

/// Somebody who may manage keys, by a key of their own; and who that is.
async fn manager(app: &TestApp, scopes: &str) -> (TestClient, TestKey) {
    let client = app.client(scopes).await;
    let scopes = Some(ScopeSet::parse(scopes).unwrap());
    let key = app.key(NewApiKey { scopes, ..owned_by(&client) }).await;
    (client, key)
}

/// SEC-10: made, used in both headers, taken back, and gone at once.
#[actix_web::test]
async fn a_key_is_made_used_and_revoked() {
    let app = TestApp::spawn().await;
    let owner = app.client("read write").await;
    let key = app.key(owned_by(&owner)).await;
    assert!(key.key.starts_with("mtk_live_") && key.key.len() == 58, "{key:?}");
    for answer in
        [app.get_with(ME, &key.key).await, Answer::of(app.as_header(Method::GET, ME, &key.key)).await]
    {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(
            answer.json(),
            json!({
                "sub": owner.id, "kind": "api_key", "name": "tester", "scope": "read write",
                "credential": "api_key", "expires_at": null
            })
        );
    }
    let check = Answer::of(app.as_header(Method::GET, "/auth/check?scope=read", &key.key)).await;
    assert_eq!(check.status, 200, "{check:?}");
    assert_eq!(check.header("x-auth-subject"), owner.id);
    assert_eq!(check.header("x-auth-kind"), "api_key");
    assert_eq!(check.header("x-auth-scope"), "read write");
    let missing = Answer::of(app.as_header(Method::GET, "/auth/check?scope=admin", &key.key)).await;
    missing.assert_problem(403, "err_no_permission", "a scope that the key lacks");

    api_key::revoke(&app.admin, &key.id()).await.unwrap();
    within_a_second(401, || app.get_with(ME, &key.key)).await.assert_invalid_token("revoked");
    app.refuses_key(&key.key, "revoked").await;
}
