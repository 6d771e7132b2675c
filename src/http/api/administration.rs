//! What every administrative request has in common: whoever calls holds a scope of Mintery's own
//! and acts with no more than the scopes that they hold; a body is JSON; an answer comes after this
//! node has applied the change.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, LOCATION};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::admin::api_key::Repeatable;
use crate::admin::json::object;
use crate::admin::{Admin, AdminError, user};
use crate::authn::caller;
use crate::authn::caller::{AccessError, Demand, Presented};
use crate::authn::log_in::LogInError;
use crate::authn::session::grantable;
use crate::http::error;
use crate::http::extract::body::{self, BodyError};
use crate::http::extract::presented;
use crate::http::extract::session::is_json;
use crate::http::headers::{JSON, NO_STORE};
use crate::model::api_key::KeyOwner;
use crate::model::event::Actor;
use crate::model::principal::{Authenticated, Credential, Principal};
use crate::model::scope::ScopeSet;
use crate::model::session::SessionId;
use crate::model::user::{SecondFactorRule, UserId, Username};
use crate::oauth::AuthorizationServer;
use crate::oauth::request::is_form;

/// By what a request is known again that may be sent again.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Why an administrative request is refused.
#[derive(Debug)]
pub enum Refused {
    /// Whoever calls may not.
    Access(AccessError),
    /// It is not signed, or by nobody who is known.
    NotSigned,
    /// The body cannot be read.
    Body(BodyError),
    /// A password or a code is not right, or that cannot be told.
    LogIn(LogInError),
    /// The act was not done, or what is asked for makes no sense.
    Admin(AdminError),
    /// The act was done, and this node does not follow.
    Unavailable(String),
}

impl From<AccessError> for Refused {
    fn from(error: AccessError) -> Self {
        Self::Access(error)
    }
}

impl From<LogInError> for Refused {
    fn from(error: LogInError) -> Self {
        Self::LogIn(error)
    }
}

impl From<AdminError> for Refused {
    fn from(error: AdminError) -> Self {
        Self::Admin(error)
    }
}

/// What a handler comes to.
pub type Outcome = Result<HttpResponse, Refused>;

/// Recognises whoever calls, who must hold `scope`, and gives them what acts in their name.
pub async fn authorize(
    request: &HttpRequest,
    server: &AuthorizationServer,
    scope: &'static str,
) -> Result<Admin, Refused> {
    authorize_look(request, server, scope, true).await
}

/// The same at the first look at a request, or at another one.
async fn authorize_look(
    request: &HttpRequest,
    server: &AuthorizationServer,
    scope: &'static str,
    is_first: bool,
) -> Result<Admin, Refused> {
    let presented = presented::credential(request, server)?;
    let needed = needed(scope)?;
    let demand = Demand { scopes: Some(&needed), is_first, ..Demand::of(server) };
    let caller = caller::authenticate(server, &presented, demand).await?;
    Ok(acting(server, caller))
}

/// A scope that is needed. One that cannot be read is one that nobody holds.
fn needed(scope: &'static str) -> Result<ScopeSet, AccessError> {
    ScopeSet::parse(scope).map_err(|_| AccessError::InsufficientScope(ScopeSet::default()))
}

/// What acts in the name of a caller.
fn acting(server: &AuthorizationServer, caller: Authenticated) -> Admin {
    let (actor, grantable) = match (caller.principal, caller.credential) {
        (principal, Credential::KeyToken { key } | Credential::ApiKey { id: key, .. }) => {
            let owner = match principal {
                Principal::Client { id, .. } => KeyOwner::Client(id),
                Principal::User { id, .. } => KeyOwner::User(id),
            };
            (Actor::ApiKey { key, owner }, Some(caller.scopes))
        }
        (Principal::Client { id, .. }, _) => (Actor::Client(id), Some(caller.scopes)),
        (Principal::User { id, role, .. }, _) => (Actor::User(id), grantable(role, &caller.scopes)),
    };
    Admin { actor, grantable, ..server.admin.clone() }
}

/// Somebody who looks after what is theirs, or after what is anybody's.
#[derive(Debug)]
pub struct Person {
    /// What acts in their name.
    pub admin: Admin,
    /// Who is logged in; nobody where the caller is no person.
    pub own: Option<OwnSession>,
    /// Whether they hold the scope that what is anybody's takes.
    pub may_all: bool,
}

/// The session that somebody asks in.
#[derive(Debug, Clone)]
pub struct OwnSession {
    /// Who.
    pub user: UserId,
    /// What they log in with.
    pub username: Username,
    /// Its id.
    pub session: SessionId,
}

/// Recognises whoever calls, and whether they hold `scope`: what is their own they may see and
/// change in a session without it.
pub async fn authorize_person(
    request: &HttpRequest,
    server: &AuthorizationServer,
    scope: &'static str,
) -> Result<Person, Refused> {
    authorize_person_look(request, server, scope, true).await
}

/// The same at the first look at a request, or at another one.
pub async fn authorize_person_look(
    request: &HttpRequest,
    server: &AuthorizationServer,
    scope: &'static str,
    is_first: bool,
) -> Result<Person, Refused> {
    let presented = presented::credential(request, server)?;
    let is_session = matches!(presented, Presented::Session(_));
    let needed = needed(scope)?;
    // In a session the rest is asked below; where there is none the scope is needed in any case.
    let scopes = (!is_session).then_some(&needed);
    let demand = Demand { scopes, is_first, ..Demand::of(server) };
    let caller = caller::authenticate(server, &presented, demand).await?;
    let own = match (&caller.principal, &caller.credential) {
        (Principal::User { id, name, .. }, Credential::Session(session)) => {
            Some(OwnSession { user: id.clone(), username: name.clone(), session: session.clone() })
        }
        _ => None,
    };
    let may_all = needed.is_subset_of(&caller.scopes);
    Ok(Person { admin: acting(server, caller), own, may_all })
}

impl Person {
    /// Refuses whoever does not hold `scope`.
    pub fn demand(&self, scope: &'static str) -> Result<(), AccessError> {
        if self.may_all { Ok(()) } else { Err(AccessError::InsufficientScope(needed(scope)?)) }
    }

    /// The session of whoever asks about what is their own.
    ///
    /// # Errors
    /// When they are no person, or must have a second factor first.
    pub async fn own(&self) -> Result<&OwnSession, Refused> {
        let own = self.own.as_ref().ok_or(AccessError::InsufficientScope(ScopeSet::default()))?;
        let rule = self.admin.sessions.second_factor;
        if rule != SecondFactorRule::Nobody
            && rule.is_missing(&user::show(&self.admin, &own.user).await?)
        {
            return Err(AccessError::MustEnrol.into());
        }
        Ok(own)
    }
}

/// The same with a body, after which whoever calls must still be allowed to: a body can take its
/// time.
pub async fn authorize_and_read<T: DeserializeOwned>(
    request: &HttpRequest,
    server: &AuthorizationServer,
    scope: &'static str,
    payload: Payload,
) -> Result<(Admin, T), Refused> {
    authorize(request, server, scope).await?;
    let input = read(request, payload).await?;
    Ok((authorize_look(request, server, scope, false).await?, input))
}

/// Reads a body of a request that may be sent again (`Idempotency-Key`), and that by which it is
/// known again then.
pub async fn read_repeatable<T: DeserializeOwned>(
    request: &HttpRequest,
    server: &AuthorizationServer,
    payload: Payload,
) -> Result<(T, Option<Repeatable>), Refused> {
    let key = idempotency_key(request)?;
    let body = body::read(request, payload).await.map_err(Refused::Body)?;
    let repeatable = key.map(|key| Repeatable { key, request_digest: digest(server, &body) });
    Ok((parse(request, &body)?, repeatable))
}

/// By what a request is known again that may be sent again.
fn idempotency_key(request: &HttpRequest) -> Result<Option<String>, AdminError> {
    /// The longest that is kept.
    const MOST: usize = 255;
    let mut values = request.headers().get_all(IDEMPOTENCY_KEY);
    let Some(value) = values.next() else { return Ok(None) };
    let key = value
        .to_str()
        .ok()
        .filter(|key| (1..=MOST).contains(&key.len()) && values.next().is_none());
    let reason = "Idempotency-Key is given once, and has 1 to 255 printable ASCII characters";
    key.map(|key| Some(key.to_owned())).ok_or_else(|| AdminError::Invalid(reason.to_owned()))
}

/// By what another request is told from this one.
fn digest(server: &AuthorizationServer, body: &[u8]) -> String {
    server.admin.api_keys.digests.digest_bytes(body).to_text()
}

/// Reads a body of JSON. No body is an empty object.
pub async fn read<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: Payload,
) -> Result<T, Refused> {
    let body = body::read(request, payload).await.map_err(Refused::Body)?;
    Ok(parse(request, &body)?)
}

/// The same of what may be sent as a form too.
///
/// # Errors
/// As there.
pub async fn read_form_or_json<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: Payload,
) -> Result<T, Refused> {
    let body = body::read(request, payload).await.map_err(Refused::Body)?;
    if !request.headers().get(CONTENT_TYPE).is_some_and(|kind| is_form(kind.as_bytes())) {
        return Ok(parse(request, &body)?);
    }
    // What was sent is not repeated: it may be a password.
    let wrong =
        |_| AdminError::Invalid("the form lacks a field, or has one twice or too many".to_owned());
    Ok(serde_urlencoded::from_bytes(&body).map_err(wrong)?)
}

fn parse<T: DeserializeOwned>(request: &HttpRequest, body: &[u8]) -> Result<T, AdminError> {
    if body.is_empty() {
        return object::parse("{}");
    }
    if !is_json(request.headers().get(CONTENT_TYPE)) {
        return Err(AdminError::Invalid("the body must be application/json".to_owned()));
    }
    let text = std::str::from_utf8(body);
    object::parse(text.map_err(|_| AdminError::Invalid("the body is not UTF-8".to_owned()))?)
}

/// An answer in JSON.
pub fn json(status: StatusCode, value: &impl Serialize) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((CONTENT_TYPE, JSON))
        .insert_header((CACHE_CONTROL, NO_STORE))
        .body(serde_json::to_vec(value).unwrap_or_default())
}

/// The answer with all there is of something, which is not so much that it would come in pages.
pub fn list<T: Serialize>(items: impl Iterator<Item = T>) -> HttpResponse {
    #[derive(Serialize)]
    struct List<T> {
        items: Vec<T>,
    }
    json(StatusCode::OK, &List { items: items.collect() })
}

/// The answer to something that was made, which is found at `path` from now on.
pub fn created(server: &AuthorizationServer, path: &str, value: &impl Serialize) -> HttpResponse {
    let mut response = json(StatusCode::CREATED, value);
    if let Ok(location) = server.issuer.endpoint(path).parse() {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// The answer to something that is no more.
pub fn gone() -> HttpResponse {
    HttpResponse::NoContent().insert_header((CACHE_CONTROL, NO_STORE)).finish()
}

/// Waits until this node has applied what it committed: no request that begins later sees the old
/// state here.
pub async fn applied(server: &AuthorizationServer, admin: &Admin) -> Result<(), Refused> {
    let committed = *admin.store.commits().borrow();
    server
        .directory
        .catch_up(committed)
        .await
        .map_err(|error| Refused::Unavailable(error.to_string()))
}

/// The answer to `outcome`.
pub fn answer(
    request: &HttpRequest,
    server: &AuthorizationServer,
    outcome: Outcome,
) -> HttpResponse {
    match outcome {
        Ok(response) => {
            server.metrics.access_granted.increment(1);
            response
        }
        Err(refused) => error::administration(request, server, &refused),
    }
}
