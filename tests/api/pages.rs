//! The dashboard, as the HTTP that it is. What takes a browser is tested in `tests/browser`.

use mintery::clock::DateText as _;
use std::time::Duration;

use mintery::admin::api_key::{self, NewApiKey};
use mintery::model::api_key::KeyOwner;
use mintery::model::name::DisplayName;
use mintery::model::patch::Patch;
use mintery::model::user::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::api_keys::owned_by;
use crate::second_factor::{code, wrong_code};
use crate::support::answer::Answer;
use crate::support::app::{ISSUER, TestApp, TestClient};
use crate::support::people::{Browser, PASSWORD};

const DAY: Duration = Duration::from_hours(24);

/// Another password than the usual one.
const NEW: &str = "another-Umbrella-8-plum";

/// What somebody does with pages.
struct Pages<'a> {
    app: &'a TestApp,
    browser: Browser<'a>,
}

impl<'a> Pages<'a> {
    async fn of(app: &'a TestApp, username: &str, role: Role) -> Self {
        Self { app, browser: app.browser(username, role).await }
    }

    async fn get(&self, path: &str) -> Answer {
        let answer = Answer::of(self.browser.request(Method::GET, path)).await;
        assert!(answer.status < 500, "{path}: {answer:?}");
        answer
    }

    /// The text of a page that there is.
    async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.body
    }

    /// Sends the form that is on the page at `path` with these fields changed, to where it is sent.
    async fn fill(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let page = self.page(path).await;
        let hidden = hidden_fields(&page).into_iter().filter(|(name, _)| name != "next");
        let hidden: Vec<(String, String)> =
            hidden.filter(|(name, _)| !fields.iter().any(|(own, _)| own == name)).collect();
        let own = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.send(path, &hidden.into_iter().chain(own).collect::<Vec<_>>()).await
    }

    async fn send(&self, path: &str, fields: &[(String, String)]) -> Answer {
        let request = self.browser.request(Method::POST, path).header("origin", ISSUER);
        Answer::of(request.form(fields)).await
    }

    /// Sends the token of the session and nothing else.
    async fn press(&self, path: &str) -> Answer {
        let token = hidden_fields(&self.page("/dashboard").await);
        let token: Vec<_> =
            token.into_iter().filter(|(name, _)| name == "csrf_token").take(1).collect();
        self.send(path, &token).await
    }
}

/// The hidden fields of the forms of a page, each once, the last one.
fn hidden_fields(page: &str) -> Vec<(String, String)> {
    let attribute = |tag: &str, name: &str| {
        let value = tag.split_once(&format!(" {name}=\""))?.1.split_once('"')?.0;
        Some(value.to_owned())
    };
    let mut found: Vec<(String, String)> = Vec::new();
    for tag in
        page.split("<input ").skip(1).map(|rest| format!(" {}", rest.split('>').next().unwrap()))
    {
        if attribute(&tag, "type").as_deref() == Some("hidden") {
            let (name, value) =
                (attribute(&tag, "name").unwrap(), attribute(&tag, "value").unwrap());
            found.retain(|(known, _)| *known != name);
            found.push((name, value));
        }
    }
    found
}

/// The text of the element with this id.
fn text_of(page: &str, id: &str) -> String {
    let after =
        page.split_once(&format!(" id=\"{id}\"")).unwrap_or_else(|| panic!("no {id} in {page}")).1;
    after.split_once('>').unwrap().1.split_once('<').unwrap().0.trim().to_owned()
}

/// The id of whoever looks, as they are offered it.
async fn own_id(pages: &Pages<'_>) -> String {
    let form = pages.page("/dashboard/keys/new").await;
    let id = form.split_once("<option value=\"mu_").unwrap().1.split_once('"').unwrap().0;
    format!("mu_{id}")
}

fn id_in(answer: &Answer, before: &str) -> String {
    let location = answer.header("location");
    let id = location.split_once(before).unwrap_or_else(|| panic!("{answer:?}")).1;
    id.split(['?', '/', '&']).next().unwrap().to_owned()
}

/// SEC-7
#[actix_web::test]
async fn a_page_is_for_whoever_is_logged_in() {
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
    assert!(wrong.body.contains("The username or the password is wrong"), "{wrong:?}");
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

    // A log-out that others send counts for nothing.
    assert_eq!(pages.send("/logout", &[]).await.status, 403);
    // A browser leaves the cookie away then, and must not be given an empty one.
    let elsewhere = app.request(Method::POST, "/logout").header("origin", "https://evil.example");
    let elsewhere = Answer::of(elsewhere.form(&[("csrf_token", "")])).await;
    assert_eq!((elsewhere.status, elsewhere.header("set-cookie")), (403, ""), "{elsewhere:?}");
    pages.page("/dashboard").await;
    let out = pages.press("/logout").await;
    assert_eq!((out.status, out.header("location")), (303, "/login?done=logged-out"), "{out:?}");
    assert!(out.header("set-cookie").contains("Max-Age=0"), "{out:?}");
    assert_eq!(pages.get("/dashboard").await.status, 303);
}

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

    // Sent again it makes none, and shows none.
    let again = pages.send("/dashboard/keys/new", &sent).await;
    assert_eq!(again.status, 409, "{again:?}");
    assert!(again.body.contains("created already") && !again.body.contains(&key), "{again:?}");
    let list = pages.page("/dashboard/keys").await;
    assert_eq!(list.matches("role=\"rowheader\"").count(), 1, "{list}");
    assert!(list.contains("&#60;b&#62;\u{202e}Server") && !list.contains("<b>"), "{list}");
    assert!(!list.contains(&key), "{list}");

    // Another form with the same mark is another matter.
    let mut other = sent.clone();
    other.iter_mut().find(|(name, _)| name == "name").unwrap().1 = "Other".to_owned();
    assert_eq!(pages.send("/dashboard/keys/new", &other).await.status, 409);
}

#[actix_web::test]
async fn what_is_wrong_is_said_at_the_field() {
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
        ("life", "0", "life", "Choose when"),
        ("life", "custom", "days", "A number of days"),
        ("allowed", "10.0.0.1/8", "allowed", "the range is 10.0.0.0/8"),
        ("allowed", "0.0.0.0/0", "allowed", "every address there is"),
        ("limit", "0", "limit", "A limit is a number"),
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
    assert!(
        beyond.body.contains("The scope write is none of the owner&#39;s scopes"),
        "{beyond:?}"
    );
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
    assert!(page.contains("The changes are saved.") && page.contains("<bdi>two</bdi>"), "{page}");
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

impl Pages<'_> {
    /// Sends the token of the session with these fields.
    async fn press_with(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = hidden_fields(&self.page("/dashboard").await);
        let token = token.into_iter().filter(|(name, _)| name == "csrf_token").take(1);
        let own = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.send(path, &token.chain(own).collect::<Vec<_>>()).await
    }
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
    // One ends each day.
    assert_eq!(names(&pages.page("/dashboard/keys?state=expiring").await).len(), 14);
    assert!(pages.page("/dashboard/keys?state=unused").await.contains("No key matches"));
    // Those that there are by then, and nobody has used.
    app.clock.advance(DAY * 91);
    let pages = Pages::of(&app, "bob", Role::Admin).await;
    assert_eq!(names(&pages.page("/dashboard/keys?state=unused").await).len(), 25);
    let listed = async |query: &str| {
        let list = pages.browser.get(&format!("/api/v1/keys?limit=200&{query}")).await.json();
        list["items"].as_array().unwrap().len()
    };
    // As in the API: all are over but those of the 92nd day on, of which there is none.
    assert_eq!(listed(&format!("unused_since={}", app.now() - 90 * 86_400)).await, 60);
    assert_eq!(listed(&format!("expires_before={}", app.now() + 86_400)).await, 0);
    assert!(pages.page("/dashboard/keys?state=disabled&name=%25").await.contains("No key matches"));
}

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

/// What ends first is shown first, however many end later and were made since.
#[actix_web::test]
async fn what_expires_next_is_not_hidden_by_what_was_made_since() {
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

/// People are told names; what is gone stays an id that leads nowhere.
#[actix_web::test]
async fn events_and_keys_speak_of_names() {
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
    // By whom is asked by name, in upper or lower case, or by id.
    for actor in ["ann".to_owned(), "ANN".to_owned(), own_id(&pages).await] {
        let theirs = pages.page(&format!("/dashboard/activity?actor={actor}")).await;
        assert!(
            theirs.contains("Client created") && !theirs.contains("Instance set up"),
            "{actor}: {theirs}"
        );
    }
    assert!(pages.page("/dashboard/activity?actor=nobody").await.contains("Nothing matches"));
    let deleted = pages.press(&format!("/dashboard/clients/{client}/delete")).await;
    assert_eq!(deleted.status, 303, "{deleted:?}");
    let log = pages.page("/dashboard/activity").await;
    assert!(!log.contains(&named) && log.contains(&format!("<code>{client}</code>")), "{log}");
}

#[actix_web::test]
async fn what_needs_attention_is_shown() {
    let app = TestApp::spawn().await;
    let pages = Pages::of(&app, "ann", Role::Admin).await;
    let empty = pages.page("/dashboard").await;
    assert!(empty.contains("No client has asked for a token"), "{empty}");
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

/// However many others there are, and not what nobody can use anyway.
#[actix_web::test]
async fn what_ends_next_and_what_nobody_uses_stand_on_the_overview() {
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
    // Twice the same id is told at the field.
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
    assert!(asked.contains("It is not safe to revoke yet"), "{asked}");
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
async fn a_change_of_what_has_changed_is_refused() {
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
    assert!(late.body.contains("Somebody else has changed the client"), "{late:?}");
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

/// Of two who have the same form open the second is told.
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
        assert!(late.body.contains(&format!("Somebody else has changed the {what}")), "{late:?}");
        assert!(late.body.contains("value=\"Other\""), "{late:?}");
        assert_eq!(
            pages.press_with(&path, &other).await.status,
            409,
            "{path}: not a word on what was seen"
        );
        assert_eq!(pages.fill(&path, &other).await.status, 303, "{path}");
    }
}

/// RFC 9110 §13.1.1: of two who change the same the second is told, whatever it is.
#[actix_web::test]
async fn what_was_changed_meanwhile_is_not_changed_blindly() {
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
            late.text("detail").contains(&format!("changed the {shown_as} meanwhile")),
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

#[actix_web::test]
async fn nobody_does_more_with_pages_than_they_may() {
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

/// What no name and no id has in it finds nothing, on either engine.
#[actix_web::test]
async fn what_cannot_be_looked_for_is_not_found() {
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

#[actix_web::test]
async fn signing_keys_are_rotated_and_taken_back() {
    let app = TestApp::spawn().await;
    let pages = Pages::of(&app, "ann", Role::Admin).await;
    assert!(pages.page("/dashboard/signing-keys").await.contains("Signs"));
    let rotated = pages.press("/dashboard/signing-keys/rotate").await;
    assert_eq!(rotated.header("location"), "/dashboard/signing-keys?done=rotated", "{rotated:?}");
    let page = pages.page("/dashboard/signing-keys").await;
    assert!(page.contains(">Next<"), "{page}");
    assert_eq!(pages.press("/dashboard/signing-keys/rotate").await.status, 409);
    let kid = page.split("/dashboard/signing-keys/").nth(2).unwrap();
    let kid = kid.split('"').next().unwrap();
    assert!(
        pages.page(&format!("/dashboard/signing-keys/{kid}")).await.contains("BEGIN PUBLIC KEY")
    );
    let retired = pages.press(&format!("/dashboard/signing-keys/{kid}/retire")).await;
    assert_eq!(retired.header("location"), "/dashboard/signing-keys?done=retired", "{retired:?}");
    assert!(pages.page("/dashboard/signing-keys").await.contains("Taken back"));
}

#[actix_web::test]
async fn sessions_are_seen_and_ended() {
    let app = TestApp::spawn().await;
    let user = app.user("ann", Role::Member).await;
    let (one, other) = (app.log_in(&user).await, app.log_in(&user).await);
    let (one, other) = (Pages { app: &app, browser: one }, Pages { app: &app, browser: other });
    let page = one.page("/dashboard/sessions").await;
    assert_eq!(page.matches("Logged in ").count(), 2, "{page}");
    let id = page.split("/dashboard/sessions/ss_").nth(1).unwrap().split('/').next().unwrap();
    assert_eq!(one.press(&format!("/dashboard/sessions/ss_{id}/end")).await.status, 303);
    assert_eq!(other.get("/dashboard").await.status, 303);
    let third = Pages { app: &app, browser: app.log_in(&user).await };
    assert_eq!(one.press("/dashboard/sessions/end-others").await.status, 303);
    assert_eq!(third.get("/dashboard").await.status, 303);
    one.page("/dashboard").await;
}

#[actix_web::test]
async fn people_are_looked_after() {
    let app = TestApp::spawn().await;
    let pages = Pages::of(&app, "ann", Role::Admin).await;
    let fields = [("username", "bob"), ("role", "viewer"), ("password", PASSWORD)];
    for (field, value, problem) in [
        ("username", "b b", "a username is 1 to 64"),
        ("username", "<b>", "a username is 1 to 64"),
        ("username", "ann", "a user ann already"),
        ("role", "king", "a role is admin, member or viewer"),
        ("scope", "mintery:keys:read", "go with the role"),
        ("password", "short", "at least 8 characters"),
        ("password", "password1", "guess"),
    ] {
        let mut wrong: Vec<(&str, &str)> =
            fields.iter().copied().filter(|(name, _)| *name != field).collect();
        wrong.push((field, value));
        let answer = pages.fill("/dashboard/users/new", &wrong).await;
        assert!((400..500).contains(&answer.status), "{field}={value}: {answer:?}");
        let told = text_of(&answer.body, &format!("{field}-problem"));
        assert!(told.to_lowercase().contains(problem), "{field}={value}: {told}");
        assert!(!answer.body.contains(&format!("value=\"{PASSWORD}\"")), "{answer:?}");
    }
    let made = pages.fill("/dashboard/users/new", &fields).await;
    assert_eq!(made.status, 303, "{made:?}");
    let path = format!("/dashboard/users/{}", id_in(&made, "/dashboard/users/"));
    let bob = app.try_log_in("bob", PASSWORD).await;
    let bob = Pages { app: &app, browser: Browser::given(&app, &bob) };
    assert!(pages.page(&path).await.contains("Viewer"));
    assert_eq!(bob.get("/dashboard/users/new").await.status, 403);
    assert!(bob.page("/dashboard/users").await.contains(">ann<"));

    let given = [("username", "bob"), ("role", "member"), ("scope", " orders:read  orders:write ")];
    let edited = pages.fill(&format!("{path}/edit"), &given).await;
    assert_eq!(edited.header("location"), format!("{path}?done=saved"), "{edited:?}");
    assert_eq!(bob.get("/dashboard/users").await.status, 403);
    assert!(pages.page(&path).await.contains("orders:write"));
    assert!(
        pages.page(&format!("{path}/edit")).await.contains("value=\"orders:read orders:write\"")
    );
    assert!(bob.page("/dashboard/keys/new").await.contains("value=\"orders:read\""));
    for (act, done) in [
        ("disable", "user-disabled"),
        ("enable", "user-enabled"),
        ("end-sessions", "user-sessions-ended"),
    ] {
        let answer = pages.press(&format!("{path}/{act}")).await;
        assert_eq!(answer.header("location"), format!("{path}?done={done}"), "{answer:?}");
    }
    assert_eq!(bob.get("/dashboard").await.status, 303);
    let weak = pages.fill(&format!("{path}/password"), &[("password", "password1")]).await;
    assert_eq!(weak.status, 400, "{weak:?}");
    let set =
        pages.fill(&format!("{path}/password"), &[("password", "another-Umbrella-8-plum")]).await;
    assert_eq!(set.header("location"), format!("{path}?done=password-set"), "{set:?}");
    assert_eq!(app.try_log_in("bob", PASSWORD).await.status, 401);
    assert_eq!(app.try_log_in("bob", "another-Umbrella-8-plum").await.status, 200);
    assert_eq!(
        pages.press(&format!("{path}/delete")).await.header("location"),
        "/dashboard/users?done=deleted"
    );
    // The last administrator stays.
    let own = pages.browser.me().await.json()["sub"].as_str().unwrap().to_owned();
    assert_eq!(pages.press(&format!("/dashboard/users/{own}/delete")).await.status, 409);
    let fields = [("username", "ann"), ("role", "viewer")];
    let last = pages.fill(&format!("/dashboard/users/{own}/edit"), &fields).await;
    assert_eq!(last.status, 409, "{last:?}");
    assert!(last.body.contains("last administrator"), "{last:?}");
}

#[actix_web::test]
async fn somebody_changes_their_password() {
    let app = TestApp::spawn().await;
    let user = app.user("meg", Role::Member).await;
    let (pages, other) = (
        Pages { app: &app, browser: app.log_in(&user).await },
        Pages { app: &app, browser: app.log_in(&user).await },
    );
    let send = async |current: &str, new: &str, repeat: &str| {
        let fields = [("current", current), ("password", new), ("repeat", repeat)];
        pages.press_with("/dashboard/settings/password", &fields).await
    };
    for (current, new, repeat, field, problem) in [
        ("wrong", NEW, NEW, "current", "not your password"),
        (PASSWORD, "short", "short", "password", "at least 8"),
        (PASSWORD, NEW, "else", "repeat", "another one"),
    ] {
        let answer = send(current, new, repeat).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(text_of(&answer.body, &format!("{field}-problem")).contains(problem), "{answer:?}");
        assert!(!answer.body.contains(NEW) && !answer.body.contains(PASSWORD), "{answer:?}");
    }
    let weak = send(PASSWORD, "password1", "password1").await;
    assert!(text_of(&weak.body, "password-problem").contains("guess"), "{weak:?}");
    let done = send(PASSWORD, NEW, NEW).await;
    assert_eq!(done.header("location"), "/dashboard/settings?done=password", "{done:?}");
    pages.page("/dashboard").await;
    assert_eq!(other.get("/dashboard").await.status, 303);
    assert_eq!(app.try_log_in("meg", NEW).await.status, 200);
}

/// SEC-7: the password never stands in a page, nor does a log-in that was begun last.
#[actix_web::test]
async fn a_log_in_has_a_second_step() {
    let app = TestApp::spawn().await;
    let user = app.user("meg", Role::Member).await;
    let pages = Pages { app: &app, browser: app.log_in(&user).await };
    let begun = pages.press("/dashboard/settings/second-factor/begin").await;
    assert_eq!(begun.status, 200, "{begun:?}");
    assert!(begun.body.contains("data:image/svg+xml;base64,"), "{begun:?}");
    let secret = text_of(&begun.body, "totp");
    let wrong = pages
        .press_with(
            "/dashboard/settings/second-factor/confirm",
            &[("code", &wrong_code(&app, &secret))],
        )
        .await;
    assert_eq!(wrong.status, 400, "{wrong:?}");
    assert!(wrong.body.contains("The code is wrong") && !wrong.body.contains(&secret), "{wrong:?}");
    let right = code(&secret, app.now());
    let on =
        pages.press_with("/dashboard/settings/second-factor/confirm", &[("code", &right)]).await;
    assert_eq!(on.status, 200, "{on:?}");
    let recovery = text_of(&on.body, "codes");
    let recovery: Vec<&str> = recovery.split_whitespace().collect();
    assert_eq!(recovery.len(), 10, "{on:?}");
    let page = pages.page("/dashboard/settings/second-factor").await;
    assert!(page.contains("10 left") && !page.contains(recovery[0]), "{page}");

    let post = |fields: Vec<(&'static str, String)>| {
        Answer::of(app.request(Method::POST, "/login").header("origin", ISSUER).form(&fields))
    };
    let first = || post(vec![("username", "meg".to_owned()), ("password", PASSWORD.to_owned())]);
    let step_of = |answer: &Answer| {
        let step = hidden_fields(&answer.body).into_iter().find(|(name, _)| name == "step");
        step.unwrap_or_else(|| panic!("{answer:?}")).1
    };
    let asked = first().await;
    assert_eq!((asked.status, asked.header("set-cookie")), (200, ""), "{asked:?}");
    assert!(!asked.body.contains(PASSWORD), "{asked:?}");
    let step = step_of(&asked);
    let second =
        |step: &str, typed: &str| post(vec![("step", step.to_owned()), ("code", typed.to_owned())]);
    let refused = second(&step, &wrong_code(&app, &secret)).await;
    assert_eq!((refused.status, refused.header("set-cookie")), (401, ""), "{refused:?}");
    let step = step_of(&refused);
    let changed = format!("{}A", &step[..step.len() - 1]);
    assert_eq!(second(&changed, recovery[0]).await.status, 400);
    let done = second(&step, recovery[0]).await;
    assert_eq!(done.header("location"), "/dashboard", "{done:?}");
    // A recovery code is good once, and a step for ten minutes.
    assert_eq!(second(&step, recovery[0]).await.status, 401);
    app.clock.advance(Duration::from_secs(601));
    let late = second(&step, recovery[1]).await;
    assert_eq!(late.status, 400, "{late:?}");
    assert!(late.body.contains("took too long"), "{late:?}");

    let removed = pages
        .press_with("/dashboard/settings/second-factor/remove", &[("code", recovery[2])])
        .await;
    assert!(removed.header("location").ends_with("?done=factor-removed"), "{removed:?}");
    assert_eq!(first().await.header("location"), "/dashboard");
}

#[actix_web::test]
async fn whoever_must_have_a_second_factor_gets_one_first() {
    let app = TestApp::with(&[("users.second_factor", "everybody")]).await;
    let user = app.user("ann", Role::Admin).await;
    let pages = Pages { app: &app, browser: app.log_in(&user).await };
    for path in ["/dashboard", "/dashboard/keys/new", "/dashboard/settings", "/dashboard/sessions"]
    {
        assert_eq!(
            pages.get(path).await.header("location"),
            "/dashboard/settings/second-factor",
            "{path}"
        );
    }
    let page = pages.page("/dashboard/settings/second-factor").await;
    assert!(page.contains("before you can do anything else"), "{page}");
    let token: Vec<_> =
        hidden_fields(&page).into_iter().filter(|(name, _)| name == "csrf_token").collect();
    let begun = pages.send("/dashboard/settings/second-factor/begin", &token).await;
    let right = code(&text_of(&begun.body, "totp"), app.now());
    let mut fields = token.clone();
    fields.push(("code".to_owned(), right));
    assert_eq!(pages.send("/dashboard/settings/second-factor/confirm", &fields).await.status, 200);
    pages.page("/dashboard/keys/new").await;
}

/// Whoever holds no scope for keys has their own, and knows of no others.
#[actix_web::test]
async fn somebody_manages_their_own_keys() {
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
