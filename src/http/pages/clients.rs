//! `/dashboard/clients…`: clients. Their secrets are in [`client_secrets`].

use std::time::Duration;

use actix_web::http::StatusCode;
use askama::Template;

use super::chart::{self, Chart, Spark};
use super::client_secrets::{self, SecretShown, SecretView};
use super::confirm::ask;
use super::failure::Failure;
use super::form::{Field, Form};
use super::keys::{KeyView, LIVES, READ as READ_KEYS, SPARK_DAYS, changed, life, sentence};
use super::show::{Moment, Status, span};
use super::visit::{ONCE_FIELD, Visit};
use super::visitor::Visitor;
use super::{Outcome, activity, encoded, page, page_with, redirect};
use crate::admin::client::{self, Filter, NewClient};
use crate::admin::once::Once;
use crate::admin::{AdminError, api, api_key, revocation, usage};
use crate::clock::Timestamp;
use crate::model::client::{Client, ClientId, ClientTerms, ClientUpdate};
use crate::model::name::DisplayName;
use crate::model::patch::Patch;
use crate::model::resource::ResourceUri;
use crate::model::scope::{InvalidScope, ScopeSet};
use crate::model::signing_key::SigningAlgorithm;
use crate::model::usage::{Hour, Outcome as TokenOutcome};

pub(super) const READ: &str = "mintery:clients:read";
pub(super) const WRITE: &str = "mintery:clients:write";
const READ_USAGE: &str = "mintery:usage:read";
const READ_APIS: &str = "mintery:apis:read";

/// Clients on a page.
const PAGE: i64 = 25;

/// Keys on the page of their owner.
const FEW_KEYS: i64 = 5;

pub(super) async fn route(visit: &Visit<'_>, page: &[&str], is_post: bool) -> Outcome {
    match (is_post, page) {
        (false, []) => list(visit).await,
        (false, ["new"]) => new(visit).await,
        (true, ["new"]) => create(visit).await,
        (false, [id]) => show(visit, &parse(id)?).await,
        (false, [id, "edit"]) => edit(visit, &parse(id)?).await,
        (true, [id, "edit"]) => update(visit, &parse(id)?).await,
        (true, [id, "enable"]) => set_enabled(visit, &parse(id)?, true).await,
        (false, [id, "disable"]) => confirm(visit, &parse(id)?, Act::Disable).await,
        (true, [id, "disable"]) => set_enabled(visit, &parse(id)?, false).await,
        (false, [id, "revoke-tokens"]) => confirm(visit, &parse(id)?, Act::RevokeTokens).await,
        (true, [id, "revoke-tokens"]) => revoke_tokens(visit, &parse(id)?).await,
        (false, [id, "delete"]) => confirm(visit, &parse(id)?, Act::Delete).await,
        (true, [id, "delete"]) => delete(visit, &parse(id)?).await,
        (is_post, [id, "secrets", page @ ..]) => {
            client_secrets::route(visit, &parse(id)?, page, is_post).await
        }
        _ => Err(Failure::NotFound),
    }
}

fn parse(id: &str) -> Result<ClientId, Failure> {
    ClientId::parse(id).map_err(|_| Failure::NotFound)
}

/// Where the pages of a client are.
pub(super) fn path_of(id: &ClientId) -> String {
    // Most ids are as they are made here, and stay readable.
    let is_plain =
        id.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    let id = if is_plain { id.as_str().to_owned() } else { encoded(id.as_str()) };
    format!("/dashboard/clients/{id}")
}

/// A client, as it is shown.
pub(super) struct ClientView {
    id: ClientId,
    name: String,
    status: Status,
    is_enabled: bool,
    created: Moment,
    scopes: ScopeSet,
    default_scopes: ScopeSet,
    resources: Vec<String>,
    stands_for: Vec<String>,
    ttl: Option<String>,
    alg: &'static str,
    limit: Option<u64>,
}

impl ClientView {
    fn new(client: &Client, now: Timestamp) -> Self {
        let ClientTerms {
            name,
            scopes,
            grants: _,
            resources,
            stands_for,
            default_scopes: _,
            token_alg,
            introspection_alg: _,
            token_ttl,
            max_tokens_per_hour,
        } = &client.terms;
        let texts = |resources: &[ResourceUri]| resources.iter().map(ToString::to_string).collect();
        Self {
            id: client.id.clone(),
            name: name.as_str().to_owned(),
            status: if client.is_enabled() {
                Status::ok("Active")
            } else {
                Status::plain("Disabled")
            },
            is_enabled: client.is_enabled(),
            created: Moment::new(client.created_at, now),
            scopes: scopes.clone(),
            default_scopes: client.terms.effective_default_scopes(),
            resources: texts(resources),
            stands_for: texts(stands_for),
            ttl: token_ttl.map(span),
            alg: token_alg.map_or("As the API or the server has it", SigningAlgorithm::name),
            limit: *max_tokens_per_hour,
        }
    }

    fn path(&self) -> String {
        path_of(&self.id)
    }
}

/// How a client was used lately, for those who may see it.
struct Used {
    at: Option<Moment>,
    spark: Spark,
}

#[derive(Template)]
#[template(path = "clients.html")]
struct List<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    rows: Vec<(ClientView, Option<Used>)>,
    has_usage: bool,
    name: &'a str,
    state: &'a str,
    is_filtered: bool,
    is_first: bool,
    next: Option<String>,
}

async fn list(visit: &Visit<'_>) -> Outcome {
    let (admin, form) = (visit.admin(READ)?, &visit.form);
    let [name, state] = ["name", "state"].map(|field| form.text(field));
    let filter = Filter {
        name: Some(name).filter(|name| !name.is_empty()).map(ToOwned::to_owned),
        enabled: match state {
            "enabled" => Some(true),
            "disabled" => Some(false),
            _ => None,
        },
    };
    let before = before(form.text("before"));
    let mut clients = client::newest(admin, before.clone(), PAGE + 1, &filter).await?;
    let has_more = clients.len() > usize::try_from(PAGE).unwrap_or_default();
    clients.truncate(usize::try_from(PAGE).unwrap_or_default());
    let uses = uses(visit, &clients).await?;
    let now = visit.visitor.now;
    page(&List {
        base: &visit.visitor.base,
        visitor: &visit.visitor,
        rows: clients.iter().map(|client| ClientView::new(client, now)).zip(uses).collect(),
        has_usage: visit.visitor.may(READ_USAGE),
        name,
        state,
        is_filtered: !name.is_empty() || !state.is_empty(),
        is_first: before.is_none(),
        next: clients
            .last()
            .filter(|_| has_more)
            .map(|client| format!("{}.{}", client.created_at.as_millis(), client.id)),
    })
}

/// Where a page begins: after the client with this date and id.
fn before(cursor: &str) -> Option<(Timestamp, ClientId)> {
    let (date, id) = cursor.split_once('.')?;
    Some((Timestamp::from_millis(date.parse().ok()?), ClientId::parse(id).ok()?))
}

/// How each of the clients on a page was used lately.
async fn uses(visit: &Visit<'_>, clients: &[Client]) -> Result<Vec<Option<Used>>, Failure> {
    if !visit.visitor.may(READ_USAGE) {
        return Ok(clients.iter().map(|_| None).collect());
    }
    let ids: Vec<&ClientId> = clients.iter().map(|client| &client.id).collect();
    let lately = usage::lately(&visit.visitor.admin, &ids, SPARK_DAYS).await?;
    let used = |lately: usage::Lately| Used {
        at: lately.used_at.map(|at| Moment::new(at, visit.visitor.now)),
        spark: Spark::of_days("tokens", &lately.days),
    };
    Ok(lately.into_iter().map(|lately| Some(used(lately))).collect())
}

/// What a client is to be, as it is typed.
struct ClientForm {
    name: Field,
    scopes: Field,
    default_scopes: Field,
    resources: Field,
    ttl: Field,
    alg: Field,
    limit: Field,
    id: Field,
    life: Field,
    custom: Field,
    chosen_resources: Vec<String>,
}

impl ClientForm {
    fn read(form: &Form) -> Self {
        Self {
            name: form.field("name"),
            scopes: form.field("scope"),
            default_scopes: form.field("default_scope"),
            resources: Field::new("resource", ""),
            ttl: form.field("ttl"),
            alg: form.field("alg"),
            limit: form.field("limit"),
            id: form.field("id"),
            life: form.field("life"),
            custom: form.field("days"),
            chosen_resources: form.all("resource").map(ToOwned::to_owned).collect(),
        }
    }

    fn of(terms: &ClientTerms) -> Self {
        let ClientTerms {
            name,
            scopes,
            grants: _,
            resources,
            stands_for: _,
            default_scopes,
            token_alg,
            introspection_alg: _,
            token_ttl,
            max_tokens_per_hour,
        } = terms;
        let number =
            |number: Option<u64>| number.map_or_else(String::new, |number| number.to_string());
        Self {
            name: Field::new("name", name.as_str()),
            scopes: Field::new("scope", scopes.as_str()),
            default_scopes: Field::new(
                "default_scope",
                default_scopes.as_ref().map_or("", ScopeSet::as_str),
            ),
            resources: Field::new("resource", ""),
            ttl: Field::new("ttl", number(token_ttl.map(|ttl| ttl.as_secs()))),
            alg: Field::new("alg", token_alg.map_or("", SigningAlgorithm::name)),
            limit: Field::new("limit", number(*max_tokens_per_hour)),
            id: Field::new("id", ""),
            life: Field::new("life", "never"),
            custom: Field::new("days", ""),
            chosen_resources: resources.iter().map(ToString::to_string).collect(),
        }
    }

    /// Whether something stands where few people look, or is wrong there.
    fn has_details(&self) -> bool {
        [&self.ttl, &self.alg, &self.limit, &self.id]
            .iter()
            .any(|field| !field.is_empty() || field.is_wrong())
    }

    /// What it is to become; nothing when something is wrong.
    fn parse(&mut self, before: Option<&Client>) -> Option<ClientUpdate> {
        let name = self.name.parse(DisplayName::parse);
        let scopes = self.scopes.parse(parse_scopes);
        let had_none = before
            .and_then(|client| client.terms.default_scopes.as_ref())
            .is_some_and(ScopeSet::is_empty);
        let default_scopes = match self.default_scopes.value.as_str() {
            // It said that there are none, and nobody has said anything else.
            "" if had_none => Some(Patch::Keep),
            "" => Some(Patch::Clear),
            _ => self.default_scopes.parse(parse_scopes).map(Patch::Set),
        };
        let ttl = number(&mut self.ttl, |secs| Some(Duration::from_secs(secs)));
        let limit = number(&mut self.limit, Some);
        let alg = match self.alg.value.as_str() {
            "" => Some(Patch::Clear),
            _ => self.alg.parse(str::parse::<SigningAlgorithm>).map(Patch::Set),
        };
        let resources: Result<Vec<ResourceUri>, _> =
            self.chosen_resources.iter().map(|text| ResourceUri::parse(text)).collect();
        if let Err(error) = &resources {
            self.resources.refuse(&error.to_string());
        }
        Some(ClientUpdate {
            name: Some(name?),
            scopes: Some(scopes?),
            default_scopes: default_scopes?,
            resources: Some(resources.ok()?),
            token_alg: alg?,
            token_ttl: ttl?,
            max_tokens_per_hour: limit?,
            // What the form does not show stays.
            stands_for: None,
            grants: None,
            introspection_alg: Patch::Keep,
            seen: None,
        })
    }
}

/// The APIs to choose from, each by identifier and name, and whether it is among those that are
/// chosen.
pub(super) async fn offered_apis(
    visit: &Visit<'_>,
    chosen: &[String],
) -> Result<Vec<(String, String, bool)>, Failure> {
    let known = if visit.visitor.may(READ_APIS) {
        api::list(&visit.visitor.admin).await?
    } else {
        Vec::new()
    };
    // In the order in which they were: the first is what a token is for that names none.
    let mut apis: Vec<(String, String, bool)> = Vec::new();
    for resource in chosen {
        let name = known.iter().find(|api| api.resource.as_str() == resource);
        let name = name.map_or("", |api| api.name.as_str());
        apis.push((resource.clone(), name.to_owned(), true));
    }
    let is_chosen = |resource: &str| chosen.iter().any(|chosen| chosen == resource);
    let others = known.iter().filter(|api| !is_chosen(api.resource.as_str()));
    apis.extend(others.map(|api| (api.resource.to_string(), api.name.as_str().to_owned(), false)));
    Ok(apis)
}

/// Scopes with any white space between.
pub(super) fn parse_scopes(text: &str) -> Result<ScopeSet, InvalidScope> {
    ScopeSet::parse(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A number, or nothing.
pub(super) fn number<T>(field: &mut Field, convert: impl Fn(u64) -> Option<T>) -> Option<Patch<T>> {
    if field.is_empty() {
        return Some(Patch::Clear);
    }
    let made = field.value.parse().ok().filter(|number| *number > 0).and_then(convert);
    if made.is_none() {
        field.refuse("a number, at least 1, or nothing");
    }
    made.map(Patch::Set)
}

/// What tokens may be signed with, as it is offered.
pub(super) fn algorithms() -> Vec<(&'static str, &'static str)> {
    let offered = SigningAlgorithm::ALL.into_iter().filter(|algorithm| !algorithm.is_symmetric());
    let named = offered.map(|algorithm| (algorithm.name(), algorithm.name()));
    [("", "As the API or the server has it")].into_iter().chain(named).collect()
}

#[derive(Template)]
#[template(path = "client-form.html")]
struct FormPage<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    client: Option<&'a ClientView>,
    form: &'a ClientForm,
    apis: Vec<(String, String, bool)>,
    lives: &'a [(&'static str, &'static str)],
    algorithms: Vec<(&'static str, &'static str)>,
    problem: Option<String>,
    once: String,
    seen: &'a str,
}

async fn show_form(
    visit: &Visit<'_>,
    client: Option<(&ClientView, &str)>,
    form: &ClientForm,
    problem: Option<String>,
    status: StatusCode,
) -> Outcome {
    let once =
        Some(visit.form.text(ONCE_FIELD)).filter(|once| once.len() == 32).map(ToOwned::to_owned);
    let form_page = FormPage {
        base: &visit.visitor.base,
        visitor: &visit.visitor,
        client: client.map(|(view, _)| view),
        form,
        apis: offered_apis(visit, &form.chosen_resources).await?,
        lives: &LIVES,
        algorithms: algorithms(),
        problem,
        once: once.unwrap_or_else(|| visit.new_once()),
        seen: client.map_or("", |(_, seen)| seen),
    };
    page_with(status, &form_page)
}

async fn new(visit: &Visit<'_>) -> Outcome {
    visit.admin(WRITE)?;
    let mut form = ClientForm::read(&Form::default());
    form.life = Field::new("life", "365");
    show_form(visit, None, &form, None, StatusCode::OK).await
}

async fn create(visit: &Visit<'_>) -> Outcome {
    let admin = visit.admin(WRITE)?;
    let mut form = ClientForm::read(&visit.form);
    let id = match form.id.value.as_str() {
        "" => Some(None),
        _ => form.id.parse(ClientId::parse).map(Some),
    };
    let life = life(&mut form.life, &mut form.custom);
    let update = form.parse(None);
    let (Some(id), Some(life), Some(mut update)) = (id, life, update) else {
        return show_form(visit, None, &form, None, StatusCode::BAD_REQUEST).await;
    };
    let Some(name) = update.name.take() else { return Err(Failure::NotFound) };
    let new = NewClient {
        id,
        terms: update.apply(ClientTerms::new(name)),
        secret: None,
        secret_expires_in: life.apply(None),
    };
    match client::create_once(admin, new, visit.once()).await {
        Ok(Once::Now(made)) => {
            visit.applied().await?;
            SecretShown::page(visit, &made.client, &made.plain, true)
        }
        Ok(Once::Before(id)) => {
            repeated(visit, &path_of(&parse(&id)?), "To the client", "/dashboard/clients/new")
        }
        Err(AdminError::Exists(what)) => {
            form.id.refuse(&format!("there is a {what} already"));
            show_form(visit, None, &form, None, StatusCode::CONFLICT).await
        }
        Err(error) => refused(visit, None, form, error).await,
    }
}

#[derive(Template)]
#[template(path = "repeated.html")]
struct Repeated<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    path: &'a str,
    label: &'a str,
    again: &'a str,
}

/// Says that a form was sent before.
pub(super) fn repeated(visit: &Visit<'_>, path: &str, label: &str, again: &str) -> Outcome {
    let visitor = &visit.visitor;
    page_with(StatusCode::CONFLICT, &Repeated { base: &visitor.base, visitor, path, label, again })
}

/// The form again, with what is wrong; what has nothing to do with it is a page of its own.
async fn refused(
    visit: &Visit<'_>,
    client: Option<(&ClientView, &str)>,
    mut form: ClientForm,
    error: AdminError,
) -> Outcome {
    let status = match &error {
        AdminError::Unknown(what) => {
            form.resources.refuse(&format!("there is no {what}"));
            return show_form(visit, client, &form, None, StatusCode::BAD_REQUEST).await;
        }
        AdminError::Invalid(_) => StatusCode::BAD_REQUEST,
        AdminError::Forbidden(_) => StatusCode::FORBIDDEN,
        AdminError::Conflict(_) => StatusCode::CONFLICT,
        _ => return Err(error.into()),
    };
    show_form(visit, client, &form, Some(sentence(&error.to_string())), status).await
}

async fn edit(visit: &Visit<'_>, id: &ClientId) -> Outcome {
    let (client, _) = client::show(visit.admin(WRITE)?, id).await?;
    let view = ClientView::new(&client, visit.visitor.now);
    let seen = client::version(&client);
    show_form(visit, Some((&view, &seen)), &ClientForm::of(&client.terms), None, StatusCode::OK)
        .await
}

async fn update(visit: &Visit<'_>, id: &ClientId) -> Outcome {
    let admin = visit.admin(WRITE)?;
    let (before, _) = client::show(admin, id).await?;
    let view = ClientView::new(&before, visit.visitor.now);
    let mut form = ClientForm::read(&visit.form);
    let seen = visit.form.text("seen").to_owned();
    let Some(update) = form.parse(Some(&before)) else {
        return show_form(visit, Some((&view, &seen)), &form, None, StatusCode::BAD_REQUEST).await;
    };
    // Without a word on what was seen the form is not one of this server.
    let update = ClientUpdate { seen: Some(seen.clone()), ..update };
    match client::update(admin, id, update).await {
        Ok(_) => {
            visit.applied().await?;
            Ok(redirect(visit.server, &format!("{}?done=saved", path_of(id))))
        }
        Err(AdminError::Changed(_)) => {
            // Whoever sends it again has seen what it is now.
            let seen = client::version(&before);
            let problem = Some(changed("client"));
            show_form(visit, Some((&view, &seen)), &form, problem, StatusCode::CONFLICT).await
        }
        Err(error) => refused(visit, Some((&view, &seen)), form, error).await,
    }
}

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
    events: Vec<activity::EventView>,
}

async fn show(visit: &Visit<'_>, id: &ClientId) -> Outcome {
    let (admin, now) = (visit.admin(READ)?, visit.visitor.now);
    let (client, secrets) = client::show(admin, id).await?;
    let filter = api_key::Filter { owner: Some(id.to_string()), ..api_key::Filter::default() };
    let mut keys = if visit.visitor.may(READ_KEYS) {
        api_key::newest(admin, None, FEW_KEYS + 1, &filter).await?
    } else {
        Vec::new()
    };
    let few = usize::try_from(FEW_KEYS).unwrap_or_default();
    let has_more_keys = keys.len() > few;
    keys.truncate(few);
    let chart = if visit.visitor.may(READ_USAGE) { Some(chart(visit, id).await?) } else { None };
    let events = activity::about(visit, id.as_str()).await?;
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

/// What is done only after a second look.
#[derive(Debug, Clone, Copy)]
enum Act {
    Disable,
    RevokeTokens,
    Delete,
}

async fn confirm(visit: &Visit<'_>, id: &ClientId, act: Act) -> Outcome {
    let (client, _) = client::show(visit.admin(WRITE)?, id).await?;
    let (name, path) = (client.terms.name.as_str(), path_of(id));
    let crumbs = [("/dashboard/clients", "Clients"), (path.as_str(), name)];
    let (title, text, is_final, button) = match act {
        Act::Disable => (
            "Disable this client?",
            "It gets no tokens any more, the tokens that it has are void, and its API keys are refused. It can be enabled again; the \
             tokens stay void.",
            false,
            "Disable client",
        ),
        Act::RevokeTokens => (
            "Revoke its tokens?",
            "All tokens that it has got until now are void, everywhere and at once. It can get new ones with the secrets that it has.",
            true,
            "Revoke tokens",
        ),
        Act::Delete => (
            "Delete this client?",
            "It is gone, with its secrets and API keys, and the tokens that it has are void. This cannot be undone.",
            true,
            "Delete client",
        ),
    };
    ask(visit, &crumbs, title, &[format!("{name} ({id})"), text.to_owned()], is_final, button)
}

async fn set_enabled(visit: &Visit<'_>, id: &ClientId, enabled: bool) -> Outcome {
    client::set_enabled(visit.admin(WRITE)?, id, enabled).await?;
    visit.applied().await?;
    let done = if enabled { "enabled" } else { "disabled" };
    Ok(redirect(visit.server, &format!("{}?done={done}", path_of(id))))
}

async fn revoke_tokens(visit: &Visit<'_>, id: &ClientId) -> Outcome {
    revocation::revoke_client_tokens(visit.admin(WRITE)?, id).await?;
    visit.applied().await?;
    Ok(redirect(visit.server, &format!("{}?done=tokens-revoked", path_of(id))))
}

async fn delete(visit: &Visit<'_>, id: &ClientId) -> Outcome {
    client::delete(visit.admin(WRITE)?, id).await?;
    visit.applied().await?;
    Ok(redirect(visit.server, "/dashboard/clients?done=deleted"))
}
