//! Client secrets, without their text.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::input::invalid;
use crate::admin::AdminError;
use crate::admin::client::{KeptSecret, MadeSecret, NewSecret};
use crate::clock::Timestamp;
use crate::model::client::{ClientId, ClientSecret};
use crate::secret::Secret;
use crate::secret::chosen::ChosenSecret;

/// The metadata of a secret.
#[derive(Debug, Serialize)]
pub struct SecretJson<'a> {
    id: &'a str,
    /// The last characters; null for a chosen secret.
    hint: Option<&'a str>,
    label: Option<&'a str>,
    created_at: i64,
    expires_at: Option<i64>,
    /// Null if no use is known.
    last_used_at: Option<i64>,
    /// The address of the last use.
    last_used_address: Option<IpAddr>,
}

/// A new secret.
#[derive(Debug, Serialize)]
pub struct MadeSecretJson<'a> {
    client_id: &'a str,
    client_secret: &'a str,
    #[serde(flatten)]
    secret: SecretJson<'a>,
}

impl<'a> From<&'a ClientSecret> for SecretJson<'a> {
    fn from(secret: &'a ClientSecret) -> Self {
        Self {
            id: secret.id.as_str(),
            hint: secret.ending(),
            label: secret.label.as_deref(),
            created_at: secret.created_at.as_secs(),
            expires_at: secret.expires_at.map(Timestamp::as_secs),
            last_used_at: None,
            last_used_address: None,
        }
    }
}

impl<'a> From<&'a KeptSecret> for SecretJson<'a> {
    fn from(kept: &'a KeptSecret) -> Self {
        Self {
            last_used_at: kept.last_use.map(|last| last.at.as_secs()),
            last_used_address: kept.last_use.and_then(|last| last.from),
            ..Self::from(&kept.secret)
        }
    }
}

impl<'a> MadeSecretJson<'a> {
    /// A new secret of a client.
    #[must_use]
    pub fn new(client: &'a ClientId, made: &'a MadeSecret) -> Self {
        Self {
            client_id: client.as_str(),
            client_secret: made.plain.expose(),
            secret: SecretJson::from(&made.secret),
        }
    }
}

/// A request for a new secret.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretInput {
    /// The label.
    label: Option<String>,
    /// Seconds until it expires.
    expires_in: Option<u64>,
    /// A chosen secret; generated if absent.
    client_secret: Option<Secret>,
}

impl SecretInput {
    /// Parses a new secret.
    ///
    /// # Errors
    /// If the chosen secret is not acceptable.
    pub fn into_new(self) -> Result<NewSecret, AdminError> {
        Ok(NewSecret {
            label: self.label,
            expires_in: self.expires_in.map(Duration::from_secs),
            chosen: self.client_secret.map(ChosenSecret::parse).transpose().map_err(invalid)?,
        })
    }
}
