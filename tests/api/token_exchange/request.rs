//! The request: parameters, subject tokens, limits.

use std::time::Duration;

use mintery::admin::api_key::{self, NewApiKey};
use mintery::model::address::AddressRanges;
use mintery::model::api_key::{Environment, KeyFormat};
use mintery::model::patch::Patch;
use mintery::random::SystemRandom;
use reqwest::Method;

use super::{ACCESS_TOKEN, ORDERS};
use crate::support::answer::Answer;
use crate::support::api_key::owned_by;
use crate::support::app::{TestApp, TokenRequest, basic};
use crate::support::token_exchange::{API_KEY, EXCHANGE};

/// 8693-1: every invalid subject token gets the same response, which repeats nothing of it.
#[actix_web::test]
async fn a_bad_subject_token_is_refused() {
    const HASHES: &str = "mintery_hashes_total";
    const REFUSED: &str =
        "mintery_token_refusals_total{error=\"invalid_request\",reason=\"subject_token\"}";
    let app = TestApp::spawn().await;
    let owner = app.client("read").await;
    let key = app.key(owned_by(&owner)).await;
    let token = app.token_for(&key).await;
    let (hashes, refused) = (app.metric(HASHES).await, app.metric(REFUSED).await);

    let unknown = KeyFormat::default().generate(Environment::Live, &SystemRandom);
    let mistyped = format!("{}{}", &key.key[..57], if key.key.ends_with('0') { '1' } else { '0' });
    let of_client = app.access_token(&owner).await;
    let long = "x".repeat(10 * 1024);
    let wrong = [
        unknown.expose(),
        &mistyped,
        &key.key[..57],
        &format!("{}0", key.key),
        &format!(" {}", key.key),
        &key.key.replace("live", "test"),
        &key.key.to_uppercase(),
        &token,
        &of_client,
        &owner.secret,
        &long,
        "mtk_live_",
        "é",
    ];
    for wrong in wrong {
        app.refuses_subject(wrong, wrong).await;
    }
    let first = app.exchange(unknown.expose()).send().await.fingerprint();
    assert_eq!(first, app.exchange(&mistyped).send().await.fingerprint());

    // Disabled, enabled; expired; restricted to addresses, even from one of them; of a disabled
    // owner; revoked.
    api_key::set_enabled(&app.admin, &key.id(), false).await.unwrap();
    app.caught_up().await;
    app.refuses_subject(&key.key, "disabled").await;
    api_key::set_enabled(&app.admin, &key.id(), true).await.unwrap();
    app.caught_up().await;
    assert!(app.is_good(&app.token_for(&key).await).await, "enabled again");
    app.disable(&owner).await;
    app.caught_up().await;
    app.refuses_subject(&key.key, "of a disabled owner").await;
    app.enable(&owner).await;
    app.caught_up().await;
    assert!(app.is_good(&app.token_for(&key).await).await, "the owner is enabled again");
    let life = Patch::Set(Duration::from_mins(1));
    let short = app.key(NewApiKey { expires_in: life, ..owned_by(&owner) }).await;
    app.clock.advance(Duration::from_mins(1));
    app.refuses_subject(&short.key, "expired").await;
    let allowed = AddressRanges::parse("127.0.0.0/8").unwrap();
    let bound = app.key(NewApiKey { allowed, ..owned_by(&owner) }).await;
    assert_eq!(app.me(&bound.key).await.status, 200);
    app.refuses_subject(&bound.key, "bound to addresses").await;
    api_key::revoke(&app.admin, &key.id()).await.unwrap();
    app.caught_up().await;
    app.refuses_subject(&key.key, "revoked").await;
    app.delete(&owner).await;
    app.caught_up().await;
    app.refuses_subject(&bound.key, "of a deleted owner").await;

    assert!((app.metric(HASHES).await - hashes).abs() < 0.5, "no hash is spent on keys");
    let counted = app.metric(REFUSED).await - refused;
    assert!((counted - 21.0).abs() < 0.5, "{counted}");
}

/// 8693-1, 6749-2, 6749-3, 6749-4: one credential, each parameter once, nothing in the URI, nothing
/// unsupported.
#[actix_web::test]
async fn a_request_is_read_strictly() {
    let app = TestApp::spawn().await;
    let owner = app.client("read").await;
    let key = app.key(owned_by(&owner)).await;
    let good = app.exchange(&key.key).send().await;
    assert_eq!(good.status, 200, "{good:?}");
    let refused = async |request: TokenRequest<'_>, what: &str| {
        let answer = request.send().await;
        answer.assert_oauth_error(400, "invalid_request", what);
        answer.assert_no_echo(&key.key, what);
    };
    let exchange = || app.exchange(&key.key);
    for missing in ["subject_token", "subject_token_type"] {
        refused(exchange().without(missing), missing).await;
        refused(exchange().without(missing).field(missing, ""), missing).await;
    }
    for (name, value) in [
        ("subject_token", key.key.as_str()),
        ("subject_token", "x"),
        ("subject_token_type", API_KEY),
        ("grant_type", EXCHANGE),
        ("actor_token", "x"),
        ("actor_token_type", ACCESS_TOKEN),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:id_token"),
        ("requested_token_type", "access_token"),
        ("client_secret", owner.secret.as_str()),
        ("client_assertion", "x"),
        ("client_id", owner.id.as_str()),
        ("client_id", "ak_0000000000000000000000"),
    ] {
        refused(exchange().field(name, value), name).await;
    }
    for kind in [ACCESS_TOKEN, "urn:ietf:params:oauth:token-type:jwt", "", "API_KEY"] {
        refused(exchange().without("subject_token_type").field("subject_token_type", kind), kind)
            .await;
    }
    // The token type and the key may be named.
    for kind in [ACCESS_TOKEN, "urn:ietf:params:oauth:token-type:jwt"] {
        let answer =
            exchange().field("requested_token_type", kind).field("client_id", &key.id).send().await;
        assert_eq!((answer.status, answer.text("issued_token_type").as_str()), (200, ACCESS_TOKEN));
    }

    let form =
        [("grant_type", EXCHANGE), ("subject_token", &key.key), ("subject_token_type", API_KEY)];
    let form = serde_urlencoded(&form);
    let content_type = ("content-type", "application/x-www-form-urlencoded");
    for credential in [
        owner.basic(),
        basic("a:b"),
        format!("Bearer {}", key.key),
        format!("Bearer {}", app.access_token(&owner).await),
        "nonsense".to_owned(),
    ] {
        let answer =
            app.post_token(&[content_type, ("authorization", &credential)], form.clone()).await;
        answer.assert_oauth_error(400, "invalid_request", &credential);
    }
    for query in [form.clone(), format!("subject_token={}", key.key), "actor_token=x".to_owned()] {
        let request = app
            .request(Method::POST, &format!("/oauth/token?{query}"))
            .header(content_type.0, content_type.1);
        let answer = Answer::of(request.body(form.clone())).await;
        answer.assert_oauth_error(400, "invalid_request", "in the query");
        answer.assert_no_echo(&key.key, "in the query");
    }
    let answer = app.request(Method::GET, &format!("/oauth/token?{form}")).send().await.unwrap();
    assert_eq!(answer.status(), 405);
    // A client is not registered for it, whatever it sends.
    let answer = app.token(&owner).without("grant_type").field("grant_type", EXCHANGE).send().await;
    answer.assert_oauth_error(400, "invalid_request", "a client");
}

fn serde_urlencoded(fields: &[(&str, &str)]) -> String {
    reqwest::Url::parse_with_params("http://x", fields).unwrap().query().unwrap().to_owned()
}

/// The limits of the key and of its owner both hold, and uses are counted for both.
#[actix_web::test]
async fn exchanges_are_limited_and_counted() {
    let app = TestApp::spawn().await;
    let owner = app.client("read").await;
    let key = app.key(NewApiKey { max_per_minute: Some(2), ..owned_by(&owner) }).await;
    app.caught_up().await;
    for _ in 0..2 {
        assert_eq!(app.exchange(&key.key).send().await.status, 200);
    }
    let over = app.exchange(&key.key).send().await;
    over.assert_oauth_error(429, "temporarily_unavailable", "over the limit of the key");
    assert_eq!(over.header("retry-after"), "31");
    app.exchange(&key.key).scope("write").send().await.assert_oauth_error(
        400,
        "invalid_scope",
        "beyond",
    );
    app.exchange(&key.key).resource(ORDERS).send().await.assert_oauth_error(
        400,
        "invalid_target",
        "other",
    );
    app.flush_usage().await;
    let of_key = async |outcome: &str| {
        let query = format!(
            "SELECT CAST(COALESCE(SUM(times), 0) AS BIGINT) FROM api_key_usage WHERE key_id = '{}' AND outcome = '{outcome}'",
            key.id
        );
        app.database.number(&query).await
    };
    for (outcome, times) in
        [("used", 2), ("over_limit", 1), ("missing_scope", 1), ("other_resource", 1)]
    {
        assert_eq!(of_key(outcome).await, times, "{outcome}");
    }
    let of_owner = async |outcome: &str| {
        let query = format!(
            "SELECT CAST(COALESCE(SUM(times), 0) AS BIGINT) FROM client_usage WHERE client_id = '{}' AND outcome = '{outcome}'",
            owner.id
        );
        app.database.number(&query).await
    };
    for (outcome, times) in [("token", 2), ("invalid_scope", 1), ("invalid_target", 1)] {
        assert_eq!(of_owner(outcome).await, times, "{outcome}");
    }

    let mut new = crate::support::app::new_client("read");
    new.terms.max_tokens_per_hour = Some(1);
    let owner = app.create(new).await;
    let key = app.key(owned_by(&owner)).await;
    assert_eq!(app.exchange(&key.key).send().await.status, 200);
    let over = app.exchange(&key.key).send().await;
    over.assert_oauth_error(429, "temporarily_unavailable", "over the limit of the owner");
    app.token(&owner).send().await.assert_oauth_error(
        429,
        "temporarily_unavailable",
        "they share it",
    );
}

/// SEC-3: an unknown key costs one query, a malformed or cached one none.
#[actix_web::test]
async fn wrong_keys_cost_little() {
    const LOOKUPS: &str = "mintery_store_queries_total{purpose=\"lookup\"}";
    let app = TestApp::spawn().await;
    let owner = app.client("read").await;
    let key = app.key(owned_by(&owner)).await;
    app.caught_up().await;
    app.token_for(&key).await;
    let before = app.metric(LOOKUPS).await;
    let unknown = KeyFormat::default().generate(Environment::Live, &SystemRandom);
    for _ in 0..5 {
        app.token_for(&key).await;
        app.refuses_subject(unknown.expose(), "unknown").await;
        app.refuses_subject(&key.key[..57], "malformed").await;
    }
    let cost = app.metric(LOOKUPS).await - before;
    assert!((cost - 1.0).abs() < 0.5, "{cost}");
}
