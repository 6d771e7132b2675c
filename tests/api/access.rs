//! `GET /api/v1/users/me` and `GET /auth/check`.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderValue};

use crate::support::answer::Answer;
use crate::support::app::{ISSUER, TestApp, basic};

const ME: &str = "/api/v1/users/me";
const CHECKS: [&str; 2] = ["/auth/check", "/api/v1/auth/check"];
const METADATA: &str =
    "resource_metadata=\"https://auth.example.com/.well-known/oauth-protected-resource\"";

async fn with_authorization(app: &TestApp, path: &str, value: &[u8]) -> Answer {
    let value = HeaderValue::from_bytes(value).unwrap();
    Answer::of(app.request(Method::GET, path).header(AUTHORIZATION, value)).await
}

/// 6750-6
#[actix_web::test]
async fn a_token_identifies_its_caller() {
    let app = TestApp::spawn().await;
    let client = app.client("read write").await;
    let token = app.access_token(&client).await;
    let me = app.me(&token).await;
    assert_eq!(me.status, 200, "{me:?}");
    assert_eq!(me.header("content-type"), "application/json");
    assert!(me.header("cache-control").contains("no-store"), "{me:?}");
    me.assert_request_id("me");
    let expected = serde_json::json!({
        "sub": client.id,
        "kind": "client",
        "name": "tester",
        "scope": "read write",
        "credential": "access_token",
        "expires_at": app.now() + 3600,
    });
    assert_eq!(me.json(), expected);

    for scheme in ["bearer", "BEARER", "bEaReR"] {
        for path in [ME, CHECKS[0], CHECKS[1]] {
            let answer =
                with_authorization(&app, path, format!("{scheme} {token}").as_bytes()).await;
            assert_eq!(answer.status, 200, "{scheme} {path}: {answer:?}");
        }
    }
}

/// 6750-1
#[actix_web::test]
async fn without_a_credential_there_is_a_challenge_and_no_error_code() {
    let app = TestApp::spawn().await;
    for path in [ME, CHECKS[0], CHECKS[1]] {
        let answer = app.get(path).await;
        answer.assert_problem(401, "err_unauthorised", path);
        assert_eq!(answer.json()["title"], "Authentication credentials are missing");
        let challenge = answer.header("www-authenticate");
        assert!(challenge.starts_with("Bearer "), "{challenge}");
        assert!(challenge.contains(METADATA), "{challenge}");
        assert!(!challenge.contains("error") && !challenge.contains("scope"), "{challenge}");
    }
}

/// 6750-1: an unknown scheme is not a credential (RFC 6750 §3.1).
#[actix_web::test]
async fn another_scheme_is_told_of_this_one() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let token = app.access_token(&client).await;
    let other: [&[u8]; 7] = [
        b"MARKER",
        b"Token MARKER",
        b"Basic Og==",
        b"DPoP MARKER",
        &[b"DPoP ", token.as_bytes()].concat(),
        token.as_bytes(),
        &[b"Bearer", token.as_bytes()].concat(),
    ];
    for value in other {
        for path in [ME, CHECKS[0]] {
            let input = format!("{path} {}", value.escape_ascii());
            let answer = with_authorization(&app, path, value).await;
            answer.assert_problem(401, "err_unauthorised", &input);
            answer.assert_no_echo("MARKER", &input);
            let challenge = answer.header("www-authenticate");
            assert!(
                challenge.contains(METADATA) && !challenge.contains("error"),
                "{input}: {challenge}"
            );
        }
    }
}

/// 6750-3
#[actix_web::test]
async fn an_invalid_token_is_rejected() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let token = app.access_token(&client).await;
    let bad: [&[u8]; 10] = [
        b"Bearer",
        b"Bearer ",
        b"Bearer MARKER",
        b"Bearer a.b.c",
        b"Bearer ..",
        b"Bearer e30.e30.e30",
        b"Bearer \xff\xfe",
        b"Bearer \xc3\xa9",
        &[b"Bearer ", token.as_bytes(), b" ", token.as_bytes()].concat(),
        &[b"Bearer ", token.as_bytes(), b", Basic Og=="].concat(),
    ];
    for value in bad {
        for path in [ME, CHECKS[0]] {
            let input = format!("{path} {}", value.escape_ascii());
            let answer = with_authorization(&app, path, value).await;
            answer.assert_invalid_token(&input);
            answer.assert_no_echo("MARKER", &input);
            assert!(answer.header("www-authenticate").contains(METADATA), "{input}");
        }
    }
}

/// 6750-3: a client's own secret is not accepted by an API.
#[actix_web::test]
async fn basic_opens_no_api() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    for credentials in [client.basic(), basic("a:b"), "Basic !".to_owned()] {
        for path in [ME, CHECKS[0]] {
            let answer = with_authorization(&app, path, credentials.as_bytes()).await;
            answer.assert_problem(401, "err_unauthorised", &credentials);
            answer.assert_no_echo(&client.secret, &credentials);
        }
    }
}

/// 6750-3
#[actix_web::test]
async fn a_token_expires() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let token = app.access_token(&client).await;
    app.clock.advance(Duration::from_millis(3_599_999));
    assert_eq!(app.me(&token).await.status, 200);
    app.clock.advance(Duration::from_millis(1));
    app.me(&token).await.assert_invalid_token("at the moment");
    // Also one that was never seen before that moment.
    let other = app.access_token(&client).await;
    app.clock.advance(Duration::from_hours(1));
    app.me(&other).await.assert_invalid_token("never seen");
    // A clock that is set back makes it valid again, but not before it was issued.
    app.clock.turn_back(Duration::from_hours(1));
    assert_eq!(app.me(&other).await.status, 200);
    app.clock.turn_back(Duration::from_secs(10));
    assert_eq!(app.me(&other).await.status, 200, "within the skew");
    app.clock.turn_back(Duration::from_secs(1));
    app.me(&other).await.assert_invalid_token("not yet valid");
}

/// 6750-5, 6750-2
#[actix_web::test]
async fn a_token_in_the_query_is_refused() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let token = app.access_token(&client).await;
    for name in ["access_token", "%61ccess_token", "x=y&access_token"] {
        let path = format!("{ME}?{name}={token}");
        for answer in [app.get(&path).await, app.get_with(&path, &token).await] {
            answer.assert_problem(400, "err_invalid_request", name);
            answer.assert_no_echo(&token, name);
        }
        for check in CHECKS {
            let path = format!("{check}?{name}={token}");
            for answer in [app.get(&path).await, app.get_with(&path, &token).await] {
                assert_eq!(answer.status, 401, "{name}: {answer:?}");
                answer.assert_no_echo(&token, name);
            }
        }
    }
}

/// 6750-2
#[actix_web::test]
async fn two_credentials_are_refused() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let token = app.access_token(&client).await;
    for second in [format!("Bearer {token}"), "Bearer x".to_owned(), client.basic()] {
        for (path, status) in [(ME, 400), (CHECKS[0], 401), (CHECKS[1], 401)] {
            let request = app
                .request(Method::GET, path)
                .header(AUTHORIZATION, format!("Bearer {token}"))
                .header(AUTHORIZATION, &second);
            let answer = Answer::of(request).await;
            let code = if status == 400 { "err_invalid_request" } else { "err_unauthorised" };
            answer.assert_problem(status, code, &second);
            if status == 400 {
                assert!(
                    answer.header("www-authenticate").contains("error=\"invalid_request\""),
                    "{answer:?}"
                );
            }
        }
    }
}

/// 6750-4
#[actix_web::test]
async fn a_check_asks_for_scopes() {
    let app = TestApp::spawn().await;
    let client = app.client("read write delete").await;
    let token = app.token(&client).scope("read write").send().await.text("access_token");
    for check in CHECKS {
        for query in [
            "",
            "?",
            "?scope=read",
            "?scope=read+write",
            "?scope=write%20read",
            "?resource=https://auth.example.com",
            "?resource=https%3A%2F%2Fauth.example.com&scope=read",
        ] {
            let answer = app.get_with(&format!("{check}{query}"), &token).await;
            assert_eq!(answer.status, 200, "{query}: {answer:?}");
            assert_eq!(answer.header("x-auth-subject"), client.id, "{query}");
            assert_eq!(answer.header("x-auth-kind"), "client", "{query}");
            assert_eq!(answer.header("x-auth-scope"), "read write", "{query}");
            assert_eq!(answer.body, "", "{query}");
        }
        for (query, missing) in [
            ("?scope=delete", "delete"),
            ("?scope=read+delete", "delete"),
            ("?scope=delete+admin", "admin delete"),
            ("?scope=READ", "READ"),
            ("?scope=rea", "rea"),
            ("?scope=mintery:clients:read", "mintery:clients:read"),
        ] {
            let answer = app.get_with(&format!("{check}{query}"), &token).await;
            answer.assert_problem(403, "err_no_permission", query);
            let challenge = answer.header("www-authenticate");
            assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
            assert!(challenge.contains(&format!("scope=\"{missing}\"")), "{query}: {challenge}");
            assert!(challenge.contains(METADATA), "{challenge}");
            let body = answer.json();
            assert!(body["detail"].as_str().unwrap().contains(missing), "{query}: {body}");
            assert!(body["message"].as_str().unwrap().contains(missing), "{query}: {body}");
            assert_eq!(answer.header("x-auth-subject"), "", "{query}");
        }
    }
}

/// 6750-4: an impossible scope is never granted; an unreadable check never admits a caller.
#[actix_web::test]
async fn a_check_for_a_malformed_scope_is_403() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let token = app.access_token(&client).await;
    for query in [
        "?scope=read++write",
        "?scope=+read",
        "?scope=read+",
        "?scope=%22read%22",
        "?scope=%5C",
        "?scope=%00",
        "?scope=read%0A",
        "?scope=read%0D%0AX-Injected:1",
        "?scope=%C3%A9",
        "?scope=%ff",
        "?scope=%zz",
        "?scope=%",
        "?scope=read&scope=%22",
        "?s%63ope=%22",
    ] {
        for check in CHECKS {
            let answer = app.get_with(&format!("{check}{query}"), &token).await;
            answer.assert_problem(403, "err_no_permission", query);
            assert!(answer.headers.get("x-injected").is_none(), "{query}");
        }
    }
}

/// Finding 7: a check with a misspelled, empty or ambiguous demand grants nothing.
#[actix_web::test]
async fn a_check_that_demands_something_else_is_403() {
    let app = TestApp::with(&[("api.base_paths", "/v4")]).await;
    let client = app.client("read write").await;
    let token = app.access_token(&client).await;
    for query in [
        "?scopes=admin",
        "?Scope=admin",
        "?SCOPE=read",
        "?%20scope=read",
        "?scope%5B%5D=read",
        "?scope=",
        "?scope",
        "?scope=read&scope=",
        "?scope=read&scope=read",
        "?scope=read&scope=write",
        "?scope=read;env=live",
        "?resourse=https://auth.example.com",
        "?resource=",
        "?resource=https://auth.example.com&resource=",
        "?environment=test",
        "?env=",
        "?env=live&env=live",
        "?env=any&env=test",
        "?env=production",
        "?=read",
        "?read",
        "?unknown=x",
        "?scope=read&unknown",
        "?scope=read&?scope=write",
    ] {
        for check in [CHECKS[0], CHECKS[1], "/v4/auth/check"] {
            let answer = app.get_with(&format!("{check}{query}"), &token).await;
            answer.assert_problem(403, "err_no_permission", query);
            assert_eq!(answer.header("x-auth-subject"), "", "{query}");
        }
    }
}

/// 9068-4, 6750-3
#[actix_web::test]
async fn a_check_asks_for_a_resource() {
    let api = "https://api.example.com";
    let app = TestApp::with(&[("token.audience", api)]).await;
    let client = app.client("read").await;
    let for_api = app.access_token(&client).await;
    let for_both =
        app.token(&client).resource(ISSUER).resource(api).send().await.text("access_token");
    let check =
        async |token: &str, query: &str| app.get_with(&format!("/auth/check{query}"), token).await;
    for (token, query, status) in [
        (&for_api, "?resource=https://api.example.com", 200),
        (&for_api, "?resource=https://api.example.com&scope=read", 200),
        (&for_api, "?resource=https://api.example.com&scope=write", 403),
        (&for_api, "", 401),
        (&for_api, "?resource=", 403),
        (&for_api, "?resource=https://auth.example.com", 401),
        (&for_api, "?resource=https://api.example.com/", 200),
        (&for_api, "?resource=https://api.example.com//", 401),
        (&for_api, "?resource=https://other.example.com", 401),
        (&for_api, "?resource=%00", 401),
        (&for_api, "?resource=https://api.example.com&resource=https://auth.example.com", 401),
        (&for_both, "", 200),
        (&for_both, "?resource=https://api.example.com", 200),
        (&for_both, "?resource=https://api.example.com&resource=https://auth.example.com", 200),
    ] {
        let answer = check(token, query).await;
        assert_eq!(answer.status, status, "{query}: {answer:?}");
        if status == 401 {
            answer.assert_invalid_token(query);
        }
    }
}

/// nginx turns everything but 2xx, 401 and 403 into 500.
#[actix_web::test]
async fn a_check_never_says_anything_but_200_401_and_403() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let token = app.access_token(&client).await;
    let long = format!("?scope={}", "a".repeat(8000));
    for query in [
        "?%",
        "?&&&",
        "?=",
        "?scope",
        "?resource",
        "?%00=%00",
        "?scope=%F0%28%8C%28",
        long.as_str(),
    ] {
        for method in [Method::GET, Method::HEAD] {
            for authorization in [format!("Bearer {token}"), "Bearer x".to_owned(), "é".to_owned()]
            {
                let request = app.request(method.clone(), &format!("/auth/check{query}")).header(
                    AUTHORIZATION,
                    HeaderValue::from_bytes(authorization.as_bytes()).unwrap(),
                );
                let answer = Answer::of(request).await;
                assert!(
                    matches!(answer.status, 200 | 401 | 403),
                    "{method} {query} {authorization}: {answer:?}"
                );
            }
        }
    }
}
