//! Reads the body of a request.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::web::{Bytes, BytesMut, Payload};
use futures_util::StreamExt as _;

use crate::oauth::error::OauthError;
use crate::oauth::form::MAX_BODY;

/// The deadline of a body. A slower client occupies a connection.
const DEADLINE: Duration = Duration::from_secs(10);

/// The reason why a body was not read completely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// It is longer than [`MAX_BODY`].
    TooLarge,
    /// It took too long.
    Late,
    /// It ends early.
    Incomplete,
}

impl BodyError {
    /// The error text.
    #[must_use]
    pub const fn what(self) -> &'static str {
        match self {
            Self::TooLarge => "The request body is larger than 64 KiB",
            Self::Late => "The body did not arrive in time",
            Self::Incomplete => "The body is incomplete",
        }
    }
}

impl From<BodyError> for OauthError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge => Self::TooLarge,
            other => Self::InvalidRequest(other.what()),
        }
    }
}

/// Reads a body.
///
/// # Errors
/// [`BodyError::TooLarge`], before reading if the announced length is too large.
pub async fn read(request: &HttpRequest, payload: Payload) -> Result<Bytes, BodyError> {
    let announced =
        request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > MAX_BODY) {
        return Err(BodyError::TooLarge);
    }
    let mut reading = pin!(collect(payload));
    // Most bodies arrive with their head. They are available at the second poll, because the first
    // precedes the parsing. They need no timer.
    let mut is_first_look = true;
    let soon = poll_fn(|context| match reading.as_mut().poll(context) {
        Poll::Ready(body) => Poll::Ready(Some(body)),
        Poll::Pending if is_first_look => {
            is_first_look = false;
            context.waker().wake_by_ref();
            Poll::Pending
        }
        Poll::Pending => Poll::Ready(None),
    });
    if let Some(body) = soon.await {
        return body;
    }
    Box::pin(tokio::time::timeout(DEADLINE, reading)).await.map_err(|_| BodyError::Late)?
}

async fn collect(mut payload: Payload) -> Result<Bytes, BodyError> {
    // Most bodies arrive in one piece, which is used as it is.
    let Some(first) = next(&mut payload, 0).await? else { return Ok(Bytes::new()) };
    let Some(second) = next(&mut payload, first.len()).await? else { return Ok(first) };
    let mut body = BytesMut::from(&*first);
    body.extend_from_slice(&second);
    while let Some(chunk) = next(&mut payload, body.len()).await? {
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// The next piece of a body, after `read` bytes.
async fn next(payload: &mut Payload, read: usize) -> Result<Option<Bytes>, BodyError> {
    let Some(chunk) = payload.next().await else { return Ok(None) };
    let chunk = chunk.map_err(|_| BodyError::Incomplete)?;
    if read + chunk.len() > MAX_BODY { Err(BodyError::TooLarge) } else { Ok(Some(chunk)) }
}
