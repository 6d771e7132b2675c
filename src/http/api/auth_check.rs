//! `GET /auth/check`: lets a proxy (nginx `auth_request`, Caddy and Traefik `forward_auth`) protect
//! any API.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use url::form_urlencoded;

use super::me;
use crate::authn::caller;
use crate::authn::demand::{Demand, NeededScopes};
use crate::authn::error::{AccessError, TokenFailure};
use crate::http::error;
use crate::http::extract::presented;
use crate::http::headers::{JSON, NO_STORE};
use crate::model::api_key::Environments;
use crate::model::identity::Authenticated;
use crate::model::scope::ScopeSet;
use crate::oauth::AuthorizationServer;

const SUBJECT: HeaderName = HeaderName::from_static("x-auth-subject");
const KIND: HeaderName = HeaderName::from_static("x-auth-kind");
const SCOPE: HeaderName = HeaderName::from_static("x-auth-scope");

/// 200 when the caller is authenticated for every `resource` and holds every `scope` that the query
/// names; else 401 or 403 and nothing else, because nginx turns any other status into 500.
pub async fn check(request: HttpRequest, server: Data<AuthorizationServer>) -> HttpResponse {
    match authenticate(&request, &server).await {
        Ok(caller) => granted(&server, &caller).finish(),
        Err(refusal) => {
            error::access::check_response(&request, &server, &only_401_and_403(refusal))
        }
    }
}

/// The same for programs, which look into the body: who the caller is.
pub async fn check_and_tell(
    request: HttpRequest,
    server: Data<AuthorizationServer>,
) -> HttpResponse {
    match authenticate(&request, &server).await {
        Ok(caller) => {
            granted(&server, &caller).insert_header((CONTENT_TYPE, JSON)).body(me::json(&caller))
        }
        Err(refusal) => {
            error::access::check_response(&request, &server, &only_401_and_403(refusal))
        }
    }
}

fn granted(server: &AuthorizationServer, caller: &Authenticated) -> HttpResponseBuilder {
    server.context.metrics.access_granted.increment(1);
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CACHE_CONTROL, NO_STORE))
        .insert_header((SUBJECT, caller.identity.subject()))
        .insert_header((KIND, caller.kind()))
        .insert_header((SCOPE, caller.scopes.as_str()));
    response
}

async fn authenticate(
    request: &HttpRequest,
    server: &AuthorizationServer,
) -> Result<Authenticated, AccessError> {
    let presented = presented::credential(request, server)?;
    let asked = Asked::parse(request.query_string())?;
    let resources: Vec<&str> = asked.resources.iter().map(String::as_str).collect();
    let own = Demand::of(&server.context);
    let (resource, other_resources) = resources.split_first().unwrap_or((&own.resource, &[]));
    let demand = Demand {
        resource,
        other_resources,
        scopes: Some(NeededScopes::All(&asked.scopes)),
        environments: asked.environments.unwrap_or(own.environments),
        ..own
    };
    caller::authenticate(&server.context, &presented, demand).await
}

/// What the query asks for. A parameter that repeats asks for all of its values.
#[derive(Default)]
struct Asked {
    resources: Vec<String>,
    scopes: ScopeSet,
    /// Which API keys are accepted.
    environments: Option<Environments>,
}

impl Asked {
    fn parse(query: &str) -> Result<Self, AccessError> {
        // What nobody can hold, or be, is what the caller does not hold, or is not.
        let nobody = || AccessError::InsufficientScope(ScopeSet::default());
        let mut asked = Self::default();
        for (name, value) in
            form_urlencoded::parse(query.as_bytes()).filter(|(_, value)| !value.is_empty())
        {
            match &*name {
                "resource" => asked.resources.push(value.into_owned()),
                "scope" => {
                    let more = ScopeSet::parse(&value).map_err(|_| nobody())?;
                    asked.scopes = asked.scopes.union(&more);
                }
                "env" => {
                    let wanted = value.parse().map_err(|_| nobody())?;
                    // A key of two environments there is not.
                    if asked.environments.replace(wanted).is_some_and(|before| before != wanted) {
                        return Err(nobody());
                    }
                }
                _ => {}
            }
        }
        Ok(asked)
    }
}

fn only_401_and_403(error: AccessError) -> AccessError {
    match error {
        AccessError::InvalidRequest(what) => TokenFailure::Request(what).into(),
        AccessError::Unavailable(_) => TokenFailure::NotKnownNow.into(),
        other => other,
    }
}
