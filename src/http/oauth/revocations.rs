//! `/oauth/revocations`: the revocation feed for verifiers.

use actix_server::GracefulShutdownSignal;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::submission;
use crate::authn::caller;
use crate::authn::demand::Demand;
use crate::authn::error::AccessError;
use crate::http::error;
use crate::http::extract::body;
use crate::http::extract::presented;
use crate::http::headers::{NO_STORE, has_credential};
use crate::oauth::AuthorizationServer;
use crate::oauth::authorization::Authorization;
use crate::oauth::client_auth::ClientCredential;
use crate::oauth::error::OauthError;
use crate::oauth::feed::{self, FeedRequest};
use crate::oauth::form::Form;
use crate::oauth::request::OauthRequest;

/// The media type of a document.
const REVOCATIONS_JWT: &str = "application/revocations+jwt";

/// The reason why a reader is refused.
enum Refused {
    Oauth(OauthError),
    /// As at a protected route.
    Access(AccessError),
}

impl<E: Into<OauthError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Oauth(error.into())
    }
}

/// `GET`, with Basic, or as at a protected route: with an access token for the issuer's own API, or
/// an API key.
pub async fn read(
    request: HttpRequest,
    server: Data<AuthorizationServer>,
    stopping: Data<GracefulShutdownSignal>,
) -> HttpResponse {
    let told = async {
        let submission = submission::of(&request, &server, &[]);
        let key_header = &server.inbound.api_key_header;
        if has_token(&submission) || has_credential(request.headers(), key_header) {
            let credential = presented::credential(&request, &server).map_err(Refused::Access)?;
            let reader =
                caller::authenticate(&server.context, &credential, Demand::of(&server.context))
                    .await;
            let reader = reader.map_err(Refused::Access)?;
            server.context.metrics.access_granted.increment(1);
            let parameters = submission.parameters_of_uri()?;
            return respond(&server, reader.identity.subject(), &parameters, &stopping).await;
        }
        let (parameters, credential) = submission.parse_uri()?;
        respond_to_client(&server, &submission, &parameters, &credential, &stopping).await
    };
    answer(&request, &server, told.await)
}

/// `POST`, with any client authentication method.
pub async fn read_with_form(
    request: HttpRequest,
    server: Data<AuthorizationServer>,
    stopping: Data<GracefulShutdownSignal>,
    payload: Payload,
) -> HttpResponse {
    let told = async {
        let body: Bytes = body::read(&request, payload).await?;
        let submission = submission::of(&request, &server, &body);
        let (parameters, credential) = submission.parse()?;
        respond_to_client(&server, &submission, &parameters, &credential, &stopping).await
    };
    answer(&request, &server, told.await)
}

/// The answer to any other method.
pub async fn method_not_allowed() -> HttpResponse {
    super::method_not_allowed("GET, POST", "The request must be a GET or a POST")
}

fn has_token(submission: &OauthRequest<'_>) -> bool {
    let scheme =
        |header: &[u8]| header.split(|byte| *byte == b' ').next().map(<[u8]>::to_ascii_lowercase);
    match submission.authorization {
        Authorization::Once(header) => scheme(header).as_deref() == Some(b"bearer"),
        Authorization::Absent | Authorization::Repeated => false,
    }
}

async fn respond_to_client(
    server: &AuthorizationServer,
    submission: &OauthRequest<'_>,
    parameters: &Form<'_>,
    credential: &ClientCredential,
    stopping: &GracefulShutdownSignal,
) -> Result<Vec<u8>, Refused> {
    let client = credential.authenticate(&server.context, submission.network()).await?;
    client.known.usage.note(server.context.clock.now(), client.secret(), submission.from);
    respond(server, client.known.client.id.as_str(), parameters, stopping).await
}

async fn respond(
    server: &AuthorizationServer,
    reader: &str,
    parameters: &Form<'_>,
    stopping: &GracefulShutdownSignal,
) -> Result<Vec<u8>, Refused> {
    let feed_request = FeedRequest::parse(parameters)?;
    Ok(feed::respond(server, reader, &feed_request, stopping.notified()).await?)
}

fn answer(
    request: &HttpRequest,
    server: &AuthorizationServer,
    told: Result<Vec<u8>, Refused>,
) -> HttpResponse {
    match told {
        Ok(document) => HttpResponse::build(StatusCode::OK)
            .insert_header((CONTENT_TYPE, REVOCATIONS_JWT))
            .insert_header((CACHE_CONTROL, NO_STORE))
            .body(document),
        Err(Refused::Oauth(refusal)) => {
            error::oauth::response(request, server, &server.context.metrics.feed.refusals, &refusal)
        }
        Err(Refused::Access(refusal)) => error::access::response(request, server, &refusal),
    }
}
