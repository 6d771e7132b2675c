//! The dashboard: pages for people, made here and complete without a script. `route` is the URL
//! table, on one screen: it is walked only where nothing else stands, so that no other request pays
//! for it, and no memory is kept for it.
//!
//! A page is a file here with its templates in `templates/`. A handler asks for a scope, reads what
//! was sent, calls one function of [`crate::admin`] and shows what came of it: there is nothing
//! that pages alone can do.

pub(crate) mod assets;

mod activity;
mod apis;
mod chart;
mod client_secrets;
mod clients;
mod confirm;
mod failure;
mod form;
mod key_rotation;
mod keys;
mod log_in;
mod navigation;
mod overview;
mod party;
mod sessions;
mod settings;
pub(crate) mod show;
mod signing_keys;
mod users;
mod visit;
mod visitor;

use actix_web::http::Method;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use failure::Failure;
use navigation::Section;
use visit::Visit;

use crate::http::act::Refused;
use crate::http::headers::NO_STORE;
use crate::oauth::AuthorizationServer;

/// What a handler comes to.
type Outcome = Result<HttpResponse, Failure>;

/// Whether there may be a page at `path`, which may begin with that of the issuer.
#[must_use]
pub fn are_at(path: &str, issuer_path: &str) -> bool {
    let path = path.strip_prefix(issuer_path).unwrap_or(path);
    matches!(path, "/dashboard" | "/login" | "/logout") || path.starts_with("/dashboard/")
}

/// Answers what is asked where [`are_at`] says so.
pub async fn answer(
    request: HttpRequest,
    server: Data<AuthorizationServer>,
    payload: Payload,
) -> HttpResponse {
    // Boxed, with all it may come to: no other route is to have room for it.
    match Box::pin(route(&request, &server, payload)).await {
        Ok(response) => response,
        Err(failure) => Box::pin(failure.answer(&request, &server)).await,
    }
}

async fn route(request: &HttpRequest, server: &AuthorizationServer, payload: Payload) -> Outcome {
    let path = request.path();
    let path = path.strip_prefix(server.issuer.path()).unwrap_or(path);
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
    // Whoever has to get a second factor first gets nowhere else.
    let is_enrolment = section == Section::Settings && page.first() == Some(&"second-factor");
    let visit = Visit::begin(request, server, section, is_post.then_some(payload)).await?;
    if visit.visitor.signed_in.must_enrol && !is_enrolment {
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

/// A segment of a path.
fn decoded(segment: &str) -> String {
    percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

/// The page that a template makes.
fn page(template: &impl Template) -> Outcome {
    page_with(StatusCode::OK, template)
}

fn page_with(status: StatusCode, template: &impl Template) -> Outcome {
    let mut response = HttpResponse::build(status);
    response
        .content_type("text/html; charset=utf-8")
        .insert_header((CACHE_CONTROL, NO_STORE))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((REFERRER_POLICY, HeaderValue::from_static("same-origin")))
        .insert_header((X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")));
    let text = template.render().map_err(|error| Failure::Broken(error.to_string()))?;
    Ok(response.body(text))
}

/// Nothing but what is served here, and nowhere within another page.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; \
     frame-ancestors 'none'; base-uri 'none'",
);

/// Leads to another page, which is asked for with GET.
fn redirect(server: &AuthorizationServer, path: &str) -> HttpResponse {
    let mut response = HttpResponse::SeeOther();
    response.insert_header((CACHE_CONTROL, NO_STORE));
    response.insert_header((LOCATION, format!("{}{path}", server.issuer.path())));
    response.finish()
}

/// An id, or an identifier, as a part of a URL.
fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
