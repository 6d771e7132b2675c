//! APIs (resource servers), the audiences of tokens.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use super::event::number::EventNumber;
use super::name::DisplayName;
use super::resource::ResourceUri;
use super::scope::{OWN_PREFIX, ScopeSet};
use super::signing_key::SigningAlgorithm;
use crate::clock::Timestamp;

/// A stored API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api {
    /// The identifier, the `aud` of its tokens (RFC 8707 §2).
    pub resource: ResourceUri,
    /// The display name.
    pub name: DisplayName,
    /// Its scopes.
    pub scopes: ApiScopes,
    /// The signing algorithm of its tokens; the one of the settings if absent.
    pub token_alg: Option<SigningAlgorithm>,
    /// The lifetime of its tokens; the one of the settings if absent.
    pub token_ttl: Option<Duration>,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The events that created it and its scopes.
    pub since: ApiSince,
}

/// The events that created an API and its scopes. A principal has a scope at an API if it was
/// granted its scopes as of none of these, or a later one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ApiSince {
    api: EventNumber,
    /// The scopes that were created after the API.
    scopes: BTreeMap<String, EventNumber>,
    newest: EventNumber,
}

impl ApiSince {
    /// An API that event `api` created, with scopes that were created by these events.
    #[must_use]
    pub fn new(api: EventNumber, scopes: BTreeMap<String, EventNumber>) -> Self {
        let newest = scopes.values().copied().max().unwrap_or(api).max(api);
        Self { api, scopes: scopes.into_iter().filter(|(_, since)| *since > api).collect(), newest }
    }

    /// The same with other scopes, of which event `now` created those that are new.
    #[must_use]
    pub fn with_scopes(&self, before: &ScopeSet, after: &ScopeSet, now: EventNumber) -> Self {
        let since = |scope: &str| if before.contains(scope) { self.of(scope) } else { now };
        Self::new(self.api, after.iter().map(|scope| (scope.to_owned(), since(scope))).collect())
    }

    /// The event that created the API.
    #[must_use]
    pub const fn api(&self) -> EventNumber {
        self.api
    }

    /// The event that created a scope.
    #[must_use]
    pub fn of(&self, scope: &str) -> EventNumber {
        self.scopes.get(scope).copied().unwrap_or(self.api)
    }

    /// The last of the events.
    #[must_use]
    pub const fn newest(&self) -> EventNumber {
        self.newest
    }
}

impl Api {
    /// The scopes that a principal can have here, whose scopes were granted as of this event;
    /// absent if the API was created later.
    #[must_use]
    pub fn scopes_as_of(&self, granted_as_of: EventNumber) -> Option<Cow<'_, ScopeSet>> {
        if self.since.newest() <= granted_as_of {
            return Some(Cow::Borrowed(self.scopes.set()));
        }
        if granted_as_of < self.since.api() {
            return None;
        }
        let is_new = |scope: &&str| self.since.of(scope) > granted_as_of;
        let new: Vec<&str> = self.scopes.set().iter().filter(is_new).collect();
        let new = ScopeSet::parse(&new.join(" ")).unwrap_or_default();
        Some(Cow::Owned(self.scopes.set().minus(&new)))
    }
}

/// The maximum number of APIs: every node caches all of them.
pub const MAX_APIS: usize = 1000;

/// The scopes of an API with their descriptions. Mintery's own scopes belong to the issuer alone
/// and are excluded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ApiScopes {
    descriptions: BTreeMap<String, String>,
    set: ScopeSet,
}

/// Scopes that an API cannot have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidApiScopes {
    /// A scope has the prefix of Mintery's own.
    #[error("scopes that begin with mintery: are reserved")]
    Own,
    /// A scope is not a scope token.
    #[error("a scope must be printable ASCII without spaces, quotes and backslashes")]
    Malformed,
    /// A description cannot be displayed.
    #[error("a description must have at most 500 characters and no control characters")]
    Description,
    /// Too many scopes.
    #[error("an API can have at most 500 scopes")]
    TooMany,
}

impl ApiScopes {
    /// Scopes with their descriptions, which may be empty.
    ///
    /// # Errors
    /// If a scope is malformed, or Mintery's own.
    pub fn new(descriptions: BTreeMap<String, String>) -> Result<Self, InvalidApiScopes> {
        const MAX_SCOPES: usize = 500;
        const MAX_DESCRIPTION: usize = 500;
        if descriptions.len() > MAX_SCOPES {
            return Err(InvalidApiScopes::TooMany);
        }
        for (scope, description) in &descriptions {
            if scope.starts_with(OWN_PREFIX) {
                return Err(InvalidApiScopes::Own);
            }
            if scope.contains(' ') || scope.is_empty() {
                return Err(InvalidApiScopes::Malformed);
            }
            if description.chars().count() > MAX_DESCRIPTION
                || description.chars().any(char::is_control)
            {
                return Err(InvalidApiScopes::Description);
            }
        }
        let list = descriptions.keys().map(String::as_str).collect::<Vec<_>>().join(" ");
        let set = ScopeSet::parse(&list).map_err(|_| InvalidApiScopes::Malformed)?;
        Ok(Self { descriptions, set })
    }

    /// Scopes without descriptions.
    ///
    /// # Errors
    /// As [`ApiScopes::new`].
    pub fn plain(scopes: &ScopeSet) -> Result<Self, InvalidApiScopes> {
        Self::new(scopes.iter().map(|scope| (scope.to_owned(), String::new())).collect())
    }

    /// The scopes.
    #[must_use]
    pub const fn set(&self) -> &ScopeSet {
        &self.set
    }

    /// The scopes with their descriptions.
    #[must_use]
    pub const fn descriptions(&self) -> &BTreeMap<String, String> {
        &self.descriptions
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{ApiScopes, InvalidApiScopes};

    #[test]
    fn an_api_has_scopes_of_its_own_alone() {
        let scopes = |list: &[(&str, &str)]| {
            let pairs = list.iter().map(|(name, what)| ((*name).to_owned(), (*what).to_owned()));
            ApiScopes::new(pairs.collect::<BTreeMap<_, _>>())
        };
        assert_eq!(
            scopes(&[("read", "Reads."), ("write", "")]).unwrap().set().as_str(),
            "read write"
        );
        assert_eq!(scopes(&[]).unwrap().set().as_str(), "");
        assert_eq!(scopes(&[("mintery:clients:read", "")]), Err(InvalidApiScopes::Own));
        for bad in ["a b", "", "a\"", "é"] {
            assert_eq!(scopes(&[(bad, "")]), Err(InvalidApiScopes::Malformed), "{bad:?}");
        }
        assert_eq!(scopes(&[("a", "b\u{1b}c")]), Err(InvalidApiScopes::Description));
    }
}
