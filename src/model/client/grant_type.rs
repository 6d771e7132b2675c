//! Grant types. To add one: a line in the list, a decision in [`GrantType::is_registrable`], and
//! its file in `oauth/grant/`.

use std::fmt;

use crate::model::named::named;

named! {
    /// A grant type of the token endpoint.
    pub enum GrantType: "not a grant of this server; there is" {
        /// RFC 6749 §4.4.
        ClientCredentials = "client_credentials",
        /// RFC 8693 §2.1.
        TokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange",
    }
}

impl GrantType {
    /// Membership in the values that `grant_types` of a client may have (RFC 7591 §2). A token
    /// exchange needs no registration: the exchanged credential authorizes it.
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

    /// Parses a value of a client's `grant_types`.
    ///
    /// # Errors
    /// If clients cannot be registered for it.
    pub fn parse_registered(name: &str) -> Result<Self, UnregistrableGrant> {
        name.parse().ok().filter(|grant: &Self| grant.is_registrable()).ok_or(UnregistrableGrant)
    }
}

/// The name of a grant that clients cannot be registered for. The message lists those they can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnregistrableGrant;

impl fmt::Display for UnregistrableGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let registrable = GrantType::ALL.into_iter().filter(|grant| grant.is_registrable());
        let names: Vec<_> = registrable.map(GrantType::name).collect();
        write!(f, "unsupported grant type; supported: {}", names.join(", "))
    }
}

impl std::error::Error for UnregistrableGrant {}

#[cfg(test)]
mod tests {
    use super::GrantType;

    #[test]
    fn a_client_is_not_registered_for_token_exchange() {
        assert_eq!(
            GrantType::parse_registered("client_credentials"),
            Ok(GrantType::ClientCredentials)
        );
        for other in [GrantType::TokenExchange.name(), "password", ""] {
            assert_eq!(
                GrantType::parse_registered(other).unwrap_err().to_string(),
                "unsupported grant type; supported: client_credentials"
            );
        }
    }
}
