//! Administration over HTTP: clients, their secrets, APIs; who may do what.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::answer::Answer;
use crate::support::app::{ISSUER, TestApp, TestClient, basic};

const CLIENTS: &str = "/api/v1/clients";
const APIS: &str = "/api/v1/apis";

/// All that an administrator may hold, and the scopes that they may give to others.
const ADMIN: &str =
    "mintery:apis:read mintery:apis:write mintery:clients:read mintery:clients:write read write";

/// Somebody who calls the API with a token.
pub struct Caller<'a> {
    app: &'a TestApp,
    token: String,
}

impl<'a> Caller<'a> {
    /// With these scopes, each asked for: Mintery's own are never a default.
    pub async fn with(app: &'a TestApp, scopes: &str) -> Self {
        let client = app.client(scopes).await;
        let token = app.token(&client).scope(scopes).send().await.text("access_token");
        Self { app, token }
    }

    pub async fn admin(app: &'a TestApp) -> Self {
        Self::with(app, ADMIN).await
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.app.request(method, path).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        Answer::of(request).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    async fn create(&self, body: Value) -> TestClient {
        let answer = self.post(CLIENTS, body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        TestClient {
            id: answer.text("client_id"),
            secret: answer.text("client_secret"),
            secret_id: String::new(),
        }
    }
}

fn path(client: &TestClient, rest: &str) -> String {
    format!("{CLIENTS}/{}{rest}", client.id)
}

fn claims(token: &str) -> Value {
    Value::Object(crate::support::forge::part(token, 1))
}

/// SEC-10: what was acknowledged is in force for the next request on the same node.
#[actix_web::test]
async fn a_client_is_made_changed_and_deleted() {
    let app = TestApp::spawn().await;
    let caller = Caller::admin(&app).await;
    let answer =
        caller.post(CLIENTS, json!({ "client_name": "billing", "scope": "read write" })).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    let made = answer.json();
    assert_eq!((&made["client_name"], &made["scope"]), (&json!("billing"), &json!("read write")));
    assert_eq!(made["client_secret_expires_at"], 0);
    assert_eq!(
        answer.header("location"),
        format!("{ISSUER}{CLIENTS}/{}", made["client_id"].as_str().unwrap().replace('_', "%5F"))
    );
    let client = TestClient {
        id: answer.text("client_id"),
        secret: answer.text("client_secret"),
        secret_id: String::new(),
    };
    assert_eq!(app.token(&client).send().await.scope(), "read write");

    let changed = json!({ "client_name": "Billing", "scope": "read", "access_token_ttl": 60, "access_token_signed_response_alg": "EdDSA" });
    let answer = caller.patch(&path(&client, ""), changed).await;
    assert_eq!((answer.status, &answer.json()["client_name"]), (200, &json!("Billing")));
    let answer = app.token(&client).send().await;
    assert_eq!((answer.scope(), &answer.json()["expires_in"]), ("read".to_owned(), &json!(60)));
    assert_eq!(crate::support::forge::part(&answer.text("access_token"), 0)["alg"], "EdDSA");
    app.token(&client).scope("write").send().await.assert_oauth_error(
        400,
        "invalid_scope",
        "what was taken away",
    );

    // What is null is taken away again, what is absent stays.
    let answer = caller.patch(&path(&client, ""), json!({ "access_token_ttl": null })).await;
    assert_eq!(answer.json()["access_token_ttl"], Value::Null);
    assert_eq!(answer.json()["access_token_signed_response_alg"], "EdDSA");
    assert_eq!(app.token(&client).send().await.json()["expires_in"], 3600);

    let answer = caller.post(&path(&client, "/disable"), json!({})).await;
    assert_eq!((answer.status, &answer.json()["enabled"]), (200, &json!(false)));
    app.token(&client).send().await.assert_oauth_error(401, "invalid_client", "disabled");
    caller.post(&path(&client, "/enable"), json!({})).await;
    assert_eq!(app.token(&client).send().await.status, 200);

    let shown = caller.get(&path(&client, "")).await;
    assert_eq!(shown.json()["secrets"].as_array().unwrap().len(), 1);
    assert!(!shown.body.contains(&client.secret[4..20]), "{shown:?}");
    let answer = caller.delete(&path(&client, "")).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    app.token(&client).send().await.assert_oauth_error(401, "invalid_client", "deleted");
    assert_eq!(caller.get(&path(&client, "")).await.status, 404);
    assert_eq!(caller.delete(&path(&client, "")).await.json()["code"], "err_not_found");
}

/// A new secret is brought out before the old one is taken back.
#[actix_web::test]
async fn a_client_has_several_secrets_meanwhile() {
    let app = TestApp::spawn().await;
    let caller = Caller::admin(&app).await;
    let old = caller.create(json!({ "client_name": "x", "scope": "read" })).await;
    let secrets = path(&old, "/secrets");
    let answer = caller.post(&secrets, json!({ "label": "spring", "expires_in": 60 })).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.json()["label"], "spring");
    assert_eq!(answer.json()["expires_at"], app.now() + 60);
    let new = TestClient { secret: answer.text("client_secret"), ..old.clone() };
    for client in [&old, &new] {
        assert_eq!(app.token(client).send().await.status, 200);
    }
    let listed = caller.get(&secrets).await;
    let items = listed.json()["items"].as_array().unwrap().clone();
    assert_eq!(items.len(), 2);
    assert!(!listed.body.contains(&new.secret) && !listed.body.contains("digest"));
    let first = items.iter().find(|item| item["label"].is_null()).unwrap()["id"].as_str().unwrap();
    assert_eq!(caller.delete(&format!("{secrets}/{first}")).await.status, 204);
    app.token(&old).send().await.assert_oauth_error(401, "invalid_client", "a revoked secret");
    assert_eq!(app.token(&new).send().await.status, 200);
    assert_eq!(caller.delete(&format!("{secrets}/{first}")).await.status, 404);
    let by_itself = caller.delete(&format!("{secrets}/{}", new.secret)).await;
    by_itself.assert_problem(404, "err_not_found", "a secret for its id");
    by_itself.assert_no_echo(&new.secret, "a secret for its id");
    app.clock.advance(std::time::Duration::from_mins(1));
    app.token(&new).send().await.assert_oauth_error(401, "invalid_client", "an expired secret");
    // As many as there may be, and no more.
    for _ in 1..10 {
        assert_eq!(caller.send(Method::POST, &secrets, None).await.status, 201);
    }
    assert_eq!(caller.post(&secrets, json!({})).await.status, 400);
}

/// SEC-12: a scope of Mintery's own for each kind of act, and nobody gives what they do not hold.
#[actix_web::test]
async fn nobody_does_or_grants_what_they_may_not() {
    let app = TestApp::spawn().await;
    let target = app.client("read write admin").await;
    let reader = Caller::with(&app, "mintery:clients:read read").await;
    assert_eq!(reader.get(CLIENTS).await.status, 200);
    for (method, path) in [
        (Method::POST, CLIENTS.to_owned()),
        (Method::PATCH, path(&target, "")),
        (Method::DELETE, path(&target, "")),
        (Method::POST, path(&target, "/disable")),
        (Method::POST, path(&target, "/secrets")),
        (Method::GET, APIS.to_owned()),
        (Method::POST, APIS.to_owned()),
    ] {
        let answer = reader.send(method.clone(), &path, Some(json!({ "client_name": "x" }))).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (403, &json!("err_no_permission")),
            "{method} {path}"
        );
        assert!(answer.header("www-authenticate").contains("insufficient_scope"), "{answer:?}");
        let anonymous = Answer::of(app.request(method, &path)).await;
        assert_eq!(anonymous.status, 401, "{path}");
    }

    let writer = Caller::with(&app, "mintery:clients:write read").await;
    for body in [
        json!({ "client_name": "x", "scope": "read write" }),
        json!({ "client_name": "x", "scope": "mintery:clients:read" }),
        json!({ "client_name": "x", "scope": "mintery:users:write read" }),
    ] {
        let answer = writer.post(CLIENTS, body.clone()).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (403, &json!("err_no_permission")),
            "{body}"
        );
    }
    let own =
        writer.create(json!({ "client_name": "x", "scope": "read mintery:clients:write" })).await;
    assert_eq!(writer.patch(&path(&own, ""), json!({ "scope": "read write" })).await.status, 403);
    assert_eq!(writer.patch(&path(&own, ""), json!({ "scope": "" })).await.status, 200);
    // A secret of somebody who may do more would make the caller that somebody.
    assert_eq!(writer.post(&path(&target, "/secrets"), json!({})).await.status, 403);
    // Whoever takes over a client is that client when it gets its scopes back; so even its name
    // takes all of them.
    for change in [
        json!({ "client_name": "renamed" }),
        json!({ "scope": "" }),
        json!({ "default_scope": "read" }),
    ] {
        assert_eq!(writer.patch(&path(&target, ""), change.clone()).await.status, 403, "{change}");
    }
    assert_eq!(writer.delete(&path(&target, "")).await.status, 403);
    // Nor does a secret come back that was taken away.
    let secret = path(&target, &format!("/secrets/{}", target.secret_id));
    assert_eq!(writer.delete(&secret).await.status, 403);
    // Stopping somebody takes less than letting them go on.
    assert_eq!(writer.post(&path(&target, "/disable"), json!({})).await.status, 200);
    assert_eq!(writer.post(&path(&target, "/enable"), json!({})).await.status, 403);
    // Mintery's own scopes are never a default.
    let answer = writer
        .patch(
            &path(&own, ""),
            json!({ "scope": "mintery:clients:write", "default_scope": "mintery:clients:write" }),
        )
        .await;
    assert_eq!(answer.status, 400, "{answer:?}");
}

/// A token that was issued before a scope was taken from its client does not do more than the
/// client may now.
#[actix_web::test]
async fn a_scope_that_was_taken_away_is_gone_from_tokens() {
    let app = TestApp::spawn().await;
    let caller = Caller::admin(&app).await;
    let client = caller.create(json!({ "client_name": "x", "scope": "read write" })).await;
    let token = app.access_token(&client).await;
    caller.patch(&path(&client, ""), json!({ "scope": "read" })).await;
    assert_eq!(app.me(&token).await.json()["scope"], "read");
    assert_eq!(app.get_with("/auth/check?scope=write", &token).await.status, 403);
}

#[actix_web::test]
async fn clients_are_listed_in_pages_and_filtered() {
    let app = TestApp::spawn().await;
    let caller = Caller::admin(&app).await;
    for number in 0..7 {
        let name = if number < 3 { format!("Invoice_{number}") } else { format!("other {number}") };
        let client = caller.create(json!({ "client_name": name })).await;
        if number % 2 == 0 {
            caller.post(&path(&client, "/disable"), json!({})).await;
        }
    }
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = caller.get(&format!("{CLIENTS}?limit=3&after={after}")).await.json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 3);
        seen.extend(items.iter().map(|item| item["client_id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => break,
        }
    }
    assert_eq!(seen.len(), 8, "seven and the caller");
    assert!(seen.is_sorted_by(|one, next| one < next));
    for (query, count) in [
        ("name=invoice", 3),
        ("name=INVOICE_", 3),
        ("name=e_", 3),
        ("name=%25", 0),
        ("enabled=false", 4),
        ("enabled=true", 4),
        ("enabled=false&name=invoice", 2),
        ("limit=200", 8),
    ] {
        let page = caller.get(&format!("{CLIENTS}?{query}")).await.json();
        assert_eq!(page["items"].as_array().unwrap().len(), count, "{query}: {page}");
        assert_eq!(page["next"], Value::Null);
    }
    let long = format!("name={}", "x".repeat(300));
    for bad in [
        "limit=0",
        "limit=201",
        "limit=x",
        "enabled=yes",
        "order=name",
        "limit=1&limit=2",
        "name=a&name=b",
        "after=%00",
        "name=%00",
        &long,
    ] {
        let answer = caller.get(&format!("{CLIENTS}?{bad}")).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (400, &json!("err_invalid_request")),
            "{bad}"
        );
    }
}

/// Bad input says what is wrong with it, and changes nothing.
#[actix_web::test]
async fn bad_input_is_refused() {
    let app = TestApp::spawn().await;
    let caller = Caller::admin(&app).await;
    let long = "x".repeat(5000);
    for body in [
        json!({}),
        json!({ "client_name": "" }),
        json!({ "client_name": "a\u{1b}[31m" }),
        json!({ "client_name": 1 }),
        json!({ "client_name": "x", "scope": "a  b" }),
        json!({ "client_name": "x", "scope": ["read"] }),
        json!({ "client_name": "x", "scope": "read", "default_scope": "write" }),
        json!({ "client_name": "x", "access_token_ttl": 0 }),
        json!({ "client_name": "x", "access_token_ttl": 99_999_999 }),
        json!({ "client_name": "x", "access_token_ttl": -1 }),
        json!({ "client_name": "x", "access_token_signed_response_alg": "HS256" }),
        json!({ "client_name": "x", "access_token_signed_response_alg": "none" }),
        json!({ "client_name": "x", "introspection_signed_response_alg": "HS256" }),
        json!({ "client_name": "x", "introspection_signed_response_alg": "none" }),
        json!({ "client_name": "x", "stands_for": ["/relative"] }),
        json!({ "client_name": "x", "stands_for": ["https://unknown.example.com"] }),
        json!({ "client_name": "x", "stands_for": "https://unknown.example.com" }),
        json!({ "client_name": "x", "stands_for": vec!["urn:x"; 33] }),
        json!({ "client_name": "x", "grant_types": ["password"] }),
        json!({ "client_name": "x", "resources": ["/relative"] }),
        json!({ "client_name": "x", "client_id": " x" }),
        json!({ "client_name": "x", "client_secret": "chosen" }),
        json!({ "client_name": "x", "unknown": true }),
        json!({ "client_name": long }),
        json!(["client_name"]),
    ] {
        let answer = caller.post(CLIENTS, body.clone()).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (400, &json!("err_invalid_request")),
            "{body}"
        );
        assert!(!answer.json()["detail"].as_str().unwrap().is_empty());
    }
    let answer = caller
        .post(CLIENTS, json!({ "client_name": "x", "resources": ["https://unknown.example.com"] }))
        .await;
    assert_eq!(answer.status, 400, "{answer:?}");
    let send = |body: Vec<u8>, content_type: &'static str| {
        let request = app.request(Method::POST, CLIENTS).bearer_auth(&caller.token);
        Answer::of(request.header("content-type", content_type).body(body))
    };
    for (body, content_type) in [
        (b"{".to_vec(), "application/json"),
        (b"{\"client_name\":\"\xff\"}".to_vec(), "application/json"),
        (b"client_name=x".to_vec(), "application/x-www-form-urlencoded"),
        (b"{\"client_name\":\"x\"}".to_vec(), "text/plain"),
        (b"{\"client_name\":\"x\",\"client_name\":\"y\"}".to_vec(), "application/json"),
        (
            b"[\"arr\",\"from array\",\"read\",null,null,null,null,null,null]".to_vec(),
            "application/json",
        ),
    ] {
        assert_eq!(send(body.clone(), content_type).await.status, 400, "{}", body.escape_ascii());
    }
    // SEC-5: what has the wrong type may be a secret in the wrong place.
    for body in [
        r#"{"secret_expires_in":"MARKER"}"#,
        r#"{"client_name":"x","resources":"MARKER"}"#,
        r#""MARKER""#,
    ] {
        let answer = send(body.into(), "application/json").await;
        answer.assert_problem(400, "err_invalid_request", body);
        answer.assert_no_echo("MARKER", body);
    }
    for path in [CLIENTS, APIS, "/api/v1/clients/known/secrets"] {
        let request = app.request(Method::POST, path).bearer_auth(&caller.token);
        let answer =
            Answer::of(request.header("content-type", "application/json").body("[]")).await;
        answer.assert_problem(400, "err_invalid_request", path);
        assert!(answer.body.contains("a JSON object"), "{path}: {answer:?}");
    }
    assert_eq!(send(vec![b' '; 70_000], "application/json").await.status, 413);
    let answer = caller.send(Method::PUT, CLIENTS, None).await;
    assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD, POST"));
    let known = caller.create(json!({ "client_name": "x", "client_id": "known" })).await;
    let again = caller.post(CLIENTS, json!({ "client_name": "x", "client_id": "known" })).await;
    assert_eq!((again.status, &again.json()["code"]), (409, &json!("err_conflict")));
    // A secret that is never good, or later than anybody means.
    for life in [0, 10_000_000_000, 9_223_372_036_854_775, u64::MAX] {
        let body = json!({ "client_name": "x", "secret_expires_in": life });
        assert_eq!(caller.post(CLIENTS, body).await.status, 400, "{life}");
    }
    for bad in [
        json!({ "client_id": "other" }),
        json!({ "secret_expires_in": 1 }),
        json!({ "client_name": null, "scope": 1 }),
    ] {
        assert_eq!(caller.patch(&path(&known, ""), bad.clone()).await.status, 400, "{bad}");
    }
    assert_eq!(
        caller.get(&format!("{CLIENTS}?name=tester")).await.json()["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(caller.get(CLIENTS).await.json()["items"].as_array().unwrap().len(), 2);
}

/// An id that exists elsewhere may have a slash and whatever else RFC 6749 allows.
#[actix_web::test]
async fn an_id_of_any_characters_is_a_segment_of_the_path() {
    let app = TestApp::spawn().await;
    let caller = Caller::admin(&app).await;
    for (id, segment) in [("a/b", "a%2Fb"), ("a b%c?d#e", "a%20b%25c%3Fd%23e"), ("../x", "..%2Fx")]
    {
        caller.create(json!({ "client_name": "x", "client_id": id })).await;
        let shown = caller.get(&format!("{CLIENTS}/{segment}")).await;
        assert_eq!((shown.status, &shown.json()["client_id"]), (200, &json!(id)), "{id}");
    }
}

/// SEC-12: nor by two changes at once, of which each alone would be allowed or refused.
#[actix_web::test]
async fn changes_at_the_same_moment_grant_nothing() {
    let app = TestApp::spawn().await;
    let caller = Caller::with(&app, "mintery:clients:write read write pay").await;
    for _ in 0..20 {
        let client = caller.create(json!({ "client_name": "x", "scope": "pay" })).await;
        let target = path(&client, "");
        let (one, two) = tokio::join!(
            caller.patch(&target, json!({ "default_scope": "pay" })),
            caller.patch(&target, json!({ "scope": "" })),
        );
        assert!(one.status == 400 || two.status == 400, "{one:?} {two:?}");
        assert!(app.token(&client).send().await.scope().is_empty() || two.status == 400);
    }
}

/// An id that was somebody's is trusted as theirs: over HTTP nobody else gets it.
#[actix_web::test]
async fn an_id_is_not_made_again_over_http() {
    let app = TestApp::spawn().await;
    let caller = Caller::admin(&app).await;
    let client = caller.create(json!({ "client_name": "x", "client_id": "once" })).await;
    assert_eq!(caller.delete(&path(&client, "")).await.status, 204);
    assert_eq!(
        caller.post(CLIENTS, json!({ "client_name": "x", "client_id": "once" })).await.status,
        409
    );
    // Who has the rights of the operating system knows what they do.
    app.client_with_id("once", "read").await;
}

/// Which APIs a client may call is for those to say who manage the APIs.
#[actix_web::test]
async fn a_client_does_not_give_itself_an_api() {
    let app = TestApp::spawn().await;
    let admin = Caller::admin(&app).await;
    let billing = "https://billing.example.com";
    assert_eq!(
        admin
            .post(APIS, json!({ "resource": billing, "name": "Billing", "scope": "read" }))
            .await
            .status,
        201
    );
    let writer = Caller::with(&app, "mintery:clients:write read").await;
    let body = json!({ "client_name": "x", "scope": "read", "resources": [billing] });
    assert_eq!(writer.post(CLIENTS, body.clone()).await.status, 403);
    let own = writer.create(json!({ "client_name": "x", "scope": "read" })).await;
    assert_eq!(writer.patch(&path(&own, ""), json!({ "resources": [billing] })).await.status, 403);
    let given = admin.create(body).await;
    // What is there already may stay.
    assert_eq!(writer.patch(&path(&given, ""), json!({ "client_name": "y" })).await.status, 200);
}

/// 7662-1: nor an API that it stands for; and whoever has a secret of a client that stands for one
/// stands for it.
#[actix_web::test]
async fn a_client_does_not_give_itself_an_api_to_stand_for() {
    let app = TestApp::spawn().await;
    let admin = Caller::admin(&app).await;
    let billing = "https://billing.example.com";
    let api = format!("{APIS}/https%3A%2F%2Fbilling.example.com");
    admin.post(APIS, json!({ "resource": billing, "name": "Billing", "scope": "read" })).await;
    let writer = Caller::with(&app, "mintery:clients:write read").await;
    let body = json!({ "client_name": "x", "scope": "read", "stands_for": [billing] });
    assert_eq!(writer.post(CLIENTS, body.clone()).await.status, 403, "a new one");
    let own = writer.create(json!({ "client_name": "x", "scope": "read" })).await;
    let taken = writer.patch(&path(&own, ""), json!({ "stands_for": [billing] })).await;
    assert_eq!(taken.status, 403, "one of its own");
    let given = admin.create(body).await;
    let changed = json!({ "client_name": "y", "introspection_signed_response_alg": "ES256" });
    let shown = writer.patch(&path(&given, ""), changed).await;
    assert_eq!(
        (shown.status, &shown.json()["stands_for"]),
        (200, &json!([billing])),
        "what is there may stay"
    );
    assert_eq!(shown.json()["introspection_signed_response_alg"], "ES256");
    let secrets = path(&given, "/secrets");
    assert_eq!(writer.post(&secrets, json!({})).await.status, 403, "a secret of it");
    assert_eq!(admin.post(&secrets, json!({})).await.status, 201);

    // An API that somebody stands for is not deleted.
    let answer = admin.delete(&api).await;
    assert_eq!((answer.status, answer.text("code").as_str()), (409, "err_conflict"), "{answer:?}");
    assert!(answer.text("detail").contains(&given.id), "{answer:?}");
    let taken = json!({ "stands_for": [], "introspection_signed_response_alg": null });
    let shown = writer.patch(&path(&given, ""), taken).await.json();
    assert_eq!(
        (&shown["stands_for"], shown.get("introspection_signed_response_alg")),
        (&json!([]), None)
    );
    assert_eq!(admin.delete(&api).await.status, 204);
}

/// The identifier in the path is read once: two that differ by an encoding are two.
#[actix_web::test]
async fn an_identifier_is_decoded_once() {
    let app = TestApp::spawn().await;
    let caller = Caller::admin(&app).await;
    for resource in ["https://x.example/%41", "https://x.example/A"] {
        let answer = caller.post(APIS, json!({ "resource": resource, "name": "x" })).await;
        let location = answer.header("location").strip_prefix(ISSUER).unwrap().to_owned();
        assert_eq!(caller.get(&location).await.json()["resource"], resource);
    }
    assert_eq!(caller.delete(&format!("{APIS}/https%3A%2F%2Fx.example%2F%2541")).await.status, 204);
    let left = caller.get(APIS).await.json();
    assert_eq!(left["items"][0]["resource"], "https://x.example/A");
}

/// Two who change different things of an API at once both have what they wanted.
#[actix_web::test]
async fn changes_of_an_api_at_once_are_not_lost() {
    let app = TestApp::spawn().await;
    let caller = Caller::admin(&app).await;
    let api = format!("{APIS}/urn%3Ax");
    caller.post(APIS, json!({ "resource": "urn:x", "name": "x", "scope": "read pay" })).await;
    for number in 0..20 {
        let (scopes, name) = if number % 2 == 0 { ("read", "even") } else { ("read pay", "odd") };
        tokio::join!(
            caller.patch(&api, json!({ "scope": scopes })),
            caller.patch(&api, json!({ "name": name })),
        );
        let now = caller.get(&api).await.json();
        assert_eq!(
            (&now["scope"], &now["name"]),
            (&json!(if number % 2 == 0 { "read" } else { "pay read" }), &json!(name))
        );
    }
}

/// 8707-1, 8707-2: APIs, their scopes, what their tokens look like; and clients that may ask for
/// them.
#[actix_web::test]
async fn tokens_are_for_the_apis_that_a_client_may_call() {
    let app = TestApp::spawn().await;
    let caller = Caller::admin(&app).await;
    let (orders, stock) = ("https://orders.example.com", "urn:example:stock");
    let api = json!({ "resource": orders, "name": "Orders", "scopes": { "read": "Reads orders.", "write": "" },
        "access_token_ttl": 300, "access_token_signed_response_alg": "RS256" });
    let answer = caller.post(APIS, api).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.json()["scopes"]["read"], "Reads orders.");
    let location = answer.header("location").strip_prefix(ISSUER).unwrap().to_owned();
    assert_eq!(caller.get(&location).await.json()["resource"], orders);
    assert_eq!(
        caller
            .post(APIS, json!({ "resource": stock, "name": "Stock", "scope": "read" }))
            .await
            .status,
        201
    );
    assert_eq!(caller.get(APIS).await.json()["items"].as_array().unwrap().len(), 2);

    let client = caller
        .create(json!({ "client_name": "x", "scope": "read write", "resources": [orders, stock] }))
        .await;
    // Without `resource` it is the first that the client is registered for, with the defaults that
    // belong to it.
    let answer = app.token(&client).send().await;
    let token = answer.text("access_token");
    assert_eq!(claims(&token)["aud"], orders);
    assert_eq!(
        (answer.scope(), &answer.json()["expires_in"]),
        ("read write".to_owned(), &json!(300))
    );
    assert_eq!(crate::support::forge::part(&token, 0)["alg"], "RS256");
    assert_eq!(app.get_with(&format!("/auth/check?resource={orders}"), &token).await.status, 200);
    assert_eq!(app.me(&token).await.status, 401, "a token for another API");

    let answer = app.token(&client).resource(stock).send().await;
    assert_eq!(
        (answer.scope(), &claims(&answer.text("access_token"))["aud"]),
        ("read".to_owned(), &json!(stock))
    );
    let both = app.token(&client).resource(stock).resource(orders).scope("read").send().await;
    assert_eq!(claims(&both.text("access_token"))["aud"], json!([orders, stock]));
    // A scope must belong to every audience that is asked for.
    let answer = app.token(&client).resource(stock).resource(orders).scope("write").send().await;
    answer.assert_oauth_error(400, "invalid_scope", "a scope of one of two");
    // The default API is everybody's.
    let own = app.token(&client).resource(ISSUER).send().await.text("access_token");
    assert_eq!(app.me(&own).await.status, 200);

    // Known, and not for this client; and unknown.
    let stranger = app.client("read").await;
    for resource in [orders, "https://unknown.example.com"] {
        app.token(&stranger).resource(resource).send().await.assert_oauth_error(
            400,
            "invalid_target",
            resource,
        );
    }
    let own_scope = caller
        .create(
            json!({ "client_name": "x", "scope": "mintery:clients:read", "resources": [orders] }),
        )
        .await;
    let answer = app.token(&own_scope).scope("mintery:clients:read").resource(orders).send().await;
    answer.assert_oauth_error(400, "invalid_scope", "Mintery's own scope for another API");

    let changed = caller
        .patch(&location, json!({ "scope": "read", "access_token_signed_response_alg": null }))
        .await;
    assert_eq!((changed.status, &changed.json()["scope"]), (200, &json!("read")));
    let answer = app.token(&client).send().await;
    assert_eq!(answer.scope(), "read");
    assert_eq!(crate::support::forge::part(&answer.text("access_token"), 0)["alg"], "ES256");
    assert_eq!(caller.delete(&location).await.status, 204);
    app.token(&client).send().await.assert_oauth_error(
        400,
        "invalid_target",
        "an API that is no more",
    );
    assert_eq!(caller.delete(&location).await.status, 404);
    for bad in [
        json!({ "name": "x" }),
        json!({ "resource": "/x", "name": "x" }),
        json!({ "resource": "https://a/#b", "name": "x" }),
        json!({ "resource": "https://a", "name": "x", "scope": "mintery:clients:read" }),
        json!({ "resource": "https://a", "name": "x", "scope": "a", "scopes": {} }),
        json!({ "resource": "https://a", "name": "x", "scopes": { "a b": "" } }),
        json!({ "resource": "https://a", "name": "x", "access_token_signed_response_alg": "HS256" }),
    ] {
        assert_eq!(caller.post(APIS, bad.clone()).await.status, 400, "{bad}");
    }
    assert_eq!(caller.post(APIS, json!({ "resource": stock, "name": "again" })).await.status, 409);
}

/// 6749-10: the default scopes are what the client says, else all of its own but Mintery's.
#[actix_web::test]
async fn a_client_has_default_scopes() {
    let app = TestApp::spawn().await;
    let caller = Caller::admin(&app).await;
    let client = caller
        .create(json!({ "client_name": "x", "scope": "read write mintery:clients:read", "default_scope": "read" }))
        .await;
    assert_eq!(app.token(&client).send().await.scope(), "read");
    assert_eq!(app.token(&client).scope("write").send().await.scope(), "write");
    caller.patch(&path(&client, ""), json!({ "default_scope": "" })).await;
    assert!(app.token(&client).send().await.json().get("scope").is_none());
    caller.patch(&path(&client, ""), json!({ "default_scope": null })).await;
    assert_eq!(app.token(&client).send().await.scope(), "read write");
    // A default that the client may not have any more is no default.
    let answer = caller.patch(&path(&client, ""), json!({ "default_scope": "write" })).await;
    assert_eq!(answer.status, 200);
    assert_eq!(caller.patch(&path(&client, ""), json!({ "scope": "read" })).await.status, 400);
}

/// Basic is for the token endpoint; the API takes tokens.
#[actix_web::test]
async fn a_secret_does_not_open_the_api() {
    let app = TestApp::spawn().await;
    let client = app.client(ADMIN).await;
    let request = app
        .request(Method::GET, CLIENTS)
        .header("authorization", basic(format!("{}:{}", client.id, client.secret)));
    assert_eq!(Answer::of(request).await.status, 401);
}

/// What is administered stands below the path of an issuer too, and nowhere beside it.
#[actix_web::test]
async fn the_path_of_the_issuer_may_stand_in_front() {
    let app = TestApp::with(&[("issuer", "https://example.com/tenant")]).await;
    for path in [
        CLIENTS,
        "/api/v1/clients/x",
        "/api/v1/apis/https://example.com/a",
        "/api/v1/users/me/sessions/x",
    ] {
        let method = if path.ends_with("sessions/x") { Method::DELETE } else { Method::GET };
        for (prefix, status) in
            [("", 401), ("/tenant", 401), ("/tenantx", 404), ("/tenant/tenant", 404), ("/x", 404)]
        {
            let answer = Answer::of(app.request(method.clone(), &format!("{prefix}{path}"))).await;
            assert_eq!(answer.status, status, "{prefix}{path}: {answer:?}");
        }
    }
}
