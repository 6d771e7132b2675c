//! The first start with `--dev`: it creates a client, an API key and an administrator to try out.

use super::StartError;
use crate::admin::api_key::{CreatedApiKey, NewApiKey};
use crate::admin::client::{CreatedClient, NewClient};
use crate::admin::user::NewUser;
use crate::admin::{self, Admin};
use crate::model::address::AddressRanges;
use crate::model::api_key::{Environment, Environments, KeyOwner};
use crate::model::client::ClientTerms;
use crate::model::event::EventNumber;
use crate::model::name::DisplayName;
use crate::model::patch::Patch;
use crate::model::scope::ScopeSet;
use crate::model::user::{Role, User, Username};
use crate::secret::Secret;
use crate::secret::password::Password;
use crate::store::event;

/// The created records, with their secrets.
#[derive(Debug)]
pub struct FirstStart {
    /// The client.
    pub client: CreatedClient,
    /// An API key of the client.
    pub key: CreatedApiKey,
    /// The administrator.
    pub administrator: User,
    /// The administrator's password.
    pub password: Secret,
}

/// Creates the records if the database has none yet.
pub async fn create_records(
    admin: &Admin,
    accepted: Environments,
) -> Result<Option<FirstStart>, StartError> {
    // The initialization is the only event: nothing was created yet.
    let (head, _) = event::head(admin.store.database()).await?;
    if head != EventNumber::default().next() {
        return Ok(None);
    }
    let (Ok(name), Ok(scopes)) = (DisplayName::parse("demo"), ScopeSet::parse("read write")) else {
        return Ok(None);
    };
    let new = NewClient {
        id: None,
        terms: ClientTerms { scopes, ..ClientTerms::new(name.clone()) },
        secret: None,
        secret_expires_in: None,
    };
    let client = admin::client::create(admin, new).await?;
    let new = NewApiKey {
        owner: KeyOwner::Client(client.client.id.clone()),
        name,
        // The server must accept the key.
        environment: match accepted {
            Environments::Only(environment) => environment,
            Environments::Any => Environment::default(),
        },
        scopes: None,
        allowed: AddressRanges::default(),
        max_per_minute: None,
        expires_in: Patch::Keep,
    };
    let key = admin::api_key::create(admin, new).await?;
    let Ok(username) = Username::parse("admin") else { return Ok(None) };
    let chosen = Password::generate(&*admin.random);
    let password = chosen.secret().clone();
    let administrator = NewUser {
        username,
        role: Role::Admin,
        scopes: ScopeSet::default(),
        resources: Vec::new(),
        password: chosen,
    };
    let administrator = admin::user::create(admin, administrator).await?;
    Ok(Some(FirstStart { client, key, administrator, password }))
}
