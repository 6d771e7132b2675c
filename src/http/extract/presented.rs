//! The one credential that a protected request presents: an access token (RFC 6750 §2), an API key
//! or the cookie of a session.

use std::borrow::Cow;

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, COOKIE, HeaderValue};
use percent_encoding::percent_decode_str;

use super::caller::caller;
use super::session;
use crate::authn::api_key::PresentedKey;
use crate::authn::caller::CallerCredential;
use crate::authn::error::{AccessError, KeyFailure};
use crate::authn::session::PresentedSession;
use crate::http::headers::{credentials, has_credential};
use crate::oauth::AuthorizationServer;
use mintery_verifier::{PresentError, bearer_token};

/// Finds the credential of a request: `Authorization: Bearer` with a token or a key, whose forms
/// never overlap; the header for keys; or a session cookie, which for a change must come from a
/// page of this server. A cookie beside another credential is a second one, even if the browser
/// added it: pages that call for another principal omit it (`credentials: "omit"`).
///
/// # Errors
/// [`AccessError::Missing`] if there is none (or one of another scheme),
/// [`AccessError::InvalidRequest`] if there are two or one is in the query,
/// [`AccessError::OtherSite`] if another site's page sent the cookie.
pub fn credential<'a>(
    request: &'a HttpRequest,
    server: &AuthorizationServer,
) -> Result<CallerCredential<'a>, AccessError> {
    let (headers, query) = (request.headers(), request.query_string());
    if !query.is_empty() && query.split('&').any(|parameter| holds_key(parameter, server)) {
        return Err(AccessError::InvalidRequest("API keys are not accepted in the URI"));
    }
    // The only check for a request without a cookie.
    if headers.contains_key(COOKIE)
        && let Some(presented) = session::cookie(request, server)?
    {
        return by_cookie(request, server, presented);
    }
    let authorization = headers.get_all(AUTHORIZATION).map(HeaderValue::as_bytes);
    let mut keys = credentials(headers, &server.inbound.api_key_header);
    let Some(value) = keys.next() else {
        let token = bearer_token(authorization, query)?;
        return Ok(if server.context.admin.api_keys.format.is_meant(token) {
            api_key(request, server, token)
        } else {
            CallerCredential::Token(token)
        });
    };
    if keys.next().is_some() || has_credential(headers, &AUTHORIZATION) {
        return Err(TWO_CREDENTIALS);
    }
    if let Err(error @ PresentError::InQuery) = bearer_token([], query) {
        return Err(error.into());
    }
    let key = value.to_str().map_err(|_| KeyFailure::Malformed)?;
    Ok(api_key(request, server, key))
}

const TWO_CREDENTIALS: AccessError =
    AccessError::InvalidRequest("The request has two credentials; send one");

fn by_cookie<'a>(
    request: &HttpRequest,
    server: &AuthorizationServer,
    presented: PresentedSession<'a>,
) -> Result<CallerCredential<'a>, AccessError> {
    let headers = request.headers();
    if has_credential(headers, &AUTHORIZATION)
        || has_credential(headers, &server.inbound.api_key_header)
    {
        return Err(TWO_CREDENTIALS);
    }
    if let Err(error @ PresentError::InQuery) = bearer_token([], request.query_string()) {
        return Err(error.into());
    }
    session::check_change(request, server)?;
    Ok(CallerCredential::Session(presented))
}

fn api_key<'a>(
    request: &HttpRequest,
    server: &AuthorizationServer,
    key: &'a str,
) -> CallerCredential<'a> {
    let caller = caller(request, &server.inbound);
    let is_from_certain = caller.is_some_and(|caller| caller.is_certain);
    CallerCredential::ApiKey(PresentedKey {
        key,
        from: caller.map(|caller| caller.address),
        is_from_certain,
    })
}

/// `true` if a parameter of the query has the name of a key, or contains one: every hop may log it.
fn holds_key(parameter: &str, server: &AuthorizationServer) -> bool {
    let parameter = if parameter.contains('%') {
        percent_decode_str(parameter).decode_utf8_lossy()
    } else {
        Cow::Borrowed(parameter)
    };
    let name = parameter.split_once('=').map_or(&*parameter, |(name, _)| name);
    ["api_key", "apikey", "api-key", server.inbound.api_key_header.as_str()]
        .iter()
        .any(|key| name.eq_ignore_ascii_case(key))
        || server.context.admin.api_keys.format.is_in(&parameter)
}
