//! `/dashboard`: what needs attention.

use askama::Template;

use super::chart::{Chart, Counted};
use super::failure::Failure;
use super::keys::{self, KeyView, UNUSED};
use super::show::{Moment, SOON};
use super::visit::Visit;
use super::visitor::Visitor;
use super::{Outcome, activity, encoded, page};
use crate::admin::api_key::{self, Filter};
use crate::admin::overview::{self, NotedSecret, Of};
use crate::clock::Timestamp;
use crate::model::usage::{Hour, KeyOutcome, Outcome as TokenOutcome};

const USAGE: &str = "mintery:usage:read";
const CLIENTS: &str = "mintery:clients:read";

/// How many of what needs attention are shown.
const FEW: i64 = 6;

/// What a chart may show: its name, how many stretches, and of how many hours.
const RANGES: [(&str, &str, i64, i64); 3] =
    [("24h", "24 hours", 24, 1), ("7d", "7 days", 56, 3), ("30d", "30 days", 30, 24)];

/// Something that ends soon, or that nobody uses.
struct Noted {
    path: String,
    name: String,
    what: String,
    at: Option<Moment>,
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
    latest: Vec<activity::EventView>,
}

pub(super) async fn route(visit: &Visit<'_>, page: &[&str], is_post: bool) -> Outcome {
    match (is_post, page) {
        (false, []) => show(visit).await,
        _ => Err(Failure::NotFound),
    }
}

async fn show(visit: &Visit<'_>) -> Outcome {
    let visitor = &visit.visitor;
    let few = usize::try_from(FEW).unwrap_or_default();
    let (mut expiring, mut unused) = (expiring_keys(visit).await?, unused_keys(visit).await?);
    let (more_expiring, more_unused) = (expiring.len() > few, unused.len() > few);
    unused.truncate(few);
    if visitor.may(CLIENTS) {
        let ending = overview::expiring_secrets(&visitor.admin, SOON, FEW).await?;
        expiring.extend(
            ending.iter().map(|secret| noted_secret(secret, visitor.now, secret.expires_at)),
        );
        let idle = overview::unused_secrets(&visitor.admin, UNUSED, FEW).await?;
        let used_at = |secret: &NotedSecret| secret.last_use.map(|used| used.at);
        unused.extend(idle.iter().map(|secret| noted_secret(secret, visitor.now, used_at(secret))));
    }
    expiring.sort_by_key(|noted| noted.at);
    expiring.truncate(few);
    let asked = visit.form.text("range");
    let range = RANGES.into_iter().find(|(name, ..)| *name == asked);
    let (range, _, stretches, hours) = range.unwrap_or(("24h", "24 hours", 24, 1));
    let (mut tokens, mut requests) = (None, None);
    if visitor.may(USAGE) {
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
        issuer: visit.server.issuer.as_str(),
        latest: activity::latest(visit).await?,
    })
}

async fn expiring_keys(visit: &Visit<'_>) -> Result<Vec<Noted>, Failure> {
    let owner = keys::seen_owner(visit);
    let found =
        overview::expiring_keys(&visit.visitor.admin, owner.as_deref(), SOON, FEW + 1).await?;
    Ok(found.iter().map(|kept| noted_key(&KeyView::new(visit, kept), |key| key.expires)).collect())
}

/// Keys that are good for whoever found them.
async fn leaked_keys(visit: &Visit<'_>) -> Result<Vec<Noted>, Failure> {
    let filter =
        Filter { owner: keys::seen_owner(visit), enabled: Some(true), ..Filter::default() };
    let found = api_key::leaked(&visit.visitor.admin, FEW, &filter).await?;
    Ok(found.iter().map(|kept| noted_key(&KeyView::new(visit, kept), |key| key.leaked)).collect())
}

async fn unused_keys(visit: &Visit<'_>) -> Result<Vec<Noted>, Failure> {
    let owner = keys::seen_owner(visit);
    let found =
        overview::unused_keys(&visit.visitor.admin, owner.as_deref(), UNUSED, FEW + 1).await?;
    Ok(found.iter().map(|kept| noted_key(&KeyView::new(visit, kept), |key| key.used)).collect())
}

fn noted_key(key: &KeyView, at: impl Fn(&KeyView) -> Option<Moment>) -> Noted {
    Noted {
        path: keys::path_of(&key.id),
        name: key.name.clone(),
        what: format!("API key {}", key.masked),
        at: at(key),
    }
}

fn noted_secret(secret: &NotedSecret, now: Timestamp, at: Option<Timestamp>) -> Noted {
    let label = secret.label.as_ref().map_or_else(String::new, |label| format!(" “{label}”"));
    Noted {
        path: format!("/dashboard/clients/{}", encoded(secret.client.as_str())),
        name: secret.client_name.clone(),
        what: format!("Client secret{label}"),
        at: at.map(|at| Moment::new(at, now)),
    }
}

async fn chart(visit: &Visit<'_>, of: Of, stretches: i64, hours: i64) -> Result<Chart, Failure> {
    let now = visit.visitor.now;
    let totals = overview::totals(&visit.visitor.admin, of, stretches, hours).await?;
    let good = match of {
        Of::Clients => TokenOutcome::Token.name(),
        Of::ApiKeys => KeyOutcome::Used.name(),
    };
    let last = Hour::of(now).get().div_euclid(hours);
    let counted = |stretch: i64| {
        let begins = Hour::new(stretch * hours).begins();
        let moment = Moment::new(begins, now);
        let from = if hours == 24 { moment.day() } else { moment.hour() };
        let mut counted = Counted { from, first: 0, second: 0 };
        for total in totals.iter().filter(|total| total.stretch == stretch) {
            if total.outcome == good {
                counted.first += total.times;
            } else {
                counted.second += total.times;
            }
        }
        counted
    };
    let counted: Vec<Counted> = (last - stretches + 1..=last).map(counted).collect();
    Ok(match of {
        Of::Clients => Chart::new("Tokens", "Refusals", &counted),
        Of::ApiKeys => Chart::new("Requests", "Refusals", &counted),
    })
}
