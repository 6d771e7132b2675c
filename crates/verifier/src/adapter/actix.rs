//! The adapter for actix-web, and all that this part of the crate knows of it: [`Principal`] is an
//! extractor, [`RequireScope`] a middleware. Both take the [`Verifier`] from `app_data`.

use std::fmt;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::rc::Rc;

use actix_web::body::{BoxBody, EitherBody};
use actix_web::dev::{Payload, Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::web::{self, Data};
use actix_web::{
    FromRequest, HttpMessage as _, HttpRequest, HttpResponse, Resource, ResponseError,
};

use crate::adapter::metadata;
use crate::adapter::metadata::ProtectedResource;
use crate::adapter::problem::{PROBLEM_JSON, Problem};
use crate::adapter::refusal::{RETRY_AFTER_SECS, Refusal};
use crate::model::scope::ScopeSet;
use crate::token::error::VerifyError;
use crate::token::presented;
use crate::token::principal::Principal;
use crate::token::require_scope::RequireScope;
use crate::token::verifier::Verifier;

/// The name of the route of [`protected_resource_metadata`], by which challenges know whether there
/// is one.
const METADATA_ROUTE: &str = "mintery-protected-resource-metadata";

/// Publishes what this API is and who issues its tokens (RFC 9728), without authentication;
/// challenges name it from then on. To be mounted at the root of the application:
/// `.service(protected_resource_metadata(&verifier, ["read"]))`.
pub fn protected_resource_metadata<S: AsRef<str>>(
    verifier: &Verifier,
    scopes: impl IntoIterator<Item = S>,
) -> Resource {
    let scopes = scopes.into_iter().filter_map(|scope| ScopeSet::parse(scope.as_ref()).ok());
    let scopes = scopes.fold(ScopeSet::default(), |all, more| all.union(&more));
    let body = serde_json::to_string(&ProtectedResource::of(verifier, &scopes)).unwrap_or_default();
    let answer = move || {
        let body = body.clone();
        async move { HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/json")).body(body) }
    };
    web::resource(metadata::path(verifier.audience())).name(METADATA_ROUTE).get(answer)
}

/// A refusal as actix-web answers it.
#[derive(Debug)]
struct Refused {
    problem: Problem,
    detail: String,
    challenge: Option<String>,
}

impl Refused {
    fn of(refusal: &Refusal, verifier: &Verifier, request: &HttpRequest) -> Self {
        let is_published = request.url_for_static(METADATA_ROUTE).is_ok();
        let metadata = metadata::url(verifier.audience()).filter(|_| is_published);
        Self {
            problem: refusal.problem(),
            detail: refusal.detail().into_owned(),
            challenge: refusal.challenge(verifier.audience(), metadata.as_deref()),
        }
    }

    fn no_verifier() -> Self {
        let detail =
            "This API has no verifier: give one to the application with app_data".to_owned();
        Self { problem: Problem::INTERNAL, detail, challenge: None }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response
            .insert_header((CONTENT_TYPE, PROBLEM_JSON))
            .insert_header((CACHE_CONTROL, "no-store"));
        if let Some(challenge) = &self.challenge {
            response.insert_header((WWW_AUTHENTICATE, challenge.as_str()));
        }
        if self.problem == Problem::UNAVAILABLE {
            response.insert_header((RETRY_AFTER, RETRY_AFTER_SECS));
        }
        response.body(self.problem.body(&self.detail))
    }
}

/// Who was recognised in a request, and by which verifier: another one may be for another API.
#[derive(Clone)]
struct Recognised {
    principal: Principal,
    by: Verifier,
}

fn verifier(request: &HttpRequest) -> Option<Verifier> {
    let own = request.app_data::<Verifier>();
    own.or_else(|| request.app_data::<Data<Verifier>>().map(Data::get_ref)).cloned()
}

/// Who makes `request`: recognised once, however many ask.
async fn recognise(request: &HttpRequest) -> Result<Principal, Refused> {
    let verifier = verifier(request).ok_or_else(Refused::no_verifier)?;
    let known =
        request.extensions().get::<Recognised>().filter(|known| known.by.is(&verifier)).cloned();
    if let Some(known) = known {
        return Ok(known.principal);
    }
    let headers = request.headers().get_all(AUTHORIZATION).map(HeaderValue::as_bytes);
    let token = presented::bearer_token(headers, request.query_string())
        .map_err(|error| Refused::of(&error.into(), &verifier, request))?;
    let checked: Result<Principal, VerifyError> = verifier.verify(token).await;
    let principal = checked.map_err(|error| Refused::of(&error.into(), &verifier, request))?;
    request.extensions_mut().insert(Recognised { principal: principal.clone(), by: verifier });
    Ok(principal)
}

impl FromRequest for Principal {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Self::Error>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { Ok(recognise(&request).await?) })
    }
}

impl<S, B> Transform<S, ServiceRequest> for RequireScope
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    B: 'static,
{
    type Response = ServiceResponse<EitherBody<B, BoxBody>>;
    type Error = actix_web::Error;
    type Transform = Guard<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, Self::InitError>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(Guard { service: Rc::new(service), required: self.clone() }))
    }
}

/// A service that is behind [`RequireScope`].
#[derive(Debug)]
pub struct Guard<S> {
    service: Rc<S>,
    required: RequireScope,
}

impl<S, B> Service<ServiceRequest> for Guard<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    B: 'static,
{
    type Response = ServiceResponse<EitherBody<B, BoxBody>>;
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>>>>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let (service, required) = (Rc::clone(&self.service), self.required.clone());
        Box::pin(async move {
            match admit(request.request(), &required).await {
                Ok(()) => service.call(request).await.map(ServiceResponse::map_into_left_body),
                // An answer, not an error: what stands around this one, logs and CORS, sees it as
                // any other.
                Err(refused) => {
                    Ok(request.into_response(refused.error_response()).map_into_right_body())
                }
            }
        })
    }
}

async fn admit(request: &HttpRequest, required: &RequireScope) -> Result<(), Refused> {
    let principal = recognise(request).await?;
    required.check(&principal).map_err(|missing| match verifier(request) {
        Some(verifier) => Refused::of(&missing.into(), &verifier, request),
        None => Refused::no_verifier(),
    })
}
