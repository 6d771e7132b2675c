//! Exchange of API keys for tokens (RFC 8693).

mod granted;
mod request;
mod revocation;

use mintery::model::client::ClientId;
use mintery::model::scope::ScopeSet;

use crate::support::app::TestClient;

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

const ORDERS: &str = "https://orders.example.com";

const STOCK: &str = "urn:example:stock";

fn scopes(scopes: &str) -> ScopeSet {
    ScopeSet::parse(scopes).unwrap()
}

fn client_id(client: &TestClient) -> ClientId {
    ClientId::parse(&client.id).unwrap()
}
