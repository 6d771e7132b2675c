//! What a token is wanted for, scopes and resources (RFC 8707), and what of that is granted: the
//! same whichever grant asks.

use std::time::Duration;

use crate::model::api::Api;
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;
use crate::model::signing_key::SigningAlgorithm;
use crate::oauth::AuthorizationServer;
use crate::oauth::error::OauthError;
use crate::oauth::form::Form;

/// What is asked for.
#[derive(Debug)]
pub struct Wanted {
    scopes: Option<ScopeSet>,
    resources: Vec<ResourceUri>,
}

/// What somebody may have, at most.
#[derive(Debug, Clone, Copy)]
pub struct Allowed<'a> {
    /// The APIs that are theirs beside the default one.
    pub resources: &'a [ResourceUri],
    /// What their tokens are signed with, where that is not as usual.
    pub token_alg: Option<SigningAlgorithm>,
    /// How long they live, where that is not as usual.
    pub token_ttl: Option<Duration>,
    /// All scopes that may be asked for.
    pub scopes: &'a ScopeSet,
    /// Those of who asks for none.
    pub default_scopes: &'a ScopeSet,
}

/// What is granted.
#[derive(Debug)]
pub struct Granted {
    /// What the token allows.
    pub scopes: ScopeSet,
    /// What it is good for; at least one.
    pub audience: Vec<ResourceUri>,
    /// What the token is signed with.
    pub algorithm: SigningAlgorithm,
    /// How long it lives.
    pub ttl: Duration,
}

impl Wanted {
    /// Reads the parameters, of which those called `targets` name resources.
    ///
    /// # Errors
    /// When the scope or a resource is malformed.
    pub fn parse(form: &Form, targets: &[&str]) -> Result<Self, OauthError> {
        let scopes = form.get("scope").map(ScopeSet::parse).transpose();
        let resources = targets.iter().flat_map(|name| form.all(name)).map(ResourceUri::parse);
        let resources = resources.collect::<Result<Vec<_>, _>>();
        let mut resources = resources.map_err(|_| OauthError::InvalidTarget)?;
        resources.sort_unstable();
        resources.dedup();
        Ok(Self {
            scopes: scopes.map_err(|_| OauthError::InvalidScope("The scope is malformed"))?,
            resources,
        })
    }

    /// Decides: never more than was asked for, never more than is allowed.
    ///
    /// # Errors
    /// When a resource is not known or not for the client, or a scope is not allowed or not for
    /// every resource.
    pub fn decide(
        self,
        server: &AuthorizationServer,
        allowed: Allowed<'_>,
    ) -> Result<Granted, OauthError> {
        let apis = server.directory.apis();
        let is_default = |resource: &ResourceUri| {
            *resource == server.default_audience || resource.as_str() == server.issuer.as_str()
        };
        let audience = if self.resources.is_empty() {
            vec![allowed.resources.first().unwrap_or(&server.default_audience).clone()]
        } else {
            self.resources
        };
        let mut registered = Vec::new();
        for resource in audience.iter().filter(|resource| !is_default(resource)) {
            let api = apis.get(resource.as_str()).filter(|_| allowed.resources.contains(resource));
            registered.push(api.ok_or(OauthError::InvalidTarget)?);
        }
        // The default API takes any scope.
        let scopes = match self.scopes {
            Some(scopes) if !scopes.is_subset_of(allowed.scopes) => {
                return Err(OauthError::InvalidScope(
                    "The client, or its API key, may not have this scope",
                ));
            }
            Some(scopes) if registered.iter().any(|api| !scopes.is_subset_of(api.scopes.set())) => {
                return Err(NOT_OF_RESOURCE);
            }
            Some(scopes) => scopes,
            None => {
                let of_all = |scopes: ScopeSet, api: &&Api| scopes.intersection(api.scopes.set());
                registered.iter().fold(allowed.default_scopes.clone(), of_all)
            }
        };
        // Mintery's own scopes are good for Mintery's own API alone.
        if scopes.has_own()
            && audience.iter().any(|resource| resource.as_str() != server.issuer.as_str())
        {
            return Err(NOT_OF_RESOURCE);
        }
        let algorithm =
            allowed.token_alg.or_else(|| registered.iter().find_map(|api| api.token_alg));
        let ttl =
            allowed.token_ttl.or_else(|| registered.iter().filter_map(|api| api.token_ttl).min());
        let (algorithm, ttl) =
            (algorithm.unwrap_or(server.token_alg), ttl.unwrap_or(server.token_ttl));
        if algorithm.is_symmetric() && scopes.has_own() {
            return Err(OauthError::InvalidScope(
                "Scopes of this server are not for tokens signed with HS256",
            ));
        }
        Ok(Granted { scopes, audience, algorithm, ttl })
    }
}

const NOT_OF_RESOURCE: OauthError =
    OauthError::InvalidScope("The scope does not belong to the resource");
