//! Bodies of requests: JSON, or nothing for an empty object.

use std::fmt;

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::{CONTENT_TYPE, HeaderName};
use actix_web::web::Payload;
use serde::de::{DeserializeOwned, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::authorize::{authorize, authorize_again};
use crate::admin::api_key::Repeatable;
use crate::admin::json::object;
use crate::admin::{Admin, AdminError};
use crate::http::act::Refused;
use crate::http::extract::body;
use crate::http::extract::session::{is_json, is_merge_patch};
use crate::model::own_scope::OwnScope;
use crate::oauth::AuthorizationServer;
use crate::oauth::request::is_form;

/// Marks a request that the client may repeat.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Authorizes a caller, reads the body, and authorizes the caller again: a body takes time to
/// arrive.
///
/// # Errors
/// The caller is not authorized at the beginning or at the end, or the body is invalid.
pub async fn authorize_and_read<T: DeserializeOwned>(
    request: &HttpRequest,
    server: &AuthorizationServer,
    scope: OwnScope,
    payload: Payload,
) -> Result<(Admin, T), Refused> {
    authorize(request, server, scope).await?;
    let input = read(request, payload).await?;
    Ok((authorize_again(request, server, scope).await?, input))
}

/// Reads JSON.
///
/// # Errors
/// The body does not arrive, or is invalid.
pub async fn read<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: Payload,
) -> Result<T, Refused> {
    let body = body::read(request, payload).await.map_err(Refused::Body)?;
    Ok(parse(request, &body)?)
}

/// Reads JSON, and the `Idempotency-Key` of the request with a digest of the body.
///
/// # Errors
/// The header or the body is invalid, or the body does not arrive.
pub async fn read_repeatable<T: DeserializeOwned>(
    request: &HttpRequest,
    server: &AuthorizationServer,
    payload: Payload,
) -> Result<(T, Option<Repeatable>), Refused> {
    let key = idempotency_key(request)?;
    let body = body::read(request, payload).await.map_err(Refused::Body)?;
    let digest = || server.context.admin.api_keys.digests.digest_bytes(&body).to_text();
    let repeatable = key.map(|key| Repeatable { key, request_digest: digest() });
    Ok((parse(request, &body)?, repeatable))
}

/// Reads JSON or a form.
///
/// # Errors
/// The body does not arrive, or is invalid.
pub async fn read_form_or_json<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: Payload,
) -> Result<T, Refused> {
    let body = body::read(request, payload).await.map_err(Refused::Body)?;
    if !request.headers().get(CONTENT_TYPE).is_some_and(|kind| is_form(kind.as_bytes())) {
        return Ok(parse(request, &body)?);
    }
    // The error does not repeat the value, which may be a password.
    let wrong =
        |_| AdminError::Invalid("the form has a missing, repeated or unknown field".to_owned());
    Ok(serde_urlencoded::from_bytes(&body).map_err(wrong)?)
}

fn idempotency_key(request: &HttpRequest) -> Result<Option<String>, AdminError> {
    const MAX_LENGTH: usize = 255;
    let mut values = request.headers().get_all(IDEMPOTENCY_KEY);
    let Some(value) = values.next() else { return Ok(None) };
    let key = value
        .to_str()
        .ok()
        .filter(|key| (1..=MAX_LENGTH).contains(&key.len()) && values.next().is_none());
    let reason = "Idempotency-Key is given once, and has 1 to 255 printable ASCII characters";
    key.map(|key| Some(key.to_owned())).ok_or_else(|| AdminError::Invalid(reason.to_owned()))
}

fn parse<T: DeserializeOwned>(request: &HttpRequest, body: &[u8]) -> Result<T, AdminError> {
    object::parse(text_of(request, body)?)
}

/// Parses the members of a JSON object. A repeated member is an error, as in the typed parsers.
///
/// # Errors
/// If the body is not a JSON object.
pub fn parse_object(request: &HttpRequest, body: &[u8]) -> Result<Map<String, Value>, AdminError> {
    let members: Members = object::parse(text_of(request, body)?)?;
    Ok(members.0)
}

fn text_of<'a>(request: &HttpRequest, body: &'a [u8]) -> Result<&'a str, AdminError> {
    if body.is_empty() {
        return Ok("{}");
    }
    let content_type = request.headers().get(CONTENT_TYPE);
    let is_merge_patch = *request.method() == Method::PATCH && is_merge_patch(content_type);
    if !is_json(content_type) && !is_merge_patch {
        return Err(AdminError::Invalid("the body must be application/json".to_owned()));
    }
    let text = std::str::from_utf8(body);
    text.map_err(|_| AdminError::Invalid("the body is not UTF-8".to_owned()))
}

/// The members of an object, each once.
struct Members(Map<String, Value>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Members, A::Error> {
        let mut found = Map::new();
        while let Some((name, value)) = members.next_entry::<String, Value>()? {
            if found.insert(name, value).is_some() {
                return Err(A::Error::custom("a member occurs twice"));
            }
        }
        Ok(Members(found))
    }
}
