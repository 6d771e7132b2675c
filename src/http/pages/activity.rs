//! `/dashboard/activity`: the log of events.

use askama::Template;

use super::failure::Failure;
use super::show::Moment;
use super::visit::Visit;
use super::visitor::Visitor;
use super::{Outcome, encoded, page};
use crate::admin::event_log::{self, Asked, Filter};
use crate::clock::Timestamp;
use crate::model::event::{EventNumber, RecordedEvent};

const READ: &str = "mintery:events:read";

/// Events on a page.
const PAGE: i64 = 50;

/// Events on the page of what they are about.
const FEW: i64 = 8;

/// An event, as it is shown.
pub(super) struct EventView {
    pub(super) number: EventNumber,
    pub(super) at: Moment,
    pub(super) actor: String,
    pub(super) what: String,
    pub(super) subject: String,
    pub(super) path: Option<String>,
    pub(super) details: Vec<(String, String)>,
}

impl EventView {
    fn new(event: &RecordedEvent, now: Timestamp) -> Self {
        Self {
            number: event.number,
            at: Moment::new(event.at, now),
            actor: event.actor.clone(),
            what: what(&event.kind),
            subject: event.subject.clone(),
            path: path_of(&event.kind, &event.subject),
            details: details(&event.details),
        }
    }
}

/// What happened, in words: `api_key.revoked` is “API key revoked”.
fn what(kind: &str) -> String {
    let text = kind.replace(['.', '_'], " ");
    let text = match text.strip_prefix("api") {
        Some(rest) => format!("API{rest}"),
        None => super::keys::sentence(&text),
    };
    text.replace("initialised", "set up")
}

/// The page of what an event is about.
fn path_of(kind: &str, subject: &str) -> Option<String> {
    let section = match kind.split_once('.')?.0 {
        "api_key" => "keys/",
        "client" => "clients/",
        "api" => "apis/show?resource=",
        "user" => "users/",
        "signing_key" => "signing-keys/",
        _ => return None,
    };
    Some(format!("/dashboard/{section}{}", encoded(subject)))
}

/// What else is known, by name.
fn details(json: &str) -> Vec<(String, String)> {
    /// Of what is longer, the beginning says enough.
    const MOST: usize = 200;
    let Ok(serde_json::Value::Object(members)) = serde_json::from_str(json) else { return Vec::new() };
    let text = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    let short = |text: String| match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    };
    members.into_iter().map(|(name, value)| (name.replace('_', " "), short(text(value)))).collect()
}

/// The last events about something; none for those who may not see them.
pub(super) async fn about(visit: &Visit<'_>, subject: &str) -> Result<Vec<EventView>, Failure> {
    if !visit.visitor.may(READ) {
        return Ok(Vec::new());
    }
    let filter = Filter { subject: Some(subject.to_owned()), ..Filter::default() };
    let events = event_log::page(&visit.visitor.admin, Asked::Before(None), FEW, &filter).await?;
    Ok(events.iter().map(|event| EventView::new(event, visit.visitor.now)).collect())
}

pub(super) async fn route(visit: &Visit<'_>, page: &[&str], is_post: bool) -> Outcome {
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

async fn list(visit: &Visit<'_>) -> Outcome {
    let (admin, form) = (visit.admin(READ)?, &visit.form);
    let [kind, subject, actor, from, until] =
        ["kind", "subject", "actor", "from", "until"].map(|field| form.text(field));
    let text = |text: &str| Some(text).filter(|text| !text.is_empty()).map(ToOwned::to_owned);
    let filter = Filter {
        kind: text(kind),
        subject: text(subject),
        actor: text(actor),
        from: day(from, 0),
        until: day(until, 1),
    };
    let before = form.text("before").parse().ok().map(EventNumber::new);
    let mut found = event_log::page(admin, Asked::Before(before), PAGE + 1, &filter).await?;
    let has_more = found.len() > usize::try_from(PAGE).unwrap_or_default();
    found.truncate(usize::try_from(PAGE).unwrap_or_default());
    page(&List {
        base: &visit.visitor.base,
        visitor: &visit.visitor,
        events: found.iter().map(|event| EventView::new(event, visit.visitor.now)).collect(),
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

/// The first moment of a day as browsers write it, or of one of those after it.
fn day(text: &str, later: u64) -> Option<Timestamp> {
    let date = text.parse::<chrono::NaiveDate>().ok()?;
    let date = date.checked_add_days(chrono::Days::new(later))?.and_hms_opt(0, 0, 0)?;
    Some(Timestamp::from_millis(date.and_utc().timestamp_millis()))
}

#[cfg(test)]
mod tests {
    use super::{day, details, what};
    use crate::clock::Timestamp;

    #[test]
    fn events_are_told_in_words() {
        assert_eq!(what("api_key.revoked"), "API key revoked");
        assert_eq!(what("client.secret_added"), "Client secret added");
        assert_eq!(details("{\"secret\":\"cs_1\",\"n\":2}").len(), 2);
        assert!(details("[").is_empty());
    }

    #[test]
    fn days_begin_at_midnight() {
        assert_eq!(day("2026-11-22", 0), Some(Timestamp::from_secs(1_795_305_600)));
        assert_eq!(day("2026-11-22", 1), Some(Timestamp::from_secs(1_795_392_000)));
        assert_eq!(day("", 0), None);
        assert_eq!(day("+262142-12-31", 1), None);
    }
}
