//! Chosen or imported secrets: `client_secret` of the API, and hashes of other programs.

use std::time::Duration;

use mintery::random::SystemRandom;
use mintery::secret::generated::{CLIENT_SECRET_PREFIX, generate};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AnyConnection, Connection as _, Row as _};

use crate::support::answer::Answer;
use crate::support::app::{TestApp, TestClient, basic, new_client, within_a_second};

const CHOSEN: &str = "correct horse: battery+staple%";

const HASHES: &str = "mintery_hashes_total";

impl TestApp {
    /// A client with a chosen secret.
    pub async fn client_with_secret(&self, secret: &str) -> TestClient {
        let mut new = new_client("read");
        new.secret = Some(chosen(secret));
        self.create(new).await
    }

    /// A client that was imported with this hash of its secret.
    async fn client_with_hash(&self, secret: &str, hash: &str) -> TestClient {
        self.client_with_hash_and_end(secret, hash, "").await
    }

    /// The same with the last characters of the secret.
    async fn client_with_hash_and_end(&self, secret: &str, hash: &str, end: &str) -> TestClient {
        let client = self.client("read").await;
        let sql = format!(
            "UPDATE client_secrets SET digest = '{}', hint = '{end}', hash = '{hash}' WHERE id = '{}'",
            "A".repeat(43),
            client.secret_id
        );
        self.database.execute(&[&sql]).await;
        TestClient { secret: secret.to_owned(), ..client }
    }

    /// The stored forms of a secret: digest, hash, hint.
    async fn kept(&self, client: &TestClient) -> (String, String, String) {
        let mut connection = AnyConnection::connect(&self.database.url).await.unwrap();
        let row = sqlx::query("SELECT digest, hash, hint FROM client_secrets WHERE id = $1")
            .bind(client.secret_id.as_str())
            .fetch_one(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
        (row.get("digest"), row.get("hash"), row.get("hint"))
    }

    pub async fn hashes(&self) -> i64 {
        self.count(HASHES).await
    }

    /// The value of a counter.
    #[expect(clippy::cast_possible_truncation, reason = "a small count")]
    pub async fn count(&self, series: &str) -> i64 {
        self.metric(series).await as i64
    }
}

fn chosen(secret: &str) -> mintery::secret::chosen::ChosenSecret {
    mintery::secret::chosen::ChosenSecret::parse(mintery::secret::Secret::new(secret.to_owned()))
        .unwrap()
}

/// Sends a request with a token that may administer clients.
pub async fn administer(app: &TestApp, method: Method, path: &str, body: Value) -> Answer {
    const SCOPES: &str = "mintery:clients:read mintery:clients:write read";
    let client = app.client(SCOPES).await;
    let token = app.token(&client).scope(SCOPES).send().await.text("access_token");
    let request = app.request(method, path).bearer_auth(token);
    Answer::of(request.header("content-type", "application/json").body(body.to_string())).await
}

/// 6749-7: by Basic and by form, encoded and not; one hash for all of them.
#[actix_web::test]
async fn a_chosen_secret_costs_one_hash_and_is_then_remembered() {
    let app = TestApp::spawn().await;
    let client = app.client_with_secret(CHOSEN).await;
    let form = |secret: &str| {
        app.form(&[
            ("grant_type", "client_credentials"),
            ("client_id", &client.id),
            ("client_secret", secret),
        ])
        .send()
    };
    form(CHOSEN).await.assert_token("by form");
    assert_eq!(app.hashes().await, 1);
    for _ in 0..50 {
        app.token(&client).send().await.assert_token("by Basic, as it stands");
        form(CHOSEN).await.assert_token("by form");
        let encoded = serde_urlencoded::to_string([("", CHOSEN)]).unwrap()[1..].to_owned();
        let encoded = TestClient { secret: encoded, ..client.clone() };
        app.token(&encoded).send().await.assert_token("by Basic, encoded");
    }
    assert_eq!(app.hashes().await, 1);
    let wrong = TestClient { secret: "correct horse".to_owned(), ..client.clone() };
    app.token(&wrong).send().await.assert_oauth_error(401, "invalid_client", "wrong");
    assert_eq!(app.hashes().await, 2);
}

/// Concurrent requests share the hash of the first.
#[actix_web::test]
async fn many_who_show_a_secret_at_once_cost_one_hash() {
    let app = TestApp::with(&[("workers", "2")]).await;
    let client = app.client_with_secret(CHOSEN).await;
    let asking = (0..60).map(|_| app.token(&client).send());
    for answer in futures_util::future::join_all(asking).await {
        answer.assert_token("at once");
    }
    // Requests after the response and before the caching may have hashed again.
    assert!(app.hashes().await <= 3);
}

/// SEC-5: no stored form is quick to compare, and none is shown.
#[actix_web::test]
async fn a_chosen_secret_is_kept_as_a_slow_hash_alone() {
    let app = TestApp::spawn().await;
    let body = json!({ "client_name": "x", "scope": "read", "client_secret": CHOSEN });
    let made = administer(&app, Method::POST, "/api/v1/clients", body).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.text("client_secret"), CHOSEN);
    let id = made.text("client_id");
    let client = TestClient { id: id.clone(), secret: CHOSEN.to_owned(), secret_id: String::new() };
    app.token(&client).send().await.assert_token("chosen");

    let shown = administer(&app, Method::GET, &format!("/api/v1/clients/{id}"), json!({})).await;
    let secret = &shown.json()["secrets"][0];
    assert_eq!(secret["hint"], Value::Null, "{shown:?}");
    let client = TestClient { secret_id: secret["id"].as_str().unwrap().to_owned(), ..client };
    let (digest, hash, hint) = app.kept(&client).await;
    assert_eq!(digest, "A".repeat(43));
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    assert!(hint.len() == 1 && "0123".contains(&hint), "{hint}");
    for word in ["correct", "horse", "$argon2"] {
        shown.assert_no_echo(word, "shown");
    }
}

#[actix_web::test]
async fn a_secret_that_is_not_acceptable_is_refused_and_not_repeated() {
    let app = TestApp::spawn().await;
    let generated = generate(CLIENT_SECRET_PREFIX, &SystemRandom);
    let longest = "MARKER/0123456789".repeat(20);
    for bad in [
        json!(""),
        json!("MARKER"),
        json!(longest),
        json!("MARKER\n12345"),
        json!(" MARKER12345"),
        json!("MARKERé12345"),
        json!("MARKER\u{0}12345"),
        json!("xxxxxxxxxxxx"),
        json!(generated.expose()),
        json!("mts_MARKER12345"),
        json!(1_234_567_890_123_i64),
        json!(["MARKER12345"]),
        json!({ "MARKER12345": 1 }),
    ] {
        let body = json!({ "client_name": "x", "scope": "read", "client_secret": bad });
        let answer = administer(&app, Method::POST, "/api/v1/clients", body).await;
        answer.assert_problem(400, "err_invalid_request", &bad.to_string());
        for word in ["MARKER", "1234567890123", generated.expose()] {
            answer.assert_no_echo(word, &bad.to_string());
        }
    }
    let client = app.client("read").await;
    let path = format!("/api/v1/clients/{}", client.id);
    let answer =
        administer(&app, Method::PATCH, &path, json!({ "client_secret": "MARKER12345" })).await;
    answer.assert_problem(400, "err_invalid_request", "a change");
    answer.assert_no_echo("MARKER", "a change");
}

/// Each costs a slow hash, so their number is limited.
#[actix_web::test]
async fn a_client_has_at_most_two_chosen_secrets() {
    let app = TestApp::spawn().await;
    let client = app.client_with_secret("first secret").await;
    let path = format!("/api/v1/clients/{}/secrets", client.id);
    let add =
        |secret: &str| administer(&app, Method::POST, &path, json!({ "client_secret": secret }));
    let second = add("second secret").await;
    assert_eq!(second.status, 201, "{second:?}");
    let third = add("third secret").await;
    third.assert_problem(409, "err_conflict", "a third");
    third.assert_no_echo("third secret", "a third");
    // A generated secret does not count.
    assert_eq!(administer(&app, Method::POST, &path, json!({})).await.status, 201);
    for secret in ["first secret", "second secret"] {
        let client = TestClient { secret: secret.to_owned(), ..client.clone() };
        within_a_second(200, || app.token(&client).send()).await;
    }
    let revoked =
        administer(&app, Method::DELETE, &format!("{path}/{}", client.secret_id), json!({})).await;
    assert_eq!(revoked.status, 204);
    let first = TestClient { secret: "first secret".to_owned(), ..client.clone() };
    app.token(&first).send().await.assert_oauth_error(401, "invalid_client", "taken back");
    let second = TestClient { secret: "second secret".to_owned(), ..client };
    app.token(&second).send().await.assert_token("the other");
    assert_eq!(add("third secret").await.status, 201);
}

/// SEC-10: the cached form of a secret is useless once the secret is revoked or expired, or its
/// client is disabled.
#[actix_web::test]
async fn a_remembered_secret_is_not_believed_for_longer_than_it_is_good() {
    let app = TestApp::spawn().await;
    let mut new = new_client("read");
    new.secret = Some(chosen(CHOSEN));
    new.secret_expires_in = Some(Duration::from_mins(1));
    let client = app.create(new).await;
    app.token(&client).send().await.assert_token("at first");
    let hashes = app.hashes().await;

    app.disable(&client).await;
    within_a_second(401, || app.token(&client).send()).await;
    app.enable(&client).await;
    within_a_second(200, || app.token(&client).send()).await;
    assert_eq!(app.hashes().await, hashes, "what was shown once is known of the same secret");

    app.clock.advance(Duration::from_mins(1));
    app.token(&client).send().await.assert_oauth_error(401, "invalid_client", "expired");
    assert_eq!(app.hashes().await, hashes);
    app.delete(&client).await;
    within_a_second(401, || app.token(&client).send()).await;
}

/// Hashes of other programs are accepted, and replaced by Mintery's own after the first use.
#[actix_web::test]
async fn an_imported_hash_is_replaced_after_the_first_success() {
    let app = TestApp::spawn().await;
    for (secret, hash) in [
        (
            "password",
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        ),
        ("correct horse", "$2y$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2"),
        (
            "correct horse",
            "$pbkdf2-sha256$29000$AAECAwQFBgcICQoLDA0ODw$ZvLORN3Wu1.2s6Mb0kBKZ43bylSsC/t0Vz5rE9nJPNg",
        ),
    ] {
        let client = app.client_with_hash(secret, hash).await;
        let wrong = TestClient { secret: "wrong horse".to_owned(), ..client.clone() };
        app.token(&wrong).send().await.assert_oauth_error(401, "invalid_client", hash);
        assert_eq!(app.kept(&client).await.1, hash, "a wrong secret replaces nothing");
        app.token(&client).send().await.assert_token(hash);
        let mut own = app.kept(&client).await;
        for _ in 0..100 {
            if own.1 != hash {
                break;
            }
            actix_web::rt::time::sleep(Duration::from_millis(10)).await;
            own = app.kept(&client).await;
        }
        assert!(own.1.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{own:?}");
        assert_eq!((own.0.len(), own.2.len()), (43, 1), "{own:?}");
        // As a node that knows only the new form.
        app.disable(&client).await;
        within_a_second(401, || app.token(&client).send()).await;
        app.enable(&client).await;
        within_a_second(200, || app.token(&client).send()).await;
        let wrong = TestClient { secret: "wrong horses".to_owned(), ..client.clone() };
        app.token(&wrong).send().await.assert_oauth_error(401, "invalid_client", hash);
    }
}

/// A secret generated by another Mintery, known here by its hash and its last characters.
#[actix_web::test]
async fn an_imported_hash_may_be_of_a_generated_secret() {
    let app = TestApp::spawn().await;
    let other = app.client("read").await;
    let (_, hash, end) = app.kept(&other).await;
    let client = app.client_with_hash_and_end(&other.secret, &hash, &end).await;
    app.token(&client).send().await.assert_token("moved here");
    for _ in 0..100 {
        if app.kept(&client).await.0 != "A".repeat(43) {
            break;
        }
        actix_web::rt::time::sleep(Duration::from_millis(10)).await;
    }
    let (digest, _, hint) = app.kept(&client).await;
    assert_ne!(digest, "A".repeat(43));
    assert!(client.secret.contains(&hint) && hint.len() == 4, "{hint}");
}

/// An impossible hash in the database matches no secret.
#[actix_web::test]
async fn an_invalid_hash_matches_no_secret() {
    let app = TestApp::spawn().await;
    for hash in [
        "",
        "password",
        "$argon2id$v=19$m=4194304,t=100,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    ] {
        let client = app.client_with_hash("password", hash).await;
        app.token(&client).send().await.assert_oauth_error(401, "invalid_client", hash);
    }
}

/// SEC-4: the presented secret decides the cost, not its existence.
#[actix_web::test]
async fn every_wrong_secret_costs_what_it_looks_like() {
    let app = TestApp::spawn().await;
    let generated = app.client("read").await;
    let slow = app.client_with_secret(CHOSEN).await;
    let (_, hash, end) = app.kept(&generated).await;
    let imported = app.client_with_hash(CHOSEN, &hash).await;
    let moved = app.client_with_hash_and_end(CHOSEN, &hash, &end).await;
    let unknown = "mc_0000000000000000000000".to_owned();
    let foreign = generate(CLIENT_SECRET_PREFIX, &SystemRandom);
    for id in [&generated.id, &slow.id, &imported.id, &moved.id, &unknown] {
        let before = app.hashes().await;
        let basic_of = |secret: &str| {
            let header = basic(format!("{id}:{secret}"));
            async {
                Answer::of(
                    app.request(Method::POST, "/oauth/token")
                        .header("authorization", header)
                        .form(&[("grant_type", "client_credentials")]),
                )
                .await
            }
        };
        basic_of(foreign.expose()).await.assert_oauth_error(401, "invalid_client", id);
        assert_eq!(app.hashes().await, before, "{id}: what looks generated costs no hash");
        basic_of("hunter2hunter2").await.assert_oauth_error(401, "invalid_client", id);
        assert_eq!(app.hashes().await, before + 1, "{id}: anything else costs one");
    }
}

/// SEC-4: the time of a refusal does not reveal the existence of a client.
#[actix_web::test]
async fn the_time_of_a_refusal_tells_nothing() {
    const TRIES: usize = 9;
    let app = TestApp::spawn().await;
    let slow = app.client_with_secret(CHOSEN).await;
    app.token(&slow).send().await.assert_token("known");
    // Alternating, with the minimum of each: other load lengthens some of both.
    let mut least = [Duration::MAX; 2];
    for number in 0..TRIES {
        for (id, least) in [slow.id.as_str(), "mc_0000000000000000000000"].iter().zip(&mut least) {
            let client = TestClient {
                id: (*id).to_owned(),
                secret: format!("wrong-{number}"),
                ..slow.clone()
            };
            let begun = std::time::Instant::now();
            app.token(&client).send().await.assert_oauth_error(401, "invalid_client", id);
            *least = begun.elapsed().min(*least);
        }
    }
    let [known, unknown] = least;
    // Coarse: this detects a missing hash, not a microsecond.
    assert!(known < unknown * 3 && unknown < known * 3, "{known:?} {unknown:?}");
}
