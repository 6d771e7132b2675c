//! The page of a user, and the acts that it offers without a form.

use askama::Template;

use super::view::UserView;
use crate::admin::{second_factor, session, user};
use crate::http::pages::answer::{PageResult, page};
use crate::http::pages::confirm::ask;
use crate::http::pages::event_view::{EventView, events_of};
use crate::http::pages::links::user_path;
use crate::http::pages::session_view::SessionView;
use crate::http::pages::visit::Visit;
use crate::http::pages::visitor::Visitor;
use crate::model::own_scope::OwnScope;
use crate::model::user::UserId;

#[derive(Template)]
#[template(path = "user.html")]
struct Show<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    user: UserView,
    sessions: Vec<SessionView>,
    events: Vec<EventView>,
}

pub(super) async fn show(visit: &Visit<'_>, id: &UserId) -> PageResult {
    let (admin, visitor) = (visit.admin(OwnScope::UsersRead)?, &visit.visitor);
    let user = user::show(admin, id).await?;
    let sessions = session::list(admin, id).await?;
    let own = &visitor.signed_in.session;
    page(&Show {
        base: &visitor.base,
        visitor,
        user: UserView::new(&user, visitor),
        sessions: sessions
            .iter()
            .map(|session| SessionView::new(session, own, visitor.now))
            .collect(),
        events: events_of(visit, id.as_str()).await?,
    })
}

/// An act on a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UserAct {
    Enable,
    Disable,
    Delete,
    ResetSecondFactor,
    EndSessions,
}

impl UserAct {
    /// The act of an address that asks for confirmation.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "disable" => Self::Disable,
            "delete" => Self::Delete,
            "reset-second-factor" => Self::ResetSecondFactor,
            _ => return None,
        })
    }
}

pub(super) async fn confirm(visit: &Visit<'_>, id: &UserId, act: UserAct) -> PageResult {
    let user = user::show(visit.admin(OwnScope::UsersWrite)?, id).await?;
    let (name, path) = (user.username.as_str(), user_path(id));
    let (title, text, is_final, button) = match act {
        UserAct::Delete => (
            "Delete this user?",
            "This ends all their sessions and deletes their API keys. Their events stay in the activity log. This cannot be undone.",
            true,
            "Delete user",
        ),
        UserAct::ResetSecondFactor => (
            "Reset the second factor?",
            "For a user who has lost their app and their recovery codes. This ends all their sessions. They log in with their \
             password alone until they set up a new second factor.",
            true,
            "Reset second factor",
        ),
        _ => (
            "Disable this user?",
            "This ends all their sessions. They cannot log in, and their API keys are rejected, until you enable them again.",
            false,
            "Disable user",
        ),
    };
    let crumbs = [("/dashboard/users", "Users"), (path.as_str(), name)];
    ask(visit, &crumbs, title, &[name.to_owned(), text.to_owned()], is_final, button)
}

pub(super) async fn act(visit: &Visit<'_>, id: &UserId, act: UserAct) -> PageResult {
    let admin = visit.admin(OwnScope::UsersWrite)?;
    let done = match act {
        UserAct::Enable => user::set_enabled(admin, id, true).await.map(|_| "user-enabled"),
        UserAct::Disable => user::set_enabled(admin, id, false).await.map(|_| "user-disabled"),
        UserAct::Delete => user::delete(admin, id).await.map(|()| "deleted"),
        UserAct::ResetSecondFactor => {
            second_factor::reset(admin, id).await.map(|()| "factor-removed")
        }
        UserAct::EndSessions => {
            session::revoke_all(admin, id, None).await.map(|_| "user-sessions-ended")
        }
    }?;
    let path = if act == UserAct::Delete { "/dashboard/users".to_owned() } else { user_path(id) };
    visit.changed(&path, done).await
}
