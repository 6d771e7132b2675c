//! `/dashboard/keys…`: API keys.

use std::time::Duration;

use actix_web::http::StatusCode;
use askama::Template;

use super::chart::{self, Chart, Spark};
use super::failure::Failure;
use super::form::{Field, Form};
use super::show::{Moment, SOON, Status};
use super::visit::{ONCE_FIELD, Visit};
use super::visitor::Visitor;
use super::{
    Outcome, activity, clients, encoded, key_rotation, page, page_with, party, redirect, users,
};
use crate::admin::api_key::{
    self, ApiKeyUpdate, CreatedApiKey, Creation, Filter, KeptApiKey, NewApiKey,
};
use crate::admin::{AdminError, client};
use crate::clock::Timestamp;
use crate::model::address::AddressRanges;
use crate::model::api_key::{ApiKey, ApiKeyId, Environment, KeyOwner, MAX_PER_MINUTE};
use crate::model::name::DisplayName;
use crate::model::patch::Patch;
use crate::model::scope::ScopeSet;
use crate::model::usage::{Hour, KeyOutcome, LastUse};
use crate::model::user::Role;

pub(super) const READ: &str = "mintery:keys:read";
pub(super) const WRITE: &str = "mintery:keys:write";

/// Keys on a page.
const PAGE: i64 = 25;

/// Days in the small picture of a list.
pub(super) const SPARK_DAYS: usize = 14;

/// How long nobody has used what is called unused.
pub(super) const UNUSED: Duration = Duration::from_hours(24 * 90);

/// After how many days a key expires, as it is offered.
pub(super) const LIVES: [(&str, &str); 7] = [
    ("7", "7 days"),
    ("30", "30 days"),
    ("60", "60 days"),
    ("90", "90 days"),
    ("365", "1 year"),
    ("custom", "Custom…"),
    ("never", "No expiry"),
];

pub(super) async fn route(visit: &Visit<'_>, page: &[&str], is_post: bool) -> Outcome {
    match (is_post, page) {
        (false, []) => list(visit).await,
        (false, ["new"]) => new(visit).await,
        (true, ["new"]) => create(visit).await,
        (false, [id]) => show(visit, &parse(id)?).await,
        (false, [id, "edit"]) => edit(visit, &parse(id)?).await,
        (true, [id, "edit"]) => update(visit, &parse(id)?).await,
        (true, [id, "enable"]) => set_enabled(visit, &parse(id)?, true).await,
        (true, [id, "disable"]) => set_enabled(visit, &parse(id)?, false).await,
        (false, [id, "revoke"]) => confirm_revoke(visit, &parse(id)?).await,
        (true, [id, "revoke"]) => revoke(visit, &parse(id)?).await,
        (false, [id, "rotate"]) => key_rotation::show(visit, &parse(id)?).await,
        (true, [id, "rotate"]) => key_rotation::create(visit, &parse(id)?).await,
        _ => Err(Failure::NotFound),
    }
}

/// What is no id of a key names none.
fn parse(id: &str) -> Result<ApiKeyId, Failure> {
    ApiKeyId::parse(id).map_err(|_| Failure::NotFound)
}

/// Where the pages of a key are.
pub(super) fn path_of(id: &ApiKeyId) -> String {
    format!("/dashboard/keys/{id}")
}

/// Whose keys whoever asks may see, or change: their own, where they do not hold `scope`; all when
/// absent.
fn limited_to(visit: &Visit<'_>, scope: &str) -> Option<KeyOwner> {
    (!visit.visitor.may(scope)).then(|| own(visit))
}

/// The owner whose keys alone whoever asks may see; all when absent.
pub(super) fn seen_owner(visit: &Visit<'_>) -> Option<String> {
    limited_to(visit, READ).map(|own| own.as_str().to_owned())
}

/// Whoever asks, as an owner of keys.
fn own(visit: &Visit<'_>) -> KeyOwner {
    KeyOwner::User(visit.visitor.signed_in.user.clone())
}

/// A key, for whoever may see it, or change it.
pub(super) async fn find(
    visit: &Visit<'_>,
    id: &ApiKeyId,
    scope: &str,
) -> Result<KeptApiKey, Failure> {
    let kept = api_key::show(&visit.visitor.admin, id).await?;
    let is_theirs = |scope| limited_to(visit, scope).is_none_or(|own| own == kept.0.owner);
    if is_theirs(scope) {
        return Ok(kept);
    }
    // To whom it is none of their business there is none.
    Err(if is_theirs(READ) { Failure::lacking(scope) } else { Failure::NotFound })
}

/// A key as it is listed.
pub(super) struct KeyView {
    pub(super) id: ApiKeyId,
    pub(super) name: String,
    pub(super) masked: String,
    pub(super) owner: KeyOwner,
    /// What people call the owner, where that was asked for.
    pub(super) owner_name: Option<String>,
    /// Whether whoever looks may change it.
    pub(super) may_change: bool,
    pub(super) environment: &'static str,
    pub(super) status: Status,
    pub(super) created: Moment,
    pub(super) expires: Option<Moment>,
    pub(super) used: Option<Moment>,
    pub(super) used_from: Option<String>,
    pub(super) is_enabled: bool,
    /// When it was found in public.
    pub(super) leaked: Option<Moment>,
    pub(super) successor: Option<ApiKeyId>,
    pub(super) scopes: ScopeSet,
    pub(super) allowed: Vec<String>,
    pub(super) limit: Option<u32>,
}

impl KeyView {
    pub(super) fn new(visit: &Visit<'_>, (key, used): &KeptApiKey) -> Self {
        let (admin, now) = (&visit.visitor.admin, visit.visitor.now);
        Self {
            id: key.id.clone(),
            name: key.name.as_str().to_owned(),
            masked: format!(
                "{}_{}_…{}…",
                admin.api_keys.format.prefix(),
                key.environment.name(),
                key.hint
            ),
            owner: key.owner.clone(),
            owner_name: None,
            may_change: limited_to(visit, WRITE).is_none_or(|own| own == key.owner),
            environment: key.environment.name(),
            status: status(key, now),
            created: Moment::new(key.created_at, now),
            expires: key.expires_at.map(|at| Moment::new(at, now)),
            used: used.map(|used| Moment::new(used.at, now)),
            used_from: used.and_then(from),
            is_enabled: key.is_enabled(),
            leaked: key.leaked_at.map(|at| Moment::new(at, now)),
            successor: key.successor.clone(),
            scopes: key.scopes.clone(),
            allowed: key.allowed.iter().map(ToString::to_string).collect(),
            limit: key.max_per_minute,
        }
    }

    /// Notes what people call the owners of some keys.
    async fn name_owners(visit: &Visit<'_>, keys: &mut [&mut Self]) -> Result<(), Failure> {
        let own = own(visit);
        let ids = keys.iter().map(|key| party::of_owner(&key.owner)).collect();
        let names = party::names(visit, ids).await?;
        for key in keys {
            let (kind, id) = party::of_owner(&key.owner);
            key.owner_name = match names.of(kind, &id) {
                _ if key.owner == own => Some(visit.visitor.name().to_owned()),
                name => name.map(ToOwned::to_owned),
            };
        }
        Ok(())
    }

    /// Where the pages of its owner are, for those who may see them.
    pub(super) fn owner_path(&self, visitor: &Visitor) -> Option<String> {
        match &self.owner {
            KeyOwner::Client(id) => visitor.may(clients::READ).then(|| clients::path_of(id)),
            KeyOwner::User(id) => visitor.may(users::READ).then(|| users::path_of(id)),
        }
    }
}

fn from(used: LastUse) -> Option<String> {
    used.from.map(|address| address.to_string())
}

fn status(key: &ApiKey, now: Timestamp) -> Status {
    let is_soon = |at: Timestamp| at.since(now) < SOON;
    if !key.is_enabled() {
        Status::plain("Disabled")
    } else if key.is_expired(now) {
        Status::bad("Expired")
    } else if key.leaked_at.is_some() {
        Status::bad("Leaked")
    } else if key.successor.is_some() {
        Status::warn("Being replaced")
    } else if key.expires_at.is_some_and(is_soon) {
        Status::warn("Expires soon")
    } else {
        Status::ok("Active")
    }
}

#[derive(Template)]
#[template(path = "keys.html")]
struct List<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    rows: Vec<(KeyView, Spark)>,
    name: &'a str,
    owner: &'a str,
    /// What people call the owner, where only the keys of one are shown.
    owner_name: Option<String>,
    environment: &'a str,
    state: &'a str,
    is_filtered: bool,
    is_first: bool,
    next: Option<String>,
}

async fn list(visit: &Visit<'_>) -> Outcome {
    let (admin, form, now) = (&visit.visitor.admin, &visit.form, visit.visitor.now);
    let mut filter = filter(form, now);
    filter.owner = seen_owner(visit).or(filter.owner);
    let before = before(form.text("before"));
    let mut keys = api_key::newest(admin, before.clone(), PAGE + 1, &filter).await?;
    let has_more = keys.len() > usize::try_from(PAGE).unwrap_or_default();
    keys.truncate(usize::try_from(PAGE).unwrap_or_default());
    let ids: Vec<&ApiKeyId> = keys.iter().map(|(key, _)| &key.id).collect();
    let uses = api_key::daily_uses(admin, &ids, SPARK_DAYS).await?;
    let sparks = uses.iter().map(|days| Spark::of_days("requests", days));
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
            "/dashboard/keys?name={}&owner={}&environment={}&state={}&before={}.{}",
            encoded(name),
            encoded(owner),
            encoded(environment),
            encoded(state),
            key.created_at.as_millis(),
            key.id
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

fn filter(form: &Form, now: Timestamp) -> Filter {
    let text = |name| Some(form.text(name)).filter(|text| !text.is_empty()).map(ToOwned::to_owned);
    let state = form.text("state");
    Filter {
        owner: text("owner"),
        name: text("name"),
        environment: form.text("environment").parse().ok(),
        enabled: match state {
            "enabled" => Some(true),
            "disabled" => Some(false),
            _ => None,
        },
        expiring: (state == "expiring").then(|| (now, now.plus(SOON))),
        unused_since: (state == "unused").then(|| now.minus(UNUSED)),
    }
}

/// Where a page begins: after the key with this date and id.
fn before(cursor: &str) -> Option<(Timestamp, ApiKeyId)> {
    let (date, id) = cursor.split_once('.')?;
    Some((Timestamp::from_millis(date.parse().ok()?), ApiKeyId::parse(id).ok()?))
}

/// What a key is to be, as it is typed.
pub(super) struct KeyForm {
    name: Field,
    owner: Field,
    scopes: Field,
    environment: Field,
    life: Field,
    custom: Field,
    allowed: Field,
    limit: Field,
    /// The version that was shown.
    seen: String,
}

impl KeyForm {
    /// Whether a scope is chosen.
    fn has_scope(&self, scope: &str) -> bool {
        self.scopes.value.split_whitespace().any(|own| own == scope)
    }

    fn read(form: &Form) -> Self {
        Self {
            name: form.field("name"),
            owner: form.field("owner"),
            scopes: Field::new("scope", form.all("scope").collect::<Vec<_>>().join(" ").trim()),
            environment: form.field("environment"),
            life: form.field("life"),
            custom: form.field("days"),
            allowed: form.field("allowed"),
            limit: form.field("limit"),
            seen: form.text("seen").to_owned(),
        }
    }

    /// Of what it is to be, what is the same for a new key and for one that changes; nothing when
    /// something is wrong.
    fn parse(&mut self) -> Option<ApiKeyUpdate> {
        let name = self.name.parse(DisplayName::parse);
        let words = self.scopes.value.split_whitespace().collect::<Vec<_>>().join(" ");
        let scopes = self.scopes.parse(|_| ScopeSet::parse(&words));
        let ranges = self.allowed.value.replace(char::is_whitespace, ",");
        let allowed = self.allowed.parse(|_| AddressRanges::parse(&ranges));
        let limit = self.limit.parse(limit);
        let life = life(&mut self.life, &mut self.custom);
        Some(ApiKeyUpdate {
            // Without a word on what was seen the form is not one of this server.
            seen: Some(self.seen.clone()),
            name: Some(name?),
            scopes: Some(scopes?),
            allowed: Some(allowed?),
            max_per_minute: limit?,
            expires_in: life?,
        })
    }

    fn parse_new(&mut self) -> Option<NewApiKey> {
        let owner = self.owner.parse(KeyOwner::parse);
        let environment = self.environment.parse(str::parse::<Environment>);
        let update = self.parse();
        let (owner, environment, update) = (owner?, environment?, update?);
        Some(NewApiKey {
            owner,
            name: update.name?,
            environment,
            // Nothing is not what anybody wants a key for: all that the owner gets by default.
            scopes: update.scopes.filter(|scopes| !scopes.is_empty()),
            allowed: update.allowed.unwrap_or_default(),
            max_per_minute: update.max_per_minute.apply(None),
            expires_in: update.expires_in,
        })
    }
}

fn limit(text: &str) -> Result<Patch<u32>, String> {
    if text.is_empty() {
        return Ok(Patch::Clear);
    }
    let number = text.parse().ok().filter(|number| (1..=MAX_PER_MINUTE).contains(number));
    number
        .map(Patch::Set)
        .ok_or_else(|| format!("a limit is a number from 1 to {MAX_PER_MINUTE}, or nothing"))
}

/// After how long something expires, chosen from [`LIVES`].
pub(super) fn life(chosen: &mut Field, custom: &mut Field) -> Option<Patch<Duration>> {
    const MOST: u64 = 36_525;
    let days = |days: u64| Patch::Set(Duration::from_hours(24 * days));
    match chosen.value.as_str() {
        "never" => Some(Patch::Clear),
        "keep" => Some(Patch::Keep),
        "custom" => {
            let number = custom.value.parse().ok().filter(|number| (1..=MOST).contains(number));
            if number.is_none() {
                custom.refuse("a number of days, at least 1");
            }
            number.map(days)
        }
        number => {
            let number = number.parse().ok().filter(|number| (1..=MOST).contains(number));
            if number.is_none() {
                chosen.refuse("choose when the key expires");
            }
            number.map(days)
        }
    }
}

#[derive(Template)]
#[template(path = "key-form.html")]
struct FormPage<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    /// The one that changes; nothing for a new one.
    key: Option<&'a KeyView>,
    form: &'a KeyForm,
    lives: Vec<(&'static str, &'static str)>,
    problem: Option<String>,
    once: String,
    /// What the owner may have, where that is known.
    known_scopes: Option<ScopeSet>,
    /// Clients that may be the owner, where they are few: id, name, scopes.
    owners: Vec<(String, String, String)>,
}

/// The most clients to choose an owner from; where there are more, its id is typed.
const MAX_OWNERS: i64 = 100;

async fn owners(visit: &Visit<'_>) -> Result<Vec<(String, String, String)>, Failure> {
    let (visitor, own) = (&visit.visitor, own(visit));
    let mut owners =
        vec![(own.as_str().to_owned(), format!("You, {}", visitor.name()), String::new())];
    if !visitor.may(WRITE) || !visitor.may(clients::READ) {
        return Ok(owners);
    }
    let filter = client::Filter { name: None, enabled: Some(true) };
    let mut found = client::page(&visitor.admin, "", MAX_OWNERS + 1, &filter).await?;
    if i64::try_from(found.len()).is_ok_and(|count| count > MAX_OWNERS) {
        return Ok(Vec::new());
    }
    found.sort_by(|one, other| one.terms.name.as_str().cmp(other.terms.name.as_str()));
    owners.extend(found.iter().map(|client| {
        let label = format!("{} ({})", client.terms.name.as_str(), client.id);
        (client.id.to_string(), label, client.terms.scopes.as_str().to_owned())
    }));
    Ok(owners)
}

/// What an owner may have, where that is known and not everything.
async fn known_scopes(visit: &Visit<'_>, owner: &str) -> Option<ScopeSet> {
    let visitor = &visit.visitor;
    match KeyOwner::parse(owner).ok()? {
        KeyOwner::Client(id) if visitor.may(clients::READ) => {
            client::show(&visitor.admin, &id).await.ok().map(|(client, _)| client.terms.scopes)
        }
        KeyOwner::User(id)
            if id == visitor.signed_in.user && visitor.signed_in.role != Role::Admin =>
        {
            Some(visitor.signed_in.scopes.clone())
        }
        KeyOwner::Client(_) | KeyOwner::User(_) => None,
    }
}

async fn new(visit: &Visit<'_>) -> Outcome {
    let mut form = KeyForm::read(&visit.form);
    if form.owner.is_empty() {
        form.owner = Field::new("owner", own(visit).as_str());
    }
    form.life = Field::new("life", "90");
    form.environment = Field::new("environment", "live");
    show_form(visit, None, &form, None, StatusCode::OK).await
}

async fn show_form(
    visit: &Visit<'_>,
    key: Option<&KeyView>,
    form: &KeyForm,
    problem: Option<String>,
    status: StatusCode,
) -> Outcome {
    let mut lives = LIVES.to_vec();
    if key.is_some() {
        lives.insert(0, ("keep", "As it is"));
    }
    let known_scopes = known_scopes(visit, &form.owner.value).await;
    let once =
        Some(visit.form.text(ONCE_FIELD)).filter(|once| once.len() == 32).map(ToOwned::to_owned);
    let form_page = FormPage {
        base: &visit.visitor.base,
        visitor: &visit.visitor,
        known_scopes,
        owners: if key.is_none() { owners(visit).await? } else { Vec::new() },
        key,
        form,
        lives,
        problem,
        once: once.unwrap_or_else(|| visit.new_once()),
    };
    page_with(status, &form_page)
}

#[derive(Template)]
#[template(path = "key-created.html")]
pub(super) struct Shown<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    name: &'a str,
    id: &'a ApiKeyId,
    key: &'a str,
    url: String,
    /// The key that it takes the place of.
    replaces: Option<&'a ApiKeyId>,
    expires: Option<Moment>,
}

impl<'a> Shown<'a> {
    /// The page with a key that was made, in place of another or not.
    pub(super) fn new(
        visit: &'a Visit<'_>,
        made: &'a CreatedApiKey,
        replaces: Option<&'a ApiKeyId>,
    ) -> Self {
        Self {
            base: &visit.visitor.base,
            visitor: &visit.visitor,
            name: made.key.name.as_str(),
            id: &made.key.id,
            key: made.plain.expose(),
            url: visit.server.issuer.endpoint("/api/v1/users/me"),
            replaces,
            expires: made.key.expires_at.map(|at| Moment::new(at, visit.visitor.now)),
        }
    }
}

async fn create(visit: &Visit<'_>) -> Outcome {
    let admin = &visit.visitor.admin;
    let mut form = KeyForm::read(&visit.form);
    let Some(new) = form.parse_new() else {
        return show_form(visit, None, &form, None, StatusCode::BAD_REQUEST).await;
    };
    if limited_to(visit, WRITE).is_some_and(|own| own != new.owner) {
        return Err(Failure::lacking(WRITE));
    }
    match api_key::create_once(admin, new, visit.once()).await {
        Ok(Creation::New(made)) => {
            visit.applied().await?;
            page_with(StatusCode::CREATED, &Shown::new(visit, &made, None))
        }
        Ok(Creation::Repeated(kept)) => {
            clients::repeated(visit, &path_of(&kept.0.id), "To the key", "/dashboard/keys/new")
        }
        Err(AdminError::Unknown(what)) => {
            form.owner.refuse(&format!("there is no {what}"));
            show_form(visit, None, &form, None, StatusCode::BAD_REQUEST).await
        }
        Err(error) => refused(visit, None, &form, error).await,
    }
}

/// The form again, with what is wrong about it as a whole; what has nothing to do with the form is
/// a page of its own.
async fn refused(
    visit: &Visit<'_>,
    key: Option<&KeyView>,
    form: &KeyForm,
    error: AdminError,
) -> Outcome {
    let status = match &error {
        AdminError::Invalid(_) => StatusCode::BAD_REQUEST,
        AdminError::Forbidden(_) => StatusCode::FORBIDDEN,
        AdminError::Conflict(_) => StatusCode::CONFLICT,
        _ => return Err(error.into()),
    };
    show_form(visit, key, form, Some(sentence(&error.to_string())), status).await
}

/// Says that a form was not saved, because somebody else has changed what it is about.
pub(super) fn changed(what: &'static str) -> String {
    format!(
        "{}. Below is what you typed; nothing of it is saved.",
        sentence(&AdminError::Changed(what).to_string())
    )
}

/// What begins in lower case, to stand after something else.
pub(super) fn sentence(text: &str) -> String {
    let mut field = Field::new("", "");
    field.refuse(text);
    field.problem.unwrap_or_default()
}

#[derive(Template)]
#[template(path = "key.html")]
struct Show<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    key: KeyView,
    chart: Chart,
    events: Vec<activity::EventView>,
}

async fn show(visit: &Visit<'_>, id: &ApiKeyId) -> Outcome {
    let (admin, now) = (&visit.visitor.admin, visit.visitor.now);
    let kept = find(visit, id, READ).await?;
    let hours = api_key::usage(admin, id, Hour::new(i64::MAX), chart::DAYS * 24).await?;
    let hours: Vec<_> = hours.iter().map(|hour| (hour.hour, &*hour.outcomes)).collect();
    let counted = chart::by_day(&hours, KeyOutcome::Used.name(), now);
    let events = activity::about(visit, id.as_str()).await?;
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

async fn edit(visit: &Visit<'_>, id: &ApiKeyId) -> Outcome {
    let kept = find(visit, id, WRITE).await?;
    let view = KeyView::new(visit, &kept);
    let form = KeyForm {
        name: Field::new("name", view.name.as_str()),
        owner: Field::new("owner", view.owner.as_str()),
        scopes: Field::new("scope", view.scopes.as_str()),
        environment: Field::new("environment", view.environment),
        life: Field::new("life", "keep"),
        custom: Field::new("days", ""),
        allowed: Field::new("allowed", view.allowed.join("\n")),
        limit: Field::new("limit", view.limit.map_or_else(String::new, |limit| limit.to_string())),
        seen: api_key::version(&kept.0),
    };
    show_form(visit, Some(&view), &form, None, StatusCode::OK).await
}

async fn update(visit: &Visit<'_>, id: &ApiKeyId) -> Outcome {
    let admin = &visit.visitor.admin;
    let kept = find(visit, id, WRITE).await?;
    let view = KeyView::new(visit, &kept);
    let mut form = KeyForm::read(&visit.form);
    let Some(update) = form.parse() else {
        return show_form(visit, Some(&view), &form, None, StatusCode::BAD_REQUEST).await;
    };
    match api_key::update(admin, id, update).await {
        Ok(_) => {
            visit.applied().await?;
            Ok(redirect(visit.server, &format!("{}?done=saved", path_of(id))))
        }
        Err(AdminError::Changed(_)) => {
            // Whoever sends it again has seen what it is now.
            form.seen = api_key::version(&kept.0);
            show_form(visit, Some(&view), &form, Some(changed("API key")), StatusCode::CONFLICT)
                .await
        }
        Err(error) => refused(visit, Some(&view), &form, error).await,
    }
}

async fn set_enabled(visit: &Visit<'_>, id: &ApiKeyId, enabled: bool) -> Outcome {
    find(visit, id, WRITE).await?;
    api_key::set_enabled(&visit.visitor.admin, id, enabled).await?;
    visit.applied().await?;
    let done = if enabled { "enabled" } else { "disabled" };
    Ok(redirect(visit.server, &format!("{}?done={done}", path_of(id))))
}

#[derive(Template)]
#[template(path = "key-revoke.html")]
struct ConfirmRevoke<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    key: KeyView,
}

async fn confirm_revoke(visit: &Visit<'_>, id: &ApiKeyId) -> Outcome {
    let key = KeyView::new(visit, &find(visit, id, WRITE).await?);
    page(&ConfirmRevoke { base: &visit.visitor.base, visitor: &visit.visitor, key })
}

async fn revoke(visit: &Visit<'_>, id: &ApiKeyId) -> Outcome {
    let (key, _) = find(visit, id, WRITE).await?;
    api_key::revoke(&visit.visitor.admin, id).await?;
    visit.applied().await?;
    // At the end of a rotation there is another key to look at.
    let next = match key.successor {
        Some(successor) if visit.form.text("rotation") == "yes" => path_of(&successor),
        _ => "/dashboard/keys".to_owned(),
    };
    Ok(redirect(visit.server, &format!("{next}?done=revoked")))
}
