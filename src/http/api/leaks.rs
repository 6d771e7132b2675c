//! `POST /api/v1/keys/leaked`: API keys found in public, reported by secret scanners.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::admin::AdminError;
use crate::http::act::{Outcome, Refused};
use crate::http::error;
use crate::http::extract::body;
use crate::http::headers::{JSON, NO_STORE};
use crate::oauth::AuthorizationServer;
use crate::oauth::secret_scanning::{self, MAX_FOUND, ScanningError};
use crate::store::StoreError;

/// The id of the signing key.
const KEY: HeaderName = HeaderName::from_static("github-public-key-identifier");

/// The signature over the raw body.
const SIGNATURE: HeaderName = HeaderName::from_static("github-public-key-signature");

/// Revokes or marks the reported keys, and returns which of them were real.
pub async fn report(
    request: HttpRequest,
    server: Data<AuthorizationServer>,
    payload: Payload,
) -> Outcome {
    let Some(scanning) = &server.leaks else { return Ok(error::nothing_here().await) };
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    // Before the body is read: unknown senders must not be able to send one.
    let key = header(KEY).filter(|key| scanning.scanners.has(key)).ok_or(Refused::NotSigned)?;
    let signature = header(SIGNATURE).ok_or(Refused::NotSigned)?;
    let body = body::read(&request, payload).await.map_err(Refused::Body)?;
    if !scanning.scanners.verify(key, signature, &body) {
        return Err(Refused::NotSigned);
    }
    let verdicts = secret_scanning::respond(&server.context, scanning.policy, &body).await?;
    Ok(HttpResponse::build(StatusCode::OK)
        .insert_header((CONTENT_TYPE, JSON))
        .insert_header((CACHE_CONTROL, NO_STORE))
        .body(verdicts))
}

impl From<ScanningError> for Refused {
    fn from(error: ScanningError) -> Self {
        let invalid = |what: String| Self::Admin(AdminError::Invalid(what));
        match error {
            ScanningError::Malformed => {
                invalid("the body must be an array of objects, each with a token".to_owned())
            }
            ScanningError::TooMany => {
                invalid(format!("one request can report at most {MAX_FOUND} secrets"))
            }
            ScanningError::Unavailable(error) => {
                AdminError::Store(StoreError::Unavailable(error.to_string())).into()
            }
            ScanningError::Admin(error) => error.into(),
            ScanningError::Lags(error) => Self::Unavailable(error.to_string()),
        }
    }
}
