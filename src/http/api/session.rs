//! `/api/v1/session`: log-in and log-out of a browser.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, SET_COOKIE};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::input::read_form_or_json;
use super::me;
use crate::authn::error::AccessError;
use crate::authn::log_in::Credentials;
use crate::authn::session::{authenticated, scopes_of};
use crate::http::act::Outcome;
use crate::http::extract::session::{clear_cookie, cookie, set_cookie};
use crate::http::extract::site::{Site, check_host, site};
use crate::http::headers::{JSON, NO_STORE};
use crate::http::log_in::{begin_session, end_session};
use crate::oauth::AuthorizationServer;
use crate::secret::Secret;

type Server = Data<AuthorizationServer>;

/// The credentials of a user.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LogInInput {
    username: String,
    password: Secret,
    /// A code of the second factor, or a recovery code.
    code: Option<Secret>,
}

/// `POST /api/v1/session`: begins a session and sets its cookie.
pub async fn log_in(request: HttpRequest, server: Server, payload: Payload) -> Outcome {
    // A foreign page must not log its visitors in as another user.
    check_host(&request, &server)?;
    if site(&request, &server) == Site::Other {
        return Err(AccessError::OtherSite.into());
    }
    let input: LogInInput = read_form_or_json(&request, payload).await?;
    let credentials =
        Credentials { username: input.username, password: input.password, code: input.code };
    let begun = begin_session(&request, &server, credentials).await?;
    let caller =
        authenticated(&begun.session, &begun.user, scopes_of(&server.context, &begun.user));
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, JSON))
        .insert_header((CACHE_CONTROL, NO_STORE))
        .insert_header((SET_COOKIE, set_cookie(&server, &begun.cookie)))
        .body(me::json(&caller)))
}

/// `DELETE /api/v1/session`: ends the session of the cookie, and succeeds if it has ended already.
pub async fn log_out(request: HttpRequest, server: Server) -> Outcome {
    // A form cannot send DELETE, and a script of a foreign page must not. A request that names no
    // site does not come from a browser.
    check_host(&request, &server)?;
    if site(&request, &server) == Site::Other {
        return Err(AccessError::OtherSite.into());
    }
    if cookie(&request, &server)?.is_none() {
        return Err(AccessError::Missing.into());
    }
    end_session(&request, &server).await?;
    Ok(HttpResponse::NoContent()
        .insert_header((CACHE_CONTROL, NO_STORE))
        .insert_header((SET_COOKIE, clear_cookie(&server)))
        .finish())
}
