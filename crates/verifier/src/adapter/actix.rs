//! The adapter for actix-web: [`Principal`] is an extractor, [`RequireScope`] a middleware. Both take
//! the [`Verifier`] from `app_data`.

use std::fmt;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::rc::Rc;

use actix_web::body::{BoxBody, EitherBody};
use actix_web::dev::{Payload, Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use actix_web::web::{self, Data};
use actix_web::{
    FromRequest, HttpMessage as _, HttpRequest, HttpResponse, Resource, ResponseError,
};

use crate::adapter::answer::RefusedResponse;
use crate::adapter::metadata;
use crate::adapter::metadata::ProtectedResource;
use crate::adapter::refusal::Refusal;
use crate::model::scope::ScopeSet;
use crate::token::presented;
use crate::token::principal::Principal;
use crate::token::require_scope::RequireScope;
use crate::token::verifier::Verifier;

/// The name of the route of [`protected_resource_metadata`], by which challenges find it.
const METADATA_ROUTE: &str = "mintery-protected-resource-metadata";

/// Publishes the API's identifier, issuer and scopes (RFC 9728), without authentication; challenges
/// then name the address. Mount it at the root of the application:
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

/// A rejected request, as actix-web sees an error.
#[derive(Debug)]
struct Refused(RefusedResponse);

impl Refused {
    fn of(refusal: &Refusal, verifier: &Verifier, request: &HttpRequest) -> Self {
        let is_published = request.url_for_static(METADATA_ROUTE).is_ok();
        let metadata = metadata::url(verifier.audience()).filter(|_| is_published);
        Self(RefusedResponse::of(refusal, verifier.audience(), metadata.as_deref()))
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.detail())
    }
}

impl ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        for header in self.0.headers() {
            response.insert_header(header);
        }
        response.body(self.0.body())
    }
}

/// The caller of a request, and the verifier that named it, since another verifier may serve
/// another API.
#[derive(Clone)]
struct VerifiedCaller {
    principal: Principal,
    by: Verifier,
}

fn verifier(request: &HttpRequest) -> Option<Verifier> {
    let own = request.app_data::<Verifier>();
    own.or_else(|| request.app_data::<Data<Verifier>>().map(Data::get_ref)).cloned()
}

/// The caller of `request`, verified once for all extractors and middleware.
async fn caller(request: &HttpRequest) -> Result<(Principal, Verifier), Refused> {
    let verifier = verifier(request).ok_or(Refused(RefusedResponse::no_verifier()))?;
    let known = request
        .extensions()
        .get::<VerifiedCaller>()
        .filter(|known| known.by.is(&verifier))
        .cloned();
    if let Some(known) = known {
        return Ok((known.principal, verifier));
    }
    let refused = |refusal: Refusal| Refused::of(&refusal, &verifier, request);
    let headers = request.headers().get_all(AUTHORIZATION).map(HeaderValue::as_bytes);
    let token = presented::bearer_token(headers, request.query_string())
        .map_err(|error| refused(error.into()))?;
    let principal = verifier.verify(token).await.map_err(|error| refused(error.into()))?;
    let known = VerifiedCaller { principal: principal.clone(), by: verifier.clone() };
    request.extensions_mut().insert(known);
    Ok((principal, verifier))
}

impl FromRequest for Principal {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Self::Error>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { Ok(caller(&request).await?.0) })
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

/// A service behind [`RequireScope`].
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
                // A response, not an error, so that outer middleware, logs and CORS, treats it
                // like any other.
                Err(refused) => {
                    Ok(request.into_response(refused.error_response()).map_into_right_body())
                }
            }
        })
    }
}

async fn admit(request: &HttpRequest, required: &RequireScope) -> Result<(), Refused> {
    let (principal, verifier) = caller(request).await?;
    required.check(&principal).map_err(|missing| Refused::of(&missing.into(), &verifier, request))
}
