//! `/login` and `/logout`. With a second factor a login has two steps.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER, SET_COOKIE};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::answer::{PageResult, page_with, redirect};
use super::failure::Failure;
use super::form::{CSRF_FIELD, FormFields};
use super::links::path_after_login;
use crate::authn::error::{AccessError, LogInError};
use crate::authn::log_in::Credentials;
use crate::clock::Timestamp;

use crate::http::error;
use crate::http::extract::session::{clear_cookie, set_cookie, signed_in};
use crate::http::extract::site::{Site, site};
use crate::http::log_in::{begin_session, end_session};
use crate::oauth::AuthorizationServer;
use crate::secret::Secret;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    base: &'a str,
    issuer: &'a str,
    username: &'a str,
    next: &'a str,
    problem: Option<String>,
    has_logged_out: bool,
}

/// `GET /login`
pub(super) async fn show(request: &HttpRequest, server: &AuthorizationServer) -> PageResult {
    let query = FormFields::from_query(request.query_string());
    let next = path_after_login(query.text("next"));
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
) -> PageResult {
    let (base, issuer) = (server.context.issuer.path(), server.context.issuer.as_str());
    page_with(status, &LoginPage { base, issuer, username, next, problem, has_logged_out })
}

/// `POST /login`
pub(super) async fn log_in(
    request: &HttpRequest,
    server: &AuthorizationServer,
    payload: Payload,
) -> PageResult {
    // Another site must not log its visitor in as someone else.
    if site(request, server) == Site::Other {
        return Err(Failure::Forged("a log-in from another site"));
    }
    let posted = FormFields::read(request, payload).await?;
    let next = path_after_login(posted.text("next"));
    let Some((username, password, code)) = typed(server, &posted) else {
        let problem = Some("The log-in timed out. Log in again.".to_owned());
        return form(server, "", next, problem, false, StatusCode::BAD_REQUEST);
    };
    let has_code = code.is_some();
    let credentials = Credentials { username: username.clone(), password: password.clone(), code };
    let error = match begin_session(request, server, credentials).await {
        Ok(begun) => {
            return with_cookie(redirect(server, next), &set_cookie(server, &begun.cookie));
        }
        Err(LogInError::CodeNeeded) if !has_code => {
            return code_form(server, &username, &password, next, None, StatusCode::OK);
        }
        Err(error) => error,
    };
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

/// The username, the password and the code of a form; in the second step, username and password
/// are those of the first. `None` if that was too long ago.
fn typed(
    server: &AuthorizationServer,
    posted: &FormFields,
) -> Option<(String, Secret, Option<Secret>)> {
    match posted.text(STEP_FIELD) {
        "" => {
            let password = Secret::new(posted.raw("password").to_owned());
            Some((posted.text("username").to_owned(), password, None))
        }
        step => {
            let (username, password) = open_step(server, step)?;
            Some((username, password, Some(Secret::new(posted.text("code").to_owned()))))
        }
    }
}

/// The field that carries the sealed first step to the second.
const STEP_FIELD: &str = "step";

/// The time to enter the code.
const STEP_TTL: Duration = Duration::from_mins(10);

/// The purpose that the first step is sealed for: no other sealed value opens as one.
const STEP_PLACE: &str = "log-in";

#[derive(Template)]
#[template(path = "login-code.html")]
struct CodePage<'a> {
    base: &'a str,
    next: &'a str,
    step: &'a str,
    problem: Option<String>,
}

/// Asks for the code. The page carries username and password sealed: it never holds a plain
/// password, and no node has to remember one.
fn code_form(
    server: &AuthorizationServer,
    username: &str,
    password: &Secret,
    next: &str,
    problem: Option<String>,
    status: StatusCode,
) -> PageResult {
    let until = server.context.clock.now().plus(STEP_TTL).as_millis();
    let plain = Secret::new(format!("{until}\n{username}\n{}", password.expose()));
    let step = server.context.admin.sealing.seal(STEP_PLACE, plain.expose().as_bytes());
    let step = step.map_err(|error| Failure::Broken(error.to_string()))?;
    page_with(status, &CodePage { base: server.context.issuer.path(), next, step: &step, problem })
}

/// The username and password of the first step; `None` if it is not from here or too old.
fn open_step(server: &AuthorizationServer, step: &str) -> Option<(String, Secret)> {
    let opened = server.context.admin.sealing.open(STEP_PLACE, step).ok()?;
    let (until, rest) = std::str::from_utf8(&opened).ok()?.split_once('\n')?;
    let (username, password) = rest.split_once('\n')?;
    let is_over = Timestamp::from_millis(until.parse().ok()?) <= server.context.clock.now();
    (!is_over).then(|| (username.to_owned(), Secret::new(password.to_owned())))
}

/// `POST /logout`
pub(super) async fn log_out(
    request: &HttpRequest,
    server: &AuthorizationServer,
    payload: Payload,
) -> PageResult {
    // From another site a browser sends no session cookie, yet would accept the empty one.
    if site(request, server) == Site::Other {
        return Err(Failure::Forged("a log-out from another site"));
    }
    if let Some(signed_in) = signed_in(request, server).await.map_err(AccessError::from)? {
        let form = FormFields::read(request, payload).await?;
        if !signed_in.may_send(request, server, form.text(CSRF_FIELD)) {
            return Err(Failure::Forged("a log-out without the token of the session"));
        }
        end_session(request, server).await?;
    }
    with_cookie(redirect(server, "/login?done=logged-out"), &clear_cookie(server))
}

fn with_cookie(mut response: HttpResponse, cookie: &str) -> PageResult {
    let value =
        HeaderValue::from_str(cookie).map_err(|error| Failure::Broken(error.to_string()))?;
    response.headers_mut().insert(SET_COOKIE, value);
    Ok(response)
}
