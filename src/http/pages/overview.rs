//! `/dashboard`: usage, the latest events, and keys and secrets that need attention.

use askama::Template;

use super::answer::{PageResult, page};
use super::chart::{Chart, Stretch};
use super::display::{SOON, ShownTime, UNUSED};
use super::event_view::{EventView, latest_events};
use super::failure::Failure;
use super::key_view::{KeyView, only_seen_owner};
use super::links::{client_path, key_path};
use super::paging;
use super::visit::Visit;
use super::visitor::Visitor;
use crate::admin::api_key::{self, Filter};
use crate::admin::overview::{self, NotedSecret, Of};
use crate::clock::Timestamp;
use crate::model::own_scope::OwnScope;
use crate::model::usage::{Hour, KeyOutcome, Outcome as TokenOutcome};

/// Rows of a list.
const FEW: i64 = 6;

/// Ranges of the charts: value, label, number of stretches, hours of a stretch.
const RANGES: [(&str, &str, i64, i64); 3] =
    [("24h", "24 hours", 24, 1), ("7d", "7 days", 56, 3), ("30d", "30 days", 30, 24)];

/// A key or a secret that needs attention.
struct Noted {
    path: String,
    name: String,
    kind: String,
    at: Option<ShownTime>,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Page<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    leaked: Vec<Noted>,
    expiring: Vec<Noted>,
    more_expiring: bool,
    unused: Vec<Noted>,
    more_unused: bool,
    tokens: Option<Chart>,
    requests: Option<Chart>,
    ranges: &'a [(&'static str, &'static str, i64, i64)],
    range: &'static str,
    issuer: &'a str,
    latest: Vec<EventView>,
}

pub(super) async fn route(visit: &Visit<'_>, page: &[&str], is_post: bool) -> PageResult {
    match (is_post, page) {
        (false, []) => show(visit).await,
        _ => Err(Failure::NotFound),
    }
}

async fn show(visit: &Visit<'_>) -> PageResult {
    let visitor = &visit.visitor;
    let (mut expiring, mut unused) = (expiring_keys(visit).await?, unused_keys(visit).await?);
    let (more_expiring, more_unused) =
        (paging::cut(&mut expiring, FEW), paging::cut(&mut unused, FEW));
    if visitor.may(OwnScope::ClientsRead) {
        let ending = overview::expiring_secrets(&visitor.admin, SOON, FEW).await?;
        expiring.extend(
            ending.iter().map(|secret| noted_secret(secret, visitor.now, secret.expires_at)),
        );
        let idle = overview::unused_secrets(&visitor.admin, UNUSED, FEW).await?;
        let used_at = |secret: &NotedSecret| secret.last_use.map(|used| used.at);
        unused.extend(idle.iter().map(|secret| noted_secret(secret, visitor.now, used_at(secret))));
    }
    expiring.sort_by_key(|noted| noted.at);
    paging::cut(&mut expiring, FEW);
    let asked = visit.form.text("range");
    let range = RANGES.into_iter().find(|(name, ..)| *name == asked);
    let (range, _, stretches, hours) = range.unwrap_or(("24h", "24 hours", 24, 1));
    let (mut tokens, mut requests) = (None, None);
    if visitor.may(OwnScope::UsageRead) {
        tokens = Some(chart(visit, Of::Clients, stretches, hours).await?);
        requests = Some(chart(visit, Of::ApiKeys, stretches, hours).await?);
    }
    page(&Page {
        base: &visitor.base,
        visitor,
        leaked: leaked_keys(visit).await?,
        expiring,
        more_expiring,
        unused,
        more_unused,
        tokens,
        requests,
        ranges: &RANGES,
        range,
        issuer: visit.server.context.issuer.as_str(),
        latest: latest_events(visit).await?,
    })
}

async fn expiring_keys(visit: &Visit<'_>) -> Result<Vec<Noted>, Failure> {
    let owner = only_seen_owner(visit);
    let found =
        overview::expiring_keys(&visit.visitor.admin, owner.as_deref(), SOON, FEW + 1).await?;
    Ok(found.iter().map(|kept| noted_key(&KeyView::new(visit, kept), |key| key.expires)).collect())
}

/// Leaked keys that still work.
async fn leaked_keys(visit: &Visit<'_>) -> Result<Vec<Noted>, Failure> {
    let filter = Filter { owner: only_seen_owner(visit), enabled: Some(true), ..Filter::default() };
    let found = api_key::leaked(&visit.visitor.admin, FEW, &filter).await?;
    Ok(found.iter().map(|kept| noted_key(&KeyView::new(visit, kept), |key| key.leaked)).collect())
}

async fn unused_keys(visit: &Visit<'_>) -> Result<Vec<Noted>, Failure> {
    let owner = only_seen_owner(visit);
    let found =
        overview::unused_keys(&visit.visitor.admin, owner.as_deref(), UNUSED, FEW + 1).await?;
    Ok(found.iter().map(|kept| noted_key(&KeyView::new(visit, kept), |key| key.used)).collect())
}

fn noted_key(key: &KeyView, at: impl Fn(&KeyView) -> Option<ShownTime>) -> Noted {
    Noted {
        path: key_path(&key.id),
        name: key.name.clone(),
        kind: format!("API key {}", key.masked),
        at: at(key),
    }
}

fn noted_secret(secret: &NotedSecret, now: Timestamp, at: Option<Timestamp>) -> Noted {
    let label = secret.label.as_ref().map_or_else(String::new, |label| format!(" “{label}”"));
    Noted {
        path: client_path(&secret.client),
        name: secret.client_name.clone(),
        kind: format!("Client secret{label}"),
        at: at.map(|at| ShownTime::new(at, now)),
    }
}

async fn chart(visit: &Visit<'_>, users: Of, stretches: i64, hours: i64) -> Result<Chart, Failure> {
    let now = visit.visitor.now;
    let totals = overview::totals(&visit.visitor.admin, users, stretches, hours).await?;
    let good = match users {
        Of::Clients => TokenOutcome::Token.name(),
        Of::ApiKeys => KeyOutcome::Used.name(),
    };
    let last = Hour::of(now).get().div_euclid(hours);
    let counted = |stretch: i64| {
        let begins = Hour::new(stretch * hours).begins();
        let begins = ShownTime::new(begins, now);
        let from = if hours == 24 { begins.day() } else { begins.hour() };
        let mut counted = Stretch { from, first: 0, second: 0 };
        for total in totals.iter().filter(|total| total.stretch == stretch) {
            if total.outcome == good {
                counted.first += total.times;
            } else {
                counted.second += total.times;
            }
        }
        counted
    };
    let counted: Vec<Stretch> = (last - stretches + 1..=last).map(counted).collect();
    Ok(match users {
        Of::Clients => Chart::new("Tokens", "Refusals", &counted),
        Of::ApiKeys => Chart::new("Requests", "Refusals", &counted),
    })
}
