//! Endpoints for orchestrators and monitoring: health, readiness and metrics.

use std::sync::Arc;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::Data;
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde_json::json;

use crate::clock::Timestamp;
use crate::directory::Health;
use crate::http::headers::NO_STORE;
use crate::metrics::Metrics;
use crate::oauth::AuthorizationServer;
use mintery_verifier::token::DEFAULT_SKEW;

/// `GET /healthz`: the process is up.
pub async fn healthz() -> HttpResponse {
    no_store(HttpResponse::Ok()).json(json!({ "status": "ok" }))
}

/// `GET /readyz`: the process can serve. A degraded node is still ready: it serves cached entries.
/// A node with a wrong clock is not: its tokens would be rejected elsewhere, or be valid for too
/// long.
pub async fn readyz(server: Data<AuthorizationServer>) -> HttpResponse {
    let date = |at: Timestamp| {
        chrono::DateTime::from_timestamp_millis(at.as_millis()).map(|at| at.to_rfc3339())
    };
    let health = server.context.directory.health();
    if let (Health::Current | Health::Degraded { .. }, Some(wrong)) =
        (health, server.context.directory.wrong_clock())
    {
        return no_store(HttpResponse::ServiceUnavailable()).json(json!({
            "status": "wrong_clock",
            "clock": date(wrong.here),
            "store_clock": date(wrong.there),
            "advice": format!(
                "synchronize the clocks of both machines with NTP: they differ by {:.3} s, and may differ by {} s",
                wrong.apart().as_secs_f64(),
                DEFAULT_SKEW.as_secs()
            ),
        }));
    }
    match health {
        Health::Current => no_store(HttpResponse::Ok()).json(json!({ "status": "ok" })),
        Health::Degraded { since: at } => {
            no_store(HttpResponse::Ok()).json(json!({ "status": "degraded", "since": date(at) }))
        }
        Health::Unavailable { since: at } => no_store(HttpResponse::ServiceUnavailable())
            .json(json!({ "status": "unavailable", "since": date(at) })),
    }
}

/// `GET /metrics`: Prometheus text.
pub async fn metrics(metrics: Data<Arc<Metrics>>) -> HttpResponse {
    no_store(HttpResponse::Ok())
        .insert_header((CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"))
        .body(metrics.render())
}

fn no_store(mut response: HttpResponseBuilder) -> HttpResponseBuilder {
    response.insert_header((CACHE_CONTROL, NO_STORE));
    response
}
