//! The activity page.

use mintery::clock::DateText as _;
use mintery::model::user::Role;
use serde_json::Value;

use super::{DAY, Pages, own_id, text_of};
use crate::support::app::TestApp;

/// Names are shown; a deleted object stays an id without a link.
#[actix_web::test]
async fn events_and_keys_show_names() {
    let app = TestApp::spawn().await;
    let pages = Pages::of(&app, "ann", Role::Admin).await;
    let made = pages.fill("/dashboard/clients/new", &[("name", "Billing"), ("life", "7")]).await;
    let client = text_of(&made.body, "client-id");
    let new = [
        ("name", "Production Server"),
        ("owner", client.as_str()),
        ("life", "7"),
        ("environment", "live"),
    ];
    let made = pages.fill("/dashboard/keys/new", &new).await;
    assert_eq!(made.status, 201, "{made:?}");
    let named = format!(
        "<a href=\"/dashboard/clients/{}\" title=\"{client}\"><bdi>Billing</bdi></a>",
        client.replace('_', "%5F")
    );
    let plain = format!(
        "<a href=\"/dashboard/clients/{client}\" title=\"{client}\"><bdi>Billing</bdi></a>"
    );
    let log = pages.page("/dashboard/activity").await;
    assert!(log.contains(&named) && log.contains("<bdi>Production Server</bdi>"), "{log}");
    assert!(
        log.contains("owner: <bdi>Billing</bdi>") && log.contains("<bdi>ann</bdi></a>"),
        "{log}"
    );
    assert!(log.contains("title=\"user:"), "{log}");
    let keys = pages.page("/dashboard/keys").await;
    assert!(keys.contains(&plain), "{keys}");
    // The actor is found by name, ignoring case, or by id.
    for actor in ["ann".to_owned(), "ANN".to_owned(), own_id(&pages).await] {
        let theirs = pages.page(&format!("/dashboard/activity?actor={actor}")).await;
        assert!(
            theirs.contains("Client created") && !theirs.contains("Instance set up"),
            "{actor}: {theirs}"
        );
    }
    assert!(pages.page("/dashboard/activity?actor=nobody").await.contains("No matching events"));
    let deleted = pages.press(&format!("/dashboard/clients/{client}/delete")).await;
    assert_eq!(deleted.status, 303, "{deleted:?}");
    let log = pages.page("/dashboard/activity").await;
    assert!(!log.contains(&named) && log.contains(&format!("<code>{client}</code>")), "{log}");
}

#[actix_web::test]
async fn events_are_found_by_time() {
    let app = TestApp::spawn().await;
    let pages = Pages::of(&app, "ann", Role::Admin).await;
    app.clock.let_pass(DAY * 2);
    app.client("read").await;
    let pages = Pages { app: pages.app, browser: app.browser("bob", Role::Admin).await };
    let today = mintery::clock::Timestamp::from_secs(app.now()).date();
    let today = today.split(' ').next().unwrap();
    let page = pages.page(&format!("/dashboard/activity?from={today}&until={today}")).await;
    assert!(page.contains("Client created") && !page.contains("Instance set up"), "{page}");
    let page = pages.page(&format!("/dashboard/activity?until={today}&kind=instance")).await;
    assert!(page.contains("Instance set up") && !page.contains("Client created"), "{page}");
    let since = app.now() - 3600;
    let events = pages.browser.get(&format!("/api/v1/events?from={since}")).await.json();
    assert!(
        events["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|event| event["at"].as_i64().unwrap() >= since)
    );
    let before = pages.browser.get(&format!("/api/v1/events?until={since}")).await.json();
    assert!(!before["items"].as_array().unwrap().is_empty(), "{before}");
    let kinds: Vec<&Value> =
        before["items"].as_array().unwrap().iter().map(|event| &event["kind"]).collect();
    assert!(!kinds.contains(&&Value::from("client.created")), "{kinds:?}");
}
