//! Client authentication (RFC 6749 §2.3). Each method parses its part of a request into one arm of
//! [`ClientCredential`]; a request has exactly one.
//!
//! A new method is a file here, an arm, and an arm of
//! [`AuthMethod`](crate::model::client::AuthMethod).

pub mod client;
pub mod guessable;
pub mod secret;

use super::authorization::Authorization;
use super::error::{ClientFailure, OauthError};
use super::form::Form;
use crate::authn::context::Context;
use crate::network::Network;
use client::AuthenticatedClient;

/// The credential of a client in a request.
#[derive(Debug)]
pub enum ClientCredential {
    /// An id and a secret: `client_secret_basic` or `client_secret_post`.
    Secret(secret::PresentedSecret),
}

impl ClientCredential {
    /// Parses the one credential of a request.
    ///
    /// # Errors
    /// [`OauthError::InvalidRequest`] for two credentials, [`OauthError::InvalidClient`] for none or
    /// a malformed one.
    pub fn find(authorization: Authorization<'_>, form: &mut Form<'_>) -> Result<Self, OauthError> {
        // Rejected rather than ignored, since it is a credential.
        if form.has("client_assertion") || form.has("client_assertion_type") {
            let is_second = authorization != Authorization::Absent || form.has("client_secret");
            return Err(if is_second {
                OauthError::InvalidRequest("The client uses two authentication methods; use one")
            } else {
                ClientFailure::Unsupported.into()
            });
        }
        match authorization {
            Authorization::Absent => secret::from_form(form).map(Self::Secret),
            Authorization::Once(header) => secret::from_basic(header, form).map(Self::Secret),
            Authorization::Repeated => {
                Err(OauthError::InvalidRequest("The Authorization header is given twice"))
            }
        }
    }

    /// Authenticates the client.
    ///
    /// # Errors
    /// [`OauthError::InvalidClient`] for a wrong credential; [`OauthError::TooManyGuesses`],
    /// [`OauthError::Busy`] or [`OauthError::Unavailable`] for one that was not checked.
    pub fn authenticate(
        &self,
        context: &Context,
        network: Network,
    ) -> impl Future<Output = Result<AuthenticatedClient, OauthError>> {
        // The arm's own future: an `async fn` around it would hold the arguments twice more.
        match self {
            Self::Secret(presented) => secret::authenticate(presented, context, network),
        }
    }
}
