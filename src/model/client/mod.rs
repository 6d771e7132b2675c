//! Clients: programs with credentials of their own. Their metadata is in [`terms`], their secrets
//! are in [`secret`].

pub mod grant_type;
pub mod secret;
pub mod terms;

use std::fmt;
use std::sync::Arc;

pub use grant_type::GrantType;
pub use secret::{ClientSecret, MAX_CHOSEN_SECRETS, MAX_SECRETS, SecretId};
pub use terms::{ClientTerms, ClientUpdate, MAX_RESOURCES, MAX_SCOPE_LEN, MAX_TOKEN_TTL};

use super::event::number::EventNumber;
use super::named::named;
use super::resource::holds_all;
use super::signing_key::SigningAlgorithm;
use crate::clock::Timestamp;
use crate::random::{self, Random};
use crate::secret::base62;

/// The identifier of a client: 1 to 255 bytes 20–7E (RFC 6749 Appendix A.1), without a space at
/// either end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(Arc<str>);

/// Text that is not a client id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a client id must be 1 to 255 printable ASCII characters, without spaces at the ends")]
pub struct InvalidClientId;

impl ClientId {
    /// A random id: `mc_` and 22 base62 characters.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        Self(format!("mc_{}", base62::encode(&random::bytes::<16>(random), 22)).into())
    }

    /// Parses an id, of Mintery or of another server.
    ///
    /// # Errors
    /// If it is empty, too long, or holds other bytes than 20–7E.
    pub fn parse(text: &str) -> Result<Self, InvalidClientId> {
        if text.is_empty()
            || text.len() > 255
            || !text.bytes().all(is_vschar)
            || text.trim() != text
        {
            return Err(InvalidClientId);
        }
        Ok(Self(text.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for ClientId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// True for the bytes of client ids and secrets: VSCHAR of RFC 6749 Appendix A.
#[must_use]
pub const fn is_vschar(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e)
}

named! {
    /// The authentication method of a client (RFC 7591 §2, `token_endpoint_auth_method`).
    pub enum AuthMethod: "an authentication method is" {
        /// A secret, in Basic authentication or in the form, as the client prefers.
        ClientSecret = "client_secret_basic",
    }
}

impl AuthMethod {
    /// All registered names of the method.
    #[must_use]
    pub const fn registered_names(self) -> &'static [&'static str] {
        match self {
            Self::ClientSecret => &["client_secret_basic", "client_secret_post"],
        }
    }
}

/// The signature algorithm of introspection responses, unless a client has registered another (RFC
/// 9701 §6).
pub const DEFAULT_INTROSPECTION_ALG: SigningAlgorithm = SigningAlgorithm::Rs256;

/// A client, without its secrets.
#[derive(Debug, Clone)]
pub struct Client {
    /// The id.
    pub id: ClientId,
    /// The metadata that an administrator sets.
    pub terms: ClientTerms,
    /// The authentication method.
    pub auth_method: AuthMethod,
    /// Tokens whose issuer had seen fewer events are invalid.
    pub cut_off: EventNumber,
    /// The event as of which its scopes were granted at its APIs. Of an API, or a scope of one, that
    /// was created later it has nothing.
    pub granted_as_of: EventNumber,
    /// Creation time.
    pub created_at: Timestamp,
    /// Start of the current suspension.
    pub disabled_at: Option<Timestamp>,
}

impl Client {
    /// True if the client may authenticate and its tokens are valid.
    #[must_use]
    pub const fn is_enabled(&self) -> bool {
        self.disabled_at.is_none()
    }

    /// True if the client lacks a scope, an API or a grant that it had `before`, so that a token
    /// from then may allow more.
    #[must_use]
    pub fn may_less_than(&self, before: &Self) -> bool {
        let (now, before) = (&self.terms, &before.terms);
        !before.scopes.is_subset_of(&now.scopes)
            || !holds_all(&now.resources, &before.resources)
            || !holds_all(&now.stands_for, &before.stands_for)
            || before.grants.iter().any(|lost| !now.grants.contains(lost))
    }
}

#[cfg(test)]
mod tests {
    use super::ClientId;
    use crate::random::SystemRandom;

    #[test]
    fn ids_have_their_form() {
        let id = ClientId::generate(&SystemRandom);
        assert_eq!(id.as_str().len(), 25);
        assert!(id.as_str().starts_with("mc_"));
        assert_eq!(ClientId::parse(id.as_str()), Ok(id));
    }

    /// 6749-8
    #[test]
    fn an_id_is_of_printable_ascii() {
        for bad in ["", " a", "a ", "a\nb", "é", "a\u{7f}", &"x".repeat(256)] {
            assert!(ClientId::parse(bad).is_err(), "{bad:?}");
        }
        assert!(ClientId::parse("my client:42").is_ok());
    }
}
