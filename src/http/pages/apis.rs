//! `/dashboard/apis…`: the APIs that tokens are made for. Their identifiers are URIs, and so stand
//! in the query: proxies rewrite slashes in a path.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::http::StatusCode;
use askama::Template;

use super::clients::{algorithms, number};
use super::confirm::ask;
use super::failure::Failure;
use super::form::{Field, Form};
use super::keys::{changed, sentence};
use super::show::{Moment, span};
use super::visit::Visit;
use super::visitor::Visitor;
use super::{Outcome, activity, encoded, page, page_with, redirect};
use crate::admin::api::{self, ApiTerms, ApiUpdate};
use crate::admin::{AdminError, revocation};
use crate::clock::Timestamp;
use crate::model::api::{Api, ApiScopes, InvalidApiScopes};
use crate::model::name::DisplayName;
use crate::model::patch::Patch;
use crate::model::resource::ResourceUri;
use crate::model::signing_key::SigningAlgorithm;

const READ: &str = "mintery:apis:read";
const WRITE: &str = "mintery:apis:write";

pub(super) async fn route(visit: &Visit<'_>, page: &[&str], is_post: bool) -> Outcome {
    match (is_post, page) {
        (false, []) => list(visit).await,
        (false, ["new"]) => new(visit),
        (true, ["new"]) => create(visit).await,
        (false, ["show"]) => show(visit).await,
        (false, ["edit"]) => edit(visit).await,
        (true, ["edit"]) => update(visit).await,
        (false, ["revoke-tokens"]) => confirm_revoke_tokens(visit).await,
        (true, ["revoke-tokens"]) => revoke_tokens(visit).await,
        (false, ["delete"]) => confirm_delete(visit).await,
        (true, ["delete"]) => delete(visit).await,
        _ => Err(Failure::NotFound),
    }
}

/// The API that the address names.
fn resource(visit: &Visit<'_>) -> Result<ResourceUri, Failure> {
    let query = Form::of_query(visit.request.query_string());
    ResourceUri::parse(query.text("resource")).map_err(|_| Failure::NotFound)
}

/// Where the page of an API is that is called `page`.
fn path_of(resource: &str, page: &str) -> String {
    format!("/dashboard/apis/{page}?resource={}", encoded(resource))
}

/// An API, as it is shown.
struct ApiView {
    resource: String,
    name: String,
    scopes: Vec<(String, String)>,
    ttl: Option<String>,
    alg: Option<&'static str>,
    created: Moment,
}

impl ApiView {
    fn new(api: &Api, now: Timestamp) -> Self {
        let scopes = api.scopes.descriptions().iter();
        Self {
            resource: api.resource.to_string(),
            name: api.name.as_str().to_owned(),
            scopes: scopes.map(|(scope, what)| (scope.clone(), what.clone())).collect(),
            ttl: api.token_ttl.map(span),
            alg: api.token_alg.map(SigningAlgorithm::name),
            created: Moment::new(api.created_at, now),
        }
    }

    fn path(&self, page: &str) -> String {
        path_of(&self.resource, page)
    }
}

#[derive(Template)]
#[template(path = "apis.html")]
struct List<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    apis: Vec<ApiView>,
    own: &'a str,
}

async fn list(visit: &Visit<'_>) -> Outcome {
    let apis = api::list(visit.admin(READ)?).await?;
    page(&List {
        base: &visit.visitor.base,
        visitor: &visit.visitor,
        apis: apis.iter().map(|api| ApiView::new(api, visit.visitor.now)).collect(),
        own: visit.server.default_audience.as_str(),
    })
}

#[derive(Template)]
#[template(path = "api.html")]
struct Show<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    api: ApiView,
    events: Vec<activity::EventView>,
}

async fn show(visit: &Visit<'_>) -> Outcome {
    let api = api::show(visit.admin(READ)?, &resource(visit)?).await?;
    let events = activity::about(visit, api.resource.as_str()).await?;
    let api = ApiView::new(&api, visit.visitor.now);
    page(&Show { base: &visit.visitor.base, visitor: &visit.visitor, api, events })
}

/// What an API is to be, as it is typed.
struct ApiForm {
    resource: Field,
    name: Field,
    scopes: Field,
    ttl: Field,
    alg: Field,
    /// The version that was shown.
    seen: String,
}

impl ApiForm {
    fn read(form: &Form) -> Self {
        Self {
            resource: form.field("resource"),
            name: form.field("name"),
            scopes: form.field("scopes"),
            ttl: form.field("ttl"),
            alg: form.field("alg"),
            seen: form.text("seen").to_owned(),
        }
    }

    fn of(api: &Api) -> Self {
        let line = |(scope, what): (&String, &String)| {
            if what.is_empty() { scope.clone() } else { format!("{scope} {what}") }
        };
        let lines: Vec<String> = api.scopes.descriptions().iter().map(line).collect();
        Self {
            resource: Field::new("resource", api.resource.as_str()),
            name: Field::new("name", api.name.as_str()),
            scopes: Field::new("scopes", lines.join("\n")),
            ttl: Field::new(
                "ttl",
                api.token_ttl.map_or_else(String::new, |ttl| ttl.as_secs().to_string()),
            ),
            alg: Field::new("alg", api.token_alg.map_or("", SigningAlgorithm::name)),
            seen: api::version(api),
        }
    }

    fn has_details(&self) -> bool {
        [&self.ttl, &self.alg].iter().any(|field| !field.is_empty() || field.is_wrong())
    }

    fn parse(&mut self) -> Option<ApiUpdate> {
        let name = self.name.parse(DisplayName::parse);
        let scopes = self.scopes.parse(scopes);
        let ttl = number(&mut self.ttl, |secs| Some(Duration::from_secs(secs)));
        let alg = match self.alg.value.as_str() {
            "" => Some(Patch::Clear),
            _ => self.alg.parse(str::parse::<SigningAlgorithm>).map(Patch::Set),
        };
        Some(ApiUpdate {
            name: Some(name?),
            scopes: Some(scopes?),
            token_alg: alg?,
            token_ttl: ttl?,
            // Without a word on what was seen the form is not one of this server.
            seen: Some(self.seen.clone()),
        })
    }
}

/// Scopes, one in a line, each with what it allows after it.
fn scopes(text: &str) -> Result<ApiScopes, InvalidApiScopes> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let pair = |line: &str| match line.split_once(char::is_whitespace) {
        Some((scope, what)) => (scope.to_owned(), what.trim().to_owned()),
        None => (line.to_owned(), String::new()),
    };
    ApiScopes::new(lines.map(pair).collect::<BTreeMap<_, _>>())
}

#[derive(Template)]
#[template(path = "api-form.html")]
struct FormPage<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    api: Option<&'a ApiView>,
    form: &'a ApiForm,
    algorithms: Vec<(&'static str, &'static str)>,
    problem: Option<String>,
}

fn show_form(
    visit: &Visit<'_>,
    api: Option<&ApiView>,
    form: &ApiForm,
    problem: Option<String>,
    status: StatusCode,
) -> Outcome {
    let visitor = &visit.visitor;
    let form_page =
        FormPage { base: &visitor.base, visitor, api, form, algorithms: algorithms(), problem };
    page_with(status, &form_page)
}

fn new(visit: &Visit<'_>) -> Outcome {
    visit.admin(WRITE)?;
    show_form(visit, None, &ApiForm::read(&Form::default()), None, StatusCode::OK)
}

async fn create(visit: &Visit<'_>) -> Outcome {
    let admin = visit.admin(WRITE)?;
    let mut form = ApiForm::read(&visit.form);
    let resource = form.resource.parse(ResourceUri::parse);
    let update = form.parse();
    let (Some(resource), Some(ApiUpdate { name: Some(name), scopes, token_alg, token_ttl, .. })) =
        (resource, update)
    else {
        return show_form(visit, None, &form, None, StatusCode::BAD_REQUEST);
    };
    let terms = ApiTerms {
        name,
        scopes: scopes.unwrap_or_default(),
        token_alg: token_alg.apply(None),
        token_ttl: token_ttl.apply(None),
    };
    match api::create(admin, resource.clone(), terms).await {
        Ok(_) => {
            visit.applied().await?;
            Ok(redirect(
                visit.server,
                &format!("{}&done=created", path_of(resource.as_str(), "show")),
            ))
        }
        Err(AdminError::Exists(what)) => {
            form.resource.refuse(&format!("there is an {what} already"));
            show_form(visit, None, &form, None, StatusCode::CONFLICT)
        }
        Err(error) => refused(visit, None, &form, error),
    }
}

async fn edit(visit: &Visit<'_>) -> Outcome {
    let api = api::show(visit.admin(WRITE)?, &resource(visit)?).await?;
    let view = ApiView::new(&api, visit.visitor.now);
    show_form(visit, Some(&view), &ApiForm::of(&api), None, StatusCode::OK)
}

async fn update(visit: &Visit<'_>) -> Outcome {
    let (admin, resource) = (visit.admin(WRITE)?, resource(visit)?);
    let api = api::show(admin, &resource).await?;
    let view = ApiView::new(&api, visit.visitor.now);
    let mut form = ApiForm::read(&visit.form);
    let Some(update) = form.parse() else {
        return show_form(visit, Some(&view), &form, None, StatusCode::BAD_REQUEST);
    };
    match api::update(admin, &resource, update).await {
        Ok(_) => {
            visit.applied().await?;
            Ok(redirect(
                visit.server,
                &format!("{}&done=saved", path_of(resource.as_str(), "show")),
            ))
        }
        Err(AdminError::Changed(_)) => {
            // Whoever sends it again has seen what it is now.
            form.seen = api::version(&api);
            show_form(visit, Some(&view), &form, Some(changed("API")), StatusCode::CONFLICT)
        }
        Err(error) => refused(visit, Some(&view), &form, error),
    }
}

fn refused(visit: &Visit<'_>, api: Option<&ApiView>, form: &ApiForm, error: AdminError) -> Outcome {
    let status = match &error {
        AdminError::Invalid(_) => StatusCode::BAD_REQUEST,
        AdminError::StoodFor { .. } | AdminError::Conflict(_) => StatusCode::CONFLICT,
        _ => return Err(error.into()),
    };
    show_form(visit, api, form, Some(sentence(&error.to_string())), status)
}

async fn confirm_revoke_tokens(visit: &Visit<'_>) -> Outcome {
    let text = "All tokens that were issued for it until now are void, everywhere and at once. Clients get new ones with the secrets \
                that they have.";
    confirm(visit, "Revoke the tokens for this API?", text, "Revoke tokens").await
}

async fn confirm_delete(visit: &Visit<'_>) -> Outcome {
    let text = "No tokens are made for it any more, and those that were made are void. This cannot be undone.";
    confirm(visit, "Delete this API?", text, "Delete API").await
}

async fn confirm(visit: &Visit<'_>, title: &str, text: &str, button: &str) -> Outcome {
    let api = api::show(visit.admin(WRITE)?, &resource(visit)?).await?;
    let path = path_of(api.resource.as_str(), "show");
    let crumbs = [("/dashboard/apis", "APIs"), (path.as_str(), api.name.as_str())];
    let which = format!("{} ({})", api.name.as_str(), api.resource);
    ask(visit, &crumbs, title, &[which, text.to_owned()], true, button)
}

async fn revoke_tokens(visit: &Visit<'_>) -> Outcome {
    let resource = resource(visit)?;
    revocation::revoke_api_tokens(visit.admin(WRITE)?, &resource).await?;
    visit.applied().await?;
    Ok(redirect(
        visit.server,
        &format!("{}&done=tokens-revoked", path_of(resource.as_str(), "show")),
    ))
}

async fn delete(visit: &Visit<'_>) -> Outcome {
    api::delete(visit.admin(WRITE)?, &resource(visit)?).await?;
    visit.applied().await?;
    Ok(redirect(visit.server, "/dashboard/apis?done=deleted"))
}

#[cfg(test)]
mod tests {
    use super::scopes;

    #[test]
    fn scopes_stand_one_in_a_line() {
        let parsed = scopes("orders:read  Reads orders\n\n orders:write\r\n").unwrap();
        assert_eq!(parsed.set().as_str(), "orders:read orders:write");
        assert_eq!(parsed.descriptions()["orders:read"], "Reads orders");
        assert!(scopes("mintery:x").is_err());
    }
}
