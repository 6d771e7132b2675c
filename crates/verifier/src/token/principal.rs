//! The caller, as a verified token names it.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::model::environment::Environment;
use crate::model::scope::ScopeSet;
use crate::token::access_token::AccessToken;

/// The caller of a request. Only a verified token makes one; a clone is cheap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    token: Arc<AccessToken>,
    freshness: Option<Duration>,
}

impl Principal {
    /// The caller (`sub`): the client, with client credentials, or the owner of the API key that the
    /// token was made from.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.token.subject
    }

    /// The client that requested the token (`client_id`), or the id of the API key that it was made
    /// from.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.token.client_id
    }

    /// The granted scopes (`scope`).
    #[must_use]
    pub fn scopes(&self) -> &ScopeSet {
        &self.token.scopes
    }

    /// Returns true if `scope` is granted.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.token.scopes.contains(scope)
    }

    /// The environment of the API key that the token was made from (`environment`); nothing if a
    /// client requested it. [`VerifierBuilder::environments`](crate::VerifierBuilder::environments)
    /// selects the accepted ones.
    #[must_use]
    pub fn environment(&self) -> Option<Environment> {
        self.token.environment
    }

    /// The expiry of the token (`exp`), at which a long connection must verify a new one.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.token.expires_at
    }

    /// The id of the token (`jti`), for logs, which must not contain the token itself.
    #[must_use]
    pub fn token_id(&self) -> &str {
        &self.token.jti
    }

    /// The age of the known revocations when the token was verified; nothing if the verifier does not
    /// [follow](crate::VerifierBuilder::revocations) them. Handlers where little is at stake may
    /// accept old knowledge, with [`StaleRevocations::Accept`](crate::StaleRevocations::Accept).
    #[must_use]
    pub const fn freshness(&self) -> Option<Duration> {
        self.freshness
    }

    pub(crate) const fn with_freshness(mut self, freshness: Option<Duration>) -> Self {
        self.freshness = freshness;
        self
    }

    /// The whole token.
    #[must_use]
    pub fn token(&self) -> &AccessToken {
        &self.token
    }
}

/// For a token from [`Verifier::check`](crate::Verifier::check), and for tests of handlers.
impl From<Arc<AccessToken>> for Principal {
    fn from(token: Arc<AccessToken>) -> Self {
        Self { token, freshness: None }
    }
}
