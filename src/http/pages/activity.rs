//! `/dashboard/activity`: the log of events.

use askama::Template;

use super::answer::{PageResult, page};
use super::event_view::EventView;
use super::failure::Failure;
use super::paging;
use super::visit::Visit;
use super::visitor::Visitor;
use crate::admin::event_log::{self, Asked, Filter};
use crate::admin::{AdminError, user};
use crate::clock::Timestamp;
use crate::model::event::EventNumber;
use crate::model::own_scope::OwnScope;
use crate::model::user::Username;

/// Events on a page.
const PAGE_SIZE: i64 = 50;

pub(super) async fn route(visit: &Visit<'_>, page: &[&str], is_post: bool) -> PageResult {
    match (is_post, page) {
        (false, []) => list(visit).await,
        _ => Err(Failure::NotFound),
    }
}

#[derive(Template)]
#[template(path = "activity.html")]
struct List<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    events: Vec<EventView>,
    kind: &'a str,
    subject: &'a str,
    actor: &'a str,
    from: &'a str,
    until: &'a str,
    is_filtered: bool,
    is_first: bool,
    next: Option<EventNumber>,
}

async fn list(visit: &Visit<'_>) -> PageResult {
    let (admin, form) = (visit.admin(OwnScope::EventsRead)?, &visit.form);
    let [kind, subject, actor, from, until] =
        ["kind", "subject", "actor", "from", "until"].map(|field| form.text(field));
    let filter = Filter {
        kind: paging::filter_text(kind),
        subject: paging::filter_text(subject),
        actor: recorded_actor(visit, actor).await?,
        from: day_start(from, 0),
        until: day_start(until, 1),
    };
    let before = form.text("before").parse().ok().map(EventNumber::new);
    let mut found = event_log::page(admin, Asked::Before(before), PAGE_SIZE + 1, &filter).await?;
    let has_more = paging::cut(&mut found, PAGE_SIZE);
    page(&List {
        base: &visit.visitor.base,
        visitor: &visit.visitor,
        events: EventView::with_names(visit, &found).await?,
        kind,
        subject,
        actor,
        from,
        until,
        is_filtered: [kind, subject, actor, from, until].iter().any(|value| !value.is_empty()),
        is_first: before.is_none(),
        next: found.last().filter(|_| has_more).map(|event| event.number),
    })
}

/// An actor as events record it, from a username or an id.
async fn recorded_actor(visit: &Visit<'_>, typed: &str) -> Result<Option<String>, Failure> {
    if typed.is_empty() || typed.contains(':') {
        return Ok(paging::filter_text(typed));
    }
    let id = match Username::parse(typed) {
        Ok(username) if visit.visitor.may(OwnScope::UsersRead) => {
            match user::show_by_name(&visit.visitor.admin, &username).await {
                Ok(user) => Some(format!("user:{}", user.id)),
                Err(AdminError::NotFound(_)) => None,
                Err(error) => return Err(error.into()),
            }
        }
        _ => None,
    };
    let by_id = || match typed.split_once('_').map(|(prefix, _)| prefix) {
        Some("mu") => format!("user:{typed}"),
        Some("mc") => format!("client:{typed}"),
        Some("ak") => format!("api_key:{typed}"),
        _ => typed.to_owned(),
    };
    Ok(Some(id.unwrap_or_else(by_id)))
}

/// The begin of a day as browsers write it, or of a later one.
fn day_start(text: &str, later: u64) -> Option<Timestamp> {
    let date = text.parse::<chrono::NaiveDate>().ok()?;
    let date = date.checked_add_days(chrono::Days::new(later))?.and_hms_opt(0, 0, 0)?;
    Some(Timestamp::from_millis(date.and_utc().timestamp_millis()))
}

#[cfg(test)]
mod tests {
    use super::day_start;
    use crate::clock::Timestamp;

    #[test]
    fn days_begin_at_midnight() {
        assert_eq!(day_start("2026-11-22", 0), Some(Timestamp::from_secs(1_795_305_600)));
        assert_eq!(day_start("2026-11-22", 1), Some(Timestamp::from_secs(1_795_392_000)));
        assert_eq!(day_start("", 0), None);
        assert_eq!(day_start("+262142-12-31", 1), None);
    }
}
