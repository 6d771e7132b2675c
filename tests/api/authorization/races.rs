//! Two callers at once, and what one caller learns of another's lists.

use mintery::model::user::Role;
use reqwest::Method;
use serde_json::json;

use super::owner;
use crate::support::api_key::{KEYS, key_of, owned_by};
use crate::support::app::TestApp;
use crate::support::caller::{CLIENTS, Caller};

/// Finding 1: of two administrators who change each other at once, the second is refused: the
/// transaction sees what became of its caller.
#[actix_web::test]
async fn of_two_administrators_who_change_each_other_one_succeeds() {
    let app = TestApp::spawn().await;
    app.user("root", Role::Admin).await;
    for round in 0..8 {
        let (ann, bob) = (format!("ann{round}"), format!("bob{round}"));
        let (ann, bob) = (app.user(&ann, Role::Admin).await, app.user(&bob, Role::Admin).await);
        let (by_ann, by_bob) = (app.log_in(&ann).await, app.log_in(&bob).await);
        let at = |id: &str, rest: &str| format!("/api/v1/users/{id}{rest}");
        let (method, rest, body) = match round % 3 {
            0 => (Method::POST, "/disable", Some(json!({}))),
            1 => (Method::PATCH, "", Some(json!({ "role": "member" }))),
            _ => (Method::DELETE, "", None),
        };
        let (of_bob, of_ann) = (at(bob.id.as_str(), rest), at(ann.id.as_str(), rest));
        let (one, two) = tokio::join!(
            by_ann.send(method.clone(), &of_bob, body.clone()),
            by_bob.send(method.clone(), &of_ann, body.clone()),
        );
        let succeeded = [&one, &two].iter().filter(|answer| answer.status < 300).count();
        assert_eq!(succeeded, 1, "{method} {rest}: {one:?} {two:?}");
        let refused = if one.status < 300 { &two } else { &one };
        assert!(matches!(refused.status, 401 | 403), "{refused:?}");
    }
}

/// Finding 1: the same of two clients.
#[actix_web::test]
async fn of_two_clients_that_delete_each_other_one_succeeds() {
    const SCOPES: &str = "mintery:clients:write read";
    let app = TestApp::spawn().await;
    for _ in 0..8 {
        let (one, two) = (app.client(SCOPES).await, app.client(SCOPES).await);
        let token =
            async |client| app.token(client).scope(SCOPES).send().await.text("access_token");
        let by_one = Caller::holding(&app, token(&one).await);
        let by_two = Caller::holding(&app, token(&two).await);
        let (of_two, of_one) = (format!("{CLIENTS}/{}", two.id), format!("{CLIENTS}/{}", one.id));
        let (first, second) = tokio::join!(by_one.delete(&of_two), by_two.delete(&of_one));
        let succeeded = [&first, &second].iter().filter(|answer| answer.status < 300).count();
        assert_eq!(succeeded, 1, "{first:?} {second:?}");
    }
}

/// Finding 1: a cursor of another list, or of another's key, leads to nothing but one's own.
#[actix_web::test]
async fn a_cursor_of_another_list_shows_nothing_of_it() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let foreign = app.key(owned_by(&client)).await;
    let meg = app.user("meg", Role::Member).await;
    let own = key_of(&app, &meg, "").await;
    let browser = app.log_in(&meg).await;
    for cursor in ["", "0", "ak_", "mc_", "mu_", foreign.id.as_str(), owner(&client).as_str()] {
        let listed = browser.get(&format!("{KEYS}?limit=1&after={cursor}")).await;
        assert_eq!(listed.status, 200, "{cursor}: {listed:?}");
        for item in listed.json()["items"].as_array().unwrap() {
            assert_eq!(item["id"], own.id, "{cursor}");
        }
    }
    for path in [foreign.path(""), foreign.path("/usage"), foreign.path("/usage?after=1")] {
        assert_eq!(browser.get(&path).await.status, 404, "{path}");
    }
    let listed = browser.get(&format!("{KEYS}?owner={}", client.id)).await;
    assert_eq!(listed.status, 403, "{listed:?}");
}
