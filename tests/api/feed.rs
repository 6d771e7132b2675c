//! The revocation feed, as those see it who follow it.

use std::time::{Duration, Instant};

use mintery::admin;
use mintery::admin::api::ApiTerms;
use mintery::admin::revocation::Revoker;
use mintery::clock::Clock;
use mintery::model::api::ApiScopes;
use mintery::model::client::{ClientId, SecretId};
use mintery::model::event::RevokedToken;
use mintery::model::name::DisplayName;
use mintery::model::resource::ResourceUri;
use mintery::model::revocation::{Kind, Mark};
use mintery::model::scope::ScopeSet;
use mintery::model::signing_key::SigningAlgorithm;
use mintery::store::event;
use mintery_verifier::keys::KeySet;
use reqwest::Method;
use serde_json::{Map, Value, json};
use signature::Verifier as _;

use crate::answer::Answer;
use crate::api_keys::owned_by;
use crate::app::{ISSUER, TestApp, TestClient, basic};
use crate::database::TestDatabase;
use crate::forge;

const FEED: &str = "/oauth/revocations";

impl TestApp {
    /// What the feed answers to this query.
    async fn ask_feed(&self, reader: &TestClient, query: &str) -> Answer {
        let request = self.request(Method::GET, &format!("{FEED}?{query}"));
        Answer::of(request.header("authorization", reader.basic())).await
    }

    /// A document of the feed, after what every one has was checked.
    pub async fn feed(&self, reader: &TestClient, query: &str) -> Map<String, Value> {
        let answer = self.ask_feed(reader, query).await;
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
        assert_eq!(answer.header("content-type"), "application/revocations+jwt");
        assert_eq!(answer.header("cache-control"), "no-store");
        answer.assert_request_id(query);
        let document = answer.body;
        let header = forge::part(&document, 0);
        assert_eq!(header["typ"], "revocations+jwt");
        let keys = KeySet::parse(self.get("/.well-known/jwks.json").await.body.as_bytes()).unwrap();
        let (signed, signature) = document.rsplit_once('.').unwrap();
        let key = keys.get(header["kid"].as_str().unwrap()).unwrap();
        key.verify(signed.as_bytes(), &forge::decode(signature)).unwrap();
        let claims = forge::part(&document, 1);
        assert_eq!(
            (&claims["iss"], &claims["aud"]),
            (&json!(ISSUER), &json!(format!("{ISSUER}{FEED}")))
        );
        let now = f64::from(i32::try_from(self.now()).unwrap());
        assert_eq!((claims["iat"].as_f64(), claims["exp"].as_f64()), (Some(now), Some(now + 10.0)));
        claims
    }

    async fn head(&self) -> i64 {
        event::head(self.admin.store.database()).await.unwrap().0.get()
    }

    async fn revoke_named(&self, jti: &str, client: &TestClient) {
        let token = RevokedToken {
            jti: jti.to_owned(),
            client: ClientId::parse(&client.id).unwrap(),
            expires_at: self.clock.now().plus(Duration::from_mins(1)),
        };
        Revoker::new(self.admin.clone(), 1_000_000).revoke(token).await.unwrap();
    }
}

fn next(document: &Map<String, Value>) -> String {
    document["next"].as_str().unwrap().to_owned()
}

fn digest(kind: Kind, name: &str) -> Value {
    Mark::of(kind, name).digest().into()
}

#[actix_web::test]
async fn a_reader_is_told_what_was_taken_back_and_then_the_rest() {
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
    // As long as any token could be good, which an outage prolongs.
    assert_eq!(changes["clients"][0][2], json!(app.now() + 3600 + 24 * 3600 + 60));
    assert_eq!(changes["tokens"], json!([[digest(Kind::Token, "some-jti"), app.now() + 60 + 60]]));

    // Nothing more; and whoever comes anew is told all of it.
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

/// Every kind of thing that is taken back, with the digest that `docs/reference/revocation-feed.md` says.
#[actix_web::test]
async fn every_kind_is_told() {
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

/// Who waits hears of it at once.
#[actix_web::test]
async fn who_waits_is_answered_as_soon_as_something_is_taken_back() {
    let app = TestApp::spawn().await;
    let (reader, other) = (app.client("read").await, app.client("read").await);
    app.caught_up().await;
    let start = next(&app.feed(&reader, "").await);
    let began = Instant::now();
    let query = format!("after={start}&wait=30");
    let taking_back = async {
        app.until_metric("mintery_revocation_feed_readers", 1.0).await;
        // What takes nothing back wakes nobody.
        app.client("read").await;
        app.caught_up().await;
        assert_eq!(app.metric("mintery_revocation_feed_readers").await.to_string(), "1");
        app.disable(&other).await;
        Instant::now()
    };
    let (changes, disabled) =
        futures_util::future::join(app.feed(&reader, &query), taking_back).await;
    assert!(
        disabled.elapsed() < Duration::from_secs(1) && began.elapsed() < Duration::from_secs(10)
    );
    assert_eq!(changes["clients"][0][0], digest(Kind::Client, &other.id));
    assert_eq!(app.metric("mintery_revocation_feed_readers").await.to_string(), "0");
    // When nothing is, the time is over.
    let nothing = app.feed(&reader, &format!("after={}&wait=1", next(&changes))).await;
    assert!(!nothing.contains_key("clients"));
}

/// Who asks from another history, or from a future that never came, is told everything anew.
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
    // The head has the same number again, and is another event.
    let third = app.client("read").await;
    app.caught_up().await;
    assert_eq!(app.head().await, head + 1);
    let anew = app.feed(&reader, &format!("after={lost}&wait=30")).await;
    assert_eq!((&anew["snapshot"], &anew["to"]), (&json!(true), &json!(head + 1)));
    // What both have in common is a place in either, though this node has forgotten it.
    app.disable(&third).await;
    app.caught_up().await;
    let changes = app.feed(&reader, &format!("after={common}")).await;
    assert_eq!((&changes["from"], &changes["to"]), (&json!(head), &json!(head + 2)));
    assert_eq!(changes["clients"][0][0], digest(Kind::Client, &third.id));
}

/// A restored backup is noticed by those who wait, too.
#[actix_web::test]
async fn who_waits_hears_of_another_history() {
    let database = TestDatabase::create().await;
    let app = TestApp::on(database.clone(), &[]).await.unwrap();
    let reader = app.client("read").await;
    database.execute(&["CREATE TABLE kept AS SELECT * FROM event_head"]).await;
    let kept = app.head().await;
    app.client("read").await;
    app.caught_up().await;
    let start = next(&app.feed(&reader, "").await);
    let restore = [
        format!("DELETE FROM events WHERE number > {kept}"),
        "UPDATE event_head SET number = (SELECT number FROM kept), seal = (SELECT seal FROM kept)"
            .to_owned(),
    ];
    let restoring = async {
        app.until_metric("mintery_revocation_feed_readers", 1.0).await;
        database.execute(&restore.iter().map(String::as_str).collect::<Vec<_>>()).await;
    };
    let query = format!("after={start}&wait=30");
    let began = Instant::now();
    let (told, ()) = futures_util::future::join(app.feed(&reader, &query), restoring).await;
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!((&told["snapshot"], &told["to"]), (&json!(true), &json!(kept)));
}

/// More than fits into one document comes in parts; a reader that was away for long starts anew.
#[actix_web::test]
async fn a_long_list_comes_in_parts() {
    const COUNT: usize = 45_000;
    let database = TestDatabase::create().await;
    let app = TestApp::on(database.clone(), &[]).await.unwrap();
    let (reader, other) = (app.client("read").await, app.client("read").await);
    app.caught_up().await;
    let start = next(&app.feed(&reader, "").await);
    // Of an event that this node has applied, and that is not the last.
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
    // Away for so long that it is not remembered, and more than fits. (A node that starts remembers
    // nothing.)
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
            // Taken back meanwhile: after the last part.
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

#[actix_web::test]
async fn who_reads_shows_who_they_are() {
    let app = TestApp::spawn().await;
    let reader = app.client("read").await;
    let token = app.access_token(&reader).await;
    let get = |authorization: Option<String>, query: &str| {
        let request = app.request(Method::GET, &format!("{FEED}{query}"));
        Answer::of(match authorization {
            Some(value) => request.header("authorization", value),
            None => request,
        })
    };
    let bearer = |token: &str| Some(format!("Bearer {token}"));
    assert_eq!(get(bearer(&token), "").await.status, 200);
    assert_eq!(get(Some(format!("bearer {token}")), "?wait=0").await.status, 200);
    get(None, "").await.assert_oauth_error(401, "invalid_client", "nothing");
    get(Some(basic("nobody:nothing")), "").await.assert_oauth_error(
        401,
        "invalid_client",
        "a stranger",
    );
    get(bearer("x.y.z"), "").await.assert_invalid_token("no token");
    let form = |fields: Vec<(&'static str, String)>| {
        Answer::of(app.request(Method::POST, FEED).form(&fields))
    };
    let own = vec![("client_id", reader.id.clone()), ("client_secret", reader.secret.clone())];
    assert_eq!(form(own.clone()).await.status, 200);
    let with_wait = [own.clone(), vec![("wait", "x".to_owned())]].concat();
    form(with_wait).await.assert_oauth_error(400, "invalid_request", "wait");
    form(vec![("client_id", reader.id.clone())]).await.assert_oauth_error(
        401,
        "invalid_client",
        "no secret",
    );
    let by_header = app.request(Method::POST, FEED).header("authorization", reader.basic());
    assert_eq!(Answer::of(by_header.form(&[("nonce", "a")])).await.status, 200);
    let bearer_post =
        app.request(Method::POST, FEED).header("authorization", format!("Bearer {token}"));
    let answer = Answer::of(bearer_post.form(&[("nonce", "a")])).await;
    answer.assert_oauth_error(401, "invalid_client", "a token is no client authentication");
    let in_uri = format!("?client_id={}&client_secret={}", reader.id, reader.secret);
    get(None, &in_uri).await.assert_oauth_error(400, "invalid_request", "a secret in the URI");
    let put = Answer::of(app.request(Method::PUT, FEED)).await;
    assert_eq!((put.status, put.header("allow")), (405, "GET, POST"));

    app.disable(&reader).await;
    app.caught_up().await;
    get(Some(reader.basic()), "").await.assert_oauth_error(401, "invalid_client", "disabled");
    get(bearer(&token), "").await.assert_invalid_token("disabled");
}

/// An API key is as good as a token, in both headers, with any scope: who is enabled may read.
#[actix_web::test]
async fn a_reader_may_show_an_api_key() {
    let app = TestApp::spawn().await;
    let owner = app.client("read").await;
    let key = app.key(owned_by(&owner)).await;
    let get = |query: &str, headers: &[(&'static str, &str)]| {
        let mut request = app.request(Method::GET, &format!("{FEED}{query}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request)
    };
    let bearer = format!("Bearer {}", key.key);
    for header in [("authorization", bearer.as_str()), ("x-api-key", &key.key)] {
        let answer = get("?nonce=abc", &[header]).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, "application/revocations+jwt")
        );
        let query = format!("?api_key={}", key.key);
        get(&query, &[header]).await.assert_problem(400, "err_invalid_request", "a key in the URI");
    }
    let two = get("", &[("authorization", &owner.basic()), ("x-api-key", &key.key)]).await;
    two.assert_problem(400, "err_invalid_request", "two credentials");
    let both = get("", &[("authorization", &bearer), ("x-api-key", &key.key)]).await;
    both.assert_problem(400, "err_invalid_request", "a key twice");
    get("", &[("x-api-key", "mtk_live_x")]).await.assert_invalid_token("no key");
    app.disable(&owner).await;
    app.caught_up().await;
    get("", &[("x-api-key", &key.key)]).await.assert_invalid_token("disabled");
}

#[actix_web::test]
async fn bad_questions_are_refused_and_not_repeated() {
    let app = TestApp::spawn().await;
    let reader = app.client("read").await;
    for query in [
        "after=marker",
        "after=1.marker",
        "after=1.AAAAAAAAAAA.2",
        "after=1.AAAAAAAAAAA.2.token.marker",
        "after=99999999999999999999.AAAAAAAAAAA",
        "wait=marker",
        "wait=31",
        "wait=-1",
        "nonce=marker!",
        "nonce=%00",
        "nonce=a&nonce=b",
        "after=%zz",
    ] {
        let answer = app.ask_feed(&reader, query).await;
        answer.assert_oauth_error(400, "invalid_request", query);
        assert!(!answer.body.contains("marker"), "{answer:?}");
    }
    let long = format!("nonce={}", "a".repeat(65));
    app.ask_feed(&reader, &long).await.assert_oauth_error(400, "invalid_request", "long");
    // Positions that were never given out.
    for after in ["0.AAAAAAAAAAA", "1.AAAAAAAAAAA", "9000000000000000000.AAAAAAAAAAA"] {
        assert_eq!(
            app.feed(&reader, &format!("after={after}")).await["snapshot"],
            json!(true),
            "{after}"
        );
    }
    let part = "after=1.AAAAAAAAAAA.2.token.ungWv48Bz-pBQUDeXa4i";
    assert_eq!(app.feed(&reader, part).await["part"], json!(1));
}

/// A node that is cut off says how old its knowledge is, and invents nothing.
#[actix_web::test]
async fn a_node_that_is_cut_off_shows_it() {
    let app = TestApp::spawn().await;
    let reader = app.client("read").await;
    app.caught_up().await;
    app.access_token(&reader).await;
    let start = next(&app.feed(&reader, "").await);
    app.database
        .execute(&[
            "ALTER TABLE events RENAME TO away",
            "ALTER TABLE revocations RENAME TO away_too",
        ])
        .await;
    app.clock.let_pass(Duration::from_mins(2));
    let changes = app.feed(&reader, &format!("after={start}")).await;
    let age = changes["iat"].as_f64().unwrap() - changes["as_of"].as_f64().unwrap();
    assert!((119.0..=121.0).contains(&age), "{age}");
    let answer = app.ask_feed(&reader, "").await;
    answer.assert_oauth_error(503, "temporarily_unavailable", "a snapshot");
    app.database
        .execute(&[
            "ALTER TABLE away RENAME TO events",
            "ALTER TABLE away_too RENAME TO revocations",
        ])
        .await;
    let begun = Instant::now();
    loop {
        let changes = app.feed(&reader, &format!("after={start}")).await;
        if changes["iat"].as_f64().unwrap() - changes["as_of"].as_f64().unwrap() < 1.0 {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(2));
    }
}

/// Two nodes on one database (so to speak: SQLite has but one): a reader that comes from one that
/// is ahead is not told less.
#[actix_web::test]
async fn a_node_that_is_behind_catches_up_with_its_reader() {
    if !crate::database::is_postgres() {
        return;
    }
    let database = TestDatabase::create().await;
    let one = TestApp::on(database.clone(), &[]).await.unwrap();
    let other = TestApp::on(database.clone(), &[]).await.unwrap();
    let reader = one.client("read").await;
    for _ in 0..20 {
        let client = one.client("read").await;
        one.caught_up().await;
        let start = next(&one.feed(&reader, "").await);
        let there = other.feed(&reader, &format!("after={start}")).await;
        assert!(!there.contains_key("snapshot"), "{there:?}");
        one.disable(&client).await;
        one.caught_up().await;
        let here = one.feed(&reader, &format!("after={start}")).await;
        let there = other.feed(&reader, &format!("after={}", next(&here))).await;
        assert_eq!((&there["from"], there.contains_key("clients")), (&here["to"], false));
    }
}

/// More than may wait are answered at once; and a stop waits for nobody.
#[actix_web::test]
async fn so_many_wait_and_a_stop_waits_for_none() {
    let app = TestApp::spawn().await;
    let reader = app.client("read").await;
    app.caught_up().await;
    let start = next(&app.feed(&reader, "").await);
    let query = format!("after={start}&wait=30");
    let waiting: Vec<_> = (0..64)
        .map(|_| {
            let request = app.request(Method::GET, &format!("{FEED}?{query}"));
            actix_web::rt::spawn(Answer::of(request.header("authorization", reader.basic())))
        })
        .collect();
    app.until_metric("mintery_revocation_feed_readers", 64.0).await;
    let began = Instant::now();
    assert_eq!(app.feed(&reader, &query).await["from"], app.head().await);
    app.stop().await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    for answer in waiting {
        assert_eq!(answer.await.unwrap().status, 200);
    }
}

/// HS256 is for those who share the secret; the feed is for everybody.
#[actix_web::test]
async fn the_feed_is_never_signed_with_a_secret() {
    for (algorithm, expected) in [("HS256", "ES256"), ("RS256", "RS256")] {
        let app = TestApp::with(&[("token.alg", algorithm)]).await;
        let reader = app.client("read").await;
        app.feed(&reader, "").await;
        let answer = app.ask_feed(&reader, "").await;
        assert_eq!(forge::part(&answer.body, 0)["alg"], expected);
        // It opens nothing.
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
