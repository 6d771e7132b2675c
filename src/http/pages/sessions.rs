//! `/dashboard/sessions`: the sessions of the user.

use askama::Template;

use super::answer::{PageResult, page};
use super::failure::Failure;
use super::session_view::SessionView;
use super::visit::Visit;
use super::visitor::Visitor;
use crate::admin::session;
use crate::model::session::{Session, SessionId};

#[derive(Template)]
#[template(path = "sessions.html")]
struct List<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    sessions: Vec<SessionView>,
}

pub(super) async fn route(visit: &Visit<'_>, page: &[&str], is_post: bool) -> PageResult {
    match (is_post, page) {
        (false, []) => list(visit).await,
        (true, ["end-others"]) => end_others(visit).await,
        (true, [id, "end"]) => end(visit, id).await,
        _ => Err(Failure::NotFound),
    }
}

async fn list(visit: &Visit<'_>) -> PageResult {
    let visitor = &visit.visitor;
    let own = &visitor.signed_in;
    let sessions = session::list(&visitor.admin, &own.user).await?;
    let view = |session: &Session| SessionView::new(session, &own.session, visitor.now);
    page(&List { base: &visitor.base, visitor, sessions: sessions.iter().map(view).collect() })
}

async fn end(visit: &Visit<'_>, id: &str) -> PageResult {
    let id = SessionId::parse(id).map_err(|_| Failure::NotFound)?;
    session::revoke(&visit.visitor.admin, &visit.visitor.signed_in.user, &id).await?;
    visit.changed("/dashboard/sessions", "session-ended").await
}

async fn end_others(visit: &Visit<'_>) -> PageResult {
    let own = &visit.visitor.signed_in;
    session::revoke_all(&visit.visitor.admin, &own.user, Some(own.session.clone())).await?;
    visit.changed("/dashboard/sessions", "sessions-ended").await
}
