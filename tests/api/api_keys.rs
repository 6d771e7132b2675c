//! API keys: made, used, changed, replaced and taken back; and everything that is no key, or none
//! for this.

use std::time::Duration;

use mintery::admin::api_key::{self, NewApiKey};
use mintery::model::address::AddressRanges;
use mintery::model::api_key::{ApiKeyId, Environment, KeyFormat, KeyOwner};
use mintery::model::client::ClientId;
use mintery::model::name::DisplayName;
use mintery::model::patch::Patch;
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
pub struct TestKey {
    pub id: String,
    pub key: String,
}

impl TestKey {
    fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 201, "{answer:?}");
        Self { id: answer.text("id"), key: answer.text("key") }
    }

    pub fn id(&self) -> ApiKeyId {
        ApiKeyId::parse(&self.id).unwrap()
    }

    fn path(&self, rest: &str) -> String {
        format!("{KEYS}/{}{rest}", self.id)
    }
}

/// What a key of this client is made of.
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

    async fn send_with_key(
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

const MANAGER: &str = "mintery:keys:read mintery:keys:verify mintery:keys:write read write";

/// Somebody who may manage keys, by a key of their own; and who that is.
async fn manager(app: &TestApp, scopes: &str) -> (TestClient, TestKey) {
    let client = app.client(scopes).await;
    let scopes = Some(ScopeSet::parse(scopes).unwrap());
    let key = app.key(NewApiKey { scopes, ..owned_by(&client) }).await;
    (client, key)
}

async fn create(app: &TestApp, caller: &TestKey, body: Value) -> Answer {
    app.send_with_key(Method::POST, KEYS, &caller.key, Some(body)).await
}

/// SEC-10: made, used in both headers, taken back, and gone at once.
#[actix_web::test]
async fn a_key_is_made_used_and_revoked() {
    let app = TestApp::spawn().await;
    let owner = app.client("read write").await;
    let key = app.key(owned_by(&owner)).await;
    assert!(key.key.starts_with("mtk_live_") && key.key.len() == 58, "{key:?}");
    for answer in [
        app.get_with(ME, &key.key).await,
        Answer::of(app.as_header(Method::GET, ME, &key.key)).await,
    ] {
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
    assert!(missing.header("www-authenticate").contains("scope=\"admin\""), "{missing:?}");

    api_key::revoke(&app.admin, &key.id()).await.unwrap();
    within_a_second(401, || app.get_with(ME, &key.key)).await.assert_invalid_token("revoked");
    app.refuses_key(&key.key, "revoked").await;
}

/// A test key makes test keys alone.
#[actix_web::test]
async fn a_test_key_makes_no_live_one() {
    let app = TestApp::with(&[("api_keys.environment", "any")]).await;
    let owner = app.client(MANAGER).await;
    let new = NewApiKey {
        scopes: Some(ScopeSet::parse(MANAGER).unwrap()),
        environment: Environment::Test,
        ..owned_by(&owner)
    };
    let (own, live) = (app.key(new).await, app.key(owned_by(&owner)).await);
    let send = async |method, path: &str, body| {
        app.send_with_key(method, path, &own.key, Some(body)).await
    };
    let made = send(Method::POST, KEYS, json!({ "name": "x", "environment": "test" })).await;
    assert_eq!(made.status, 201, "{made:?}");
    for (method, path, body) in [
        (Method::POST, KEYS.to_owned(), json!({ "name": "x", "environment": "live" })),
        (Method::PATCH, live.path(""), json!({ "name": "y" })),
        (Method::POST, live.path("/rotate"), json!({})),
    ] {
        let answer = send(method, &path, body).await;
        assert_forbidden(&answer, &path);
        assert!(answer.text("detail").contains("environment"), "{answer:?}");
    }
}

/// SEC-4: whatever is wrong with a key, it is the same answer.
#[actix_web::test]
async fn what_is_no_key_is_refused() {
    let app = TestApp::spawn().await;
    let owner = app.client("read").await;
    let key = app.key(owned_by(&owner)).await.key;
    let token = app.access_token(&owner).await;
    let unknown = KeyFormat::default().generate(Environment::Live, &SystemRandom);
    let other_prefix = KeyFormat::new("acme").unwrap().generate(Environment::Live, &SystemRandom);
    let last = if key.ends_with('0') { "1" } else { "0" };
    let mut refusals = Vec::new();
    for (what, wrong) in [
        ("a wrong checksum", format!("{}{last}", &key[..key.len() - 1])),
        (
            "a changed digit",
            key.replacen(&key[12..14], if &key[12..14] == "00" { "11" } else { "00" }, 1),
        ),
        ("another environment", key.replace("_live_", "_test_")),
        ("one that was never made", unknown.expose().to_owned()),
        ("another prefix", other_prefix.expose().to_owned()),
        ("upper case", key.to_uppercase()),
        ("half of it", key[..30].to_owned()),
        ("twice in a row", format!("{key}{key}")),
        ("nothing but the prefix", "mtk_live_".to_owned()),
        ("its end", key[9..].to_owned()),
        ("quoted", format!("\"{key}\"")),
        ("two in one header", format!("{key}, {key}")),
        ("10 kB", format!("mtk_live_{}", "a".repeat(10_240))),
        ("10 kB of nothing known", "a".repeat(10_240)),
        ("a client secret", owner.secret.clone()),
        ("a client id", owner.id.clone()),
    ] {
        app.refuses_key(&wrong, what).await;
        refusals
            .push((what, Answer::of(app.as_header(Method::GET, ME, &wrong)).await.fingerprint()));
    }
    for (what, refusal) in &refusals {
        assert_eq!(*refusal, refusals[0].1, "{what}");
    }
    // A token is no key, and a key is no token or secret.
    for path in [ME, "/auth/check"] {
        Answer::of(app.as_header(Method::GET, path, &token))
            .await
            .assert_invalid_token("a token as a key");
    }
    let watcher = app.client("mintery:introspect").await;
    assert_eq!(app.introspect(&watcher, &key).await.body, r#"{"active":false}"#);
    let as_secret = TestClient { secret: key.clone(), ..owner.clone() };
    app.token(&as_secret).send().await.assert_oauth_error(
        401,
        "invalid_client",
        "a key as a secret",
    );
    let not_text = app.request(Method::GET, ME).header("X-API-Key", b"mtk_live_\xff".as_slice());
    Answer::of(not_text).await.assert_invalid_token("no text");
    app.accepts_key(&key, "the control").await;
}

/// 6750-2, 6750-5
#[actix_web::test]
async fn one_credential_and_never_in_the_uri() {
    let app = TestApp::spawn().await;
    let owner = app.client("read").await;
    let (one, other) = (app.key(owned_by(&owner)).await.key, app.key(owned_by(&owner)).await.key);
    let token = app.access_token(&owner).await;
    let get = |path: &str| app.request(Method::GET, path);
    for (what, request) in [
        ("a key and a token", get(ME).bearer_auth(&token).header("X-API-Key", &one)),
        ("two keys", get(ME).bearer_auth(&other).header("X-API-Key", &one)),
        ("two keys in two headers", get(ME).header("X-API-Key", &one).header("X-API-Key", &other)),
        (
            "a key and Basic",
            get(ME).header("authorization", owner.basic()).header("X-API-Key", &one),
        ),
        (
            "a key and a token in the query",
            get("/api/v1/users/me?access_token=x").header("X-API-Key", &one),
        ),
        ("a key in the query", get(&format!("{ME}?api_key={one}"))),
        ("a key in the query by any name", get(&format!("{ME}?x={one}"))),
        ("a key in the query, encoded", get(&format!("{ME}?x=%6dtk_live_0"))),
        ("a key in the query by no name", get(&format!("{ME}?{one}"))),
        ("a key in the query after something else", get(&format!("{ME}?x=Bearer%20{one}"))),
        ("a key in the query after a semicolon", get(&format!("{ME}?x=y;z={one}"))),
        ("the name of the header in the query", get(&format!("{ME}?X-Api-Key=x"))),
        ("a token, and a key in the query", get(&format!("{ME}?apikey={one}")).bearer_auth(&token)),
        (
            "a key, and another in the query",
            get(&format!("{ME}?x={other}")).header("X-API-Key", &one),
        ),
    ] {
        let answer = Answer::of(request).await;
        answer.assert_problem(400, "err_invalid_request", what);
        answer.assert_no_echo(&one, what);
    }
    // nginx turns 400 into 500.
    let both = get("/auth/check").bearer_auth(&token).header("X-API-Key", &one);
    let both = Answer::of(both).await;
    both.assert_invalid_token("two credentials at a check");
    // Nobody looks for what is wrong with a good key.
    assert_eq!(both.text("message"), "The request has two credentials; send one");
    get_is_401(&app, &format!("/auth/check?api_key={one}")).await;
}

async fn get_is_401(app: &TestApp, path: &str) {
    assert_eq!(app.get(path).await.status, 401, "{path}");
}

#[actix_web::test]
async fn a_key_expires_and_is_disabled_with_its_owner() {
    let app = TestApp::spawn().await;
    let owner = app.client("read write").await;
    let life = Patch::Set(Duration::from_mins(1));
    let short = app.key(NewApiKey { expires_in: life, ..owned_by(&owner) }).await;
    let key = app.key(owned_by(&owner)).await;
    assert_eq!(app.get_with(ME, &short.key).await.json()["expires_at"], app.now() + 60);
    app.clock.advance(Duration::from_mins(1));
    app.refuses_key(&short.key, "expired").await;

    app.accepts_key(&key.key, "the control").await;
    api_key::set_enabled(&app.admin, &key.id(), false).await.unwrap();
    within_a_second(401, || app.get_with(ME, &key.key)).await;
    api_key::set_enabled(&app.admin, &key.id(), true).await.unwrap();
    within_a_second(200, || app.get_with(ME, &key.key)).await;
    app.disable(&owner).await;
    within_a_second(401, || app.get_with(ME, &key.key)).await;
    app.refuses_key(&key.key, "a disabled owner").await;
    app.enable(&owner).await;
    within_a_second(200, || app.get_with(ME, &key.key)).await;

    // Who comes after somebody of the same id does not get their keys.
    app.delete(&owner).await;
    within_a_second(401, || app.get_with(ME, &key.key)).await;
    let mut again = crate::app::new_client("read write");
    again.id = Some(ClientId::parse(&owner.id).unwrap());
    let again = app.create(again).await;
    app.caught_up().await;
    app.refuses_key(&key.key, "a key of the one before").await;
    assert_eq!(
        api_key::page(&app.admin, "", 10, &api_key::Filter::default()).await.unwrap().len(),
        0
    );
    app.accepts_key(&app.key(owned_by(&again)).await.key, "one of the new one").await;
}

/// A key never does more than its owner may now.
#[actix_web::test]
async fn a_key_goes_with_what_its_owner_may() {
    let app = TestApp::spawn().await;
    let (_, admin) = manager(&app, "mintery:clients:write mintery:keys:write read write").await;
    let owner = app.client("read write").await;
    let key = app.key(owned_by(&owner)).await;
    assert_eq!(app.get_with(ME, &key.key).await.json()["scope"], "read write");
    let path = format!("/api/v1/clients/{}", owner.id);
    let answer =
        app.send_with_key(Method::PATCH, &path, &admin.key, Some(json!({ "scope": "read" }))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(app.get_with(ME, &key.key).await.json()["scope"], "read");
    assert_eq!(app.get_with("/auth/check?scope=write", &key.key).await.status, 403);
    // Only what the owner may can be given, and nothing of Mintery's own unasked.
    for (scope, status) in [("read write", 400), ("other", 400), ("read", 201), ("", 201)] {
        let body = json!({ "name": "x", "owner": owner.id, "scope": scope });
        assert_eq!(create(&app, &admin, body).await.status, status, "{scope}");
    }
    let of_admin = create(&app, &admin, json!({ "name": "x" })).await;
    assert_eq!(of_admin.json()["scope"], "read write");
}

/// SEC-1: only from where it may be used, whatever somebody says about where they are.
#[actix_web::test]
async fn a_key_is_good_from_its_addresses() {
    let app = TestApp::with(&[("trusted_proxies", "127.0.0.1")]).await;
    let direct = TestApp::spawn().await;
    let allowed = || AddressRanges::parse("192.0.2.0/24,2001:db8::/32").unwrap();
    let owner = app.client("read").await;
    let key = app.key(NewApiKey { allowed: allowed(), ..owned_by(&owner) }).await.key;
    let from = async |app: &TestApp, key: &str, header: &str, value: &str| {
        Answer::of(app.as_header(Method::GET, ME, key).header(header, value)).await.status
    };
    for (header, value, status) in [
        ("x-forwarded-for", "192.0.2.7", 200),
        ("x-forwarded-for", "2001:db8::1", 200),
        ("x-forwarded-for", "::ffff:192.0.2.7", 200),
        ("forwarded", "for=192.0.2.7", 200),
        ("x-forwarded-for", "192.0.2.7, 198.51.100.1", 401),
        ("x-forwarded-for", "198.51.100.1", 401),
        ("x-forwarded-for", "unknown", 401),
        ("x-real-ip", "192.0.2.7", 401),
    ] {
        assert_eq!(from(&app, &key, header, value).await, status, "{header}: {value}");
    }
    // What a stranger adds does not make them the proxy, whose address is that of one of our own.
    let here = || AddressRanges::parse("127.0.0.0/8").unwrap();
    let key = app.key(NewApiKey { allowed: here(), ..owned_by(&owner) }).await.key;
    for (listed, structured, status) in [
        (Some("198.51.100.1"), None, 401),
        (Some("198.51.100.1"), Some("for=unknown"), 401),
        (Some("198.51.100.1"), Some("for=192.0.2.7"), 401),
        (Some("198.51.100.1"), Some("for=127.0.0.1"), 401),
        (Some("unknown"), None, 401),
        (Some(""), None, 401),
        (None, Some("for=unknown"), 401),
        (None, Some("for=_hidden, for=127.0.0.1"), 401),
        (Some("127.0.0.2"), Some("for=127.0.0.2"), 200),
        (Some("127.0.0.2"), None, 200),
        (None, None, 200),
    ] {
        let headers = [("x-forwarded-for", listed), ("forwarded", structured)];
        let sent = headers.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let request = sent.fold(app.as_header(Method::GET, ME, &key), |request, sent| {
            request.header(sent.0, sent.1)
        });
        assert_eq!(Answer::of(request).await.status, status, "{listed:?} {structured:?}");
    }
    // Without a proxy that is trusted nobody says where they are.
    let owner = direct.client("read").await;
    let key = direct.key(NewApiKey { allowed: allowed(), ..owned_by(&owner) }).await.key;
    for header in
        ["x-forwarded-for", "forwarded", "x-real-ip", "cf-connecting-ip", "true-client-ip"]
    {
        assert_eq!(from(&direct, &key, header, "192.0.2.7").await, 401, "{header}");
    }
    let key = direct.key(NewApiKey { allowed: here(), ..owned_by(&owner) }).await.key;
    assert_eq!(from(&direct, &key, "x-forwarded-for", "192.0.2.7").await, 200);
}

/// A key for trying out is never good for the real thing.
#[actix_web::test]
async fn a_key_is_good_in_its_environment() {
    for (setting, live_passes, test_passes) in
        [("live", true, false), ("test", false, true), ("any", true, true)]
    {
        let app = TestApp::with(&[("api_keys.environment", setting)]).await;
        let owner = app.client("read").await;
        let live = app.key(owned_by(&owner)).await.key;
        let test =
            app.key(NewApiKey { environment: Environment::Test, ..owned_by(&owner) }).await.key;
        assert!(test.starts_with("mtk_test_"), "{test}");
        for (key, passes) in [(&live, live_passes), (&test, test_passes)] {
            if passes {
                app.accepts_key(key, setting).await;
            } else {
                app.refuses_key(key, setting).await;
            }
        }
        let check = async |key: &str, query: &str| {
            Answer::of(app.as_header(Method::GET, &format!("/auth/check{query}"), key)).await.status
        };
        assert_eq!((check(&live, "?env=live").await, check(&test, "?env=live").await), (200, 401));
        assert_eq!((check(&live, "?env=test").await, check(&test, "?env=test").await), (401, 200));
        assert_eq!((check(&live, "?env=any").await, check(&test, "?env=any").await), (200, 200));
        for bad in ["?env=LIVE", "?env=production", "?env=live&env=test", "?env=%00"] {
            assert_eq!((check(&live, bad).await, check(&test, bad).await), (403, 403), "{bad}");
        }
        // A token has no environment.
        let token = app.access_token(&owner).await;
        assert_eq!(app.get_with("/auth/check?env=live", &token).await.status, 200);
    }
}

/// 9068-4, as with tokens: another API must be one of the owner's, and Mintery's own scopes are for
/// Mintery.
#[actix_web::test]
async fn a_key_is_good_for_the_apis_of_its_owner() {
    let app = TestApp::spawn().await;
    let scopes = "mintery:apis:write mintery:clients:write mintery:keys:write read write";
    let (owner, key) = manager(&app, scopes).await;
    let send = async |method, path: &str, body| {
        app.send_with_key(method, path, &key.key, Some(body)).await
    };
    for (name, scope) in [("orders", "read"), ("stock", "read write")] {
        let api = json!({ "resource": format!("https://{name}.example.com"), "name": name, "scope": scope });
        assert_eq!(send(Method::POST, "/api/v1/apis", api).await.status, 201);
    }
    let check = async |query: &str| {
        let path = format!("/auth/check?{query}");
        let answer = Answer::of(app.as_header(Method::GET, &path, &key.key)).await;
        (answer.status, answer.header("x-auth-scope").to_owned())
    };
    let orders = "resource=https://orders.example.com";
    assert_eq!(check(orders).await.0, 401);
    let path = format!("/api/v1/clients/{}", owner.id);
    let resources = json!({ "resources": ["https://orders.example.com"] });
    assert_eq!(send(Method::PATCH, &path, resources).await.status, 200);
    assert_eq!(check(orders).await, (200, "read".to_owned()));
    assert_eq!(check(&format!("{orders}&scope=write")).await.0, 403);
    assert_eq!(check(&format!("{orders}&scope=mintery:keys:write")).await.0, 403);
    assert_eq!(check(&format!("{orders}&resource={ISSUER}")).await, (200, "read".to_owned()));
    assert_eq!(check(&format!("resource={ISSUER}")).await, (200, scopes.to_owned()));
    for other in
        ["resource=https://stock.example.com", "resource=https://unknown.example.com", "resource=x"]
    {
        assert_eq!(check(other).await.0, 401, "{other}");
        assert_eq!(check(&format!("{orders}&{other}")).await.0, 401, "{other}");
    }
}

#[actix_web::test]
async fn keys_are_administered_with_keys_and_tokens() {
    let app = TestApp::spawn().await;
    let (owner, admin) = manager(&app, MANAGER).await;
    let answer = create(
        &app,
        &admin,
        json!({
            "name": "worker", "scope": "read", "environment": "test", "expires_in": 3600,
            "allowed_addresses": ["192.0.2.0/24", "2001:db8::1"], "max_requests_per_minute": 60
        }),
    )
    .await;
    let made = TestKey::of(&answer);
    assert_eq!(answer.header("location"), format!("{ISSUER}{}", made.path("")));
    assert_eq!(answer.header("cache-control"), "no-store");
    let mut expected = json!({
        "id": made.id, "name": "worker", "owner": owner.id, "environment": "test", "scope": "read",
        "hint": &made.key[48..52], "allowed_addresses": ["192.0.2.0/24", "2001:db8::1/128"],
        "max_requests_per_minute": 60, "created_at": app.now(), "expires_at": app.now() + 3600, "enabled": true,
        "replaced_by": null, "leaked_at": null, "key": made.key
    });
    assert_eq!(answer.json(), expected);
    let members = expected.as_object_mut().unwrap();
    members.remove("key");
    members.insert("last_used_at".to_owned(), Value::Null);
    members.insert("last_used_address".to_owned(), Value::Null);
    let send = async |method, rest: &str, body| {
        app.send_with_key(method, &made.path(rest), &admin.key, body).await
    };
    let shown = send(Method::GET, "", None).await;
    assert_eq!(shown.json(), expected);
    shown.assert_no_echo(&made.key[9..52], "a key is never shown again");

    let change = json!({
        "name": "Worker", "scope": "write", "allowed_addresses": null, "max_requests_per_minute": null,
        "expires_in": null
    });
    let changed = send(Method::PATCH, "", Some(change)).await.json();
    assert_eq!((&changed["name"], &changed["scope"]), (&json!("Worker"), &json!("write")));
    assert_eq!(changed["allowed_addresses"], json!([]));
    assert_eq!(
        (&changed["max_requests_per_minute"], &changed["expires_at"]),
        (&Value::Null, &Value::Null)
    );
    let changed = send(Method::PATCH, "", Some(json!({}))).await.json();
    assert_eq!((&changed["name"], &changed["scope"]), (&json!("Worker"), &json!("write")));
    assert_eq!(send(Method::POST, "/disable", None).await.json()["enabled"], false);
    let path = "/auth/check?env=test";
    Answer::of(app.as_header(Method::GET, path, &made.key)).await.assert_invalid_token("disabled");
    assert_eq!(send(Method::POST, "/enable", None).await.json()["enabled"], true);
    assert_eq!(Answer::of(app.as_header(Method::GET, path, &made.key)).await.status, 200);

    let list = async |query: &str| {
        let answer =
            app.send_with_key(Method::GET, &format!("{KEYS}{query}"), &admin.key, None).await;
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
        let items = answer.json()["items"].as_array().unwrap().clone();
        (items.len(), answer.json()["next"].clone())
    };
    assert_eq!(list("").await, (2, Value::Null));
    for (query, count) in [
        ("?environment=test", 1),
        ("?environment=live", 1),
        ("?name=WORK", 1),
        ("?name=%25", 0),
        ("?enabled=false", 0),
        ("?owner=nobody", 0),
        ("?owner=", 0),
    ] {
        assert_eq!(list(query).await.0, count, "{query}");
    }
    assert_eq!(list(&format!("?owner={}&limit=2", owner.id)).await.0, 2);
    let (count, next) = list("?limit=1").await;
    assert_eq!(count, 1);
    assert_eq!(list(&format!("?limit=1&after={}", next.as_str().unwrap())).await, (1, Value::Null));
    for bad in ["?environment=x", "?enabled=x", "?limit=0", "?scope=read"] {
        let answer =
            app.send_with_key(Method::GET, &format!("{KEYS}{bad}"), &admin.key, None).await;
        answer.assert_problem(400, "err_invalid_request", bad);
    }

    let answer = send(Method::DELETE, "", None).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    Answer::of(app.as_header(Method::GET, path, &made.key)).await.assert_invalid_token("revoked");
    for (method, rest) in [
        (Method::GET, ""),
        (Method::DELETE, ""),
        (Method::PATCH, ""),
        (Method::POST, "/rotate"),
        (Method::POST, "/enable"),
        (Method::POST, "/disable"),
    ] {
        send(method, rest, None).await.assert_problem(404, "err_not_found", rest);
    }
    // Whoever takes the key for its id is not repeated.
    let by_itself =
        app.send_with_key(Method::GET, &format!("{KEYS}/{}", made.key), &admin.key, None).await;
    by_itself.assert_problem(404, "err_not_found", "a key for its id");
    by_itself.assert_no_echo(&made.key, "a key for its id");
    // Who did it is named by the key.
    let events = mintery::admin::event_log::Filter {
        kind: Some("api_key".to_owned()),
        ..Default::default()
    };
    let asked = mintery::admin::event_log::Asked::Last;
    let events = mintery::admin::event_log::page(&app.admin, asked, 50, &events).await.unwrap();
    let kinds: Vec<_> = events.iter().skip(1).map(|event| event.kind.name()).collect();
    let expected = ["created", "updated", "updated", "disabled", "enabled", "revoked"];
    assert_eq!(kinds, expected.map(|kind| format!("api_key.{kind}")));
    assert!(
        events.iter().skip(1).all(|event| event.actor == format!("api_key:{}", admin.id)),
        "{events:?}"
    );
    assert!(!format!("{events:?}").contains(&made.key[9..52]));
}

/// SEC-12: what a key makes goes beyond none of its own limits, and so does what it changes,
/// replaces, or lets go.
#[actix_web::test]
async fn a_key_makes_none_that_may_more_than_itself() {
    let app = TestApp::spawn().await;
    let owner = app.client("mintery:keys:write read").await;
    let scopes = || Some(ScopeSet::parse("mintery:keys:write read").unwrap());
    let own = app.key(NewApiKey { scopes: scopes(), ..owned_by(&owner) }).await;
    let path = own.path("");
    let limits = json!({ "expires_in": 3600, "allowed_addresses": ["127.0.0.0/8"], "max_requests_per_minute": 100 });
    let send = async |method, path: &str, body| {
        app.send_with_key(method, path, &own.key, Some(body)).await
    };
    let free = app.key(owned_by(&owner)).await;
    assert_eq!(
        send(Method::PATCH, &path, limits.clone()).await.status,
        200,
        "as close as it likes"
    );

    let mut good = limits.clone();
    good.as_object_mut().unwrap().insert("name".to_owned(), json!("made"));
    let with = |member: &str, value: Value| {
        let mut body = good.clone();
        body.as_object_mut().unwrap().insert(member.to_owned(), value);
        body
    };
    let made = TestKey::of(&send(Method::POST, KEYS, good.clone()).await);
    assert_eq!(
        send(Method::POST, KEYS, with("allowed_addresses", json!(["127.0.0.1"]))).await.status,
        201
    );
    for (member, beyond, what) in [
        ("expires_in", json!(3601), "longer"),
        ("expires_in", Value::Null, "than its own"),
        ("allowed_addresses", json!([]), "from elsewhere"),
        ("allowed_addresses", json!(["127.0.0.1", "192.0.2.7"]), "from elsewhere"),
        ("allowed_addresses", json!(["126.0.0.0/7"]), "from elsewhere"),
        ("max_requests_per_minute", json!(101), "more often"),
        ("max_requests_per_minute", Value::Null, "more often"),
    ] {
        for (method, path) in [
            (Method::POST, KEYS.to_owned()),
            (Method::PATCH, made.path("")),
            (Method::PATCH, path.clone()),
        ] {
            let body = if method == Method::POST {
                with(member, beyond.clone())
            } else {
                json!({ member: beyond })
            };
            let answer = send(method.clone(), &path, body).await;
            assert_forbidden(&answer, &format!("{method} {member}: {beyond}"));
            assert!(answer.text("detail").contains(what), "{answer:?}");
        }
    }
    assert_forbidden(
        &send(Method::POST, KEYS, json!({ "name": "x" })).await,
        "nothing is everything",
    );
    assert_eq!(
        send(Method::POST, KEYS, with("environment", json!("test"))).await.status,
        201,
        "which is good for less"
    );
    // What may more is not this key's to change, replace or let go; to stop it is.
    for (method, rest, body) in [
        (Method::PATCH, "", json!({ "name": "x" })),
        (Method::POST, "/rotate", json!({})),
        (Method::POST, "/rotate", json!({ "expires_in": 60 })),
        (Method::POST, "/enable", json!({})),
    ] {
        assert_forbidden(&send(method, &free.path(rest), body).await, rest);
    }
    assert_eq!(send(Method::POST, &free.path("/disable"), json!({})).await.status, 200);
    assert_eq!(
        send(Method::PATCH, &free.path(""), limits).await.status,
        200,
        "to what it may itself"
    );
    assert_eq!(send(Method::POST, &free.path("/enable"), json!({})).await.status, 200);
    assert_eq!(send(Method::PATCH, &made.path(""), json!({ "name": "y" })).await.status, 200);
    assert_eq!(send(Method::DELETE, &free.path(""), json!({})).await.status, 204);

    // By small steps it does not get older either.
    app.clock.advance(Duration::from_mins(1));
    assert_forbidden(&send(Method::POST, &own.path("/rotate"), json!({})).await, "as long again");
    assert_forbidden(
        &send(Method::PATCH, &path, json!({ "expires_in": 3541 })).await,
        "a second more",
    );
    let next = send(Method::POST, &own.path("/rotate"), json!({ "expires_in": 3540 })).await;
    assert_eq!(next.status, 201, "{next:?}");

    // A token that was made from a key is no more than the key, which is not bound to addresses.
    let short = app.key(NewApiKey {
        scopes: scopes(),
        expires_in: Patch::Set(Duration::from_mins(10)),
        ..owned_by(&owner)
    });
    let short = short.await;
    let exchanged = app.exchange(&short.key).scope("mintery:keys:write read").send().await;
    let token = exchanged.text("access_token");
    for (expires_in, status) in [(601, 403), (600, 201)] {
        let request = app.request(Method::POST, KEYS).bearer_auth(&token);
        let body = json!({ "name": "x", "scope": "read", "expires_in": expires_in }).to_string();
        let answer =
            Answer::of(request.header("content-type", "application/json").body(body)).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    // Whoever has the client's own secret is bound by none of it.
    let token =
        app.token(&owner).scope("mintery:keys:write read").send().await.text("access_token");
    let request = app.request(Method::POST, KEYS).bearer_auth(&token);
    let body = json!({ "name": "x", "environment": "test" }).to_string();
    let answer = Answer::of(request.header("content-type", "application/json").body(body)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

/// Whoever calls may do such things, and not this one.
#[track_caller]
fn assert_forbidden(answer: &Answer, what: &str) {
    assert_eq!(
        (answer.status, answer.text("code").as_str()),
        (403, "err_no_permission"),
        "{what}: {answer:?}"
    );
}

/// Who may do less than before still looks after their keys, and what they lost comes back to none
/// that was made anew.
#[actix_web::test]
async fn a_key_is_replaced_without_what_its_owner_lost() {
    let app = TestApp::spawn().await;
    let (_, admin) = manager(&app, "mintery:clients:write mintery:keys:write read write").await;
    let (owner, own) = manager(&app, "mintery:keys:write read write").await;
    let [renamed, replaced] = [app.key(owned_by(&owner)).await, app.key(owned_by(&owner)).await];
    let path = format!("/api/v1/clients/{}", owner.id);
    let may = async |scope: &str| {
        let body = Some(json!({ "scope": scope }));
        assert_eq!(app.send_with_key(Method::PATCH, &path, &admin.key, body).await.status, 200);
    };
    let send = async |method, path: String, body| {
        app.send_with_key(method, &path, &own.key, Some(body)).await
    };
    may("mintery:keys:write read").await;
    let answer = send(Method::PATCH, renamed.path(""), json!({ "name": "x" })).await;
    answer.assert_problem(400, "err_invalid_request", "the scope is to go");
    let answer =
        send(Method::PATCH, renamed.path(""), json!({ "name": "x", "scope": "read" })).await;
    assert_eq!((answer.status, &answer.json()["scope"]), (200, &json!("read")), "{answer:?}");
    let answer = send(Method::POST, replaced.path("/rotate"), json!({})).await;
    assert_eq!((answer.status, &answer.json()["scope"]), (201, &json!("read")), "{answer:?}");
    may("mintery:keys:write read write").await;
    assert_eq!(app.get_with(ME, &answer.text("key")).await.json()["scope"], "read");
}

/// SEC-12
#[actix_web::test]
async fn nobody_gives_a_key_what_they_may_not() {
    let app = TestApp::spawn().await;
    let target = app.client("read write admin").await;
    let of_target = app.key(owned_by(&target)).await;
    let (plain, nobody) = manager(&app, "read").await;
    let (reader, reading) = manager(&app, "mintery:keys:read read").await;
    for caller in [&nobody, &reading] {
        for (method, path) in [
            (Method::POST, KEYS.to_owned()),
            (Method::PATCH, of_target.path("")),
            (Method::DELETE, of_target.path("")),
            (Method::POST, of_target.path("/rotate")),
            (Method::POST, of_target.path("/disable")),
            (Method::POST, of_target.path("/enable")),
            (Method::POST, format!("{KEYS}/revoke")),
            (Method::POST, format!("{KEYS}/verify")),
        ] {
            let answer =
                app.send_with_key(method.clone(), &path, &caller.key, Some(json!({}))).await;
            answer.assert_problem(403, "err_no_permission", &format!("{method} {path}"));
        }
    }
    for path in [KEYS.to_owned(), of_target.path(""), of_target.path("/usage")] {
        let answer = app.send_with_key(Method::GET, &path, &nobody.key, None).await;
        answer.assert_problem(403, "err_no_permission", &path);
        assert_eq!(
            app.send_with_key(Method::GET, &path, &reading.key, None).await.status,
            200,
            "{path}"
        );
        assert_eq!(app.get(&path).await.status, 401, "{path}");
    }
    assert_ne!(plain.id, reader.id);

    // With fewer scopes than the other, one stops their keys at most.
    let (writer, writing) = manager(&app, "mintery:keys:write read").await;
    let send = async |method, path: &str, body| {
        app.send_with_key(method, path, &writing.key, Some(body)).await
    };
    for (method, path, body) in [
        (
            Method::POST,
            KEYS.to_owned(),
            json!({ "name": "x", "owner": target.id, "scope": "read" }),
        ),
        (Method::POST, KEYS.to_owned(), json!({ "name": "x", "owner": target.id, "scope": "" })),
        (Method::PATCH, of_target.path(""), json!({ "name": "x" })),
        (Method::PATCH, of_target.path(""), json!({ "scope": "" })),
        (Method::DELETE, of_target.path(""), json!({})),
        (Method::POST, of_target.path("/rotate"), json!({})),
        (Method::POST, of_target.path("/enable"), json!({})),
        (Method::POST, format!("{KEYS}/revoke"), json!({ "owner": target.id })),
        (Method::POST, format!("{KEYS}/revoke"), json!({ "ids": [writing.id, of_target.id] })),
    ] {
        let answer = send(method.clone(), &path, body.clone()).await;
        assert_forbidden(&answer, &format!("{method} {path} {body}"));
    }
    app.accepts_key(&of_target.key, "nothing was revoked").await;
    assert_eq!(send(Method::POST, &of_target.path("/disable"), json!({})).await.status, 200);
    // Of its own a client manages the keys, but gives them no more than this very credential may.
    let narrow = app.key(NewApiKey {
        scopes: Some(ScopeSet::parse("mintery:keys:write").unwrap()),
        ..owned_by(&writer)
    });
    let narrow = narrow.await;
    let answer = create(&app, &narrow, json!({ "name": "x", "scope": "read" })).await;
    assert_forbidden(&answer, "more than the key that asks");
    let answer = app
        .send_with_key(
            Method::PATCH,
            &narrow.path(""),
            &narrow.key,
            Some(json!({ "scope": "read" })),
        )
        .await;
    assert_forbidden(&answer, "more for itself");
    let answer = app
        .send_with_key(Method::POST, &writing.path("/rotate"), &narrow.key, Some(json!({})))
        .await;
    assert_forbidden(&answer, "another key of its owner that may do more");
    assert_eq!(create(&app, &narrow, json!({ "name": "x", "scope": "" })).await.status, 201);
    assert_eq!(create(&app, &writing, json!({ "name": "x", "scope": "read" })).await.status, 201);
    // Whoever holds all that another may manages their keys.
    let (_, strong) = manager(&app, "admin mintery:keys:write read write").await;
    let body = json!({ "name": "x", "owner": target.id, "scope": "admin" });
    assert_eq!(create(&app, &strong, body).await.status, 201);
}

#[actix_web::test]
async fn bad_input_is_refused() {
    let app = TestApp::spawn().await;
    let (_, admin) = manager(&app, MANAGER).await;
    let before =
        api_key::page(&app.admin, "", 100, &api_key::Filter::default()).await.unwrap().len();
    for body in [
        json!({}),
        json!({ "name": "" }),
        json!({ "name": "a\u{0}b" }),
        json!({ "name": "x".repeat(10_000) }),
        json!({ "name": 7 }),
        json!({ "name": "x", "scope": "a  b" }),
        json!({ "name": "x", "scope": ["read"] }),
        json!({ "name": "x", "scope": "x".repeat(20_000) }),
        json!({ "name": "x", "environment": "production" }),
        json!({ "name": "x", "expires_in": 0 }),
        json!({ "name": "x", "expires_in": -1 }),
        json!({ "name": "x", "expires_in": u64::MAX }),
        json!({ "name": "x", "expires_in": "never" }),
        json!({ "name": "x", "allowed_addresses": ["0.0.0.0/0"] }),
        json!({ "name": "x", "allowed_addresses": ["10.0.0.1/8"] }),
        json!({ "name": "x", "allowed_addresses": [""] }),
        json!({ "name": "x", "allowed_addresses": "10.0.0.0/8" }),
        json!({ "name": "x", "allowed_addresses": ["localhost"] }),
        json!({ "name": "x", "allowed_addresses": vec!["192.0.2.1"; 33] }),
        json!({ "name": "x", "max_requests_per_minute": 0 }),
        json!({ "name": "x", "max_requests_per_minute": 1_000_001 }),
        json!({ "name": "x", "owner": "" }),
        json!({ "name": "x", "owner": "nobody" }),
        json!({ "name": "x", "key": "mtk_live_x" }),
        json!({ "name": "x", "id": "ak_0" }),
        json!(["x"]),
    ] {
        let answer = create(&app, &admin, body.clone()).await;
        answer.assert_problem(
            400,
            "err_invalid_request",
            &body.to_string().chars().take(80).collect::<String>(),
        );
    }
    let path = admin.path("");
    for body in [json!({ "owner": "x" }), json!({ "environment": "test" }), json!({ "name": "" })] {
        let answer = app.send_with_key(Method::PATCH, &path, &admin.key, Some(body.clone())).await;
        answer.assert_problem(400, "err_invalid_request", &body.to_string());
    }
    for body in [
        json!({ "overlap": 30 * 86_400 + 1 }),
        json!({ "overlap": -1 }),
        json!({ "expires_in": 0 }),
    ] {
        let answer = app
            .send_with_key(Method::POST, &admin.path("/rotate"), &admin.key, Some(body.clone()))
            .await;
        answer.assert_problem(400, "err_invalid_request", &body.to_string());
    }
    for body in [
        json!({}),
        json!({ "owner": "x", "ids": [] }),
        json!({ "ids": ["x"] }),
        json!({ "ids": vec![&admin.id; 201] }),
        json!({ "owner": "nobody" }),
    ] {
        let answer = app
            .send_with_key(Method::POST, &format!("{KEYS}/revoke"), &admin.key, Some(body.clone()))
            .await;
        answer.assert_problem(400, "err_invalid_request", &body.to_string());
    }
    for (method, path, allowed) in [
        (Method::DELETE, KEYS.to_owned(), "GET, HEAD, POST"),
        (Method::GET, format!("{KEYS}/verify"), "POST"),
        (Method::GET, format!("{KEYS}/revoke"), "POST"),
        (Method::PUT, path, "GET, HEAD, PATCH, DELETE"),
        (Method::GET, admin.path("/rotate"), "POST"),
        (Method::POST, admin.path("/usage"), "GET, HEAD"),
    ] {
        let answer = app.send_with_key(method, &path, &admin.key, None).await;
        assert_eq!((answer.status, answer.header("allow")), (405, allowed), "{path}");
    }
    // A key in the wrong place is not repeated.
    let key = &admin.key;
    for body in [
        json!({ "name": "x", "owner": key }),
        json!({ "name": "x", "scope": format!("read {key}") }),
    ] {
        let answer = create(&app, &admin, body.clone()).await;
        answer.assert_problem(400, "err_invalid_request", "a key in the wrong place");
        answer.assert_no_echo(key, "a key in the wrong place");
        assert!(answer.text("message").contains("mtk_live_…"), "{}", answer.text("message"));
    }
    let after =
        api_key::page(&app.admin, "", 100, &api_key::Filter::default()).await.unwrap().len();
    assert_eq!(after, before);
    // What people call something is theirs; where it is shown it is escaped.
    for name in
        ["<script>alert(1)</script>", "abc\u{202e}cba", "München \u{1f511}", &"ü".repeat(200)]
    {
        let answer = create(&app, &admin, json!({ "name": name })).await;
        assert_eq!((answer.status, &answer.json()["name"]), (201, &json!(name)));
        assert_eq!(answer.header("content-type"), "application/json");
        let me = app.get_with(ME, &answer.text("key")).await;
        assert_eq!(me.json()["name"], name);
    }
}

#[actix_web::test]
async fn a_key_is_replaced_while_the_old_one_stays_good() {
    let app = TestApp::spawn().await;
    let (_, admin) = manager(&app, MANAGER).await;
    let old =
        TestKey::of(&create(&app, &admin, json!({ "name": "x", "expires_in": 864_000 })).await);
    let rotate = async |key: &TestKey, body: Value| {
        app.send_with_key(Method::POST, &key.path("/rotate"), &admin.key, Some(body)).await
    };
    app.clock.advance(Duration::from_hours(1));
    let answer = rotate(&old, json!({ "overlap": 600 })).await;
    let new = TestKey::of(&answer);
    assert_ne!(new.key, old.key);
    // It lives as long as the old one did.
    assert_eq!(answer.json()["expires_at"], app.now() + 864_000);
    let shown = app.send_with_key(Method::GET, &old.path(""), &admin.key, None).await.json();
    assert_eq!(
        (&shown["replaced_by"], &shown["expires_at"]),
        (&json!(new.id), &json!(app.now() + 600))
    );
    app.accepts_key(&old.key, "the overlap").await;
    app.accepts_key(&new.key, "the new one").await;
    let again = rotate(&old, json!({})).await;
    again.assert_problem(409, "err_conflict", "replaced already");
    assert!(again.text("detail").contains(&new.id), "{again:?}");
    app.clock.advance(Duration::from_mins(10));
    app.refuses_key(&old.key, "after the overlap").await;
    app.accepts_key(&new.key, "after the overlap").await;

    // At once, and from the next one on.
    let newer = TestKey::of(&rotate(&new, json!({ "overlap": 0, "expires_in": null })).await);
    app.refuses_key(&new.key, "no overlap").await;
    assert_eq!(app.get_with(ME, &newer.key).await.json()["expires_at"], Value::Null);
    // The one that took its place is lost, so another one may.
    let newest = TestKey::of(&rotate(&newer, json!({ "overlap": 2_592_000 })).await);
    app.send_with_key(Method::DELETE, &newest.path(""), &admin.key, None).await;
    let another = TestKey::of(&rotate(&newer, json!({})).await);
    app.send_with_key(Method::POST, &another.path("/disable"), &admin.key, None).await;
    rotate(&another, json!({})).await.assert_problem(409, "err_conflict", "disabled");
}

/// Two people rotate the same key: one gets a key, the other is told.
#[actix_web::test]
async fn only_one_of_two_replaces_a_key() {
    let app = TestApp::spawn().await;
    let (owner, admin) = manager(&app, MANAGER).await;
    for round in 0..5 {
        let key = TestKey::of(&create(&app, &admin, json!({ "name": "x" })).await);
        let path = key.path("/rotate");
        let rotate = || app.send_with_key(Method::POST, &path, &admin.key, Some(json!({})));
        let id = key.id();
        let cli = api_key::rotate(&app.admin, &id, api_key::Rotation::default());
        let (one, other, cli) = tokio::join!(rotate(), rotate(), cli);
        let mut statuses = vec![one.status, other.status, if cli.is_ok() { 201 } else { 409 }];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409, 409], "{round}: {one:?} {other:?} {cli:?}");
        for answer in [one, other].iter().filter(|answer| answer.status == 409) {
            answer.assert_problem(409, "err_conflict", "somebody else was first");
        }
    }
    let filter = api_key::Filter { owner: Some(owner.id.clone()), ..Default::default() };
    assert_eq!(api_key::page(&app.admin, "", 100, &filter).await.unwrap().len(), 11);
}

#[actix_web::test]
async fn many_keys_are_revoked_at_once() {
    let app = TestApp::spawn().await;
    let (_, admin) = manager(&app, MANAGER).await;
    let owner = app.client("read").await;
    let mut keys = Vec::new();
    for _ in 0..5 {
        keys.push(TestKey::of(
            &create(&app, &admin, json!({ "name": "x", "owner": owner.id })).await,
        ));
    }
    for key in &keys {
        app.accepts_key(&key.key, "the control").await;
    }
    let revoke = async |body: Value| {
        let answer = app
            .send_with_key(Method::POST, &format!("{KEYS}/revoke"), &admin.key, Some(body))
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["revoked"].as_array().unwrap().len()
    };
    let some = [&keys[0].id, &keys[1].id, &keys[0].id];
    assert_eq!(revoke(json!({ "ids": some })).await, 2);
    assert_eq!(revoke(json!({ "ids": some })).await, 0, "they are gone already");
    for key in &keys[..2] {
        app.refuses_key(&key.key, "revoked").await;
    }
    app.accepts_key(&keys[2].key, "not named").await;
    assert_eq!(revoke(json!({ "owner": owner.id })).await, 3);
    assert_eq!(revoke(json!({ "owner": owner.id })).await, 0);
    for key in &keys {
        app.refuses_key(&key.key, "revoked").await;
    }
    app.accepts_key(&admin.key, "somebody else's").await;
}

/// A request that is sent again makes nothing, and tells no secret.
#[actix_web::test]
async fn a_request_that_is_sent_again_makes_one_key() {
    let app = TestApp::spawn().await;
    let (_, admin) = manager(&app, MANAGER).await;
    let (_, other) = manager(&app, MANAGER).await;
    let send = async |caller: &TestKey, repeat_by: &str, body: &str| {
        let request =
            app.as_header(Method::POST, KEYS, &caller.key).header("Idempotency-Key", repeat_by);
        Answer::of(request.header("content-type", "application/json").body(body.to_owned())).await
    };
    let body = r#"{"name": "x"}"#;
    let first = send(&admin, "one", body).await;
    let made = TestKey::of(&first);
    assert_eq!(first.header("idempotency-replayed"), "");
    for _ in 0..2 {
        let again = send(&admin, "one", body).await;
        assert_eq!((again.status, again.text("id")), (200, made.id.clone()), "{again:?}");
        assert_eq!(again.header("idempotency-replayed"), "true");
        again.assert_no_echo(&made.key[9..52], "sent again");
        assert_eq!(again.json()["key"], Value::Null);
    }
    send(&admin, "one", r#"{"name": "y"}"#).await.assert_problem(
        409,
        "err_conflict",
        "something else",
    );
    // It is the caller's own.
    assert_ne!(TestKey::of(&send(&other, "one", body).await).id, made.id);
    assert_ne!(TestKey::of(&send(&admin, "two", body).await).id, made.id);
    // What failed was not done, and is done the next time.
    assert_eq!(send(&admin, "three", r#"{"name": "x", "scope": "other"}"#).await.status, 400);
    assert_eq!(send(&admin, "three", body).await.status, 201);
    // What was made is gone.
    app.send_with_key(Method::DELETE, &made.path(""), &admin.key, None).await;
    send(&admin, "one", body).await.assert_problem(409, "err_conflict", "gone");
    // At once.
    let (one, two) = tokio::join!(send(&admin, "four", body), send(&admin, "four", body));
    assert_eq!(one.text("id"), two.text("id"));
    assert_eq!(one.status + two.status, 401, "one of each: {one:?} {two:?}");
    let long = "x".repeat(256);
    for bad in ["", long.as_str(), "é"] {
        send(&admin, bad, body).await.assert_problem(400, "err_invalid_request", bad);
    }
    let twice = app.as_header(Method::POST, KEYS, &admin.key).header("Idempotency-Key", "a");
    let twice =
        twice.header("Idempotency-Key", "b").header("content-type", "application/json").body(body);
    Answer::of(twice).await.assert_problem(400, "err_invalid_request", "twice");
    // A day later it is another request.
    app.clock.advance(Duration::from_hours(24));
    assert_ne!(TestKey::of(&send(&admin, "one", body).await).id, made.id);
}

/// Another service is shown a key, and asks.
#[actix_web::test]
async fn another_service_asks_whether_a_key_is_good() {
    let app = TestApp::spawn().await;
    let (_, asker) = manager(&app, "mintery:keys:verify").await;
    let owner = app.client("read write").await;
    let allowed = AddressRanges::parse("192.0.2.0/24").unwrap();
    let life = Patch::Set(Duration::from_hours(1));
    let bound = app.key(NewApiKey { allowed, expires_in: life, ..owned_by(&owner) }).await;
    let test = app.key(NewApiKey { environment: Environment::Test, ..owned_by(&owner) }).await;
    let verify = async |body: Value| {
        app.send_with_key(Method::POST, &format!("{KEYS}/verify"), &asker.key, Some(body)).await
    };
    let good = verify(json!({ "key": bound.key, "address": "192.0.2.7", "scope": "read" })).await;
    assert_eq!(good.status, 200, "{good:?}");
    assert_eq!(
        good.json(),
        json!({
            "valid": true, "id": bound.id, "sub": owner.id, "kind": "api_key", "name": "tester",
            "scope": "read write", "expires_at": app.now() + 3600
        })
    );
    assert_eq!(
        verify(json!({ "key": test.key, "environment": "test" })).await.json()["valid"],
        true
    );
    let unknown = KeyFormat::default().generate(Environment::Live, &SystemRandom);
    let token = app.access_token(&owner).await;
    for body in [
        json!({ "key": "" }),
        json!({ "key": "x" }),
        json!({ "key": unknown.expose() }),
        json!({ "key": token }),
        json!({ "key": owner.secret }),
        json!({ "key": bound.key }),
        json!({ "key": bound.key, "address": "198.51.100.1" }),
        json!({ "key": bound.key, "address": "192.0.2.7", "scope": "admin" }),
        json!({ "key": bound.key, "address": "192.0.2.7", "resource": "https://unknown.example.com" }),
        json!({ "key": bound.key, "address": "192.0.2.7", "environment": "test" }),
        json!({ "key": test.key }),
        json!({ "key": "x".repeat(20_000) }),
    ] {
        let answer = verify(body.clone()).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"valid":false}"#), "{body}");
    }
    for body in [
        json!({}),
        json!({ "key": 7 }),
        json!({ "key": bound.key, "address": "here" }),
        json!({ "key": bound.key, "scope": "a  b" }),
        json!({ "key": bound.key, "environment": "x" }),
        json!({ "key": bound.key, "other": 1 }),
    ] {
        let answer = verify(body.clone()).await;
        answer.assert_problem(400, "err_invalid_request", &body.to_string());
        answer.assert_no_echo(&bound.key, "a key that was asked about");
    }
    api_key::revoke(&app.admin, &bound.id()).await.unwrap();
    app.caught_up().await;
    assert_eq!(
        verify(json!({ "key": bound.key, "address": "192.0.2.7" })).await.body,
        r#"{"valid":false}"#
    );
}

#[actix_web::test]
async fn a_key_with_a_limit_has_to_wait() {
    let app = TestApp::spawn().await;
    let owner = app.client("read mintery:keys:write").await;
    let scopes = Some(ScopeSet::parse("read mintery:keys:write").unwrap());
    let key = app.key(NewApiKey { max_per_minute: Some(3), scopes, ..owned_by(&owner) }).await;
    // A request with a body counts once.
    let body = json!({ "name": "x", "scope": "read", "max_requests_per_minute": 3 });
    assert_eq!(create(&app, &key, body).await.status, 201);
    assert_eq!(app.get_with("/auth/check?scope=read", &key.key).await.status, 200);
    assert_eq!(app.get_with(ME, &key.key).await.status, 200);
    let over = app.get_with(ME, &key.key).await;
    assert_eq!((over.status, over.text("code").as_str()), (429, "err_rate_limited"), "{over:?}");
    assert_eq!(over.header("retry-after"), "21");
    // nginx turns 429 into 500.
    let over = app.get_with("/auth/check", &key.key).await;
    assert_eq!((over.status, over.header("retry-after")), (403, "21"), "{over:?}");
    // Another service is told, too: the key is good, just not now.
    let (_, asker) = manager(&app, "mintery:keys:verify").await;
    let asked = Some(json!({ "key": key.key }));
    let verified =
        app.send_with_key(Method::POST, &format!("{KEYS}/verify"), &asker.key, asked).await;
    assert_eq!(
        (verified.status, verified.json()),
        (200, json!({ "valid": false, "retry_after": 21 }))
    );
    // What is refused for another reason is not held against it.
    assert_eq!(app.get_with("/auth/check?scope=other", &key.key).await.status, 403);
    app.clock.let_pass(Duration::from_secs(21));
    assert_eq!(app.get_with(ME, &key.key).await.status, 200);
    assert_eq!(app.get_with(ME, &key.key).await.status, 429);
}

/// Each good use and each refusal is counted, and when it was last used and from where.
#[actix_web::test]
async fn uses_of_keys_are_counted() {
    let app = TestApp::spawn().await;
    let (_, admin) = manager(&app, MANAGER).await;
    let owner = app.client("read").await;
    let life = Patch::Set(Duration::from_mins(10));
    let key = app.key(NewApiKey { expires_in: life, ..owned_by(&owner) }).await;
    for _ in 0..3 {
        app.get_with(ME, &key.key).await;
    }
    let used_at = app.now();
    app.get_with("/auth/check?scope=other", &key.key).await;
    app.get_with("/auth/check?env=test", &key.key).await;
    app.clock.advance(Duration::from_mins(10));
    app.get_with(ME, &key.key).await;
    app.flush_usage().await;
    let get = async |path: &str| app.send_with_key(Method::GET, path, &admin.key, None).await;
    let shown = get(&key.path("")).await.json();
    assert_eq!(
        (&shown["last_used_at"], &shown["last_used_address"]),
        (&json!(used_at), &json!("127.0.0.1"))
    );
    let usage = get(&key.path("/usage")).await;
    let items = usage.json()["items"].as_array().unwrap().clone();
    let sum = |member: &str| -> i64 {
        let of = |item: &Value| match member {
            "used" => item["used"].as_i64().unwrap(),
            reason => item["refusals"][reason].as_i64().unwrap_or_default(),
        };
        items.iter().map(of).sum()
    };
    assert_eq!(sum("used"), 3, "{usage:?}");
    for reason in ["missing_scope", "other_environment", "expired"] {
        assert_eq!(sum(reason), 1, "{reason}: {usage:?}");
    }
    // By hours, the newest first, also once the key is gone.
    for _ in 0..3 {
        app.clock.advance(Duration::from_hours(1));
        app.get_with(ME, &key.key).await;
    }
    app.flush_usage().await;
    api_key::revoke(&app.admin, &key.id()).await.unwrap();
    let page = get(&key.path("/usage?limit=2")).await.json();
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let rest =
        get(&key.path(&format!("/usage?after={}", page["next"].as_str().unwrap()))).await.json();
    let hours = [&page, &rest].map(|page| page["items"].as_array().unwrap().clone()).concat();
    assert!(
        hours
            .iter()
            .map(|hour| hour["hour"].as_i64().unwrap())
            .is_sorted_by(|one, next| one > next)
    );
    assert!(hours.len() >= 4, "{hours:?}");
    get("/api/v1/keys/ak_0000000000000000000000/usage").await.assert_problem(
        404,
        "err_not_found",
        "nobody's",
    );
    // Clients have counts of their own, in which keys do not appear.
    let query = "SELECT COUNT(*) FROM client_usage";
    assert_eq!(app.database.number(query).await, 0);
}

/// A key that is remembered costs no query, and one that does not exist costs one.
#[actix_web::test]
async fn a_key_costs_no_query_and_an_unknown_one_costs_one() {
    const LOOKUPS: &str = "mintery_store_queries_total{purpose=\"lookup\"}";
    let app = TestApp::spawn().await;
    let owner = app.client("read").await;
    let key = app.key(owned_by(&owner)).await;
    app.caught_up().await;
    app.accepts_key(&key.key, "the first time").await;
    let before = app.metric(LOOKUPS).await;
    for _ in 0..20 {
        app.accepts_key(&key.key, "remembered").await;
        // Its checksum is looked at first.
        app.refuses_key(&format!("{}!", &key.key[..57]), "malformed").await;
    }
    assert!((app.metric(LOOKUPS).await - before).abs() < 0.5);
    let unknown: Vec<_> =
        (0..50).map(|_| KeyFormat::default().generate(Environment::Live, &SystemRandom)).collect();
    for _ in 0..3 {
        for unknown in &unknown {
            assert_eq!(app.get_with(ME, unknown.expose()).await.status, 401);
        }
    }
    let cost = app.metric(LOOKUPS).await - before;
    assert!((cost - 50.0).abs() < 0.5, "{cost}");
    app.accepts_key(&key.key, "still remembered").await;
}

/// What somebody is called is told by the settings: prefix, header, the longest life.
#[actix_web::test]
async fn keys_are_as_the_settings_say() {
    let settings = [
        ("api_keys.prefix", "acme"),
        ("api_keys.header", "X-Acme-Key"),
        ("api_keys.max_ttl", "3600"),
    ];
    let app = TestApp::with(&settings).await;
    let admin = app.client("mintery:keys:write read").await;
    let token =
        app.token(&admin).scope("mintery:keys:write read").send().await.text("access_token");
    let create = async |body: Value| {
        let request = app.request(Method::POST, KEYS).bearer_auth(&token);
        Answer::of(request.header("content-type", "application/json").body(body.to_string())).await
    };
    let answer = create(json!({ "name": "x" })).await;
    let key = TestKey::of(&answer);
    assert!(key.key.starts_with("acme_live_"), "{key:?}");
    assert_eq!(answer.json()["expires_at"], app.now() + 3600, "no longer than any");
    for (life, status) in [(json!(3600), 201), (json!(3601), 400), (Value::Null, 400)] {
        assert_eq!(
            create(json!({ "name": "x", "expires_in": life })).await.status,
            status,
            "{life}"
        );
    }
    let send = async |header: &str, key: &str| {
        Answer::of(app.request(Method::GET, ME).header(header, key)).await.status
    };
    assert_eq!(send("X-Acme-Key", &key.key).await, 200);
    assert_eq!(send("x-acme-key", &key.key).await, 200);
    assert_eq!(send("X-API-Key", &key.key).await, 401);
    assert_eq!(app.get_with(ME, &key.key).await.status, 200);
    // Not by small steps either: its whole life counts.
    app.clock.advance(Duration::from_mins(30));
    let token =
        app.token(&admin).scope("mintery:keys:write read").send().await.text("access_token");
    let patch = async |secs: u64| {
        let request = app.request(Method::PATCH, &key.path("")).bearer_auth(&token);
        let body = json!({ "expires_in": secs }).to_string();
        Answer::of(request.header("content-type", "application/json").body(body)).await.status
    };
    assert_eq!((patch(1801).await, patch(1800).await), (400, 200));
}

/// A database of a release that knew no keys gets what they are digested with at the next start.
#[actix_web::test]
async fn a_database_that_was_made_before_has_keys_too() {
    let app = TestApp::spawn().await;
    let database = std::sync::Arc::clone(&app.database);
    app.stop().await;
    database.execute(&["DELETE FROM data_keys WHERE purpose = 'api-keys'"]).await;
    let app = TestApp::on(std::sync::Arc::clone(&database), &[]).await.unwrap();
    let filter = mintery::admin::event_log::Filter {
        kind: Some("instance.data_keys_added".to_owned()),
        ..Default::default()
    };
    let asked = mintery::admin::event_log::Asked::Last;
    let events = mintery::admin::event_log::page(&app.admin, asked, 50, &filter).await.unwrap();
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(events[0].details.contains("api-keys"));
    let owner = app.client("read").await;
    let key = app.key(owned_by(&owner)).await;
    app.accepts_key(&key.key, "a key of its own").await;
    app.stop().await;
    // And the next start finds it.
    let app = TestApp::on(database, &[]).await.unwrap();
    app.accepts_key(&key.key, "after another start").await;
}

/// What is over is deleted some time later: keys that expired long ago, counts, requests that may
/// not be sent again.
#[actix_web::test]
async fn what_is_over_is_deleted() {
    let app = TestApp::spawn().await;
    let (_, admin) = manager(&app, MANAGER).await;
    let request = app.as_header(Method::POST, KEYS, &admin.key).header("Idempotency-Key", "one");
    let body = r#"{"name": "x", "expires_in": 60}"#;
    let made = TestKey::of(
        &Answer::of(request.header("content-type", "application/json").body(body)).await,
    );
    app.accepts_key(&made.key, "the control").await;
    app.flush_usage().await;
    let count =
        async |table: &str| app.database.number(&format!("SELECT COUNT(*) FROM {table}")).await;
    assert_eq!((count("api_keys").await, count("idempotency_keys").await), (2, 1));
    let pass = async |time: Duration| {
        app.clock.advance(time);
        app.clock.let_pass(time);
    };
    pass(Duration::from_hours(25)).await;
    until(async || count("idempotency_keys").await == 0).await;
    assert_eq!(count("api_keys").await, 2);
    pass(mintery::model::usage::KEPT_FOR).await;
    until(async || count("api_keys").await == 1).await;
    until(async || count("api_key_usage").await == 0).await;
    // The last use of a key that there is stays.
    until(async || count("api_key_last_use").await == 1).await;
}

/// Waits for what is done a few times a second.
async fn until(is_so: impl AsyncFn() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < Duration::from_secs(5), "nothing is deleted");
        actix_web::rt::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A key works at once, though somebody has asked for its owner before there was one.
#[actix_web::test]
async fn a_key_of_an_owner_who_was_asked_for_too_early_is_good() {
    let app = TestApp::spawn().await;
    for round in 0..20 {
        let id = format!("late-{round}");
        let guess =
            TestClient { id: id.clone(), secret: "mts_0".to_owned(), secret_id: String::new() };
        assert_eq!(app.token(&guess).send().await.status, 401);
        let owner = app.client_with_id(&id, "read").await;
        let key = app.key(owned_by(&owner)).await;
        assert_eq!(app.me(&key.key).await.status, 200, "{round}");
    }
}

proptest::proptest! {
    /// Whatever comes as a key, telling what it is never fails.
    #[test]
    fn reading_a_key_never_panics(text in "(mtk_(live|test)_)?.{0,60}") {
        let format = KeyFormat::default();
        proptest::prop_assert!(format.environment(&text).is_none() || format.is_meant(&text));
    }
}
