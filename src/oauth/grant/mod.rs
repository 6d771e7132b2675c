//! Grants: what a token is asked for with. One file each. Those of a client that authenticates are
//! the arms of [`Grant`]; [`token_exchange`] is a credential itself.

pub mod client_credentials;
pub mod token_exchange;
pub mod wanted;

use super::error::OauthError;
use super::form::Form;
use crate::model::client::GrantType;

/// A grant of a client that authenticates, parsed.
#[derive(Debug)]
pub enum Grant {
    /// RFC 6749 §4.4.
    ClientCredentials(client_credentials::ClientCredentials),
}

/// The kind of grant that a request asks for.
///
/// # Errors
/// When it names none, or one that nobody may use here.
pub fn requested(form: &Form) -> Result<GrantType, OauthError> {
    let name = form.get("grant_type").ok_or(OauthError::InvalidRequest("grant_type is missing"))?;
    name.parse().map_err(|_| OauthError::UnsupportedGrantType)
}

impl Grant {
    /// Parses what a grant of this kind needs.
    ///
    /// # Errors
    /// When a parameter is malformed.
    pub fn parse(kind: GrantType, form: &Form) -> Result<Self, OauthError> {
        match kind {
            GrantType::ClientCredentials => {
                client_credentials::ClientCredentials::parse(form).map(Self::ClientCredentials)
            }
            GrantType::TokenExchange => Err(OauthError::UnsupportedGrantType),
        }
    }
}
