//! `/dashboard/apis…`: the APIs that tokens are issued for. Their identifiers are URIs and are in
//! the query, because proxies rewrite slashes in a path.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::http::StatusCode;
use askama::Template;

use super::answer::{PageResult, page, page_with};
use super::choices::algorithms;
use super::confirm::ask;
use super::display::{ShownTime, span};
use super::event_view::{EventView, events_of};
use super::failure::Failure;
use super::form::{
    Field, FormFields, changed_message, form_problem, parse_algorithm, parse_number, sentence,
};
use super::links::api_path;
use super::visit::Visit;
use super::visitor::Visitor;
use crate::admin::api::{self, ApiTerms, ApiUpdate};
use crate::admin::{AdminError, revocation};
use crate::clock::Timestamp;
use crate::model::api::{Api, ApiScopes, InvalidApiScopes};
use crate::model::name::DisplayName;
use crate::model::own_scope::OwnScope;
use crate::model::resource::ResourceUri;
use crate::model::signing_key::SigningAlgorithm;

pub(super) async fn route(visit: &Visit<'_>, page: &[&str], is_post: bool) -> PageResult {
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

/// The API in the query.
fn resource(visit: &Visit<'_>) -> Result<ResourceUri, Failure> {
    let query = FormFields::from_query(visit.request.query_string());
    ResourceUri::parse(query.text("resource")).map_err(|_| Failure::NotFound)
}

/// An API of a page.
struct ApiView {
    resource: String,
    name: String,
    scopes: Vec<(String, String)>,
    ttl: Option<String>,
    alg: Option<&'static str>,
    created: ShownTime,
}

impl ApiView {
    fn new(api: &Api, now: Timestamp) -> Self {
        let scopes = api.scopes.descriptions().iter();
        Self {
            resource: api.resource.to_string(),
            name: api.name.as_str().to_owned(),
            scopes: scopes.map(|(scope, text)| (scope.clone(), text.clone())).collect(),
            ttl: api.token_ttl.map(span),
            alg: api.token_alg.map(SigningAlgorithm::name),
            created: ShownTime::new(api.created_at, now),
        }
    }

    fn path(&self, page: &str) -> String {
        api_path(&self.resource, page)
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

async fn list(visit: &Visit<'_>) -> PageResult {
    let apis = api::list(visit.admin(OwnScope::ApisRead)?).await?;
    page(&List {
        base: &visit.visitor.base,
        visitor: &visit.visitor,
        apis: apis.iter().map(|api| ApiView::new(api, visit.visitor.now)).collect(),
        own: visit.server.context.default_audience.as_str(),
    })
}

#[derive(Template)]
#[template(path = "api.html")]
struct Show<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    api: ApiView,
    events: Vec<EventView>,
}

async fn show(visit: &Visit<'_>) -> PageResult {
    let api = api::show(visit.admin(OwnScope::ApisRead)?, &resource(visit)?).await?;
    let events = events_of(visit, api.resource.as_str()).await?;
    let api = ApiView::new(&api, visit.visitor.now);
    page(&Show { base: &visit.visitor.base, visitor: &visit.visitor, api, events })
}

/// The fields of the form.
struct ApiForm {
    resource: Field,
    name: Field,
    scopes: Field,
    ttl: Field,
    alg: Field,
    /// The version that the form was rendered from.
    seen: String,
}

impl ApiForm {
    fn read(form: &FormFields) -> Self {
        Self {
            resource: form.field("resource"),
            name: form.field("name"),
            scopes: form.field("scopes"),
            ttl: form.field("ttl"),
            alg: form.field("alg"),
            seen: form.text("seen").to_owned(),
        }
    }

    fn from_api(api: &Api) -> Self {
        let line = |(scope, text): (&String, &String)| {
            if text.is_empty() { scope.clone() } else { format!("{scope} {text}") }
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
        let scopes = self.scopes.parse(parse_api_scopes);
        let ttl = parse_number(&mut self.ttl, |secs| Some(Duration::from_secs(secs)));
        let alg = parse_algorithm(&mut self.alg);
        Some(ApiUpdate {
            revoke_tokens: false,
            name: Some(name?),
            scopes: Some(scopes?),
            token_alg: alg?,
            token_ttl: ttl?,
            // Always compared: a form without a version is rejected.
            seen: Some(self.seen.clone()),
        })
    }
}

/// Parses scopes, one per line, each followed by its description.
fn parse_api_scopes(text: &str) -> Result<ApiScopes, InvalidApiScopes> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let pair = |line: &str| match line.split_once(char::is_whitespace) {
        Some((scope, text)) => (scope.to_owned(), text.trim().to_owned()),
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
) -> PageResult {
    let visitor = &visit.visitor;
    let form_page =
        FormPage { base: &visitor.base, visitor, api, form, algorithms: algorithms(), problem };
    page_with(status, &form_page)
}

fn new(visit: &Visit<'_>) -> PageResult {
    visit.admin(OwnScope::ApisWrite)?;
    show_form(visit, None, &ApiForm::read(&FormFields::default()), None, StatusCode::OK)
}

async fn create(visit: &Visit<'_>) -> PageResult {
    let admin = visit.admin(OwnScope::ApisWrite)?;
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
        Ok(_) => visit.changed(&api_path(resource.as_str(), "show"), "created").await,
        Err(AdminError::Exists(noun)) => {
            form.resource.refuse(&format!("{noun} already exists"));
            show_form(visit, None, &form, None, StatusCode::CONFLICT)
        }
        Err(error) => show_error(visit, None, &form, error),
    }
}

async fn edit(visit: &Visit<'_>) -> PageResult {
    let api = api::show(visit.admin(OwnScope::ApisWrite)?, &resource(visit)?).await?;
    let view = ApiView::new(&api, visit.visitor.now);
    show_form(visit, Some(&view), &ApiForm::from_api(&api), None, StatusCode::OK)
}

async fn update(visit: &Visit<'_>) -> PageResult {
    let (admin, resource) = (visit.admin(OwnScope::ApisWrite)?, resource(visit)?);
    let api = api::show(admin, &resource).await?;
    let view = ApiView::new(&api, visit.visitor.now);
    let mut form = ApiForm::read(&visit.form);
    let Some(update) = form.parse() else {
        return show_form(visit, Some(&view), &form, None, StatusCode::BAD_REQUEST);
    };
    match api::update(admin, &resource, update).await {
        Ok(_) => visit.changed(&api_path(resource.as_str(), "show"), "saved").await,
        Err(AdminError::Changed(_)) => {
            // The form now shows the current version and may be sent again.
            form.seen = api::version(&api);
            let problem = Some(changed_message("API"));
            show_form(visit, Some(&view), &form, problem, StatusCode::CONFLICT)
        }
        Err(error) => show_error(visit, Some(&view), &form, error),
    }
}

/// Shows the form again with the error.
fn show_error(
    visit: &Visit<'_>,
    api: Option<&ApiView>,
    form: &ApiForm,
    error: AdminError,
) -> PageResult {
    let (status, problem) = match &error {
        AdminError::StoodFor { .. } => (StatusCode::CONFLICT, sentence(&error.to_string())),
        AdminError::Forbidden(_) => return Err(error.into()),
        _ => form_problem(error)?,
    };
    show_form(visit, api, form, Some(problem), status)
}

async fn confirm_revoke_tokens(visit: &Visit<'_>) -> PageResult {
    let text = "This revokes all tokens issued for this API so far, immediately and everywhere. Clients can request new ones with \
                their secrets.";
    confirm(visit, "Revoke the tokens for this API?", text, "Revoke tokens").await
}

async fn confirm_delete(visit: &Visit<'_>) -> PageResult {
    let text = "Mintery issues no more tokens for this API and revokes those it has issued. This cannot be undone.";
    confirm(visit, "Delete this API?", text, "Delete API").await
}

async fn confirm(visit: &Visit<'_>, title: &str, text: &str, button: &str) -> PageResult {
    let api = api::show(visit.admin(OwnScope::ApisWrite)?, &resource(visit)?).await?;
    let path = api_path(api.resource.as_str(), "show");
    let crumbs = [("/dashboard/apis", "APIs"), (path.as_str(), api.name.as_str())];
    let which = format!("{} ({})", api.name.as_str(), api.resource);
    ask(visit, &crumbs, title, &[which, text.to_owned()], true, button)
}

async fn revoke_tokens(visit: &Visit<'_>) -> PageResult {
    let resource = resource(visit)?;
    revocation::revoke_api_tokens(visit.admin(OwnScope::ApisWrite)?, &resource).await?;
    visit.changed(&api_path(resource.as_str(), "show"), "tokens-revoked").await
}

async fn delete(visit: &Visit<'_>) -> PageResult {
    api::delete(visit.admin(OwnScope::ApisWrite)?, &resource(visit)?).await?;
    visit.changed("/dashboard/apis", "deleted").await
}

#[cfg(test)]
mod tests {
    use super::parse_api_scopes;

    #[test]
    fn scopes_are_one_per_line() {
        let parsed = parse_api_scopes("orders:read  Reads orders\n\n orders:write\r\n").unwrap();
        assert_eq!(parsed.set().as_str(), "orders:read orders:write");
        assert_eq!(parsed.descriptions()["orders:read"], "Reads orders");
        assert!(parse_api_scopes("mintery:x").is_err());
    }
}
