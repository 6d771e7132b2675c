//! Binds the listeners and starts the HTTP server on them.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use actix_server::Server;
use actix_web::App;
use actix_web::web::{self, Data, ServiceConfig};
use tokio::net::TcpSocket;

use super::StartError;
use crate::config::Settings;
use crate::http::middleware::cors::{Cors, CorsPolicy};
use crate::http::middleware::request_id::RequestIds;
use crate::http::{self, Optional, connection};
use crate::oauth::AuthorizationServer;

/// The time that running requests may take after a stop.
const SHUTDOWN_TIMEOUT_SECS: u64 = 30;

/// Connections that a worker serves at once; more wait to be accepted. An idle connection holds
/// about 20 kB.
const MAX_CONNECTIONS: usize = 8192;

/// The bound sockets. They are bound first, so that a port in use is reported before a database is
/// created.
pub struct Listeners {
    pub main: TcpListener,
    /// `metrics.listen`, if set.
    metrics: Option<TcpListener>,
}

impl Listeners {
    /// Binds the addresses of the settings.
    pub fn bind(settings: &Settings) -> Result<Self, StartError> {
        let metrics = settings.metrics_listen.map(listen).transpose()?;
        Ok(Self { main: listen(settings.listen)?, metrics })
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    /// Connections that may wait to be accepted.
    const BACKLOG: u32 = 2048;
    let listening = bind(address).and_then(|socket| socket.listen(BACKLOG)?.into_std());
    listening.map_err(|reason| StartError::Listen { address, reason })
}

/// Binds an address without listening on it.
///
/// # Errors
/// When the address is in use, belongs to another machine, or is not allowed for this user.
pub fn bind(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // A restart must not wait for closed connections of the last run.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Starts `server` on `listeners`.
pub fn start_http(
    settings: &Settings,
    listeners: Listeners,
    server: AuthorizationServer,
) -> Result<Server, StartError> {
    let failed = |address| move |reason| StartError::Listen { address, reason };
    let request_ids = RequestIds(Arc::clone(&server.context.random));
    let metrics = Data::new(Arc::clone(&server.context.metrics));
    let routes = http::routes(
        server.context.issuer.path(),
        Optional {
            metrics: settings.answers_metrics_on_main(),
            openid_configuration: settings.metadata_openid_configuration,
            scanning: settings.leaks_public_keys.is_some(),
            base_paths: settings.api_base_paths.clone(),
        },
    );
    let cors = (!settings.cors_allowed_origins.is_empty()).then(|| {
        let origins = settings.cors_allowed_origins.clone();
        CorsPolicy::new(
            origins,
            server.context.issuer.path(),
            &settings.api_base_paths,
            &server.inbound.api_key_header,
        )
    });
    let server = Data::new(server);
    if let (Some(listener), Some(address)) = (listeners.metrics, settings.metrics_listen) {
        let (metrics, request_ids) = (metrics.clone(), request_ids.clone());
        let app = move || {
            App::new()
                .app_data(metrics.clone())
                .wrap(request_ids.clone())
                .configure(http::metrics_routes)
                .default_service(web::to(http::error::nothing_here))
        };
        let builder = Server::build().workers(1).disable_signals();
        tokio::spawn(connection::listen(builder, listener, app).map_err(failed(address))?.run());
    }
    let builder = Server::build()
        .workers(settings.workers)
        .max_concurrent_connections(MAX_CONNECTIONS)
        .shutdown_timeout(SHUTDOWN_TIMEOUT_SECS)
        .disable_signals();
    let stopping = Data::new(builder.graceful_shutdown_signal());
    let everything = move |config: &mut ServiceConfig| {
        config
            .app_data(server.clone())
            .app_data(stopping.clone())
            .app_data(metrics.clone())
            .configure(routes.clone());
    };
    // Without allowed origins no request pays for the check.
    let http = match cors.map(Arc::new) {
        None => connection::listen(builder, listeners.main, move || {
            App::new().wrap(request_ids.clone()).configure(everything.clone())
        }),
        Some(policy) => connection::listen(builder, listeners.main, move || {
            let cors = Cors(Arc::clone(&policy));
            App::new().wrap(cors).wrap(request_ids.clone()).configure(everything.clone())
        }),
    };
    Ok(http.map_err(failed(settings.listen))?.run())
}
