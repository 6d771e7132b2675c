//! Pages of clients.

use std::time::Duration;

use mintery::model::user::Role;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Pages, hidden_fields, text_of};
use crate::support::answer::Answer;
use crate::support::api_key::owned_by;
use crate::support::app::{ISSUER, TestApp};

#[actix_web::test]
async fn clients_are_listed_by_date_and_users_by_name() {
    let app = TestApp::spawn().await;
    let pages = Pages::of(&app, "mia", Role::Admin).await;
    for number in 0..30 {
        let made = pages
            .fill(
                "/dashboard/clients/new",
                &[("name", &format!("Client {number:02}")), ("life", "7")],
            )
            .await;
        assert_eq!(made.status, 201, "{made:?}");
        if number % 2 == 0 {
            app.clock.advance(Duration::from_millis(1));
        }
    }
    for username in ["Zoe", "adam", "mia2", "Bea"] {
        app.browser(username, Role::Viewer).await;
    }
    let listed = async |start: &str, before: &str| {
        let (mut path, mut seen) = (start.to_owned(), Vec::new());
        loop {
            let page = pages.page(&path).await;
            let cells = page.split(before).skip(1);
            seen.extend(cells.map(|rest| rest.split('<').next().unwrap().to_owned()));
            let Some((text, _)) = page.split_once("\" rel=\"next\"") else { break };
            path =
                text.rsplit_once("href=\"").unwrap().1.replace("&#38;", "&").replace("&amp;", "&");
        }
        seen
    };
    let clients = listed("/dashboard/clients", "<bdi>Client ").await;
    assert_eq!(clients.len(), 30, "{clients:?}");
    assert_eq!((clients[0].as_str(), clients[29].as_str()), ("29", "00"));
    assert_eq!(clients.iter().collect::<std::collections::BTreeSet<_>>().len(), 30);
    let filtered = listed("/dashboard/clients?name=client+2&state=enabled", "<bdi>Client ").await;
    assert_eq!(filtered.len(), 10, "{filtered:?}");
    let users = listed("/dashboard/users", "class=\"name\"><a").await;
    assert_eq!(users.len(), 5);
    let page = pages.page("/dashboard/users").await;
    let places: Vec<usize> = ["adam", "Bea", "mia", "mia2", "Zoe"]
        .iter()
        .map(|name| {
            page.find(&format!("><bdi>{name}</bdi></a>"))
                .unwrap_or_else(|| panic!("{name} in {page}"))
        })
        .collect();
    assert!(places.is_sorted(), "{places:?}");
    let rest = pages.page("/dashboard/users?after=Bea").await;
    assert!(
        rest.contains("><bdi>mia</bdi></a>") && !rest.contains("><bdi>adam</bdi></a>"),
        "{rest}"
    );
}

#[actix_web::test]
async fn a_client_has_its_pages() {
    let app = TestApp::spawn().await;
    let pages = Pages::of(&app, "ann", Role::Admin).await;
    let api = [
        ("name", "Orders"),
        ("resource", "https://orders.example.com/v1"),
        ("scopes", "orders:read Reads\norders:write"),
    ];
    let added = pages.fill("/dashboard/apis/new", &api).await;
    let api_page = "/dashboard/apis/show?resource=https%3A%2F%2Forders%2Eexample%2Ecom%2Fv1";
    assert_eq!(added.header("location"), format!("{api_page}&done=created"), "{added:?}");
    assert!(pages.page(api_page).await.contains("orders:write"));
    assert_eq!(pages.fill("/dashboard/apis/new", &api).await.status, 409);

    let id = "my client:42/x";
    let fields = [
        ("name", "Kept"),
        ("id", id),
        ("scope", "orders:read read"),
        ("default_scope", "read"),
        ("resource", "https://orders.example.com/v1"),
        ("life", "never"),
        ("ttl", "600"),
        ("alg", "EdDSA"),
        ("limit", "9"),
    ];
    let made = pages.fill("/dashboard/clients/new", &fields).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert!(text_of(&made.body, "curl").contains("-u &#39;my+client%3A42%2Fx:mts_"), "{made:?}");
    let path = "/dashboard/clients/my%20client%3A42%2Fx";
    let page = pages.page(path).await;
    for text in ["10 minutes", "EdDSA", "https://orders.example.com/v1", ">9<", "<bdi>Kept</bdi>"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    // A taken id is reported at its field.
    let twice = pages.fill("/dashboard/clients/new", &fields).await;
    assert_eq!(twice.status, 409);
    assert!(text_of(&twice.body, "id-problem").contains("already"), "{twice:?}");

    let added = pages
        .fill(
            &format!("{path}/secrets/new"),
            &[("label", "another"), ("life", "custom"), ("days", "3")],
        )
        .await;
    assert_eq!(added.status, 201, "{added:?}");
    let page = pages.page(path).await;
    assert!(page.contains("<bdi>another</bdi>") && page.contains("Expires soon"), "{page}");
    let secret = page.split("/secrets/cs_").nth(2).unwrap().split('/').next().unwrap().to_owned();
    let asked = pages.page(&format!("{path}/secrets/cs_{secret}/revoke")).await;
    assert!(asked.contains("Not safe to revoke yet"), "{asked}");
    let revoked = pages.press(&format!("{path}/secrets/cs_{secret}/revoke")).await;
    assert_eq!(revoked.header("location"), format!("{path}?done=secret-revoked"), "{revoked:?}");

    for (act, done) in
        [("disable", "disabled"), ("enable", "enabled"), ("revoke-tokens", "tokens-revoked")]
    {
        let answer = pages.press(&format!("{path}/{act}")).await;
        assert!(answer.header("location").ends_with(&format!("?done={done}")), "{act}: {answer:?}");
    }
    assert_eq!(
        pages
            .press("/dashboard/apis/revoke-tokens?resource=https://orders.example.com/v1")
            .await
            .status,
        303
    );
    assert_eq!(pages.press(&format!("{path}/delete")).await.status, 303);
    assert_eq!(pages.get(path).await.status, 404);
    assert_eq!(
        pages.press("/dashboard/apis/delete?resource=https://orders.example.com/v1").await.status,
        303
    );
    assert!(pages.page("/dashboard/clients").await.contains("No clients yet"));
}

#[actix_web::test]
async fn a_form_of_an_older_version_is_refused() {
    let app = TestApp::spawn().await;
    let client = app.client("read").await;
    let pages = Pages::of(&app, "ann", Role::Admin).await;
    let path = format!("/dashboard/clients/{}/edit", client.id);
    let seen = hidden_fields(&pages.page(&path).await);
    let seen = seen.into_iter().find(|(name, _)| name == "seen").unwrap().1;
    let saved = pages.fill(&path, &[("name", "One"), ("scope", "read")]).await;
    assert_eq!(saved.status, 303, "{saved:?}");
    let late =
        pages.fill(&path, &[("seen", seen.as_str()), ("name", "Other"), ("scope", "read")]).await;
    assert_eq!(late.status, 409, "{late:?}");
    assert!(late.body.contains("The client has changed in the meantime"), "{late:?}");
    assert!(late.body.contains("value=\"Other\""), "{late:?}");
    assert_eq!(pages.press_with(&path, &[("name", "Blind"), ("scope", "read")]).await.status, 409);

    // As in the API.
    let resource = format!("/api/v1/clients/{}", client.id);
    let shown = pages.browser.get(&resource).await;
    let tag = shown.header("etag").to_owned();
    let change = async |tag: &str, name: &str| {
        let request = pages.browser.request(Method::PATCH, &resource).header("origin", ISSUER);
        Answer::of(request.header("if-match", tag).json(&json!({ "client_name": name }))).await
    };
    let changed = change(&tag, "Two").await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_ne!(changed.header("etag"), tag);
    change(&tag, "Three").await.assert_problem(412, "err_conflict", "an old ETag");
    assert_eq!(change("*", "Four").await.status, 200);
    for bad in ["x", "\"a\", \"b\"", "W/x"] {
        change(bad, "Five").await.assert_problem(400, "err_invalid_request", bad);
    }
    assert_eq!(pages.browser.get(&resource).await.json()["client_name"], Value::from("Four"));
}

/// RFC 9110 §13.1.1: of two users who change the same object, the second is warned.
#[actix_web::test]
async fn an_act_on_a_changed_client_is_refused() {
    let app = TestApp::spawn().await;
    app.api("https://orders.example.com").await;
    let vic = app.user("vic", Role::Viewer).await;
    let client = app.client("read").await;
    let key = app.key(owned_by(&client)).await;
    let browser = app.browser("ann", Role::Admin).await;
    for (path, member, shown_as) in [
        ("/api/v1/apis/https%3A%2F%2Forders.example.com".to_owned(), "name", "API"),
        (format!("/api/v1/keys/{}", key.id()), "name", "API key"),
        (format!("/api/v1/users/{}", vic.id), "username", "user"),
    ] {
        let shown = browser.get(&path).await;
        let tag = shown.header("etag").to_owned();
        assert!(tag.starts_with('"') && tag.len() > 20, "{path}: {shown:?}");
        let change = async |tag: &str, value: &str| {
            let request = browser.request(Method::PATCH, &path).header("origin", ISSUER);
            Answer::of(request.header("if-match", tag).json(&json!({ member: value }))).await
        };
        let changed = change(&tag, "two").await;
        assert_eq!(changed.status, 200, "{path}: {changed:?}");
        assert_ne!(changed.header("etag"), tag, "{path}");
        assert_eq!(browser.get(&path).await.header("etag"), changed.header("etag"), "{path}");
        let late = change(&tag, "three").await;
        late.assert_problem(412, "err_conflict", &path);
        assert!(
            late.text("detail").contains(&format!("the {shown_as} has changed in the meantime")),
            "{late:?}"
        );
        assert_eq!(change("*", "four").await.status, 200, "{path}");
        let weak = format!("W/{}", browser.get(&path).await.header("etag"));
        change(&weak, "five").await.assert_problem(
            412,
            "err_conflict",
            "a weak one is that of nothing",
        );
        for bad in ["x", "\"a\", \"b\"", "W/x"] {
            change(bad, "five").await.assert_problem(400, "err_invalid_request", bad);
        }
        assert_eq!(browser.get(&path).await.json()[member], "four");
    }
}
