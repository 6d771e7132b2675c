//! Grants, one file each: how its requests authenticate, what they may contain, and the access that
//! they get.
//!
//! A new grant is a [`GrantType`], a file with a `respond` here, and an arm of
//! [`token::respond`](super::token::respond). A grant of a client that authenticates calls
//! [`client::respond`].

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
pub fn requested(form: &Form) -> Result<GrantType, OauthError> {
    let name = form.get("grant_type").ok_or(OauthError::InvalidRequest("grant_type is missing"))?;
    GrantType::from_name(name).ok_or(OauthError::UnsupportedGrantType)
}
