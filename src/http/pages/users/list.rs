//! The list of users.

use askama::Template;

use super::view::UserView;
use crate::admin::user::{self, Filter};
use crate::http::pages::answer::{PageResult, page};
use crate::http::pages::paging::{self, PAGE_SIZE};
use crate::http::pages::visit::Visit;
use crate::http::pages::visitor::Visitor;
use crate::model::own_scope::OwnScope;

#[derive(Template)]
#[template(path = "users.html")]
struct List<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    users: Vec<UserView>,
    username: &'a str,
    role: &'a str,
    is_filtered: bool,
    is_first: bool,
    next: Option<String>,
}

pub(super) async fn list(visit: &Visit<'_>) -> PageResult {
    let (admin, visitor) = (visit.admin(OwnScope::UsersRead)?, &visit.visitor);
    let [username, role, after] = ["username", "role", "after"].map(|field| visit.form.text(field));
    let filter =
        Filter { username: paging::filter_text(username), role: role.parse().ok(), enabled: None };
    let mut users = user::by_name(admin, &after.to_lowercase(), PAGE_SIZE + 1, &filter).await?;
    let has_more = paging::cut(&mut users, PAGE_SIZE);
    page(&List {
        base: &visitor.base,
        visitor,
        users: users.iter().map(|user| UserView::new(user, visitor)).collect(),
        username,
        role,
        is_filtered: !username.is_empty() || !role.is_empty(),
        is_first: after.is_empty(),
        next: users.last().filter(|_| has_more).map(|user| user.username.folded()),
    })
}
