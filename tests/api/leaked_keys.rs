//! Reports of API keys found in public, in the format of GitHub's secret scanning: signed, and
//! answered with the real ones among them.

use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom as Rng;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mintery::admin::api_key::{self, NewApiKey};
use mintery::admin::event_log::{self, Asked, Filter};
use mintery::clock::{Clock as _, Timestamp};
use mintery::model::address::AddressRanges;
use mintery::model::api_key::{Environment, KeyFormat};
use mintery::model::patch::Patch;
use mintery::model::user::Role;
use mintery::random::SystemRandom;
use mintery::server::StartError;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::answer::Answer;
use crate::support::api_key::key_of;
use crate::support::api_key::{TestKey, owned_by};
use crate::support::app::{TestApp, TestClient};
use crate::support::database::TestDatabase;

const LEAKED: &str = "/api/v1/keys/leaked";
const URL: &str = "https://github.com/octocat/Hello-World/blob/12345600b9cbe38a219f39a9941c9319b600c002/foo/bar.txt";

/// A scanner, and a file with its public key.
struct Scanner {
    pair: EcdsaKeyPair,
    files: TempDir,
}

impl Scanner {
    const NAME: &str = "90a421169f0a406205f1563a953312f0be898d3c7b6c06b681aa86a874555f4a";

    fn new() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let der = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap();
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(der.as_ref())
        );
        let key = json!({ "key_identifier": Self::NAME, "key": pem, "is_current": true });
        let files = TempDir::new().unwrap();
        std::fs::write(files.path().join("keys.json"), json!({ "public_keys": [key] }).to_string())
            .unwrap();
        Self { pair, files }
    }

    fn file(&self) -> String {
        self.files.path().join("keys.json").display().to_string()
    }

    /// A server that trusts it, with this policy.
    async fn believed(&self, policy: &str) -> TestApp {
        TestApp::with(&[("leaks.public_keys", &self.file()), ("leaks.policy", policy)]).await
    }

    fn sign(&self, body: &[u8]) -> String {
        STANDARD.encode(self.pair.sign(&Rng::new(), body).unwrap())
    }

    async fn tell(&self, app: &TestApp, found: &Value) -> Answer {
        let body = found.to_string();
        let signature = self.sign(body.as_bytes());
        post(app, &[(IDENTIFIER, Self::NAME), (SIGNATURE, &signature)], body).await
    }
}

const IDENTIFIER: &str = "Github-Public-Key-Identifier";
const SIGNATURE: &str = "Github-Public-Key-Signature";

async fn post(app: &TestApp, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Answer {
    let mut request = app.request(Method::POST, LEAKED).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Answer::of(request.body(body.into())).await
}

fn found(token: &str) -> Value {
    json!({ "token": token, "type": "mintery_api_key", "url": URL, "source": "content" })
}

/// The reports so far: subject, actor and details.
async fn told(app: &TestApp) -> Vec<(String, String, Value)> {
    let filter = Filter { kind: Some("api_key.leaked".to_owned()), ..Filter::default() };
    let events = event_log::page(&app.admin, Asked::Last, 100, &filter).await.unwrap();
    let details = |text: &str| serde_json::from_str(text).unwrap();
    events.into_iter().map(|event| (event.subject, event.actor, details(&event.details))).collect()
}

async fn two_keys(app: &TestApp) -> (TestClient, TestKey, TestKey) {
    let owner = app.client("read").await;
    let (leaked, other) = (app.key(owned_by(&owner)).await, app.key(owned_by(&owner)).await);
    app.caught_up().await;
    (owner, leaked, other)
}

/// SEC-10: a reported key is revoked before the response, with the tokens exchanged for it, and its
/// owner learns the place.
#[actix_web::test]
async fn a_key_that_was_found_is_revoked() {
    let scanner = Scanner::new();
    let app = scanner.believed("revoke").await;
    let (owner, leaked, other) = two_keys(&app).await;
    let token = app.exchange(&leaked.key).send().await.text("access_token");
    let unknown = KeyFormat::default().generate(Environment::Live, &SystemRandom);
    let reported = [&leaked.key, unknown.expose(), "NMIfyYncKcRALEXAMPLE", &owner.secret];
    let answer = scanner.tell(&app, &reported.iter().map(|token| found(token)).collect()).await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, "application/json"),
        "{answer:?}"
    );
    let label = |token: &str, label: &str| json!({ "token_raw": token, "token_type": "mintery_api_key", "label": label });
    let expected: Vec<Value> = reported
        .iter()
        .zip(["true_positive", "false_positive", "false_positive", "false_positive"])
        .map(|(token, is)| label(token, is))
        .collect();
    assert_eq!(answer.json(), json!(expected));
    assert_eq!((app.me(&leaked.key).await.status, app.me(&token).await.status), (401, 401));
    assert_eq!(
        (app.me(&other.key).await.status, app.token(&owner).send().await.status),
        (200, 200)
    );
    let details =
        json!({ "owner": owner.id, "url": URL, "source": "content", "places": 1, "revoked": true });
    assert_eq!(told(&app).await, [(leaked.id.clone(), "secret_scanning".to_owned(), details)]);
    // The second report finds no key.
    let again = scanner.tell(&app, &json!([found(&leaked.key)])).await;
    assert_eq!(again.json()[0]["label"], "false_positive");
    assert_eq!(told(&app).await.len(), 1);
}

/// SEC-10: the same for a user's key.
#[actix_web::test]
async fn a_key_of_a_user_that_was_found_is_revoked_or_marked() {
    for (policy, is_revoked) in [("revoke", true), ("flag", false)] {
        let scanner = Scanner::new();
        let app = scanner.believed(policy).await;
        let user = app.user("meg", Role::Member).await;
        let (leaked, other) = (key_of(&app, &user, "").await, key_of(&app, &user, "").await);
        app.caught_up().await;
        let token = app.token_for(&leaked).await;
        let answer = scanner.tell(&app, &json!([found(&leaked.key)])).await;
        assert_eq!(answer.json()[0]["label"], "true_positive", "{answer:?}");
        let expected = if is_revoked { 401 } else { 200 };
        assert_eq!(
            (app.me(&leaked.key).await.status, app.me(&token).await.status),
            (expected, expected)
        );
        assert_eq!(app.me(&other.key).await.status, 200);
        let details = json!({
            "owner": user.id.as_str(), "url": URL, "source": "content", "places": 1, "revoked": is_revoked
        });
        assert_eq!(told(&app).await, [(leaked.id.clone(), "secret_scanning".to_owned(), details)]);
        // The user sees it in their own list.
        let listed = app.log_in(&user).await.get("/api/v1/keys").await.json();
        let marked = listed["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|key| key["leaked_at"].is_i64())
            .count();
        let all = listed["items"].as_array().unwrap().len();
        assert_eq!((all, marked), if is_revoked { (1, 0) } else { (2, 1) });
    }
}

/// A key that is only marked stays valid, and shows the mark; its successor does not.
#[actix_web::test]
async fn a_key_that_was_found_is_marked() {
    let scanner = Scanner::new();
    let app = scanner.believed("flag").await;
    let (owner, leaked, other) = two_keys(&app).await;
    let places = json!([found(&leaked.key), found(&leaked.key), found(&leaked.key)]);
    let answer = scanner.tell(&app, &places).await;
    assert_eq!(answer.json()[2]["label"], "true_positive", "{answer:?}");
    assert_eq!((app.me(&leaked.key).await.status, app.me(&other.key).await.status), (200, 200));
    let marked_at = app.now();
    let details = json!({ "owner": owner.id, "url": URL, "source": "content", "places": 3, "revoked": false });
    assert_eq!(told(&app).await, [(leaked.id.clone(), "secret_scanning".to_owned(), details)]);
    // Marked at the first report, and reported again.
    app.clock.advance(Duration::from_hours(1));
    scanner.tell(&app, &json!([found(&leaked.key)])).await;
    let shown = async |key: &TestKey| api_key::show(&app.admin, &key.id()).await.unwrap().0;
    let key = shown(&leaked).await;
    assert_eq!(key.leaked_at.map(Timestamp::as_secs), Some(marked_at));
    assert_eq!(api_key::status(&key, app.clock.now()), "leaked");
    assert_eq!((shown(&other).await.leaked_at, told(&app).await.len()), (None, 2));
    let successor =
        api_key::rotate(&app.admin, &leaked.id(), api_key::Rotation::default()).await.unwrap();
    assert_eq!(successor.key.leaked_at, None);
    let reader = app.client("mintery:keys:read").await;
    let token = app.token(&reader).scope("mintery:keys:read").send().await.text("access_token");
    let json = app.get_with(&format!("/api/v1/keys/{}", leaked.id), &token).await.json();
    assert_eq!(json["leaked_at"], marked_at);
    // The overview shows it first, with the next step; users who may only look are not offered it.
    for (name, role, is_offered) in [("ann", Role::Admin, true), ("vic", Role::Viewer, false)] {
        let browser = app.browser(name, role).await;
        let page = async |path: &str| Answer::of(browser.request(Method::GET, path)).await.body;
        let overview = page("/dashboard").await;
        let way = format!("/dashboard/keys/{}/rotate", leaked.id);
        assert!(overview.contains("Found in public"), "{overview}");
        assert_eq!(overview.contains(&way), is_offered, "{overview}");
        let shown = page(&format!("/dashboard/keys/{}", leaked.id)).await;
        assert!(
            shown.contains("This key was found in public") && shown.contains(">Leaked<"),
            "{shown}"
        );
        assert_eq!(shown.contains(&way), is_offered, "{shown}");
        assert!(!page(&format!("/dashboard/keys/{}", other.id)).await.contains("found in public"));
    }
}

/// An unusable key is reported too.
#[actix_web::test]
async fn every_real_key_counts() {
    let scanner = Scanner::new();
    let app = scanner.believed("revoke").await;
    let owner = app.client("read").await;
    let life = Patch::Set(Duration::from_mins(1));
    let allowed = AddressRanges::parse("192.0.2.0/24").unwrap();
    let keys = [
        app.key(NewApiKey { expires_in: life, ..owned_by(&owner) }).await,
        app.key(NewApiKey { environment: Environment::Test, ..owned_by(&owner) }).await,
        app.key(NewApiKey { allowed, ..owned_by(&owner) }).await,
        app.key(owned_by(&owner)).await,
    ];
    api_key::set_enabled(&app.admin, &keys[3].id(), false).await.unwrap();
    app.disable(&owner).await;
    app.clock.advance(Duration::from_mins(2));
    let answer = scanner.tell(&app, &keys.iter().map(|key| found(&key.key)).collect()).await;
    for verdict in answer.json().as_array().unwrap() {
        assert_eq!(verdict["label"], "true_positive", "{answer:?}");
    }
    assert_eq!(told(&app).await.len(), 4);
    assert!((app.metric("mintery_leaked_keys_total").await - 4.0).abs() < 0.5);
    let left = app.database.number("SELECT COUNT(*) FROM api_keys").await;
    assert_eq!(left, 0);
}

/// SEC-3, SEC-5: a report without a known signature is rejected, and nothing is done.
#[actix_web::test]
async fn only_who_is_known_is_believed() {
    let (scanner, stranger) = (Scanner::new(), Scanner::new());
    let app = scanner.believed("revoke").await;
    let (_, leaked, _) = two_keys(&app).await;
    let body = json!([found(&leaked.key)]).to_string();
    let (good, bad) = (scanner.sign(body.as_bytes()), stranger.sign(body.as_bytes()));
    let pretty = serde_json::to_string_pretty(&json!([found(&leaked.key)])).unwrap();
    let other_body = scanner.sign(pretty.as_bytes());
    let lower = good.to_lowercase();
    let name = Scanner::NAME;
    for (what, headers) in [
        ("nothing", vec![]),
        ("no signature", vec![(IDENTIFIER, name)]),
        ("no key", vec![(SIGNATURE, good.as_str())]),
        ("another key", vec![(IDENTIFIER, "f9525bf080f75b35"), (SIGNATURE, &good)]),
        ("an empty key", vec![(IDENTIFIER, ""), (SIGNATURE, &good)]),
        ("a stranger's signature", vec![(IDENTIFIER, name), (SIGNATURE, &bad)]),
        ("the signature of another body", vec![(IDENTIFIER, name), (SIGNATURE, &other_body)]),
        ("an empty signature", vec![(IDENTIFIER, name), (SIGNATURE, "")]),
        ("no base64", vec![(IDENTIFIER, name), (SIGNATURE, "????")]),
        ("other base64", vec![(IDENTIFIER, name), (SIGNATURE, &lower)]),
        ("a token", vec![("authorization", "Bearer x")]),
    ] {
        let answer = post(&app, &headers, body.clone()).await;
        assert_eq!(
            (answer.status, answer.text("code").as_str()),
            (403, "err_no_permission"),
            "{what}: {answer:?}"
        );
        answer.assert_no_echo(&leaked.key, what);
    }
    // The body is not parsed before.
    for body in ["[", "", "null"] {
        let answer = post(&app, &[(IDENTIFIER, name), (SIGNATURE, &bad)], body).await;
        assert_eq!(answer.status, 403, "{body}");
    }
    assert_eq!(app.me(&leaked.key).await.status, 200);
    assert!(told(&app).await.is_empty());
    assert_eq!(post(&app, &[(IDENTIFIER, name), (SIGNATURE, &good)], body).await.status, 200);
    assert_eq!(app.me(&leaked.key).await.status, 401);
}

/// SEC-3, SEC-6: reports are bounded, and event details are harmless.
#[actix_web::test]
async fn reports_are_bounded() {
    const LOOKUPS: &str = "mintery_store_queries_total{purpose=\"lookup\"}";
    let scanner = Scanner::new();
    let app = scanner.believed("flag").await;
    let (_, leaked, _) = two_keys(&app).await;
    for malformed in [
        json!(null),
        json!({}),
        json!("x"),
        json!([1]),
        json!([{}]),
        json!([{ "type": "x" }]),
        json!([{ "token": 1, "type": "x" }]),
        json!([found(&leaked.key), null]),
    ] {
        let answer = scanner.tell(&app, &malformed).await;
        answer.assert_problem(400, "err_invalid_request", &malformed.to_string());
    }
    let signature = scanner.sign(b"[{");
    let answer = post(&app, &[(IDENTIFIER, Scanner::NAME), (SIGNATURE, &signature)], "[{").await;
    answer.assert_problem(400, "err_invalid_request", "half");
    assert_eq!(scanner.tell(&app, &json!([])).await.body, "[]");
    let many = |count| Value::Array(vec![json!({ "token": "x", "type": "" }); count]);
    assert_eq!(scanner.tell(&app, &many(500)).await.status, 200);
    scanner.tell(&app, &many(501)).await.assert_problem(400, "err_invalid_request", "too many");
    let long = scanner.tell(&app, &json!([found(&"x".repeat(70_000))])).await;
    long.assert_problem(413, "err_invalid_request", "too long");
    assert!(told(&app).await.is_empty());

    // An unknown key costs one lookup; a malformed one costs none.
    let unknown = KeyFormat::default().generate(Environment::Live, &SystemRandom);
    let before = app.metric(LOOKUPS).await;
    for _ in 0..3 {
        let same = [unknown.expose(), "mtk_live_x", &leaked.key[..57], unknown.expose()];
        scanner.tell(&app, &same.iter().map(|token| found(token)).collect()).await;
    }
    let cost = app.metric(LOOKUPS).await - before;
    assert!((cost - 1.0).abs() < 0.5, "{cost}");

    // No terminal escape and no key in the event; missing, null and new members are accepted.
    let url = format!("https://x.example/\u{1b}[31m\r\n{}\u{202e}{}", leaked.key, "y".repeat(2000));
    let place = json!({ "token": leaked.key, "type": "t", "url": url, "source": null, "new": [1] });
    assert_eq!(scanner.tell(&app, &json!([place])).await.json()[0]["label"], "true_positive");
    let bare = json!([{ "token": leaked.key }]);
    assert_eq!(scanner.tell(&app, &bare).await.json()[0]["token_type"], "");
    let told = told(&app).await;
    let url = told[0].2["url"].as_str().unwrap();
    assert!(url.starts_with("https://x.example/[31m...yyy") && url.len() == 512, "{url}");
    assert_eq!((&told[0].2["source"], &told[1].2["url"]), (&json!(""), &json!("")));
    let with_key = format!("SELECT COUNT(*) FROM events WHERE details LIKE '%{}%'", leaked.key);
    assert_eq!(app.database.number(&with_key).await, 0);
}

/// Without scanner keys the endpoint does not exist; with unusable ones the server does not start.
#[actix_web::test]
async fn reports_need_configured_scanners() {
    let scanner = Scanner::new();
    let app = TestApp::spawn().await;
    let leaked = app.key(owned_by(&app.client("read").await)).await;
    scanner.tell(&app, &json!([found(&leaked.key)])).await.assert_problem(
        404,
        "err_not_found",
        "off",
    );
    assert_eq!(app.get(LEAKED).await.status, 404);
    assert_eq!(app.me(&leaked.key).await.status, 200);
    let on = scanner.believed("revoke").await;
    let other_method = on.get(LEAKED).await;
    assert_eq!((other_method.status, other_method.header("allow")), (405, "POST"));

    for (name, content) in
        [("empty.json", ""), ("none.json", r#"{"public_keys": []}"#), ("not-there.json", "-")]
    {
        let path = scanner.files.path().join(name);
        if content != "-" {
            std::fs::write(&path, content).unwrap();
        }
        let path = path.display().to_string();
        let started =
            TestApp::on(TestDatabase::create().await, &[("leaks.public_keys", &path)]).await;
        let error = started.err().unwrap();
        assert!(matches!(&error, StartError::Config(_)), "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
}
