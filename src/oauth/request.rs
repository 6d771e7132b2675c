//! Requests to endpoints at which a client authenticates, before any parsing.

use std::net::{IpAddr, Ipv4Addr};

use super::authorization::Authorization;
use super::client_auth::ClientCredential;
use super::error::OauthError;
use super::form::Form;
use crate::network::Network;

/// The relevant parts of an HTTP request.
#[derive(Debug)]
pub struct OauthRequest<'a> {
    /// The `Authorization` header.
    pub authorization: Authorization<'a>,
    /// The query of the URI, without the question mark.
    pub query: &'a str,
    /// The `Content-Type`.
    pub content_type: Option<&'a [u8]>,
    /// The body.
    pub body: &'a [u8],
    /// The caller's address, if known.
    pub from: Option<IpAddr>,
}

/// Parameters that are rejected in a URI, since every proxy on the way logs it (RFC 6749 §2.3.1, RFC
/// 9700).
const NEVER_IN_THE_URI: [&str; 8] = [
    "client_id",
    "client_secret",
    "client_assertion",
    "access_token",
    "subject_token",
    "actor_token",
    "token",
    "grant_type",
];

impl<'a> OauthRequest<'a> {
    /// The network of the caller; requests from unknown addresses share one.
    #[must_use]
    pub fn network(&self) -> Network {
        network_of(self.from)
    }

    /// Parses the form.
    ///
    /// # Errors
    /// The request is malformed.
    pub fn form(&self) -> Result<Form<'a>, OauthError> {
        self.check_uri()?;
        if !self.content_type.is_some_and(is_form) {
            return Err(OauthError::InvalidRequest(
                "The body must be application/x-www-form-urlencoded",
            ));
        }
        Form::parse(self.body)
    }

    /// Parses the form and its one client credential.
    ///
    /// # Errors
    /// The request is malformed, or has no credential or more than one.
    pub fn parse(&self) -> Result<(Form<'a>, ClientCredential), OauthError> {
        let mut form = self.form()?;
        let credential = ClientCredential::find(self.authorization, &mut form)?;
        Ok((form, credential))
    }

    /// Parses the query and the one client credential of a request without a body.
    ///
    /// # Errors
    /// As for [`parse`](Self::parse).
    pub fn parse_uri(&self) -> Result<(Form<'a>, ClientCredential), OauthError> {
        let mut form = self.parameters_of_uri()?;
        let credential = ClientCredential::find(self.authorization, &mut form)?;
        Ok((form, credential))
    }

    /// Parses the query.
    ///
    /// # Errors
    /// The query is malformed, or has a parameter that belongs in a body.
    pub fn parameters_of_uri(&self) -> Result<Form<'a>, OauthError> {
        self.check_uri()?;
        let malformed =
            |_| OauthError::InvalidRequest("The query is malformed or repeats a parameter");
        Form::parse(self.query.as_bytes()).map_err(malformed)
    }

    fn check_uri(&self) -> Result<(), OauthError> {
        let in_query = match self.query {
            "" => Vec::new(),
            query => serde_urlencoded::from_str::<Vec<(String, String)>>(query).unwrap_or_default(),
        };
        if in_query.iter().any(|(name, _)| NEVER_IN_THE_URI.contains(&name.as_str())) {
            return Err(OauthError::InvalidRequest("Send parameters in the body, not in the URI"));
        }
        Ok(())
    }
}

/// The network of a caller; unknown addresses share one.
#[must_use]
pub fn network_of(from: Option<IpAddr>) -> Network {
    Network::of(from.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
}

/// True for the content type of a form.
#[must_use]
pub fn is_form(content_type: &[u8]) -> bool {
    is_of_media_type(content_type, b"application/x-www-form-urlencoded")
}

/// True if a content type is `media_type`, with any parameters.
#[must_use]
pub fn is_of_media_type(content_type: &[u8], media_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(media_type)
}
