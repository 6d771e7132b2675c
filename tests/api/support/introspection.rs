//! Introspection, and clients of APIs.

use mintery::admin::api::{self, ApiTerms};
use mintery::admin::client;
use mintery::model::api::ApiScopes;
use mintery::model::client::{ClientId, ClientUpdate};
use mintery::model::name::DisplayName;
use mintery::model::resource::ResourceUri;
use mintery::model::scope::ScopeSet;
use reqwest::Method;

use crate::support::answer::Answer;
use crate::support::app::{TestApp, TestClient, new_client};

pub const PATH: &str = "/oauth/introspect";

pub const JWT: &str = "application/token-introspection+jwt";

impl TestApp {
    /// The response to `client` about `token`.
    pub async fn introspect(&self, client: &TestClient, token: &str) -> Answer {
        self.introspect_form(client, &[("token", token)]).await
    }

    pub async fn introspect_form(&self, client: &TestClient, fields: &[(&str, &str)]) -> Answer {
        let request = self.request(Method::POST, PATH).header("authorization", client.basic());
        Answer::of(request.form(fields)).await
    }

    pub async fn introspect_signed(&self, client: &TestClient, token: &str) -> Answer {
        let request = self.request(Method::POST, PATH).header("authorization", client.basic());
        Answer::of(request.header("accept", JWT).form(&[("token", token)])).await
    }

    pub async fn api(&self, resource: &str) {
        Box::pin(api::create(&self.admin, uri(resource), api_terms())).await.unwrap();
    }

    pub async fn update(&self, client: &TestClient, update: ClientUpdate) {
        Box::pin(client::update(&self.admin, &ClientId::parse(&client.id).unwrap(), update))
            .await
            .unwrap();
        self.caught_up().await;
    }

    /// A client that may request tokens for these APIs.
    pub async fn client_of(&self, resources: &[&str]) -> TestClient {
        let mut new = new_client("read write");
        new.terms.resources = resources.iter().map(|resource| uri(resource)).collect();
        self.create(new).await
    }

    /// A client that gets no tokens and stands for these APIs.
    pub async fn standing_for(&self, resources: &[&str]) -> TestClient {
        let mut new = new_client("");
        new.terms.grants = Vec::new();
        new.terms.stands_for = resources.iter().map(|resource| uri(resource)).collect();
        self.create(new).await
    }
}

pub fn api_terms() -> ApiTerms {
    ApiTerms {
        name: DisplayName::parse("an API").unwrap(),
        scopes: ApiScopes::plain(&ScopeSet::parse("read write").unwrap()).unwrap(),
        token_alg: None,
        token_ttl: None,
    }
}

pub fn uri(resource: &str) -> ResourceUri {
    ResourceUri::parse(resource).unwrap()
}
