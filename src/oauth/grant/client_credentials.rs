//! The client credentials grant (RFC 6749 §4.4): what a client asks for that has authenticated.

use super::wanted::{Allowed, Granted, Wanted};
use crate::directory::KnownClient;
use crate::oauth::AuthorizationServer;
use crate::oauth::error::OauthError;
use crate::oauth::form::Form;

/// What is asked for.
#[derive(Debug)]
pub struct ClientCredentials(Wanted);

impl ClientCredentials {
    /// Reads the parameters.
    ///
    /// # Errors
    /// When the scope or a resource is malformed.
    pub fn parse(form: &Form) -> Result<Self, OauthError> {
        Wanted::parse(form, &["resource"]).map(Self)
    }

    /// Decides: never more than was asked for, never more than the client may have.
    ///
    /// # Errors
    /// When a resource is not known or not for the client, or a scope is not the client's or not
    /// for every resource.
    pub fn decide(
        self,
        server: &AuthorizationServer,
        known: &KnownClient,
    ) -> Result<Granted, OauthError> {
        let KnownClient { client, default_scopes, .. } = known;
        let allowed = Allowed {
            resources: &client.terms.resources,
            token_alg: client.terms.token_alg,
            token_ttl: client.terms.token_ttl,
            scopes: &client.terms.scopes,
            default_scopes,
        };
        self.0.decide(server, allowed)
    }
}
