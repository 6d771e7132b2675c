//! Names by which this server answers browsers. A page of an attacker can give its own name the
//! address of this server (DNS rebinding); its browser then takes the two for one site.

use mintery::model::user::Role;
use reqwest::header::{HOST, HeaderMap, HeaderValue, ORIGIN};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::support::answer::Answer;
use crate::support::app::TestApp;
use crate::support::people::{ME, PASSWORD, SESSION};

const FOREIGN: [&str; 9] = [
    "rebound.example",
    "rebound.example:8080",
    "localhost",
    "localhost:8080",
    "auth.example.com.rebound.example",
    "xauth.example.com",
    "127.0.0.1.rebound.example",
    "[::1].rebound.example",
    "[::1",
];

/// A request as a browser sends it from a page that it takes for one of this server.
async fn from_page(request: RequestBuilder, host: &str) -> Answer {
    Answer::of(request.headers(headers(host)).header("sec-fetch-site", "same-origin")).await
}

/// `Host`, and the `Origin` of a page at that host.
fn headers(host: &str) -> HeaderMap {
    let value = |text: &str| HeaderValue::from_str(text).unwrap();
    HeaderMap::from_iter([(HOST, value(host)), (ORIGIN, value(&format!("https://{host}")))])
}

/// Finding 17, SEC-7
#[actix_web::test]
async fn a_rebound_name_gets_no_page_and_no_session() {
    let app = TestApp::spawn().await;
    let browser = app.browser("ann", Role::Admin).await;
    let log_in = json!({ "username": "ann", "password": PASSWORD });
    let form = [("username", "ann"), ("password", PASSWORD)];
    for host in FOREIGN {
        for path in ["/login", "/dashboard", "/dashboard/clients", "/dashboard/assets/mintery.css"]
        {
            let page = from_page(browser.request(Method::GET, path), host).await;
            assert_eq!(page.status, 403, "{host} {path}: {page:?}");
            assert!(page.body.contains("allowed_hosts"), "{host} {path}: {page:?}");
            page.assert_no_echo(host, path);
        }
        let posted = from_page(app.request(Method::POST, "/login").form(&form), host).await;
        assert_eq!((posted.status, posted.header("set-cookie")), (403, ""), "{host}: {posted:?}");
        for (what, request) in [
            ("a log-in", app.log_in_request(&log_in)),
            ("a log-in by form", app.request(Method::POST, SESSION).form(&form)),
            ("a log-out", browser.request(Method::DELETE, SESSION)),
            ("a read", browser.request(Method::GET, ME)),
            ("a check", browser.request(Method::GET, "/auth/check")),
            (
                "a change",
                browser
                    .request(Method::POST, "/api/v1/keys")
                    .header("content-type", "application/json")
                    .body(json!({ "name": "x" }).to_string()),
            ),
        ] {
            let answer = from_page(request, host).await;
            answer.assert_problem(403, "err_no_permission", &format!("{what} {host}"));
            assert_eq!(answer.header("set-cookie"), "", "{what} {host}");
            assert!(answer.text("detail").contains("allowed_hosts"), "{what}: {answer:?}");
        }
    }
    assert_eq!(browser.me().await.status, 200);
}

/// Finding 17: probes, scrapes and callers with a credential of their own use any name.
#[actix_web::test]
async fn other_routes_take_any_name() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let token = app.access_token(&client).await;
    for host in FOREIGN {
        let get = |path: &str| app.request(Method::GET, path).header("host", host);
        for path in ["/healthz", "/readyz", "/metrics", "/.well-known/oauth-authorization-server"] {
            assert_eq!(Answer::of(get(path)).await.status, 200, "{host} {path}");
        }
        for path in [ME, "/auth/check?scope=read"] {
            let answer = Answer::of(get(path).bearer_auth(&token)).await;
            assert_eq!(answer.status, 200, "{host} {path}");
        }
        let token = app.request(Method::POST, "/oauth/token").header("host", host);
        let token = token.header("authorization", client.basic());
        let token = Answer::of(token.form(&[("grant_type", "client_credentials")])).await;
        assert_eq!(token.status, 200, "{host}");
    }
}

/// Finding 17, SEC-7
#[actix_web::test]
async fn the_names_of_the_server_and_addresses_get_pages_and_sessions() {
    let app = TestApp::with(&[("allowed_hosts", "login.example.net, intern")]).await;
    app.user("ann", Role::Admin).await;
    let log_in = json!({ "username": "ann", "password": PASSWORD });
    for host in [
        "auth.example.com",
        "auth.example.com:8443",
        "AUTH.example.com",
        "auth.example.com.",
        "login.example.net",
        "intern:8080",
        "127.0.0.1:8080",
        "192.0.2.7",
        "[::1]:8080",
        "[2001:db8::7]",
    ] {
        let page = from_page(app.request(Method::GET, "/login"), host).await;
        assert_eq!(page.status, 200, "{host}: {page:?}");
        let answer = from_page(app.log_in_request(&log_in), host).await;
        assert_eq!(answer.status, 200, "{host}: {answer:?}");
        let by_origin_alone = app.log_in_request(&log_in).headers(headers(host));
        assert_eq!(Answer::of(by_origin_alone).await.status, 200, "{host}");
    }
    for host in ["sub.login.example.net", "login.example.net.rebound.example", "internal"] {
        let page = from_page(app.request(Method::GET, "/login"), host).await;
        assert_eq!(page.status, 403, "{host}: {page:?}");
    }
}
