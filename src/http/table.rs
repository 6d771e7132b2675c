//! Routes that are seldom asked for, in one table that all workers share. It is walked where no
//! other route stands, so that no other request pays for it; and a route of the framework takes
//! each worker memory of its own, asked for or not.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::{Payload, ResourceDef, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Responder};

use super::error;

/// The routes, in the order in which their patterns are tried, at the root and below a path: first
/// those without parameters.
pub struct Table {
    below: String,
    routes: Vec<Route>,
}

impl Table {
    /// These routes, at the root and below the path `below`, which may be empty.
    #[must_use]
    pub fn new(below: &str, mut routes: Vec<Route>) -> Self {
        // Which are compared, and not matched; and no id is called as they are.
        routes.sort_by_key(|route| {
            route.pattern.pattern().is_some_and(|pattern| pattern.contains('{'))
        });
        Self { below: below.to_owned(), routes }
    }

    /// The answer; or the request, where nothing stands at its address.
    ///
    /// # Errors
    /// When no route has that path.
    pub async fn answer(
        &self,
        mut request: ServiceRequest,
    ) -> Result<ServiceResponse, ServiceRequest> {
        let route = self.at_path_of(&mut request).filter(|route| !route.methods.is_empty());
        let Some(route) = route else { return Err(request) };
        let method = request.method();
        // HEAD is answered as GET is, and the content left out as it is sent (RFC 9110 §9.3.2).
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        let Some((_, answer)) = route.methods.iter().find(|(known, _)| known == method) else {
            return Ok(request.into_response(error::not_allowed(&route.allowed())));
        };
        let (request, payload) = request.into_parts();
        let response = answer(request.clone(), payload).await;
        Ok(ServiceResponse::new(request, response))
    }

    /// The first route with the path of the request, which is told its parameters.
    fn at_path_of(&self, request: &mut ServiceRequest) -> Option<&Route> {
        let is_below = !self.below.is_empty() && request.path().starts_with(&self.below);
        let skipped = if is_below { self.below.len() } else { 0 };
        let path = request.match_info_mut();
        // Nothing is left of what others took it for.
        path.reset();
        path.skip(u16::try_from(skipped).ok()?);
        self.routes.iter().find(|route| route.pattern.capture_match_info(request))
    }
}

/// What is answered at a path, by method; nothing stands there without any.
pub struct Route {
    pattern: ResourceDef,
    methods: Vec<(Method, Answer)>,
}

/// A handler whose type is forgotten. It is boxed once more than one of the framework, and no type
/// of the framework is made for it.
type Answer =
    Box<dyn Fn(HttpRequest, Payload) -> Pin<Box<dyn Future<Output = HttpResponse>>> + Send + Sync>;

impl Route {
    /// A path with parameters in braces, as the framework's are.
    #[must_use]
    pub fn at(pattern: &str) -> Self {
        Self { pattern: ResourceDef::new(pattern), methods: Vec::new() }
    }

    /// Answers GET, and HEAD.
    #[must_use]
    pub fn get<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args, Output: Responder> + Send + Sync,
        Args: FromRequest + 'static,
    {
        self.on(Method::GET, handler)
    }

    /// Answers POST.
    #[must_use]
    pub fn post<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args, Output: Responder> + Send + Sync,
        Args: FromRequest + 'static,
    {
        self.on(Method::POST, handler)
    }

    /// Answers PATCH.
    #[must_use]
    pub fn patch<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args, Output: Responder> + Send + Sync,
        Args: FromRequest + 'static,
    {
        self.on(Method::PATCH, handler)
    }

    /// Answers DELETE.
    #[must_use]
    pub fn delete<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args, Output: Responder> + Send + Sync,
        Args: FromRequest + 'static,
    {
        self.on(Method::DELETE, handler)
    }

    fn on<F, Args>(mut self, method: Method, handler: F) -> Self
    where
        F: Handler<Args, Output: Responder> + Send + Sync,
        Args: FromRequest + 'static,
    {
        let answer: Answer = Box::new(move |request, mut payload| {
            let handler = handler.clone();
            Box::pin(async move {
                match Args::from_request(&request, &mut payload).await {
                    Ok(args) => handler.call(args).await.respond_to(&request).map_into_boxed_body(),
                    Err(error) => HttpResponse::from_error(error),
                }
            })
        });
        self.methods.push((method, answer));
        self
    }

    /// The methods, as `Allow` has them (RFC 9110 §10.2.1).
    fn allowed(&self) -> String {
        let names = self.methods.iter().map(|(method, _)| match *method {
            Method::GET => "GET, HEAD",
            ref other => other.as_str(),
        });
        names.collect::<Vec<_>>().join(", ")
    }
}
