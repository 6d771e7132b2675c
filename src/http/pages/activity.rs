//! `/dashboard/activity`: the log of events.

use askama::Template;
use serde_json::Value;

use super::failure::Failure;
use super::party::{self, Party};
use super::show::Moment;
use super::visit::Visit;
use super::visitor::Visitor;
use super::{Outcome, encoded, page, users};
use crate::admin::event_log::{self, Asked, Filter};
use crate::admin::names::{Named, Names};
use crate::admin::{AdminError, user};
use crate::clock::Timestamp;
use crate::model::api_key::KeyOwner;
use crate::model::event::{EventNumber, RecordedEvent};
use crate::model::user::Username;

const READ: &str = "mintery:events:read";

/// Events on a page.
const PAGE: i64 = 50;

/// Events on the page of what they are about.
const FEW: i64 = 8;

/// An event, as it is shown.
pub(super) struct EventView {
    pub(super) number: EventNumber,
    pub(super) at: Moment,
    pub(super) actor: Party,
    pub(super) what: String,
    pub(super) subject: Party,
    /// Whether somebody did it with themselves.
    pub(super) is_own: bool,
    pub(super) details: Vec<(String, String)>,
}

impl EventView {
    fn new(event: &RecordedEvent, names: &Names, now: Timestamp) -> Self {
        let subject = match party::of_kind(event.kind.name()) {
            Some(kind) => Party::new(kind, &event.subject, names),
            None => Party::unnamed(&event.subject, path_of(event.kind.name(), &event.subject)),
        };
        let mut details = details(&event.details, names, now);
        // What it is called stands beside it.
        details.retain(|(_, value)| !subject.is_named || *value != subject.label);
        Self {
            number: event.number,
            at: Moment::new(event.at, now),
            actor: Party::actor(&event.actor, names),
            what: what(event.kind.name()),
            is_own: event.actor.split_once(':').is_some_and(|(_, id)| id == event.subject),
            subject,
            details,
        }
    }

    /// Events as they are shown, with the names of whom and what they speak of.
    async fn all(visit: &Visit<'_>, events: &[RecordedEvent]) -> Result<Vec<Self>, Failure> {
        let ids = events.iter().flat_map(|event| {
            let subject =
                party::of_kind(event.kind.name()).map(|named| (named, event.subject.clone()));
            [party::of_actor(&event.actor), subject, owner(&event.details)]
        });
        let names = party::names(visit, ids.flatten().collect()).await?;
        Ok(events.iter().map(|event| Self::new(event, &names, visit.visitor.now)).collect())
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

/// The page of what an event is about that has no name.
fn path_of(kind: &str, subject: &str) -> Option<String> {
    let section = match kind.split_once('.')?.0 {
        "api" => "apis/show?resource=",
        "signing_key" => "signing-keys/",
        _ => return None,
    };
    Some(format!("/dashboard/{section}{}", encoded(subject)))
}

/// The owner that details name.
fn owner(json: &str) -> Option<(Named, String)> {
    let details: Value = serde_json::from_str(json).ok()?;
    KeyOwner::parse(details.get("owner")?.as_str()?).ok().map(|owner| party::of_owner(&owner))
}

/// What else is known, by name.
fn details(json: &str, names: &Names, now: Timestamp) -> Vec<(String, String)> {
    let Ok(Value::Object(members)) = serde_json::from_str(json) else { return Vec::new() };
    let told = |(name, value): (String, Value)| {
        let text = match (name.as_str(), value) {
            // That something is not so is worth no word.
            (_, Value::Null | Value::Bool(false)) => return None,
            (_, Value::Bool(true)) => "yes".to_owned(),
            ("expires_at" | "signs_from", Value::Number(secs)) => {
                let secs = secs.as_i64()?;
                Moment::new(Timestamp::from_secs(secs), now).date()
            }
            ("owner", Value::String(id)) => {
                let known = KeyOwner::parse(&id).ok().map(|owner| party::of_owner(&owner));
                known
                    .and_then(|(named, id)| names.of(named, &id).map(ToOwned::to_owned))
                    .unwrap_or(id)
            }
            (_, Value::Array(values)) => {
                values.into_iter().map(plain).collect::<Vec<_>>().join(", ")
            }
            (_, value) => plain(value),
        };
        Some((name.replace('_', " "), shortened(&text)))
    };
    members.into_iter().filter_map(told).collect()
}

/// A value in a text.
fn plain(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// Of what is long, the beginning says enough.
fn shortened(text: &str) -> String {
    const MOST: usize = 200;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The last events about something; none for those who may not see them.
pub(super) async fn about(visit: &Visit<'_>, subject: &str) -> Result<Vec<EventView>, Failure> {
    if !visit.visitor.may(READ) {
        return Ok(Vec::new());
    }
    let filter = Filter { subject: Some(subject.to_owned()), ..Filter::default() };
    let events = event_log::page(&visit.visitor.admin, Asked::Before(None), FEW, &filter).await?;
    EventView::all(visit, &events).await
}

/// The last events, whatever they are about; none for those who may not see them.
pub(super) async fn latest(visit: &Visit<'_>) -> Result<Vec<EventView>, Failure> {
    /// As many as are taken in at a glance.
    const LATEST: i64 = 6;
    if !visit.visitor.may(READ) {
        return Ok(Vec::new());
    }
    let events =
        event_log::page(&visit.visitor.admin, Asked::Before(None), LATEST, &Filter::default())
            .await?;
    EventView::all(visit, &events).await
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
        actor: recorded_actor(visit, actor).await?,
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
        events: EventView::all(visit, &found).await?,
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

/// Whoever is meant, as events record them: people type a name, or an id.
async fn recorded_actor(visit: &Visit<'_>, typed: &str) -> Result<Option<String>, Failure> {
    if typed.is_empty() || typed.contains(':') {
        return Ok(Some(typed).filter(|typed| !typed.is_empty()).map(ToOwned::to_owned));
    }
    let id = match Username::parse(typed) {
        Ok(username) if visit.visitor.may(users::READ) => {
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

/// The first moment of a day as browsers write it, or of one of those after it.
fn day(text: &str, later: u64) -> Option<Timestamp> {
    let date = text.parse::<chrono::NaiveDate>().ok()?;
    let date = date.checked_add_days(chrono::Days::new(later))?.and_hms_opt(0, 0, 0)?;
    Some(Timestamp::from_millis(date.and_utc().timestamp_millis()))
}

#[cfg(test)]
mod tests {
    use super::{Names, day, details, what};
    use crate::clock::Timestamp;

    #[test]
    fn events_are_told_in_words() {
        assert_eq!(what("api_key.revoked"), "API key revoked");
        assert_eq!(what("client.secret_added"), "Client secret added");
        let now = Timestamp::from_secs(1_795_305_600);
        let told = |json| details(json, &Names::default(), now);
        assert_eq!(told("{\"secret\":\"cs_1\",\"n\":2}").len(), 2);
        assert!(told("[").is_empty());
        assert!(told("{\"second_factor\":null,\"tokens_revoked\":false}").is_empty());
        let expires = ("expires at".to_owned(), "2026-11-22 00:00 UTC".to_owned());
        assert_eq!(told("{\"expires_at\":1795305600}"), [expires]);
    }

    #[test]
    fn days_begin_at_midnight() {
        assert_eq!(day("2026-11-22", 0), Some(Timestamp::from_secs(1_795_305_600)));
        assert_eq!(day("2026-11-22", 1), Some(Timestamp::from_secs(1_795_392_000)));
        assert_eq!(day("", 0), None);
        assert_eq!(day("+262142-12-31", 1), None);
    }
}
