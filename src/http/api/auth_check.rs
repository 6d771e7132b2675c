//! `/auth/check`: lets a proxy (nginx `auth_request`, Caddy and Traefik `forward_auth`, Envoy and
//! Istio `ext_authz`) protect any API.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use url::form_urlencoded;

use super::me;
use crate::authn::caller;
use crate::authn::demand::{Demand, NeededScopes};
use crate::authn::error::{AccessError, TokenFailure};
use crate::http::check_paths::Tells;
use crate::http::error;
use crate::http::extract::caller::{caller as from_where, is_from_proxy};
use crate::http::extract::presented;
use crate::http::headers::{JSON, NO_STORE};
use crate::model::api_key::Environments;
use crate::model::identity::Authenticated;
use crate::model::scope::ScopeSet;
use crate::oauth::AuthorizationServer;

const SUBJECT: HeaderName = HeaderName::from_static("x-auth-subject");
const KIND: HeaderName = HeaderName::from_static("x-auth-kind");
const SCOPE: HeaderName = HeaderName::from_static("x-auth-scope");
const ADDRESS: HeaderName = HeaderName::from_static("x-auth-address");

/// The beginning of headers by which a proxy demands something of the caller.
const REQUIRE: &str = "x-auth-require-";

/// 200 if the caller is authenticated for every `resource` and holds every `scope` of the query;
/// otherwise 401 or 403, and nothing else, because nginx turns any other status into 500.
pub async fn check(request: HttpRequest, server: Data<AuthorizationServer>) -> HttpResponse {
    let asked = Asked::in_query(&request);
    answer(&request, &server, asked, Tells::Proxy).await
}

/// The same for programs.
pub async fn check_and_tell(
    request: HttpRequest,
    server: Data<AuthorizationServer>,
) -> HttpResponse {
    let asked = Asked::in_query(&request);
    answer(&request, &server, asked, Tells::Program).await
}

/// The same for proxies that append the path and the query of the caller (Envoy and Istio
/// `ext_authz`). The query is the caller's, so only headers of a trusted proxy demand.
pub async fn check_below(
    request: HttpRequest,
    server: Data<AuthorizationServer>,
    tells: Tells,
) -> HttpResponse {
    let asked = Asked::in_headers(&request, &server);
    answer(&request, &server, asked, tells).await
}

async fn answer(
    request: &HttpRequest,
    server: &AuthorizationServer,
    asked: Result<Asked, AccessError>,
    tells: Tells,
) -> HttpResponse {
    let caller = match authenticate(request, server, asked).await {
        Ok(caller) => caller,
        Err(refusal) => {
            return error::access::check_response(request, server, &only_401_and_403(refusal));
        }
    };
    server.context.metrics.access_granted.increment(1);
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CACHE_CONTROL, NO_STORE))
        .insert_header((SUBJECT, caller.identity.subject()))
        .insert_header((KIND, caller.kind()))
        .insert_header((SCOPE, caller.scopes.as_str()));
    // An uncertain address must not decide anything.
    if let Some(from) = from_where(request, &server.inbound).filter(|from| from.is_certain) {
        response.insert_header((ADDRESS, from.address.to_string()));
    }
    match tells {
        Tells::Proxy => response.finish(),
        Tells::Program => response.insert_header((CONTENT_TYPE, JSON)).body(me::json(&caller)),
    }
}

async fn authenticate(
    request: &HttpRequest,
    server: &AuthorizationServer,
    asked: Result<Asked, AccessError>,
) -> Result<Authenticated, AccessError> {
    let presented = presented::credential(request, server)?;
    let asked = asked?;
    let resources: Vec<&str> = asked.resources.iter().map(String::as_str).collect();
    let own = Demand::of(&server.context);
    let (resource, other_resources) = resources.split_first().unwrap_or((&own.resource, &[]));
    let demand = Demand {
        resource,
        other_resources,
        scopes: asked.scopes.as_ref().map(NeededScopes::All),
        environments: asked.environments.unwrap_or(own.environments),
        ..own
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
    /// Reads the query. A demand in a header would not count, so it is refused.
    fn in_query(request: &HttpRequest) -> Result<Self, AccessError> {
        if let Some((header, _)) = required(request).next() {
            return Err(impossible("misplaced header", header.as_str()));
        }
        let mut asked = Self::default();
        for (name, value) in form_urlencoded::parse(request.query_string().as_bytes()) {
            asked
                .add(&name, &value)
                .map_err(|why| impossible(&format!("{why} parameter"), &name))?;
        }
        Ok(asked)
    }

    /// Reads the headers of a trusted proxy. Those of anyone else would not count.
    fn in_headers(
        request: &HttpRequest,
        server: &AuthorizationServer,
    ) -> Result<Self, AccessError> {
        let is_trusted = is_from_proxy(request, &server.inbound.trusted_proxies);
        let mut asked = Self::default();
        for (header, value) in required(request) {
            if !is_trusted {
                return Err(impossible("not from a trusted proxy: header", header.as_str()));
            }
            let added = match (header.as_str().strip_prefix(REQUIRE), value.to_str()) {
                (Some(name @ ("scope" | "resource")), Ok(value)) => asked.add(name, value),
                (Some("scope" | "resource"), Err(_)) => Err("invalid"),
                _ => Err("unknown"),
            };
            added.map_err(|why| impossible(&format!("{why} header"), header.as_str()))?;
        }
        Ok(asked)
    }

    /// Adds a demand. Only `resource` may repeat; it asks for all of its values.
    ///
    /// # Errors
    /// The demand is unknown, empty, repeated or invalid.
    fn add(&mut self, name: &str, value: &str) -> Result<(), &'static str> {
        match name {
            "resource" | "scope" | "env" if value.is_empty() => return Err("empty"),
            "resource" => self.resources.push(value.to_owned()),
            "scope" => {
                let scopes = ScopeSet::parse(value).map_err(|_| "invalid")?;
                if self.scopes.replace(scopes).is_some() {
                    return Err("repeated");
                }
            }
            "env" => {
                let environments = value.parse().map_err(|_| "invalid")?;
                if self.environments.replace(environments).is_some() {
                    return Err("repeated");
                }
            }
            _ => return Err("unknown"),
        }
        Ok(())
    }
}

/// The headers that demand something of the caller.
fn required(request: &HttpRequest) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
    request.headers().iter().filter(|(name, _)| name.as_str().starts_with(REQUIRE))
}

/// The refusal of a parameter or header, whose name the log gets. A long name may be a secret.
fn impossible(why: &str, name: &str) -> AccessError {
    /// The longest name in a log line, in bytes.
    const LONGEST: usize = 32;
    let name = if name.len() <= LONGEST { name } else { "(a long name)" };
    AccessError::ImpossibleDemand(format!("{why}: {name}"))
}

fn only_401_and_403(error: AccessError) -> AccessError {
    match error {
        AccessError::InvalidRequest(what) => TokenFailure::Request(what).into(),
        AccessError::Unavailable(_) => TokenFailure::NotKnownNow.into(),
        other => other,
    }
}
