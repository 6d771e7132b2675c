//! The client credentials grant (RFC 6749 §4.4) with resource indicators (RFC 8707).

use crate::directory::KnownClient;
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;
use crate::oauth::AuthorizationServer;
use crate::oauth::error::OauthError;
use crate::oauth::form::Form;

/// What is asked for.
#[derive(Debug)]
pub struct ClientCredentials {
    scopes: Option<ScopeSet>,
    resources: Vec<ResourceUri>,
}

/// What is granted.
#[derive(Debug)]
pub struct Granted {
    /// What the token allows.
    pub scopes: ScopeSet,
    /// What it is good for; at least one.
    pub audience: Vec<ResourceUri>,
}

impl ClientCredentials {
    /// Reads the parameters.
    ///
    /// # Errors
    /// When the scope or a resource is malformed.
    pub fn parse(form: &Form) -> Result<Self, OauthError> {
        let scopes = form.get("scope").map(ScopeSet::parse).transpose();
        let resources = form.all("resource").map(ResourceUri::parse).collect::<Result<Vec<_>, _>>();
        let mut resources = resources.map_err(|_| OauthError::InvalidTarget)?;
        resources.sort_unstable();
        resources.dedup();
        Ok(Self {
            scopes: scopes.map_err(|_| OauthError::InvalidScope("The scope is malformed"))?,
            resources,
        })
    }

    /// Decides: never more than was asked for, never more than the client may have.
    ///
    /// # Errors
    /// When a resource is not known, or a scope is not the client's or not for every resource.
    pub fn decide(self, server: &AuthorizationServer, client: &KnownClient) -> Result<Granted, OauthError> {
        let is_known = |resource: &ResourceUri| {
            *resource == server.default_audience || resource.as_str() == server.issuer.as_str()
        };
        if !self.resources.iter().all(is_known) {
            return Err(OauthError::InvalidTarget);
        }
        let audience =
            if self.resources.is_empty() { vec![server.default_audience.clone()] } else { self.resources };
        let scopes = self.scopes.unwrap_or_else(|| client.default_scopes.clone());
        if !scopes.is_subset_of(&client.client.scopes) {
            return Err(OauthError::InvalidScope("The client may not have this scope"));
        }
        // Mintery's own scopes are good for Mintery's own API alone.
        if scopes.has_own() && audience.iter().any(|resource| resource.as_str() != server.issuer.as_str()) {
            return Err(OauthError::InvalidScope("The scope does not belong to the resource"));
        }
        Ok(Granted { scopes, audience })
    }
}
