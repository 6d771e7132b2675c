//! The dashboard over HTTP, one file per page. `tests/browser` tests it in a browser.

mod access;
mod account;
mod activity;
mod clients;
mod keys;
mod overview;
mod signing_keys;
mod users;

use std::time::Duration;

use mintery::model::user::Role;
use reqwest::Method;

use crate::support::answer::Answer;
use crate::support::app::{ISSUER, TestApp};
use crate::support::people::Browser;

const DAY: Duration = Duration::from_hours(24);

/// Another password.
const NEW: &str = "another-Umbrella-8-plum";

/// A user's browser on the pages.
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

    /// The text of an existing page.
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

/// The id of the visitor, as the form offers it.
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

impl Pages<'_> {
    /// Sends the token of the session with these fields.
    async fn press_with(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = hidden_fields(&self.page("/dashboard").await);
        let token = token.into_iter().filter(|(name, _)| name == "csrf_token").take(1);
        let own = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.send(path, &token.chain(own).collect::<Vec<_>>()).await
    }
}
