//! All actix server code. [`routes`] is the whole URL table.

pub mod api;
pub mod error;
pub mod extract;
mod headers;
pub mod middleware;
pub mod oauth;
pub mod ops;
mod problem;

use actix_web::web::{self, ServiceConfig, get, head, post, resource, scope};

use crate::oauth::metadata::{RESOURCE_NAME, SERVER_NAME};

/// The URL table. Endpoints are answered at the root, and below the path of the issuer when it has one, whether or not
/// a proxy in front strips it.
pub fn routes(issuer_path: &str, with_metrics: bool) -> impl Fn(&mut ServiceConfig) + Clone + use<> {
    let issuer_path = issuer_path.to_owned();
    move |config| {
        endpoints(config);
        well_known(config, SERVER_NAME, &issuer_path, oauth::metadata::server);
        well_known(config, RESOURCE_NAME, &issuer_path, oauth::metadata::resource);
        config
            .service(only(resource("/healthz").route(get().to(ops::healthz))))
            .service(only(resource("/readyz").route(get().to(ops::readyz))));
        if with_metrics {
            config.configure(metrics_routes);
        }
        if !issuer_path.is_empty() {
            config.service(scope(&issuer_path).configure(endpoints));
        }
    }
}

/// `/metrics`, on the main listener or on one of its own.
pub fn metrics_routes(config: &mut ServiceConfig) {
    config.service(only(resource("/metrics").route(get().to(ops::metrics))));
}

fn endpoints(config: &mut ServiceConfig) {
    config
        .service(
            resource("/oauth/token")
                .route(post().to(oauth::token::token))
                .default_service(web::to(oauth::method_not_allowed)),
        )
        .service(only(resource("/oauth/authorize").route(get().to(oauth::authorize::refuse))))
        .service(only(resource("/.well-known/jwks.json").route(get().to(oauth::metadata::jwks))))
        .service(only(resource("/api/v1/users/me").route(get().to(api::me::me))))
        .service(
            resource(["/auth/check", "/api/v1/auth/check"])
                .route(get().to(api::auth_check::check))
                .route(head().to(api::auth_check::check))
                .default_service(web::to(error::method_not_allowed)),
        );
}

/// A well-known document, whose name stands between host and path of what it describes.
fn well_known<F, Args>(config: &mut ServiceConfig, name: &str, issuer_path: &str, handler: F)
where
    F: actix_web::Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: actix_web::Responder + 'static,
{
    let mut paths = vec![format!("/.well-known/{name}")];
    if !issuer_path.is_empty() {
        paths.push(format!("/.well-known/{name}{issuer_path}"));
    }
    config.service(only(resource(paths).route(get().to(handler))));
}

/// Any other method is 405 with `Allow: GET`.
fn only(resource: actix_web::Resource) -> actix_web::Resource {
    resource.default_service(web::to(error::method_not_allowed))
}
