//! Cross-origin requests of web pages (CORS, Fetch standard): from the configured origins, without
//! the credentials of the browser. Pages send their own in a header.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use actix_web::body::EitherBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    HeaderMap, HeaderName, HeaderValue, ORIGIN, VARY,
};
use actix_web::{Error, HttpResponse};
use pin_project_lite::pin_project;

use crate::http::check_paths::{CheckPaths, roots};
use crate::model::base_path::BasePath;
use crate::model::origin::AllowedOrigins;
use crate::oauth::feed;

/// The response headers that pages may read.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Idempotency-Replayed, Location, Retry-After, WWW-Authenticate, X-Auth-Address, X-Auth-Kind, X-Auth-Scope, \
     X-Auth-Subject, X-Request-Id",
);

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");

/// Seconds for which a browser may cache a preflight response.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

const VARIES: HeaderValue = HeaderValue::from_static("Origin");

const EVERYBODY: HeaderValue = HeaderValue::from_static("*");

/// The OAuth endpoints that a program in a page calls.
const OAUTH_PATHS: [&str; 4] = ["/oauth/token", "/oauth/introspect", "/oauth/revoke", feed::PATH];

/// The policy: origins and paths.
#[derive(Debug)]
pub struct CorsPolicy {
    origins: AllowedOrigins,
    /// The base paths of the API and of the published documents.
    prefixes: Vec<String>,
    /// Single paths.
    paths: Vec<String>,
    /// The origin of a request below one of these is that of another API's caller.
    checks: CheckPaths,
    headers: HeaderValue,
}

impl CorsPolicy {
    /// Allows pages of `origins` to call the API of an issuer with this path, also below the base
    /// paths, and to send a key in `key_header`.
    #[must_use]
    pub fn new(
        origins: AllowedOrigins,
        issuer_path: &str,
        base_paths: &[BasePath],
        key_header: &HeaderName,
    ) -> Self {
        let (mut prefixes, mut paths) = (Vec::new(), Vec::new());
        for root in roots(issuer_path) {
            prefixes.push(format!("{root}/api/v1/"));
            prefixes.push(format!("{root}/.well-known/"));
            prefixes.extend(base_paths.iter().map(|base| format!("{root}{base}/")));
            paths.push(format!("{root}/auth/check"));
            // Never the authorization endpoint, which is a page (RFC 9700 §2.6).
            paths.extend(OAUTH_PATHS.map(|path| format!("{root}{path}")));
        }
        let headers = format!(
            "Authorization, Content-Type, {key_header}, Idempotency-Key, MCP-Protocol-Version"
        );
        let headers = HeaderValue::from_str(&headers);
        let usual = HeaderValue::from_static(
            "Authorization, Content-Type, Idempotency-Key, MCP-Protocol-Version",
        );
        let checks = CheckPaths::new(issuer_path, base_paths);
        Self { origins, prefixes, paths, checks, headers: headers.unwrap_or(usual) }
    }

    fn covers(&self, path: &str) -> bool {
        let is_below = self.prefixes.iter().any(|prefix| path.starts_with(prefix.as_str()));
        (is_below && self.checks.have_below(path).is_none())
            || self.paths.iter().any(|own| path == own)
    }

    /// The `Access-Control-Allow-Origin` value for an origin; `None` if it is not allowed.
    fn allowed(&self, origin: &HeaderValue) -> Option<HeaderValue> {
        match &self.origins {
            AllowedOrigins::Any => Some(EVERYBODY),
            only @ AllowedOrigins::Only(_) => only.allow(origin.as_bytes()).then(|| origin.clone()),
        }
    }

    /// The response to a preflight request.
    fn preflight(&self, allowed: HeaderValue) -> HttpResponse {
        HttpResponse::NoContent()
            .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, allowed))
            .insert_header((ACCESS_CONTROL_ALLOW_METHODS, METHODS))
            .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, self.headers.clone()))
            .insert_header((ACCESS_CONTROL_MAX_AGE, MAX_AGE))
            .insert_header((VARY, VARIES))
            .finish()
    }
}

/// Applies the policy to responses.
#[derive(Debug, Clone)]
pub struct Cors(pub Arc<CorsPolicy>);

impl<S, B> Transform<S, ServiceRequest> for Cors
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = CorsService<S>;
    type InitError = ();
    type Future = std::future::Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        std::future::ready(Ok(CorsService { service, policy: Arc::clone(&self.0) }))
    }
}

/// See [`Cors`].
#[derive(Debug)]
pub struct CorsService<S> {
    service: S,
    policy: Arc<CorsPolicy>,
}

/// The handling of a request.
enum Course {
    /// Not from a page, or outside the policy.
    Plain,
    /// The response varies by origin.
    Varies,
    /// The page may read the response.
    Allowed(HeaderValue),
    /// A preflight request.
    Preflight(HttpResponse),
}

impl<S> CorsService<S> {
    fn course(&self, request: &ServiceRequest) -> Course {
        let policy = &*self.policy;
        if !policy.covers(request.path()) {
            return Course::Plain;
        }
        let Some(origin) = request.headers().get(ORIGIN) else { return Course::Varies };
        let Some(allowed) = policy.allowed(origin) else { return Course::Varies };
        let is_preflight = request.method() == Method::OPTIONS
            && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if is_preflight {
            Course::Preflight(policy.preflight(allowed))
        } else {
            Course::Allowed(allowed)
        }
    }
}

impl<S, B> Service<ServiceRequest> for CorsService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = CorsFuture<S::Future>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.service.poll_ready(context)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let (varies, allowed) = match self.course(&request) {
            Course::Preflight(answer) => {
                let answer = Some(request.into_response(answer));
                return CorsFuture { inner: None, answer, varies: false, allowed: None };
            }
            Course::Plain => (false, None),
            Course::Varies => (true, None),
            Course::Allowed(allowed) => (true, Some(allowed)),
        };
        CorsFuture { inner: Some(self.service.call(request)), answer: None, varies, allowed }
    }
}

pin_project! {
    /// The response of the inner service with CORS headers, or a preflight response.
    pub struct CorsFuture<F> {
        // Absent for a preflight response.
        #[pin]
        inner: Option<F>,
        answer: Option<ServiceResponse>,
        varies: bool,
        allowed: Option<HeaderValue>,
    }
}

impl<F, B> Future for CorsFuture<F>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
{
    type Output = Result<ServiceResponse<EitherBody<B>>, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(inner) = this.inner.as_pin_mut() else {
            // A completed future is not polled again.
            return this
                .answer
                .take()
                .map_or(Poll::Pending, |answer| Poll::Ready(Ok(answer.map_into_right_body())));
        };
        let mut answer = ready!(inner.poll(context))?;
        if *this.varies {
            tell(answer.headers_mut(), this.allowed.take());
        }
        Poll::Ready(Ok(answer.map_into_left_body()))
    }
}

fn tell(headers: &mut HeaderMap, allowed: Option<HeaderValue>) {
    headers.append(VARY, VARIES);
    if let Some(allowed) = allowed {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}
