//! The forms that create and change a client.

use std::time::Duration;

use actix_web::http::StatusCode;
use askama::Template;

use super::created::created_page;
use super::view::ClientView;
use crate::admin::AdminError;
use crate::admin::client::{self, NewClient};
use crate::admin::once::Once;
use crate::http::pages::answer::{PageResult, page_with};
use crate::http::pages::choices::{LIVES, algorithms, offered_apis};
use crate::http::pages::failure::Failure;
use crate::http::pages::form::{
    Field, FormFields, changed_message, form_problem, parse_algorithm, parse_life, parse_number,
    parse_resources, parse_scopes,
};
use crate::http::pages::links::client_path;
use crate::http::pages::visit::Visit;
use crate::http::pages::visitor::Visitor;
use crate::model::client::{Client, ClientId, ClientTerms, ClientUpdate};
use crate::model::name::DisplayName;
use crate::model::own_scope::OwnScope;
use crate::model::patch::Patch;
use crate::model::scope::ScopeSet;
use crate::model::signing_key::SigningAlgorithm;

/// The fields of the form.
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
    fn read(form: &FormFields) -> Self {
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

    fn from_client(client: &Client) -> Self {
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
        } = &client.terms;
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

    /// `true` if a field of the collapsed part has a value or a problem.
    fn has_details(&self) -> bool {
        [&self.ttl, &self.alg, &self.limit, &self.id]
            .iter()
            .any(|field| !field.is_empty() || field.is_wrong())
    }

    /// The update; `None` if a field is invalid.
    fn parse(&mut self, before: Option<&Client>) -> Option<ClientUpdate> {
        let name = self.name.parse(DisplayName::parse);
        let scopes = self.scopes.parse(parse_scopes);
        let had_none = before
            .and_then(|client| client.terms.default_scopes.as_ref())
            .is_some_and(ScopeSet::is_empty);
        let default_scopes = match self.default_scopes.value.as_str() {
            // The list of defaults was empty, which the form cannot express: it stays so.
            "" if had_none => Some(Patch::Keep),
            "" => Some(Patch::Clear),
            _ => self.default_scopes.parse(parse_scopes).map(Patch::Set),
        };
        let ttl = parse_number(&mut self.ttl, |secs| Some(Duration::from_secs(secs)));
        let limit = parse_number(&mut self.limit, Some);
        let alg = parse_algorithm(&mut self.alg);
        let resources = parse_resources(&mut self.resources, &self.chosen_resources);
        Some(ClientUpdate {
            name: Some(name?),
            scopes: Some(scopes?),
            default_scopes: default_scopes?,
            resources: Some(resources?),
            token_alg: alg?,
            token_ttl: ttl?,
            max_tokens_per_hour: limit?,
            // The form does not show these.
            stands_for: None,
            grants: None,
            introspection_alg: Patch::Keep,
            seen: None,
            regrant: false,
            revoke_tokens: false,
        })
    }
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
) -> PageResult {
    let form_page = FormPage {
        base: &visit.visitor.base,
        visitor: &visit.visitor,
        client: client.map(|(view, _)| view),
        form,
        apis: offered_apis(visit, &form.chosen_resources).await?,
        lives: &LIVES,
        algorithms: algorithms(),
        problem,
        once: visit.once_token(),
        seen: client.map_or("", |(_, seen)| seen),
    };
    page_with(status, &form_page)
}

pub(super) async fn new(visit: &Visit<'_>) -> PageResult {
    visit.admin(OwnScope::ClientsWrite)?;
    let mut form = ClientForm::read(&FormFields::default());
    form.life = Field::new("life", "365");
    show_form(visit, None, &form, None, StatusCode::OK).await
}

pub(super) async fn create(visit: &Visit<'_>) -> PageResult {
    let admin = visit.admin(OwnScope::ClientsWrite)?;
    let mut form = ClientForm::read(&visit.form);
    let id = match form.id.value.as_str() {
        "" => Some(None),
        _ => form.id.parse(ClientId::parse).map(Some),
    };
    let life = parse_life(&mut form.life, &mut form.custom);
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
        Ok(Once::Now(created)) => {
            visit.applied().await?;
            created_page(visit, &created.client, &created.plain, true)
        }
        Ok(Once::Before(id)) => {
            let id = ClientId::parse(&id).map_err(|_| Failure::NotFound)?;
            visit.repeated(&client_path(&id), "Go to the client", "/dashboard/clients/new")
        }
        Err(AdminError::Exists(noun)) => {
            form.id.refuse(&format!("{noun} already exists"));
            show_form(visit, None, &form, None, StatusCode::CONFLICT).await
        }
        Err(error) => show_error(visit, None, form, error).await,
    }
}

/// Shows the form again with the error.
async fn show_error(
    visit: &Visit<'_>,
    client: Option<(&ClientView, &str)>,
    mut form: ClientForm,
    error: AdminError,
) -> PageResult {
    if let AdminError::Unknown(noun) = &error {
        form.resources.refuse(&format!("there is no {noun}"));
        return show_form(visit, client, &form, None, StatusCode::BAD_REQUEST).await;
    }
    let (status, problem) = form_problem(error)?;
    show_form(visit, client, &form, Some(problem), status).await
}

pub(super) async fn edit(visit: &Visit<'_>, id: &ClientId) -> PageResult {
    let (client, _) = client::show(visit.admin(OwnScope::ClientsWrite)?, id).await?;
    let view = ClientView::new(&client, visit.visitor.now);
    let seen = client::version(&client);
    show_form(visit, Some((&view, &seen)), &ClientForm::from_client(&client), None, StatusCode::OK)
        .await
}

pub(super) async fn update(visit: &Visit<'_>, id: &ClientId) -> PageResult {
    let admin = visit.admin(OwnScope::ClientsWrite)?;
    let (before, _) = client::show(admin, id).await?;
    let view = ClientView::new(&before, visit.visitor.now);
    let mut form = ClientForm::read(&visit.form);
    let seen = visit.form.text("seen").to_owned();
    let Some(update) = form.parse(Some(&before)) else {
        return show_form(visit, Some((&view, &seen)), &form, None, StatusCode::BAD_REQUEST).await;
    };
    // Always compared: a form without a version is rejected.
    let update = ClientUpdate { seen: Some(seen.clone()), ..update };
    match client::update(admin, id, update).await {
        Ok(_) => visit.changed(&client_path(id), "saved").await,
        Err(AdminError::Changed(_)) => {
            // The form now shows the current version and may be sent again.
            let seen = client::version(&before);
            let problem = Some(changed_message("client"));
            show_form(visit, Some((&view, &seen)), &form, problem, StatusCode::CONFLICT).await
        }
        Err(error) => show_error(visit, Some((&view, &seen)), form, error).await,
    }
}
