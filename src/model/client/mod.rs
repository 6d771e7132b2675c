//! Clients: programs that have credentials of their own, and what they may ask for.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::event::number::EventNumber;
use super::name::DisplayName;
use super::resource::ResourceUri;
use super::scope::ScopeSet;
use super::signing_key::SigningAlgorithm;
use crate::clock::Timestamp;
use crate::random::{self, Random};
use crate::secret::base62;
use crate::secret::digest::SecretDigest;
use crate::secret::generated::HINT_LEN;
use crate::secret::hash::SecretHash;

/// The identifier of a client: 1 to 255 bytes 20–7E (RFC 6749 Appendix A.1), without a space at
/// either end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(Arc<str>);

/// Text that is no client id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a client id is 1 to 255 printable ASCII characters, without a space at either end")]
pub struct InvalidClientId;

impl ClientId {
    /// A new id: `mc_` and 22 base62 characters.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        Self(format!("mc_{}", base62::encode(&random::bytes::<16>(random), 22)).into())
    }

    /// Takes an id that exists elsewhere.
    ///
    /// # Errors
    /// When it is empty, too long, or holds other bytes than 20–7E.
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

/// A byte that a client id or secret may have: VSCHAR of RFC 6749 Appendix A.
#[must_use]
pub const fn is_vschar(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e)
}

/// A grant of the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantType {
    /// RFC 6749 §4.4.
    ClientCredentials,
    /// RFC 8693. An API key is the credential; clients are not registered for it.
    TokenExchange,
}

/// A name of no grant type that a client may be registered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a grant of this server; there is client_credentials")]
pub struct UnknownGrantType;

impl GrantType {
    /// Every grant type.
    pub const ALL: [Self; 2] = [Self::ClientCredentials, Self::TokenExchange];

    /// The name in `grant_type` and `grant_types`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::TokenExchange => "urn:ietf:params:oauth:grant-type:token-exchange",
        }
    }

    /// The grant type with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.name() == name)
    }

    /// True if a client may be registered for it (RFC 7591 §2, `grant_types`); any other grant has
    /// a credential of its own.
    #[must_use]
    pub const fn is_registrable(self) -> bool {
        match self {
            Self::ClientCredentials => true,
            Self::TokenExchange => false,
        }
    }

    /// The parameters that a request may repeat, besides `resource`.
    #[must_use]
    pub const fn repeatable_parameters(self) -> &'static [&'static str] {
        match self {
            Self::ClientCredentials => &[],
            // RFC 8693 §2.1.
            Self::TokenExchange => &["audience"],
        }
    }
}

impl FromStr for GrantType {
    type Err = UnknownGrantType;

    /// Parses the name of a grant type that a client may be registered for.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::from_name(name).filter(|grant| grant.is_registrable()).ok_or(UnknownGrantType)
    }
}

/// How a client authenticates (RFC 7591 §2, `token_endpoint_auth_method`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMethod {
    /// With a secret, by Basic or in the form, whichever it likes.
    ClientSecret,
}

impl AuthMethod {
    /// Every authentication method.
    pub const ALL: [Self; 1] = [Self::ClientSecret];

    /// Every registered name of the method.
    #[must_use]
    pub const fn registered_names(self) -> &'static [&'static str] {
        match self {
            Self::ClientSecret => &["client_secret_basic", "client_secret_post"],
        }
    }

    /// The registered name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientSecret => "client_secret_basic",
        }
    }

    /// From the registered name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "client_secret_basic" => Some(Self::ClientSecret),
            _ => None,
        }
    }
}

/// The most secrets that a client may have at once: two while they rotate, and some more for who
/// shares a client.
pub const MAX_SECRETS: usize = 10;

/// The most secrets that a client may have which somebody chose or brought: a check of each takes a
/// slow hash.
pub const MAX_CHOSEN_SECRETS: usize = 2;

/// The most APIs that a client may be registered for, and the most that it may stand for.
pub const MAX_RESOURCES: usize = 32;

/// What answers to introspections are signed with unless a client has registered another (RFC 9701
/// §6).
pub const DEFAULT_INTROSPECTION_ALG: SigningAlgorithm = SigningAlgorithm::Rs256;

/// The most bytes that a client's scope list may have, so that a token that holds them all stays a
/// token.
pub const MAX_SCOPE_LEN: usize = 4096;

/// A client as it is kept.
#[derive(Debug, Clone)]
pub struct Client {
    /// Its id.
    pub id: ClientId,
    /// What people call it.
    pub name: DisplayName,
    /// All that it may ask for.
    pub scopes: ScopeSet,
    /// What it gets when it asks for none; when absent all of its own but Mintery's.
    pub default_scopes: Option<ScopeSet>,
    /// The APIs that it may ask tokens for beside the default one. The first is what it gets when
    /// it names none.
    pub resources: Vec<ResourceUri>,
    /// The APIs that it stands for: it may introspect the tokens for them.
    pub stands_for: Vec<ResourceUri>,
    /// How long its tokens live; what the API or the settings say when absent.
    pub token_ttl: Option<Duration>,
    /// How many tokens it may get in an hour; as many as it asks for when absent.
    pub max_tokens_per_hour: Option<u64>,
    /// The grants it may use; none for a client that only introspects.
    pub grants: Vec<GrantType>,
    /// How it authenticates.
    pub auth_method: AuthMethod,
    /// What its tokens are signed with; what the settings say when absent.
    pub token_alg: Option<SigningAlgorithm>,
    /// What answers to its introspections are signed with; [`DEFAULT_INTROSPECTION_ALG`] when
    /// absent.
    pub introspection_alg: Option<SigningAlgorithm>,
    /// Tokens whose issuer knew fewer events than this are void.
    pub cut_off: EventNumber,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it is disabled.
    pub disabled_at: Option<Timestamp>,
}

impl Client {
    /// The scopes that it gets when it asks for none: never Mintery's own.
    #[must_use]
    pub fn default_scopes(&self) -> ScopeSet {
        // Never more than it may have, whatever stands there.
        let own = || self.scopes.without_own();
        self.default_scopes
            .as_ref()
            .map_or_else(own, |defaults| defaults.intersection(&self.scopes).without_own())
    }

    /// Whether it may authenticate, and its tokens are good.
    #[must_use]
    pub const fn is_enabled(&self) -> bool {
        self.disabled_at.is_none()
    }
}

/// Text that is no id of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the id of a secret is cs_ and 22 letters or digits")]
pub struct InvalidSecretId;

/// The id of a client secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SecretId(Arc<str>);

impl SecretId {
    /// A new id: `cs_` and 22 base62 characters.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        Self(format!("cs_{}", base62::encode(&random::bytes::<16>(random), 22)).into())
    }

    /// New ids, one after the other: the index of a million secrets then grows at its end. Nothing
    /// depends on whether somebody can guess the next one.
    pub fn sequence(random: &dyn Random) -> impl Iterator<Item = Self> + Send + use<> {
        let first = u128::from_be_bytes(random::bytes::<16>(random));
        (0..)
            .map(move |number: u128| first.wrapping_add(number).to_be_bytes())
            .map(|bytes| Self(format!("cs_{}", base62::encode(&bytes, 22)).into()))
    }

    /// Takes an id that exists elsewhere.
    ///
    /// # Errors
    /// When it has not the form of those that are made here.
    pub fn parse(text: &str) -> Result<Self, InvalidSecretId> {
        let digits = text
            .strip_prefix("cs_")
            .filter(|digits| digits.len() == 22 && base62::is_base62(digits));
        digits.map(|_| Self(text.into())).ok_or(InvalidSecretId)
    }

    /// An id from the store.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text.into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One of the secrets of a client. A client may have several, so that a new one can be brought out
/// before the old one is taken back.
#[derive(Debug, Clone)]
pub struct ClientSecret {
    /// Its id.
    pub id: SecretId,
    /// The end of one that Mintery made, to tell it from another, also where its hash was
    /// imported; of one that somebody chose, its tag
    /// ([`DigestKey::tag`](crate::secret::digest::DigestKey::tag)), which is nothing for people;
    /// empty where the secret itself was never seen, because its hash was imported.
    pub hint: String,
    /// What people call it.
    pub label: Option<String>,
    /// By which it is recognised, when Mintery made it. One that somebody chose or brought has the
    /// slow form alone at rest: what can be guessed must not be quick to compare.
    pub digest: Option<SecretDigest>,
    /// The slow form.
    pub hash: SecretHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is no longer good.
    pub expires_at: Option<Timestamp>,
}

impl ClientSecret {
    /// Whether somebody chose or brought it.
    #[must_use]
    pub fn is_chosen(&self) -> bool {
        self.ending().is_none()
    }

    /// The end of it, where that gives nothing away: Mintery made it, here, or elsewhere, so that
    /// its hash was imported together with its end.
    #[must_use]
    pub fn ending(&self) -> Option<&str> {
        (self.digest.is_some() || self.hint.len() == HINT_LEN).then_some(self.hint.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{ClientId, SecretId};
    use crate::random::SystemRandom;

    #[test]
    fn ids_of_secrets_follow_one_another() {
        let ids: Vec<String> =
            SecretId::sequence(&SystemRandom).take(100).map(|id| id.as_str().to_owned()).collect();
        // They would not at the very end of the numbers, where nobody begins.
        assert!(ids.is_sorted() && ids.iter().all(|id| SecretId::parse(id).is_ok()), "{ids:?}");
        for bad in [
            "",
            "cs_",
            "cs_000000000000000000000",
            "cs_000000000000000000000é",
            "mc_0000000000000000000000",
        ] {
            assert!(SecretId::parse(bad).is_err(), "{bad}");
        }
    }

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
