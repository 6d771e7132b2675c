//! The table of routes that are called seldom, shared by all workers. It is searched only if no
//! other route matches, so no other request pays for it. A route of the framework would take memory
//! in each worker.
//!
//! A handler takes extractors and returns an [`Outcome`]; the table counts it and maps a refusal to
//! its response, once for all handlers.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::{Payload, ResourceDef, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::{Error, FromRequest, Handler, HttpRequest, HttpResponse};

use super::act::Outcome;
use super::error;
use crate::oauth::AuthorizationServer;

/// The routes in the order of their match, at the root and below a path: patterns without
/// parameters first.
pub struct Table {
    below: String,
    routes: Vec<Route>,
}

impl Table {
    /// The routes, at the root and below the path `below`, which may be empty.
    #[must_use]
    pub fn new(below: &str, mut routes: Vec<Route>) -> Self {
        // A plain path is compared instead of matched, and no id equals one of its segments.
        routes.sort_by_key(|route| {
            route.pattern.pattern().is_some_and(|pattern| pattern.contains('{'))
        });
        Self { below: below.to_owned(), routes }
    }

    /// Answers a request.
    ///
    /// # Errors
    /// The request itself if no route has its path.
    pub async fn answer(
        &self,
        mut request: ServiceRequest,
        server: &AuthorizationServer,
    ) -> Result<ServiceResponse, ServiceRequest> {
        let route = self.at_path_of(&mut request).filter(|route| !route.methods.is_empty());
        let Some(route) = route else { return Err(request) };
        let method = request.method();
        // HEAD is handled as GET; the content is left out on sending (RFC 9110 §9.3.2).
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        let Some((_, answer)) = route.methods.iter().find(|(known, _)| known == method) else {
            return Ok(request.into_response(error::not_allowed(&route.allowed())));
        };
        let (request, payload) = request.into_parts();
        let outcome = answer(request.clone(), payload).await;
        let response = route.respond(&request, server, outcome);
        Ok(ServiceResponse::new(request, response))
    }

    /// Finds the first route with the path of the request and stores its parameters in the request.
    fn at_path_of(&self, request: &mut ServiceRequest) -> Option<&Route> {
        let is_below = !self.below.is_empty() && request.path().starts_with(&self.below);
        let skipped = if is_below { self.below.len() } else { 0 };
        let path = request.match_info_mut();
        // Remove the matches of other routes.
        path.reset();
        path.skip(u16::try_from(skipped).ok()?);
        self.routes.iter().find(|route| route.pattern.capture_match_info(request))
    }
}

/// The handlers of a path, by method. A path without any is not found.
pub struct Route {
    pattern: ResourceDef,
    methods: Vec<(Method, Answer)>,
    is_counted: bool,
}

/// A handler with its type erased: one box more than a route of the framework, and no type of the
/// framework for each handler.
type Answer = Box<dyn Fn(HttpRequest, Payload) -> Pending + Send + Sync>;

/// The outcome of a handler, or the error of an extractor.
type Pending = Pin<Box<dyn Future<Output = Result<Outcome, Error>>>>;

impl Route {
    /// A path with parameters in braces, as the framework writes them.
    #[must_use]
    pub fn at(pattern: &str) -> Self {
        Self { pattern: ResourceDef::new(pattern), methods: Vec::new(), is_counted: true }
    }

    /// Leaves successes out of the count of granted accesses: the route itself logs in or out.
    #[must_use]
    pub fn uncounted(self) -> Self {
        Self { is_counted: false, ..self }
    }

    /// Handles GET and HEAD.
    #[must_use]
    pub fn get<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args, Output = Outcome> + Send + Sync,
        Args: FromRequest + 'static,
    {
        self.on(Method::GET, handler)
    }

    /// Handles POST.
    #[must_use]
    pub fn post<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args, Output = Outcome> + Send + Sync,
        Args: FromRequest + 'static,
    {
        self.on(Method::POST, handler)
    }

    /// Handles PATCH.
    #[must_use]
    pub fn patch<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args, Output = Outcome> + Send + Sync,
        Args: FromRequest + 'static,
    {
        self.on(Method::PATCH, handler)
    }

    /// Handles DELETE.
    #[must_use]
    pub fn delete<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args, Output = Outcome> + Send + Sync,
        Args: FromRequest + 'static,
    {
        self.on(Method::DELETE, handler)
    }

    fn on<F, Args>(mut self, method: Method, handler: F) -> Self
    where
        F: Handler<Args, Output = Outcome> + Send + Sync,
        Args: FromRequest + 'static,
    {
        let answer: Answer = Box::new(move |request, mut payload| {
            let handler = handler.clone();
            Box::pin(async move {
                let args = Args::from_request(&request, &mut payload).await.map_err(Into::into)?;
                Ok(handler.call(args).await)
            })
        });
        self.methods.push((method, answer));
        self
    }

    /// The response to an outcome, counted and logged.
    fn respond(
        &self,
        request: &HttpRequest,
        server: &AuthorizationServer,
        outcome: Result<Outcome, Error>,
    ) -> HttpResponse {
        match outcome {
            Ok(Ok(response)) => {
                if self.is_counted {
                    server.context.metrics.access_granted.increment(1);
                }
                response
            }
            Ok(Err(refused)) => error::act::response(request, server, &refused),
            Err(error) => HttpResponse::from_error(error),
        }
    }

    /// The methods as a value of `Allow` (RFC 9110 §10.2.1).
    fn allowed(&self) -> String {
        let names = self.methods.iter().map(|(method, _)| match *method {
            Method::GET => "GET, HEAD",
            ref other => other.as_str(),
        });
        names.collect::<Vec<_>>().join(", ")
    }
}
