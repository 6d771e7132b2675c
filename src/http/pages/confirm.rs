//! What is done only after a second look: a page that says what will happen, with one button.

use askama::Template;

use super::visit::Visit;
use super::visitor::Visitor;
use super::{Outcome, page};

/// A page that asks whether something is to be done. Its form is sent to where the page is.
#[derive(Template)]
#[template(path = "confirm.html")]
pub(super) struct Confirm<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    title: &'a str,
    /// Where this is: path and name, the last one is where somebody goes who thinks better of it.
    crumbs: &'a [(&'a str, &'a str)],
    /// What will happen.
    paragraphs: &'a [String],
    /// Whether it cannot be undone.
    is_final: bool,
    button: &'a str,
}

/// Asks. `crumbs` are paths and names; the last is where somebody goes who thinks better of it.
pub(super) fn ask(
    visit: &Visit<'_>,
    crumbs: &[(&str, &str)],
    title: &str,
    paragraphs: &[String],
    is_final: bool,
    button: &str,
) -> Outcome {
    let visitor = &visit.visitor;
    page(&Confirm { base: &visitor.base, visitor, title, crumbs, paragraphs, is_final, button })
}
