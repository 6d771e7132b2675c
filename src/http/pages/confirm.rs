//! The page that asks for confirmation of an act: it says what will happen and has one button.

use askama::Template;

use super::answer::{PageResult, page};
use super::visit::Visit;
use super::visitor::Visitor;

#[derive(Template)]
#[template(path = "confirm.html")]
struct Confirm<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    title: &'a str,
    crumbs: &'a [(&'a str, &'a str)],
    paragraphs: &'a [String],
    is_final: bool,
    button: &'a str,
}

/// Asks for confirmation; the form is sent to the address of the page itself. `crumbs` are paths
/// and names, the last of which is the page to cancel to. `is_final` marks an act without undo.
pub fn ask(
    visit: &Visit<'_>,
    crumbs: &[(&str, &str)],
    title: &str,
    paragraphs: &[String],
    is_final: bool,
    button: &str,
) -> PageResult {
    let visitor = &visit.visitor;
    page(&Confirm { base: &visitor.base, visitor, title, crumbs, paragraphs, is_final, button })
}
