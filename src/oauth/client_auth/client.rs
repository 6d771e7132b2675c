//! Authenticated clients.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::directory::KnownClient;
use crate::model::client::SecretId;
use crate::model::event::EventNumber;
use crate::oauth::error::ClientFailure;

/// A client that authenticated.
#[derive(Debug)]
pub struct AuthenticatedClient {
    /// The client.
    pub known: Arc<KnownClient>,
    /// The part of a token's id that names the credential.
    pub token_credential: [u8; 8],
    /// The last event that the knowledge of the client includes.
    pub as_of: EventNumber,
    /// The position of the presented secret in `known.secrets`.
    secret: usize,
}

impl AuthenticatedClient {
    /// Admits a client that presented its secret at position `secret`.
    ///
    /// # Errors
    /// The secret has expired, or the client is disabled.
    pub(super) fn admit(
        known: Arc<KnownClient>,
        secret: usize,
        as_of: EventNumber,
        now: Timestamp,
    ) -> Result<Self, ClientFailure> {
        let presented = known.secrets.get(secret).ok_or(ClientFailure::WrongSecret)?;
        if !presented.is_usable(now) {
            return Err(ClientFailure::ExpiredSecret);
        }
        if !known.client.is_enabled() {
            return Err(ClientFailure::Disabled);
        }
        let token_credential = presented.token_credential;
        Ok(Self { known, token_credential, as_of, secret })
    }

    /// The id of the secret that the client presented.
    #[must_use]
    pub fn secret(&self) -> Option<&SecretId> {
        self.known.secrets.get(self.secret).map(|secret| &secret.id)
    }
}
