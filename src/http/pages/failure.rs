//! What a page that cannot be shown says instead, in the same look, with the id of the request.

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderValue, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::navigation::Section;
use super::visitor::Visitor;
use super::{log_in, page_with, redirect};
use crate::admin::AdminError;
use crate::authn::caller::AccessError;
use crate::http::act::Refused;
use crate::http::error;
use crate::http::middleware::request_id::RequestId;
use crate::model::scope::ScopeSet;
use crate::oauth::AuthorizationServer;
use mintery_verifier::adapter::refusal::RETRY_AFTER_SECS;

/// Why there is no page.
#[derive(Debug)]
pub enum Failure {
    /// Nobody is logged in.
    LogIn,
    /// A form was not sent by a page of this server to whoever is logged in.
    Forged(&'static str),
    /// There is no such page.
    NotFound,
    /// A page is read with GET, a form sent with POST.
    MethodNotAllowed,
    /// What was asked for is refused.
    Refused(Refused),
    /// A template did not do.
    Broken(String),
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<AdminError> for Failure {
    fn from(error: AdminError) -> Self {
        Self::Refused(Refused::Admin(error))
    }
}

impl From<AccessError> for Failure {
    fn from(error: AccessError) -> Self {
        Self::Refused(Refused::Access(error))
    }
}

impl Failure {
    /// Whoever may not do this lacks `scope`.
    pub fn lacking(scope: &str) -> Self {
        AccessError::InsufficientScope(ScopeSet::parse(scope).unwrap_or_default()).into()
    }

    /// The answer: within the dashboard for whoever is logged in.
    pub async fn answer(self, request: &HttpRequest, server: &AuthorizationServer) -> HttpResponse {
        if matches!(self, Self::LogIn) {
            return to_log_in(request, server);
        }
        let (status, title, detail) = self.told(request, server);
        let request_id = RequestId::of(request, &*server.random).to_string();
        let (base, code) = (server.issuer.path(), status.as_u16());
        // A server that fails is not asked for more.
        let visitor = if status.is_server_error() { None } else { visitor(request, server).await };
        let made = match &visitor {
            Some(visitor) => page_with(
                status,
                &Within {
                    base,
                    visitor,
                    title,
                    detail: &detail,
                    status: code,
                    request_id: &request_id,
                },
            ),
            None => page_with(
                status,
                &Alone { base, title, detail: &detail, status: code, request_id: &request_id },
            ),
        };
        let mut response = made.unwrap_or_else(|_| HttpResponse::InternalServerError().finish());
        if status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECS));
        }
        response
    }

    fn told(
        &self,
        request: &HttpRequest,
        server: &AuthorizationServer,
    ) -> (StatusCode, &'static str, String) {
        let told = |status, title, detail: &str| (status, title, detail.to_owned());
        match self {
            Self::LogIn => told(StatusCode::UNAUTHORIZED, "Log in first", ""),
            Self::Forged(reason) => {
                let detail = "This form was sent from elsewhere, or from a session that has ended. Nothing was changed. Go back, \
                              reload the page, and send it again.";
                error::record::record(request, server, StatusCode::FORBIDDEN, "err_forged", reason);
                told(StatusCode::FORBIDDEN, "This form does not count", detail)
            }
            Self::NotFound => told(
                StatusCode::NOT_FOUND,
                "There is nothing here",
                "Whatever was at this address may have been revoked or deleted; the activity log tells.",
            ),
            Self::MethodNotAllowed => told(
                StatusCode::METHOD_NOT_ALLOWED,
                "Not in this way",
                "This address takes GET and POST.",
            ),
            Self::Broken(reason) => {
                error::record::record(
                    request,
                    server,
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "err_internal",
                    reason,
                );
                told(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "The server failed",
                    "The page could not be made.",
                )
            }
            Self::Refused(refused) => {
                let (status, mut detail) = error::act::page(request, server, refused);
                if !detail.ends_with('.') {
                    detail.push('.');
                }
                (status, title(status), detail)
            }
        }
    }
}

/// Leads to the log-in, and from there back to where somebody wanted to go. A form that was sent is
/// not repeated.
fn to_log_in(request: &HttpRequest, server: &AuthorizationServer) -> HttpResponse {
    let is_read = matches!(request.method().as_str(), "GET" | "HEAD");
    let path = request.uri().path_and_query().map_or("", |path| path.as_str());
    let path = path.strip_prefix(server.issuer.path()).unwrap_or(path);
    let to = if is_read { log_in::path_to(path) } else { "/login".to_owned() };
    redirect(server, &to)
}

fn title(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "That makes no sense here",
        401 => "Log in again",
        403 => "You may not do that",
        404 => "There is nothing here",
        409 => "That does not fit any more",
        413 => "That is too much",
        429 => "Too many requests",
        503 => "Not now",
        _ => "The server failed",
    }
}

/// Whoever is logged in, and may look around.
async fn visitor(request: &HttpRequest, server: &AuthorizationServer) -> Option<Visitor> {
    let path = request.path();
    let path = path.strip_prefix(server.issuer.path()).unwrap_or(path);
    let section =
        path.strip_prefix("/dashboard/").and_then(|rest| Section::named(rest.split('/').next()?));
    let visitor = Visitor::recognise(request, server, section).await.ok()?;
    (!visitor.signed_in.must_enrol).then_some(visitor)
}

#[derive(Template)]
#[template(path = "failure.html")]
struct Within<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    title: &'a str,
    detail: &'a str,
    status: u16,
    request_id: &'a str,
}

#[derive(Template)]
#[template(path = "failure-alone.html")]
struct Alone<'a> {
    base: &'a str,
    title: &'a str,
    detail: &'a str,
    status: u16,
    request_id: &'a str,
}
