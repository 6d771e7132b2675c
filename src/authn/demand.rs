//! Requirements of a protected route.

use super::context::Context;
use super::error::AccessError;
use crate::model::api_key::Environments;
use crate::model::own_scope::OwnScope;
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
    pub scopes: Option<NeededScopes<'a>>,
    /// True if the route serves users who have yet to enroll a required second factor.
    pub serves_unenrolled: bool,
}

/// Scopes that a caller must hold.
#[derive(Debug, Clone, Copy)]
pub enum NeededScopes<'a> {
    /// A scope of Mintery's own.
    Own(OwnScope),
    /// All scopes of a set.
    All(&'a ScopeSet),
}

impl<'a> Demand<'a> {
    /// The demand of Mintery's own API for any authenticated caller with a required second factor.
    #[must_use]
    pub fn of(context: &'a Context) -> Self {
        Self {
            resource: context.issuer.as_str(),
            other_resources: &[],
            environments: context.api_key_environments,
            scopes: None,
            serves_unenrolled: false,
        }
    }

    /// The same for users who have yet to enroll a required second factor.
    #[must_use]
    pub fn before_enrollment(context: &'a Context) -> Self {
        Self { serves_unenrolled: true, ..Self::of(context) }
    }

    /// All APIs that the credential must be for.
    pub(super) fn resources(self) -> impl Iterator<Item = &'a str> {
        std::iter::once(self.resource).chain(self.other_resources.iter().copied())
    }
}

/// Checks that `allowed` contains all needed scopes.
///
/// # Errors
/// [`AccessError::InsufficientScope`] with the missing scopes.
pub(super) fn require(
    allowed: &ScopeSet,
    needed: Option<NeededScopes<'_>>,
) -> Result<(), AccessError> {
    let missing = match needed {
        None => return Ok(()),
        Some(NeededScopes::Own(scope)) if scope.is_in(allowed) => return Ok(()),
        Some(NeededScopes::Own(scope)) => scope.into(),
        Some(NeededScopes::All(scopes)) => scopes.minus(allowed),
    };
    if missing.is_empty() { Ok(()) } else { Err(AccessError::InsufficientScope(missing)) }
}
