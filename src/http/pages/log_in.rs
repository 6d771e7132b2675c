//! `/login`, `/logout`.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER, SET_COOKIE};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::failure::Failure;
use super::form::Form;
use super::session::CSRF_FIELD;
use super::{Outcome, encoded, page_with, redirect};
use crate::http::api::session::{begin, end};
use crate::http::error;
use crate::http::extract::session::{clear_cookie, set_cookie, signed_in};
use crate::http::extract::site::{Site, site};
use crate::oauth::AuthorizationServer;
use crate::oauth::bearer::AccessError;
use crate::oauth::log_in::Credentials;
use crate::secret::Secret;

#[derive(Template)]
#[template(path = "login.html")]
struct Page<'a> {
    base: &'a str,
    issuer: &'a str,
    username: &'a str,
    next: &'a str,
    problem: Option<String>,
    has_logged_out: bool,
}

/// Where somebody goes who has logged in: a page of the dashboard and nothing else, whatever an address says.
fn next(text: &str) -> &str {
    let is_page = text == "/dashboard" || text.starts_with("/dashboard/") || text.starts_with("/dashboard?");
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_page && is_plain && text.len() <= 2048 { text } else { "/dashboard" }
}

/// `GET /login`
pub(super) async fn show(request: &HttpRequest, server: &AuthorizationServer) -> Outcome {
    let query = Form::of_query(request.query_string());
    let next = next(query.text("next"));
    if signed_in(request, server).await.map_err(AccessError::from)?.is_some() {
        return Ok(redirect(server, next));
    }
    let has_logged_out = query.text("done") == "logged-out";
    form(server, "", next, None, has_logged_out, StatusCode::OK)
}

fn form(
    server: &AuthorizationServer,
    username: &str,
    next: &str,
    problem: Option<String>,
    has_logged_out: bool,
    status: StatusCode,
) -> Outcome {
    let (base, issuer) = (server.issuer.path(), server.issuer.as_str());
    page_with(status, &Page { base, issuer, username, next, problem, has_logged_out })
}

/// `POST /login`
pub(super) async fn log_in(request: &HttpRequest, server: &AuthorizationServer, payload: Payload) -> Outcome {
    // Nobody is to find themselves logged in as somebody else because of a page that they look at.
    if site(request, &server.issuer) == Site::Other {
        return Err(Failure::Forged("a log-in from another site"));
    }
    let posted = Form::read(request, payload).await?;
    let username = posted.text("username").to_owned();
    let password = Secret::new(posted.raw("password").to_owned());
    let next = next(posted.text("next"));
    let credentials = Credentials { username: username.clone(), password };
    match begin(request, server, credentials).await {
        Ok(begun) => with_cookie(redirect(server, next), &set_cookie(server, &begun.cookie)),
        Err(error) => {
            let (status, detail, wait) = error::page_log_in(request, server, &error);
            let shown: String = username.chars().take(200).collect();
            let mut response = form(server, &shown, next, Some(format!("{detail}.")), false, status)?;
            if let Some(wait) = wait {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait));
            }
            Ok(response)
        }
    }
}

/// `POST /logout`
pub(super) async fn log_out(
    request: &HttpRequest,
    server: &AuthorizationServer,
    payload: Payload,
) -> Outcome {
    if let Some(signed_in) = signed_in(request, server).await.map_err(AccessError::from)? {
        let form = Form::read(request, payload).await?;
        if !signed_in.may_send(request, server, form.text(CSRF_FIELD)) {
            return Err(Failure::Forged("a log-out without the token of the session"));
        }
        end(request, server).await?;
    }
    with_cookie(redirect(server, "/login?done=logged-out"), &clear_cookie(server))
}

fn with_cookie(mut response: HttpResponse, cookie: &str) -> Outcome {
    let value = HeaderValue::from_str(cookie).map_err(|error| Failure::Broken(error.to_string()))?;
    response.headers_mut().insert(SET_COOKIE, value);
    Ok(response)
}

/// Where the log-in is that leads to `path`.
pub(super) fn path_to(path: &str) -> String {
    if next(path) == "/dashboard" { "/login".to_owned() } else { format!("/login?next={}", encoded(path)) }
}

#[cfg(test)]
mod tests {
    use super::next;

    /// SEC-7
    #[test]
    fn a_log_in_leads_to_the_dashboard_alone() {
        for good in [
            "/dashboard",
            "/dashboard/keys",
            "/dashboard/keys?name=a%20b&state=unused",
            "/dashboard?range=7d",
        ] {
            assert_eq!(next(good), good);
        }
        for bad in [
            "",
            "/",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example/dashboard",
            "/dashboardx",
            "/dashboard/\\x",
            "/dashboard/\r\nset-cookie:a=b",
            "/dashboard/ x",
            "javascript:alert(1)",
            "/login",
        ] {
            assert_eq!(next(bad), "/dashboard", "{bad}");
        }
    }
}
