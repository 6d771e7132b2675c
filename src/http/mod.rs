//! All actix server code. [`routes`] is the whole URL table.

mod act;
mod api;
mod check_paths;
pub mod connection;
pub mod error;
pub mod extract;
mod headers;
mod log_in;
pub mod middleware;
pub mod oauth;
pub mod ops;
pub mod pages;
mod problem;
mod table;

use std::sync::Arc;

use actix_web::dev::{ServiceRequest, ServiceResponse, fn_service};
use actix_web::web::{self, Data, Payload, ServiceConfig, get, head, post, resource, scope};
use actix_web::{Error, FromRequest, Handler, Resource, Responder};
use check_paths::CheckPaths;
use table::{Route, Table};

use crate::model::base_path::BasePath;
use crate::oauth::AuthorizationServer;
use crate::oauth::feed;
use crate::oauth::metadata::{OPENID_NAME, RESOURCE_NAME, SERVER_NAME};

/// Endpoints that depend on the settings.
#[derive(Debug, Clone)]
pub struct Optional {
    /// `/metrics` on the main listener.
    pub metrics: bool,
    /// `/.well-known/openid-configuration`.
    pub openid_configuration: bool,
    /// `/api/v1/keys/leaked`.
    pub scanning: bool,
    /// Additional base paths for checks of callers.
    pub base_paths: Vec<BasePath>,
}

/// The URL table. Endpoints are served at the root, and below the path of the issuer if it has one:
/// a proxy may strip that path.
pub fn routes(
    issuer_path: &str,
    optional: Optional,
) -> impl Fn(&mut ServiceConfig) + Clone + use<> {
    let issuer_path = issuer_path.to_owned();
    // Patterns with parameters take as long as the rest of a request: they come last.
    let table = Arc::new(Table::new(&issuer_path, administration(optional.scanning)));
    let checks = Arc::new(CheckPaths::new(&issuer_path, &optional.base_paths));
    move |config| {
        let (table, checks) = (Arc::clone(&table), Arc::clone(&checks));
        config.default_service(fn_service(move |request| {
            Box::pin(otherwise(Arc::clone(&table), Arc::clone(&checks), request))
        }));
        endpoints(config, &optional);
        if !issuer_path.is_empty() {
            // Where RFC 8414 §3.1 and RFC 9728 §3.1 put them; appended, they are endpoints.
            well_known(config, SERVER_NAME, &issuer_path, oauth::metadata::server);
            well_known(config, RESOURCE_NAME, &issuer_path, oauth::metadata::resource);
        }
        config
            .service(readable(resource("/healthz"), ops::healthz))
            .service(readable(resource("/readyz"), ops::readyz));
        if optional.openid_configuration && !issuer_path.is_empty() {
            // The place by RFC 8414 §5; OpenID's own is among the endpoints.
            well_known(config, OPENID_NAME, &issuer_path, oauth::metadata::openid);
        }
        if optional.metrics {
            config.configure(metrics_routes);
        }
        if !issuer_path.is_empty() {
            config.service(scope(&issuer_path).configure(|config| endpoints(config, &optional)));
        }
    }
}

/// `/metrics`, on the main listener or on one of its own.
pub fn metrics_routes(config: &mut ServiceConfig) {
    config.service(readable(resource("/metrics"), ops::metrics));
}

fn endpoints(config: &mut ServiceConfig, optional: &Optional) {
    if optional.openid_configuration {
        well_known(config, OPENID_NAME, "", oauth::metadata::openid);
    }
    config
        .service(
            resource("/oauth/token")
                .route(post().to(oauth::token::token))
                .default_service(web::to(oauth::submission::only_post)),
        )
        .service(readable(resource("/api/v1/users/me"), api::me::me))
        .service(
            resource("/oauth/authorize")
                .route(get().to(oauth::authorize::refuse))
                .route(head().to(oauth::authorize::refuse))
                .default_service(web::to(oauth::authorize::method_not_allowed)),
        )
        .service(
            resource(feed::PATH)
                .route(get().to(oauth::revocations::read))
                .route(post().to(oauth::revocations::read_with_form))
                .default_service(web::to(oauth::revocations::method_not_allowed)),
        )
        .service(readable(resource("/.well-known/jwks.json"), oauth::metadata::jwks))
        .service(
            resource("/oauth/introspect")
                .route(post().to(oauth::introspect::introspect))
                .default_service(web::to(oauth::submission::only_post)),
        )
        .service(
            resource("/oauth/revoke")
                .route(post().to(oauth::revoke::revoke))
                .default_service(web::to(oauth::submission::only_post)),
        )
        // Two resources: as one pattern they would be a regular expression, which takes half as
        // long as the rest of a request.
        .service(resource("/auth/check").to(api::auth_check::check))
        .service(resource("/api/v1/auth/check").to(api::auth_check::check))
        .configure(|config| below_base_paths(config, &optional.base_paths));
    well_known(config, SERVER_NAME, "", oauth::metadata::server);
    well_known(config, RESOURCE_NAME, "", oauth::metadata::resource);
}

/// Handles addresses outside the framework's table: administration, pages, or not found.
async fn otherwise(
    administration: Arc<Table>,
    checks: Arc<CheckPaths>,
    mut request: ServiceRequest,
) -> Result<ServiceResponse, Error> {
    let server = request.extract::<Data<AuthorizationServer>>().await?;
    if let Some(tells) = checks.have_below(request.path()) {
        let (request, _) = request.into_parts();
        let response = api::auth_check::check_below(request.clone(), server, tells).await;
        return Ok(ServiceResponse::new(request, response));
    }
    let mut request = match administration.answer(request, &server).await {
        Ok(response) => return Ok(response),
        Err(request) => request,
    };
    let payload = request.extract::<Payload>().await?;
    let (request, _) = request.into_parts();
    let response = if pages::are_at(request.path(), server.context.issuer.path()) {
        pages::answer(request.clone(), server, payload).await
    } else {
        error::not_found(request.clone(), server).await
    };
    Ok(ServiceResponse::new(request, response))
}

/// The endpoints below the additional base paths.
fn below_base_paths(config: &mut ServiceConfig, base_paths: &[BasePath]) {
    for base in base_paths {
        config
            .service(readable(resource(format!("{base}/users/me")), api::me::me))
            .service(resource(format!("{base}/auth/check")).to(api::auth_check::check_and_tell));
    }
}

/// The endpoints of administration, in JSON.
fn administration(scanning: bool) -> Vec<Route> {
    use api::{apis, clients, events, secret_use, signing_keys, usage};
    let mut routes = vec![
        Route::at("/api/v1/clients").get(clients::list).post(clients::create),
        Route::at("/api/v1/clients/{id}")
            .get(clients::show)
            .patch(clients::update)
            .delete(clients::delete),
        Route::at("/api/v1/clients/{id}/enable").post(clients::set_enabled::<true>),
        Route::at("/api/v1/clients/{id}/disable").post(clients::set_enabled::<false>),
        Route::at("/api/v1/clients/{id}/revoke-tokens").post(clients::revoke_tokens),
        Route::at("/api/v1/clients/{id}/secrets").get(clients::secrets).post(clients::add_secret),
        Route::at("/api/v1/clients/{id}/secrets/{secret}").delete(clients::revoke_secret),
        Route::at("/api/v1/clients/{id}/secrets/{secret}/safe-to-revoke")
            .get(secret_use::safe_to_revoke),
        Route::at("/api/v1/apis").get(apis::list).post(apis::create),
        // Before the route whose identifier may contain slashes.
        Route::at("/api/v1/apis/{resource:.+}/revoke-tokens").post(apis::revoke_tokens),
        Route::at("/api/v1/apis/{resource:.+}")
            .get(apis::show)
            .patch(apis::update)
            .delete(apis::delete),
        Route::at("/api/v1/signing-keys").get(signing_keys::list),
        Route::at("/api/v1/signing-keys/rotate").post(signing_keys::rotate),
        Route::at("/api/v1/signing-keys/{kid}").get(signing_keys::show),
        Route::at("/api/v1/signing-keys/{kid}/retire").post(signing_keys::retire),
        Route::at("/api/v1/events").get(events::list),
        Route::at("/api/v1/usage").get(usage::list),
    ];
    routes.extend(api_keys(scanning));
    routes.extend(people());
    routes
}

fn api_keys(scanning: bool) -> Vec<Route> {
    use api::{keys, leaks};
    // Absent without configured scanners.
    let leaked = Route::at("/api/v1/keys/leaked");
    let leaked = if scanning { leaked.post(leaks::report) } else { leaked };
    vec![
        Route::at("/api/v1/keys").get(keys::list).post(keys::create),
        leaked,
        Route::at("/api/v1/keys/verify").post(keys::verify),
        Route::at("/api/v1/keys/revoke").post(keys::revoke_all),
        Route::at("/api/v1/keys/{id}").get(keys::show).patch(keys::update).delete(keys::revoke),
        Route::at("/api/v1/keys/{id}/enable").post(keys::set_enabled::<true>),
        Route::at("/api/v1/keys/{id}/disable").post(keys::set_enabled::<false>),
        Route::at("/api/v1/keys/{id}/rotate").post(keys::rotate),
        Route::at("/api/v1/keys/{id}/usage").get(keys::usage),
    ]
}

fn people() -> Vec<Route> {
    use api::{second_factor, session, users};
    vec![
        Route::at("/api/v1/session").uncounted().post(session::log_in).delete(session::log_out),
        Route::at("/api/v1/users").get(users::list).post(users::create),
        Route::at("/api/v1/users/me/second-factor").post(second_factor::begin),
        Route::at("/api/v1/users/me/second-factor/confirm").post(second_factor::confirm),
        Route::at("/api/v1/users/me/second-factor/recovery-codes").post(second_factor::renew_codes),
        Route::at("/api/v1/users/me/second-factor/remove").post(second_factor::remove),
        Route::at("/api/v1/users/{id}").get(users::show).patch(users::update).delete(users::delete),
        Route::at("/api/v1/users/{id}/enable").post(users::set_enabled::<true>),
        Route::at("/api/v1/users/{id}/disable").post(users::set_enabled::<false>),
        Route::at("/api/v1/users/{id}/set-password").post(users::set_password),
        Route::at("/api/v1/users/{id}/sessions")
            .get(users::sessions)
            .delete(users::revoke_sessions),
        Route::at("/api/v1/users/{id}/sessions/{session}").delete(users::revoke_session),
        Route::at("/api/v1/users/{id}/second-factor").delete(second_factor::reset),
    ]
}

/// A well-known document, with its name between host and path.
fn well_known<F, Args>(config: &mut ServiceConfig, name: &str, issuer_path: &str, handler: F)
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let path = format!("/.well-known/{name}{issuer_path}");
    config.service(readable(resource(path), handler));
}

/// A resource that is read, with GET or HEAD; any other method is 405.
fn readable<F, Args>(resource: Resource, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    resource
        .route(get().to(handler.clone()))
        .route(head().to(handler))
        .default_service(web::to(error::method_not_allowed))
}

#[cfg(test)]
mod tests {
    use actix_web::HttpRequest;
    use actix_web::web::{Data, Payload};

    use super::{api, oauth};
    use crate::oauth::AuthorizationServer;

    /// The largest block of the allocator's quick lists. A larger response future takes a thirtieth
    /// longer: rarely awaited parts are boxed.
    const QUICK: usize = 1024;

    type Server = Data<AuthorizationServer>;

    const fn size_of_answer<Answer>(_: &impl Fn(HttpRequest, Server) -> Answer) -> usize {
        size_of::<Answer>()
    }

    const fn size_of_answer_to_body<Answer>(
        _: &impl Fn(HttpRequest, Server, Payload) -> Answer,
    ) -> usize {
        size_of::<Answer>()
    }

    #[test]
    fn frequent_requests_need_little_memory() {
        let (me, check) = (size_of_answer(&api::me::me), size_of_answer(&api::auth_check::check));
        let token = size_of_answer_to_body(&oauth::token::token);
        let introspect = size_of_answer_to_body(&oauth::introspect::introspect);
        // Room for the framework's own state.
        let most = me.max(check).max(token).max(introspect);
        assert!(most <= QUICK - 128, "{me} {check} {token} {introspect}");
    }
}
