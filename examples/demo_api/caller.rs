//! The caller: the holder of an API key or of an access token. Every other request is rejected before
//! a handler runs.

use std::future::{Ready, ready};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, ResponseError as _};
use mintery_verifier::{PresentError, Principal, Verifier, VerifyError, bearer_token};

use crate::keys::ApiKeys;
use crate::problem::Problem;

/// The caller of a request, and its scopes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The client, or the owner of the key.
    pub sub: String,
    /// The name of the key, or the id of the client.
    pub name: String,
    /// `api_key` or `client`.
    pub kind: &'static str,
    /// The scopes, separated by spaces.
    pub scope: String,
}

impl Caller {
    /// Rejects a caller without `scope`.
    pub fn needs(&self, scope: &'static str) -> Result<(), Problem> {
        if self.scope.split(' ').any(|own| own == scope) {
            Ok(())
        } else {
            Err(Problem::Forbidden(scope))
        }
    }
}

/// Gives handlers the caller that the middleware found.
impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(request.extensions().get::<Self>().cloned().ok_or(Problem::Missing))
    }
}

/// A middleware that authenticates the caller, and rejects the request before its body is read
/// otherwise.
pub async fn known_only<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    match recognise(request.request()).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.call(request).await.map(ServiceResponse::map_into_left_body)
        }
        // An answer, not an error: CORS around this sees it as any other.
        Err(problem) => Ok(request.into_response(problem.error_response()).map_into_right_body()),
    }
}

/// A key in `X-API-Key`, or a key or token after `Authorization: Bearer`. Never both, and never in
/// the URI.
async fn recognise(request: &HttpRequest) -> Result<Caller, Problem> {
    let (Some(verifier), Some(keys)) =
        (request.app_data::<Verifier>(), request.app_data::<Data<ApiKeys>>())
    else {
        return Err(Problem::Unavailable);
    };
    if request.query_string().split('&').any(|parameter| {
        let name = parameter.split('=').next().unwrap_or_default();
        ["api_key", "apikey", "api-key", "x-api-key"]
            .iter()
            .any(|key| name.eq_ignore_ascii_case(key))
    }) {
        return Err(Problem::BadRequest("A key does not belong into the URI".to_owned()));
    }
    // The peer of the connection. Behind a proxy of your own it is the proxy: then take the address
    // that the proxy reports (`X-Forwarded-For`, the last one), and only if the peer is that proxy.
    let from = request.peer_addr().map(|peer| peer.ip());
    let mut in_header = request.headers().get_all("X-API-Key");
    let bearer = bearer_token(
        request.headers().get_all(AUTHORIZATION).map(HeaderValue::as_bytes),
        request.query_string(),
    );
    match (in_header.next(), in_header.next(), bearer) {
        (Some(key), None, Err(PresentError::Missing))
            if !request.headers().contains_key(AUTHORIZATION) =>
        {
            keys.holder(key.to_str().map_err(|_| Problem::Invalid)?, from).await
        }
        (None, _, Ok(token)) if token.contains('.') => holder_of_token(verifier, token).await,
        (None, _, Ok(key)) => keys.holder(key, from).await,
        (None, _, Err(PresentError::Missing)) => Err(Problem::Missing),
        (_, _, Err(error @ PresentError::InQuery)) => {
            Err(Problem::BadRequest(error.text().to_owned()))
        }
        (None, _, Err(PresentError::NoText)) => Err(Problem::Invalid),
        _ => Err(Problem::BadRequest("The request has two credentials; send one".to_owned())),
    }
}

/// Verifies a token by its signature, without a question to Mintery.
async fn holder_of_token(verifier: &Verifier, token: &str) -> Result<Caller, Problem> {
    let checked: Result<Principal, VerifyError> = verifier.verify(token).await;
    let principal = checked.map_err(|error| match error {
        VerifyError::KeysUnavailable | VerifyError::StaleRevocations => Problem::Unavailable,
        _ => Problem::Invalid,
    })?;
    let (sub, scope) = (principal.subject().to_owned(), principal.scopes().to_string());
    Ok(Caller { name: sub.clone(), sub, kind: "client", scope })
}
