//! Documents of the feed.

use std::time::{Duration, Instant};

use mintery::admin;
use mintery::admin::api::ApiTerms;
use mintery::clock::Clock as _;
use mintery::model::api::ApiScopes;
use mintery::model::client::{ClientId, SecretId};
use mintery::model::name::DisplayName;
use mintery::model::resource::ResourceUri;
use mintery::model::revocation::{Kind, Mark};
use mintery::model::scope::ScopeSet;
use mintery::model::signing_key::SigningAlgorithm;
use serde_json::json;

use super::{digest, next};
use crate::support::app::TestApp;
use crate::support::database::TestDatabase;
use crate::support::forge;

#[actix_web::test]
async fn a_reader_gets_all_revocations_and_then_the_new_ones() {
    let app = TestApp::spawn().await;
    let (reader, other) = (app.client("read").await, app.client("read").await);
    app.caught_up().await;
    let snapshot = app.feed(&reader, "nonce=abc").await;
    assert_eq!((&snapshot["snapshot"], &snapshot["part"]), (&json!(true), &json!(1)));
    assert_eq!((&snapshot["nonce"], &snapshot["to"]), (&json!("abc"), &json!(app.head().await)));
    assert!(["from", "more", "tokens", "clients"].iter().all(|name| !snapshot.contains_key(*name)));
    assert!((snapshot["as_of"].as_f64().unwrap() - snapshot["iat"].as_f64().unwrap()).abs() < 1.0);

    app.disable(&other).await;
    app.revoke_named("some-jti", &other).await;
    app.caught_up().await;
    let changes = app.feed(&reader, &format!("after={}", next(&snapshot))).await;
    assert_eq!((&changes["from"], &changes["to"]), (&snapshot["to"], &json!(app.head().await)));
    assert!(["snapshot", "part", "nonce", "keys"].iter().all(|name| !changes.contains_key(*name)));
    assert_eq!(changes["clients"][0][0], digest(Kind::Client, &other.id));
    assert_eq!(changes["clients"][0][1], json!(app.head().await - 1));
    // For as long as any token could be valid, which an outage prolongs.
    assert_eq!(changes["clients"][0][2], json!(app.now() + 3600 + 24 * 3600 + 60));
    assert_eq!(changes["tokens"], json!([[digest(Kind::Token, "some-jti"), app.now() + 60 + 60]]));

    // Nothing more; and a new reader gets all of it.
    let nothing = app.feed(&reader, &format!("after={}", next(&changes))).await;
    assert_eq!((&nothing["from"], nothing.contains_key("clients")), (&changes["to"], false));
    let snapshot = app.feed(&reader, "").await;
    assert_eq!(
        (&snapshot["clients"], &snapshot["tokens"]),
        (&changes["clients"], &changes["tokens"])
    );
    assert_eq!(
        app.metric("mintery_revocation_feed_documents_total{kind=\"changes\"}").await.to_string(),
        "2"
    );
}

/// Every kind of revocation, with the digest specified in `docs/reference/revocation-feed.md`.
#[actix_web::test]
async fn the_feed_has_revocations_of_every_kind() {
    let app = TestApp::spawn().await;
    let (reader, other) = (app.client("read").await, app.client("read").await);
    let start = next(&app.feed(&reader, "").await);
    let client = ClientId::parse(&other.id).unwrap();
    let api = ResourceUri::parse("https://api.example.com").unwrap();
    let terms = ApiTerms {
        name: DisplayName::parse("api").unwrap(),
        scopes: ApiScopes::plain(&ScopeSet::parse("read").unwrap()).unwrap(),
        token_alg: None,
        token_ttl: None,
    };
    admin::api::create(&app.admin, api.clone(), terms).await.unwrap();
    admin::revocation::revoke_api_tokens(&app.admin, &api).await.unwrap();
    let secret = SecretId::parse(&other.secret_id).unwrap();
    admin::client::revoke_secret(&app.admin, &client, &secret).await.unwrap();
    admin::revocation::revoke_client_tokens(&app.admin, &client).await.unwrap();
    let token = app.access_token(&reader).await;
    let kid = forge::part(&token, 0)["kid"].as_str().unwrap().to_owned();
    admin::signing_key::retire(&app.admin, &kid, SigningAlgorithm::Es256).await.unwrap();
    app.caught_up().await;
    let changes = app.feed(&reader, &format!("after={start}")).await;
    assert_eq!(changes["clients"][0][0], digest(Kind::Client, &other.id));
    assert_eq!(changes["keys"][0][0], digest(Kind::Key, &kid));
    assert_eq!(changes["apis"][0][0], digest(Kind::Api, "https://api.example.com"));
    assert_eq!(changes["credentials"][0][0], digest(Kind::Credential, &other.secret_id));
}

/// A reader from another history, or from a future that never came, gets everything anew.
#[actix_web::test]
async fn a_restored_backup_shows() {
    let database = TestDatabase::create().await;
    let app = TestApp::on(database.clone(), &[]).await.unwrap();
    let (reader, other) = (app.client("read").await, app.client("read").await);
    app.caught_up().await;
    let common = next(&app.feed(&reader, "").await);
    let head = app.head().await;
    let head_row = "CREATE TABLE kept AS SELECT * FROM event_head";
    database.execute(&[head_row]).await;
    app.disable(&other).await;
    app.caught_up().await;
    let lost = next(&app.feed(&reader, &format!("after={common}")).await);
    let restore = [
        format!("DELETE FROM events WHERE number > {head}"),
        format!("DELETE FROM revocations WHERE number > {head}"),
        "UPDATE event_head SET number = (SELECT number FROM kept), seal = (SELECT seal FROM kept)"
            .to_owned(),
        "UPDATE clients SET disabled_at = NULL".to_owned(),
    ];
    database.execute(&restore.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let begun = Instant::now();
    while app.metric("mintery_applied_event").await.to_string() != head.to_string() {
        assert!(begun.elapsed() < Duration::from_secs(2));
    }
    // Beyond the head.
    let anew = app.feed(&reader, &format!("after={lost}&wait=30")).await;
    assert_eq!(
        (&anew["snapshot"], &anew["to"], anew.contains_key("clients")),
        (&json!(true), &json!(head), false)
    );
    // The head has the same number again, but is another event.
    let third = app.client("read").await;
    app.caught_up().await;
    assert_eq!(app.head().await, head + 1);
    let anew = app.feed(&reader, &format!("after={lost}&wait=30")).await;
    assert_eq!((&anew["snapshot"], &anew["to"]), (&json!(true), &json!(head + 1)));
    // A common past event is a valid position in either history, even if this node has forgotten
    // it.
    app.disable(&third).await;
    app.caught_up().await;
    let changes = app.feed(&reader, &format!("after={common}")).await;
    assert_eq!((&changes["from"], &changes["to"]), (&json!(head), &json!(head + 2)));
    assert_eq!(changes["clients"][0][0], digest(Kind::Client, &third.id));
}

/// A list too long for one document comes in parts; a reader that was away for long starts anew.
#[actix_web::test]
async fn a_long_list_comes_in_parts() {
    const COUNT: usize = 45_000;
    let database = TestDatabase::create().await;
    let app = TestApp::on(database.clone(), &[]).await.unwrap();
    let (reader, other) = (app.client("read").await, app.client("read").await);
    app.caught_up().await;
    let start = next(&app.feed(&reader, "").await);
    // At an event that this node has applied, and that is not the last.
    app.disable(&other).await;
    app.enable(&other).await;
    app.caught_up().await;
    let number = app.head().await - 1;
    let until = app.clock.now().plus(Duration::from_hours(1)).as_millis();
    let rows: Vec<String> = (0..COUNT)
        .map(|row| {
            format!(
                "('token', '{}', {number}, {until})",
                Mark::of(Kind::Token, &row.to_string()).digest()
            )
        })
        .collect();
    for part in rows.chunks(5000) {
        let insert = format!(
            "INSERT INTO revocations (kind, digest, number, expires_at) VALUES {}",
            part.join(",")
        );
        database.execute(&[&insert]).await;
    }
    // Away for longer than the memory, with more than fits. (A node forgets everything at its
    // start.)
    let app = {
        let url = app.url.clone();
        app.stop().await;
        let again = TestApp::on(database.clone(), &[]).await.unwrap();
        assert_ne!(again.url, url);
        again
    };
    let mut found = Vec::new();
    let mut query = format!("after={start}");
    for part in 1..=3 {
        let document = app.feed(&reader, &query).await;
        assert_eq!((&document["snapshot"], &document["part"]), (&json!(true), &json!(part)));
        assert_eq!(document["to"], json!(number + 1));
        assert_eq!(
            (document.contains_key("more"), document.contains_key("as_of")),
            (part < 3, part == 1)
        );
        let tokens = document["tokens"].as_array().unwrap();
        assert!(tokens.len() <= 20_000);
        found.extend(tokens.iter().map(|token| token[0].as_str().unwrap().to_owned()));
        assert_eq!(document.contains_key("clients"), part == 3);
        query = format!("after={}", next(&document));
        if part == 1 {
            // Revoked meanwhile: it follows the last part.
            app.disable(&other).await;
            app.caught_up().await;
        }
    }
    let mut expected: Vec<String> =
        (0..COUNT).map(|row| Mark::of(Kind::Token, &row.to_string()).digest()).collect();
    expected.sort();
    found.sort();
    assert!(found == expected);
    let changes = app.feed(&reader, &query).await;
    assert_eq!(changes["from"], json!(number + 1));
    assert_eq!(changes["clients"][0][0], digest(Kind::Client, &other.id));
}

/// HS256 is for holders of the shared secret; the feed is for every verifier.
#[actix_web::test]
async fn the_feed_is_never_signed_with_a_secret() {
    for (algorithm, expected) in [("HS256", "ES256"), ("RS256", "RS256")] {
        let app = TestApp::with(&[("token.alg", algorithm)]).await;
        let reader = app.client("read").await;
        app.feed(&reader, "").await;
        let answer = app.ask_feed(&reader, "").await;
        assert_eq!(forge::part(&answer.body, 0)["alg"], expected);
        // It is not accepted as a token.
        app.me(&answer.body).await.assert_invalid_token("a document");
    }
}

#[actix_web::test]
async fn reading_writes_nothing() {
    let app = TestApp::spawn().await;
    let reader = app.client("read").await;
    app.caught_up().await;
    let head = app.head().await;
    let start = next(&app.feed(&reader, "").await);
    for _ in 0..5 {
        app.feed(&reader, &format!("after={start}")).await;
    }
    assert_eq!(app.head().await, head);
}
