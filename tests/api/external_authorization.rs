//! `/auth/check` for proxies that send the caller's own method and path (Envoy and Istio
//! `ext_authz`).

use mintery::model::user::Role;
use reqwest::Method;

use crate::support::answer::Answer;
use crate::support::app::{ISSUER, TestApp};

const SCOPE: &str = "X-Auth-Require-Scope";
const RESOURCE: &str = "X-Auth-Require-Resource";
const API: &str = "https://api.example.com";

const BASES: [&str; 4] =
    ["/auth/check", "/api/v1/auth/check", "/auth/auth/check", "/v4/auth/check"];

const METHODS: [Method; 9] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
    Method::TRACE,
    Method::CONNECT,
];

async fn behind_proxy() -> TestApp {
    TestApp::with(&[
        ("issuer", "https://auth.example.com/auth"),
        ("api.base_paths", "/v4"),
        ("trusted_proxies", "127.0.0.1"),
    ])
    .await
}

/// R11
#[actix_web::test]
async fn a_check_answers_every_method_and_path() {
    let app = behind_proxy().await;
    let client = app.client("read write").await;
    let token = app.access_token(&client).await;
    for base in BASES {
        // CONNECT has no path in HTTP/1.1, so a proxy cannot send it here.
        for method in METHODS.into_iter().filter(|method| *method != Method::CONNECT) {
            for rest in ["", "/", "/servers", "/servers/7?scope=admin&x=y&x", "//a/../b%2Fc"] {
                let what = format!("{method} {base}{rest}");
                let request = || app.request(method.clone(), &format!("{base}{rest}"));
                let answer = Answer::of(request().bearer_auth(&token)).await;
                assert_eq!(answer.status, 200, "{what}: {answer:?}");
                assert_eq!(answer.header("x-auth-subject"), client.id, "{what}");
                assert_eq!(Answer::of(request().bearer_auth("x")).await.status, 401, "{what}");
                assert_eq!(Answer::of(request()).await.status, 401, "{what}");
            }
        }
    }
    let body = app.request(Method::POST, "/auth/check/servers").bearer_auth(&token).body("{}");
    assert_eq!(Answer::of(body).await.status, 200);
    assert_eq!(app.get_with("/auth/checks", &token).await.status, 404);
}

/// R11: below the path, the query is the caller's own; a trusted proxy's headers demand.
#[actix_web::test]
async fn headers_of_a_trusted_proxy_demand_scopes_and_resources() {
    let app = behind_proxy().await;
    let client = app.client("read write").await;
    let token = app.access_token(&client).await;
    let issuer = format!("{ISSUER}/auth");
    for (headers, status) in [
        (&[(SCOPE, "read")][..], 200),
        (&[(SCOPE, "write read")], 200),
        (&[(SCOPE, "read"), (RESOURCE, &issuer)], 200),
        (&[(SCOPE, "admin")], 403),
        (&[(SCOPE, "read admin")], 403),
        (&[(RESOURCE, API)], 401),
        (&[(RESOURCE, &issuer), (RESOURCE, API)], 401),
        (&[(SCOPE, "read"), (SCOPE, "read")], 403),
        (&[(SCOPE, "")], 403),
        (&[(SCOPE, "read  write")], 403),
        (&[(RESOURCE, "")], 403),
        (&[("X-Auth-Require-Scopes", "admin")], 403),
        (&[("X-Auth-Require-Env", "live")], 403),
    ] {
        for base in BASES {
            let path = format!("{base}/servers?scope=none");
            let request = app.request(Method::POST, &path).bearer_auth(&token);
            let request = headers
                .iter()
                .fold(request, |request, (name, value)| request.header(*name, *value));
            let answer = Answer::of(request).await;
            assert_eq!(answer.status, status, "{base} {headers:?}: {answer:?}");
        }
    }
}

/// R11: a demand in a place where it would not count is refused, never dropped.
#[actix_web::test]
async fn a_demand_that_does_not_count_is_403() {
    let trusting = behind_proxy().await;
    let client = trusting.client("read").await;
    let token = trusting.access_token(&client).await;
    for (name, value) in [(SCOPE, "read"), (RESOURCE, "https://auth.example.com/auth")] {
        let request = trusting.request(Method::GET, "/auth/check?scope=read").bearer_auth(&token);
        let answer = Answer::of(request.header(name, value)).await;
        answer.assert_problem(403, "err_no_permission", "a header beside a query");
    }
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let token = app.access_token(&client).await;
    for (name, value) in [(SCOPE, "read"), (RESOURCE, ISSUER)] {
        let request = app.request(Method::GET, "/auth/check/servers").bearer_auth(&token);
        let answer = Answer::of(request.header(name, value)).await;
        answer.assert_problem(403, "err_no_permission", "a header of a stranger");
    }
    assert_eq!(app.get_with("/auth/check/servers", &token).await.status, 200);
}

/// R11, SEC-7: a session is checked as for a change, whichever method the caller used.
#[actix_web::test]
async fn a_session_of_another_site_is_refused_for_every_method() {
    let app = TestApp::spawn().await;
    let browser = app.browser("ann", Role::Admin).await;
    for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE] {
        let request = browser.request(method.clone(), "/auth/check/servers");
        let answer = Answer::of(request.header("origin", "https://evil.example")).await;
        answer.assert_problem(403, "err_no_permission", method.as_str());
    }
}
