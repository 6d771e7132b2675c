//! What a route asks of a token.

use std::sync::Arc;

use crate::model::scope::ScopeSet;
use crate::token::principal::Principal;

/// The scopes that a route asks for. With the feature `actix` it is a middleware:
/// `.wrap(RequireScope::all(["read"]))`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequireScope(Rule);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    All(ScopeSet),
    Any(Arc<[ScopeSet]>),
    /// Asks for what no token can have: a mistake in the program, which must not open the route.
    Nobody,
}

impl RequireScope {
    /// Asks for each of `scopes`; for a good token alone when there are none. A text with spaces is
    /// several scopes, and with one that is no scope of RFC 6749 §3.3 the route is closed.
    pub fn all<S: AsRef<str>>(scopes: impl IntoIterator<Item = S>) -> Self {
        Self(parse(scopes).map_or(Rule::Nobody, |sets| {
            Rule::All(sets.iter().fold(ScopeSet::default(), |all, more| all.union(more)))
        }))
    }

    /// Asks for one of `scopes`, whichever. Of none nobody has one; for a text with spaces, the
    /// token needs all in it.
    pub fn any<S: AsRef<str>>(scopes: impl IntoIterator<Item = S>) -> Self {
        Self(parse(scopes).map_or(Rule::Nobody, |sets| Rule::Any(sets.into())))
    }

    /// Checks that `principal` has what is asked for.
    ///
    /// # Errors
    /// With what is missing: of several scopes of which one is enough, the first.
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
            Rule::Nobody => return Err(MissingScope(String::new())),
        };
        if missing.is_empty() { Ok(()) } else { Err(MissingScope(missing.to_string())) }
    }
}

fn parse<S: AsRef<str>>(scopes: impl IntoIterator<Item = S>) -> Option<Vec<ScopeSet>> {
    let parse = |scope: S| ScopeSet::parse(scope.as_ref()).ok().filter(|set| !set.is_empty());
    scopes.into_iter().map(parse).collect()
}

/// A good token that does not allow this: an answer of 403.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the access token lacks the scope {0}")]
pub struct MissingScope(String);

impl MissingScope {
    /// What is missing, one space between; empty when the route is closed to all.
    #[must_use]
    pub fn scopes(&self) -> &str {
        &self.0
    }
}
