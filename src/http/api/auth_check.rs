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
        scopes: asked.scopes.as_ref().map(NeededScopes::All),
        environments: asked.environments.unwrap_or(own.environments),
    };
    caller::authenticate(&server.context, &presented, demand).await
}

/// Demands of a check. No demand is ever dropped: a proxy with a misspelt parameter would otherwise
/// let every valid credential through.
#[derive(Default)]
struct Asked {
    resources: Vec<String>,
    scopes: Option<ScopeSet>,
    /// Which API keys are accepted.
    environments: Option<Environments>,
}

impl Asked {
    /// Parses a query. Only `resource` may repeat; it asks for all of its values.
    ///
    /// # Errors
    /// [`AccessError::ImpossibleDemand`] for a parameter that is unknown, empty, repeated or
    /// invalid.
    fn parse(query: &str) -> Result<Self, AccessError> {
        let mut asked = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let refused = |why: &str| Err(impossible(why, &name));
            match &*name {
                "resource" | "scope" | "env" if value.is_empty() => return refused("empty"),
                "resource" => asked.resources.push(value.into_owned()),
                "scope" => match ScopeSet::parse(&value) {
                    Ok(_) if asked.scopes.is_some() => return refused("repeated"),
                    Ok(scopes) => asked.scopes = Some(scopes),
                    Err(_) => return refused("invalid"),
                },
                "env" => match value.parse() {
                    Ok(_) if asked.environments.is_some() => return refused("repeated"),
                    Ok(environments) => asked.environments = Some(environments),
                    Err(_) => return refused("invalid"),
                },
                _ => return refused("unknown"),
            }
        }
        Ok(asked)
    }
}

/// The refusal of a parameter, whose name the log gets. A longer one may be a secret.
fn impossible(why: &str, name: &str) -> AccessError {
    /// The longest name in a log line, in bytes.
    const LONGEST: usize = 32;
    let name = if name.len() <= LONGEST { name } else { "(a long name)" };
    AccessError::ImpossibleDemand(format!("{why} parameter: {name}"))
}

fn only_401_and_403(error: AccessError) -> AccessError {
    match error {
        AccessError::InvalidRequest(what) => TokenFailure::Request(what).into(),
        AccessError::Unavailable(_) => TokenFailure::NotKnownNow.into(),
        other => other,
    }
}
