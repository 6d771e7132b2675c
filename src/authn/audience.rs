//! The part of a credential that its holder still has at an API. Access tokens, API keys and
//! introspection use the same rule.

use super::context::Context;
use crate::directory::{KnownApiKey, KnownClient, KnownUser};
use crate::model::event::EventNumber;
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;
use mintery_verifier::model::resource::{comparable, is_same};

/// The APIs of a client or user.
#[derive(Debug, Clone, Copy)]
pub struct OwnApis<'a> {
    /// The APIs besides the default one.
    resources: &'a [ResourceUri],
    /// The event as of which the scopes were granted there.
    granted_as_of: EventNumber,
}

impl<'a> From<&'a KnownClient> for OwnApis<'a> {
    fn from(known: &'a KnownClient) -> Self {
        let client = &known.client;
        Self { resources: &client.terms.resources, granted_as_of: client.granted_as_of }
    }
}

impl<'a> From<&'a KnownUser> for OwnApis<'a> {
    fn from(known: &'a KnownUser) -> Self {
        Self { resources: &known.user.resources, granted_as_of: known.user.granted_as_of }
    }
}

impl<'a> From<&'a KnownApiKey> for OwnApis<'a> {
    fn from(known: &'a KnownApiKey) -> Self {
        let owner = &known.owner;
        Self { resources: owner.resources(), granted_as_of: owner.granted_as_of() }
    }
}

impl OwnApis<'_> {
    /// The part of `scopes` that applies to every one of these APIs; absent if one is not the
    /// holder's.
    #[must_use]
    pub fn scopes_at_all<'r>(
        self,
        context: &Context,
        scopes: ScopeSet,
        mut resources: impl Iterator<Item = &'r str>,
    ) -> Option<ScopeSet> {
        resources.try_fold(scopes, |scopes, resource| self.scopes_at(context, scopes, resource))
    }

    /// The part of `scopes` that applies to an API; absent if the API is not, or no longer, one of
    /// the holder's. Mintery's own scopes are for Mintery's own API only.
    #[must_use]
    pub fn scopes_at(
        self,
        context: &Context,
        scopes: ScopeSet,
        resource: &str,
    ) -> Option<ScopeSet> {
        if is_same(resource, context.issuer.as_str()) {
            return Some(scopes);
        }
        if is_same(resource, context.default_audience.as_str()) {
            return Some(scopes.without_own());
        }
        if !self.resources.iter().any(|own| is_same(own.as_str(), resource)) {
            return None;
        }
        let apis = context.directory.apis();
        let at_api = apis.get(comparable(resource))?.scopes_as_of(self.granted_as_of)?;
        Some(scopes.intersection(&at_api).without_own())
    }
}
