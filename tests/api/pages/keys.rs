//! Pages of API keys.

use std::time::Duration;

use mintery::model::user::Role;
use reqwest::Method;
use serde_json::json;

use super::{DAY, Pages, hidden_fields, id_in, own_id, text_of};
use crate::support::answer::Answer;
use crate::support::app::{ISSUER, TestApp};

#[actix_web::test]
async fn a_key_is_made_once_and_shown_once() {
    let app = TestApp::spawn().await;
    let owner = app.client("read write").await;
    let pages = Pages::of(&app, "ann", Role::Admin).await;
    assert!(pages.page("/dashboard/keys").await.contains("No API keys yet"));
    let new = format!("/dashboard/keys/new?owner={}", owner.id);
    let fields = [
        ("name", "<b>\u{202e}Server"),
        ("owner", owner.id.as_str()),
        ("environment", "live"),
        ("scope", "read"),
        ("life", "30"),
        ("allowed", "127.0.0.0/8\n2001:db8::/32"),
        ("limit", "100"),
    ];
    let page = pages.page(&new).await;
    let mut sent: Vec<(String, String)> = hidden_fields(&page)
        .into_iter()
        .filter(|(name, _)| name == "csrf_token" || name == "once")
        .collect();
    sent.extend(fields.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let made = pages.send("/dashboard/keys/new", &sent).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.header("cache-control"), "no-store");
    let key = text_of(&made.body, "key");
    let me = app.get_with("/api/v1/users/me", &key).await;
    assert_eq!((me.status, me.scope().as_str()), (200, "read"), "{me:?}");
    let command = format!("curl -H 'Authorization: Bearer {key}' {ISSUER}/api/v1/users/me");
    assert_eq!(text_of(&made.body, "curl"), command);

    // Repeated, the form creates nothing and shows no key.
    let again = pages.send("/dashboard/keys/new", &sent).await;
    assert_eq!(again.status, 409, "{again:?}");
    assert!(again.body.contains("Already created") && !again.body.contains(&key), "{again:?}");
    let list = pages.page("/dashboard/keys").await;
    assert_eq!(list.matches("role=\"rowheader\"").count(), 1, "{list}");
    assert!(list.contains("&#60;b&#62;\u{202e}Server") && !list.contains("<b>"), "{list}");
    assert!(!list.contains(&key), "{list}");

    // Another form with the same token is another request.
    let mut other = sent.clone();
    other.iter_mut().find(|(name, _)| name == "name").unwrap().1 = "Other".to_owned();
    assert_eq!(pages.send("/dashboard/keys/new", &other).await.status, 409);
}

#[actix_web::test]
async fn a_form_error_is_shown_at_its_field() {
    let app = TestApp::spawn().await;
    let owner = app.client("read").await;
    let pages = Pages::of(&app, "ann", Role::Admin).await;
    let new = format!("/dashboard/keys/new?owner={}", owner.id);
    let good =
        [("name", "n"), ("owner", owner.id.as_str()), ("environment", "live"), ("life", "never")];
    let long = "n".repeat(10_000);
    for (field, value, problem_of, problem) in [
        ("name", "", "name", "1 to 200 characters"),
        ("name", long.as_str(), "name", "1 to 200 characters"),
        ("name", "a\u{7}b", "name", "control characters"),
        ("scope", "\"", "scope", "printable ASCII"),
        ("owner", " ", "owner", "client id"),
        ("owner", "mc_nobody", "owner", "There is no client mc_nobody"),
        ("life", "0", "life", "Choose a lifetime"),
        ("life", "custom", "days", "Enter a number of days"),
        ("allowed", "10.0.0.1/8", "allowed", "the range is 10.0.0.0/8"),
        ("allowed", "0.0.0.0/0", "allowed", "contains every address"),
        ("limit", "0", "limit", "Enter a number from"),
    ] {
        let mut fields: Vec<(&str, &str)> =
            good.iter().copied().filter(|(name, _)| *name != field).collect();
        fields.push((field, value));
        let answer = pages.fill(&new, &fields).await;
        assert_eq!(answer.status, 400, "{field}={value:.20}: {answer:?}");
        let told = text_of(&answer.body, &format!("{problem_of}-problem"));
        assert!(told.contains(problem), "{field}: {told}");
        assert!(answer.body.len() < 60_000, "{} bytes", answer.body.len());
    }
    let beyond = pages.fill(&new, &[&good[..], &[("scope", "write")]].concat()).await;
    assert_eq!(beyond.status, 400);
    assert!(beyond.body.contains("The owner does not have the scope write"), "{beyond:?}");
    assert!(pages.page("/dashboard/keys").await.contains("No API keys yet"));
    assert_eq!(pages.send(&new, &[]).await.status, 403);
}

#[actix_web::test]
async fn a_key_goes_through_its_life() {
    let app = TestApp::spawn().await;
    let owner = app.client("read write").await;
    let pages = Pages::of(&app, "ann", Role::Admin).await;
    let new = format!("/dashboard/keys/new?owner={}", owner.id);
    let fields =
        [("name", "one"), ("owner", owner.id.as_str()), ("environment", "test"), ("life", "365")];
    let made = pages.fill(&new, &fields).await;
    let key = text_of(&made.body, "key");
    let path =
        made.body.split("href=\"/dashboard/keys/ak_").nth(1).unwrap().split('"').next().unwrap();
    let path = format!("/dashboard/keys/ak_{path}");
    assert!(pages.page(&path).await.contains("Never"));
    assert_eq!(app.get_with("/auth/check", &key).await.status, 401, "a test key");

    let fields = [("name", "two"), ("scope", "read"), ("life", "keep"), ("limit", "7")];
    let saved = pages.fill(&format!("{path}/edit"), &fields).await;
    assert_eq!(saved.header("location"), format!("{path}?done=saved"), "{saved:?}");
    let page = pages.page(&format!("{path}?done=saved")).await;
    assert!(page.contains("Changes saved.") && page.contains("<bdi>two</bdi>"), "{page}");
    assert!(!pages.page(&format!("{path}?done=%3Cb%3E")).await.contains("role=\"status\"><p>"));

    let first = pages.fill(&format!("{path}/rotate"), &[("overlap", "24"), ("life", "keep")]).await;
    assert_eq!(first.status, 201, "{first:?}");
    assert_ne!(text_of(&first.body, "key"), key);
    let again =
        pages.press_with(&format!("{path}/rotate"), &[("overlap", "24"), ("life", "keep")]).await;
    assert_eq!(again.header("location"), format!("{path}/rotate?step=2"), "{again:?}");
    for step in ["2", "3", "4"] {
        let page = pages.page(&format!("{path}/rotate?step={step}")).await;
        assert!(page.contains(&format!("step {step} of 4")), "{page}");
    }
    let deleted = pages.press_with(&format!("{path}/revoke"), &[("rotation", "yes")]).await;
    let successor = id_in(&deleted, "/dashboard/keys/");
    assert_eq!(deleted.header("location"), format!("/dashboard/keys/{successor}?done=revoked"));
    assert_eq!(pages.get(&path).await.status, 404);

    let path = format!("/dashboard/keys/{successor}");
    assert_eq!(pages.press(&format!("{path}/disable")).await.status, 303);
    assert!(pages.page(&path).await.contains("Disabled"));
    assert_eq!(pages.press(&format!("{path}/enable")).await.status, 303);
    assert!(pages.page(&path).await.contains("Active"));
    assert_eq!(
        pages.press(&format!("{path}/revoke")).await.header("location"),
        "/dashboard/keys?done=revoked"
    );
    let log = pages.page("/dashboard/activity?kind=api_key").await;
    assert!(log.contains("API key rotated") && log.contains("user:mu_"), "{log}");
}

#[actix_web::test]
async fn lists_are_in_pages_with_the_newest_first() {
    let app = TestApp::spawn().await;
    let owner = app.client("read").await;
    let robot = app.client("read mintery:keys:write").await;
    let token =
        app.token(&robot).scope("read mintery:keys:write").send().await.text("access_token");
    for number in 0..60 {
        let body = json!({ "name": format!("Key {number:02}"), "owner": owner.id, "expires_in": 86_400 * (number + 1) });
        let request = app
            .request(Method::POST, "/api/v1/keys")
            .header("authorization", format!("Bearer {token}"));
        let made = Answer::of(request.json(&body)).await;
        assert_eq!(made.status, 201, "{made:?}");
        if number % 2 == 0 {
            app.clock.advance(Duration::from_millis(1));
        }
        if number == 59 {
            for _ in 0..3 {
                assert_eq!(app.get_with("/api/v1/users/me", &made.text("key")).await.status, 200);
            }
        }
    }
    app.flush_usage().await;
    let pages = Pages::of(&app, "ann", Role::Admin).await;
    let names = |page: &str| -> Vec<String> {
        let cells = page.split("<bdi>Key ").skip(1);
        cells.map(|rest| rest.split('<').next().unwrap().to_owned()).collect()
    };
    for start in ["/dashboard/keys".to_owned(), format!("/dashboard/keys?owner={}", owner.id)] {
        let (mut path, mut seen) = (start, Vec::new());
        loop {
            let page = pages.page(&path).await;
            let own = names(&page);
            assert!(
                own.len() <= 25 && page.len() < 100_000,
                "{} keys, {} bytes",
                own.len(),
                page.len()
            );
            seen.extend(own);
            let Some((before, _)) = page.split_once("\" rel=\"next\"") else { break };
            path = before
                .rsplit_once("href=\"")
                .unwrap()
                .1
                .replace("&#38;", "&")
                .replace("&amp;", "&");
        }
        assert_eq!(seen.len(), 60, "{seen:?}");
        assert_eq!((seen[0].as_str(), seen[59].as_str()), ("59", "00"));
        assert_eq!(seen.iter().collect::<std::collections::BTreeSet<_>>().len(), 60);
    }
    let page = pages.page("/dashboard/keys").await;
    assert!(page.contains("aria-label=\"3 requests in 14 days\""), "{page}");
    assert_eq!(names(&pages.page("/dashboard/keys?name=kEY+4").await).len(), 10);
    // One expires each day.
    assert_eq!(names(&pages.page("/dashboard/keys?state=expiring").await).len(), 14);
    assert!(pages.page("/dashboard/keys?state=unused").await.contains("No matching keys"));
    // The keys of that time that are unused.
    app.clock.advance(DAY * 91);
    let pages = Pages::of(&app, "bob", Role::Admin).await;
    assert_eq!(names(&pages.page("/dashboard/keys?state=unused").await).len(), 25);
    let listed = async |query: &str| {
        let list = pages.browser.get(&format!("/api/v1/keys?limit=200&{query}")).await.json();
        list["items"].as_array().unwrap().len()
    };
    // As in the API: all have expired except those from the 92nd day on, and there are none.
    assert_eq!(listed(&format!("unused_since={}", app.now() - 90 * 86_400)).await, 60);
    assert_eq!(listed(&format!("expires_before={}", app.now() + 86_400)).await, 0);
    assert!(
        pages.page("/dashboard/keys?state=disabled&name=%25").await.contains("No matching keys")
    );
}

/// The next to expire comes first, however many expire later and were created since.
#[actix_web::test]
async fn a_key_that_expires_soon_is_listed_before_newer_keys() {
    let app = TestApp::spawn().await;
    let pages = Pages::of(&app, "ann", Role::Admin).await;
    let own = own_id(&pages).await;
    for (name, life) in
        [("First", "7"), ("Later", "custom")].into_iter().chain([("Noise", "custom"); 8])
    {
        let made = pages
            .fill(
                "/dashboard/keys/new",
                &[
                    ("name", name),
                    ("life", life),
                    ("days", "12"),
                    ("environment", "live"),
                    ("owner", &own),
                ],
            )
            .await;
        assert_eq!(made.status, 201, "{made:?}");
        app.clock.advance(Duration::from_millis(1));
    }
    let page = pages.page("/dashboard").await;
    let expiring =
        page.split_once("id=\"expiring\"").unwrap().1.split_once("</section>").unwrap().0;
    let first = expiring.split_once("<bdi>").unwrap().1;
    assert!(first.starts_with("First</bdi>"), "{expiring}");
    assert_eq!(expiring.matches("<li>").count(), 6, "{expiring}");
}

/// Without a scope for keys a user sees only their own.
#[actix_web::test]
async fn a_user_manages_their_own_keys() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let admin = Pages::of(&app, "ann", Role::Admin).await;
    let of_client =
        [("name", "theirs"), ("owner", client.id.as_str()), ("environment", "live"), ("life", "7")];
    let made = admin.fill("/dashboard/keys/new", &of_client).await;
    let other =
        made.body.split("data-kept href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let member = Pages::of(&app, "meg", Role::Member).await;
    let viewer = Pages::of(&app, "vic", Role::Viewer).await;
    for (pages, scope, allowed) in
        [(&member, "", ""), (&viewer, "mintery:apis:read", "mintery:apis:read")]
    {
        let own = pages.browser.me().await.json()["sub"].as_str().unwrap().to_owned();
        let fields = [
            ("name", "mine"),
            ("owner", own.as_str()),
            ("environment", "live"),
            ("life", "7"),
            ("scope", scope),
        ];
        let made = pages.fill("/dashboard/keys/new", &fields).await;
        assert_eq!(made.status, 201, "{made:?}");
        let me = app.get_with("/api/v1/users/me", &text_of(&made.body, "key")).await.json();
        assert_eq!(
            (me["sub"].as_str(), me["scope"].as_str()),
            (Some(own.as_str()), Some(allowed)),
            "{me}"
        );
        let path = made
            .body
            .split("data-kept href=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .to_owned();
        assert!(pages.page("/dashboard/keys").await.contains("<bdi>mine</bdi>"));
        assert!(pages.page("/dashboard").await.contains("<bdi>mine</bdi>"), "it expires soon");
        assert!(pages.page(&path).await.contains("/revoke\""));
        let beyond = [
            ("name", "x"),
            ("owner", own.as_str()),
            ("environment", "live"),
            ("life", "7"),
            ("scope", "read"),
        ];
        assert_eq!(pages.fill("/dashboard/keys/new", &beyond).await.status, 400);
        let of_other =
            [("name", "x"), ("owner", client.id.as_str()), ("environment", "live"), ("life", "7")];
        assert_eq!(pages.fill("/dashboard/keys/new", &of_other).await.status, 403);
        let rotated =
            pages.fill(&format!("{path}/rotate"), &[("overlap", "24"), ("life", "keep")]).await;
        assert_eq!(rotated.status, 201, "{rotated:?}");
        assert_eq!(pages.press(&format!("{path}/revoke")).await.status, 303);
    }
    assert!(!member.page("/dashboard/keys").await.contains("theirs"));
    assert!(!member.page(&format!("/dashboard/keys?owner={}", client.id)).await.contains("theirs"));
    assert!(viewer.page("/dashboard/keys").await.contains("theirs"));
    assert!(!viewer.page(&other).await.contains("/revoke\""));
    for act in ["revoke", "disable", "rotate", "edit"] {
        assert_eq!(member.press(&format!("{other}/{act}")).await.status, 404, "{act}");
        assert_eq!(viewer.press(&format!("{other}/{act}")).await.status, 403, "{act}");
    }
    assert_eq!(member.get(&other).await.status, 404);
}
