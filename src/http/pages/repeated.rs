//! The page for a form that creates something and was sent a second time, as by a reload. It links
//! to what the first request created and shows no secret again.

use actix_web::http::StatusCode;
use askama::Template;

use super::answer::{PageResult, page_with};
use super::visit::Visit;
use super::visitor::Visitor;

#[derive(Template)]
#[template(path = "repeated.html")]
struct Repeated<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    path: &'a str,
    label: &'a str,
    again: &'a str,
}

/// Answers 409 with a link called `label` to the created object at `path`, and one to the empty
/// form at `again`.
pub fn repeated(visit: &Visit<'_>, path: &str, label: &str, again: &str) -> PageResult {
    let visitor = &visit.visitor;
    page_with(StatusCode::CONFLICT, &Repeated { base: &visitor.base, visitor, path, label, again })
}
