//! Changes by other processes in the database, and their effect on this server.

use std::sync::Arc;

use mintery::admin;
use mintery::admin::client::NewSecret;
use mintery::clock::Clock;
use mintery::model::client::ClientId;
use mintery::model::event::EventNumber;
use mintery::model::revocation::{Kind, Mark};
use mintery::server::StartError;
use mintery::store::{OpenError, event};

use crate::support::app::{TestApp, TestClient, within_a_second};
use crate::support::database::TestDatabase;
use crate::support::engine::{Engine, only_on};

/// R6, SEC-14: a secret that another process added a moment ago is good at its first use, also where
/// the client is cached and an unknown secret was presented a moment before.
#[actix_web::test]
async fn a_new_secret_works_at_once() {
    let app = TestApp::spawn().await;
    for _ in 0..4 {
        let client = app.client("read").await;
        app.token(&client).send().await.assert_token("cached");
        let id = ClientId::parse(&client.id).unwrap();
        for number in 0..8 {
            let new = NewSecret { label: None, expires_in: None, chosen: None };
            let made = admin::client::add_secret(&app.admin, &id, new).await.unwrap();
            let first = TestClient { secret: made.plain.expose().to_owned(), ..client.clone() };
            app.token(&first).send().await.assert_token(&format!("secret {number}"));
        }
    }
}

/// A client created by another process a millisecond ago works.
#[actix_web::test]
async fn a_new_client_works_at_once() {
    let app = TestApp::spawn().await;
    for _ in 0..5 {
        let client = app.client("read").await;
        let answer = app.token(&client).send().await;
        answer.assert_token("the first request");
        assert_eq!(app.me(&answer.text("access_token")).await.status, 200);
    }
}

/// The absence of a client is cached only until it is created.
#[actix_web::test]
async fn a_client_that_was_asked_for_before_it_was_made_works() {
    let app = TestApp::spawn().await;
    let mut stranger = app.client("read").await;
    "early".clone_into(&mut stranger.id);
    for _ in 0..3 {
        app.token(&stranger).send().await.assert_oauth_error(401, "invalid_client", "not yet made");
    }
    let client = app.client_with_id("early", "read").await;
    within_a_second(200, || app.token(&client).send()).await;
    app.token(&stranger).send().await.assert_oauth_error(401, "invalid_client", "a wrong secret");
}

/// 6750-3: disabling rejects a client's credentials and tokens; enabling accepts the credentials
/// again, but not the earlier tokens.
#[actix_web::test]
async fn a_disabled_client_is_refused_and_an_enabled_one_is_not() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let other = app.client("read").await;
    let token = app.access_token(&client).await;
    let of_other = app.access_token(&other).await;
    assert_eq!(app.me(&token).await.status, 200);

    app.disable(&client).await;
    within_a_second(401, || app.me(&token)).await.assert_invalid_token("disabled");
    app.token(&client).send().await.assert_oauth_error(401, "invalid_client", "disabled");
    assert_eq!(app.get_with("/auth/check", &token).await.status, 401);
    assert_eq!(app.me(&of_other).await.status, 200);
    app.token(&other).send().await.assert_token("the other client");

    app.enable(&client).await;
    let enabled = within_a_second(200, || app.token(&client).send()).await;
    enabled.assert_token("enabled");
    assert_eq!(app.me(&enabled.text("access_token")).await.status, 200);
    app.me(&token).await.assert_invalid_token("from before");
}

/// SEC-10: after the first refusal, no request sees the old state.
#[actix_web::test]
async fn nothing_sees_the_old_state_after_the_new_one() {
    let app = TestApp::spawn().await;
    for _ in 0..5 {
        let client = app.client("read").await;
        let token = app.access_token(&client).await;
        app.disable(&client).await;
        within_a_second(401, || app.token(&client).send()).await;
        for _ in 0..20 {
            assert_eq!(app.token(&client).send().await.status, 401);
            assert_eq!(app.me(&token).await.status, 401);
        }
    }
}

/// 6750-3
#[actix_web::test]
async fn a_deleted_client_is_refused() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let token = app.access_token(&client).await;
    app.delete(&client).await;
    within_a_second(401, || app.token(&client).send()).await.assert_oauth_error(
        401,
        "invalid_client",
        "deleted",
    );
    app.me(&token).await.assert_invalid_token("deleted");
}

/// 6750-3: a new client with the id of a deleted one does not get its tokens.
#[actix_web::test]
async fn the_tokens_of_a_deleted_client_stay_void_when_its_id_is_used_again() {
    let app = TestApp::spawn().await;
    let first = app.client_with_id("reused", "read admin").await;
    let old = app.access_token(&first).await;
    assert_eq!(app.me(&old).await.status, 200);
    app.delete(&first).await;
    let second = app.client_with_id("reused", "read").await;
    let answer = within_a_second(200, || app.token(&second).send()).await;
    assert_eq!(app.me(&answer.text("access_token")).await.status, 200);
    app.me(&old).await.assert_invalid_token("the old token");
    app.token(&first).send().await.assert_oauth_error(401, "invalid_client", "the old secret");
}

/// The same if the server learns of both changes at once, or never knew the first client.
#[actix_web::test]
async fn an_id_that_is_used_again_at_once_works() {
    let app = TestApp::spawn().await;
    for round in 0..3 {
        let id = format!("quick-{round}");
        let first = app.client_with_id(&id, "read").await;
        let old = app.access_token(&first).await;
        app.delete(&first).await;
        let second = app.client_with_id(&id, "read").await;
        let token = within_a_second(200, || app.token(&second).send()).await.text("access_token");
        assert_eq!(app.me(&token).await.status, 200);
        assert_eq!(app.me(&old).await.status, 401);
    }
}

/// One process serves a SQLite file: replay ids and counts live in its memory.
#[actix_web::test]
async fn a_second_server_on_a_sqlite_file_is_refused() {
    only_on!(Engine::Sqlite);
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let second = TestApp::on(Arc::clone(&app.database), &[]).await;
    let error = second.err().unwrap();
    assert!(matches!(error, StartError::Open(OpenError::ServedElsewhere(_))), "{error:?}");
    app.token(&client).send().await.assert_token("the first one serves on");
}

/// Servers on one PostgreSQL accept each other's tokens, and a revocation by one holds on all.
#[actix_web::test]
async fn servers_on_one_postgres_are_one() {
    only_on!(Engine::Postgres);
    let database = TestDatabase::create().await;
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(TestApp::on(Arc::clone(&database), &[]).await.unwrap());
    }
    let client = nodes[0].client("read").await;
    let mut tokens = Vec::new();
    for node in &nodes {
        tokens.push(node.access_token(&client).await);
    }
    for node in &nodes {
        for token in &tokens {
            assert_eq!(node.me(token).await.status, 200);
        }
        assert_eq!(
            node.get("/.well-known/jwks.json").await.json(),
            nodes[0].get("/.well-known/jwks.json").await.json()
        );
    }
    nodes[0].disable(&client).await;
    let begun = std::time::Instant::now();
    for node in &nodes {
        within_a_second(401, || node.token(&client).send()).await;
        for token in &tokens {
            assert_eq!(node.me(token).await.status, 401);
        }
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(1), "{:?}", begun.elapsed());
}

/// SEC-10: restoring a backup under a running server reuses event numbers for other events.
#[actix_web::test]
async fn a_history_that_was_replaced_is_noticed() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let other = app.client("read").await;
    let token = app.access_token(&client).await;
    app.disable(&other).await;
    within_a_second(401, || app.token(&other).send()).await;
    app.caught_up().await;

    let store = &app.admin.store;
    let (head, _) = event::head(store.database()).await.unwrap();
    let before = EventNumber::new(head.get() - 1);
    let last = event::from(store.database(), before, 1).await.unwrap().remove(0);
    let seal = store.chain_key().seal(&last.mac);
    app.database
        .execute(&[
            "UPDATE clients SET disabled_at = NULL",
            &format!("DELETE FROM events WHERE number > {before}"),
            &format!("UPDATE event_head SET number = {before}, seal = '{seal}'"),
        ])
        .await;
    // The next process knows nothing of the lost revocation, and writes another event of the same
    // number.
    let admin = app.database.administer(Arc::clone(&app.clock) as Arc<dyn Clock>).await;
    let id = ClientId::parse(&client.id).unwrap();
    assert_eq!(admin::client::set_enabled(&admin, &id, false).await.unwrap(), head);
    within_a_second(401, || app.me(&token))
        .await
        .assert_invalid_token("disabled in another history");
    app.token(&other).send().await.assert_token("enabled in another history");
}

/// Impossible events beyond the head do not keep the follower from new ones.
#[actix_web::test]
async fn an_event_that_stands_beyond_a_gap_is_not_followed() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let token = app.access_token(&client).await;
    app.database
        .execute(&["INSERT INTO events (number, at, actor, kind, subject, details, mac) \
                    VALUES (1000, 0, 'x', 'client.disabled', 'x', '{}', 'x')"])
        .await;
    app.disable(&client).await;
    within_a_second(401, || app.me(&token)).await.assert_invalid_token("disabled");
}

/// SEC-10: a newer node writes kinds of events unknown to this release; their revocations hold here
/// too.
#[actix_web::test]
async fn an_event_of_an_unknown_kind_revokes_tokens() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let token = app.access_token(&client).await;
    assert_eq!(app.me(&token).await.status, 200);
    app.caught_up().await;
    let (head, _) = event::head(app.admin.store.database()).await.unwrap();
    let number = head.next();
    let until = app.clock.now().plus(std::time::Duration::from_hours(1)).as_millis();
    let digest = Mark::of(Kind::Client, &client.id).digest();
    app.database
        .execute(&[
            &format!("INSERT INTO revocations (kind, digest, number, expires_at) VALUES ('client', '{digest}', {number}, {until})"),
            // An unknown kind of revocation does not block the others.
            &format!("INSERT INTO revocations (kind, digest, number, expires_at) VALUES ('unknown', 'x', {number}, {until})"),
            &format!(
                "INSERT INTO events (number, at, actor, kind, subject, details, mac) \
                 VALUES ({number}, 0, 'system', 'client.suspended', '{}', '{{}}', 'x')",
                client.id
            ),
            &format!("UPDATE event_head SET number = {number}"),
        ])
        .await;
    within_a_second(401, || app.me(&token)).await.assert_invalid_token("an unknown kind");
}
