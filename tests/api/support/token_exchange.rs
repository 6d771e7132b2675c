//! Token exchange.

use crate::support::api_key::TestKey;
use crate::support::app::{TestApp, TokenRequest};

pub const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

pub const API_KEY: &str = "urn:mintery:token-type:api-key";

impl TestApp {
    /// A request for a token for this key.
    pub fn exchange<'a>(&'a self, key: &str) -> TokenRequest<'a> {
        self.form(&[
            ("grant_type", EXCHANGE),
            ("subject_token", key),
            ("subject_token_type", API_KEY),
        ])
    }

    pub async fn token_for(&self, key: &TestKey) -> String {
        self.exchange(&key.key).send().await.text("access_token")
    }

    pub async fn refuses_subject(&self, key: &str, what: &str) {
        let answer = self.exchange(key).send().await;
        answer.assert_oauth_error(400, "invalid_request", what);
        if key.len() > 20 {
            answer.assert_no_echo(key, what);
        }
    }

    pub async fn is_good(&self, token: &str) -> bool {
        let (me, check) = (self.me(token).await, self.get_with("/auth/check", token).await);
        assert_eq!(me.status, check.status, "{me:?} {check:?}");
        assert!([200, 401].contains(&me.status), "{me:?}");
        me.status == 200
    }
}
