//! What every administrative request has in common: whoever calls holds a scope of Mintery's own and acts with no more than
//! the scopes that they hold; a body is JSON; an answer comes after this node has applied the change.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, LOCATION};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::admin::api_key::Repeatable;
use crate::admin::{Admin, AdminError, json_object};
use crate::http::error;
use crate::http::extract::body::{self, BodyError};
use crate::http::extract::presented;
use crate::http::headers::{JSON, NO_STORE};
use crate::model::api_key::KeyOwner;
use crate::model::event::Actor;
use crate::model::principal::{Credential, Principal};
use crate::model::scope::ScopeSet;
use crate::oauth::AuthorizationServer;
use crate::oauth::bearer::{self, AccessError, Demand};

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
    // A scope that cannot be read is one that nobody holds.
    let needed = ScopeSet::parse(scope).map_err(|_| AccessError::InsufficientScope(ScopeSet::default()))?;
    let demand = Demand { scopes: Some(&needed), is_first, ..Demand::of(server) };
    let caller = bearer::authenticate(server, &presented, demand).await?;
    let Principal::Client { id, .. } = caller.principal;
    let actor = match caller.credential {
        Credential::AccessToken => Actor::Client(id),
        Credential::KeyToken { key } | Credential::ApiKey { id: key, .. } => {
            Actor::ApiKey { key, owner: KeyOwner::Client(id) }
        }
    };
    Ok(Admin { actor, grantable: Some(caller.scopes), ..server.admin.clone() })
}

/// The same with a body, after which whoever calls must still be allowed to: a body can take its time.
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

/// The same of a request that may be sent again (`Idempotency-Key`) and is known again then.
pub async fn authorize_and_read_repeatable<T: DeserializeOwned>(
    request: &HttpRequest,
    server: &AuthorizationServer,
    scope: &'static str,
    payload: Payload,
) -> Result<(Admin, T, Option<Repeatable>), Refused> {
    authorize(request, server, scope).await?;
    let key = idempotency_key(request)?;
    let body = body::read(request, payload).await.map_err(Refused::Body)?;
    let repeatable = key.map(|key| Repeatable { key, request_digest: digest(server, &body) });
    let input = parse(request, &body)?;
    Ok((authorize_look(request, server, scope, false).await?, input, repeatable))
}

/// By what a request is known again that may be sent again.
fn idempotency_key(request: &HttpRequest) -> Result<Option<String>, AdminError> {
    /// The longest that is kept.
    const MOST: usize = 255;
    let mut values = request.headers().get_all(IDEMPOTENCY_KEY);
    let Some(value) = values.next() else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| (1..=MOST).contains(&key.len()) && values.next().is_none());
    let reason = "Idempotency-Key is given once, and has 1 to 255 printable ASCII characters";
    key.map(|key| Some(key.to_owned())).ok_or_else(|| AdminError::Invalid(reason.to_owned()))
}

/// By what another request is told from this one.
fn digest(server: &AuthorizationServer, body: &[u8]) -> String {
    server.admin.api_keys.digests.digest_bytes(body).to_text()
}

/// Reads a body of JSON. No body is an empty object.
async fn read<T: DeserializeOwned>(request: &HttpRequest, payload: Payload) -> Result<T, Refused> {
    let body = body::read(request, payload).await.map_err(Refused::Body)?;
    Ok(parse(request, &body)?)
}

fn parse<T: DeserializeOwned>(request: &HttpRequest, body: &[u8]) -> Result<T, AdminError> {
    let content_type = request.headers().get(CONTENT_TYPE).map(|value| value.as_bytes().to_ascii_lowercase());
    let is_json = content_type.is_some_and(|value| {
        value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii() == b"application/json"
    });
    if body.is_empty() {
        return json_object::parse("{}");
    }
    if !is_json {
        return Err(AdminError::Invalid("the body must be application/json".to_owned()));
    }
    let text = std::str::from_utf8(body);
    json_object::parse(text.map_err(|_| AdminError::Invalid("the body is not UTF-8".to_owned()))?)
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

/// Waits until this node has applied what it committed: no request that begins later sees the old state here.
pub async fn applied(server: &AuthorizationServer, admin: &Admin) -> Result<(), Refused> {
    let committed = *admin.store.commits().borrow();
    server.directory.catch_up(committed).await.map_err(|error| Refused::Unavailable(error.to_string()))
}

/// The answer to `outcome`.
pub fn answer(request: &HttpRequest, server: &AuthorizationServer, outcome: Outcome) -> HttpResponse {
    match outcome {
        Ok(response) => {
            server.metrics.access_granted.increment(1);
            response
        }
        Err(refused) => error::administration(request, server, &refused),
    }
}
