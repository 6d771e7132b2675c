//! `/dashboard/sessions`: where whoever looks is logged in.

use askama::Template;

use super::failure::Failure;
use super::show::Moment;
use super::visit::Visit;
use super::visitor::Visitor;
use super::{Outcome, page, redirect};
use crate::admin::session;
use crate::clock::Timestamp;
use crate::model::session::{Session, SessionId};

/// A session, as it is listed.
pub(super) struct SessionView {
    id: SessionId,
    pub(super) browser: String,
    pub(super) address: Option<String>,
    since: Moment,
    pub(super) seen: Moment,
    ends: Moment,
    is_own: bool,
}

impl SessionView {
    pub(super) fn new(session: &Session, own: &SessionId, now: Timestamp) -> Self {
        let moment = |at| Moment::new(at, now);
        Self {
            id: session.id.clone(),
            browser: browser(&session.user_agent),
            address: session.address.map(|address| address.to_string()),
            since: moment(session.created_at),
            seen: moment(session.seen_at),
            ends: moment(session.expires_at),
            is_own: session.id == *own,
        }
    }
}

/// What people call a browser, from what it calls itself; its own words where those are others.
fn browser(user_agent: &str) -> String {
    const NAMES: [(&str, &str); 6] = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ];
    const SYSTEMS: [(&str, &str); 6] = [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let find = |list: &[(&str, &'static str)]| {
        list.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
    };
    match (find(&NAMES), find(&SYSTEMS)) {
        (Some(name), Some(system)) => format!("{name} on {system}"),
        (Some(name), None) => name.to_owned(),
        _ if user_agent.trim().is_empty() => "Unknown browser".to_owned(),
        _ => user_agent.to_owned(),
    }
}

#[derive(Template)]
#[template(path = "sessions.html")]
struct List<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    sessions: Vec<SessionView>,
}

pub(super) async fn route(visit: &Visit<'_>, page: &[&str], is_post: bool) -> Outcome {
    match (is_post, page) {
        (false, []) => list(visit).await,
        (true, ["end-others"]) => end_others(visit).await,
        (true, [id, "end"]) => end(visit, id).await,
        _ => Err(Failure::NotFound),
    }
}

async fn list(visit: &Visit<'_>) -> Outcome {
    let visitor = &visit.visitor;
    let own = &visitor.signed_in;
    let sessions = session::list(&visitor.admin, &own.user).await?;
    let view = |session: &Session| SessionView::new(session, &own.session, visitor.now);
    page(&List { base: &visitor.base, visitor, sessions: sessions.iter().map(view).collect() })
}

async fn end(visit: &Visit<'_>, id: &str) -> Outcome {
    let id = SessionId::parse(id).map_err(|_| Failure::NotFound)?;
    session::revoke(&visit.visitor.admin, &visit.visitor.signed_in.user, &id).await?;
    visit.applied().await?;
    Ok(redirect(visit.server, "/dashboard/sessions?done=session-ended"))
}

async fn end_others(visit: &Visit<'_>) -> Outcome {
    let own = &visit.visitor.signed_in;
    session::revoke_all(&visit.visitor.admin, &own.user, Some(own.session.clone())).await?;
    visit.applied().await?;
    Ok(redirect(visit.server, "/dashboard/sessions?done=sessions-ended"))
}

#[cfg(test)]
mod tests {
    use super::browser;

    #[test]
    fn browsers_are_called_what_people_call_them() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Safari/537.36";
        assert_eq!(browser(chrome), "Chrome on Linux");
        let safari = "Mozilla/5.0 (iPhone; CPU iPhone OS 20_0 like Mac OS X) AppleWebKit/605 Version/20 Safari/604";
        assert_eq!(browser(safari), "Safari on iPhone");
        assert_eq!(
            [browser("curl/8.5"), browser("bot"), browser(" ")],
            ["curl", "bot", "Unknown browser"]
        );
    }
}
