//! The page that shows a new secret, this once.

use actix_web::http::StatusCode;
use askama::Template;

use crate::http::pages::answer::{PageResult, page_with};
use crate::http::pages::links::client_path;
use crate::http::pages::visit::Visit;
use crate::http::pages::visitor::Visitor;
use crate::model::client::Client;
use crate::secret::Secret;

#[derive(Template)]
#[template(path = "secret-created.html")]
struct CreatedSecretPage<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    is_new: bool,
    name: &'a str,
    id: &'a str,
    secret: &'a str,
    command: String,
    url: String,
    path: String,
}

/// Shows a new secret; `is_new` if the client was created with it.
pub(super) fn created_page(
    visit: &Visit<'_>,
    client: &Client,
    secret: &Secret,
    is_new: bool,
) -> PageResult {
    let id = client.id.as_str();
    // The client id is form-encoded before the colon (RFC 6749 §2.3.1). An imported id may hold any
    // character, so the shell gets both in quotes.
    let encoded: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    let page = CreatedSecretPage {
        base: &visit.visitor.base,
        visitor: &visit.visitor,
        is_new,
        name: client.terms.name.as_str(),
        id,
        secret: secret.expose(),
        command: format!("'{encoded}:{}'", secret.expose()),
        url: visit.server.context.issuer.endpoint("/oauth/token"),
        path: client_path(&client.id),
    };
    page_with(StatusCode::CREATED, &page)
}
