//! The page shown in place of one that cannot be: the reason and the id of the request, inside the
//! dashboard for a logged-in user.

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderValue, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::answer::{page_with, redirect};
use super::failure::Failure;
use super::links;
use super::navigation::Section;
use super::visitor::Visitor;
use crate::http::error;
use crate::http::middleware::request_id::RequestId;
use crate::model::own_scope::OwnScope;
use crate::oauth::AuthorizationServer;
use mintery_verifier::adapter::refusal::RETRY_AFTER_SECS;

#[derive(Template)]
#[template(path = "failure.html")]
struct InDashboard<'a> {
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

/// The answer to a request that has no page.
pub async fn answer(
    failure: Failure,
    request: &HttpRequest,
    server: &AuthorizationServer,
) -> HttpResponse {
    let (status, title, detail) = match failure {
        Failure::NotLoggedIn => return to_login(request, server),
        failure => describe(failure, request, server),
    };
    let id = RequestId::of(request, &*server.context.random).to_string();
    let (base, code) = (server.context.issuer.path(), status.as_u16());
    // A failing server is not asked for the session as well.
    let visitor = if status.is_server_error() { None } else { visitor(request, server).await };
    let (detail, request_id) = (detail.as_str(), id.as_str());
    let page = match &visitor {
        Some(visitor) => page_with(
            status,
            &InDashboard { base, visitor, title, detail, status: code, request_id },
        ),
        None => page_with(status, &Alone { base, title, detail, status: code, request_id }),
    };
    let mut response = page.unwrap_or_else(|_| HttpResponse::InternalServerError().finish());
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECS));
    }
    response
}

/// Redirects to the login page, and from there back to the page that was requested. A form is not
/// sent again.
fn to_login(request: &HttpRequest, server: &AuthorizationServer) -> HttpResponse {
    let is_read = matches!(request.method().as_str(), "GET" | "HEAD");
    let path = request.uri().path_and_query().map_or("", |path| path.as_str());
    let path = path.strip_prefix(server.context.issuer.path()).unwrap_or(path);
    let to = if is_read { links::login_path(path) } else { "/login".to_owned() };
    redirect(server, &to)
}

/// The status, the title and the text of a failure. Records it in the log.
fn describe(
    failure: Failure,
    request: &HttpRequest,
    server: &AuthorizationServer,
) -> (StatusCode, &'static str, String) {
    let (status, title, detail) = match failure {
        Failure::NotLoggedIn => (StatusCode::UNAUTHORIZED, "Log in first", ""),
        Failure::Forged(reason) => {
            let status = StatusCode::FORBIDDEN;
            error::record::record(request, server, status, "err_forged", reason);
            let detail = "The form came from another site, or its session has ended. Nothing was changed. Go back, \
                          reload the page, and send it again.";
            (status, "Form rejected", detail)
        }
        Failure::NotFound => (
            StatusCode::NOT_FOUND,
            "Page not found",
            "The object may have been revoked or deleted; see the activity log.",
        ),
        Failure::MethodNotAllowed => (
            StatusCode::METHOD_NOT_ALLOWED,
            "Method not allowed",
            "This page accepts GET and POST only.",
        ),
        Failure::Broken(reason) => {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            error::record::record(request, server, status, "err_internal", &reason);
            (status, "Server error", "The page could not be rendered. Try again later.")
        }
        Failure::Refused(refused) => {
            let (status, mut detail) = error::act::page(request, server, &refused);
            if !detail.ends_with('.') {
                detail.push('.');
            }
            return (status, title(status), detail);
        }
    };
    (status, title, detail.to_owned())
}

fn title(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "Invalid request",
        401 => "Log in again",
        403 => "Not allowed",
        404 => "Not found",
        409 => "Conflict with the current state",
        413 => "Request too large",
        429 => "Too many requests",
        503 => "Temporarily unavailable",
        _ => "Server error",
    }
}

/// The logged-in user; `None` for one who must set up a second factor first.
async fn visitor(request: &HttpRequest, server: &AuthorizationServer) -> Option<Visitor> {
    let path = request.path();
    let path = path.strip_prefix(server.context.issuer.path()).unwrap_or(path);
    let section =
        path.strip_prefix("/dashboard/").and_then(|rest| Section::named(rest.split('/').next()?));
    let visitor = Visitor::recognize(request, server, section).await.ok()?;
    (!visitor.signed_in.must_enroll).then_some(visitor)
}
