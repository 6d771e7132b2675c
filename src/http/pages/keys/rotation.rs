//! `/dashboard/keys/{id}/rotate`: replaces a key in four steps, while both keys work.

use std::time::Duration;

use actix_web::http::StatusCode;
use askama::Template;

use super::created::created_page;
use crate::admin::AdminError;
use crate::admin::api_key::{self, Rotation};
use crate::http::act::Refused;
use crate::http::pages::answer::{PageResult, page_with, redirect};
use crate::http::pages::failure::Failure;
use crate::http::pages::form::{Field, parse_life, sentence};
use crate::http::pages::key_view::{KeyView, find_key};
use crate::http::pages::links::key_path;
use crate::http::pages::visit::Visit;
use crate::http::pages::visitor::Visitor;
use crate::model::api_key::ApiKeyId;
use crate::model::own_scope::OwnScope;

/// Hours for which the old key stays valid: value and label.
const OVERLAPS: [(&str, &str); 5] =
    [("1", "1 hour"), ("24", "1 day"), ("72", "3 days"), ("168", "7 days"), ("720", "30 days")];

/// A key without use for this long is taken to be out of use, as for the secrets of clients.
const QUIET: Duration = Duration::from_hours(24);

/// Lifetimes of the new key: value and label.
const LIVES: [(&str, &str); 7] = [
    ("keep", "Same lifetime as the old key"),
    ("7", "7 days"),
    ("30", "30 days"),
    ("60", "60 days"),
    ("90", "90 days"),
    ("365", "1 year"),
    ("never", "No expiry"),
];

#[derive(Template)]
#[template(path = "key-rotate.html")]
struct Page<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    step: u8,
    old: KeyView,
    new: Option<KeyView>,
    overlap: Field,
    life: Field,
    overlaps: &'a [(&'static str, &'static str)],
    lives: &'a [(&'static str, &'static str)],
    problem: Option<String>,
}

impl Page<'_> {
    /// The steps: label and CSS class.
    fn steps(&self) -> [(&'static str, &'static str); 4] {
        let state = |number: u8| match number.cmp(&self.step) {
            std::cmp::Ordering::Less => "done",
            std::cmp::Ordering::Equal => "current",
            std::cmp::Ordering::Greater => "",
        };
        [
            ("Create a new key", state(1)),
            ("Update applications", state(2)),
            ("Verify", state(3)),
            ("Revoke the old key", state(4)),
        ]
    }

    /// `true` if the new key is in use and the old one is out of use.
    fn is_quiet(&self) -> bool {
        self.is_verified() && self.old.used.is_none_or(|old| old.is_past(QUIET))
    }

    /// `true` if the last use was of the new key. A program with rare requests may still hold the
    /// old one.
    fn is_verified(&self) -> bool {
        let new = self.new.as_ref().and_then(|new| new.used);
        new.is_some_and(|new| self.old.used.is_none_or(|old| old.is_before(new)))
    }

    fn is_new_used(&self) -> bool {
        self.new.as_ref().is_some_and(|new| new.used.is_some())
    }
}

pub(super) async fn show(visit: &Visit<'_>, id: &ApiKeyId) -> PageResult {
    let step = visit.form.text("step").parse().unwrap_or(3);
    let (overlap, life) = (Field::new("overlap", "168"), Field::new("life", "keep"));
    show_step(visit, id, step, overlap, life, None, StatusCode::OK).await
}

async fn show_step(
    visit: &Visit<'_>,
    id: &ApiKeyId,
    step: u8,
    overlap: Field,
    life: Field,
    problem: Option<String>,
    status: StatusCode,
) -> PageResult {
    let old = KeyView::new(visit, &find_key(visit, id, OwnScope::KeysWrite).await?);
    let new = match &old.successor {
        None => None,
        Some(successor) => match find_key(visit, successor, OwnScope::KeysWrite).await {
            Ok(kept) => Some(KeyView::new(visit, &kept)),
            // Revoked: the rotation starts again.
            Err(Failure::Refused(Refused::Admin(AdminError::NotFound(_)))) => None,
            Err(failure) => return Err(failure),
        },
    };
    let step = if new.is_none() { 1 } else { step.clamp(2, 4) };
    let page = Page {
        base: &visit.visitor.base,
        visitor: &visit.visitor,
        step,
        old,
        new,
        overlap,
        life,
        overlaps: &OVERLAPS,
        lives: &LIVES,
        problem,
    };
    page_with(status, &page)
}

pub(super) async fn create(visit: &Visit<'_>, id: &ApiKeyId) -> PageResult {
    find_key(visit, id, OwnScope::KeysWrite).await?;
    let admin = &visit.visitor.admin;
    let (mut overlap, mut life_field) = (visit.form.field("overlap"), visit.form.field("life"));
    let hours = overlap
        .parse(|text| text.parse::<u64>().map_err(|_| "choose how long the old key stays valid"));
    let life = parse_life(&mut life_field, &mut Field::new("days", ""));
    let (Some(hours), Some(expires_in)) = (hours, life) else {
        return show_step(visit, id, 1, overlap, life_field, None, StatusCode::BAD_REQUEST).await;
    };
    let rotation =
        Rotation { overlap: Some(Duration::from_secs(hours.saturating_mul(3600))), expires_in };
    match api_key::rotate(admin, id, rotation).await {
        Ok(created) => {
            visit.applied().await?;
            created_page(visit, &created, Some(id))
        }
        // A reload, or a concurrent rotation: the new key exists and is not shown again.
        Err(AdminError::Conflict(_)) if is_replaced(visit, id).await? => {
            Ok(redirect(visit.server, &format!("{}/rotate?step=2", key_path(id))))
        }
        Err(
            error @ (AdminError::Invalid(_) | AdminError::Conflict(_) | AdminError::Forbidden(_)),
        ) => {
            let problem = Some(sentence(&error.to_string()));
            show_step(visit, id, 1, overlap, life_field, problem, StatusCode::CONFLICT).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn is_replaced(visit: &Visit<'_>, id: &ApiKeyId) -> Result<bool, Failure> {
    let (key, _) = find_key(visit, id, OwnScope::KeysWrite).await?;
    Ok(key.successor.is_some())
}
