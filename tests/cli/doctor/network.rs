//! The issuer and the ports.

use std::net::TcpListener;

use super::{examine, healthy, with_addresses};
use crate::support::{ISSUER, Server, Workplace, free_port};

#[test]
fn an_issuer_that_does_not_do() {
    let work = healthy();
    let report = examine(&work.beside().with("MINTERY_ISSUER", "http://auth.example.com"));
    report.says("issuer", "problem", &["https"]);
    let slash = format!("http://127.0.0.1:{}/", free_port());
    examine(&work.beside().with("MINTERY_ISSUER", &slash)).says("issuer", "warning", &["slash"]);
    let none = Workplace::with_tables();
    none.create_client(&[]);
    examine(&none).says("issuer", "problem", &["not set", "MINTERY_ISSUER", "serve --dev"]);
}

/// Another server, or a silent one, is at the issuer's address.
#[test]
fn an_issuer_that_leads_elsewhere() {
    let (work, other) = (healthy(), with_addresses(Workplace::with_tables()));
    let server = Server::start(&other);
    let issuer = server.url("/api");
    examine(&work.with("MINTERY_ISSUER", &issuer)).says("issuer", "warning", &["404", "proxy"]);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let issuer = format!("http://{}", silent.local_addr().unwrap());
    let report = examine(&healthy().with("MINTERY_ISSUER", &issuer));
    report.is_well_but(&[]).says("issuer", "ok", &["no server answers"]);
}

#[test]
fn a_port_that_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let report = examine(&healthy().with("MINTERY_LISTEN", &address));
    report.is_well_but(&["port"]).says(
        "port",
        "problem",
        &[&address, "another program", "ss -ltnp"],
    );
    let report = examine(&healthy().with("MINTERY_METRICS__LISTEN", &address));
    report.is_well_but(&["metrics"]).says("metrics", "problem", &[&address, "another program"]);
    // A documentation address (RFC 5737), which no machine has.
    let report = examine(&healthy().with("MINTERY_LISTEN", "192.0.2.1:8080"));
    report.says("port", "problem", &["192.0.2.1"]);
}

#[test]
fn metrics_that_would_be_open_to_others() {
    let address = format!("0.0.0.0:{}", free_port());
    let work = healthy().with("MINTERY_LISTEN", &address);
    examine(&work).is_well_but(&["metrics"]).says("metrics", "problem", &["metrics.listen"]);
    let work = work.with("MINTERY_METRICS__LISTEN", &address);
    examine(&work).says("metrics", "problem", &["same address"]);
    examine(&work.with("MINTERY_METRICS__LISTEN", "127.0.0.1:0")).is_well_but(&[]);
}

/// Finding 2: an https issuer has a proxy in front, whose word must count.
#[test]
fn a_proxy_that_is_not_named() {
    let work = healthy().with("MINTERY_ISSUER", ISSUER);
    let report = examine(&work);
    report.says("proxies", "warning", &["trusted_proxies", "X-Forwarded-For"]);
    let report = examine(&work.with("MINTERY_TRUSTED_PROXIES", "192.0.2.0/24"));
    report.says("proxies", "ok", &["192.0.2.0/24"]);
}
