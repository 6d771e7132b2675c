//! Signing keys: algorithms and rotation, without ever rejecting a valid token.

use std::time::{Duration, Instant};

use mintery::admin::{self, AdminError, signing_key};
use mintery::model::key_schedule::{KeyState, NothingToDo};
use mintery::model::signing_key::SigningAlgorithm;

use crate::support::app::{TestApp, new_client, within_a_second};
use crate::support::database::TestDatabase;
use crate::support::engine::{Engine, only_on};
use crate::support::forge;

const JWKS: &str = "/.well-known/jwks.json";

const DAY: Duration = Duration::from_hours(24);

/// Keys that sign for ten days and are published one day before that.
const TEN_DAYS: &[(&str, &str)] =
    &[("keys.rotate_every", "864000"), ("keys.publish_ahead", "86400")];

/// The ids of the published keys of an algorithm, in the order in which they stand.
async fn published(app: &TestApp, algorithm: &str) -> Vec<String> {
    let jwks = app.get(JWKS).await.json();
    let keys = jwks["keys"].as_array().unwrap();
    let of_algorithm = keys.iter().filter(|key| key["alg"] == algorithm);
    of_algorithm.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// Asks until so many keys of an algorithm are published. The rotation looks at the clock a few
/// times a second.
async fn until_published(app: &TestApp, algorithm: &str, count: usize) -> Vec<String> {
    let begun = Instant::now();
    loop {
        let kids = published(app, algorithm).await;
        if kids.len() == count {
            return kids;
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "{count} keys expected: {kids:?}");
        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
    }
}

fn kid(token: &str) -> String {
    forge::part(token, 0)["kid"].as_str().unwrap().to_owned()
}

/// 7517-2, 9068-5: published before it signs, published until its last token has expired, and first
/// while it signs.
#[actix_web::test]
async fn a_key_is_next_then_active_then_retiring_then_gone() {
    let app = TestApp::with(TEN_DAYS).await;
    let client = app.client("read").await;
    let first = published(&app, "ES256").await.remove(0);
    app.clock.advance(8 * DAY);
    assert_eq!(kid(&app.access_token(&client).await), first);

    app.clock.advance(DAY);
    let kids = until_published(&app, "ES256", 2).await;
    assert_eq!(kids[0], first, "the one that signs stands first");
    let next = kids[1].clone();
    until_published(&app, "RS256", 2).await;
    app.clock.advance(Duration::from_secs(86_399));
    let last_of_first = app.access_token(&client).await;
    assert_eq!(kid(&last_of_first), first);

    app.clock.advance(Duration::from_secs(1));
    let first_of_next = app.access_token(&client).await;
    assert_eq!(kid(&first_of_next), next);
    assert_eq!(published(&app, "ES256").await, [next.clone(), first.clone()]);

    app.clock.advance(Duration::from_secs(3598));
    for token in [&last_of_first, &first_of_next] {
        assert_eq!(app.me(token).await.status, 200);
    }
    app.clock.advance(Duration::from_secs(22));
    assert_eq!(published(&app, "ES256").await, std::slice::from_ref(&next));
    assert_eq!(app.me(&last_of_first).await.status, 401);
    // The same key is not created twice, and continues.
    app.clock.advance(8 * DAY);
    assert_eq!(kid(&app.access_token(&client).await), next);
}

/// A key stays for the longest lifetime of a token of any node, not only of the node that rotates.
#[actix_web::test]
async fn a_key_stays_for_as_long_as_any_token_that_it_signed() {
    let app = TestApp::with(&[("token.ttl", "7200"), ("keys.rotate_every", "0")]).await;
    let client = app.client("read").await;
    // The command line does not know the server's settings.
    signing_key::rotate(&app.admin, SigningAlgorithm::Es256, None).await.unwrap();
    until_published(&app, "ES256", 2).await;
    app.clock.advance(Duration::from_hours(2));
    assert_eq!(published(&app, "ES256").await.len(), 2);
    app.clock.advance(Duration::from_secs(20));
    assert_eq!(published(&app, "ES256").await.len(), 1);
    app.access_token(&client).await;
}

#[actix_web::test]
async fn the_published_keys_are_kept_no_longer_than_a_key_is_published_before_it_signs() {
    for (max_age, ahead, expected) in [("3600", "86400", 3600), ("3600", "60", 60), ("10", "0", 0)]
    {
        let app = TestApp::with(&[("jwks.max_age", max_age), ("keys.publish_ahead", ahead)]).await;
        let answer = app.get(JWKS).await;
        assert_eq!(answer.header("cache-control"), format!("public, max-age={expected}"));
        assert_eq!(answer.header("content-type"), "application/json");
    }
}

/// Every algorithm signs what Mintery's own routes accept, and its key is published; that of HS256,
/// which is a secret, never is.
///
/// 7517-1, JOSE-2, 9068-5
#[actix_web::test]
async fn tokens_are_signed_with_what_the_settings_say() {
    for algorithm in SigningAlgorithm::ALL {
        let app = TestApp::with(&[("token.alg", algorithm.name())]).await;
        let client = app.client("read").await;
        let token = app.access_token(&client).await;
        assert_eq!(forge::part(&token, 0)["alg"], algorithm.name());
        assert_eq!(app.me(&token).await.status, 200, "{algorithm}");
        let kids = published(&app, algorithm.name()).await;
        if algorithm.is_symmetric() {
            assert!(kids.is_empty());
            assert!(!app.get(JWKS).await.body.contains(&kid(&token)));
        } else {
            assert_eq!(kids, [kid(&token)]);
            let jwks = app.get(JWKS).await.json();
            assert_eq!(
                jwks["keys"][0]["kid"],
                kid(&token),
                "{algorithm}: the one that signs stands first"
            );
        }
    }
}

/// Verifiers of HS256 share the secret and could sign: such tokens are not accepted by Mintery
/// itself, nor at all once another algorithm is the default.
#[actix_web::test]
async fn a_shared_secret_does_not_open_administration() {
    let database = TestDatabase::create().await;
    let app = TestApp::on(database.clone(), &[("token.alg", "HS256")]).await.unwrap();
    let client = app.client("read mintery:clients:read").await;
    let refused = app.token(&client).scope("mintery:clients:read").send().await;
    refused.assert_oauth_error(400, "invalid_scope", "a scope of Mintery's own");
    let token = app.access_token(&client).await;
    let forged = forge::Forgery::of(&token).claim("scope", "mintery:clients:read read").sign();
    assert_eq!(app.me(&forged).await.json()["scope"], "read");
    assert_eq!(app.get_with("/api/v1/clients", &forged).await.status, 403);
    let secret = kid(&token);
    app.stop().await;
    let app = TestApp::on(database, &[]).await.unwrap();
    assert_eq!(app.me(&token).await.status, 401);
    signing_key::retire(&app.admin, &secret, SigningAlgorithm::Es256).await.unwrap();
    let keys = signing_key::list(&app.admin).await.unwrap();
    let secrets = keys.iter().filter(|key| key.alg == "HS256" && key.term.taken_back_at.is_none());
    assert_eq!(secrets.count(), 0, "no other takes its place");
}

/// JOSE-2: `Ed25519` (RFC 9864) is another name of what Mintery calls `EdDSA`.
#[actix_web::test]
async fn ed25519_has_two_names() {
    let app = TestApp::with(&[("token.alg", "Ed25519")]).await;
    let token = app.access_token(&app.client("read").await).await;
    let forgery = forge::Forgery::of(&token);
    assert_eq!(app.me(&forgery.clone().header("alg", "Ed25519").sign()).await.status, 200);
    assert_eq!(app.me(&forgery.header("alg", "ed25519").sign()).await.status, 401);
}

#[actix_web::test]
async fn a_client_has_an_algorithm_of_its_own() {
    let app = TestApp::spawn().await;
    let usual = app.client("read").await;
    for algorithm in [SigningAlgorithm::Rs256, SigningAlgorithm::EdDsa, SigningAlgorithm::Es384] {
        let mut new = new_client("read");
        new.terms.token_alg = Some(algorithm);
        let client = app.create(new).await;
        app.caught_up().await;
        let token = app.access_token(&client).await;
        assert_eq!(forge::part(&token, 0)["alg"], algorithm.name());
        assert_eq!(app.me(&token).await.status, 200);
        assert_eq!(published(&app, algorithm.name()).await, [kid(&token)]);
    }
    assert_eq!(forge::part(&app.access_token(&usual).await, 0)["alg"], "ES256");
}

/// A leaked key is revoked within a second, with every token it signed, seen before or not; another
/// key signs immediately.
#[actix_web::test]
async fn a_revoked_key_verifies_nothing() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let (seen, unseen) = (app.access_token(&client).await, app.access_token(&client).await);
    assert_eq!(app.me(&seen).await.status, 200);
    let leaked = kid(&seen);
    signing_key::retire(&app.admin, &leaked, SigningAlgorithm::Es256).await.unwrap();
    within_a_second(401, || app.me(&seen)).await;
    assert_eq!(app.me(&unseen).await.status, 401);
    let token = app.access_token(&client).await;
    assert_ne!(kid(&token), leaked);
    assert_eq!(app.me(&token).await.status, 200);
    assert_eq!(published(&app, "ES256").await, [kid(&token)]);
    let kept = signing_key::list(&app.admin).await.unwrap();
    let kept = kept.iter().find(|key| key.kid == leaked).unwrap();
    assert!(kept.sealed_private.is_empty(), "the private half is erased");
    let again = signing_key::retire(&app.admin, &leaked, SigningAlgorithm::Es256).await;
    assert!(matches!(again, Err(AdminError::NothingToDo(NothingToDo::Gone))), "{again:?}");
    assert!(matches!(
        signing_key::retire(&app.admin, "x", SigningAlgorithm::Es256).await,
        Err(AdminError::NotFound(_))
    ));
}

/// The second node finds it done.
#[actix_web::test]
async fn two_who_rotate_at_once_make_one_key() {
    let app = TestApp::with(&[("keys.rotate_every", "0")]).await;
    let rotate = || signing_key::rotate(&app.admin, SigningAlgorithm::Es256, Some(DAY));
    let (one, two, three) = tokio::join!(rotate(), rotate(), rotate());
    let done = [one, two, three].iter().filter(|done| done.is_ok()).count();
    assert_eq!(done, 1);
    assert_eq!(until_published(&app, "ES256", 2).await.len(), 2);
    admin::event_log::check(&app.admin).await.unwrap();
}

/// The same with two servers whose schedules are due at the same moment.
#[actix_web::test]
async fn two_nodes_rotate_once() {
    only_on!(Engine::Postgres);
    let database = TestDatabase::create().await;
    let one = TestApp::on(database.clone(), TEN_DAYS).await.unwrap();
    let two = TestApp::on(database, TEN_DAYS).await.unwrap();
    for app in [&one, &two] {
        app.clock.advance(9 * DAY);
    }
    let published_by_one = until_published(&one, "ES256", 2).await;
    assert_eq!(until_published(&two, "ES256", 2).await, published_by_one);
    actix_web::rt::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(published(&one, "ES256").await, published_by_one);
    for app in [&one, &two] {
        app.clock.advance(DAY);
    }
    let client = one.client("read").await;
    let token = one.access_token(&client).await;
    assert_eq!(kid(&token), published_by_one[1]);
    assert_eq!(two.me(&token).await.status, 200);
}

/// A clock that jumps an hour, either way, does not leave a server without a key, nor lose one.
#[actix_web::test]
async fn a_clock_that_jumps_leaves_a_key_that_signs() {
    let app = TestApp::with(TEN_DAYS).await;
    let client = app.client("read").await;
    app.clock.advance(9 * DAY);
    let kids = until_published(&app, "ES256", 2).await;
    app.clock.advance(DAY);
    assert_eq!(kid(&app.access_token(&client).await), kids[1]);
    let hour = Duration::from_hours(1);
    app.clock.turn_back(hour);
    assert_eq!(kid(&app.access_token(&client).await), kids[0]);
    app.clock.advance(2 * hour);
    let token = app.access_token(&client).await;
    assert_eq!(kid(&token), kids[1]);
    assert_eq!(app.me(&token).await.status, 200);
    app.clock.turn_back(100 * DAY);
    assert_eq!(app.token(&client).send().await.status, 200);
}

/// An import takes the place of the key that waits, which never signed.
#[actix_web::test]
async fn an_imported_key_follows() {
    let app = TestApp::with(&[("keys.rotate_every", "0")]).await;
    let client = app.client("read").await;
    let first = kid(&app.access_token(&client).await);
    let waiting =
        signing_key::rotate(&app.admin, SigningAlgorithm::Es256, Some(DAY)).await.unwrap().key.kid;
    let key = mintery::keys::signing::SigningKey::generate(SigningAlgorithm::Es256).unwrap();
    let imported = key.kid.clone();
    signing_key::import(&app.admin, key, DAY).await.unwrap();
    app.caught_up().await;
    assert_eq!(published(&app, "ES256").await, [first, imported.clone()]);
    assert!(!app.get(JWKS).await.body.contains(&waiting));
    app.clock.advance(DAY);
    let token = app.access_token(&client).await;
    assert_eq!(kid(&token), imported);
    assert_eq!(app.me(&token).await.status, 200);
}

/// A client with a long token lifetime keeps keys published for as long, until its lifetime is
/// shortened.
#[actix_web::test]
async fn keys_stay_for_the_clients_that_there_are() {
    let app = TestApp::with(&[("keys.rotate_every", "0")]).await;
    let mut new = new_client("read");
    new.terms.token_ttl = Some(30 * DAY);
    let client = app.create(new).await;
    app.caught_up().await;
    let token = app.access_token(&client).await;
    signing_key::rotate(&app.admin, SigningAlgorithm::Es256, None).await.unwrap();
    app.delete(&client).await;
    signing_key::rotate(&app.admin, SigningAlgorithm::Es256, None).await.unwrap();
    let keys = signing_key::list(&app.admin).await.unwrap();
    let of = |kid: &str| keys.iter().find(|key| key.kid == kid).unwrap().term;
    assert_eq!(of(&kid(&token)).longest_ttl, 30 * DAY);
    let last =
        keys.iter().find(|key| key.alg == "ES256" && key.term.signs_until.is_none()).unwrap();
    assert!(last.term.longest_ttl <= Duration::from_hours(1), "{last:?}");
}

/// Keys beyond the limits of verifiers are not published.
#[actix_web::test]
async fn the_number_of_published_keys_is_bounded() {
    let app = TestApp::with(&[("keys.rotate_every", "0")]).await;
    let rotate = || signing_key::rotate(&app.admin, SigningAlgorithm::EdDsa, None);
    let mut made = 0;
    let refused = loop {
        match rotate().await {
            Ok(_) => made += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, AdminError::TooManyKeys(SigningAlgorithm::EdDsa)), "{refused}");
    assert!((10..20).contains(&made), "{made}");
    app.caught_up().await;
    let keys = signing_key::list(&app.admin).await.unwrap();
    let active = keys.iter().filter(|key| {
        key.alg == "EdDSA" && key.term.state(app.admin.clock.now()) == KeyState::Active
    });
    assert_eq!(active.count(), 1);
    app.clock.advance(DAY);
    rotate().await.unwrap();
}
