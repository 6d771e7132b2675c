//! The page of an API key, and the acts that it offers without a form.

use askama::Template;

use crate::admin::api_key;
use crate::http::pages::answer::{PageResult, page};
use crate::http::pages::chart::{self, Chart};
use crate::http::pages::event_view::{EventView, events_of};
use crate::http::pages::key_view::{KeyView, find_key};
use crate::http::pages::links::key_path;
use crate::http::pages::visit::Visit;
use crate::http::pages::visitor::Visitor;
use crate::model::api_key::ApiKeyId;
use crate::model::own_scope::OwnScope;
use crate::model::usage::{Hour, KeyOutcome};

#[derive(Template)]
#[template(path = "key.html")]
struct Show<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    key: KeyView,
    chart: Chart,
    events: Vec<EventView>,
}

pub(super) async fn show(visit: &Visit<'_>, id: &ApiKeyId) -> PageResult {
    let (admin, now) = (&visit.visitor.admin, visit.visitor.now);
    let kept = find_key(visit, id, OwnScope::KeysRead).await?;
    let hours = api_key::usage(admin, id, Hour::new(i64::MAX), chart::DAYS * 24).await?;
    let hours: Vec<_> = hours.iter().map(|hour| (hour.hour, &*hour.outcomes)).collect();
    let counted = chart::by_day(&hours, KeyOutcome::Used.name(), now);
    let events = events_of(visit, id.as_str()).await?;
    let mut key = KeyView::new(visit, &kept);
    KeyView::name_owners(visit, &mut [&mut key]).await?;
    page(&Show {
        base: &visit.visitor.base,
        visitor: &visit.visitor,
        key,
        chart: Chart::new("Requests", "Refusals", &counted),
        events,
    })
}

pub(super) async fn set_enabled(visit: &Visit<'_>, id: &ApiKeyId, enabled: bool) -> PageResult {
    find_key(visit, id, OwnScope::KeysWrite).await?;
    api_key::set_enabled(&visit.visitor.admin, id, enabled).await?;
    visit.changed(&key_path(id), if enabled { "enabled" } else { "disabled" }).await
}

#[derive(Template)]
#[template(path = "key-revoke.html")]
struct ConfirmRevoke<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    key: KeyView,
}

pub(super) async fn confirm_revoke(visit: &Visit<'_>, id: &ApiKeyId) -> PageResult {
    let key = KeyView::new(visit, &find_key(visit, id, OwnScope::KeysWrite).await?);
    page(&ConfirmRevoke { base: &visit.visitor.base, visitor: &visit.visitor, key })
}

pub(super) async fn revoke(visit: &Visit<'_>, id: &ApiKeyId) -> PageResult {
    let (key, _) = find_key(visit, id, OwnScope::KeysWrite).await?;
    api_key::revoke(&visit.visitor.admin, id).await?;
    // A rotation ends at the page of the new key.
    let next = match key.successor {
        Some(successor) if visit.form.text("rotation") == "yes" => key_path(&successor),
        _ => "/dashboard/keys".to_owned(),
    };
    visit.changed(&next, "revoked").await
}
