//! All actix server code. [`routes`] is the whole URL table.

pub mod api;
pub mod connection;
pub mod error;
pub mod extract;
mod headers;
pub mod middleware;
pub mod oauth;
pub mod ops;
pub mod pages;
mod problem;

use actix_web::guard::{Guard, fn_guard};
use actix_web::web::{self, Data, Payload, ServiceConfig, delete, get, head, patch, post, resource, scope};
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder};

use crate::model::base_path::BasePath;
use crate::oauth::AuthorizationServer;
use crate::oauth::feed;
use crate::oauth::metadata::{OPENID_NAME, RESOURCE_NAME, SERVER_NAME};

/// What is answered only where the settings say so.
#[derive(Debug, Clone)]
pub struct Optional {
    /// `/metrics` on the main listener.
    pub metrics: bool,
    /// `/.well-known/openid-configuration`.
    pub openid_configuration: bool,
    /// `/api/v1/keys/leaked`.
    pub scanning: bool,
    /// Other paths below which callers are checked.
    pub base_paths: Vec<BasePath>,
}

/// The URL table. Endpoints are answered at the root, and below the path of the issuer when it has one, whether or not
/// a proxy in front strips it.
pub fn routes(issuer_path: &str, optional: Optional) -> impl Fn(&mut ServiceConfig) + Clone + use<> {
    let issuer_path = issuer_path.to_owned();
    move |config| {
        endpoints(config, &optional);
        well_known(config, SERVER_NAME, &issuer_path, oauth::metadata::server);
        well_known(config, RESOURCE_NAME, &issuer_path, oauth::metadata::resource);
        config
            .service(readable(resource("/healthz"), ops::healthz))
            .service(readable(resource("/readyz"), ops::readyz));
        if optional.openid_configuration && !issuer_path.is_empty() {
            // Where RFC 8414 §5 would put it; OpenID's own place is among the endpoints.
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
        // Several patterns of one resource are tried more slowly than one.
        .service(readable(resource(["/auth/check", "/api/v1/auth/check"]), api::auth_check::check))
        .configure(|config| below_base_paths(config, &optional.base_paths))
        // Last: patterns are tried in turn, and those with parameters take as long as all the rest of a request.
        .configure(|config| administration(config, optional));
}

/// What stands at no address of the table: a page, or nothing. Pages are looked for last, and by a table of their own, so that
/// the workers keep nothing for them.
pub async fn otherwise(
    request: HttpRequest,
    server: Data<AuthorizationServer>,
    payload: Payload,
) -> HttpResponse {
    if pages::are_at(request.path(), server.issuer.path()) {
        return pages::answer(request, server, payload).await;
    }
    error::not_found(request, server).await
}

/// What answers below other paths too.
fn below_base_paths(config: &mut ServiceConfig, base_paths: &[BasePath]) {
    for base in base_paths {
        config
            .service(readable(resource(format!("{base}/users/me")), api::me::me))
            .service(readable(resource(format!("{base}/auth/check")), api::auth_check::check_and_tell));
    }
}

/// What is administered, in JSON.
fn administration(config: &mut ServiceConfig, optional: &Optional) {
    use api::{apis, clients, events, secret_use, signing_keys, usage};
    let not_allowed = |allowed: &'static str| web::to(move || async move { error::not_allowed(allowed) });
    config
        .service(
            resource("/api/v1/clients")
                .route(get().to(clients::list))
                .route(post().to(clients::create))
                .default_service(not_allowed("GET, POST")),
        )
        .service(
            resource("/api/v1/clients/{id}")
                .route(get().to(clients::show))
                .route(patch().to(clients::update))
                .route(delete().to(clients::delete))
                .default_service(not_allowed("GET, PATCH, DELETE")),
        )
        .service(
            resource("/api/v1/clients/{id}/enable")
                .route(post().to(clients::enable))
                .default_service(not_allowed("POST")),
        )
        .service(
            resource("/api/v1/clients/{id}/disable")
                .route(post().to(clients::disable))
                .default_service(not_allowed("POST")),
        )
        .service(
            resource("/api/v1/clients/{id}/revoke-tokens")
                .route(post().to(clients::revoke_tokens))
                .default_service(not_allowed("POST")),
        )
        .service(
            resource("/api/v1/clients/{id}/secrets")
                .route(get().to(clients::secrets))
                .route(post().to(clients::add_secret))
                .default_service(not_allowed("GET, POST")),
        )
        .service(
            resource("/api/v1/clients/{id}/secrets/{secret}")
                .route(delete().to(clients::revoke_secret))
                .default_service(not_allowed("DELETE")),
        )
        .service(readable(
            resource("/api/v1/clients/{id}/secrets/{secret}/safe-to-revoke"),
            secret_use::safe_to_revoke,
        ))
        .service(
            resource("/api/v1/apis")
                .route(get().to(apis::list))
                .route(post().to(apis::create))
                .default_service(not_allowed("GET, POST")),
        )
        .configure(|config| api_keys(config, optional.scanning))
        .configure(people)
        .service(
            // Before the one whose identifier may have slashes in it.
            resource("/api/v1/apis/{resource:.+}/revoke-tokens")
                .route(post().to(apis::revoke_tokens))
                .default_service(not_allowed("POST")),
        )
        .service(
            resource("/api/v1/apis/{resource:.+}")
                .route(get().to(apis::show))
                .route(patch().to(apis::update))
                .route(delete().to(apis::delete))
                .default_service(not_allowed("GET, PATCH, DELETE")),
        )
        .service(readable(resource("/api/v1/signing-keys"), signing_keys::list))
        .service(
            resource("/api/v1/signing-keys/rotate")
                .route(post().to(signing_keys::rotate))
                .default_service(not_allowed("POST")),
        )
        .service(readable(resource("/api/v1/signing-keys/{kid}"), signing_keys::show))
        .service(
            resource("/api/v1/signing-keys/{kid}/retire")
                .route(post().to(signing_keys::retire))
                .default_service(not_allowed("POST")),
        )
        .service(readable(resource("/api/v1/events"), events::list))
        .service(readable(resource("/api/v1/usage"), usage::list));
}

fn api_keys(config: &mut ServiceConfig, scanning: bool) {
    use api::{keys, leaks};
    let not_allowed = |allowed: &'static str| web::to(move || async move { error::not_allowed(allowed) });
    config
        .service(
            resource("/api/v1/keys")
                .route(get().to(keys::list))
                .route(post().to(keys::create))
                .default_service(not_allowed("GET, POST")),
        )
        // Before the one with an id: no id is called so. Without somebody who may tell, nothing stands there.
        .service(if scanning {
            resource("/api/v1/keys/leaked")
                .route(post().to(leaks::report))
                .default_service(not_allowed("POST"))
        } else {
            resource("/api/v1/keys/leaked").default_service(web::to(error::nothing_here))
        })
        .service(
            resource("/api/v1/keys/verify")
                .route(post().to(keys::verify))
                .default_service(not_allowed("POST")),
        )
        .service(
            resource("/api/v1/keys/revoke")
                .route(post().to(keys::revoke_all))
                .default_service(not_allowed("POST")),
        )
        .service(
            resource("/api/v1/keys/{id}")
                .route(get().to(keys::show))
                .route(patch().to(keys::update))
                .route(delete().to(keys::revoke))
                .default_service(not_allowed("GET, PATCH, DELETE")),
        )
        .service(
            resource("/api/v1/keys/{id}/enable")
                .route(post().to(keys::enable))
                .default_service(not_allowed("POST")),
        )
        .service(
            resource("/api/v1/keys/{id}/disable")
                .route(post().to(keys::disable))
                .default_service(not_allowed("POST")),
        )
        .service(
            resource("/api/v1/keys/{id}/rotate")
                .route(post().to(keys::rotate))
                .default_service(not_allowed("POST")),
        )
        .service(readable(resource("/api/v1/keys/{id}/usage"), keys::usage));
}

fn people(config: &mut ServiceConfig) {
    use api::{session, users};
    let not_allowed = |allowed: &'static str| web::to(move || async move { error::not_allowed(allowed) });
    let only_post = |path: &str| resource(path).default_service(not_allowed("POST"));
    config
        .service(
            resource("/api/v1/session")
                .route(post().to(session::log_in))
                .route(delete().to(session::log_out))
                .default_service(not_allowed("POST, DELETE")),
        )
        .service(
            resource("/api/v1/users")
                .route(get().to(users::list))
                .route(post().to(users::create))
                .default_service(not_allowed("GET, POST")),
        )
        // Before those with an id: nobody is called so.
        .service(only_post("/api/v1/users/me/second-factor").route(post().to(users::begin_second_factor)))
        .service(
            only_post("/api/v1/users/me/second-factor/confirm")
                .route(post().to(users::confirm_second_factor)),
        )
        .service(
            only_post("/api/v1/users/me/second-factor/recovery-codes")
                .route(post().to(users::renew_recovery_codes)),
        )
        .service(
            only_post("/api/v1/users/me/second-factor/remove").route(post().to(users::remove_second_factor)),
        )
        .service(
            resource("/api/v1/users/{id}")
                .route(get().to(users::show))
                .route(patch().to(users::update))
                .route(delete().to(users::delete))
                .default_service(not_allowed("GET, PATCH, DELETE")),
        )
        .service(
            // One pattern for all of them: each takes a worker some 25 kB, asked for or not.
            resource("/api/v1/users/{id}/{part:.+}")
                .route(post().guard(part("enable")).to(users::enable))
                .route(post().guard(part("disable")).to(users::disable))
                .route(post().guard(part("set-password")).to(users::set_password))
                .route(get().guard(part("sessions")).to(users::sessions))
                .route(delete().guard(part("sessions")).to(users::revoke_sessions))
                .route(delete().guard(part("sessions/")).to(users::revoke_session))
                .route(delete().guard(part("second-factor")).to(users::reset_second_factor))
                .default_service(web::to(users::no_such_part)),
        );
}

/// Whether what follows the id in the path is this; or begins with it, where it ends in a slash.
fn part(name: &'static str) -> impl Guard {
    fn_guard(move |context| {
        let path = context.head().uri.path();
        let after = path.split_once("/api/v1/users/").and_then(|(_, rest)| rest.split_once('/'));
        after.is_some_and(|(_, part)| match name.strip_suffix('/') {
            Some(_) => part.strip_prefix(name).is_some_and(|rest| !rest.is_empty() && !rest.contains('/')),
            None => part == name,
        })
    })
}

/// A well-known document, whose name stands between host and path of what it describes.
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

    /// The most bytes that the allocator hands out from its quick lists. An answer that is waited for in more takes a
    /// thirtieth longer: what seldom has to wait is boxed.
    const QUICK: usize = 1024;

    type Server = Data<AuthorizationServer>;

    const fn size_of_answer<Answer>(_: &impl Fn(HttpRequest, Server) -> Answer) -> usize {
        size_of::<Answer>()
    }

    const fn size_of_answer_to_body<Answer>(_: &impl Fn(HttpRequest, Server, Payload) -> Answer) -> usize {
        size_of::<Answer>()
    }

    #[test]
    fn what_is_asked_most_is_answered_from_little_memory() {
        let (me, check) = (size_of_answer(&api::me::me), size_of_answer(&api::auth_check::check));
        let token = size_of_answer_to_body(&oauth::token::token);
        let introspect = size_of_answer_to_body(&oauth::introspect::introspect);
        // What the framework keeps beside it fits too.
        let most = me.max(check).max(token).max(introspect);
        assert!(most <= QUICK - 128, "{me} {check} {token} {introspect}");
    }
}
