//! `POST /oauth/introspect`: who may ask, what is answered, in plain JSON and signed.

use std::sync::Arc;
use std::time::Duration;

use mintery::admin::api::{self, ApiTerms};
use mintery::admin::client;
use mintery::admin::signing_key;
use mintery::keys::pair::KeyPair;
use mintery::model::api::ApiScopes;
use mintery::model::client::{ClientId, ClientUpdate};
use mintery::model::name::DisplayName;
use mintery::model::patch::Patch;
use mintery::model::resource::ResourceUri;
use mintery::model::scope::ScopeSet;
use mintery::model::signing_key::SigningAlgorithm;
use mintery::store::event;
use mintery_verifier::Verifier;
use mintery_verifier::keys::KeySet;
use reqwest::Method;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::api_keys::owned_by;
use crate::app::{ISSUER, TestApp, TestClient, new_client};
use crate::database::START;
use crate::forge::{self, Forgery, part};

const PATH: &str = "/oauth/introspect";
const ORDERS: &str = "https://orders.example.com";
const STOCK: &str = "urn:example:stock";
const JWT: &str = "application/token-introspection+jwt";
const INACTIVE: &str = r#"{"active":false}"#;

impl TestApp {
    /// What `client` is told of `token`.
    pub async fn introspect(&self, client: &TestClient, token: &str) -> Answer {
        self.introspect_form(client, &[("token", token)]).await
    }

    async fn introspect_form(&self, client: &TestClient, fields: &[(&str, &str)]) -> Answer {
        let request = self.request(Method::POST, PATH).header("authorization", client.basic());
        Answer::of(request.form(fields)).await
    }

    async fn introspect_signed(&self, client: &TestClient, token: &str) -> Answer {
        let request = self.request(Method::POST, PATH).header("authorization", client.basic());
        Answer::of(request.header("accept", JWT).form(&[("token", token)])).await
    }

    pub async fn api(&self, resource: &str) {
        Box::pin(api::create(&self.admin, uri(resource), api_terms())).await.unwrap();
    }

    pub async fn update(&self, client: &TestClient, update: ClientUpdate) {
        Box::pin(client::update(&self.admin, &ClientId::parse(&client.id).unwrap(), update))
            .await
            .unwrap();
        self.caught_up().await;
    }

    /// A client that may ask tokens for these APIs.
    pub async fn client_of(&self, resources: &[&str]) -> TestClient {
        let mut new = new_client("read write");
        new.terms.resources = resources.iter().map(|resource| uri(resource)).collect();
        self.create(new).await
    }

    /// A client that gets no tokens and stands for these APIs.
    async fn standing_for(&self, resources: &[&str]) -> TestClient {
        let mut new = new_client("");
        new.terms.grants = Vec::new();
        new.terms.stands_for = resources.iter().map(|resource| uri(resource)).collect();
        self.create(new).await
    }
}

fn api_terms() -> ApiTerms {
    ApiTerms {
        name: DisplayName::parse("an API").unwrap(),
        scopes: ApiScopes::plain(&ScopeSet::parse("read write").unwrap()).unwrap(),
        token_alg: None,
        token_ttl: None,
    }
}

fn uri(resource: &str) -> ResourceUri {
    ResourceUri::parse(resource).unwrap()
}

#[track_caller]
fn assert_active(answer: &Answer, what: &str) -> Value {
    assert_eq!(answer.status, 200, "{what}: {answer:?}");
    let json = answer.json();
    assert_eq!(json["active"], true, "{what}: {answer:?}");
    json
}

#[track_caller]
fn assert_inactive(answer: &Answer, what: &str) {
    assert_eq!((answer.status, answer.body.as_str()), (200, INACTIVE), "{what}: {answer:?}");
}

/// 7662-1
#[actix_web::test]
async fn a_client_is_told_of_its_own_tokens() {
    let app = TestApp::spawn().await;
    let client = app.client("read write").await;
    let token = app.access_token(&client).await;
    let answer = app.introspect(&client, &token).await;
    let expected = json!({
        "active": true,
        "scope": "read write",
        "client_id": client.id,
        "sub": client.id,
        "aud": ISSUER,
        "iss": ISSUER,
        "exp": app.now() + 3600,
        "iat": app.now(),
        "nbf": app.now(),
        "jti": part(&token, 1)["jti"],
        "token_type": "Bearer",
    });
    assert_eq!(assert_active(&answer, "its own"), expected);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    answer.assert_request_id("an introspection");

    // By the form, with any hint, and with what other servers would understand.
    for hint in ["access_token", "refresh_token", "nonsense", ""] {
        let fields = [
            ("client_id", client.id.as_str()),
            ("client_secret", &client.secret),
            ("token", &token),
            ("token_type_hint", hint),
            ("unknown", "x"),
        ];
        let request = app.request(Method::POST, PATH).form(&fields);
        assert_eq!(assert_active(&Answer::of(request).await, hint), expected);
    }
    let other = app.client("read write").await;
    assert_inactive(&app.introspect(&other, &token).await, "somebody else's");
}

/// 7662-2: an API key is no token. Whether it is good depends on from where it came, which is asked
/// about elsewhere.
#[actix_web::test]
async fn an_api_key_is_no_active_token() {
    let app = TestApp::spawn().await;
    let client = app.client("read mintery:introspect").await;
    let key = app.key(owned_by(&client)).await;
    assert_inactive(&app.introspect(&client, &key.key).await, "its own key");
}

/// 7662-1
#[actix_web::test]
async fn a_client_is_told_of_tokens_for_the_apis_that_it_stands_for() {
    let app = TestApp::spawn().await;
    app.api(ORDERS).await;
    app.api(STOCK).await;
    let client = app.client_of(&[ORDERS, STOCK]).await;
    let (orders, stock) =
        (app.standing_for(&[ORDERS]).await, app.standing_for(&[STOCK, ORDERS]).await);
    app.caught_up().await;
    let token_for = async |resources: &[&str]| {
        let asking = resources.iter().fold(app.token(&client), |asking, one| asking.resource(one));
        asking.scope("read").send().await.text("access_token")
    };
    let (for_orders, for_stock) = (token_for(&[ORDERS]).await, token_for(&[STOCK]).await);
    let (for_both, for_issuer) = (token_for(&[ORDERS, STOCK]).await, token_for(&[ISSUER]).await);
    let seen = assert_active(&app.introspect(&orders, &for_orders).await, "orders");
    assert_eq!((&seen["aud"], &seen["client_id"]), (&json!(ORDERS), &json!(client.id)));
    let seen = assert_active(&app.introspect(&orders, &for_both).await, "orders among others");
    assert_eq!(seen["aud"], json!([ORDERS, STOCK]));
    for token in [&for_orders, &for_stock, &for_both] {
        assert_active(&app.introspect(&stock, token).await, "both");
        assert_active(&app.introspect(&client, token).await, "its own");
    }
    assert_inactive(&app.introspect(&orders, &for_stock).await, "another API");
    for stranger in [&orders, &stock] {
        assert_inactive(&app.introspect(stranger, &for_issuer).await, "the issuer's");
    }

    // From the next event on it stands for another one.
    let update = ClientUpdate { stands_for: Some(vec![uri(STOCK)]), ..ClientUpdate::default() };
    app.update(&orders, update).await;
    assert_inactive(&app.introspect(&orders, &for_orders).await, "no more");
    assert_active(&app.introspect(&orders, &for_stock).await, "from now on");
}

/// 7662-1: who may know of the issuer's tokens holds a scope for that. An API of its name changes
/// nothing.
#[actix_web::test]
async fn nobody_stands_for_the_issuer() {
    let app = TestApp::spawn().await;
    app.api(ISSUER).await;
    let impostor = app.standing_for(&[ISSUER]).await;
    let client = app.client("read").await;
    app.caught_up().await;
    let token = app.access_token(&client).await;
    assert_inactive(&app.introspect(&impostor, &token).await, "the issuer");
}

/// 7662-1
#[actix_web::test]
async fn a_scope_lets_a_client_introspect_all() {
    let app = TestApp::spawn().await;
    app.api(ORDERS).await;
    let client = app.client_of(&[ORDERS]).await;
    let auditor = app.client("mintery:introspect").await;
    let almost = app.client("mintery:introspection introspect").await;
    app.caught_up().await;
    let tokens = [
        app.token(&client).send().await.text("access_token"),
        app.token(&client).resource(ISSUER).send().await.text("access_token"),
    ];
    for token in &tokens {
        assert_active(&app.introspect(&auditor, token).await, "all");
        assert_inactive(&app.introspect(&almost, token).await, "another scope");
    }
    let update = ClientUpdate { scopes: Some(ScopeSet::default()), ..ClientUpdate::default() };
    app.update(&auditor, update).await;
    assert_inactive(&app.introspect(&auditor, &tokens[0]).await, "the scope was taken away");
}

/// 7662-2, 7662-3: whatever is wrong, the answers are one another's doubles.
#[actix_web::test]
async fn inactive_is_one_answer() {
    let app = TestApp::spawn().await;
    let auditor = app.client("mintery:introspect").await;
    let client = app.client("read").await;
    let (disabled, deleted) = (app.client("read").await, app.client("read").await);
    let remade = app.client_with_id("remade", "read").await;
    app.caught_up().await;
    let token = app.access_token(&client).await;
    let real = Forgery::of(&token);
    assert_active(&app.introspect(&auditor, &token).await, "the control");
    let mut tokens = vec![
        ("garbage", "garbage".to_owned()),
        ("no ASCII", "é".to_owned()),
        ("a secret", client.secret.clone()),
        ("dots", "a.b.c".to_owned()),
        ("a long one", "a".repeat(20_000)),
        ("two", format!("{token} {token}")),
        ("another issuer", real.clone().claim("iss", "https://other.example.com").sign()),
        ("expired", real.clone().claim("exp", app.now()).sign()),
        ("not yet", real.clone().claim("nbf", app.now() + 11).sign()),
        ("another type", real.clone().header("typ", "JWT").sign()),
        ("another subject", real.clone().claim("sub", "somebody").sign()),
        (
            "a client of nobody",
            real.clone().claim("sub", "nobody").claim("client_id", "nobody").sign(),
        ),
        ("no event", real.clone().claim("jti", "x").sign()),
        (
            "another signature",
            format!(
                "{}{}",
                &token[..token.len() - 1],
                if token.ends_with('A') { 'Q' } else { 'A' }
            ),
        ),
    ];
    for (what, client) in [("disabled", &disabled), ("deleted", &deleted), ("remade", &remade)] {
        let token = app.access_token(client).await;
        assert_active(&app.introspect(&auditor, &token).await, what);
        tokens.push((what, token));
    }
    app.disable(&disabled).await;
    app.delete(&deleted).await;
    app.delete(&remade).await;
    app.client_with_id("remade", "read").await;
    app.caught_up().await;
    let first = app.introspect(&auditor, "garbage").await;
    assert_eq!(first.body, INACTIVE);
    for (what, token) in &tokens {
        for who in [&auditor, &client] {
            let answer = app.introspect(who, token).await;
            assert_eq!(answer.fingerprint(), first.fingerprint(), "{what}");
        }
    }
    // Good again is the client, and nothing that was issued before.
    app.enable(&disabled).await;
    app.caught_up().await;
    let of_disabled = &tokens.iter().find(|(what, _)| *what == "disabled").unwrap().1;
    assert_inactive(&app.introspect(&auditor, of_disabled).await, "enabled again");
    let new = app.access_token(&disabled).await;
    assert_active(&app.introspect(&auditor, &new).await, "issued since");

    // A key that is taken back, and time.
    let kid = part(&token, 0)["kid"].as_str().unwrap().to_owned();
    Box::pin(signing_key::retire(&app.admin, &kid, SigningAlgorithm::Es256)).await.unwrap();
    app.caught_up().await;
    assert_inactive(&app.introspect(&auditor, &token).await, "the key was taken back");
    let token = app.access_token(&client).await;
    app.clock.advance(Duration::from_millis(3_599_999));
    assert_active(&app.introspect(&client, &token).await, "the last moment");
    app.clock.advance(Duration::from_millis(1));
    assert_inactive(&app.introspect(&client, &token).await, "the moment of exp");
}

/// 7662-3: what a token allows is what its client may now.
#[actix_web::test]
async fn a_scope_that_was_taken_away_is_not_told() {
    let app = TestApp::spawn().await;
    let client = app.client("read write").await;
    app.caught_up().await;
    let token = app.access_token(&client).await;
    let set = async |scopes: &str| {
        let update = ClientUpdate {
            scopes: Some(ScopeSet::parse(scopes).unwrap()),
            ..ClientUpdate::default()
        };
        app.update(&client, update).await;
    };
    set("write other").await;
    assert_eq!(assert_active(&app.introspect(&client, &token).await, "write")["scope"], "write");
    set("other").await;
    assert_eq!(assert_active(&app.introspect(&client, &token).await, "none").get("scope"), None);
}

/// 7662-4: no event, no count, no row; that the secret was used is noted as anywhere, in memory,
/// and told to the store with the counts.
#[actix_web::test]
async fn an_introspection_writes_nothing() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let watcher = app.client("mintery:introspect").await;
    app.caught_up().await;
    let token = app.access_token(&client).await;
    assert_active(&app.introspect(&watcher, &token).await, "remembered from now on");
    app.flush_usage().await;

    let database = app.admin.store.database();
    let used = async || {
        let id = ClientId::parse(&watcher.id).unwrap();
        let (_, secrets) = client::show(&app.admin, &id).await.unwrap();
        secrets[0].last_use.map(|last| (last.at.as_secs(), last.from))
    };
    let purposes = ["lookup", "change", "usage", "tidy"];
    let queries = async || {
        let mut queries = Vec::new();
        for purpose in purposes {
            queries.push(
                app.metric(&format!("mintery_store_queries_total{{purpose=\"{purpose}\"}}")).await,
            );
        }
        queries
    };
    let begun = std::time::Instant::now();
    while used().await.is_none() {
        assert!(begun.elapsed() < Duration::from_secs(2), "the last use is told");
    }
    assert_eq!(used().await, Some((START.as_secs(), Some("127.0.0.1".parse().unwrap()))));
    let (before, head) = (queries().await, event::head(database).await.unwrap());
    for _ in 0..20 {
        assert_active(&app.introspect(&watcher, &token).await, "active");
        assert_inactive(&app.introspect(&watcher, "garbage").await, "inactive");
        assert_eq!(app.introspect_signed(&watcher, &token).await.status, 200);
    }
    assert_eq!(queries().await, before, "{purposes:?}");
    assert_eq!(event::head(database).await.unwrap(), head);

    // Neither a token nor a refusal is counted for whoever asks.
    app.flush_usage().await;
    let caller = crate::administration::Caller::with(&app, "mintery:usage:read").await;
    let usage = caller.get(&format!("/api/v1/usage?client_id={}", watcher.id)).await.json();
    assert_eq!(usage["items"], json!([]), "{usage}");
    let begun = std::time::Instant::now();
    while used().await.is_none_or(|(at, _)| at == START.as_secs()) {
        assert!(begun.elapsed() < Duration::from_secs(2), "the last use is told again");
    }
}

/// 7662-1
#[actix_web::test]
async fn a_request_is_refused_as_at_the_token_endpoint() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let token = app.access_token(&client).await;
    let wrong = TestClient { secret: "mts_wrong".to_owned(), ..client.clone() };
    let unknown = TestClient { id: "mc_0000000000000000000000".to_owned(), ..client.clone() };
    let disabled = app.client("read").await;
    app.disable(&disabled).await;
    app.caught_up().await;
    for stranger in [&wrong, &unknown, &disabled] {
        let answer = app.introspect(stranger, &token).await;
        answer.assert_oauth_error(401, "invalid_client", &stranger.id);
    }
    let by = async |headers: &[(&str, &str)], query: &str, body: String| {
        let mut request = app.request(Method::POST, &format!("{PATH}{query}")).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request).await
    };
    let form = ("content-type", "application/x-www-form-urlencoded");
    let basic = client.basic();
    let (own, bearer) = (("authorization", basic.as_str()), format!("Bearer {token}"));
    let with_token = || format!("token={token}");
    let refused = async |what: &str, status, code, answer: Answer| {
        answer.assert_oauth_error(status, code, what);
        answer.assert_no_echo(&token, what);
    };
    let invalid = async |what: &str, answer| refused(what, 400, "invalid_request", answer).await;
    refused("nobody", 401, "invalid_client", by(&[form], "", with_token()).await).await;
    let by_token = by(&[form, ("authorization", &bearer)], "", with_token()).await;
    refused("a token", 401, "invalid_client", by_token).await;
    invalid("no token", by(&[form, own], "", String::new()).await).await;
    invalid("a hint alone", by(&[form, own], "", "token_type_hint=access_token".to_owned()).await)
        .await;
    invalid("an empty token", by(&[form, own], "", "token=".to_owned()).await).await;
    invalid("two tokens", by(&[form, own], "", format!("token={token}&token={token}")).await).await;
    invalid("a token in the URI", by(&[form, own], &format!("?token={token}"), with_token()).await)
        .await;
    invalid("a secret in the URI", by(&[form, own], "?client_secret=x", with_token()).await).await;
    invalid("two ways", by(&[form, own], "", format!("token={token}&client_secret=x")).await).await;
    invalid("two headers", by(&[form, own, own], "", with_token()).await).await;
    invalid(
        "another type",
        by(&[("content-type", "application/json"), own], "", with_token()).await,
    )
    .await;
    invalid("no type", by(&[own], "", with_token()).await).await;
    invalid("a bad escape", by(&[form, own], "", "token=%zz".to_owned()).await).await;
    let large = by(&[form, own], "", format!("token={}", "x".repeat(70_000))).await;
    refused("a large body", 413, "invalid_request", large).await;
    assert_active(&by(&[form, own], "?unknown=1", with_token()).await, "the control");
    for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = app.request(method.clone(), PATH).header("authorization", client.basic());
        let answer = Answer::of(request).await;
        assert_eq!((answer.status, answer.header("allow")), (405, "POST"), "{method}");
    }
}

/// A client needs no grant to introspect, and its limit on tokens is none on this.
#[actix_web::test]
async fn a_client_without_grants_introspects() {
    let app = TestApp::spawn().await;
    let mut new = new_client("read");
    new.terms.max_tokens_per_hour = Some(1);
    let client = app.create(new).await;
    let token = app.access_token(&client).await;
    app.token(&client).send().await.assert_oauth_error(429, "temporarily_unavailable", "the limit");
    let update = ClientUpdate { grants: Some(Vec::new()), ..ClientUpdate::default() };
    app.update(&client, update).await;
    app.token(&client).send().await.assert_oauth_error(400, "unauthorized_client", "no grant");
    assert_active(&app.introspect(&client, &token).await, "no grant");
}

/// 9701-1
#[actix_web::test]
async fn a_signed_answer_is_for_whoever_asked() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let token = app.access_token(&client).await;
    let plain = app.introspect(&client, &token).await;
    let signed = app.introspect_signed(&client, &token).await;
    assert_eq!((signed.status, signed.header("content-type")), (200, JWT), "{signed:?}");
    assert_eq!((signed.header("cache-control"), signed.header("pragma")), ("no-store", "no-cache"));
    signed.assert_request_id("a signed answer");
    let header = part(&signed.body, 0);
    assert_eq!(
        (&header["typ"], &header["alg"]),
        (&json!("token-introspection+jwt"), &json!("RS256"))
    );
    assert_eq!(header.len(), 3, "{header:?}");
    let expected = |introspection: Value| json!({ "iss": ISSUER, "aud": client.id, "iat": app.now(), "token_introspection": introspection });
    assert_eq!(Value::Object(part(&signed.body, 1)), expected(plain.json()));
    // Verified with the published key.
    let (message, signature) = signed.body.rsplit_once('.').unwrap();
    let kid = header["kid"].as_str().unwrap();
    let jwks = app.get("/.well-known/jwks.json").await.json();
    assert!(jwks["keys"].as_array().unwrap().iter().any(|key| key["kid"] == kid), "{jwks}");
    // RSASSA-PKCS1-v1_5 has one signature for one message.
    assert_eq!(forge::decode(signature), forge::signature(kid, message.as_bytes()));

    let inactive = app.introspect_signed(&client, "garbage").await;
    assert_eq!((inactive.status, inactive.header("content-type")), (200, JWT));
    assert_eq!(Value::Object(part(&inactive.body, 1)), expected(json!({ "active": false })));
    let other = app.client("read").await;
    let of_other = app.introspect_signed(&other, &token).await;
    assert_eq!(part(&of_other.body, 1)["aud"], *other.id);
    assert_eq!(part(&of_other.body, 1)["token_introspection"], json!({ "active": false }));
    // Errors stay what they are.
    let wrong = TestClient { secret: "mts_wrong".to_owned(), ..client.clone() };
    let answer = app.introspect_signed(&wrong, &token).await;
    answer.assert_oauth_error(401, "invalid_client", "wrong");
}

/// 9701-1: a signed answer about a token is none.
#[actix_web::test]
async fn a_signed_answer_opens_nothing() {
    let app = TestApp::spawn().await;
    let client = app.client("mintery:introspect").await;
    let token = app.access_token(&client).await;
    let signed = app.introspect_signed(&client, &token).await.body;
    app.me(&signed).await.assert_invalid_token("a signed answer");
    assert_inactive(&app.introspect(&client, &signed).await, "a signed answer");
    let keys = KeySet::parse(app.get("/.well-known/jwks.json").await.body.as_bytes()).unwrap();
    let library = Verifier::with_keys(ISSUER, keys, Arc::clone(&app.clock) as _);
    assert!(library.check(&signed, &client.id).is_err());
    assert!(library.check(&token, ISSUER).is_ok());
}

/// 9701-1: signed with what the client registered. That makes sure that there is such a key.
#[actix_web::test]
async fn a_client_chooses_what_its_answers_are_signed_with() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    app.caught_up().await;
    let token = app.access_token(&client).await;
    let choose = async |algorithm| {
        app.update(
            &client,
            ClientUpdate { introspection_alg: algorithm, ..ClientUpdate::default() },
        )
        .await;
        let signed = app.introspect_signed(&client, &token).await;
        assert_eq!(signed.header("content-type"), JWT, "{signed:?}");
        let kid = part(&signed.body, 0)["kid"].as_str().unwrap().to_owned();
        let jwks = app.get("/.well-known/jwks.json").await.json();
        assert!(jwks["keys"].as_array().unwrap().iter().any(|key| key["kid"] == *kid), "{jwks}");
        assert_eq!(
            part(&app.access_token(&client).await, 0)["alg"],
            "ES256",
            "tokens are as before"
        );
        (part(&signed.body, 0)["alg"].as_str().unwrap().to_owned(), kid)
    };
    for algorithm in [
        SigningAlgorithm::EdDsa,
        SigningAlgorithm::Es384,
        SigningAlgorithm::Ps256,
        SigningAlgorithm::Es256,
    ] {
        let (alg, kid) = choose(Patch::Set(algorithm)).await;
        assert_eq!(alg, algorithm.name());
        assert!(KeyPair::parse(algorithm, &forge::private(&kid)).is_ok());
    }
    assert_eq!(choose(Patch::Clear).await.0, "RS256");
    let metadata = app.get("/.well-known/oauth-authorization-server").await.json();
    let values = metadata["introspection_signing_alg_values_supported"].as_array().unwrap();
    assert_eq!((values.len(), &values[0]), (5, &json!("RS256")), "{values:?}");
}

/// What cannot be told is 503: neither active nor inactive.
#[actix_web::test]
async fn an_introspection_never_guesses() {
    let app = TestApp::spawn().await;
    let watcher = app.client("mintery:introspect").await;
    let (known, forgotten) = (app.client("read").await, app.client("read").await);
    app.caught_up().await;
    let token = app.access_token(&known).await;
    let claim = |name| Forgery::of(&token).claim("sub", name).claim("client_id", name);
    let of_forgotten = claim(forgotten.id.as_str()).sign();
    assert_active(&app.introspect(&watcher, &token).await, "the store is there");
    app.database.execute(&["ALTER TABLE clients RENAME TO clients_away"]).await;
    assert_active(&app.introspect(&watcher, &token).await, "remembered");
    let answer = app.introspect(&watcher, &of_forgotten).await;
    answer.assert_oauth_error(503, "temporarily_unavailable", "not remembered");
    assert!(answer.header("retry-after").parse::<u32>().is_ok(), "{answer:?}");
    app.database.execute(&["ALTER TABLE clients_away RENAME TO clients"]).await;
    assert_active(&app.introspect(&watcher, &of_forgotten).await, "there again");
}

/// SEC-3: what is asked is counted in series that are there from the start.
#[actix_web::test]
async fn introspections_are_counted() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let token = app.access_token(&client).await;
    let wrong = TestClient { secret: "mts_wrong".to_owned(), ..client.clone() };
    let series = async || {
        let mut values = Vec::new();
        for name in [
            "mintery_introspections_total{active=\"true\"}",
            "mintery_introspections_total{active=\"false\"}",
            "mintery_introspection_refusals_total{error=\"invalid_client\",reason=\"wrong_secret\"}",
            "mintery_introspection_refusals_total{error=\"invalid_request\",reason=\"malformed\"}",
            "mintery_token_refusals_total{error=\"invalid_client\",reason=\"wrong_secret\"}",
            "mintery_tokens_issued_total",
        ] {
            values.push(app.metric(name).await);
        }
        values
    };
    let before = series().await;
    app.introspect(&client, &token).await;
    app.introspect_signed(&client, &token).await;
    app.introspect(&client, "garbage").await;
    app.introspect(&wrong, &token).await;
    app.introspect_form(&client, &[]).await;
    let grown: Vec<f64> =
        series().await.iter().zip(&before).map(|(now, before)| now - before).collect();
    assert_eq!(grown, [2.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
}

#[actix_web::test]
async fn an_issuer_with_a_path_has_the_endpoint_below_it() {
    let app = TestApp::with(&[("issuer", "https://example.com/tenant")]).await;
    let client = app.client("read").await;
    let token = app.access_token(&client).await;
    for path in [PATH, "/tenant/oauth/introspect"] {
        let request = app.request(Method::POST, path).header("authorization", client.basic());
        assert_active(&Answer::of(request.form(&[("token", &token)])).await, path);
    }
    let metadata = app.get("/.well-known/oauth-authorization-server/tenant").await.json();
    assert_eq!(metadata["introspection_endpoint"], "https://example.com/tenant/oauth/introspect");
}

/// A client does not come to stand for what somebody makes later of the identifier of an API that
/// is gone.
#[actix_web::test]
async fn an_api_that_a_client_stands_for_stays() {
    let app = TestApp::spawn().await;
    app.api(ORDERS).await;
    app.api("https://ORDERS.example.com").await;
    app.api("https://orders.example.com/v2").await;
    app.api(STOCK).await;
    let watcher = app.standing_for(&[STOCK, ORDERS]).await;
    for other in ["https://ORDERS.example.com", "https://orders.example.com/v2"] {
        api::delete(&app.admin, &uri(other)).await.unwrap();
    }
    let refused = api::delete(&app.admin, &uri(ORDERS)).await.unwrap_err().to_string();
    assert!(refused.contains(&watcher.id) && refused.contains(ORDERS), "{refused}");
    assert!(api::show(&app.admin, &uri(ORDERS)).await.is_ok());
    let update = ClientUpdate { stands_for: Some(Vec::new()), ..ClientUpdate::default() };
    app.update(&watcher, update).await;
    api::delete(&app.admin, &uri(ORDERS)).await.unwrap();

    // Where a client stands for one that is gone all the same, that is good for nothing, and there
    // is no new one.
    app.api(ORDERS).await;
    let client = app.client_of(&[ORDERS]).await;
    app.caught_up().await;
    let token = app.access_token(&client).await;
    api::delete(&app.admin, &uri(ORDERS)).await.unwrap();
    app.database
        .execute(&[
            "UPDATE clients SET stands_for = 'https://orders.example.com' WHERE grant_types = ''",
        ])
        .await;
    let rename = ClientUpdate { name: DisplayName::parse("y").ok(), ..ClientUpdate::default() };
    app.update(&watcher, rename).await;
    assert_inactive(&app.introspect(&watcher, &token).await, "an API that is gone");
    let terms = api_terms();
    let refused =
        Box::pin(api::create(&app.admin, uri(ORDERS), terms)).await.unwrap_err().to_string();
    assert!(refused.contains(&watcher.id), "{refused}");
}
