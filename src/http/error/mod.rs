//! Every error of the domain and its answer. A failure is logged here, once, with the id of its
//! request.

use std::borrow::Cow;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use metrics::Counter;

use super::api::administration::Refused;
use super::extract::body::BodyError;
use super::extract::caller::caller_address;
use super::middleware::request_id::RequestId;
use super::oauth::oauth_body;
use super::problem::{Answer as _, Problem};
use crate::admin::AdminError;
use crate::authn::caller::{AccessError, TokenFailure};
use crate::authn::log_in::LogInError;
use crate::directory::OverLimit;
use crate::metrics::Refusals;
use crate::model::session;
use crate::oauth::AuthorizationServer;
use crate::oauth::error::{ClientFailure, OauthError};
use crate::oauth::introspect::Inactive;
use crate::oauth::metadata::RESOURCE_NAME;
use crate::secret::generated::{self, CLIENT_SECRET_PREFIX};
use crate::store::StoreError;
use mintery_verifier::adapter::refusal::{RETRY_AFTER_SECS, Refusal};

/// What protected routes call themselves in a challenge.
const REALM: &str = "mintery";

/// After how many seconds somebody may ask again who has to wait until revoked tokens have expired.
const REVOCATIONS_RETRY_AFTER_SECS: &str = "60";

/// The answer of an OAuth endpoint to a request that it refuses (RFC 6749 §5.2), which is counted
/// in `refusals`.
#[must_use]
pub fn oauth(
    request: &HttpRequest,
    server: &AuthorizationServer,
    refusals: &Refusals,
    error: &OauthError,
) -> HttpResponse {
    let (status, counter) = match error {
        OauthError::InvalidRequest(_) | OauthError::UnsupportedTokenType => {
            (StatusCode::BAD_REQUEST, &refusals.invalid_request)
        }
        OauthError::InvalidSubjectToken(_) => (StatusCode::BAD_REQUEST, &refusals.subject_token),
        OauthError::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, &refusals.invalid_request),
        OauthError::InvalidClient(failure) => {
            (StatusCode::UNAUTHORIZED, of_client(refusals, *failure))
        }
        OauthError::InvalidScope(_) => (StatusCode::BAD_REQUEST, &refusals.invalid_scope),
        OauthError::InvalidTarget => (StatusCode::BAD_REQUEST, &refusals.invalid_target),
        OauthError::UnauthorizedClient | OauthError::AnotherClientsToken => {
            (StatusCode::BAD_REQUEST, &refusals.unauthorized_client)
        }
        OauthError::UnsupportedGrantType => {
            (StatusCode::BAD_REQUEST, &refusals.unsupported_grant_type)
        }
        OauthError::OverLimit { .. }
        | OauthError::KeyOverLimit { .. }
        | OauthError::TooManyRevocations => (StatusCode::TOO_MANY_REQUESTS, &refusals.over_limit),
        OauthError::TooManyGuesses(_) => {
            (StatusCode::TOO_MANY_REQUESTS, &refusals.too_many_guesses)
        }
        OauthError::Busy => (StatusCode::SERVICE_UNAVAILABLE, &refusals.busy),
        OauthError::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, &refusals.unavailable),
        OauthError::Server(_) => (StatusCode::INTERNAL_SERVER_ERROR, &refusals.failed),
    };
    counter.increment(1);
    record(request, server, status, error.code(), &error.reason());
    oauth_body(status, error.code(), error.description(), |response| match error {
        OauthError::InvalidClient(_) => {
            response
                .insert_header((WWW_AUTHENTICATE, "Basic realm=\"mintery\", charset=\"UTF-8\""));
        }
        OauthError::OverLimit { retry_after } | OauthError::KeyOverLimit { retry_after } => {
            response.insert_header((RETRY_AFTER, *retry_after));
        }
        OauthError::TooManyRevocations => {
            response.insert_header((RETRY_AFTER, REVOCATIONS_RETRY_AFTER_SECS));
        }
        OauthError::Unavailable(_) | OauthError::Busy => {
            response.insert_header((RETRY_AFTER, RETRY_AFTER_SECS));
        }
        OauthError::TooManyGuesses(after) => {
            // The next whole second, in which it is possible.
            response.insert_header((RETRY_AFTER, after.as_secs() + 1));
        }
        _ => {}
    })
}

const fn of_client(refusals: &Refusals, failure: ClientFailure) -> &Counter {
    match failure {
        ClientFailure::NothingPresented | ClientFailure::MalformedBasic => &refusals.no_credentials,
        ClientFailure::UnknownClient => &refusals.unknown_client,
        ClientFailure::WrongSecret => &refusals.wrong_secret,
        ClientFailure::ExpiredSecret => &refusals.expired_secret,
        ClientFailure::Disabled => &refusals.disabled,
    }
}

/// The answer of a protected route to a request that it refuses (RFC 6750 §3, RFC 9728 §5.1).
#[must_use]
pub fn access(
    request: &HttpRequest,
    server: &AuthorizationServer,
    error: &AccessError,
) -> HttpResponse {
    refuse(request, server, error, Problem::RATE_LIMITED)
}

/// The same to a proxy that asks, which takes any status but 401 and 403 for a failure of the
/// server.
#[must_use]
pub fn check(
    request: &HttpRequest,
    server: &AuthorizationServer,
    error: &AccessError,
) -> HttpResponse {
    refuse(request, server, error, Problem { status: 403, ..Problem::RATE_LIMITED })
}

fn refuse(
    request: &HttpRequest,
    server: &AuthorizationServer,
    error: &AccessError,
    over_limit: Problem,
) -> HttpResponse {
    server.metrics.access_refused.increment(1);
    let (refusal, reason) = match error {
        AccessError::OverLimit(OverLimit { retry_after }) => {
            let detail = "The API key is good for no more requests at the moment";
            record(request, server, over_limit.status_code(), over_limit.code, detail);
            return over_limit.answer(detail, |response| {
                response.insert_header((RETRY_AFTER, *retry_after));
            });
        }
        AccessError::OtherSite => {
            let origin = server.issuer.origin();
            let detail = format!(
                "What is changed by cookie comes from a page of this server; a program says so too, with Origin: {origin}"
            );
            return refuse_session(request, server, &detail, &[]);
        }
        AccessError::MustEnrol => {
            let detail = "A second factor is needed here: get one first";
            return refuse_session(request, server, detail, &[("second_factor_required", true)]);
        }
        AccessError::InvalidSession(failure) => (Refusal::InvalidToken, Some(failure.to_string())),
        AccessError::InvalidKey(failure) => (Refusal::InvalidToken, Some(failure.to_string())),
        AccessError::Missing => (Refusal::Missing, None),
        AccessError::InvalidRequest(what) => (Refusal::InvalidRequest(what), None),
        AccessError::InvalidToken(failure) => (Refusal::InvalidToken, Some(failure.to_string())),
        AccessError::InsufficientScope(missing) => {
            (Refusal::InsufficientScope(missing.to_string()), None)
        }
        AccessError::Unavailable(reason) => (Refusal::Unavailable, Some(reason.clone())),
    };
    let (problem, detail) =
        (refusal.problem(), detail_of(error, &refusal, server.api_key_header.as_str()));
    record(
        request,
        server,
        problem.status_code(),
        problem.code,
        reason.as_deref().unwrap_or(&detail),
    );
    let metadata = server.issuer.well_known(RESOURCE_NAME);
    problem.answer(&detail, |response| match refusal.challenge(REALM, Some(&metadata)) {
        Some(challenge) => {
            response.insert_header((WWW_AUTHENTICATE, challenge));
        }
        None => {
            response.insert_header((RETRY_AFTER, RETRY_AFTER_SECS));
        }
    })
}

/// The answer to somebody who is logged in, and may not do this like this.
fn refuse_session(
    request: &HttpRequest,
    server: &AuthorizationServer,
    detail: &str,
    members: &[(&str, bool)],
) -> HttpResponse {
    record(request, server, StatusCode::FORBIDDEN, Problem::NO_PERMISSION.code, detail);
    let metadata = server.issuer.well_known(RESOURCE_NAME);
    Problem::NO_PERMISSION.answer_with(detail, members, |response| {
        if let Some(challenge) = Refusal::Missing.challenge(REALM, Some(&metadata)) {
            response.insert_header((WWW_AUTHENTICATE, challenge));
        }
    })
}

/// What is told to people, who may have sent an API key.
fn detail_of(error: &AccessError, refusal: &Refusal, header: &str) -> Cow<'static, str> {
    match (error, refusal) {
        (AccessError::Missing, _) => {
            format!("Send an access token as Authorization: Bearer, or an API key as {header}")
                .into()
        }
        (AccessError::InvalidToken(TokenFailure::Request(what)), _) => (*what).into(),
        (AccessError::InvalidToken(TokenFailure::NotKnownNow), _) => Refusal::Unavailable.detail(),
        (AccessError::InvalidKey(_), _) => {
            "The API key is malformed, expired, revoked, or not good here".into()
        }
        (AccessError::InvalidSession(_), _) => "The session is over; log in again".into(),
        (_, Refusal::InsufficientScope(missing)) if !missing.is_empty() => {
            format!("The credential lacks the scope {missing}").into()
        }
        _ => refusal.detail(),
    }
}

/// The answer of the API to an administrative request that it refuses.
#[must_use]
pub fn administration(
    request: &HttpRequest,
    server: &AuthorizationServer,
    refused: &Refused,
) -> HttpResponse {
    match refused {
        Refused::Access(error) => return access(request, server, error),
        Refused::LogIn(error) => return log_in(request, server, error),
        _ => {}
    }
    let (problem, detail, reason) = told(refused);
    refuse_act(request, server, problem, &detail, &reason)
}

/// The status of the page that says so instead, and what it says.
#[must_use]
pub fn page_refused(
    request: &HttpRequest,
    server: &AuthorizationServer,
    refused: &Refused,
) -> (StatusCode, String) {
    let (problem, detail, reason) = told(refused);
    record(request, server, problem.status_code(), problem.code, &masked(server, &reason));
    (problem.status_code(), masked(server, &detail))
}

/// Records why a page is not shown, or a form does not count.
pub fn page_failed(
    request: &HttpRequest,
    server: &AuthorizationServer,
    status: StatusCode,
    code: &str,
    reason: &str,
) {
    record(request, server, status, code, reason);
}

/// What is told of a refusal, and what is recorded.
fn told(refused: &Refused) -> (Problem, String, String) {
    let (problem, detail) = match refused {
        Refused::Access(AccessError::InsufficientScope(missing)) => (
            Problem::NO_PERMISSION,
            format!("This takes the scope {missing}, which you do not hold"),
        ),
        Refused::Access(AccessError::Unavailable(_)) => {
            (Problem::UNAVAILABLE, "The store cannot be reached now".to_owned())
        }
        Refused::Access(AccessError::MustEnrol) => {
            (Problem::NO_PERMISSION, "Set up a second factor first".to_owned())
        }
        Refused::Access(_) => (Problem::INVALID_CREDENTIALS, "Log in again".to_owned()),
        Refused::LogIn(error) => return log_in_told(error),
        Refused::NotSigned => (
            Problem::NO_PERMISSION,
            "The request is not signed with a key that is known here".to_owned(),
        ),
        Refused::Body(BodyError::TooLarge) => {
            (Problem::TOO_LARGE, BodyError::TooLarge.what().to_owned())
        }
        Refused::Body(error) => (Problem::INVALID_REQUEST, error.what().to_owned()),
        Refused::Unavailable(_) => {
            (Problem::UNAVAILABLE, "The change was made; this node lags".to_owned())
        }
        Refused::Admin(error) => of_admin(error),
    };
    let reason = match refused {
        Refused::Admin(error) => error.to_string(),
        Refused::Unavailable(reason) | Refused::Access(AccessError::Unavailable(reason)) => {
            reason.clone()
        }
        _ => detail.clone(),
    };
    (problem, detail, reason)
}

fn refuse_act(
    request: &HttpRequest,
    server: &AuthorizationServer,
    problem: Problem,
    detail: &str,
    reason: &str,
) -> HttpResponse {
    record(request, server, problem.status_code(), problem.code, &masked(server, reason));
    problem.answer(&masked(server, detail), |response| {
        if problem == Problem::UNAVAILABLE {
            response.insert_header((RETRY_AFTER, RETRY_AFTER_SECS));
        }
    })
}

/// What may be told, and logged, of what was sent: a name that nobody has may be a secret in the
/// wrong place.
fn masked(server: &AuthorizationServer, text: &str) -> String {
    generated::masked(
        CLIENT_SECRET_PREFIX,
        &session::masked(&server.admin.api_keys.format.masked(text)),
    )
}

/// The answer to somebody who is not logged in.
#[must_use]
pub fn log_in(
    request: &HttpRequest,
    server: &AuthorizationServer,
    error: &LogInError,
) -> HttpResponse {
    let (problem, detail, reason) = log_in_told(error);
    record(request, server, problem.status_code(), problem.code, &reason);
    let needs_code = matches!(error, LogInError::CodeNeeded | LogInError::WrongCode);
    let members = if needs_code { &[("code_required", true)][..] } else { &[] };
    problem.answer_with(&detail, members, |response| match error {
        LogInError::Wrong(_) | LogInError::CodeNeeded | LogInError::WrongCode => {
            let metadata = server.issuer.well_known(RESOURCE_NAME);
            if let Some(challenge) = Refusal::Missing.challenge(REALM, Some(&metadata)) {
                response.insert_header((WWW_AUTHENTICATE, challenge));
            }
        }
        LogInError::TooManyGuesses(after) => {
            // The next whole second, in which it is possible.
            response.insert_header((RETRY_AFTER, after.as_secs() + 1));
        }
        LogInError::Unavailable(_) | LogInError::Admin(_) if problem == Problem::UNAVAILABLE => {
            response.insert_header((RETRY_AFTER, RETRY_AFTER_SECS));
        }
        LogInError::Unavailable(_) | LogInError::Admin(_) => {}
    })
}

/// The status of the log-in page that says that nobody is logged in, what it says, and after how
/// many seconds one may try again.
#[must_use]
pub fn page_log_in(
    request: &HttpRequest,
    server: &AuthorizationServer,
    error: &LogInError,
) -> (StatusCode, String, Option<u64>) {
    let (problem, detail, reason) = log_in_told(error);
    record(request, server, problem.status_code(), problem.code, &reason);
    let wait = match error {
        LogInError::TooManyGuesses(after) => Some(after.as_secs() + 1),
        _ => None,
    };
    (problem.status_code(), detail, wait)
}

/// What is told of somebody who is not logged in, and what is recorded.
fn log_in_told(error: &LogInError) -> (Problem, String, String) {
    match error {
        LogInError::Wrong(failure) => {
            let detail = "The username or the password is wrong";
            (Problem::INVALID_CREDENTIALS, detail.to_owned(), failure.to_string())
        }
        LogInError::CodeNeeded => {
            let detail = "A code of the second factor is needed: send it as code";
            (Problem::INVALID_CREDENTIALS, detail.to_owned(), detail.to_owned())
        }
        LogInError::WrongCode => {
            let detail = "The code is wrong, or was used before";
            (Problem::INVALID_CREDENTIALS, detail.to_owned(), "a wrong code".to_owned())
        }
        LogInError::TooManyGuesses(after) => {
            // The next whole second, in which it is possible.
            let detail =
                format!("Too many attempts failed; try again in {} s", after.as_secs() + 1);
            (Problem::RATE_LIMITED, detail.clone(), detail)
        }
        LogInError::Unavailable(reason) => {
            let detail = "The server cannot answer at the moment; try again";
            (Problem::UNAVAILABLE, detail.to_owned(), reason.clone())
        }
        LogInError::Admin(error) => {
            let (problem, detail) = of_admin(error);
            (problem, detail, error.to_string())
        }
    }
}

/// What is told of an act that was not done. What a store or a library says is for the log alone.
fn of_admin(error: &AdminError) -> (Problem, String) {
    let problem = match error {
        AdminError::NotFound(_) => Problem::NOT_FOUND,
        AdminError::Exists(_)
        | AdminError::Conflict(_)
        | AdminError::StoodFor { .. }
        | AdminError::NothingToDo(_)
        | AdminError::TooManyKeys(_)
        | AdminError::TooManyChosen => Problem::CONFLICT,
        AdminError::Changed(_) => Problem::CHANGED,
        AdminError::Busy(_) => {
            return (Problem::UNAVAILABLE, "The server is busy; nothing was changed".to_owned());
        }
        AdminError::Invalid(_)
        | AdminError::Unknown(_)
        | AdminError::CodeNeeded
        | AdminError::WrongCode => Problem::INVALID_REQUEST,
        AdminError::Forbidden(_) | AdminError::Beyond(_) => Problem::NO_PERMISSION,
        AdminError::Store(StoreError::Conflict) => {
            return (
                Problem::CONFLICT,
                "Somebody else changed it at the same moment; try again".to_owned(),
            );
        }
        AdminError::Store(StoreError::Unavailable(_)) => {
            return (
                Problem::UNAVAILABLE,
                "The store cannot be used now; nothing was changed".to_owned(),
            );
        }
        AdminError::Store(StoreError::OutcomeUnknown(_)) => {
            let detail =
                "The store was lost while it wrote: whether the change was made is not known";
            return (Problem::UNAVAILABLE, detail.to_owned());
        }
        AdminError::Store(_) | AdminError::SigningKey(_) | AdminError::Hash(_) => {
            return (Problem::INTERNAL, "The server failed".to_owned());
        }
    };
    (problem, error.to_string())
}

/// The answer to a method that a route does not have.
pub async fn method_not_allowed() -> HttpResponse {
    not_allowed("GET, HEAD")
}

/// The same where other methods are allowed.
#[must_use]
pub fn not_allowed(allowed: &str) -> HttpResponse {
    Problem::METHOD_NOT_ALLOWED.answer(&format!("This address takes {allowed}"), |response| {
        response.insert_header((ALLOW, allowed));
    })
}

/// The answer to an address that nothing stands at.
pub async fn not_found(request: HttpRequest, server: Data<AuthorizationServer>) -> HttpResponse {
    let path = request.path();
    if path.strip_prefix(server.issuer.path()).unwrap_or(path).starts_with("/oauth/") {
        return oauth_body(
            StatusCode::NOT_FOUND,
            "invalid_request",
            "There is no such endpoint",
            |_| {},
        );
    }
    nothing_here().await
}

/// The same where no OAuth endpoint is expected.
pub async fn nothing_here() -> HttpResponse {
    Problem::NOT_FOUND.answer("There is nothing at this address", |_| {})
}

/// Records why an introspected token is not active, which the answer does not tell.
pub fn inactive(request: &HttpRequest, server: &AuthorizationServer, why: Inactive) {
    record(request, server, StatusCode::OK, "inactive", &why.to_string());
}

fn record(
    request: &HttpRequest,
    server: &AuthorizationServer,
    status: StatusCode,
    code: &str,
    reason: &str,
) {
    let id = RequestId::of(request, &*server.random);
    let from = caller_address(request, &server.trusted_proxies);
    let from = from.map_or_else(|| "?".to_owned(), |address| address.to_string());
    if status.is_server_error() {
        server.metrics.failures.increment(1);
        log::error!("request {id} from {from}: {} {code}: {reason}", status.as_u16());
    } else {
        log::info!("request {id} from {from}: {} {code}: {reason}", status.as_u16());
    }
}
