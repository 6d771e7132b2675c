//! `/dashboard/clients/{client_id}/secrets…`: adds and revokes secrets.

use actix_web::http::StatusCode;
use askama::Template;

use super::created::created_page;
use super::view::SecretView;
use crate::admin::AdminError;
use crate::admin::client::{self, NewSecret};
use crate::admin::once::Once;
use crate::admin::secret_use::{self, Asked};
use crate::http::pages::answer::{PageResult, page, page_with};
use crate::http::pages::choices::LIVES;
use crate::http::pages::display::ShownTime;
use crate::http::pages::failure::Failure;
use crate::http::pages::form::{Field, FormFields, parse_life, sentence};
use crate::http::pages::links::client_path;
use crate::http::pages::visit::Visit;
use crate::http::pages::visitor::Visitor;
use crate::model::client::{ClientId, SecretId};
use crate::model::own_scope::OwnScope;

pub(super) async fn route(
    visit: &Visit<'_>,
    id: &ClientId,
    page: &[&str],
    is_post: bool,
) -> PageResult {
    match (is_post, page) {
        (false, ["new"]) => new(visit, id).await,
        (true, ["new"]) => create(visit, id).await,
        (false, [secret, "revoke"]) => confirm_revoke(visit, id, &parse_id(secret)?).await,
        (true, [secret, "revoke"]) => revoke(visit, id, &parse_id(secret)?).await,
        _ => Err(Failure::NotFound),
    }
}

fn parse_id(id: &str) -> Result<SecretId, Failure> {
    SecretId::parse(id).map_err(|_| Failure::NotFound)
}

#[derive(Template)]
#[template(path = "secret-form.html")]
struct FormPage<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    path: String,
    client_name: &'a str,
    label: Field,
    life: Field,
    custom: Field,
    lives: &'a [(&'static str, &'static str)],
    problem: Option<String>,
    once: String,
}

async fn new(visit: &Visit<'_>, id: &ClientId) -> PageResult {
    let form = FormFields::default();
    let (label, custom) = (form.field("label"), form.field("days"));
    show_form(visit, id, [label, Field::new("life", "365"), custom], None, StatusCode::OK).await
}

async fn show_form(
    visit: &Visit<'_>,
    id: &ClientId,
    [label, life, custom]: [Field; 3],
    problem: Option<String>,
    status: StatusCode,
) -> PageResult {
    let (client, _) = client::show(visit.admin(OwnScope::ClientsWrite)?, id).await?;
    let form = FormPage {
        base: &visit.visitor.base,
        visitor: &visit.visitor,
        path: client_path(id),
        client_name: client.terms.name.as_str(),
        label,
        life,
        custom,
        lives: &LIVES,
        problem,
        once: visit.once_token(),
    };
    page_with(status, &form)
}

async fn create(visit: &Visit<'_>, id: &ClientId) -> PageResult {
    let admin = visit.admin(OwnScope::ClientsWrite)?;
    let [label, mut chosen, mut custom] =
        ["label", "life", "days"].map(|name| visit.form.field(name));
    let Some(expires) = parse_life(&mut chosen, &mut custom) else {
        return show_form(visit, id, [label, chosen, custom], None, StatusCode::BAD_REQUEST).await;
    };
    let text = Some(label.value.clone()).filter(|label| !label.is_empty());
    let new = NewSecret { label: text, expires_in: expires.apply(None), chosen: None };
    match client::add_secret_once(admin, id, new, visit.once()).await {
        Ok(Once::Now(created)) => {
            visit.applied().await?;
            let (client, _) = client::show(admin, id).await?;
            created_page(visit, &client, &created.plain, false)
        }
        Ok(Once::Before(_)) => {
            let path = client_path(id);
            visit.repeated(&path, "Go to the client", &format!("{path}/secrets/new"))
        }
        Err(
            error @ (AdminError::Invalid(_) | AdminError::Forbidden(_) | AdminError::Conflict(_)),
        ) => {
            let problem = Some(sentence(&error.to_string()));
            show_form(visit, id, [label, chosen, custom], problem, StatusCode::BAD_REQUEST).await
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Template)]
#[template(path = "secret-revoke.html")]
struct ConfirmRevoke<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    path: String,
    client_name: &'a str,
    name: String,
    is_safe: bool,
    reasons: Vec<String>,
    addresses: Vec<(String, ShownTime, bool)>,
}

async fn confirm_revoke(visit: &Visit<'_>, id: &ClientId, secret: &SecretId) -> PageResult {
    let (admin, now) = (visit.admin(OwnScope::ClientsWrite)?, visit.visitor.now);
    let (client, _) = client::show(admin, id).await?;
    let asked = Asked { unused_for: None, usual_ttl: visit.server.tokens.ttl };
    let found = secret_use::safe_to_revoke(admin, id, secret, asked).await?;
    let address = |used: &secret_use::AddressUse| {
        let from =
            used.from.map_or_else(|| "an unknown address".to_owned(), |from| from.to_string());
        (from, ShownTime::new(used.at, now), used.is_behind)
    };
    page(&ConfirmRevoke {
        base: &visit.visitor.base,
        visitor: &visit.visitor,
        path: client_path(id),
        client_name: client.terms.name.as_str(),
        name: SecretView::new(&found.secret, now).distinct_name(),
        is_safe: found.is_safe,
        reasons: found.reasons.iter().map(|reason| sentence(&reason.message(now))).collect(),
        addresses: found.addresses.iter().map(address).collect(),
    })
}

async fn revoke(visit: &Visit<'_>, id: &ClientId, secret: &SecretId) -> PageResult {
    client::revoke_secret(visit.admin(OwnScope::ClientsWrite)?, id, secret).await?;
    visit.changed(&client_path(id), "secret-revoked").await
}
