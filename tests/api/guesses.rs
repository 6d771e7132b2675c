//! Limits on guessing.

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use mintery::random::SystemRandom;
use mintery::secret::generated::{CLIENT_SECRET_PREFIX, generate};
use reqwest::Method;

use crate::slow_secrets::administer;
use crate::support::answer::Answer;
use crate::support::app::{TestApp, TestClient};

const SECRET: &str = "a secret of our own";

/// Counts requests that were rejected because of earlier ones.
const LIMITED: &str =
    r#"mintery_token_refusals_total{error="temporarily_unavailable",reason="too_many_guesses"}"#;

/// Wrong secrets of one client from one address that are checked.
const PER_CLIENT: usize = 10;

/// The same for all clients.
const PER_ADDRESS: usize = 100;

/// A caller at another address of this machine.
struct Stranger<'a> {
    app: &'a TestApp,
    http: reqwest::Client,
}

impl<'a> Stranger<'a> {
    fn at(app: &'a TestApp, last: u8) -> Self {
        let address = IpAddr::V4(Ipv4Addr::new(127, 0, 0, last));
        Self {
            app,
            http: reqwest::Client::builder().no_proxy().local_address(address).build().unwrap(),
        }
    }

    async fn guess_until_refused(&self, id: &str) {
        for number in 0..=PER_CLIENT {
            if self.try_secret(id, &format!("guess-{number}")).await.status == 429 {
                return;
            }
        }
        panic!("no limit on guessing at {id}");
    }

    async fn try_secret(&self, id: &str, secret: &str) -> Answer {
        let fields =
            [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
        Answer::of(self.http.post(format!("{}/oauth/token", self.app.url)).form(&fields)).await
    }
}

impl Answer {
    #[track_caller]
    fn assert_refused_for_guessing(&self, most: u64) {
        self.assert_oauth_error(429, "temporarily_unavailable", "too many");
        let after: u64 = self.header("retry-after").parse().unwrap();
        assert!((1..=most).contains(&after), "{self:?}");
    }
}

/// 6749-17: per client and address, known or not, before any hash; time restores the allowance.
#[actix_web::test]
async fn guessing_at_a_client_is_limited() {
    let app = TestApp::spawn().await;
    let client = app.client_with_secret(SECRET).await;
    let unknown = TestClient { id: "nobody".to_owned(), ..client.clone() };
    for client in [&client, &unknown] {
        for number in 0..PER_CLIENT {
            let wrong = TestClient { secret: format!("wrong-{number}"), ..client.clone() };
            app.token(&wrong).send().await.assert_oauth_error(401, "invalid_client", &wrong.id);
        }
        let hashes = app.hashes().await;
        let wrong = TestClient { secret: "wrong again".to_owned(), ..client.clone() };
        let refused = app.token(&wrong).send().await;
        refused.assert_refused_for_guessing(7);
        refused.assert_no_echo("wrong again", "refused");
        assert_eq!(app.hashes().await, hashes, "nothing was hashed");
    }
    // No attempts for the other client yet.
    let other = app.client_with_secret(SECRET).await;
    app.token(&other).send().await.assert_token("another client, from the same address");

    app.clock.let_pass(Duration::from_secs(6));
    let wrong = TestClient { secret: "wrong again".to_owned(), ..client.clone() };
    app.token(&wrong).send().await.assert_oauth_error(401, "invalid_client", "one more");
    let wrong = TestClient { secret: "and again".to_owned(), ..client.clone() };
    app.token(&wrong).send().await.assert_refused_for_guessing(7);
    app.clock.let_pass(Duration::from_secs(6));
    app.token(&client).send().await.assert_token("the owner");
    let limited = app.count(LIMITED).await;
    assert_eq!(limited, 3);
}

/// 6749-17: per address over all clients.
#[actix_web::test]
async fn an_address_is_limited_over_all_clients() {
    let app = TestApp::spawn().await;
    let stranger = Stranger::at(&app, 2);
    let mut answers = Vec::new();
    for number in 0..PER_ADDRESS {
        answers.push(stranger.try_secret(&format!("client-{number}"), "a guess").await.status);
    }
    assert_eq!(answers, [401; PER_ADDRESS]);
    stranger.try_secret("client-x", "a guess").await.assert_refused_for_guessing(2);
    Stranger::at(&app, 3).try_secret("client-x", "a guess").await.assert_oauth_error(
        401,
        "invalid_client",
        "from elsewhere",
    );
}

/// 6749-17: only wrong secrets count.
#[actix_web::test]
async fn right_secrets_are_not_counted() {
    let app = TestApp::spawn().await;
    for number in 0..PER_ADDRESS + 20 {
        // Each is hashed once: the first request of a client is not a guess.
        let client = app.client_with_secret(&format!("{SECRET} {number}")).await;
        app.token(&client).send().await.assert_token("right");
        app.token(&client).send().await.assert_token("right again");
    }
}

/// 6749-17: guesses from another address do not lock the owner out, remembered or not.
#[actix_web::test]
async fn guesses_from_elsewhere_do_not_lock_the_owner_out() {
    let app = TestApp::spawn().await;
    let remembered = app.client_with_secret(SECRET).await;
    app.token(&remembered).send().await.assert_token("remembered");
    let fresh = app.client_with_secret(SECRET).await;
    let stranger = Stranger::at(&app, 2);
    for client in [&remembered, &fresh] {
        stranger.guess_until_refused(&client.id).await;
        app.token(client).send().await.assert_token("the owner, from where they are");
    }
    // Nor at the same address, once it is remembered.
    stranger
        .try_secret(&remembered.id, SECRET)
        .await
        .assert_token("the owner, from the same address");
    stranger.try_secret(&remembered.id, "a guess").await.assert_refused_for_guessing(7);
}

/// 6749-17: a machine that keeps using an old secret blocks no machine with the new one, not even
/// at the same address.
#[actix_web::test]
async fn the_same_wrong_secret_again_is_no_guess() {
    let app = TestApp::spawn().await;
    let client = app.client_with_secret(SECRET).await;
    let unknown = TestClient { id: "nobody".to_owned(), ..client.clone() };
    for client in [&client, &unknown] {
        let before = app.hashes().await;
        let old = TestClient { secret: "an old secret".to_owned(), ..client.clone() };
        for _ in 0..PER_CLIENT * 3 {
            app.token(&old).send().await.assert_oauth_error(401, "invalid_client", &old.id);
        }
        assert_eq!(app.hashes().await, before + 1, "{}", client.id);
    }
    app.token(&client).send().await.assert_token("the new one");

    // The rejected secret works once the client has it.
    let body = serde_json::json!({ "client_secret": "an old secret" });
    let path = format!("/api/v1/clients/{}/secrets", client.id);
    assert_eq!(administer(&app, Method::POST, &path, body).await.status, 201);
    let old = TestClient { secret: "an old secret".to_owned(), ..client };
    app.token(&old).send().await.assert_token("given to it again");
}

/// 6749-17, SEC-3: thousands of wrong secrets from elsewhere do not delay right ones: remembered,
/// generated, and presented for the first time.
#[actix_web::test]
async fn a_flood_of_guesses_from_elsewhere_delays_no_owner() {
    const CONNECTIONS: usize = 50;
    let app = TestApp::with(&[("workers", "2")]).await;
    let generated = app.client("read").await;
    let chosen = app.client_with_secret(SECRET).await;
    let stranger = Stranger::at(&app, 2);
    let (target, stop) = (chosen.id.clone(), std::cell::Cell::new(false));
    let flood = futures_util::future::join_all((0..CONNECTIONS).map(|connection| {
        let (stranger, target, stop) = (&stranger, &target, &stop);
        async move {
            let (mut sent, mut limited) = (0, 0);
            while !stop.get() {
                // For one client, for an unknown one, and for another one each time; guessed, and
                // well-formed.
                let secret = match (connection + sent) % 4 {
                    0 => generate(CLIENT_SECRET_PREFIX, &SystemRandom).expose().to_owned(),
                    _ => format!("guess-{connection}-{sent}"),
                };
                let id = match connection % 3 {
                    0 => target.clone(),
                    1 => "nobody".to_owned(),
                    _ => format!("somebody-{connection}-{sent}"),
                };
                let answer = stranger.try_secret(&id, &secret).await;
                assert!(matches!(answer.status, 401 | 429 | 503), "{answer:?}");
                limited += usize::from(answer.status == 429);
                sent += 1;
            }
            (sent, limited)
        }
    }));
    let owners = async {
        for round in 0..40 {
            app.token(&generated).send().await.assert_token("generated");
            app.token(&chosen).send().await.assert_token("chosen");
            let new = app.client_with_secret(&format!("{SECRET} {round}")).await;
            app.token(&new).send().await.assert_token("shown for the first time");
        }
        let begun = Instant::now();
        while app.count(LIMITED).await < 1000 {
            assert!(begun.elapsed() < Duration::from_secs(30));
            app.token(&chosen).send().await.assert_token("chosen");
        }
        stop.set(true);
    };
    let (sent, ()) = futures_util::future::join(flood, owners).await;
    let (sent, limited) = sent.into_iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    assert!(sent > 1000 && limited >= 1000, "{sent} {limited}");
    // The checked secrets are those within the limit, and those of the owners.
    let hashes = app.hashes().await;
    assert!(hashes <= i64::try_from(PER_ADDRESS).unwrap() + 50, "{hashes}");
}

/// 6749-17, SEC-3: many addresses that guess in parallel fill the queue, and each owner still gets
/// a turn.
#[actix_web::test]
async fn the_line_before_the_hash_is_fair() {
    let app = TestApp::with(&[("workers", "2")]).await;
    let client = app.client_with_secret(SECRET).await;
    let strangers: Vec<Stranger<'_>> = (2..12).map(|last| Stranger::at(&app, last)).collect();
    let hashed = Cell::new(0);
    let guesses = strangers.iter().enumerate().flat_map(|(network, stranger)| {
        // Equal requests would share a result.
        let guess = move |number| format!("client-{network}-{number}");
        let hashed = &hashed;
        (0..30).map(move |number| async move {
            let status = stranger.try_secret(&guess(number), "a guess").await.status;
            hashed.set(hashed.get() + u32::from(status == 401));
            status
        })
    });
    let flood = futures_util::future::join_all(guesses);
    let owner = async {
        // After all of them.
        actix_web::rt::time::sleep(Duration::from_millis(50)).await;
        let before = hashed.get();
        app.token(&client).send().await.assert_token("the owner");
        hashed.get() - before
    };
    let (statuses, overtaken) = futures_util::future::join(flood, owner).await;
    assert!(statuses.iter().all(|status| matches!(status, 401 | 503)), "{statuses:?}");
    // One per network, and those in progress.
    assert!(overtaken < 50, "{overtaken} of {statuses:?} were first");
    // A machine with many cores has room for all of them.
    if app.count("mintery_hash_slots").await * 64 < 250 {
        assert!(statuses.contains(&503), "the line is not bounded: {statuses:?}");
        assert!(app.count("mintery_hashes_refused_total").await > 0);
    }
}

/// A wrong secret that was rejected because of a full queue was not checked, and does not count.
#[actix_web::test]
async fn an_unchecked_secret_is_not_counted() {
    let app = TestApp::spawn().await;
    let stranger = Stranger::at(&app, 2);
    let guesses = (0..PER_ADDRESS).map(|number| {
        let id = format!("client-{number}");
        let stranger = &stranger;
        async move { stranger.try_secret(&id, "a guess").await.status }
    });
    let statuses = futures_util::future::join_all(guesses).await;
    let not_looked_at = statuses.iter().filter(|status| **status == 503).count();
    let mut more = 0;
    while stranger.try_secret(&format!("other-{more}"), "a guess").await.status == 401 {
        more += 1;
    }
    assert_eq!(more, not_looked_at);
}

/// 6749-17: a wrong secret of 256 random bits is not a guess. It costs nothing and is not limited.
#[actix_web::test]
async fn random_secrets_are_not_limited() {
    let app = TestApp::spawn().await;
    let client = app.client_with_secret(SECRET).await;
    for _ in 0..PER_ADDRESS * 2 {
        let secret = generate(CLIENT_SECRET_PREFIX, &SystemRandom).expose().to_owned();
        let wrong = TestClient { secret, ..client.clone() };
        app.token(&wrong).send().await.assert_oauth_error(
            401,
            "invalid_client",
            "of the form of ours",
        );
    }
    assert_eq!(app.hashes().await, 0);
    app.token(&client).send().await.assert_token("the owner");
    // From here on the same responses come late.
    let begun = Instant::now();
    let secret = generate(CLIENT_SECRET_PREFIX, &SystemRandom).expose().to_owned();
    let wrong = TestClient { secret, ..client.clone() };
    app.token(&wrong).send().await.assert_oauth_error(401, "invalid_client", "late");
    assert!(begun.elapsed() >= Duration::from_millis(100));
    let mut least = Duration::MAX;
    for _ in 0..5 {
        let begun = Instant::now();
        app.token(&client).send().await.assert_token("the owner");
        least = least.min(begun.elapsed());
    }
    assert!(least < Duration::from_millis(100), "{least:?}");
}
