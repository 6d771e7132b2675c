//! The revocation feed, read and verified.

use std::time::Duration;

use mintery::admin::revocation::Revoker;
use mintery::clock::Clock as _;
use mintery::model::client::ClientId;
use mintery::model::event::RevokedToken;
use mintery::store::event;
use mintery_verifier::keys::KeySet;
use reqwest::Method;
use serde_json::{Map, Value, json};
use signature::Verifier as _;

use crate::support::answer::Answer;
use crate::support::app::{ISSUER, TestApp, TestClient};
use crate::support::forge;

pub const FEED: &str = "/oauth/revocations";

impl TestApp {
    /// The response of the feed to a query.
    pub async fn ask_feed(&self, reader: &TestClient, query: &str) -> Answer {
        let request = self.request(Method::GET, &format!("{FEED}?{query}"));
        Answer::of(request.header("authorization", reader.basic())).await
    }

    /// A document of the feed, after the common checks.
    pub async fn feed(&self, reader: &TestClient, query: &str) -> Map<String, Value> {
        let answer = self.ask_feed(reader, query).await;
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
        assert_eq!(answer.header("content-type"), "application/revocations+jwt");
        assert_eq!(answer.header("cache-control"), "no-store");
        answer.assert_request_id(query);
        let document = answer.body;
        let header = forge::part(&document, 0);
        assert_eq!(header["typ"], "revocations+jwt");
        let keys = KeySet::parse(self.get("/.well-known/jwks.json").await.body.as_bytes()).unwrap();
        let (signed, signature) = document.rsplit_once('.').unwrap();
        let key = keys.get(header["kid"].as_str().unwrap()).unwrap();
        key.verify(signed.as_bytes(), &forge::decode(signature)).unwrap();
        let claims = forge::part(&document, 1);
        assert_eq!(
            (&claims["iss"], &claims["aud"]),
            (&json!(ISSUER), &json!(format!("{ISSUER}{FEED}")))
        );
        let now = f64::from(i32::try_from(self.now()).unwrap());
        assert_eq!((claims["iat"].as_f64(), claims["exp"].as_f64()), (Some(now), Some(now + 10.0)));
        claims
    }

    pub async fn head(&self) -> i64 {
        event::head(self.admin.store.database()).await.unwrap().0.get()
    }

    pub async fn revoke_named(&self, jti: &str, client: &TestClient) {
        let token = RevokedToken {
            jti: jti.to_owned(),
            client: ClientId::parse(&client.id).unwrap(),
            expires_at: self.clock.now().plus(Duration::from_mins(1)),
        };
        Revoker::new(self.admin.clone(), 1_000_000).revoke(token).await.unwrap();
    }
}
