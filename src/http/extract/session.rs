//! Session cookies: finds, sets and removes them, and finds the signed-in user for pages.

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::{
    CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HeaderValue, ORIGIN, TRANSFER_ENCODING,
};

use super::caller::caller_address;
use super::site::{Site, check_host, site};
use crate::admin::Admin;
use crate::authn::error::AccessError;
use crate::authn::session;
use crate::authn::session::PresentedSession;
use crate::clock::Timestamp;
use crate::directory::Unavailable;
use crate::model::event::Actor;
use crate::model::scope::ScopeSet;
use crate::model::session::{SessionId, is_cookie};
use crate::model::user::{Role, UserId, Username};
use crate::oauth::AuthorizationServer;
use crate::oauth::request::is_of_media_type;
use crate::secret::Secret;

/// Finds the session cookie of a request. Cookies of other programs with the same name are ignored.
///
/// # Errors
/// [`AccessError::InvalidRequest`] if there are two different ones: the intended one is unknown.
pub fn cookie<'a>(
    request: &'a HttpRequest,
    server: &AuthorizationServer,
) -> Result<Option<PresentedSession<'a>>, AccessError> {
    // Byte by byte: cookies of other programs may not be text.
    let values = request
        .headers()
        .get_all(COOKIE)
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
    let mut own = values.filter_map(|pair| {
        let value =
            pair.trim_ascii_start().strip_prefix(server.inbound.session_cookie.as_bytes())?;
        let value = value.trim_ascii_start().strip_prefix(b"=")?.trim_ascii();
        std::str::from_utf8(value).ok().filter(|value| is_cookie(value))
    });
    let Some(cookie) = own.next() else { return Ok(None) };
    if own.any(|other| other != cookie) {
        return Err(AccessError::InvalidRequest("The request has two session cookies; send one"));
    }
    let from = caller_address(request, &server.inbound);
    Ok(Some(PresentedSession { cookie, from }))
}

/// Checks that a request with a session cookie may change something: it comes from a page of this
/// server, in a form that a page of another site cannot send.
///
/// # Errors
/// If it may not.
pub fn check_change(
    request: &HttpRequest,
    server: &AuthorizationServer,
) -> Result<(), AccessError> {
    check_host(request, server)?;
    let from = site(request, server);
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        // Links lead here from other sites, and browsers send no `Origin` with them. They do with a
        // non-GET request that a proxy checks.
        let is_from_others = from == Site::Other && request.headers().contains_key(ORIGIN);
        return if is_from_others { Err(AccessError::OtherSite) } else { Ok(()) };
    }
    if from != Site::Own {
        return Err(AccessError::OtherSite);
    }
    let headers = request.headers();
    let has_body = headers.contains_key(TRANSFER_ENCODING)
        || headers.get(CONTENT_LENGTH).is_some_and(|length| length.as_bytes() != b"0");
    // No form sends DELETE.
    let content_type = headers.get(CONTENT_TYPE);
    if is_json(content_type)
        || is_merge_patch(content_type)
        || (request.method() == Method::DELETE && !has_body)
    {
        return Ok(());
    }
    Err(AccessError::InvalidRequest(
        "A change with a session cookie must be sent as application/json",
    ))
}

/// `true` for the content type of JSON.
#[must_use]
pub fn is_json(content_type: Option<&HeaderValue>) -> bool {
    is_of_type(content_type, b"application/json")
}

/// True for a JSON Merge Patch (RFC 7396), which no form can send either.
#[must_use]
pub fn is_merge_patch(content_type: Option<&HeaderValue>) -> bool {
    is_of_type(content_type, b"application/merge-patch+json")
}

fn is_of_type(content_type: Option<&HeaderValue>, expected: &[u8]) -> bool {
    content_type.is_some_and(|value| is_of_media_type(value.as_bytes(), expected))
}

/// The `Set-Cookie` value that sets the session cookie.
#[must_use]
pub fn set_cookie(server: &AuthorizationServer, cookie: &Secret) -> String {
    in_browser(server, cookie.expose(), server.context.admin.sessions.lifetime.as_secs())
}

/// The `Set-Cookie` value that removes it.
#[must_use]
pub fn clear_cookie(server: &AuthorizationServer) -> String {
    in_browser(server, "", 0)
}

/// Hidden from scripts, over TLS only if the server uses TLS, and not sent with forms of other
/// sites.
fn in_browser(server: &AuthorizationServer, value: &str, max_age: u64) -> String {
    let secure = if server.context.issuer.is_https() { "; Secure" } else { "" };
    let name = &server.inbound.session_cookie;
    format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}")
}

/// A user who is signed in by cookie.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The id.
    pub user: UserId,
    /// The username.
    pub username: Username,
    /// The role.
    pub role: Role,
    /// The id of the session, which is not secret.
    pub session: SessionId,
    /// The scopes of the user.
    pub scopes: ScopeSet,
    /// `true` if the user must set up a second factor before anything else.
    pub must_enroll: bool,
    /// The latest end of the session.
    pub expires_at: Timestamp,
    /// The token in the forms of their pages: see [`SignedIn::may_send`].
    pub csrf_token: String,
}

/// The user signed in by the cookie of `request`, if any; cookies of two sessions sign in no user.
/// Other credentials are ignored: this is for pages, `presented::credential` is for the API.
///
/// # Errors
/// If the session cannot be checked now.
pub async fn signed_in(
    request: &HttpRequest,
    server: &AuthorizationServer,
) -> Result<Option<SignedIn>, Unavailable> {
    if check_host(request, server).is_err() {
        return Ok(None);
    }
    let Ok(Some(presented)) = cookie(request, server) else { return Ok(None) };
    let Ok(known) = session::recognize(&server.context, presented).await? else { return Ok(None) };
    Ok(Some(SignedIn {
        user: known.user.id.clone(),
        username: known.user.username.clone(),
        role: known.user.role,
        session: known.session.id.clone(),
        scopes: session::scopes_of(&server.context, &known.user),
        must_enroll: session::must_enroll(&server.context, &known.user),
        expires_at: known.session.expires_at,
        csrf_token: session::csrf_token(&server.context, &known.session.id),
    }))
}

impl SignedIn {
    /// `true` if a form may change something for the user: it does not come from another site, and
    /// carries the token of this session.
    #[must_use]
    pub fn may_send(
        &self,
        request: &HttpRequest,
        server: &AuthorizationServer,
        csrf_token: &str,
    ) -> bool {
        site(request, server) != Site::Other
            && session::is_csrf_token(&server.context, &self.session, csrf_token)
    }

    /// The actor for changes by the user.
    #[must_use]
    pub fn admin(&self, server: &AuthorizationServer) -> Admin {
        Admin {
            actor: Actor::User(self.user.clone()),
            grantable: session::grantable(self.role, &self.scopes),
            ..server.context.admin.clone()
        }
    }
}
