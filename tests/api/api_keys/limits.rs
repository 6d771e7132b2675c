//! Limits of a key: addresses, environment, APIs, requests per minute.

use std::time::Duration;

use mintery::admin::api_key::NewApiKey;
use mintery::model::address::AddressRanges;
use mintery::model::api_key::Environment;
use mintery::model::scope::ScopeSet;
use reqwest::Method;
use serde_json::json;

use super::{create, manager};
use crate::support::answer::Answer;
use crate::support::api_key::{KEYS, ME, owned_by};
use crate::support::app::{ISSUER, TestApp};

/// SEC-1: a key works only from its addresses, whatever forwarding headers claim.
#[actix_web::test]
async fn a_key_is_good_from_its_addresses() {
    let app = TestApp::with(&[("trusted_proxies", "127.0.0.1")]).await;
    let direct = TestApp::spawn().await;
    let allowed = || AddressRanges::parse("192.0.2.0/24,2001:db8::/32").unwrap();
    let owner = app.client("read").await;
    let key = app.key(NewApiKey { allowed: allowed(), ..owned_by(&owner) }).await.key;
    let from = async |app: &TestApp, key: &str, header: &str, value: &str| {
        Answer::of(app.as_header(Method::GET, ME, key).header(header, value)).await.status
    };
    for (header, value, status) in [
        ("x-forwarded-for", "192.0.2.7", 200),
        ("x-forwarded-for", "2001:db8::1", 200),
        ("x-forwarded-for", "::ffff:192.0.2.7", 200),
        ("forwarded", "for=192.0.2.7", 200),
        ("x-forwarded-for", "192.0.2.7, 198.51.100.1", 401),
        ("x-forwarded-for", "198.51.100.1", 401),
        ("x-forwarded-for", "unknown", 401),
        ("x-real-ip", "192.0.2.7", 401),
    ] {
        assert_eq!(from(&app, &key, header, value).await, status, "{header}: {value}");
    }
    // A header from a stranger does not turn the stranger into the trusted proxy.
    let here = || AddressRanges::parse("127.0.0.0/8").unwrap();
    let key = app.key(NewApiKey { allowed: here(), ..owned_by(&owner) }).await.key;
    for (listed, structured, status) in [
        (Some("198.51.100.1"), None, 401),
        (Some("198.51.100.1"), Some("for=unknown"), 401),
        (Some("198.51.100.1"), Some("for=192.0.2.7"), 401),
        (Some("198.51.100.1"), Some("for=127.0.0.1"), 401),
        (Some("unknown"), None, 401),
        (Some(""), None, 401),
        (None, Some("for=unknown"), 401),
        (None, Some("for=_hidden, for=127.0.0.1"), 401),
        (Some("127.0.0.2"), Some("for=127.0.0.2"), 200),
        (Some("127.0.0.2"), None, 200),
        (None, None, 200),
    ] {
        let headers = [("x-forwarded-for", listed), ("forwarded", structured)];
        let sent = headers.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let request = sent.fold(app.as_header(Method::GET, ME, &key), |request, sent| {
            request.header(sent.0, sent.1)
        });
        assert_eq!(Answer::of(request).await.status, status, "{listed:?} {structured:?}");
    }
    // Without a trusted proxy, forwarding headers are ignored.
    let owner = direct.client("read").await;
    let key = direct.key(NewApiKey { allowed: allowed(), ..owned_by(&owner) }).await.key;
    for header in
        ["x-forwarded-for", "forwarded", "x-real-ip", "cf-connecting-ip", "true-client-ip"]
    {
        assert_eq!(from(&direct, &key, header, "192.0.2.7").await, 401, "{header}");
    }
    // Finding 2: the address of an untrusted proxy is not that of the caller behind it. An unnamed
    // proxy may have an internal address.
    let key = direct.key(NewApiKey { allowed: here(), ..owned_by(&owner) }).await.key;
    assert_eq!(Answer::of(direct.as_header(Method::GET, ME, &key)).await.status, 200);
    for (header, value) in [
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-for", ""),
        ("forwarded", "for=127.0.0.1"),
    ] {
        assert_eq!(from(&direct, &key, header, value).await, 401, "{header}: {value}");
    }
}

/// Finding 2: a check says which address it judged, if that is certain.
#[actix_web::test]
async fn a_check_says_where_the_caller_is() {
    let behind =
        TestApp::with(&[("trusted_proxies", "127.0.0.1"), ("api.base_paths", "/v4")]).await;
    let direct = TestApp::spawn().await;
    for (app, path, forwarded, expected) in [
        (&behind, "/auth/check", Some("2001:db8::7, 192.0.2.7"), "192.0.2.7"),
        (&behind, "/auth/check/servers", Some("2001:db8::7"), "2001:db8::7"),
        (&behind, "/v4/auth/check", Some("::ffff:192.0.2.7"), "192.0.2.7"),
        (&behind, "/auth/check", None, "127.0.0.1"),
        (&behind, "/auth/check", Some("unknown"), ""),
        (&direct, "/auth/check", None, "127.0.0.1"),
        (&direct, "/auth/check", Some("192.0.2.7"), ""),
    ] {
        let client = app.client("read").await;
        let token = app.access_token(&client).await;
        let request = app.request(Method::GET, path).bearer_auth(&token);
        let request = match forwarded {
            Some(forwarded) => request.header("x-forwarded-for", forwarded),
            None => request,
        };
        let answer = Answer::of(request).await;
        let got = (answer.status, answer.header("x-auth-address"));
        assert_eq!(got, (200, expected), "{path} {forwarded:?}");
    }
}

/// A test key is never accepted in production.
#[actix_web::test]
async fn a_key_is_good_in_its_environment() {
    for (setting, live_passes, test_passes) in
        [("live", true, false), ("test", false, true), ("any", true, true)]
    {
        let app = TestApp::with(&[("api_keys.environment", setting)]).await;
        let owner = app.client("read").await;
        let live = app.key(owned_by(&owner)).await.key;
        let test =
            app.key(NewApiKey { environment: Environment::Test, ..owned_by(&owner) }).await.key;
        assert!(test.starts_with("mtk_test_"), "{test}");
        for (key, passes) in [(&live, live_passes), (&test, test_passes)] {
            if passes {
                app.accepts_key(key, setting).await;
            } else {
                app.refuses_key(key, setting).await;
            }
        }
        let check = async |key: &str, query: &str| {
            Answer::of(app.as_header(Method::GET, &format!("/auth/check{query}"), key)).await.status
        };
        assert_eq!((check(&live, "?env=live").await, check(&test, "?env=live").await), (200, 401));
        assert_eq!((check(&live, "?env=test").await, check(&test, "?env=test").await), (401, 200));
        assert_eq!((check(&live, "?env=any").await, check(&test, "?env=any").await), (200, 200));
        for bad in ["?env=LIVE", "?env=production", "?env=live&env=test", "?env=%00"] {
            assert_eq!((check(&live, bad).await, check(&test, bad).await), (403, 403), "{bad}");
        }
        // A token has no environment.
        let token = app.access_token(&owner).await;
        assert_eq!(app.get_with("/auth/check?env=live", &token).await.status, 200);
    }
}

/// 9068-4, as with tokens: another API must be one of the owner's, and Mintery's own scopes are for
/// Mintery.
#[actix_web::test]
async fn a_key_is_valid_for_the_apis_of_its_owner() {
    let app = TestApp::spawn().await;
    let scopes = "mintery:apis:write mintery:clients:write mintery:keys:write read write";
    let (owner, key) = manager(&app, scopes).await;
    let send = async |method, path: &str, body| {
        app.send_with_key(method, path, &key.key, Some(body)).await
    };
    for (name, scope) in [("orders", "read"), ("stock", "read write")] {
        let api = json!({ "resource": format!("https://{name}.example.com"), "name": name, "scope": scope });
        assert_eq!(send(Method::POST, "/api/v1/apis", api).await.status, 201);
    }
    let check = async |query: &str| {
        let path = format!("/auth/check?{query}");
        let answer = Answer::of(app.as_header(Method::GET, &path, &key.key)).await;
        (answer.status, answer.header("x-auth-scope").to_owned())
    };
    let orders = "resource=https://orders.example.com";
    assert_eq!(check(orders).await.0, 401);
    let path = format!("/api/v1/clients/{}", owner.id);
    let resources = json!({ "resources": ["https://orders.example.com"] });
    assert_eq!(send(Method::PATCH, &path, resources).await.status, 200);
    assert_eq!(check(orders).await, (200, "read".to_owned()));
    assert_eq!(check(&format!("{orders}&scope=write")).await.0, 403);
    assert_eq!(check(&format!("{orders}&scope=mintery:keys:write")).await.0, 403);
    assert_eq!(check(&format!("{orders}&resource={ISSUER}")).await, (200, "read".to_owned()));
    assert_eq!(check(&format!("resource={ISSUER}")).await, (200, scopes.to_owned()));
    for other in
        ["resource=https://stock.example.com", "resource=https://unknown.example.com", "resource=x"]
    {
        assert_eq!(check(other).await.0, 401, "{other}");
        assert_eq!(check(&format!("{orders}&{other}")).await.0, 401, "{other}");
    }
}

#[actix_web::test]
async fn a_key_with_a_limit_has_to_wait() {
    let app = TestApp::spawn().await;
    let owner = app.client("read mintery:keys:write").await;
    let scopes = Some(ScopeSet::parse("read mintery:keys:write").unwrap());
    let key = app.key(NewApiKey { max_per_minute: Some(3), scopes, ..owned_by(&owner) }).await;
    // A request with a body counts once.
    let body = json!({ "name": "x", "scope": "read", "max_requests_per_minute": 3 });
    assert_eq!(create(&app, &key, body).await.status, 201);
    assert_eq!(app.get_with("/auth/check?scope=read", &key.key).await.status, 200);
    assert_eq!(app.get_with(ME, &key.key).await.status, 200);
    let over = app.get_with(ME, &key.key).await;
    assert_eq!((over.status, over.text("code").as_str()), (429, "err_rate_limited"), "{over:?}");
    assert_eq!(over.header("retry-after"), "21");
    // nginx turns 429 into 500.
    let over = app.get_with("/auth/check", &key.key).await;
    assert_eq!((over.status, over.header("retry-after")), (403, "21"), "{over:?}");
    // Another service learns that the key is valid, but over its limit.
    let (_, asker) = manager(&app, "mintery:keys:verify").await;
    let asked = Some(json!({ "key": key.key }));
    let verified =
        app.send_with_key(Method::POST, &format!("{KEYS}/verify"), &asker.key, asked).await;
    assert_eq!(
        (verified.status, verified.json()),
        (200, json!({ "valid": false, "retry_after": 21 }))
    );
    // A request refused for another reason does not count against the limit.
    assert_eq!(app.get_with("/auth/check?scope=other", &key.key).await.status, 403);
    app.clock.let_pass(Duration::from_secs(21));
    assert_eq!(app.get_with(ME, &key.key).await.status, 200);
    assert_eq!(app.get_with(ME, &key.key).await.status, 429);
}
