//! The page that shows a new API key, this once.

use actix_web::http::StatusCode;
use askama::Template;

use crate::admin::api_key::CreatedApiKey;
use crate::http::pages::answer::{PageResult, page_with};
use crate::http::pages::display::ShownTime;
use crate::http::pages::visit::Visit;
use crate::http::pages::visitor::Visitor;
use crate::model::api_key::ApiKeyId;

#[derive(Template)]
#[template(path = "key-created.html")]
struct CreatedKeyPage<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    name: &'a str,
    id: &'a ApiKeyId,
    key: &'a str,
    url: String,
    replaces: Option<&'a ApiKeyId>,
    expires: Option<ShownTime>,
}

/// Shows a new key; `replaces` is the key that it replaces.
pub(super) fn created_page(
    visit: &Visit<'_>,
    created: &CreatedApiKey,
    replaces: Option<&ApiKeyId>,
) -> PageResult {
    let visitor = &visit.visitor;
    let page = CreatedKeyPage {
        base: &visitor.base,
        visitor,
        name: created.key.name.as_str(),
        id: &created.key.id,
        key: created.plain.expose(),
        url: visit.server.context.issuer.endpoint("/api/v1/users/me"),
        replaces,
        expires: created.key.expires_at.map(|at| ShownTime::new(at, visitor.now)),
    };
    page_with(StatusCode::CREATED, &page)
}
