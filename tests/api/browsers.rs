//! Web pages that call the API (CORS), and the other addresses at which it answers.

use reqwest::Method;

use crate::support::answer::Answer;
use crate::support::app::TestApp;

const PAGE: &str = "https://app.example.com";
const ALLOWED: &str = "access-control-allow-origin";

async fn preflight(app: &TestApp, path: &str, origin: &str) -> Answer {
    let request = app.request(Method::OPTIONS, path).header("origin", origin);
    Answer::of(request.header("access-control-request-method", "POST")).await
}

async fn get(app: &TestApp, path: &str, origin: &str) -> Answer {
    Answer::of(app.request(Method::GET, path).header("origin", origin)).await
}

/// SEC-7: CORS never with credentials.
#[track_caller]
fn assert_no_credentials(answer: &Answer) {
    assert_eq!(answer.header("access-control-allow-credentials"), "", "{answer:?}");
}

#[actix_web::test]
async fn pages_of_named_origins_may_call() {
    let settings = [
        ("cors.allowed_origins", "https://app.example.com,http://localhost:3000"),
        ("api.base_paths", "/v4"),
    ];
    let app = TestApp::with(&settings).await;
    // R10: a page discovers the server and gets a token.
    for path in [
        "/oauth/token",
        "/oauth/introspect",
        "/oauth/revoke",
        "/oauth/revocations",
        "/.well-known/jwks.json",
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-protected-resource",
        "/api/v1/users/me",
        "/api/v1/keys",
        "/auth/check",
        "/api/v1/auth/check",
        "/v4/users/me",
        "/v4/auth/check",
    ] {
        for origin in [PAGE, "http://localhost:3000"] {
            let answer = preflight(&app, path, origin).await;
            assert_eq!(
                (answer.status, answer.header(ALLOWED)),
                (204, origin),
                "{path}: {answer:?}"
            );
            let headers = answer.header("access-control-allow-headers").to_ascii_lowercase();
            assert_eq!(
                headers,
                "authorization, content-type, x-api-key, idempotency-key, mcp-protocol-version"
            );
            for method in ["GET", "POST", "PATCH", "DELETE"] {
                assert!(
                    answer.header("access-control-allow-methods").contains(method),
                    "{answer:?}"
                );
            }
            assert_eq!(answer.header("vary"), "Origin");
            answer.assert_request_id(path);
            assert_no_credentials(&answer);
        }
        for origin in [
            "https://evil.example",
            "https://app.example.com.evil.example",
            "http://app.example.com",
            "null",
            "",
        ] {
            let answer = preflight(&app, path, origin).await;
            // A check answers every method.
            let status = if path.ends_with("/check") { 401 } else { 405 };
            assert_eq!(
                (answer.status, answer.header(ALLOWED)),
                (status, ""),
                "{path} {origin}: {answer:?}"
            );
            assert_eq!(answer.header("vary"), "Origin", "{path} {origin}");
        }
        // Pages can read refusals too, to show the reason.
        let usual = app.get(path).await.status;
        let answer = get(&app, path, PAGE).await;
        assert_eq!(
            (answer.status, answer.header(ALLOWED), answer.header("vary")),
            (usual, PAGE, "Origin"),
            "{path}"
        );
        for header in
            ["X-Request-Id", "X-Auth-Subject", "X-Auth-Kind", "X-Auth-Scope", "Retry-After"]
        {
            assert!(answer.header("access-control-expose-headers").contains(header), "{answer:?}");
        }
        assert_no_credentials(&answer);
        let answer = get(&app, path, "https://evil.example").await;
        assert_eq!(
            (answer.status, answer.header(ALLOWED), answer.header("vary")),
            (usual, "", "Origin")
        );
        // Without an origin, `Vary` still announces that pages get another response.
        let answer = app.get(path).await;
        assert_eq!((answer.header(ALLOWED), answer.header("vary")), ("", "Origin"));
    }
    let client = app.client("read").await;
    let token = app.access_token(&client).await;
    let me = Answer::of(
        app.request(Method::GET, "/api/v1/users/me").header("origin", PAGE).bearer_auth(&token),
    )
    .await;
    assert_eq!((me.status, me.header(ALLOWED)), (200, PAGE));
}

#[actix_web::test]
async fn pages_may_not_call_anything_else() {
    let settings = [("cors.allowed_origins", PAGE), ("api.base_paths", "/v4")];
    let app = TestApp::with(&settings).await;
    // An OPTIONS request without CORS headers is not a preflight.
    let options = app.request(Method::OPTIONS, "/api/v1/keys").header("origin", PAGE);
    assert_eq!(Answer::of(options).await.status, 405);
    for path in [
        "/oauth/authorize",
        "/oauth/",
        "/.well-known",
        "/healthz",
        "/metrics",
        "/login",
        "/dashboard",
        "/api/v1",
        "/auth/checks",
        // Below a check, the path and the origin are those of a caller of another API.
        "/auth/check/api",
        "/v4/auth/check/api",
    ] {
        assert_eq!(preflight(&app, path, PAGE).await.header(ALLOWED), "", "{path}");
        assert_eq!(get(&app, path, PAGE).await.header(ALLOWED), "", "{path}");
    }
}

#[actix_web::test]
async fn pages_of_all_origins_may_call_or_none() {
    let app =
        TestApp::with(&[("cors.allowed_origins", "*"), ("api_keys.header", "X-Acme-Key")]).await;
    for origin in [PAGE, "null"] {
        let answer = preflight(&app, "/api/v1/keys", origin).await;
        assert_eq!((answer.status, answer.header(ALLOWED)), (204, "*"), "{answer:?}");
        assert!(
            answer
                .header("access-control-allow-headers")
                .to_ascii_lowercase()
                .contains("x-acme-key")
        );
        assert_no_credentials(&answer);
    }
    let app = TestApp::spawn().await;
    let answer = preflight(&app, "/api/v1/keys", PAGE).await;
    assert_eq!((answer.status, answer.header(ALLOWED), answer.header("vary")), (405, "", ""));
    assert_eq!(get(&app, "/api/v1/keys", PAGE).await.header("vary"), "");
}

#[actix_web::test]
async fn the_api_answers_below_other_paths() {
    let settings = [("issuer", "https://example.com/auth"), ("api.base_paths", "/v4,/acme/v5")];
    let app = TestApp::with(&settings).await;
    let client = app.client("read").await;
    let token = app.access_token(&client).await;
    for root in ["", "/auth"] {
        for base in ["/v4", "/acme/v5"] {
            let me = app.get_with(&format!("{root}{base}/users/me"), &token).await;
            assert_eq!((me.status, me.text("sub")), (200, client.id.clone()));
            let check = app.get_with(&format!("{root}{base}/auth/check?scope=read"), &token).await;
            assert_eq!((check.status, check.header("x-auth-subject")), (200, client.id.as_str()));
            // Programs read the body; proxies use another endpoint and read only headers.
            assert_eq!(
                (check.header("content-type"), check.json()),
                ("application/json", me.json())
            );
            assert_eq!(app.get_with(&format!("{root}/auth/check"), &token).await.body, "");
            assert_eq!(app.get(&format!("{root}{base}/users/me")).await.status, 401);
            let post =
                Answer::of(app.request(Method::POST, &format!("{root}{base}/users/me"))).await;
            assert_eq!((post.status, post.header("allow")), (405, "GET, HEAD"));
            assert_eq!(app.get(&format!("{root}{base}/keys")).await.status, 404);
        }
    }
    assert_eq!(app.get("/v5/users/me").await.status, 404);
}
