//! `/dashboard/clients/{client_id}/secrets…`: the secrets of a client.

use actix_web::http::StatusCode;
use askama::Template;

use super::clients::{WRITE, path_of, repeated};
use super::failure::Failure;
use super::form::{Field, Form};
use super::keys::{LIVES, life, sentence};
use super::show::{Moment, SOON, Status};
use super::visit::{ONCE_FIELD, Visit};
use super::visitor::Visitor;
use super::{Outcome, page, page_with, redirect};
use crate::admin::AdminError;
use crate::admin::client::{self, KeptSecret, NewSecret};
use crate::admin::once::Once;
use crate::admin::secret_use::{self, Asked};
use crate::clock::Timestamp;
use crate::model::client::{Client, ClientId, SecretId};
use crate::secret::Secret;

/// A secret, as it is listed.
pub(super) struct SecretView {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) masked: Option<String>,
    pub(super) status: Status,
    pub(super) created: Moment,
    pub(super) expires: Option<Moment>,
    pub(super) used: Option<Moment>,
    pub(super) used_from: Option<String>,
}

impl SecretView {
    /// The name, with what tells it from others of the same name.
    pub(super) fn distinct_name(&self) -> String {
        let what =
            self.masked.clone().unwrap_or_else(|| format!("created {}", self.created.date()));
        format!("{} ({what})", self.name)
    }

    pub(super) fn new(kept: &KeptSecret, now: Timestamp) -> Self {
        let secret = &kept.secret;
        let is_over = secret.expires_at.is_some_and(|at| at <= now);
        let is_soon = secret.expires_at.is_some_and(|at| at.since(now) < SOON);
        Self {
            id: secret.id.as_str().to_owned(),
            name: secret.label.clone().unwrap_or_else(|| "Secret".to_owned()),
            masked: secret.ending().map(|ending| format!("mts_…{ending}…")),
            status: match (is_over, is_soon) {
                (true, _) => Status::bad("Expired"),
                (_, true) => Status::warn("Expires soon"),
                _ => Status::ok("Active"),
            },
            created: Moment::new(secret.created_at, now),
            expires: secret.expires_at.map(|at| Moment::new(at, now)),
            used: kept.last_use.map(|used| Moment::new(used.at, now)),
            used_from: kept.last_use.and_then(|used| used.from).map(|address| address.to_string()),
        }
    }
}

pub(super) async fn route(
    visit: &Visit<'_>,
    id: &ClientId,
    page: &[&str],
    is_post: bool,
) -> Outcome {
    match (is_post, page) {
        (false, ["new"]) => new(visit, id).await,
        (true, ["new"]) => create(visit, id).await,
        (false, [secret, "revoke"]) => confirm_revoke(visit, id, &parse(secret)?).await,
        (true, [secret, "revoke"]) => revoke(visit, id, &parse(secret)?).await,
        _ => Err(Failure::NotFound),
    }
}

/// What is no id of a secret names none.
fn parse(id: &str) -> Result<SecretId, Failure> {
    SecretId::parse(id).map_err(|_| Failure::NotFound)
}

/// A secret, which is shown this once.
#[derive(Template)]
#[template(path = "secret-created.html")]
pub(super) struct SecretShown<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    is_new: bool,
    name: &'a str,
    id: &'a str,
    secret: &'a str,
    command: String,
    url: String,
    path: String,
}

impl<'a> SecretShown<'a> {
    /// The page that shows it: the answer to the form, and found nowhere again.
    pub(super) fn page(
        visit: &'a Visit<'_>,
        client: &'a Client,
        secret: &'a Secret,
        is_new: bool,
    ) -> Outcome {
        let id = client.id.as_str();
        let credentials = format!("{}:{}", form_encoded(id), secret.expose());
        let shown = SecretShown {
            base: &visit.visitor.base,
            visitor: &visit.visitor,
            is_new,
            name: client.terms.name.as_str(),
            id,
            secret: secret.expose(),
            // An id that was brought may have anything in it.
            command: format!("'{credentials}'"),
            url: visit.server.issuer.endpoint("/oauth/token"),
            path: path_of(&client.id),
        };
        page_with(StatusCode::CREATED, &shown)
    }
}

/// An id as it stands before the colon of Basic (RFC 6749 §2.3.1).
fn form_encoded(id: &str) -> String {
    url::form_urlencoded::byte_serialize(id.as_bytes()).collect()
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

async fn new(visit: &Visit<'_>, id: &ClientId) -> Outcome {
    let form = Form::default();
    let (label, custom) = (form.field("label"), form.field("days"));
    show_form(visit, id, [label, Field::new("life", "365"), custom], None, StatusCode::OK).await
}

async fn show_form(
    visit: &Visit<'_>,
    id: &ClientId,
    [label, life, custom]: [Field; 3],
    problem: Option<String>,
    status: StatusCode,
) -> Outcome {
    let (client, _) = client::show(visit.admin(WRITE)?, id).await?;
    let once =
        Some(visit.form.text(ONCE_FIELD)).filter(|once| once.len() == 32).map(ToOwned::to_owned);
    let form = FormPage {
        base: &visit.visitor.base,
        visitor: &visit.visitor,
        path: path_of(id),
        client_name: client.terms.name.as_str(),
        label,
        life,
        custom,
        lives: &LIVES,
        problem,
        once: once.unwrap_or_else(|| visit.new_once()),
    };
    page_with(status, &form)
}

async fn create(visit: &Visit<'_>, id: &ClientId) -> Outcome {
    let admin = visit.admin(WRITE)?;
    let [label, mut chosen, mut custom] =
        ["label", "life", "days"].map(|name| visit.form.field(name));
    let Some(expires) = life(&mut chosen, &mut custom) else {
        return show_form(visit, id, [label, chosen, custom], None, StatusCode::BAD_REQUEST).await;
    };
    let text = Some(label.value.clone()).filter(|label| !label.is_empty());
    let new = NewSecret { label: text, expires_in: expires.apply(None), chosen: None };
    match client::add_secret_once(admin, id, new, visit.once()).await {
        Ok(Once::Now(made)) => {
            visit.applied().await?;
            let (client, _) = client::show(admin, id).await?;
            SecretShown::page(visit, &client, &made.plain, false)
        }
        Ok(Once::Before(_)) => {
            let path = path_of(id);
            repeated(visit, &path, "To the client", &format!("{path}/secrets/new"))
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
    addresses: Vec<(String, Moment, bool)>,
}

async fn confirm_revoke(visit: &Visit<'_>, id: &ClientId, secret: &SecretId) -> Outcome {
    let (admin, now) = (visit.admin(WRITE)?, visit.visitor.now);
    let (client, _) = client::show(admin, id).await?;
    let asked = Asked { unused_for: None, usual_ttl: visit.server.token_ttl };
    let found = secret_use::safe_to_revoke(admin, id, secret, asked).await?;
    let address = |used: &secret_use::AddressUse| {
        let from =
            used.from.map_or_else(|| "an unknown address".to_owned(), |from| from.to_string());
        (from, Moment::new(used.at, now), used.is_behind)
    };
    page(&ConfirmRevoke {
        base: &visit.visitor.base,
        visitor: &visit.visitor,
        path: path_of(id),
        client_name: client.terms.name.as_str(),
        name: SecretView::new(&found.secret, now).distinct_name(),
        is_safe: found.is_safe,
        reasons: found.reasons.iter().map(|reason| sentence(&reason.message(now))).collect(),
        addresses: found.addresses.iter().map(address).collect(),
    })
}

async fn revoke(visit: &Visit<'_>, id: &ClientId, secret: &SecretId) -> Outcome {
    client::revoke_secret(visit.admin(WRITE)?, id, secret).await?;
    visit.applied().await?;
    Ok(redirect(visit.server, &format!("{}?done=secret-revoked", path_of(id))))
}
