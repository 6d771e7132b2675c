//! The adapter for actix-web, end to end.

use std::time::Duration;

use mintery_verifier::Verifier;
use serde_json::json;

use crate::api::{Api, Setup};
use crate::issuer::Issuer;
use crate::key::{API, Key, claims};

const CHALLENGE: &str = "Bearer realm=\"https://api.example.com\"";

struct Stage {
    issuer: Issuer,
    key: Key,
    verifier: Verifier,
}

impl Stage {
    async fn set() -> Self {
        let key = Key::new("a", "ES256");
        let issuer = Issuer::with(&[&key]);
        let verifier = issuer.builder().build().await.unwrap();
        Self { issuer, key, verifier }
    }

    fn token(&self, scope: &str) -> String {
        use mintery_verifier::clock::Clock as _;
        self.key.token(&claims(&self.issuer.url, self.issuer.clock.now().as_secs(), scope))
    }
}

/// 6750-6
#[actix_web::test]
async fn a_valid_token_is_accepted() {
    let stage = Stage::set().await;
    for setup in [Setup::Plain, Setup::Data, Setup::Metadata] {
        let api = Api::spawn(&stage.verifier, setup);
        let token = stage.token("read");
        for path in ["/whoami", "/read", "/nested/inner"] {
            let answer = api.get_with(path, &token).await;
            assert_eq!((answer.status, answer.text()), (200, "mc_tester read"), "{path}");
        }
        assert_eq!(api.get("/whoami", &[&format!("bEaReR {token}")]).await.status, 200);
        assert_eq!(api.get_with("/token", &stage.token("")).await.text(), "open");
        assert_eq!(api.get_with("/both", &stage.token("read write x")).await.status, 200);
        assert_eq!(api.get_with("/any", &stage.token("admin")).await.status, 200);
        assert_eq!(api.get("/open", &[]).await.text(), "open");
    }
    assert_eq!(stage.issuer.hits(), 1);
}

/// 6750-1
#[actix_web::test]
async fn without_a_credential_there_is_a_challenge_and_no_error_code() {
    let stage = Stage::set().await;
    let api = Api::spawn(&stage.verifier, Setup::Plain);
    for path in ["/whoami", "/read", "/token", "/closed", "/nested/inner"] {
        for authorization in [&[][..], &["Basic Og=="], &["DPoP abc"], &["abc"]] {
            let answer = api.get(path, authorization).await;
            answer.assert_refusal(401, "err_unauthorised", CHALLENGE);
            assert_eq!(answer.json()["title"], "Authentication credentials are missing");
        }
    }
}

/// 6750-2, 6750-5
#[actix_web::test]
async fn two_credentials_and_one_in_the_query_are_refused() {
    let stage = Stage::set().await;
    let api = Api::spawn(&stage.verifier, Setup::Plain);
    let token = stage.token("read");
    let bearer = format!("Bearer {token}");
    let challenge = format!("{CHALLENGE}, error=\"invalid_request\"");
    for path in ["/whoami", "/read"] {
        for two in [[bearer.as_str(), &bearer], [&bearer, "Basic Og=="], ["Basic Og==", &bearer]] {
            api.get(path, &two).await.assert_refusal(400, "err_invalid_request", &challenge);
        }
        for query in [format!("access_token={token}"), "a=b&access%5Ftoken=x".to_owned()] {
            let path = format!("{path}?{query}");
            api.get(&path, &[]).await.assert_refusal(400, "err_invalid_request", &challenge);
            api.get(&path, &[&bearer]).await.assert_refusal(400, "err_invalid_request", &challenge);
        }
        assert_eq!(api.get(&format!("{path}?q=access_token"), &[&bearer]).await.status, 200);
    }
}

/// 6750-3
#[actix_web::test]
async fn an_invalid_token_is_rejected() {
    let stage = Stage::set().await;
    let api = Api::spawn(&stage.verifier, Setup::Plain);
    let challenge = format!("{CHALLENGE}, error=\"invalid_token\"");
    let stranger = Key::new("a", "ES256");
    let mut other_api = claims(&stage.issuer.url, 1_800_000_000, "read");
    other_api["aud"] = json!("https://other.example.com");
    let expired = claims(&stage.issuer.url, 1_700_000_000, "read");
    for token in [
        String::new(),
        "MARKER".to_owned(),
        "e30.e30.AA".to_owned(),
        stranger.token(&claims(&stage.issuer.url, 1_800_000_000, "read")),
        stage.key.token(&other_api),
        stage.key.token(&expired),
        stage.key.token(&claims("https://other.example.com", 1_800_000_000, "read")),
        format!("{} {}", stage.token("read"), stage.token("read")),
    ] {
        for path in ["/whoami", "/read", "/closed"] {
            let answer = api.get_with(path, &token).await;
            answer.assert_refusal(401, "err_unauthorised", &challenge);
            assert!(!answer.text().contains("MARKER"));
        }
    }
}

/// 6750-4
#[actix_web::test]
async fn a_missing_scope_is_named() {
    let stage = Stage::set().await;
    let api = Api::spawn(&stage.verifier, Setup::Plain);
    let insufficient = format!("{CHALLENGE}, error=\"insufficient_scope\"");
    for (path, scope, missing) in [
        ("/read", "write", "read"),
        ("/read", "", "read"),
        ("/read", "READ reads rea", "read"),
        ("/both", "read", "write"),
        ("/both", "x", "read write"),
        ("/any", "read", "write"),
    ] {
        let answer = api.get_with(path, &stage.token(scope)).await;
        answer.assert_refusal(
            403,
            "err_no_permission",
            &format!("{insufficient}, scope=\"{missing}\""),
        );
        assert!(answer.json()["detail"].as_str().unwrap().ends_with(missing), "{}", answer.text());
    }
    for path in ["/closed", "/nobody"] {
        let answer = api.get_with(path, &stage.token("read write no")).await;
        answer.assert_refusal(403, "err_no_permission", &insufficient);
    }
}

/// 6750-1, 9728-1
#[actix_web::test]
async fn the_api_says_what_it_is() {
    let stage = Stage::set().await;
    let api = Api::spawn(&stage.verifier, Setup::Metadata);
    let answer = api.get("/.well-known/oauth-protected-resource", &[]).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    let expected = json!({
        "resource": API,
        "authorization_servers": [stage.issuer.url],
        "scopes_supported": ["read", "write"],
        "bearer_methods_supported": ["header"],
    });
    assert_eq!(answer.json(), expected);
    let metadata =
        "resource_metadata=\"https://api.example.com/.well-known/oauth-protected-resource\"";
    for path in ["/whoami", "/read"] {
        let answer = api.get(path, &[]).await;
        answer.assert_refusal(401, "err_unauthorised", &format!("{CHALLENGE}, {metadata}"));
    }
    let other = Api::spawn(&stage.verifier, Setup::Plain);
    assert_eq!(other.get("/.well-known/oauth-protected-resource", &[]).await.status, 404);
}

#[actix_web::test]
async fn while_the_keys_are_out_of_reach_it_cannot_be_told() {
    let key = Key::new("a", "ES256");
    let mut issuer = Issuer::down();
    issuer.publish(&[&key]);
    let verifier = issuer.builder().start().unwrap();
    let api = Api::spawn(&verifier, Setup::Metadata);
    let token = issuer.token(&key);
    for path in ["/whoami", "/read"] {
        let answer = api.get_with(path, &token).await;
        answer.assert_refusal(503, "err_unavailable", "");
        assert_eq!(answer.header("retry-after"), "1");
        assert_eq!(api.get_with(path, "x").await.status, 401);
        assert_eq!(api.get(path, &[]).await.status, 401);
    }
    issuer.come_up();
    let mut answer = api.get_with("/read", &token).await;
    for _ in 0..500 {
        if answer.status == 200 {
            break;
        }
        issuer.clock.let_pass(Duration::from_secs(1));
        actix_web::rt::time::sleep(Duration::from_millis(10)).await;
        answer = api.get_with("/read", &token).await;
    }
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[actix_web::test]
async fn a_forgotten_verifier_opens_nothing() {
    let stage = Stage::set().await;
    let api = Api::spawn(&stage.verifier, Setup::Forgotten);
    for path in ["/whoami", "/read", "/token"] {
        let answer = api.get_with(path, &stage.token("read")).await;
        answer.assert_refusal(500, "err_internal", "");
        assert!(answer.text().contains("app_data"), "{}", answer.text());
    }
    assert_eq!(api.get("/open", &[]).await.status, 200);
}

/// 9068-4: within an API there may be another one, for which a token for the outer one is not good.
#[actix_web::test]
async fn one_verifiers_verdict_is_not_anothers() {
    let stage = Stage::set().await;
    let inner = Verifier::builder(&stage.issuer.url).audience("https://inner.example.com");
    let inner = inner.clock(stage.issuer.clock.clone()).build().await.unwrap();
    let api = Api::spawn_nested(&stage.verifier, &inner, Setup::Plain);
    let token = stage.token("read");
    assert_eq!(api.get_with("/read", &token).await.status, 200);
    assert_eq!(api.get_with("/nested/inner", &token).await.status, 401);
    let mut both = claims(&stage.issuer.url, 1_800_000_000, "read");
    both["aud"] = json!([API, "https://inner.example.com"]);
    assert_eq!(api.get_with("/nested/inner", &stage.key.token(&both)).await.status, 200);
}
