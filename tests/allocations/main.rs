//! The number of allocations of a token request and of a protected route, in a process of their
//! own: the counting allocator counts those of all threads. Those of the C libraries are not
//! counted.

#![cfg(test)]

#[expect(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "the tools of tests/api, of which one test needs few"
)]
#[path = "../api/support/mod.rs"]
mod support;

use std::alloc::System;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use support::app::TestApp;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Allocations of a token request by a cached client.
const TOKEN: usize = 26;

/// Allocations of `/api/v1/users/me` with a token that was seen before.
const ROUTE: usize = 11;

const REQUESTS: usize = 20;
const ROUNDS: usize = 30;

#[actix_web::test]
async fn the_hot_path_allocates_no_more_than_it_did() {
    let app = TestApp::spawn().await;
    let client = app.client("read write").await;
    let token = app.access_token(&client).await;
    app.me(&token).await;
    let address = app.address().to_owned();
    // The server runs on a thread of this test's runtime, which must not be blocked.
    let counted = actix_web::web::block(move || {
        let body = "grant_type=client_credentials&scope=read+write";
        let form = format!(
            "Authorization: {}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            client.basic(),
            body.len(),
        );
        let token_request = format!("POST /oauth/token HTTP/1.1\r\nHost: a\r\n{form}");
        let route_request = format!(
            "GET /api/v1/users/me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        [token_request, route_request].map(|request| fewest(&address, request.as_bytes()))
    });
    let [of_token, of_route] = counted.await.unwrap();
    assert_eq!(
        (of_token, of_route),
        (TOKEN, ROUTE),
        "of a token, of a route; change the constants"
    );
}

/// The allocations of one request. Tasks in the background allocate too, so the fewest of many
/// rounds count.
fn fewest(address: &str, request: &[u8]) -> usize {
    let mut connection = TcpStream::connect(address).unwrap();
    let mut response = [0; 4096];
    let mut exchange = || {
        connection.write_all(request).unwrap();
        // The server writes a response at once.
        let length = connection.read(&mut response).unwrap();
        assert!(response[..length].starts_with(b"HTTP/1.1 200 "));
        assert!(response[..length].ends_with(b"}"));
    };
    exchange();
    let round = |_| {
        let region = Region::new(ALLOCATOR);
        (0..REQUESTS).for_each(|_| exchange());
        let change = region.change();
        (change.allocations + change.reallocations) / REQUESTS
    };
    (0..ROUNDS).map(round).min().unwrap()
}
