//! The one credential that a protected request presents: an access token (RFC 6750 §2) or an API key.

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use percent_encoding::percent_decode_str;

use super::caller::caller;
use crate::oauth::AuthorizationServer;
use crate::oauth::api_key::{KeyFailure, PresentedKey};
use crate::oauth::bearer::{AccessError, Presented};
use crate::resource::{PresentError, bearer_token};

/// Finds the credential in a request: `Authorization: Bearer`, with a token or a key, which nobody can mistake for each other; or the
/// header for keys.
///
/// # Errors
/// [`AccessError::Missing`] when there is none (or one of another scheme), [`AccessError::InvalidRequest`] when there
/// are two or one is in the query.
pub fn credential<'a>(
    request: &'a HttpRequest,
    server: &AuthorizationServer,
) -> Result<Presented<'a>, AccessError> {
    let (headers, query) = (request.headers(), request.query_string());
    if !query.is_empty() && query.split('&').any(|parameter| holds_key(parameter, server)) {
        return Err(AccessError::InvalidRequest("An API key does not belong into the URI"));
    }
    let authorization = headers.get_all(AUTHORIZATION).map(HeaderValue::as_bytes);
    let Some(value) = headers.get(&server.api_key_header) else {
        let token = bearer_token(authorization, query)?;
        return Ok(if server.admin.api_keys.format.is_meant(token) {
            api_key(request, server, token)
        } else {
            Presented::Token(token)
        });
    };
    if headers.get_all(&server.api_key_header).nth(1).is_some() || headers.contains_key(AUTHORIZATION) {
        return Err(AccessError::InvalidRequest("The request has two credentials; send one"));
    }
    if let Err(error @ PresentError::InQuery) = bearer_token([], query) {
        return Err(error.into());
    }
    let key = value.to_str().map_err(|_| KeyFailure::Malformed)?;
    Ok(api_key(request, server, key))
}

fn api_key<'a>(request: &HttpRequest, server: &AuthorizationServer, key: &'a str) -> Presented<'a> {
    let caller = caller(request, &server.trusted_proxies);
    let is_from_certain = caller.is_some_and(|caller| caller.is_certain);
    Presented::ApiKey(PresentedKey { key, from: caller.map(|caller| caller.address), is_from_certain })
}

/// Whether a parameter of the query is called as keys are, or holds one: everybody on the way writes it into a log.
fn holds_key(parameter: &str, server: &AuthorizationServer) -> bool {
    let parameter = percent_decode_str(parameter).decode_utf8_lossy();
    let name = parameter.split_once('=').map_or(&*parameter, |(name, _)| name);
    ["api_key", "apikey", "api-key", server.api_key_header.as_str()]
        .iter()
        .any(|key| name.eq_ignore_ascii_case(key))
        || server.admin.api_keys.format.is_in(&parameter)
}
