//! Users and their browsers.

use mintery::admin::user::{self, NewUser};
use mintery::model::scope::ScopeSet;
use mintery::model::user::{Role, UserId, Username};
use mintery::secret::Secret;
use mintery::secret::password::Password;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::support::answer::Answer;
use crate::support::app::{ISSUER, TestApp};

pub const SESSION: &str = "/api/v1/session";
pub const ME: &str = "/api/v1/users/me";

/// The default password.
pub const PASSWORD: &str = "lorry-Umbrella-7-quince";

/// A user who can log in.
#[derive(Debug, Clone)]
pub struct TestUser {
    pub id: UserId,
    pub username: String,
    pub password: String,
}

/// A browser with a logged-in user.
pub struct Browser<'a> {
    app: &'a TestApp,
    pub name: String,
    pub cookie: String,
}

impl TestApp {
    /// Creates a user at the command line.
    pub async fn user(&self, username: &str, role: Role) -> TestUser {
        let password = Password::parse(Secret::new(PASSWORD.to_owned())).unwrap();
        let new = NewUser {
            username: Username::parse(username).unwrap(),
            role,
            scopes: ScopeSet::default(),
            resources: Vec::new(),
            password,
        };
        let user = user::create(&self.admin, new).await.unwrap();
        TestUser { id: user.id, username: username.to_owned(), password: PASSWORD.to_owned() }
    }

    /// A request to log in, as a page of this server sends it.
    pub fn log_in_request(&self, body: &Value) -> RequestBuilder {
        let request =
            self.request(Method::POST, SESSION).header("content-type", "application/json");
        request.header("origin", ISSUER).body(body.to_string())
    }

    pub async fn try_log_in(&self, username: &str, password: &str) -> Answer {
        Answer::of(self.log_in_request(&json!({ "username": username, "password": password })))
            .await
    }

    pub async fn log_in(&self, user: &TestUser) -> Browser<'_> {
        let answer = self.try_log_in(&user.username, &user.password).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        Browser::given(self, &answer)
    }

    /// A browser with a logged-in user of this role.
    pub async fn browser(&self, username: &str, role: Role) -> Browser<'_> {
        self.log_in(&self.user(username, role).await).await
    }
}

impl<'a> Browser<'a> {
    /// A browser with the cookie of a response.
    pub fn given(app: &'a TestApp, answer: &Answer) -> Self {
        let set = answer.header("set-cookie");
        let (name, rest) = set.split_once('=').unwrap_or_else(|| panic!("no cookie: {answer:?}"));
        let cookie = rest.split(';').next().unwrap();
        Self { app, name: name.to_owned(), cookie: cookie.to_owned() }
    }

    /// The `Cookie` header.
    pub fn header(&self) -> String {
        format!("{}={}", self.name, self.cookie)
    }

    /// A request with the cookie and nothing else.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.app.request(method, path).header("cookie", self.header())
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub async fn me(&self) -> Answer {
        self.get(ME).await
    }

    /// A change, as a page of this server sends it.
    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = self.request(method, path).header("origin", ISSUER);
        let request = request.header("content-type", "application/json");
        Answer::of(match body {
            Some(body) => request.body(body.to_string()),
            None => request,
        })
        .await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }
}
