//! Authorization of administrative acts: the principals that a caller may act for, and the scopes
//! that a principal has at an API.

mod acting_for;
mod grants;
mod races;
mod taking;

use mintery::admin::user::{self, NewUser};
use mintery::model::api_key::KeyOwner;
use mintery::model::scope::ScopeSet;
use mintery::model::user::{Role, UserId, Username};
use mintery::secret::Secret;
use mintery::secret::password::Password;

use crate::support::app::{TestApp, TestClient, new_client};
use crate::support::introspection::uri;
use crate::support::people::PASSWORD;

pub const PAYMENTS: &str = "https://payments.example.com";
pub const OTHER: &str = "https://other.example.com";

/// Creates a client with these scopes and APIs at the command line.
pub async fn client_with(app: &TestApp, scopes: &str, resources: &[&str]) -> TestClient {
    let mut new = new_client(scopes);
    new.terms.resources = resources.iter().map(|resource| uri(resource)).collect();
    app.create(new).await
}

/// Creates a member with these scopes and APIs at the command line.
pub async fn member_with(app: &TestApp, name: &str, scopes: &str, resources: &[&str]) -> UserId {
    let new = NewUser {
        username: Username::parse(name).unwrap(),
        role: Role::Member,
        scopes: ScopeSet::parse(scopes).unwrap(),
        resources: resources.iter().map(|resource| uri(resource)).collect(),
        password: Password::parse(Secret::new(PASSWORD.to_owned())).unwrap(),
    };
    user::create(&app.admin, new).await.unwrap().id
}

/// A key owner.
pub fn owner(client: &TestClient) -> KeyOwner {
    KeyOwner::parse(&client.id).unwrap()
}
