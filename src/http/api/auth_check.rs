//! `GET /auth/check`: lets a proxy (nginx `auth_request`, Caddy and Traefik `forward_auth`) protect any API.

use actix_web::http::header::{CACHE_CONTROL, HeaderName};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::http::error;
use crate::http::extract::presented;
use crate::http::headers::NO_STORE;
use crate::model::principal::Authenticated;
use crate::model::scope::ScopeSet;
use crate::oauth::AuthorizationServer;
use crate::oauth::bearer::{self, AccessError, TokenFailure};
use crate::resource::VerifyError;

const SUBJECT: HeaderName = HeaderName::from_static("x-auth-subject");
const KIND: HeaderName = HeaderName::from_static("x-auth-kind");
const SCOPE: HeaderName = HeaderName::from_static("x-auth-scope");

/// 200 when the caller is authenticated for every `resource` and holds every `scope` that the query names; else 401 or
/// 403 and nothing else, because nginx turns any other status into 500.
pub async fn check(request: HttpRequest, server: Data<AuthorizationServer>) -> HttpResponse {
    match authenticate(&request, &server).await {
        Ok(caller) => {
            server.metrics.access_granted.increment(1);
            HttpResponse::Ok()
                .insert_header((CACHE_CONTROL, NO_STORE))
                .insert_header((SUBJECT, caller.principal.subject()))
                .insert_header((KIND, caller.principal.kind()))
                .insert_header((SCOPE, caller.scopes.as_str()))
                .finish()
        }
        Err(refusal) => error::access(&request, &server, &only_401_and_403(refusal)),
    }
}

async fn authenticate(
    request: &HttpRequest,
    server: &AuthorizationServer,
) -> Result<Authenticated, AccessError> {
    let presented = presented::token(request)?;
    let (resources, scopes) = asked(request.query_string())?;
    let mut resources = resources.iter().map(String::as_str);
    let first = resources.next().unwrap_or(server.issuer.as_str());
    let caller = bearer::authenticate(server, &presented, first).await?;
    for resource in resources {
        bearer::authenticate(server, &presented, resource).await?;
    }
    bearer::require(&caller, &scopes)?;
    Ok(caller)
}

/// The resources and scopes that the query asks for. A parameter that repeats asks for all of its values.
fn asked(query: &str) -> Result<(Vec<String>, ScopeSet), AccessError> {
    let parameters = serde_urlencoded::from_str::<Vec<(String, String)>>(query).unwrap_or_default();
    let mut resources = Vec::new();
    let mut scopes = ScopeSet::default();
    for (name, value) in parameters.into_iter().filter(|(_, value)| !value.is_empty()) {
        match name.as_str() {
            "resource" => resources.push(value),
            // A scope that nobody can hold is one that the caller does not hold.
            "scope" => match ScopeSet::parse(&value) {
                Ok(more) => scopes = scopes.union(&more),
                Err(_) => return Err(AccessError::InsufficientScope(ScopeSet::default())),
            },
            _ => {}
        }
    }
    Ok((resources, scopes))
}

fn only_401_and_403(error: AccessError) -> AccessError {
    match error {
        AccessError::InvalidRequest(_) => TokenFailure::Token(VerifyError::Malformed).into(),
        AccessError::Unavailable(_) => TokenFailure::NotKnownNow.into(),
        other => other,
    }
}
