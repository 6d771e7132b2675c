//! Who calls, as a good token says.

use std::sync::Arc;

use super::access_token::AccessToken;
use crate::clock::Timestamp;
use crate::model::scope::ScopeSet;

/// Who calls. Only a token that was checked makes one; a clone costs next to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal(Arc<AccessToken>);

impl Principal {
    /// Who the token stands for (`sub`): with client credentials, the client.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// The client that asked for the token (`client_id`).
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.0.client_id
    }

    /// What the token allows (`scope`).
    #[must_use]
    pub fn scopes(&self) -> &ScopeSet {
        &self.0.scopes
    }

    /// Whether the token allows `scope`.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.0.scopes.contains(scope)
    }

    /// When the token expires (`exp`): what goes on for longer asks again.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.0.expires_at
    }

    /// The id of the token (`jti`): for logs, where the token itself must not stand.
    #[must_use]
    pub fn token_id(&self) -> &str {
        &self.0.jti
    }

    /// All that the token says.
    #[must_use]
    pub fn token(&self) -> &AccessToken {
        &self.0
    }
}

/// For a token that [`Verifier::check`](super::Verifier::check) found good, and for tests of handlers.
impl From<Arc<AccessToken>> for Principal {
    fn from(token: Arc<AccessToken>) -> Self {
        Self(token)
    }
}
