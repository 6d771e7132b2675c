//! The log lines of errors.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;

use crate::http::extract::caller::caller_address;
use crate::http::middleware::request_id::RequestId;
use crate::oauth::AuthorizationServer;
use crate::oauth::introspect::Inactive;

/// Records the reason for `"active": false`, which the response does not contain.
pub fn inactive(request: &HttpRequest, server: &AuthorizationServer, why: Inactive) {
    record(request, server, StatusCode::OK, "inactive", &why.to_string());
}

/// Records an error with the id of its request, and counts failures of the server.
pub fn record(
    request: &HttpRequest,
    server: &AuthorizationServer,
    status: StatusCode,
    code: &str,
    reason: &str,
) {
    let id = RequestId::of(request, &*server.context.random);
    let from = caller_address(request, &server.inbound);
    let from = from.map_or_else(|| "?".to_owned(), |address| address.to_string());
    if status.is_server_error() {
        server.context.metrics.failures.increment(1);
        log::error!("request {id} from {from}: {} {code}: {reason}", status.as_u16());
    } else {
        log::info!("request {id} from {from}: {} {code}: {reason}", status.as_u16());
    }
}
