//! Access of a token: the scopes and resources (RFC 8707) that a request asks for, and the part that
//! is granted. The rules are the same for every grant.

use std::borrow::Cow;
use std::time::Duration;

use crate::model::event::EventNumber;
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;
use crate::model::signing_key::SigningAlgorithm;
use crate::oauth::AuthorizationServer;
use crate::oauth::error::OauthError;
use crate::oauth::form::Form;

/// Access that a request asks for.
#[derive(Debug)]
pub struct RequestedAccess {
    scopes: Option<ScopeSet>,
    resources: Vec<ResourceUri>,
}

/// Limits of the client or API key that asks.
#[derive(Debug, Clone)]
pub struct AllowedAccess<'a> {
    /// The allowed APIs, besides the default one.
    pub resources: &'a [ResourceUri],
    /// The event as of which the scopes were granted at the APIs.
    pub granted_as_of: EventNumber,
    /// The signing algorithm, if the client has its own.
    pub token_alg: Option<SigningAlgorithm>,
    /// The token lifetime, if the client has its own.
    pub token_ttl: Option<Duration>,
    /// All allowed scopes.
    pub scopes: &'a ScopeSet,
    /// The scopes of a request that names none.
    pub default_scopes: ScopeSet,
}

/// Access that a token gives.
#[derive(Debug)]
pub struct GrantedAccess<'a> {
    /// The scopes.
    pub scopes: ScopeSet,
    /// The APIs; at least one.
    pub audience: Cow<'a, [ResourceUri]>,
    /// The algorithm that signs the token.
    pub algorithm: SigningAlgorithm,
    /// The lifetime of the token.
    pub ttl: Duration,
}

impl RequestedAccess {
    /// Parses `scope`, and the resources in the parameters named `targets`.
    ///
    /// # Errors
    /// The scope or a resource is malformed.
    pub fn parse(form: &Form<'_>, targets: &[&str]) -> Result<Self, OauthError> {
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

    /// Adds the API that `audience` names, as clients of other servers call `resource`. Beside
    /// `resource` it must name one of the same APIs.
    ///
    /// # Errors
    /// The audience is malformed, or none of the requested resources.
    pub fn with_audience(mut self, form: &Form<'_>) -> Result<Self, OauthError> {
        let Some(audience) = form.get("audience") else { return Ok(self) };
        let audience = ResourceUri::parse(audience).map_err(|_| OauthError::InvalidTarget)?;
        if self.resources.is_empty() {
            self.resources.push(audience);
        } else if !self.resources.contains(&audience) {
            return Err(OauthError::InvalidTarget);
        }
        Ok(self)
    }

    /// Grants at most the requested access, and at most the allowed one.
    ///
    /// # Errors
    /// A resource is unknown or not allowed, or a scope is not allowed or not valid for every
    /// resource.
    pub fn decide<'a>(
        self,
        server: &'a AuthorizationServer,
        allowed: AllowedAccess<'a>,
    ) -> Result<GrantedAccess<'a>, OauthError> {
        let apis = server.context.directory.apis();
        let context = &server.context;
        let mut audience = if self.resources.is_empty() {
            let default = allowed.resources.first().unwrap_or(&context.default_audience);
            Cow::Borrowed(std::slice::from_ref(default))
        } else {
            Cow::Owned(self.resources)
        };
        let mut registered = Vec::new();
        let default_api = |resource: &ResourceUri| {
            let defaults = [&context.default_audience, &context.own_api];
            defaults.into_iter().find(|default| *default == resource)
        };
        let mut respelled = Vec::new();
        for (position, resource) in audience.iter().enumerate() {
            let known = if let Some(default) = default_api(resource) {
                default
            } else {
                let api = apis.get(resource.comparable());
                let api = api.filter(|_| allowed.resources.contains(resource));
                let at_api =
                    api.and_then(|api| Some((api, api.scopes_as_of(allowed.granted_as_of)?)));
                let (api, scopes) = at_api.ok_or(OauthError::InvalidTarget)?;
                registered.push((api, scopes));
                &api.resource
            };
            if known.as_str() != resource.as_str() {
                respelled.push((position, known.clone()));
            }
        }
        // A token has the spelling that its API is known by.
        for (position, known) in respelled {
            if let Some(resource) = audience.to_mut().get_mut(position) {
                *resource = known;
            }
        }
        // The default API takes any scope.
        let scopes = match self.scopes {
            Some(scopes) if !scopes.is_subset_of(allowed.scopes) => {
                return Err(OauthError::InvalidScope(
                    "The scope is not allowed for this client or API key",
                ));
            }
            Some(scopes) if registered.iter().any(|(_, at_api)| !scopes.is_subset_of(at_api)) => {
                return Err(NOT_OF_RESOURCE);
            }
            Some(scopes) => scopes,
            None => {
                let defaults = allowed.default_scopes;
                registered.iter().fold(defaults, |scopes, (_, at_api)| scopes.intersection(at_api))
            }
        };
        // Mintery's own scopes are valid at Mintery's own API only.
        if scopes.has_own()
            && audience.iter().any(|resource| resource.as_str() != server.context.issuer.as_str())
        {
            return Err(NOT_OF_RESOURCE);
        }
        let algorithm =
            allowed.token_alg.or_else(|| registered.iter().find_map(|(api, _)| api.token_alg));
        let ttl = allowed
            .token_ttl
            .or_else(|| registered.iter().filter_map(|(api, _)| api.token_ttl).min());
        let (algorithm, ttl) =
            (algorithm.unwrap_or(server.tokens.algorithm), ttl.unwrap_or(server.tokens.ttl));
        if algorithm.is_symmetric() && scopes.has_own() {
            return Err(OauthError::InvalidScope(
                "Tokens signed with HS256 cannot carry scopes of this server",
            ));
        }
        Ok(GrantedAccess { scopes, audience, algorithm, ttl })
    }
}

const NOT_OF_RESOURCE: OauthError =
    OauthError::InvalidScope("The scope does not belong to the resource");
