//! The page of a client, and the acts that it offers without a form.

use askama::Template;

use super::view::{ClientView, SecretView};
use crate::admin::{api_key, client, revocation, usage};
use crate::http::pages::answer::{PageResult, page};
use crate::http::pages::chart::{self, Chart};
use crate::http::pages::confirm::ask;
use crate::http::pages::event_view::{EventView, events_of};
use crate::http::pages::failure::Failure;
use crate::http::pages::key_view::KeyView;
use crate::http::pages::links::client_path;
use crate::http::pages::paging;
use crate::http::pages::visit::Visit;
use crate::http::pages::visitor::Visitor;
use crate::model::client::ClientId;
use crate::model::own_scope::OwnScope;
use crate::model::usage::{Hour, Outcome as TokenOutcome};

/// Keys on the page of their owner.
const FEW_KEYS: i64 = 5;

#[derive(Template)]
#[template(path = "client.html")]
struct Show<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    client: ClientView,
    secrets: Vec<SecretView>,
    keys: Vec<KeyView>,
    has_more_keys: bool,
    chart: Option<Chart>,
    events: Vec<EventView>,
}

pub(super) async fn show(visit: &Visit<'_>, id: &ClientId) -> PageResult {
    let (admin, now) = (visit.admin(OwnScope::ClientsRead)?, visit.visitor.now);
    let (client, secrets) = client::show(admin, id).await?;
    let filter = api_key::Filter { owner: Some(id.to_string()), ..api_key::Filter::default() };
    let mut keys = if visit.visitor.may(OwnScope::KeysRead) {
        api_key::newest(admin, None, FEW_KEYS + 1, &filter).await?
    } else {
        Vec::new()
    };
    let has_more_keys = paging::cut(&mut keys, FEW_KEYS);
    let chart =
        if visit.visitor.may(OwnScope::UsageRead) { Some(chart(visit, id).await?) } else { None };
    let events = events_of(visit, id.as_str()).await?;
    page(&Show {
        base: &visit.visitor.base,
        visitor: &visit.visitor,
        client: ClientView::new(&client, now),
        secrets: secrets.iter().map(|kept| SecretView::new(kept, now)).collect(),
        keys: keys.iter().map(|kept| KeyView::new(visit, kept)).collect(),
        has_more_keys,
        chart,
        events,
    })
}

async fn chart(visit: &Visit<'_>, id: &ClientId) -> Result<Chart, Failure> {
    let now = visit.visitor.now;
    let asked = usage::Asked {
        client: Some(id.to_string()),
        from: Hour::new(chart::first_day(now) * 24),
        until: Hour::new(i64::MAX),
        after: None,
    };
    let hours = usage::page(&visit.visitor.admin, &asked, chart::DAYS * 24).await?;
    let hours: Vec<_> = hours.iter().map(|hour| (hour.hour, &*hour.outcomes)).collect();
    let counted = chart::by_day(&hours, TokenOutcome::Token.name(), now);
    Ok(Chart::new("Tokens", "Refusals", &counted))
}

/// An act that needs confirmation.
#[derive(Debug, Clone, Copy)]
pub(super) enum ClientAct {
    Disable,
    RevokeTokens,
    Delete,
}

pub(super) async fn confirm(visit: &Visit<'_>, id: &ClientId, act: ClientAct) -> PageResult {
    let (client, _) = client::show(visit.admin(OwnScope::ClientsWrite)?, id).await?;
    let (name, path) = (client.terms.name.as_str(), client_path(id));
    let crumbs = [("/dashboard/clients", "Clients"), (path.as_str(), name)];
    let (title, text, is_final, button) = match act {
        ClientAct::Disable => (
            "Disable this client?",
            "It can request no tokens, its tokens are revoked, and its API keys are rejected. You can enable the client and its keys \
             again; its tokens stay revoked.",
            false,
            "Disable client",
        ),
        ClientAct::RevokeTokens => (
            "Revoke all tokens?",
            "This revokes all tokens issued to this client so far, immediately and everywhere. It can request new ones with its secrets.",
            true,
            "Revoke tokens",
        ),
        ClientAct::Delete => (
            "Delete this client?",
            "This deletes the client with its secrets and API keys, and revokes its tokens. This cannot be undone.",
            true,
            "Delete client",
        ),
    };
    ask(visit, &crumbs, title, &[format!("{name} ({id})"), text.to_owned()], is_final, button)
}

pub(super) async fn set_enabled(visit: &Visit<'_>, id: &ClientId, enabled: bool) -> PageResult {
    client::set_enabled(visit.admin(OwnScope::ClientsWrite)?, id, enabled).await?;
    visit.changed(&client_path(id), if enabled { "enabled" } else { "disabled" }).await
}

pub(super) async fn revoke_tokens(visit: &Visit<'_>, id: &ClientId) -> PageResult {
    revocation::revoke_client_tokens(visit.admin(OwnScope::ClientsWrite)?, id).await?;
    visit.changed(&client_path(id), "tokens-revoked").await
}

pub(super) async fn delete(visit: &Visit<'_>, id: &ClientId) -> PageResult {
    client::delete(visit.admin(OwnScope::ClientsWrite)?, id).await?;
    visit.changed("/dashboard/clients", "deleted").await
}
