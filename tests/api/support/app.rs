//! A running server, and requests to it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use actix_web::rt::task::JoinHandle;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mintery::admin::client::NewClient;
use mintery::admin::{self, Admin};
use mintery::background::FLUSH_EVERY;
use mintery::clock::{Clock, ManualClock};
use mintery::config::Settings;
use mintery::model::client::{ClientId, ClientTerms};
use mintery::model::name::DisplayName;
use mintery::model::scope::ScopeSet;
use mintery::random::SystemRandom;
use mintery::server::{Application, ServeMode, StartError, Surroundings};
use mintery::store::event;
use reqwest::{Method, RequestBuilder};

use crate::support::answer::Answer;
use crate::support::database::{START, TestDatabase};
use crate::support::forge;

/// The issuer, unless a test sets another one.
pub const ISSUER: &str = "https://auth.example.com";

/// A server on a port of its own, and an administrator of its database in a simulated other
/// process.
pub struct TestApp {
    /// The base URL.
    pub url: String,
    /// Stands still until a test moves it.
    pub clock: Arc<ManualClock>,
    pub database: Arc<TestDatabase>,
    pub admin: Admin,
    http: reqwest::Client,
    handle: ServerHandle,
    running: Option<JoinHandle<std::io::Result<()>>>,
}

impl Drop for TestApp {
    fn drop(&mut self) {
        // The stop is requested at once, and not awaited.
        drop(self.handle.stop(false));
    }
}

/// A client, with its secret from the creation.
#[derive(Debug, Clone)]
pub struct TestClient {
    pub id: String,
    pub secret: String,
    pub secret_id: String,
}

impl TestClient {
    /// Its `Authorization` header.
    pub fn basic(&self) -> String {
        basic(format!("{}:{}", self.id, self.secret))
    }
}

/// A `Basic` header with these credentials, as they stand.
pub fn basic(credentials: impl AsRef<[u8]>) -> String {
    format!("Basic {}", STANDARD.encode(credentials))
}

/// The terms of a new client with these scopes.
pub fn new_client(scopes: &str) -> NewClient {
    NewClient {
        id: None,
        terms: ClientTerms {
            scopes: ScopeSet::parse(scopes).unwrap(),
            ..ClientTerms::new(DisplayName::parse("tester").unwrap())
        },
        secret: None,
        secret_expires_in: None,
    }
}

impl TestApp {
    /// A server with the usual settings.
    pub async fn spawn() -> Self {
        Self::with(&[]).await
    }

    /// A server with these settings.
    pub async fn with(settings: &[(&'static str, &str)]) -> Self {
        Self::on(TestDatabase::create().await, settings).await.unwrap()
    }

    /// A server on a database that exists.
    pub async fn on(
        database: Arc<TestDatabase>,
        settings: &[(&'static str, &str)],
    ) -> Result<Self, StartError> {
        let clock = ManualClock::starting_at(START);
        let store_clock = Arc::clone(&clock) as Arc<dyn Clock>;
        Self::judged_by(database, settings, clock, Some(store_clock)).await
    }

    /// A server whose clock is judged by another, or by that of the database itself.
    pub async fn judged_by(
        database: Arc<TestDatabase>,
        settings: &[(&'static str, &str)],
        clock: Arc<ManualClock>,
        store_clock: Option<Arc<dyn Clock>>,
    ) -> Result<Self, StartError> {
        let usual = [
            ("listen", "127.0.0.1:0".to_owned()),
            ("issuer", ISSUER.to_owned()),
            ("workers", "1".to_owned()),
            ("database_url", database.url.clone()),
            ("master_key_file", database.master_key_file().display().to_string()),
        ];
        let own = settings.iter().map(|(key, value)| (*key, (*value).to_owned()));
        let overrides = usual.into_iter().chain(own).map(|(key, value)| (key, "a test", value));
        let settings =
            Settings::load(&overrides.collect(), [], Some(&database.settings_file())).unwrap();

        let surroundings = Surroundings {
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            random: Arc::new(SystemRandom),
            make_signer: forge::remember,
            store_clock,
        };
        let mode = ServeMode { dev: false, migrate: true };
        let application = Box::pin(Application::build(settings, mode, surroundings)).await?;
        let url = format!("http://{}", application.address());
        let handle = application.handle();
        let running = Some(actix_web::rt::spawn(application.run()));
        Ok(Self {
            url,
            admin: database.administer(Arc::clone(&clock) as Arc<dyn Clock>).await,
            clock,
            database,
            http: reqwest::Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
            handle,
            running,
        })
    }

    /// Stops the server and waits for its end.
    pub async fn stop(mut self) {
        self.handle.stop(true).await;
        if let Some(running) = self.running.take() {
            running.await.unwrap().unwrap();
        }
    }

    /// Waits until the server has applied every change that was made.
    pub async fn caught_up(&self) {
        let (head, _) = event::head(self.admin.store.database()).await.unwrap();
        let begun = Instant::now();
        while self.metric("mintery_applied_event").await.to_string() != head.to_string() {
            assert!(begun.elapsed() <= Duration::from_secs(1), "event {head} is not applied");
            actix_web::rt::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The address that it listens on, without the scheme.
    pub fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    /// `date` of the server's clock, in seconds.
    pub fn now(&self) -> i64 {
        self.clock.now().as_secs()
    }

    /// Creates a client at the command line.
    pub async fn client(&self, scopes: &str) -> TestClient {
        self.create(new_client(scopes)).await
    }

    /// Creates a client with an existing id.
    pub async fn client_with_id(&self, id: &str, scopes: &str) -> TestClient {
        let mut new = new_client(scopes);
        new.id = Some(ClientId::parse(id).unwrap());
        self.create(new).await
    }

    pub async fn create(&self, new: NewClient) -> TestClient {
        let created = Box::pin(admin::client::create(&self.admin, new)).await.unwrap();
        TestClient {
            id: created.client.id.to_string(),
            secret: created.plain.expose().to_owned(),
            secret_id: created.secret.id.as_str().to_owned(),
        }
    }

    pub async fn disable(&self, client: &TestClient) {
        let id = ClientId::parse(&client.id).unwrap();
        admin::client::set_enabled(&self.admin, &id, false).await.unwrap();
    }

    pub async fn enable(&self, client: &TestClient) {
        let id = ClientId::parse(&client.id).unwrap();
        admin::client::set_enabled(&self.admin, &id, true).await.unwrap();
    }

    pub async fn delete(&self, client: &TestClient) {
        let id = ClientId::parse(&client.id).unwrap();
        admin::client::delete(&self.admin, &id).await.unwrap();
    }

    /// A request for a token, by Basic.
    pub fn token<'a>(&'a self, client: &'a TestClient) -> TokenRequest<'a> {
        TokenRequest {
            app: self,
            basic: Some(client.basic()),
            fields: vec![("grant_type", "client_credentials".to_owned())],
        }
    }

    /// A request for a token with nothing but these fields.
    pub fn form<'a>(&'a self, fields: &[(&'a str, &str)]) -> TokenRequest<'a> {
        TokenRequest {
            app: self,
            basic: None,
            fields: fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
        }
    }

    /// A POST to the token endpoint with this body and these headers.
    pub async fn post_token(&self, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Answer {
        let mut request = self.request(Method::POST, "/oauth/token").body(body.into());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request).await
    }

    /// A token of this client, with its default scopes.
    pub async fn access_token(&self, client: &TestClient) -> String {
        self.token(client).send().await.text("access_token")
    }

    /// `GET /api/v1/users/me` with this token.
    pub async fn me(&self, token: &str) -> Answer {
        self.get_with("/api/v1/users/me", token).await
    }

    /// A GET with this token.
    pub async fn get_with(&self, path: &str, token: &str) -> Answer {
        Answer::of(
            self.request(Method::GET, path).header("authorization", format!("Bearer {token}")),
        )
        .await
    }

    /// A GET without any credential.
    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// Waits until a series of `/metrics` reaches this value. Checked a few times a second.
    pub async fn until_metric(&self, series: &str, value: f64) {
        let begun = Instant::now();
        loop {
            let current = self.metric(series).await;
            if current >= value {
                return;
            }
            assert!(
                begun.elapsed() <= Duration::from_secs(2),
                "{series} is {current}, not {value}"
            );
            actix_web::rt::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Lets time pass until usage counts are flushed, and waits for the attempt.
    pub async fn flush_usage(&self) {
        const SERIES: [&str; 2] = [
            "mintery_usage_flushes_total{result=\"done\"}",
            "mintery_usage_flushes_total{result=\"failed\"}",
        ];
        let flushes = async || self.metric(SERIES[0]).await + self.metric(SERIES[1]).await;
        let before = flushes().await;
        self.clock.let_pass(FLUSH_EVERY);
        let begun = Instant::now();
        while flushes().await <= before {
            assert!(begun.elapsed() <= Duration::from_secs(5), "nothing is flushed");
            actix_web::rt::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Lets time pass until the server follows its store again.
    pub async fn pass(&self, time: Duration) {
        self.clock.let_pass(time);
        let begun = Instant::now();
        while self.get("/readyz").await.text("status") != "ok" {
            assert!(begun.elapsed() < Duration::from_secs(1), "the server is not ready");
        }
    }

    /// The value of a series of `/metrics`.
    pub async fn metric(&self, series: &str) -> f64 {
        let text = self.get("/metrics").await.body;
        let line = text.lines().find_map(|line| line.strip_prefix(series));
        let value = line.unwrap_or_else(|| panic!("no {series} in {text}"));
        value.trim().parse().unwrap()
    }
}

/// A request for a token.
pub struct TokenRequest<'a> {
    app: &'a TestApp,
    basic: Option<String>,
    fields: Vec<(&'a str, String)>,
}

impl<'a> TokenRequest<'a> {
    pub fn field(mut self, name: &'a str, value: &str) -> Self {
        self.fields.push((name, value.to_owned()));
        self
    }

    pub fn scope(self, scope: &str) -> Self {
        self.field("scope", scope)
    }

    pub fn resource(self, resource: &str) -> Self {
        self.field("resource", resource)
    }

    /// Leaves out a field that is otherwise sent.
    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(own, _)| *own != name);
        self
    }

    pub async fn send(self) -> Answer {
        let mut request = self.app.request(Method::POST, "/oauth/token").form(&self.fields);
        if let Some(basic) = self.basic {
            request = request.header("authorization", basic);
        }
        Answer::of(request).await
    }
}

/// Repeats the request until it gets this status. Changes by other processes take effect within a
/// second.
#[track_caller]
pub fn within_a_second<F, Asking>(status: u16, ask: F) -> impl Future<Output = Answer>
where
    F: Fn() -> Asking,
    Asking: Future<Output = Answer>,
{
    let caller = std::panic::Location::caller();
    async move {
        let begun = Instant::now();
        loop {
            let answer = ask().await;
            let took = begun.elapsed();
            if answer.status == status {
                assert!(took <= Duration::from_secs(1), "{caller}: it took {took:?}");
                return answer;
            }
            assert!(took <= Duration::from_secs(1), "{caller}: still {answer:?} after {took:?}");
            actix_web::rt::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
