//! Clients.

use std::time::Duration;

use serde::Serialize;

use super::client_terms::{ClientTermsJson, client_input};
use super::input::invalid;
use super::secret::SecretJson;
use crate::admin::AdminError;
use crate::admin::client::{CreatedClient, KeptSecret, NewClient};
use crate::clock::Timestamp;
use crate::model::client::{Client, ClientId, ClientTerms, ClientUpdate};
use crate::secret::Secret;
use crate::secret::chosen::ChosenSecret;

/// A client.
#[derive(Debug, Serialize)]
pub struct ClientJson<'a> {
    client_id: &'a str,
    #[serde(flatten)]
    terms: ClientTermsJson<'a>,
    token_endpoint_auth_method: &'static str,
    client_id_issued_at: i64,
    enabled: bool,
}

/// A new client, with its secret.
#[derive(Debug, Serialize)]
pub struct CreatedJson<'a> {
    #[serde(flatten)]
    client: ClientJson<'a>,
    client_secret: &'a str,
    /// 0 if it does not expire (RFC 7591 §3.2.1).
    client_secret_expires_at: i64,
}

/// A client with the metadata of its secrets.
#[derive(Debug, Serialize)]
pub struct ShownJson<'a> {
    #[serde(flatten)]
    client: ClientJson<'a>,
    secrets: Vec<SecretJson<'a>>,
}

impl<'a> From<&'a Client> for ClientJson<'a> {
    /// Shows effective default scopes, also where the client has none of its own.
    fn from(client: &'a Client) -> Self {
        let mut json = Self::as_set(client);
        json.terms.default_scope = Some(client.terms.effective_default_scopes());
        json
    }
}

impl<'a> ClientJson<'a> {
    /// Shows only what was set, so that an import leaves the rest unset.
    #[must_use]
    pub fn as_set(client: &'a Client) -> Self {
        let Client {
            id,
            terms,
            auth_method,
            cut_off: _,
            granted_as_of: _,
            created_at,
            disabled_at: _,
        } = client;
        Self {
            client_id: id.as_str(),
            terms: ClientTermsJson::from(terms),
            token_endpoint_auth_method: auth_method.name(),
            client_id_issued_at: created_at.as_secs(),
            enabled: client.is_enabled(),
        }
    }
}

impl<'a> From<&'a CreatedClient> for CreatedJson<'a> {
    fn from(created: &'a CreatedClient) -> Self {
        Self {
            client: ClientJson::from(&created.client),
            client_secret: created.plain.expose(),
            client_secret_expires_at: created.secret.expires_at.map_or(0, Timestamp::as_secs),
        }
    }
}

impl<'a> ShownJson<'a> {
    /// A client with its secrets.
    #[must_use]
    pub fn new(client: &'a Client, secrets: &'a [KeptSecret]) -> Self {
        Self {
            client: ClientJson::from(client),
            secrets: secrets.iter().map(SecretJson::from).collect(),
        }
    }
}

client_input! {
    /// A new client, or a change of one: then an absent member stays as it is, and `null` removes
    /// it.
    #[derive(Debug)]
    pub struct ClientInput {
        /// A chosen secret, instead of a generated one.
        client_secret: Option<Secret>,
        /// Seconds until the first secret expires.
        secret_expires_in: Option<u64>,
    }
}

impl ClientInput {
    /// Parses a new client.
    ///
    /// # Errors
    /// If a member is invalid, or the name is missing.
    pub fn into_new(mut self) -> Result<NewClient, AdminError> {
        let id = self.client_id.as_deref().map(ClientId::parse).transpose().map_err(invalid)?;
        let secret_expires_in = self.secret_expires_in.map(Duration::from_secs);
        let secret =
            self.client_secret.take().map(ChosenSecret::parse).transpose().map_err(invalid)?;
        let mut update = self.terms()?;
        let name = update.name.take();
        let name = name.ok_or_else(|| AdminError::Invalid("client_name is missing".to_owned()))?;
        let terms = update.apply(ClientTerms::new(name));
        Ok(NewClient { id, terms, secret, secret_expires_in })
    }

    /// Parses a change of a client. It cannot change the id or the secrets.
    ///
    /// # Errors
    /// If a member is invalid.
    pub fn into_update(mut self) -> Result<ClientUpdate, AdminError> {
        if self.client_id.is_some()
            || self.client_secret.is_some()
            || self.secret_expires_in.is_some()
        {
            let reason = "neither the id nor the secrets of a client are changed in this way";
            return Err(AdminError::Invalid(reason.to_owned()));
        }
        self.terms()
    }
}
