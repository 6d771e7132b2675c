//! `/login`, `/logout`.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER, SET_COOKIE};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::failure::Failure;
use super::form::Form;
use super::visitor::CSRF_FIELD;
use super::{Outcome, encoded, page_with, redirect};
use crate::authn::caller::AccessError;
use crate::authn::log_in::{Credentials, LogInError};
use crate::clock::Timestamp;
use crate::http::error;
use crate::http::extract::session::{clear_cookie, set_cookie, signed_in};
use crate::http::extract::site::{Site, site};
use crate::http::log_in::{begin_session, end_session};
use crate::oauth::AuthorizationServer;
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

/// Where somebody goes who has logged in: a page of the dashboard and nothing else, whatever an
/// address says.
fn next(text: &str) -> &str {
    let is_page =
        text == "/dashboard" || text.starts_with("/dashboard/") || text.starts_with("/dashboard?");
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    // Browsers take such a part away with the one before it, however it is written.
    let path = text.split('?').next().unwrap_or_default().to_ascii_lowercase().replace("%2e", ".");
    let stays = path.split('/').all(|part| !matches!(part, "." | ".."));
    if is_page && is_plain && stays && text.len() <= 2048 { text } else { "/dashboard" }
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
pub(super) async fn log_in(
    request: &HttpRequest,
    server: &AuthorizationServer,
    payload: Payload,
) -> Outcome {
    // Nobody is to find themselves logged in as somebody else because of a page that they look at.
    if site(request, &server.issuer) == Site::Other {
        return Err(Failure::Forged("a log-in from another site"));
    }
    let posted = Form::read(request, payload).await?;
    let next = next(posted.text("next"));
    let (username, password, code) = match posted.text(STEP_FIELD) {
        "" => (
            posted.text("username").to_owned(),
            Secret::new(posted.raw("password").to_owned()),
            None,
        ),
        step => {
            let Some((username, password)) = resumed(server, step) else {
                let problem = Some("That took too long. Log in again.".to_owned());
                return form(server, "", next, problem, false, StatusCode::BAD_REQUEST);
            };
            (username, password, Some(Secret::new(posted.text("code").to_owned())))
        }
    };
    let has_code = code.is_some();
    let credentials = Credentials { username: username.clone(), password: password.clone(), code };
    let error = match begin_session(request, server, credentials).await {
        Ok(begun) => {
            return with_cookie(redirect(server, next), &set_cookie(server, &begun.cookie));
        }
        Err(error) => error,
    };
    if matches!(error, LogInError::CodeNeeded) && !has_code {
        return code_form(server, &username, &password, next, None, StatusCode::OK);
    }
    let (status, detail, wait) = error::log_in::page(request, server, &error);
    let problem = Some(format!("{detail}."));
    let mut response = if has_code && !matches!(error, LogInError::Wrong(_)) {
        code_form(server, &username, &password, next, problem, status)?
    } else {
        let shown: String = username.chars().take(200).collect();
        form(server, &shown, next, problem, false, status)?
    };
    if let Some(wait) = wait {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait));
    }
    Ok(response)
}

/// The field that carries a log-in from its first step to its second.
const STEP_FIELD: &str = "step";

/// How long somebody may look for their code.
const STEP_TTL: Duration = Duration::from_mins(10);

/// Under what the first step is sealed: nothing else that is sealed here opens as one.
const STEP_PLACE: &str = "log-in";

#[derive(Template)]
#[template(path = "login-code.html")]
struct CodePage<'a> {
    base: &'a str,
    next: &'a str,
    step: &'a str,
    problem: Option<String>,
}

/// Asks for the code. What was typed before comes along sealed: a page never holds a password, and
/// no node has to remember one.
fn code_form(
    server: &AuthorizationServer,
    username: &str,
    password: &Secret,
    next: &str,
    problem: Option<String>,
    status: StatusCode,
) -> Outcome {
    let until = server.clock.now().plus(STEP_TTL).as_millis();
    let plain = Secret::new(format!("{until}\n{username}\n{}", password.expose()));
    let step = server.admin.sealing.seal(STEP_PLACE, plain.expose().as_bytes());
    let step = step.map_err(|error| Failure::Broken(error.to_string()))?;
    page_with(status, &CodePage { base: server.issuer.path(), next, step: &step, problem })
}

/// What was typed in the first step; nothing when it was not here, or too long ago.
fn resumed(server: &AuthorizationServer, step: &str) -> Option<(String, Secret)> {
    let opened = server.admin.sealing.open(STEP_PLACE, step).ok()?;
    let (until, rest) = std::str::from_utf8(&opened).ok()?.split_once('\n')?;
    let (username, password) = rest.split_once('\n')?;
    let is_over = Timestamp::from_millis(until.parse().ok()?) <= server.clock.now();
    (!is_over).then(|| (username.to_owned(), Secret::new(password.to_owned())))
}

/// `POST /logout`
pub(super) async fn log_out(
    request: &HttpRequest,
    server: &AuthorizationServer,
    payload: Payload,
) -> Outcome {
    // A browser leaves the cookie of the session away then, and would take an empty one in its
    // place.
    if site(request, &server.issuer) == Site::Other {
        return Err(Failure::Forged("a log-out from another site"));
    }
    if let Some(signed_in) = signed_in(request, server).await.map_err(AccessError::from)? {
        let form = Form::read(request, payload).await?;
        if !signed_in.may_send(request, server, form.text(CSRF_FIELD)) {
            return Err(Failure::Forged("a log-out without the token of the session"));
        }
        end_session(request, server).await?;
    }
    with_cookie(redirect(server, "/login?done=logged-out"), &clear_cookie(server))
}

fn with_cookie(mut response: HttpResponse, cookie: &str) -> Outcome {
    let value =
        HeaderValue::from_str(cookie).map_err(|error| Failure::Broken(error.to_string()))?;
    response.headers_mut().insert(SET_COOKIE, value);
    Ok(response)
}

/// Where the log-in is that leads to `path`.
pub(super) fn path_to(path: &str) -> String {
    if next(path) == "/dashboard" {
        "/login".to_owned()
    } else {
        format!("/login?next={}", encoded(path))
    }
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
            "/dashboard/clients/a%2Eb?x=/../",
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
            "/dashboard/../oauth/authorize",
            "/dashboard/%2e%2E/%2e./other",
            "/dashboard/..",
            "/dashboard/..//evil.example",
            "javascript:alert(1)",
            "/login",
        ] {
            assert_eq!(next(bad), "/dashboard", "{bad}");
        }
    }
}
