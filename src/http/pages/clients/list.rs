//! The list of clients.

use askama::Template;

use super::view::ClientView;
use crate::admin::client::{self, Filter};
use crate::admin::usage;
use crate::http::pages::answer::{PageResult, page};
use crate::http::pages::chart::{SPARK_DAYS, Spark};
use crate::http::pages::display::ShownTime;
use crate::http::pages::failure::Failure;
use crate::http::pages::paging::{self, PAGE_SIZE};
use crate::http::pages::visit::Visit;
use crate::http::pages::visitor::Visitor;
use crate::model::client::{Client, ClientId};
use crate::model::own_scope::OwnScope;

/// The latest use of a client.
struct LatestUse {
    at: Option<ShownTime>,
    spark: Spark,
}

#[derive(Template)]
#[template(path = "clients.html")]
struct List<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    rows: Vec<(ClientView, Option<LatestUse>)>,
    has_usage: bool,
    name: &'a str,
    state: &'a str,
    is_filtered: bool,
    is_first: bool,
    next: Option<String>,
}

pub(super) async fn list(visit: &Visit<'_>) -> PageResult {
    let (admin, form) = (visit.admin(OwnScope::ClientsRead)?, &visit.form);
    let [name, state] = ["name", "state"].map(|field| form.text(field));
    let filter = Filter { name: paging::filter_text(name), enabled: paging::filter_enabled(state) };
    let before = paging::parse_cursor(form.text("before"), ClientId::parse);
    let mut clients = client::newest(admin, before.clone(), PAGE_SIZE + 1, &filter).await?;
    let has_more = paging::cut(&mut clients, PAGE_SIZE);
    let uses = uses(visit, &clients).await?;
    let now = visit.visitor.now;
    page(&List {
        base: &visit.visitor.base,
        visitor: &visit.visitor,
        rows: clients.iter().map(|client| ClientView::new(client, now)).zip(uses).collect(),
        has_usage: visit.visitor.may(OwnScope::UsageRead),
        name,
        state,
        is_filtered: !name.is_empty() || !state.is_empty(),
        is_first: before.is_none(),
        next: clients
            .last()
            .filter(|_| has_more)
            .map(|client| paging::cursor(client.created_at, &client.id)),
    })
}

/// The latest use of each client; `None` for a user who may not see it.
async fn uses(visit: &Visit<'_>, clients: &[Client]) -> Result<Vec<Option<LatestUse>>, Failure> {
    if !visit.visitor.may(OwnScope::UsageRead) {
        return Ok(clients.iter().map(|_| None).collect());
    }
    let ids: Vec<&ClientId> = clients.iter().map(|client| &client.id).collect();
    let lately = usage::lately(&visit.visitor.admin, &ids, SPARK_DAYS).await?;
    let used = |lately: usage::Lately| LatestUse {
        at: lately.used_at.map(|at| ShownTime::new(at, visit.visitor.now)),
        spark: Spark::from_days("tokens", &lately.days),
    };
    Ok(lately.into_iter().map(|lately| Some(used(lately))).collect())
}
