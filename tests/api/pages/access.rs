//! Access to pages: session, role, form token, method and path.

use mintery::model::user::Role;
use reqwest::Method;

use super::{Pages, hidden_fields};
use crate::support::answer::Answer;
use crate::support::api_key::owned_by;
use crate::support::app::{ISSUER, TestApp};
use crate::support::people::{Browser, PASSWORD};

/// SEC-7
#[actix_web::test]
async fn a_page_needs_a_session() {
    let app = TestApp::spawn().await;
    app.user("ann", Role::Admin).await;
    for path in
        ["/dashboard", "/dashboard/keys", "/dashboard/settings/api", "/dashboard/clients/new"]
    {
        let answer = app.get(path).await;
        assert_eq!(answer.status, 303, "{path}: {answer:?}");
        assert!(answer.header("location").starts_with("/login"), "{path}: {answer:?}");
    }
    let form = app.get("/login?next=%2Fdashboard%2Fkeys%3Fstate%3Dunused").await;
    assert_eq!(form.status, 200);
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        (
            "content-security-policy",
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; \
             frame-ancestors 'none'; base-uri 'none'",
        ),
    ] {
        assert_eq!(form.header(name), value);
    }
    assert!(!form.body.contains(" style=") && !form.body.contains("<style"), "{}", form.body);
    let log_in = |password: &'static str, origin: &'static str| {
        let fields =
            [("username", "ann"), ("password", password), ("next", "/dashboard/keys?state=unused")];
        Answer::of(app.request(Method::POST, "/login").header("origin", origin).form(&fields))
    };
    let wrong = log_in("wrong", ISSUER).await;
    assert_eq!((wrong.status, wrong.header("set-cookie")), (401, ""), "{wrong:?}");
    assert!(wrong.body.contains("Wrong username or password"), "{wrong:?}");
    assert_eq!(log_in(PASSWORD, "https://evil.example").await.status, 403);
    let right = log_in(PASSWORD, ISSUER).await;
    assert_eq!(
        (right.status, right.header("location")),
        (303, "/dashboard/keys?state=unused"),
        "{right:?}"
    );
    let browser = Browser::given(&app, &right);
    let pages = Pages { app: &app, browser };
    assert!(pages.page("/dashboard/keys?state=unused").await.contains("ann"));
    assert_eq!(pages.get("/login?next=//evil.example").await.header("location"), "/dashboard");

    // A log-out from another site is rejected.
    assert_eq!(pages.send("/logout", &[]).await.status, 403);
    // The browser then omits the cookie, and must not get an empty one.
    let elsewhere = app.request(Method::POST, "/logout").header("origin", "https://evil.example");
    let elsewhere = Answer::of(elsewhere.form(&[("csrf_token", "")])).await;
    assert_eq!((elsewhere.status, elsewhere.header("set-cookie")), (403, ""), "{elsewhere:?}");
    pages.page("/dashboard").await;
    let out = pages.press("/logout").await;
    assert_eq!((out.status, out.header("location")), (303, "/login?done=logged-out"), "{out:?}");
    assert!(out.header("set-cookie").contains("Max-Age=0"), "{out:?}");
    assert_eq!(pages.get("/dashboard").await.status, 303);
}

/// Of two users who edit the same object, the second is warned.
#[actix_web::test]
async fn a_form_that_is_out_of_date_is_refused() {
    let app = TestApp::spawn().await;
    app.api("https://orders.example.com").await;
    let vic = app.user("vic", Role::Viewer).await;
    let key = app.key(owned_by(&app.client("read").await)).await;
    let pages = Pages::of(&app, "ann", Role::Admin).await;
    let of_key = |name| vec![("name", name), ("scope", "read"), ("life", "keep")];
    let of_user = |name| vec![("username", name), ("role", "member")];
    let of_api = |name| vec![("name", name), ("scopes", "read")];
    for (path, what, one, other) in [
        (format!("/dashboard/keys/{}/edit", key.id()), "API key", of_key("One"), of_key("Other")),
        (format!("/dashboard/users/{}/edit", vic.id), "user", of_user("One"), of_user("Other")),
        (
            "/dashboard/apis/edit?resource=https://orders.example.com".to_owned(),
            "API",
            of_api("One"),
            of_api("Other"),
        ),
    ] {
        let seen = hidden_fields(&pages.page(&path).await);
        let seen = seen.into_iter().find(|(name, _)| name == "seen").unwrap().1;
        let saved = pages.fill(&path, &one).await;
        assert_eq!(saved.status, 303, "{saved:?}");
        let late = pages.fill(&path, &[&[("seen", seen.as_str())], &*other].concat()).await;
        assert_eq!(late.status, 409, "{path}: {late:?}");
        assert!(late.body.contains(&format!("The {what} has changed in the meantime")), "{late:?}");
        assert!(late.body.contains("value=\"Other\""), "{late:?}");
        assert_eq!(
            pages.press_with(&path, &other).await.status,
            409,
            "{path}: not a word on what was seen"
        );
        assert_eq!(pages.fill(&path, &other).await.status, 303, "{path}");
    }
}

#[actix_web::test]
async fn a_page_allows_no_more_than_the_role() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let viewer = Pages::of(&app, "vic", Role::Viewer).await;
    let path = format!("/dashboard/clients/{}", client.id);
    for page in
        ["/dashboard", "/dashboard/keys", "/dashboard/clients", path.as_str(), "/dashboard/apis"]
    {
        let text = viewer.page(page).await;
        let main = text.split_once("<main").unwrap().1;
        let main = main.replace("/dashboard/keys/new\"", "");
        assert!(!main.contains("method=\"post\"") && !main.contains("/new\""), "{page}: {main}");
    }
    for act in ["disable", "enable", "delete", "revoke-tokens", "edit"] {
        let answer = viewer.press_with(&format!("{path}/{act}"), &[("name", "x")]).await;
        assert_eq!(answer.status, 403, "{act}: {answer:?}");
    }
    for page in ["/dashboard/clients/new", "/dashboard/users/new", "/dashboard/signing-keys/rotate"]
    {
        assert_eq!(viewer.get(page).await.status, 403, "{page}");
    }
    let member = Pages::of(&app, "meg", Role::Member).await;
    assert!(!member.page("/dashboard").await.contains("/dashboard/clients"));
    for page in
        ["/dashboard/clients", "/dashboard/activity", "/dashboard/signing-keys", path.as_str()]
    {
        assert_eq!(member.get(page).await.status, 403, "{page}");
    }
    assert!(!member.page("/dashboard/sessions").await.contains(">vic<"));
    let refused = viewer.get("/dashboard/nothing").await;
    assert_eq!(refused.status, 404);
    assert!(refused.body.contains(refused.header("x-request-id")), "{refused:?}");
    let wrong = Answer::of(viewer.browser.request(Method::DELETE, "/dashboard/keys")).await;
    assert_eq!((wrong.status, wrong.header("allow")), (405, "GET, HEAD, POST"), "{wrong:?}");
}

/// A search for impossible characters finds nothing, on either engine.
#[actix_web::test]
async fn an_impossible_search_finds_nothing() {
    let app = TestApp::spawn().await;
    let pages = Pages::of(&app, "ann", Role::Admin).await;
    app.client("read").await;
    for path in [
        "/dashboard/users?username=%00",
        "/dashboard/users?after=%00",
        "/dashboard/activity?kind=%00",
        "/dashboard/activity?subject=a%00b",
        "/dashboard/activity?actor=%00",
        "/dashboard/keys?name=%00",
        "/dashboard/keys?owner=%00",
        "/dashboard/clients?name=%00",
        "/dashboard/clients?after=%00",
    ] {
        assert_eq!(pages.get(path).await.status, 400, "{path}");
    }
    for path in ["/dashboard/clients/%00", "/dashboard/apis/show?resource=https://a.example/%00"] {
        assert!(matches!(pages.get(path).await.status, 400 | 404), "{path}");
    }
    let posted =
        pages.press_with("/dashboard/clients/new", &[("name", "a\0b"), ("scope", "read")]).await;
    assert_eq!(posted.status, 400, "{posted:?}");
    assert_eq!(app.get("/login?next=%00").await.status, 200);
}

/// A server behind a path answers pages below it, and every link leads there.
#[actix_web::test]
async fn pages_are_below_the_path_of_the_issuer() {
    let app = TestApp::with(&[("issuer", "https://auth.example.com/auth")]).await;
    let pages = Pages::of(&app, "ann", Role::Admin).await;
    for path in ["/auth/dashboard/keys", "/dashboard/keys"] {
        let page = pages.page(path).await;
        for link in page.split("href=\"/").skip(1).chain(page.split("src=\"/").skip(1)) {
            assert!(link.starts_with("auth/"), "{link:.60}");
        }
        let style =
            page.split("rel=\"stylesheet\" href=\"").nth(1).unwrap().split('"').next().unwrap();
        let file = app.get(style).await;
        assert_eq!(file.header("cache-control"), "public, max-age=31536000, immutable");
    }
    let nobody = app.get("/auth/dashboard/keys").await;
    assert_eq!(nobody.header("location"), "/auth/login?next=%2Fdashboard%2Fkeys");
}
