//! The revocations that an event carries into the store.

use crate::clock::Timestamp;
use crate::model::client::ClientId;
use crate::model::revocation::{Kind, Mark};

/// A revoked token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedToken {
    /// Its id.
    pub jti: String,
    /// The client that it was issued to.
    pub client: ClientId,
    /// The time at which it would have expired.
    pub expires_at: Timestamp,
}

/// A revocation to store together with its event.
#[derive(Debug, Clone, Copy)]
pub struct RevocationEntry<'a> {
    /// The revoked tokens: a single one, or all of a client, credential, API or signing key.
    pub mark: Mark,
    /// The expiry of the single token; absent, the longest life of any token counts.
    pub expires_at: Option<Timestamp>,
    /// The client of the single token.
    pub client: Option<&'a ClientId>,
}

impl<'a> RevocationEntry<'a> {
    /// The cut-off that revokes all tokens of what is called `name`.
    pub(super) fn cut_off(kind: Kind, name: &str) -> Self {
        Self { mark: Mark::of(kind, name), expires_at: None, client: None }
    }

    /// The revocation of a single token.
    pub(super) fn of_token(token: &'a RevokedToken) -> Self {
        Self {
            mark: Mark::of(Kind::Token, &token.jti),
            expires_at: Some(token.expires_at),
            client: Some(&token.client),
        }
    }
}
