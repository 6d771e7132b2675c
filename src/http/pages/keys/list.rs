//! The list of API keys.

use askama::Template;

use crate::admin::api_key::{self, Filter};
use crate::clock::Timestamp;
use crate::http::pages::answer::{PageResult, page};
use crate::http::pages::chart::{SPARK_DAYS, Spark};
use crate::http::pages::display::{SOON, UNUSED};
use crate::http::pages::form::FormFields;
use crate::http::pages::key_view::{KeyView, only_seen_owner};
use crate::http::pages::links::encoded;
use crate::http::pages::paging::{self, PAGE_SIZE};
use crate::http::pages::visit::Visit;
use crate::http::pages::visitor::Visitor;
use crate::model::api_key::ApiKeyId;
use crate::model::own_scope::OwnScope;

#[derive(Template)]
#[template(path = "keys.html")]
struct List<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    rows: Vec<(KeyView, Spark)>,
    name: &'a str,
    owner: &'a str,
    /// The name of the owner, if the list is filtered by one.
    owner_name: Option<String>,
    environment: &'a str,
    state: &'a str,
    is_filtered: bool,
    is_first: bool,
    next: Option<String>,
}

pub(super) async fn list(visit: &Visit<'_>) -> PageResult {
    let (admin, form, now) = (&visit.visitor.admin, &visit.form, visit.visitor.now);
    let mut filter = filter(form, now);
    filter.owner = only_seen_owner(visit).or(filter.owner);
    let before = paging::parse_cursor(form.text("before"), ApiKeyId::parse);
    let mut keys = api_key::newest(admin, before.clone(), PAGE_SIZE + 1, &filter).await?;
    let has_more = paging::cut(&mut keys, PAGE_SIZE);
    let ids: Vec<&ApiKeyId> = keys.iter().map(|(key, _)| &key.id).collect();
    let uses = api_key::daily_uses(admin, &ids, SPARK_DAYS).await?;
    let sparks = uses.iter().map(|days| Spark::from_days("requests", days));
    let mut rows: Vec<(KeyView, Spark)> =
        keys.iter().map(|kept| KeyView::new(visit, kept)).zip(sparks).collect();
    KeyView::name_owners(visit, &mut rows.iter_mut().map(|(key, _)| key).collect::<Vec<_>>())
        .await?;
    let owner_name = rows.first().and_then(|(key, _)| key.owner_name.clone());
    let [name, owner, environment, state] =
        ["name", "owner", "environment", "state"].map(|field| form.text(field));
    let last = keys.last().filter(|_| has_more);
    let next = last.map(|(key, _)| {
        format!(
            "/dashboard/keys?name={}&owner={}&environment={}&state={}&before={}",
            encoded(name),
            encoded(owner),
            encoded(environment),
            encoded(state),
            paging::cursor(key.created_at, &key.id)
        )
    });
    page(&List {
        base: &visit.visitor.base,
        visitor: &visit.visitor,
        rows,
        name,
        owner,
        owner_name,
        environment,
        state,
        is_filtered: [name, owner, environment, state].iter().any(|value| !value.is_empty()),
        is_first: before.is_none(),
        next,
    })
}

fn filter(form: &FormFields, now: Timestamp) -> Filter {
    let state = form.text("state");
    Filter {
        owner: paging::filter_text(form.text("owner")),
        name: paging::filter_text(form.text("name")),
        environment: form.text("environment").parse().ok(),
        enabled: paging::filter_enabled(state),
        expiring: (state == "expiring").then(|| (now, now.plus(SOON))),
        unused_since: (state == "unused").then(|| now.minus(UNUSED)),
    }
}
