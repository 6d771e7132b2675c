//! Client authentication (RFC 6749 §2.3): whatever way a client shows who it is becomes one
//! [`Presented`], exactly one, and one `match` checks it.

pub mod guessable;
pub mod secret;

use std::sync::Arc;

use super::AuthorizationServer;
use super::error::{ClientFailure, OauthError};
use super::form::Form;
use crate::directory::KnownClient;
use crate::model::client::SecretId;
use crate::model::event::EventNumber;
use crate::network::Network;

/// What a client shows.
#[derive(Debug)]
pub enum Presented {
    /// An id and a secret: `client_secret_basic` or `client_secret_post`.
    ClientSecret(secret::Pairs),
}

/// A client that authenticated.
#[derive(Debug)]
pub struct AuthenticatedClient {
    /// The client.
    pub known: Arc<KnownClient>,
    /// What of the credential goes into the id of a token.
    pub token_credential: [u8; 8],
    /// The event that what is known of the client is not older than.
    pub as_of: EventNumber,
}

impl AuthenticatedClient {
    /// The secret that it presented.
    #[must_use]
    pub fn secret(&self) -> Option<&SecretId> {
        let secrets = &mut self.known.secrets.iter();
        secrets
            .find(|secret| secret.token_credential == self.token_credential)
            .map(|secret| &secret.id)
    }
}

impl Presented {
    /// Finds the one credential in a request.
    ///
    /// # Errors
    /// [`OauthError::InvalidRequest`] when there are two, [`OauthError::InvalidClient`] when there
    /// is none or it is malformed.
    pub fn find(authorization: &[&[u8]], form: &mut Form) -> Result<Self, OauthError> {
        // Not supported here: refused rather than overlooked, since it is a way of authenticating.
        if form.has("client_assertion") || form.has("client_assertion_type") {
            return Err(OauthError::InvalidRequest("Client assertions are not supported"));
        }
        match authorization {
            [] => secret::from_form(form).map(Self::ClientSecret),
            [header] => secret::from_basic(header, form).map(Self::ClientSecret),
            _ => Err(OauthError::InvalidRequest("The Authorization header is given twice")),
        }
    }

    /// Checks what was presented.
    ///
    /// # Errors
    /// [`OauthError::InvalidClient`] when it is not right, [`OauthError::TooManyGuesses`],
    /// [`OauthError::Busy`] or [`OauthError::Unavailable`] when that cannot be told now.
    pub async fn authenticate(
        &self,
        server: &AuthorizationServer,
        network: Network,
    ) -> Result<AuthenticatedClient, OauthError> {
        match self {
            Self::ClientSecret(pairs) => secret::authenticate(pairs, server, network).await,
        }
    }
}

impl From<ClientFailure> for OauthError {
    fn from(failure: ClientFailure) -> Self {
        Self::InvalidClient(failure)
    }
}
