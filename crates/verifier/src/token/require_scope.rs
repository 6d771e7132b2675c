//! The scopes that a route requires.

use std::sync::Arc;

use crate::model::scope::ScopeSet;
use crate::token::principal::Principal;

/// The scopes that a route requires. With the feature `actix` it is a middleware:
/// `.wrap(RequireScope::all(["read"]))`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequireScope(Rule);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    All(ScopeSet),
    Any(Arc<[ScopeSet]>),
    /// A mistake in the program, which must close the route instead of opening it.
    Closed,
}

impl RequireScope {
    /// Requires each of `scopes`; without any, just a valid token. A text with spaces is several
    /// scopes, and text that is not a scope (RFC 6749 §3.3) closes the route.
    pub fn all<S: AsRef<str>>(scopes: impl IntoIterator<Item = S>) -> Self {
        Self(parse(scopes).map_or(Rule::Closed, |sets| {
            Rule::All(sets.iter().fold(ScopeSet::default(), |all, more| all.union(more)))
        }))
    }

    /// Requires one of `scopes`. An empty list closes the route; of a text with spaces, the token
    /// needs all scopes.
    pub fn any<S: AsRef<str>>(scopes: impl IntoIterator<Item = S>) -> Self {
        Self(parse(scopes).map_or(Rule::Closed, |sets| Rule::Any(sets.into())))
    }

    /// Checks that `principal` has the required scopes.
    ///
    /// # Errors
    /// With the missing scopes; for [`any`](Self::any), with the first alternative.
    pub fn check(&self, principal: &Principal) -> Result<(), MissingScope> {
        let own = principal.scopes();
        let missing = match &self.0 {
            Rule::All(needed) => needed.minus(own),
            Rule::Any(sets) if sets.iter().any(|set| set.is_subset_of(own)) => return Ok(()),
            Rule::Any(sets) => {
                return Err(MissingScope(
                    sets.first().map(ToString::to_string).unwrap_or_default(),
                ));
            }
            Rule::Closed => return Err(MissingScope(String::new())),
        };
        if missing.is_empty() { Ok(()) } else { Err(MissingScope(missing.to_string())) }
    }
}

fn parse<S: AsRef<str>>(scopes: impl IntoIterator<Item = S>) -> Option<Vec<ScopeSet>> {
    let parse = |scope: S| ScopeSet::parse(scope.as_ref()).ok().filter(|set| !set.is_empty());
    scopes.into_iter().map(parse).collect()
}

/// The error for a valid token without the required scopes: respond with 403.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the access token lacks the scope {0}")]
pub struct MissingScope(String);

impl MissingScope {
    /// The missing scopes, separated by spaces; empty if the route is closed.
    #[must_use]
    pub fn scopes(&self) -> &str {
        &self.0
    }
}
