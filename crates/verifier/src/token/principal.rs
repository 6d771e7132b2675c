//! Who calls, as a good token says.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::model::environment::Environment;
use crate::model::scope::ScopeSet;
use crate::token::access_token::AccessToken;

/// Who calls. Only a token that was checked makes one; a clone costs next to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    token: Arc<AccessToken>,
    freshness: Option<Duration>,
}

impl Principal {
    /// Who the token stands for (`sub`): with client credentials, the client; the owner of the API
    /// key that it was made from.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.token.subject
    }

    /// The client that asked for the token (`client_id`), or the id of the API key that it was made
    /// from.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.token.client_id
    }

    /// What the token allows (`scope`).
    #[must_use]
    pub fn scopes(&self) -> &ScopeSet {
        &self.token.scopes
    }

    /// Whether the token allows `scope`.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.token.scopes.contains(scope)
    }

    /// What the API key is for that the token was made from (`environment`); nothing when a client
    /// asked for it. Which are accepted
    /// says [`VerifierBuilder::environments`](crate::VerifierBuilder::environments).
    #[must_use]
    pub fn environment(&self) -> Option<Environment> {
        self.token.environment
    }

    /// When the token expires (`exp`): what goes on for longer asks again.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.token.expires_at
    }

    /// The id of the token (`jti`): for logs, where the token itself must not stand.
    #[must_use]
    pub fn token_id(&self) -> &str {
        &self.token.jti
    }

    /// How old the knowledge was of what the issuer had taken back, when the token was checked;
    /// nothing when the verifier does not [follow](crate::VerifierBuilder::revocations) that.
    /// Where little is at stake, old knowledge may do:
    /// see [`StaleRevocations::Accept`](crate::StaleRevocations::Accept).
    #[must_use]
    pub const fn freshness(&self) -> Option<Duration> {
        self.freshness
    }

    pub(crate) const fn with_freshness(mut self, freshness: Option<Duration>) -> Self {
        self.freshness = freshness;
        self
    }

    /// All that the token says.
    #[must_use]
    pub fn token(&self) -> &AccessToken {
        &self.token
    }
}

/// For a token that [`Verifier::check`](crate::Verifier::check) found good, and for tests of
/// handlers.
impl From<Arc<AccessToken>> for Principal {
    fn from(token: Arc<AccessToken>) -> Self {
        Self { token, freshness: None }
    }
}
