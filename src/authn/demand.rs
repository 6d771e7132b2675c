//! Requirements of a protected route.

use super::context::Context;
use super::error::AccessError;
use crate::model::api_key::Environments;
use crate::model::scope::ScopeSet;

/// Requirements that a caller must meet.
#[derive(Debug, Clone, Copy)]
pub struct Demand<'a> {
    /// The API that the credential must be for.
    pub resource: &'a str,
    /// Further APIs that it must be for.
    pub other_resources: &'a [&'a str],
    /// The environments of API keys that are accepted.
    pub environments: Environments,
    /// The scopes that the caller must hold.
    pub scopes: Option<&'a ScopeSet>,
    /// True for the first check of a request, which alone counts as a use of the credential.
    pub is_first: bool,
}

impl<'a> Demand<'a> {
    /// The demand of Mintery's own API for any authenticated caller.
    #[must_use]
    pub fn of(context: &'a Context) -> Self {
        Self {
            resource: context.issuer.as_str(),
            other_resources: &[],
            environments: context.api_key_environments,
            scopes: None,
            is_first: true,
        }
    }

    /// All APIs that the credential must be for.
    pub(super) fn resources(self) -> impl Iterator<Item = &'a str> {
        std::iter::once(self.resource).chain(self.other_resources.iter().copied())
    }
}

/// Checks that `allowed` contains all scopes of `needed`.
///
/// # Errors
/// [`AccessError::InsufficientScope`] with the missing scopes.
pub(super) fn require(allowed: &ScopeSet, needed: Option<&ScopeSet>) -> Result<(), AccessError> {
    let Some(needed) = needed else { return Ok(()) };
    let missing = needed.minus(allowed);
    if missing.is_empty() { Ok(()) } else { Err(AccessError::InsufficientScope(missing)) }
}
