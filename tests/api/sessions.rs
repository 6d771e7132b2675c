//! Log-in, log-out, and the permissions of sessions.

use std::time::Duration;

use mintery::admin::session;
use mintery::model::user::Role;
use reqwest::Method;
use serde_json::json;

use crate::support::answer::Answer;
use crate::support::app::{ISSUER, TestApp, new_client, within_a_second};
use crate::support::people::{Browser, ME, PASSWORD, SESSION};

const HOUR: Duration = Duration::from_hours(1);
const CLIENTS: &str = "/api/v1/clients";

/// SEC-7, SEC-10
#[actix_web::test]
async fn a_user_logs_in_and_out() {
    let app = TestApp::spawn().await;
    let ann = app.user("Ann", Role::Admin).await;
    let answer = app.try_log_in("aNN", PASSWORD).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let set = answer.header("set-cookie");
    assert!(set.starts_with("__Host-session=mtss_"), "{set}");
    for attribute in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure", "; Max-Age=604800"] {
        assert!(set.contains(attribute), "{attribute}: {set}");
    }
    assert!(!set.contains("Domain"), "{set}");
    assert_eq!(answer.header("cache-control"), "no-store");
    let browser = Browser::given(&app, &answer);
    assert!(!answer.body.contains(&browser.cookie), "{answer:?}");
    let me = browser.me().await;
    assert_eq!(me.body, answer.body);
    let me = me.json();
    assert_eq!(
        (&me["sub"], &me["kind"], &me["name"]),
        (&json!(ann.id.as_str()), &json!("user"), &json!("Ann"))
    );
    assert_eq!(
        (&me["credential"], &me["expires_at"]),
        (&json!("session"), &json!(app.now() + 7 * 24 * 3600))
    );
    assert!(me["scope"].as_str().unwrap().contains("mintery:clients:write"));
    let check = browser.get("/auth/check?scope=mintery:clients:read").await;
    assert_eq!((check.status, check.header("x-auth-kind")), (200, "user"));
    assert_eq!(check.header("x-auth-subject"), ann.id.as_str());

    let out = browser.send(Method::DELETE, SESSION, None).await;
    assert_eq!((out.status, out.body.as_str()), (204, ""), "{out:?}");
    assert!(
        out.header("set-cookie").starts_with("__Host-session=; Path=/; Max-Age=0; HttpOnly"),
        "{out:?}"
    );
    browser.me().await.assert_invalid_token("logged out");
    // Repeating it is not an error.
    assert_eq!(browser.send(Method::DELETE, SESSION, None).await.status, 204);
    let nobody = Answer::of(app.request(Method::DELETE, SESSION)).await;
    nobody.assert_problem(401, "err_unauthorised", "nobody is logged in");
}

/// By form too, but not from another site.
#[actix_web::test]
async fn a_form_logs_in() {
    let app = TestApp::spawn().await;
    let ann = app.user("ann", Role::Member).await;
    let send = async |body: &str, origin: Option<&str>| {
        let request = app.request(Method::POST, "/api/v1/session");
        let request =
            request.header("content-type", "application/x-www-form-urlencoded; charset=utf-8");
        let request = match origin {
            Some(origin) => request.header("origin", origin),
            None => request,
        };
        Answer::of(request.body(body.to_owned())).await
    };
    let password =
        percent_encoding::utf8_percent_encode(PASSWORD, percent_encoding::NON_ALPHANUMERIC);
    let good = format!("username=ann&password={password}");
    let answer = send(&good, None).await;
    assert_eq!((answer.status, answer.text("sub")), (200, ann.id.to_string()), "{answer:?}");
    assert!(answer.header("set-cookie").starts_with("__Host-session="), "{answer:?}");
    assert_eq!(send("username=ann&password=wrong", None).await.status, 401);
    assert_eq!(send(&good, Some("https://evil.example")).await.status, 403);
    for bad in
        ["username=ann", "password=x", &format!("{good}&password=x"), &format!("{good}&x=y"), "%"]
    {
        let answer = send(bad, None).await;
        assert_eq!(answer.status, 400, "{bad}: {answer:?}");
        answer.assert_no_echo(PASSWORD, bad);
    }
}

#[actix_web::test]
async fn the_cookie_is_called_what_is_configured() {
    for (settings, name, is_secure) in [
        (&[("issuer", "http://127.0.0.1:8080")][..], "session", false),
        (&[("session.cookie_name", "connect.sid")], "connect.sid", true),
    ] {
        let app = TestApp::with(settings).await;
        let ann = app.user("ann", Role::Viewer).await;
        let answer = Answer::of(
            app.log_in_request(&json!({ "username": "ann", "password": PASSWORD }))
                .header("sec-fetch-site", "same-origin"),
        )
        .await;
        let set = answer.header("set-cookie");
        assert!(set.starts_with(&format!("{name}=mtss_")), "{set}");
        assert_eq!(set.contains("Secure"), is_secure, "{set}");
        let browser = Browser::given(&app, &answer);
        assert_eq!(browser.me().await.json()["sub"], ann.id.as_str());
    }
}

/// A session has the permissions of its role.
#[actix_web::test]
async fn a_session_may_what_its_user_may() {
    let app = TestApp::spawn().await;
    let (admin, viewer, member) = (
        app.browser("ann", Role::Admin).await,
        app.browser("vic", Role::Viewer).await,
        app.browser("meg", Role::Member).await,
    );
    let body = || json!({ "client_name": "x", "scope": "read mintery:clients:read" });
    let made = admin.post(CLIENTS, body()).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(admin.get(CLIENTS).await.status, 200);
    assert_eq!(viewer.get(CLIENTS).await.status, 200);
    viewer.post(CLIENTS, body()).await.assert_problem(403, "err_no_permission", "a viewer");
    member.get(CLIENTS).await.assert_problem(403, "err_no_permission", "a member");
    let events = admin.get("/api/v1/events?kind=client.created").await.json();
    assert!(events["items"][0]["actor"].as_str().unwrap().starts_with("user:mu_"), "{events}");
}

/// SEC-7: a request that another site makes a browser send changes nothing.
#[actix_web::test]
async fn a_change_by_cookie_comes_from_a_page_of_this_server() {
    let app = TestApp::with(&[("cors.allowed_origins", "https://app.example.com")]).await;
    let browser = app.browser("ann", Role::Admin).await;
    let body = json!({ "client_name": "x", "scope": "read" }).to_string();
    let post = || browser.request(Method::POST, CLIENTS).body(body.clone());
    let json =
        |request: reqwest::RequestBuilder| request.header("content-type", "application/json");
    for (what, request, status) in [
        ("another origin", json(post()).header("origin", "https://evil.example"), 403),
        (
            "an origin that may call with a token",
            json(post()).header("origin", "https://app.example.com"),
            403,
        ),
        ("no origin", json(post()), 403),
        ("a page that does not say", json(post()).header("origin", "null"), 403),
        (
            "another site",
            json(post()).header("sec-fetch-site", "cross-site").header("origin", ISSUER),
            403,
        ),
        ("a sister", json(post()).header("sec-fetch-site", "same-site"), 403),
        (
            "a form",
            post()
                .header("content-type", "application/x-www-form-urlencoded")
                .header("origin", ISSUER),
            400,
        ),
        ("plain text", post().header("content-type", "text/plain").header("origin", ISSUER), 400),
        ("no type", post().header("origin", ISSUER), 400),
    ] {
        let answer = Answer::of(request).await;
        let code = if status == 403 { "err_no_permission" } else { "err_invalid_request" };
        answer.assert_problem(status, code, what);
        assert_eq!(answer.header("access-control-allow-credentials"), "", "{what}");
    }
    assert_eq!(browser.get(CLIENTS).await.json()["items"].as_array().unwrap().len(), 0);
    let own = json(post()).header("sec-fetch-site", "same-origin");
    assert_eq!(Answer::of(own).await.status, 201);
    // Log-in as another user, and log-out, are changes too.
    let log_in = app.request(Method::POST, SESSION).header("content-type", "application/json");
    let log_in = log_in.header("origin", "https://evil.example");
    let log_in = log_in.body(json!({ "username": "ann", "password": PASSWORD }).to_string());
    let answer = Answer::of(log_in).await;
    answer.assert_problem(403, "err_no_permission", "logged in from elsewhere");
    assert_eq!(answer.header("set-cookie"), "");
    let log_out = browser.request(Method::DELETE, SESSION).header("origin", "https://evil.example");
    Answer::of(log_out).await.assert_problem(403, "err_no_permission", "logged out from elsewhere");
    let form =
        app.request(Method::POST, SESSION).form(&[("username", "ann"), ("password", PASSWORD)]);
    let form = form.header("origin", "https://evil.example");
    Answer::of(form).await.assert_problem(403, "err_no_permission", "a form from elsewhere");
    // A page of another site gets no access with a cookie.
    let preflight = app
        .request(Method::OPTIONS, CLIENTS)
        .header("origin", "https://app.example.com")
        .header("access-control-request-method", "POST");
    assert_eq!(Answer::of(preflight).await.header("access-control-allow-credentials"), "");
    assert_eq!(browser.me().await.status, 200);
    // A proxy always checks with GET, whatever its own request was, and forwards the browser's
    // headers.
    let check = |origin: &str| {
        browser.request(Method::GET, "/auth/check").header("origin", origin.to_owned())
    };
    assert_eq!(Answer::of(check("https://evil.example")).await.status, 403);
    assert_eq!(Answer::of(check(ISSUER)).await.status, 200);
}

/// SEC-7: a session fixed beforehand is not adopted.
#[actix_web::test]
async fn logging_in_begins_another_session() {
    let app = TestApp::spawn().await;
    let (ann, eve) = (app.user("ann", Role::Admin).await, app.user("eve", Role::Viewer).await);
    let of_eve = app.log_in(&eve).await;
    let body = json!({ "username": "ann", "password": PASSWORD });
    let made_up = "mtss_00000000000000000000000000000000000000000000000000";
    for fixed in
        [of_eve.header(), format!("__Host-session={made_up}"), "__Host-session=fixed".to_owned()]
    {
        let answer = Answer::of(app.log_in_request(&body).header("cookie", &fixed)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let browser = Browser::given(&app, &answer);
        assert_ne!(browser.header(), fixed);
        assert_eq!(browser.me().await.json()["sub"], ann.id.as_str());
        let with_fixed = Answer::of(app.request(Method::GET, ME).header("cookie", &fixed)).await;
        assert_eq!(with_fixed.status, 401, "{with_fixed:?}");
    }
    of_eve.me().await.assert_invalid_token("the one before ended");
}

/// SEC-7
#[actix_web::test]
async fn unused_and_old_sessions_end() {
    let app = TestApp::spawn().await;
    let idle = app.browser("ann", Role::Viewer).await;
    app.clock.advance(Duration::from_secs(12 * 3600 - 1));
    assert_eq!(idle.me().await.status, 200);
    app.clock.advance(Duration::from_secs(12 * 3600 - 1));
    assert_eq!(idle.me().await.status, 200, "it was used");
    app.clock.advance(12 * HOUR);
    idle.me().await.assert_invalid_token("unused for 12 hours");
    idle.me().await.assert_invalid_token("and for good");

    let used = app.browser("bob", Role::Viewer).await;
    for _ in 0..27 {
        app.clock.advance(6 * HOUR);
        assert_eq!(used.me().await.status, 200);
    }
    app.clock.advance(Duration::from_secs(6 * 3600 - 1));
    assert_eq!(used.me().await.status, 200);
    app.clock.advance(Duration::from_secs(1));
    used.me().await.assert_invalid_token("a week old");
}

/// SEC-10: immediately on this node, within a second on others.
#[actix_web::test]
async fn a_session_is_ended_from_elsewhere() {
    let app = TestApp::spawn().await;
    let ann = app.user("ann", Role::Viewer).await;
    let (one, two, three) =
        (app.log_in(&ann).await, app.log_in(&ann).await, app.log_in(&ann).await);
    let sessions = session::list(&app.admin, &ann.id).await.unwrap();
    assert_eq!(sessions.len(), 3);
    for browser in [&one, &two, &three] {
        assert_eq!(browser.me().await.status, 200);
    }
    let is_over = async |browser: &Browser<'_>| browser.me().await.status == 401;
    session::revoke(&app.admin, &ann.id, &sessions[0].id).await.unwrap();
    app.caught_up().await;
    let mut over = 0;
    for browser in [&one, &two, &three] {
        over += usize::from(is_over(browser).await);
    }
    assert_eq!(over, 1);
    session::revoke_all(&app.admin, &ann.id, Some(sessions[1].id.clone())).await.unwrap();
    app.caught_up().await;
    let mut over = 0;
    for browser in [&one, &two, &three] {
        over += usize::from(is_over(browser).await);
    }
    assert_eq!(over, 2);
    session::revoke_all(&app.admin, &ann.id, None).await.unwrap();
    for browser in [&one, &two, &three] {
        within_a_second(401, || browser.me()).await;
    }
}

/// 6750-2
#[actix_web::test]
async fn one_credential_also_where_one_is_a_cookie() {
    let app = TestApp::spawn().await;
    let ann = app.user("ann", Role::Viewer).await;
    let (browser, other) = (app.log_in(&ann).await, app.log_in(&ann).await);
    let token = app.access_token(&app.create(new_client("read")).await).await;
    let get = || app.request(Method::GET, ME);
    let (own, its) = (browser.header(), other.header());
    for (what, request) in [
        ("a cookie and a token", get().header("cookie", &own).bearer_auth(&token)),
        ("a cookie and what is no token", get().header("cookie", &own).bearer_auth("x")),
        ("a cookie and a key", get().header("cookie", &own).header("x-api-key", "x")),
        ("two cookies", get().header("cookie", format!("{own}; {its}"))),
        ("two headers", get().header("cookie", &own).header("cookie", &its)),
        (
            "a token in the query",
            app.request(Method::GET, "/api/v1/users/me?access_token=x").header("cookie", &own),
        ),
    ] {
        let answer = Answer::of(request).await;
        answer.assert_problem(400, "err_invalid_request", what);
        answer.assert_no_echo(&browser.cookie, what);
    }
    let long = "x".repeat(10_240);
    for (what, cookie) in [
        ("twice the same", format!("{own}; {own}")),
        ("beside others", format!("a=b; session=x;{own}; theme=dark")),
        ("beside one that others have set by this name", format!("__Host-session=s%3Aabc; {own}")),
        ("beside a long one", format!("x={long}; {own}")),
    ] {
        let answer = Answer::of(get().header("cookie", cookie)).await;
        assert_eq!(
            (answer.status, &answer.json()["sub"]),
            (200, &json!(ann.id.as_str())),
            "{what}"
        );
    }
    let beside_no_text = [b"x=\xff\xfe; __Host-session=\xff; ", own.as_bytes()].concat();
    assert_eq!(Answer::of(get().header("cookie", beside_no_text)).await.status, 200);
    // Cookies of other programs are ignored, and a token beside them is the only credential.
    for foreign in [
        "__Host-session=s%3Aabc",
        "session=abc",
        "__Host-session=",
        "__Host-session",
        "=;=;;",
        &format!("__Host-session={long}"),
    ] {
        Answer::of(get().header("cookie", foreign)).await.assert_problem(
            401,
            "err_unauthorised",
            foreign,
        );
        assert_eq!(
            Answer::of(get().header("cookie", foreign).bearer_auth(&token)).await.status,
            200,
            "{foreign}"
        );
    }
    // R12: an empty header is no credential.
    for name in ["authorization", "x-api-key"] {
        let answer = Answer::of(get().header("cookie", &own).header(name, "")).await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
    }
    let twice = format!("{own}; {its}");
    let check = Answer::of(app.request(Method::GET, "/auth/check").header("cookie", twice)).await;
    check.assert_invalid_token("two cookies at a check");
    let elsewhere = browser.get("/auth/check?resource=https://other.example").await;
    elsewhere.assert_invalid_token("a session is for Mintery alone");
}
