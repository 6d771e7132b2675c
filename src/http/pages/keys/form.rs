//! The forms that create and change an API key.

use actix_web::http::StatusCode;
use askama::Template;

use super::created::created_page;
use crate::admin::api_key::{self, ApiKeyUpdate, Creation, NewApiKey};
use crate::admin::{AdminError, client};
use crate::http::pages::answer::{PageResult, page_with};
use crate::http::pages::choices::LIVES;
use crate::http::pages::failure::Failure;
use crate::http::pages::form::{
    Field, FormFields, changed_message, form_problem, parse_life, parse_scopes,
};
use crate::http::pages::key_view::{KeyView, find_key, only_owner, own_owner};
use crate::http::pages::links::key_path;
use crate::http::pages::visit::Visit;
use crate::http::pages::visitor::Visitor;
use crate::model::address::AddressRanges;
use crate::model::api_key::{ApiKeyId, Environment, KeyOwner, MAX_PER_MINUTE};
use crate::model::name::DisplayName;
use crate::model::own_scope::OwnScope;
use crate::model::patch::Patch;
use crate::model::scope::ScopeSet;
use crate::model::user::Role;

/// The fields of the form.
struct KeyForm {
    name: Field,
    owner: Field,
    scopes: Field,
    environment: Field,
    life: Field,
    custom: Field,
    allowed: Field,
    limit: Field,
    /// The version that the form was rendered from.
    seen: String,
}

impl KeyForm {
    fn has_scope(&self, scope: &str) -> bool {
        self.scopes.value.split_whitespace().any(|own| own == scope)
    }

    fn read(form: &FormFields) -> Self {
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

    /// The fields that a new key and a changed one have in common; `None` if one is invalid.
    fn parse(&mut self) -> Option<ApiKeyUpdate> {
        let name = self.name.parse(DisplayName::parse);
        let scopes = self.scopes.parse(parse_scopes);
        let ranges = self.allowed.value.replace(char::is_whitespace, ",");
        let allowed = self.allowed.parse(|_| AddressRanges::parse(&ranges));
        let limit = self.limit.parse(parse_limit);
        let life = parse_life(&mut self.life, &mut self.custom);
        Some(ApiKeyUpdate {
            // Always compared: a form without a version is rejected.
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
            // No scope chosen: the default scopes of the owner.
            scopes: update.scopes.filter(|scopes| !scopes.is_empty()),
            allowed: update.allowed.unwrap_or_default(),
            max_per_minute: update.max_per_minute.apply(None),
            expires_in: update.expires_in,
        })
    }
}

fn parse_limit(text: &str) -> Result<Patch<u32>, String> {
    if text.is_empty() {
        return Ok(Patch::Clear);
    }
    let number = text.parse().ok().filter(|number| (1..=MAX_PER_MINUTE).contains(number));
    number.map(Patch::Set).ok_or_else(|| {
        format!("enter a number from 1 to {MAX_PER_MINUTE}, or leave the field empty")
    })
}

#[derive(Template)]
#[template(path = "key-form.html")]
struct FormPage<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    /// The key to change; `None` for a new one.
    key: Option<&'a KeyView>,
    form: &'a KeyForm,
    lives: Vec<(&'static str, &'static str)>,
    problem: Option<String>,
    once: String,
    /// The scopes of the owner, if they are limited and known.
    known_scopes: Option<ScopeSet>,
    /// The owners to choose from: id, label, scopes. Empty if there are too many.
    owners: Vec<(String, String, String)>,
}

/// With more clients than this, the id of the owner is typed.
const MAX_OWNERS: i64 = 100;

async fn owners(visit: &Visit<'_>) -> Result<Vec<(String, String, String)>, Failure> {
    let (visitor, own) = (&visit.visitor, own_owner(visit));
    let mut owners =
        vec![(own.as_str().to_owned(), format!("You, {}", visitor.name()), String::new())];
    if !visitor.may(OwnScope::KeysWrite) || !visitor.may(OwnScope::ClientsRead) {
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

/// The scopes of an owner; `None` if they are unlimited or unknown.
async fn known_scopes(visit: &Visit<'_>, owner: &str) -> Option<ScopeSet> {
    let visitor = &visit.visitor;
    match KeyOwner::parse(owner).ok()? {
        KeyOwner::Client(id) if visitor.may(OwnScope::ClientsRead) => {
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

pub(super) async fn new(visit: &Visit<'_>) -> PageResult {
    let mut form = KeyForm::read(&visit.form);
    if form.owner.is_empty() {
        form.owner = Field::new("owner", own_owner(visit).as_str());
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
) -> PageResult {
    let mut lives = LIVES.to_vec();
    if key.is_some() {
        lives.insert(0, ("keep", "No change"));
    }
    let known_scopes = known_scopes(visit, &form.owner.value).await;
    let form_page = FormPage {
        base: &visit.visitor.base,
        visitor: &visit.visitor,
        known_scopes,
        owners: if key.is_none() { owners(visit).await? } else { Vec::new() },
        key,
        form,
        lives,
        problem,
        once: visit.once_token(),
    };
    page_with(status, &form_page)
}

pub(super) async fn create(visit: &Visit<'_>) -> PageResult {
    let admin = &visit.visitor.admin;
    let mut form = KeyForm::read(&visit.form);
    let Some(new) = form.parse_new() else {
        return show_form(visit, None, &form, None, StatusCode::BAD_REQUEST).await;
    };
    if only_owner(visit, OwnScope::KeysWrite).is_some_and(|own| own != new.owner) {
        return Err(Failure::lacking(OwnScope::KeysWrite));
    }
    match api_key::create_once(admin, new, visit.once()).await {
        Ok(Creation::New(created)) => {
            visit.applied().await?;
            created_page(visit, &created, None)
        }
        Ok(Creation::Repeated(kept)) => {
            visit.repeated(&key_path(&kept.0.id), "Go to the key", "/dashboard/keys/new")
        }
        Err(AdminError::Unknown(noun)) => {
            form.owner.refuse(&format!("there is no {noun}"));
            show_form(visit, None, &form, None, StatusCode::BAD_REQUEST).await
        }
        Err(error) => show_error(visit, None, &form, error).await,
    }
}

/// Shows the form again with the error.
async fn show_error(
    visit: &Visit<'_>,
    key: Option<&KeyView>,
    form: &KeyForm,
    error: AdminError,
) -> PageResult {
    let (status, problem) = form_problem(error)?;
    show_form(visit, key, form, Some(problem), status).await
}

pub(super) async fn edit(visit: &Visit<'_>, id: &ApiKeyId) -> PageResult {
    let kept = find_key(visit, id, OwnScope::KeysWrite).await?;
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

pub(super) async fn update(visit: &Visit<'_>, id: &ApiKeyId) -> PageResult {
    let admin = &visit.visitor.admin;
    let kept = find_key(visit, id, OwnScope::KeysWrite).await?;
    let view = KeyView::new(visit, &kept);
    let mut form = KeyForm::read(&visit.form);
    let Some(update) = form.parse() else {
        return show_form(visit, Some(&view), &form, None, StatusCode::BAD_REQUEST).await;
    };
    match api_key::update(admin, id, update).await {
        Ok(_) => visit.changed(&key_path(id), "saved").await,
        Err(AdminError::Changed(_)) => {
            // The form now shows the current version and may be sent again.
            form.seen = api_key::version(&kept.0);
            let problem = Some(changed_message("API key"));
            show_form(visit, Some(&view), &form, problem, StatusCode::CONFLICT).await
        }
        Err(error) => show_error(visit, Some(&view), &form, error).await,
    }
}
