//! The targets of the acts: principals that have nothing, scopes, an API, or a role, each with a
//! secret, an API key and a session. One that an act has changed is replaced by a new one.

use std::collections::BTreeMap;

use mintery::admin::AdminError;
use mintery::admin::api;
use mintery::admin::api_key::NewApiKey;
use mintery::admin::user::{self, NewUser};
use mintery::model::api_key::KeyOwner;
use mintery::model::scope::ScopeSet;
use mintery::model::user::{Role, UserId, Username};
use mintery::secret::Secret;
use mintery::secret::password::Password;
use serde_json::Value;

use crate::support::api_key::owned_by;
use crate::support::app::{TestApp, TestClient, new_client};
use crate::support::forge;
use crate::support::introspection::{api_terms, uri};
use crate::support::people::PASSWORD;

const API: &str = "https://payments.example.com";

/// A kind of target principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// No target.
    None,
    /// A client or member without scopes.
    Nothing,
    /// One with the scope `read`.
    Read,
    /// One with the scope `read` and an API.
    Api,
    /// A viewer.
    Viewer,
    /// An administrator.
    Admin,
}

impl Kind {
    pub const fn label(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Nothing => "nothing",
            Self::Read => "read",
            Self::Api => "read at API",
            Self::Viewer => "viewer",
            Self::Admin => "admin",
        }
    }
}

struct Target {
    client: TestClient,
    user: UserId,
    username: String,
    key: String,
}

pub struct Targets<'a> {
    app: &'a TestApp,
    made: BTreeMap<Kind, Target>,
    kid: String,
    count: usize,
}

impl<'a> Targets<'a> {
    pub async fn create(app: &'a TestApp) -> Self {
        let client = app.client("read").await;
        let token = app.access_token(&client).await;
        let kid = forge::part(&token, 0)["kid"].as_str().unwrap().to_owned();
        Self { app, made: BTreeMap::new(), kid, count: 0 }
    }

    /// The path with the ids of a target in the place of its parameters.
    pub async fn path(&mut self, path: &str, kind: Kind) -> String {
        if !self.made.contains_key(&kind) {
            self.replace(kind).await;
        }
        let Target { client, user, username, key } = &self.made[&kind];
        let session = if path.contains("{session}") {
            self.session_of(username, user).await
        } else {
            String::new()
        };
        let id = if path.contains("/clients") {
            client.id.as_str()
        } else if path.contains("/keys") {
            key.as_str()
        } else {
            user.as_str()
        };
        path.replace("{resource:.+}", "https%3A%2F%2Fpayments.example.com")
            .replace("{secret}", &client.secret_id)
            .replace("{session}", &session)
            .replace("{kid}", &self.kid)
            .replace("{id}", id)
    }

    /// The body, with the ids of a target in it.
    pub fn body(&self, body: &str, kind: Kind) -> Option<Value> {
        if body.is_empty() {
            return None;
        }
        let target = &self.made[&kind];
        let text = body
            .replace("$client", &target.client.id)
            .replace("$user", target.user.as_str())
            .replace("$key", &target.key)
            .replace("$count", &self.count.to_string());
        Some(serde_json::from_str(&text).unwrap())
    }

    /// Makes a new target of this kind.
    pub async fn replace(&mut self, kind: Kind) {
        self.count += 1;
        // An act may have deleted it.
        let made = Box::pin(api::create(&self.app.admin, uri(API), api_terms())).await;
        assert!(matches!(made, Ok(_) | Err(AdminError::Exists(_))), "{made:?}");
        let (scopes, has_api, role) = match kind {
            Kind::None | Kind::Nothing => ("", false, Role::Member),
            Kind::Read => ("read", false, Role::Member),
            Kind::Api => ("read", true, Role::Member),
            Kind::Viewer => ("", false, Role::Viewer),
            Kind::Admin => ("", false, Role::Admin),
        };
        let resources = if has_api { vec![uri(API)] } else { Vec::new() };
        let mut new = new_client(scopes);
        new.terms.resources.clone_from(&resources);
        let client = self.app.create(new).await;
        let username = format!("target-{}", self.count);
        let new = NewUser {
            username: Username::parse(&username).unwrap(),
            role,
            scopes: ScopeSet::parse(scopes).unwrap(),
            resources,
            password: Password::parse(Secret::new(PASSWORD.to_owned())).unwrap(),
        };
        let user = user::create(&self.app.admin, new).await.unwrap().id;
        let scopes = Some(ScopeSet::default());
        let owner = KeyOwner::User(user.clone());
        let key = self.app.key(NewApiKey { owner, scopes, ..owned_by(&client) }).await.id;
        self.app.caught_up().await;
        self.made.insert(kind, Target { client, user, username, key });
    }

    async fn session_of(&self, username: &str, user: &UserId) -> String {
        let answer = self.app.try_log_in(username, PASSWORD).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let sessions = mintery::admin::session::list(&self.app.admin, user).await.unwrap();
        sessions[0].id.as_str().to_owned()
    }
}
