//! The overview.

use std::time::Duration;

use mintery::admin::api_key::{self, NewApiKey};
use mintery::model::api_key::KeyOwner;
use mintery::model::name::DisplayName;
use mintery::model::patch::Patch;
use mintery::model::user::Role;

use super::{DAY, Pages, text_of};
use crate::support::api_key::owned_by;
use crate::support::app::{TestApp, TestClient};

#[actix_web::test]
async fn the_overview_shows_what_needs_attention() {
    let app = TestApp::spawn().await;
    let pages = Pages::of(&app, "ann", Role::Admin).await;
    let empty = pages.page("/dashboard").await;
    assert!(empty.contains("No token requests in this period"), "{empty}");
    let new = [("name", "Billing"), ("scope", "read"), ("life", "7")];
    let made = pages.fill("/dashboard/clients/new", &new).await;
    assert_eq!(made.status, 201, "{made:?}");
    let client = TestClient {
        id: text_of(&made.body, "client-id"),
        secret: text_of(&made.body, "secret"),
        secret_id: String::new(),
    };
    for _ in 0..5 {
        app.access_token(&client).await;
    }
    app.token(&client).scope("nothing").send().await.assert_oauth_error(400, "invalid_scope", "");
    app.flush_usage().await;
    for range in ["24h", "7d", "30d"] {
        let page = pages.page(&format!("/dashboard?range={range}")).await;
        assert!(page.contains("Tokens: 5. Refusals: 1."), "{range}: {page}");
        assert!(page.contains("<bdi>Billing</bdi>") && page.contains("in 7 days"), "{page}");
    }
    let page = pages.page(&format!("/dashboard/clients/{}", client.id)).await;
    assert!(
        page.contains("Tokens: 5. Refusals: 1.") && page.contains("from <code>127.0.0.1</code>"),
        "{page}"
    );
}

/// Independent of the number of others, and without unusable credentials.
#[actix_web::test]
async fn the_overview_lists_expiring_and_unused_credentials() {
    let app = TestApp::spawn().await;
    let client = app.client("").await;
    let vic = app.user("vic", Role::Member).await;
    let key = async |name: &str, owner: KeyOwner, days: u32| {
        let expires_in = if days == 0 { Patch::Clear } else { Patch::Set(DAY * days) };
        let name = DisplayName::parse(name).unwrap();
        app.clock.advance(Duration::from_millis(1));
        app.key(NewApiKey { name, owner, expires_in, ..owned_by(&client) }).await
    };
    let of_client = || KeyOwner::parse(&client.id).unwrap();
    let of_vic = || KeyOwner::User(vic.id.clone());
    key("Next", of_client(), 1).await;
    for number in 0..7 {
        key(&format!("Later {number}"), of_client(), 10).await;
    }
    let stopped = key("Stopped", of_client(), 2).await;
    api_key::set_enabled(&app.admin, &stopped.id(), false).await.unwrap();
    key("Theirs", of_vic(), 3).await;
    let used = key("Used", of_client(), 0).await;
    key("Idle", of_vic(), 0).await;
    key("Idle too", of_client(), 0).await;
    let names = |page: &str, card: &str| -> Vec<String> {
        let card = page
            .split_once(&format!("id=\"{card}\""))
            .unwrap()
            .1
            .split("</section>")
            .next()
            .unwrap();
        let names =
            card.split("<bdi>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned());
        names.filter(|name| name != "test").collect()
    };
    let pages = Pages::of(&app, "ann", Role::Admin).await;
    let page = pages.page("/dashboard").await;
    assert_eq!(
        names(&page, "expiring")[..3],
        ["Next", "Theirs", "Later 0"].map(str::to_owned),
        "{page}"
    );
    assert!(
        page.contains("/dashboard/keys?state=expiring") && names(&page, "unused").is_empty(),
        "{page}"
    );
    let member = Pages { app: &app, browser: app.log_in(&vic).await };
    assert_eq!(names(&member.page("/dashboard").await, "expiring"), ["Theirs"]);

    app.clock.advance(DAY * 91);
    assert_eq!(app.get_with("/api/v1/users/me", &used.key).await.status, 200);
    app.flush_usage().await;
    let pages = Pages::of(&app, "bob", Role::Admin).await;
    let unused = names(&pages.page("/dashboard").await, "unused");
    assert!(
        !unused.contains(&"Used".to_owned()) && !unused.contains(&"Stopped".to_owned()),
        "{unused:?}"
    );
    assert_eq!(unused[0], "Next", "the oldest");
    let member = Pages { app: &app, browser: app.log_in(&vic).await };
    assert_eq!(names(&member.page("/dashboard").await, "unused"), ["Theirs", "Idle"]);
}
