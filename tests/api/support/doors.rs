//! One token, every door: the responses to a forged token of the server's own routes, of the
//! library with the published keys, and of an API protected with the adapter. Each case is stated
//! once.

use std::sync::Arc;

use actix_web::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, web};
use mintery::admin::signing_key;
use mintery::model::signing_key::SigningAlgorithm;
use mintery_verifier::keys::KeySet;
use mintery_verifier::{Principal, RequireScope, Verifier, VerifyError};
use serde_json::Value;

use crate::support::app::{ISSUER, TestApp, TestClient};
use crate::support::forge::{self, Forgery};

pub const JWKS: &str = "/.well-known/jwks.json";

/// A server, a token, and other readers of tokens.
pub struct Doors {
    pub app: TestApp,
    pub client: TestClient,
    pub token: String,
    pub real: Forgery,
    /// The ids of the ES256 and of the RS256 key.
    pub ec: String,
    pub rsa: String,
    pub jwks: Value,
    library: Verifier,
    /// May introspect every token.
    watcher: TestClient,
}

impl Doors {
    /// A server as it is at its first start: ES256 signs, and there is an RS256 key.
    pub async fn open() -> Self {
        Self::of(TestApp::spawn().await).await
    }

    /// A server with a key for each algorithm.
    pub async fn with_every_algorithm() -> Self {
        let app = Box::pin(TestApp::with(&[("token.alg", "HS256")])).await;
        for algorithm in [SigningAlgorithm::Es384, SigningAlgorithm::Ps256, SigningAlgorithm::EdDsa]
        {
            Box::pin(signing_key::rotate(&app.admin, algorithm, None)).await.unwrap();
        }
        app.caught_up().await;
        Box::pin(Self::of(app)).await
    }

    async fn of(app: TestApp) -> Self {
        let watcher = app.client("mintery:introspect").await;
        let client = app.client("read").await;
        let token = app.access_token(&client).await;
        let jwks = app.get(JWKS).await;
        let real = Forgery::of(&token);
        let mut keys = KeySet::parse(jwks.body.as_bytes()).unwrap();
        let own = forge::part(&token, 0);
        if own["alg"] == "HS256" {
            let kid = own["kid"].as_str().unwrap();
            keys = keys.with_shared_key(kid, &forge::private(kid)).unwrap();
        }
        let jwks = jwks.json();
        let doors = Self {
            library: Verifier::with_keys(ISSUER, keys, Arc::clone(&app.clock) as _),
            ec: kid(&jwks, "ES256"),
            rsa: kid(&jwks, "RS256"),
            app,
            client,
            token,
            real,
            jwks,
            watcher,
        };
        // A refusal below is caused by the change, not by signing here.
        doors.accept("the control", &doors.real.sign()).await;
        doors
    }

    /// The id of the published key of an algorithm.
    pub fn kid(&self, algorithm: SigningAlgorithm) -> String {
        kid(&self.jwks, algorithm.name())
    }

    /// Every door accepts it.
    pub async fn accept(&self, what: &str, token: &str) {
        let answer = self.app.me(token).await;
        assert_eq!(answer.status, 200, "{what}: {answer:?}\n{token}");
        assert_eq!(answer.text("sub"), self.client.id);
        assert_eq!(self.app.get_with("/auth/check", token).await.status, 200, "{what}\n{token}");
        let introspected = self.app.introspect(&self.watcher, token).await;
        assert_eq!(introspected.json()["active"], true, "{what}: {introspected:?}\n{token}");
        self.library_accepts(what, token).await;
    }

    /// No door accepts it; only the library tells the program the reason.
    pub async fn refuse(&self, what: &str, token: &str, why: VerifyError) {
        assert_eq!(self.refuse_somehow(what, token).await, why, "{what}\n{token}");
    }

    /// No door accepts it; the reason may vary and is returned.
    pub async fn refuse_somehow(&self, what: &str, token: &str) -> VerifyError {
        self.server_refuses(what, token).await;
        let why = self.library.check(token, ISSUER).unwrap_err();
        if why != VerifyError::Audience {
            self.introspected_as_inactive(what, token).await;
        }
        let (status, challenge) = self.through_adapter(token).await;
        assert_eq!(status, 401, "{what}\n{token}");
        assert!(challenge.contains("error=\"invalid_token\""), "{what}: {challenge}\n{token}");
        why
    }

    /// Only the server knows its clients and the revocations.
    pub async fn refuse_at_the_server_alone(&self, what: &str, token: &str) {
        self.server_refuses(what, token).await;
        self.introspected_as_inactive(what, token).await;
        self.library_accepts(what, token).await;
    }

    /// 7662-3: introspection checks a token as every other door, whatever its API.
    async fn introspected_as_inactive(&self, what: &str, token: &str) {
        let answer = self.app.introspect(&self.watcher, token).await;
        if token.is_empty() {
            // A parameter without a value is absent.
            return answer.assert_oauth_error(400, "invalid_request", what);
        }
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, r#"{"active":false}"#),
            "{what}\n{token}"
        );
    }

    async fn server_refuses(&self, what: &str, token: &str) {
        for path in ["/api/v1/users/me", "/auth/check"] {
            let answer = self.app.get_with(path, token).await;
            answer.assert_invalid_token(&format!("{path}: {what}\n{token}"));
        }
    }

    async fn library_accepts(&self, what: &str, token: &str) {
        assert!(self.library.check(token, ISSUER).is_ok(), "{what}\n{token}");
        assert_eq!(self.through_adapter(token).await.0, 200, "{what}\n{token}");
    }

    /// Status and challenge of an API that requires only a valid token.
    async fn through_adapter(&self, token: &str) -> (u16, String) {
        let route = web::resource("/").wrap(RequireScope::all::<&str>([])).to(subject);
        let api = init_service(App::new().app_data(self.library.clone()).service(route)).await;
        let request = TestRequest::get().insert_header((AUTHORIZATION, format!("Bearer {token}")));
        let answer = call_service(&api, request.to_request()).await;
        let challenge = answer.headers().get(WWW_AUTHENTICATE);
        let challenge = challenge.map_or("", |value| value.to_str().unwrap()).to_owned();
        (answer.status().as_u16(), challenge)
    }
}

async fn subject(caller: Principal) -> String {
    caller.subject().to_owned()
}

fn kid(jwks: &Value, algorithm: &str) -> String {
    let mut keys = jwks["keys"].as_array().unwrap().iter();
    let key =
        keys.find(|key| key["alg"] == algorithm).unwrap_or_else(|| panic!("{algorithm}: {jwks}"));
    key["kid"].as_str().unwrap().to_owned()
}
