//! Grants, one file each: the credential of a request, its parameters, and the access that it gets.
//!
//! A new grant is a [`GrantType`], a file with a `respond` here, and an arm of
//! [`token::respond`](super::token::respond). A grant of a client that authenticates
//! implements [`client::ClientGrant`] instead of `respond`.

pub mod access;
pub mod client;
pub mod client_credentials;
pub mod token_exchange;

use super::error::OauthError;
use super::form::Form;
use crate::model::client::GrantType;

/// The grant type of a request.
///
/// # Errors
/// `grant_type` is missing or unsupported.
pub fn requested(form: &Form<'_>) -> Result<GrantType, OauthError> {
    let name = form.get("grant_type").ok_or(OauthError::InvalidRequest("grant_type is missing"))?;
    name.parse().map_err(|_| OauthError::UnsupportedGrantType)
}
