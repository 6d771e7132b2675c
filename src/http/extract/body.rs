//! The body of a request, as far as it is read.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::web::{Bytes, BytesMut, Payload};
use futures_util::StreamExt as _;

use crate::oauth::error::OauthError;
use crate::oauth::form::MAX_BODY;

/// A client that sends its body more slowly than this holds a connection for nothing.
const DEADLINE: Duration = Duration::from_secs(10);

/// Reads the body of an OAuth request.
///
/// # Errors
/// [`OauthError::TooLarge`] for more than [`MAX_BODY`], before it is read when the length is announced;
/// [`OauthError::InvalidRequest`] when it ends early or takes too long.
pub async fn read(request: &HttpRequest, payload: Payload) -> Result<Bytes, OauthError> {
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > MAX_BODY) {
        return Err(OauthError::TooLarge);
    }
    tokio::time::timeout(DEADLINE, collect(payload))
        .await
        .map_err(|_| OauthError::InvalidRequest("The body did not arrive in time"))?
}

async fn collect(mut payload: Payload) -> Result<Bytes, OauthError> {
    // Most bodies come in one piece, which is taken as it is.
    let Some(first) = next(&mut payload, 0).await? else { return Ok(Bytes::new()) };
    let Some(second) = next(&mut payload, first.len()).await? else { return Ok(first) };
    let mut body = BytesMut::from(&*first);
    body.extend_from_slice(&second);
    while let Some(chunk) = next(&mut payload, body.len()).await? {
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// The next piece of a body of which `read` bytes were read before.
async fn next(payload: &mut Payload, read: usize) -> Result<Option<Bytes>, OauthError> {
    let Some(chunk) = payload.next().await else { return Ok(None) };
    let chunk = chunk.map_err(|_| OauthError::InvalidRequest("The body is incomplete"))?;
    if read + chunk.len() > MAX_BODY { Err(OauthError::TooLarge) } else { Ok(Some(chunk)) }
}
