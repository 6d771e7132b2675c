//! The server's metadata, and its responses at unknown addresses.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::answer::Answer;
use crate::support::app::{ISSUER, TestApp};

const SERVER: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";
const RESOURCE: &str = "/.well-known/oauth-protected-resource";

async fn document(app: &TestApp, path: &str) -> Value {
    let answer = app.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    assert_eq!(answer.header("content-type"), "application/json", "{path}");
    answer.assert_request_id(path);
    assert_no_empty_lists(&answer.json());
    answer.json()
}

fn assert_no_empty_lists(document: &Value) {
    for (name, value) in document.as_object().unwrap() {
        assert!(!value.is_null(), "{name}");
        assert!(value.as_array().is_none_or(|list| !list.is_empty()), "{name}");
    }
}

/// 8414-1, 8414-2, 8414-3
#[actix_web::test]
async fn the_metadata_say_what_the_server_does() {
    let app = TestApp::spawn().await;
    let metadata = document(&app, SERVER).await;
    assert_eq!(metadata["issuer"], ISSUER);
    assert_eq!(metadata["token_endpoint"], "https://auth.example.com/oauth/token");
    assert_eq!(metadata["jwks_uri"], "https://auth.example.com/.well-known/jwks.json");
    assert_eq!(metadata["authorization_endpoint"], "https://auth.example.com/oauth/authorize");
    assert_eq!(metadata["response_types_supported"], json!(["none"]));
    let grants = ["client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange"];
    assert_eq!(metadata["grant_types_supported"], json!(grants));
    let methods = metadata["token_endpoint_auth_methods_supported"].as_array().unwrap();
    assert!(
        methods.contains(&json!("client_secret_basic"))
            && methods.contains(&json!("client_secret_post"))
    );
    assert_eq!(metadata["introspection_endpoint"], "https://auth.example.com/oauth/introspect");
    assert_eq!(
        metadata["introspection_endpoint_auth_methods_supported"],
        metadata["token_endpoint_auth_methods_supported"]
    );
    assert_eq!(metadata["revocation_endpoint"], "https://auth.example.com/oauth/revoke");
    assert_eq!(
        metadata["revocation_endpoint_auth_methods_supported"],
        metadata["token_endpoint_auth_methods_supported"]
    );
    assert_eq!(metadata["introspection_signing_alg_values_supported"], json!(["RS256", "ES256"]));
    // The registry of RFC 8414 §7.1 and what later RFCs added to it, as far as this server may ever
    // have it.
    let registered = [
        "issuer",
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
        "registration_endpoint",
        "scopes_supported",
        "response_types_supported",
        "grant_types_supported",
        "token_endpoint_auth_methods_supported",
        "token_endpoint_auth_signing_alg_values_supported",
        "service_documentation",
        "ui_locales_supported",
        "revocation_endpoint",
        "revocation_endpoint_auth_methods_supported",
        "revocation_endpoint_auth_signing_alg_values_supported",
        "introspection_endpoint",
        "introspection_endpoint_auth_methods_supported",
        "introspection_endpoint_auth_signing_alg_values_supported",
        "introspection_signing_alg_values_supported",
        "code_challenge_methods_supported",
        "tls_client_certificate_bound_access_tokens",
        "mtls_endpoint_aliases",
        "dpop_signing_alg_values_supported",
        "authorization_details_types_supported",
        "protected_resources",
    ];
    for (name, value) in metadata.as_object().unwrap() {
        assert!(registered.contains(&name.as_str()), "{name} is not registered");
        if name != "response_types_supported" {
            let names_none = value.as_array().is_some_and(|list| list.contains(&json!("none")));
            assert!(!names_none, "{name}: {value}");
        }
    }
    // Every named endpoint exists.
    for (name, value) in metadata.as_object().unwrap() {
        if name.ends_with("_endpoint") || name.ends_with("_uri") {
            let path = value.as_str().unwrap().strip_prefix(ISSUER).unwrap();
            assert_ne!(app.get(path).await.status, 404, "{name}");
        }
    }
}

/// The same document with what OpenID discovery requires, at its place (OpenID Connect Discovery
/// §4).
///
/// 8414-1, 8414-2
#[actix_web::test]
async fn openid_clients_find_the_metadata_where_they_look() {
    let app = TestApp::spawn().await;
    let openid = document(&app, OPENID).await;
    for (name, value) in document(&app, SERVER).await.as_object().unwrap() {
        assert_eq!(openid[name], *value, "{name}");
    }
    assert_eq!(openid["subject_types_supported"], json!(["public"]));
    assert_eq!(openid["id_token_signing_alg_values_supported"], json!(["ES256", "RS256"]));
    let app = TestApp::with(&[("token.alg", "EdDSA")]).await;
    let algorithms = &document(&app, OPENID).await["id_token_signing_alg_values_supported"];
    assert_eq!(*algorithms, json!(["EdDSA", "ES256", "RS256"]));

    let app = TestApp::with(&[("issuer", "https://example.com/tenant")]).await;
    for path in [
        "/.well-known/openid-configuration/tenant",
        "/tenant/.well-known/openid-configuration",
        OPENID,
    ] {
        assert_eq!(document(&app, path).await["issuer"], "https://example.com/tenant", "{path}");
    }

    let off =
        [("metadata.openid_configuration", "false"), ("issuer", "https://example.com/tenant")];
    let app = TestApp::with(&off).await;
    for path in [
        "/.well-known/openid-configuration/tenant",
        "/tenant/.well-known/openid-configuration",
        OPENID,
    ] {
        assert_eq!(app.get(path).await.status, 404, "{path}");
    }
    assert_eq!(app.get(&format!("{SERVER}/tenant")).await.status, 200);
}

/// 8414-1
#[actix_web::test]
async fn the_issuer_never_comes_from_the_caller() {
    let app = TestApp::spawn().await;
    for path in [SERVER, RESOURCE] {
        let usual = app.get(path).await;
        let request = app
            .request(Method::GET, path)
            .header("host", "attacker.example.com")
            .header("x-forwarded-host", "attacker.example.com")
            .header("x-forwarded-proto", "http")
            .header("forwarded", "host=attacker.example.com;proto=http");
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body, usual.body);
    }
    let request =
        app.request(Method::GET, "/api/v1/users/me").header("host", "attacker.example.com");
    Answer::of(request).await.assert_no_echo("attacker", "the challenge");
    let absolute = format!(
        "GET http://attacker.example.com{SERVER} HTTP/1.1\r\nHost: attacker.example.com\r\n\r\n"
    );
    let answer = app.raw(absolute).await.unwrap();
    assert_eq!(answer.json()["issuer"], ISSUER);
}

/// 8414-1: the issuer is the URL without the well-known part, also with a path; and everything is
/// found when a proxy strips the path.
#[actix_web::test]
async fn an_issuer_with_a_path_is_inserted() {
    let issuer = "https://example.com/tenant";
    let app = TestApp::with(&[("issuer", issuer)]).await;
    let metadata = document(&app, &format!("{SERVER}/tenant")).await;
    assert_eq!(metadata["issuer"], issuer);
    assert_eq!(metadata["token_endpoint"], "https://example.com/tenant/oauth/token");
    assert_eq!(metadata["jwks_uri"], "https://example.com/tenant/.well-known/jwks.json");
    assert_eq!(metadata["authorization_endpoint"], "https://example.com/tenant/oauth/authorize");
    let resource = document(&app, &format!("{RESOURCE}/tenant")).await;
    assert_eq!(resource["resource"], issuer);
    assert_eq!(resource["authorization_servers"], json!([issuer]));

    let client = app.client("read").await;
    for prefix in ["", "/tenant"] {
        let request = app
            .request(Method::POST, &format!("{prefix}/oauth/token"))
            .header("authorization", client.basic())
            .form(&[("grant_type", "client_credentials")]);
        let answer = Answer::of(request).await;
        answer.assert_token(prefix);
        let token = answer.text("access_token");
        assert_eq!(crate::support::forge::part(&token, 1)["iss"], issuer);
        assert_eq!(crate::support::forge::part(&token, 1)["aud"], issuer);
        for path in ["/api/v1/users/me", "/auth/check", "/.well-known/jwks.json"] {
            let answer = app.get_with(&format!("{prefix}{path}"), &token).await;
            assert_eq!(answer.status, 200, "{prefix}{path}: {answer:?}");
        }
        let challenge = app.get(&format!("{prefix}/api/v1/users/me")).await;
        let expected =
            "resource_metadata=\"https://example.com/.well-known/oauth-protected-resource/tenant\"";
        assert!(challenge.header("www-authenticate").contains(expected), "{challenge:?}");
    }
    // R22: some clients append the name, as for the OpenID document.
    for (name, inserted) in [(SERVER, &metadata), (RESOURCE, &resource)] {
        assert_eq!(document(&app, &format!("/tenant{name}")).await, *inserted, "{name}");
        assert_eq!(document(&app, name).await, *inserted, "{name}");
    }
    assert_eq!(app.get(&format!("{SERVER}/other")).await.status, 404);
    assert_eq!(app.get("/other/oauth/token").await.status, 404);
    app.get("/tenant/nothing").await.assert_problem(404, "err_not_found", "below the path");
}

/// Errors below the issuer's path have the shape of the endpoints there.
#[actix_web::test]
async fn errors_of_the_oauth_endpoints_below_a_path_are_of_rfc_6749() {
    let app = TestApp::with(&[("issuer", "https://example.com/tenant")]).await;
    app.get("/tenant/oauth/nothing").await.assert_oauth_error(404, "invalid_request", "404");
    app.get("/tenant/oauth/token").await.assert_oauth_error(405, "invalid_request", "405");
}

/// 8414-2, R20: the endpoint that some clients insist on, with the method that they look for, and
/// its switch.
#[actix_web::test]
async fn the_authorization_endpoint_is_a_switch() {
    for (setting, is_named) in [("true", true), ("false", false)] {
        let app = TestApp::with(&[("metadata.authorization_endpoint", setting)]).await;
        let metadata = document(&app, SERVER).await;
        assert_eq!(metadata.get("authorization_endpoint").is_some(), is_named);
        let methods = metadata.get("code_challenge_methods_supported");
        assert_eq!(methods, is_named.then_some(&json!(["S256"])));
        // Required by RFC 8414 §2 in any case.
        assert_eq!(metadata["response_types_supported"], json!(["none"]));
    }
}

/// 8414-2
#[actix_web::test]
async fn the_authorization_endpoint_refuses_everything_with_a_page() {
    let app = TestApp::spawn().await;
    let marker = "%3Cscript%3EMARKER";
    for query in [
        String::new(),
        format!(
            "?response_type=code&client_id={marker}&redirect_uri=https://attacker.example.com/{marker}&state={marker}"
        ),
        "?response_type=none&redirect_uri=javascript:alert(1)".to_owned(),
    ] {
        let page = app.get(&format!("/oauth/authorize{query}")).await;
        assert_eq!(page.status, 400, "{page:?}");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        let policy = page.header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(page.header("cache-control").contains("no-store"), "{page:?}");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert!(page.header("location").is_empty(), "{page:?}");
        assert!(page.body.contains("issues access tokens to programs"), "{page:?}");
        page.assert_no_echo("MARKER", &query);
        page.assert_no_echo("attacker", &query);
        page.assert_request_id(&query);
    }
}

/// All of `/oauth/` answers errors in the shape of RFC 6749 §5.2.
#[actix_web::test]
async fn another_method_at_the_authorization_endpoint_is_an_oauth_error() {
    let app = TestApp::spawn().await;
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let answer = Answer::of(app.request(method.clone(), "/oauth/authorize")).await;
        assert!(answer.header("allow").contains("GET"), "{method}: {answer:?}");
        answer.assert_oauth_error(405, "invalid_request", method.as_str());
    }
}

/// 9728-1
#[actix_web::test]
async fn the_api_says_who_issues_its_tokens() {
    let app = TestApp::spawn().await;
    let metadata = document(&app, RESOURCE).await;
    assert_eq!(metadata["resource"], ISSUER);
    assert_eq!(metadata["authorization_servers"], json!([ISSUER]));
    assert_eq!(metadata["bearer_methods_supported"], json!(["header"]));
    let registered = [
        "resource",
        "authorization_servers",
        "jwks_uri",
        "scopes_supported",
        "bearer_methods_supported",
        "resource_signing_alg_values_supported",
        "resource_name",
        "resource_documentation",
        "resource_policy_uri",
        "resource_tos_uri",
        "tls_client_certificate_bound_access_tokens",
        "authorization_details_types_supported",
        "dpop_signing_alg_values_supported",
        "dpop_bound_access_tokens_required",
    ];
    for name in metadata.as_object().unwrap().keys() {
        assert!(registered.contains(&name.as_str()), "{name} is not registered");
    }
}

#[actix_web::test]
async fn an_orchestrator_is_told_that_it_is_up_and_ready() {
    let app = TestApp::spawn().await;
    for path in ["/healthz", "/readyz"] {
        let answer = app.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_eq!(answer.json()["status"], "ok", "{path}");
        assert!(answer.header("cache-control").contains("no-store"), "{path}");
        answer.assert_request_id(path);
    }
    let metrics = app.get("/metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(metrics.header("content-type").starts_with("text/plain"), "{metrics:?}");
    assert!(
        metrics.body.contains("# TYPE mintery_tokens_issued_total counter"),
        "{}",
        metrics.body
    );
}

/// `/metrics` on its own listener is absent from the main one. Each of its responses has an id too.
#[actix_web::test]
async fn metrics_may_have_a_listener_of_their_own() {
    let free =
        std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut app = TestApp::with(&[("metrics.listen", &free)]).await;
    app.get("/metrics").await.assert_problem(404, "err_not_found", "/metrics");
    app.url = format!("http://{free}");
    let metrics = app.get("/metrics").await;
    assert_eq!(metrics.status, 200, "{metrics:?}");
    assert!(metrics.body.contains("mintery_tokens_issued_total"), "{metrics:?}");
    metrics.assert_request_id("/metrics");
    app.get("/nothing").await.assert_problem(404, "err_not_found", "nothing but metrics");
    app.get("/oauth/authorize").await.assert_problem(404, "err_not_found", "no endpoints");
}

#[actix_web::test]
async fn where_there_is_nothing_it_says_so() {
    let app = TestApp::spawn().await;
    for path in [
        "/",
        "/nothing",
        "/oauth",
        "/oauthx",
        "/api/v1/nothing",
        "/api/v1/users/me/",
        "/api/v2/users/me",
        "/AUTH/CHECK",
        "/.well-known/nothing",
        "/healthz/",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/%00",
        "/%ff",
    ] {
        let answer = app.get(path).await;
        answer.assert_problem(404, "err_not_found", path);
    }
    for path in
        ["/oauth/", "/oauth/nothing", "/oauth/token/", "/oauth/token/x", "/oauth/authorize/x"]
    {
        app.get(path).await.assert_oauth_error(404, "invalid_request", path);
    }
    let posted = Answer::of(app.request(Method::POST, "/nothing").body("x")).await;
    posted.assert_problem(404, "err_not_found", "POST");
}

/// RFC 9110 §15.5.6: a response to an unsupported method lists the supported ones.
#[actix_web::test]
async fn another_method_is_405_with_allow() {
    let app = TestApp::spawn().await;
    let paths = [
        "/api/v1/users/me",
        "/healthz",
        "/readyz",
        "/metrics",
        "/.well-known/jwks.json",
        SERVER,
        RESOURCE,
    ];
    for path in paths {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let answer = Answer::of(app.request(method.clone(), path)).await;
            answer.assert_problem(405, "err_invalid_request", &format!("{method} {path}"));
            assert!(answer.header("allow").contains("GET"), "{method} {path}: {answer:?}");
        }
    }
}

/// RFC 9110 §9.3.2: HEAD is answered as GET is, without the content; RFC 9110 §9.1 asks it of every
/// server.
#[actix_web::test]
async fn head_is_get_without_a_body() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let token = app.access_token(&client).await;
    let mut wrong = Vec::new();
    for path in [
        "/api/v1/users/me",
        "/auth/check",
        "/healthz",
        "/readyz",
        "/metrics",
        "/.well-known/jwks.json",
        SERVER,
        RESOURCE,
        "/oauth/authorize",
        "/api/v1/clients",
        "/api/v1/keys",
        "/api/v1/users",
        "/api/v1/clients/nobody",
    ] {
        let get = app.get_with(path, &token).await;
        let request =
            app.request(Method::HEAD, path).header("authorization", format!("Bearer {token}"));
        let head = Answer::of(request).await;
        if head.status != get.status || !head.body.is_empty() {
            wrong.push(format!(
                "{path}: GET {}, HEAD {} with Allow: {}",
                get.status,
                head.status,
                head.header("allow")
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
