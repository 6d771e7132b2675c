//! The dashboard: HTML pages that work without a script. `route` is their URL table. It runs only
//! for an address that no other table has, so other requests do not pay for it.
//!
//! Each noun has one file or folder, with its templates in `templates/`. A handler requires a scope,
//! parses the form, calls one function of [`crate::admin`] and answers with a page or a redirect. No
//! noun imports another: what they share is in the files beside them. To add a page, write its file
//! and its template, and add it to `route`, `navigation::Section` and the links there.

pub(crate) mod assets;

mod activity;
mod answer;
mod apis;
mod chart;
mod choices;
mod clients;
mod confirm;
pub(crate) mod display;
mod event_view;
mod failure;
mod failure_page;
mod form;
mod key_view;
mod keys;
mod links;
mod log_in;
mod navigation;
mod overview;
mod paging;
mod party;
mod session_view;
mod sessions;
mod settings;
mod signing_keys;
mod users;
mod visit;
mod visitor;

use actix_web::http::Method;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use answer::{PageResult, redirect};
use failure::Failure;
use navigation::Section;
use visit::Visit;

use crate::http::extract::site::check_host;
use crate::oauth::AuthorizationServer;

/// `true` if `path`, with or without the path of the issuer, may be a page.
#[must_use]
pub fn are_at(path: &str, issuer_path: &str) -> bool {
    let path = path.strip_prefix(issuer_path).unwrap_or(path);
    matches!(path, "/dashboard" | "/login" | "/logout") || path.starts_with("/dashboard/")
}

/// Answers a request for which [`are_at`] is true.
pub async fn answer(
    request: HttpRequest,
    server: Data<AuthorizationServer>,
    payload: Payload,
) -> HttpResponse {
    // Boxed: the futures of other routes must not grow by the size of this one.
    match Box::pin(route(&request, &server, payload)).await {
        Ok(response) => response,
        Err(failure) => Box::pin(failure_page::answer(failure, &request, &server)).await,
    }
}

async fn route(
    request: &HttpRequest,
    server: &AuthorizationServer,
    payload: Payload,
) -> PageResult {
    check_host(request, server)?;
    let path = request.path();
    let path = path.strip_prefix(server.context.issuer.path()).unwrap_or(path);
    let segments: Vec<String> = path.split('/').skip(1).map(decoded).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let is_post = match *request.method() {
        Method::GET | Method::HEAD => false,
        Method::POST => true,
        _ => return Err(Failure::MethodNotAllowed),
    };
    if let ["dashboard", "assets", name] = segments.as_slice() {
        return assets::answer(name).ok_or(Failure::NotFound);
    }
    let (section, page) = match segments.as_slice() {
        ["login"] if is_post => return log_in::log_in(request, server, payload).await,
        ["login"] => return log_in::show(request, server).await,
        ["logout"] if is_post => return log_in::log_out(request, server, payload).await,
        ["logout"] => return Ok(redirect(server, "/dashboard")),
        ["dashboard"] => (Section::Overview, &[][..]),
        ["dashboard", "settings", "api"] => (Section::Keys, &[][..]),
        ["dashboard", name, page @ ..] => (Section::named(name).ok_or(Failure::NotFound)?, page),
        _ => return Err(Failure::NotFound),
    };
    // Without a required second factor, its setup is the only page.
    let is_enrollment = section == Section::Settings && page.first() == Some(&"second-factor");
    let visit = Visit::begin(request, server, section, is_post.then_some(payload)).await?;
    if visit.visitor.signed_in.must_enroll && !is_enrollment {
        return Ok(redirect(server, "/dashboard/settings/second-factor"));
    }
    match section {
        Section::Overview => Box::pin(overview::route(&visit, page, is_post)).await,
        Section::Keys => Box::pin(keys::route(&visit, page, is_post)).await,
        Section::Clients => Box::pin(clients::route(&visit, page, is_post)).await,
        Section::Apis => Box::pin(apis::route(&visit, page, is_post)).await,
        Section::SigningKeys => Box::pin(signing_keys::route(&visit, page, is_post)).await,
        Section::Activity => Box::pin(activity::route(&visit, page, is_post)).await,
        Section::Users => Box::pin(users::route(&visit, page, is_post)).await,
        Section::Settings => Box::pin(settings::route(&visit, page, is_post)).await,
        Section::Sessions => Box::pin(sessions::route(&visit, page, is_post)).await,
    }
}

/// Decodes a segment of a path.
fn decoded(segment: &str) -> String {
    percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned()
}
