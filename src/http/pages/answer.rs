//! Answers of the dashboard: a rendered page, or a redirect to another page.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use askama::Template;

use super::failure::Failure;
use crate::http::headers::NO_STORE;
use crate::oauth::AuthorizationServer;

/// The result of a page's handler.
pub type PageResult = Result<HttpResponse, Failure>;

/// Allows nothing but this server's own files, and no embedding in another page.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; \
     frame-ancestors 'none'; base-uri 'none'",
);

/// Renders a page with status 200.
pub fn page(template: &impl Template) -> PageResult {
    page_with(StatusCode::OK, template)
}

/// Renders a page with another status.
pub fn page_with(status: StatusCode, template: &impl Template) -> PageResult {
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

/// Redirects to the page at `path`, which the browser reads with GET.
pub fn redirect(server: &AuthorizationServer, path: &str) -> HttpResponse {
    let mut response = HttpResponse::SeeOther();
    response.insert_header((CACHE_CONTROL, NO_STORE));
    response.insert_header((LOCATION, format!("{}{path}", server.context.issuer.path())));
    response.finish()
}
