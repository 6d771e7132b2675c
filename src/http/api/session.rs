//! `/api/v1/session`: logging in and out.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, SET_COOKIE, USER_AGENT};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::administration::{self, Outcome, Refused, applied};
use super::me;
use crate::admin::Admin;
use crate::admin::session::{self, NewSession, Place};
use crate::authn::caller::AccessError;
use crate::authn::log_in;
use crate::authn::log_in::{Credentials, LogInError};
use crate::authn::session::{authenticated, recognise, scopes_of};
use crate::http::error;
use crate::http::extract::caller::caller_address;
use crate::http::extract::session::{clear_cookie, cookie, set_cookie};
use crate::http::extract::site::{Site, site};
use crate::http::headers::{JSON, NO_STORE};
use crate::model::event::Actor;
use crate::oauth::AuthorizationServer;
use crate::oauth::request::network_of;
use crate::secret::Secret;

type Server = Data<AuthorizationServer>;

/// What somebody logs in with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LogInInput {
    username: String,
    password: Secret,
    /// Of the second factor, where there is one; or a recovery code.
    code: Option<Secret>,
}

/// `POST /api/v1/session`: logs somebody in, whose browser gets a cookie.
pub async fn log_in(request: HttpRequest, server: Server, payload: Payload) -> HttpResponse {
    match do_log_in(&request, &server, payload).await {
        Ok(response) => response,
        Err(refused) => error::administration(&request, &server, &refused),
    }
}

async fn do_log_in(
    request: &HttpRequest,
    server: &AuthorizationServer,
    payload: Payload,
) -> Outcome {
    // Nobody is to find themselves logged in as somebody else because of a page that they look at.
    if site(request, &server.issuer) == Site::Other {
        return Err(AccessError::OtherSite.into());
    }
    let input: LogInInput = administration::read_form_or_json(request, payload).await?;
    let credentials =
        Credentials { username: input.username, password: input.password, code: input.code };
    let begun = begin(request, server, credentials).await?;
    let caller = authenticated(&begun.session, &begun.user, scopes_of(server, &begun.user));
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, JSON))
        .insert_header((CACHE_CONTROL, NO_STORE))
        .insert_header((SET_COOKIE, set_cookie(server, &begun.cookie)))
        .body(me::json(&caller)))
}

/// Logs somebody in, ends the session that they were in before, whoever it was, and waits until
/// this node has applied both. Pages do this too, and tell the browser with [`set_cookie`].
///
/// # Errors
/// See [`LogInError`].
pub async fn begin(
    request: &HttpRequest,
    server: &AuthorizationServer,
    credentials: Credentials,
) -> Result<NewSession, LogInError> {
    let from = caller_address(request, &server.trusted_proxies);
    let user_agent =
        request.headers().get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let place = Place { address: from, user_agent: user_agent.unwrap_or_default().into_owned() };
    let begun = log_in::log_in(server, credentials, network_of(from), place).await?;
    if let Err(error) = end(request, server).await {
        // It ends by itself.
        log::warn!("cannot end the session that somebody was in before: {error:?}");
    }
    let applied = applied(server, &server.admin).await;
    applied.map(|()| begun).map_err(|_| LogInError::Unavailable("this node lags".to_owned()))
}

/// `DELETE /api/v1/session`: logs out whoever is logged in. It is no error when the session is over
/// already.
pub async fn log_out(request: HttpRequest, server: Server) -> HttpResponse {
    match do_log_out(&request, &server).await {
        Ok(response) => response,
        Err(refused) => error::administration(&request, &server, &refused),
    }
}

async fn do_log_out(request: &HttpRequest, server: &AuthorizationServer) -> Outcome {
    // No form deletes anything, and no page of others may: what says nothing of itself is no
    // browser.
    if site(request, &server.issuer) == Site::Other {
        return Err(AccessError::OtherSite.into());
    }
    if cookie(request, server)?.is_none() {
        return Err(AccessError::Missing.into());
    }
    end(request, server).await?;
    Ok(HttpResponse::NoContent()
        .insert_header((CACHE_CONTROL, NO_STORE))
        .insert_header((SET_COOKIE, clear_cookie(server)))
        .finish())
}

/// Ends the session that a request brings the cookie of, if there is one, and waits until this node
/// has applied that.
///
/// # Errors
/// When it could not be done.
pub async fn end(request: &HttpRequest, server: &AuthorizationServer) -> Result<(), Refused> {
    let Ok(Some(presented)) = cookie(request, server) else { return Ok(()) };
    let Ok(known) = recognise(server, presented).await.map_err(AccessError::from)? else {
        return Ok(());
    };
    let admin = Admin { actor: Actor::User(known.user.id.clone()), ..server.admin.clone() };
    session::log_out(&admin, &known.user.id, &known.session.id).await?;
    applied(server, &admin).await
}
