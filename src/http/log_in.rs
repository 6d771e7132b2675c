//! The start and the end of a session, as the JSON API and the dashboard share them.

use actix_web::HttpRequest;
use actix_web::http::header::USER_AGENT;

use super::act::{Refused, applied};
use super::extract::caller::caller_address;
use super::extract::session::cookie;
use crate::admin::Admin;
use crate::admin::session::{self, NewSession, Place};
use crate::authn::error::{AccessError, LogInError};
use crate::authn::log_in::{Credentials, log_in};
use crate::authn::session::recognize;
use crate::model::event::Actor;
use crate::oauth::AuthorizationServer;
use crate::oauth::request::network_of;

/// Begins a session, ends the one whose cookie the request carries, and waits until this node has
/// applied both. The caller sets the cookie
/// ([`set_cookie`](super::extract::session::set_cookie)).
///
/// # Errors
/// See [`LogInError`].
pub async fn begin_session(
    request: &HttpRequest,
    server: &AuthorizationServer,
    credentials: Credentials,
) -> Result<NewSession, LogInError> {
    let from = caller_address(request, &server.inbound);
    let user_agent =
        request.headers().get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let place = Place { address: from, user_agent: user_agent.unwrap_or_default().into_owned() };
    let begun = log_in(&server.context, credentials, network_of(from), place).await?;
    if let Err(error) = end_session(request, server).await {
        // It expires by itself.
        log::warn!("cannot end the previous session of this browser: {error:?}");
    }
    let applied = applied(server, &server.context.admin).await;
    applied
        .map(|()| begun)
        .map_err(|_| LogInError::Unavailable("this node has not applied the change yet".to_owned()))
}

/// Ends the session whose cookie the request carries, if any, and waits until this node has applied
/// that.
///
/// # Errors
/// The session cannot be looked up or ended, or this node has not applied the change yet.
pub async fn end_session(
    request: &HttpRequest,
    server: &AuthorizationServer,
) -> Result<(), Refused> {
    let Ok(Some(presented)) = cookie(request, server) else { return Ok(()) };
    let Ok(known) = recognize(&server.context, presented).await.map_err(AccessError::from)? else {
        return Ok(());
    };
    let admin = Admin { actor: Actor::User(known.user.id.clone()), ..server.context.admin.clone() };
    session::log_out(&admin, &known.user.id, &known.session.id).await?;
    applied(server, &admin).await
}
