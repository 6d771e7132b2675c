//! `/dashboard/keys/{id}/rotate`: one key takes the place of another in four steps, and nobody has
//! to stop in between.

use std::time::Duration;

use actix_web::http::StatusCode;
use askama::Template;

use super::failure::Failure;
use super::form::Field;
use super::keys::{KeyView, Shown, WRITE, find, life, path_of, sentence};
use super::visit::Visit;
use super::visitor::Visitor;
use super::{Outcome, Refused, page_with, redirect};
use crate::admin::AdminError;
use crate::admin::api_key::{self, Rotation};
use crate::model::api_key::ApiKeyId;

/// For how long the old key stays good, as it is offered, in hours.
const OVERLAPS: [(&str, &str); 5] =
    [("1", "1 hour"), ("24", "1 day"), ("72", "3 days"), ("168", "7 days"), ("720", "30 days")];

/// How long a key is not used that nothing is likely to use any more: as of the secrets of clients.
const QUIET: Duration = Duration::from_hours(24);

/// After how many days the new key expires, as it is offered.
const LIVES: [(&str, &str); 7] = [
    ("keep", "As long after its start as the old one"),
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
    /// The steps, and where one is among them.
    fn steps(&self) -> [(&'static str, &'static str); 4] {
        let state = |number: u8| match number.cmp(&self.step) {
            std::cmp::Ordering::Less => "done",
            std::cmp::Ordering::Equal => "current",
            std::cmp::Ordering::Greater => "",
        };
        [
            ("Create a new key", state(1)),
            ("Update the applications", state(2)),
            ("Verify", state(3)),
            ("Delete the old key", state(4)),
        ]
    }

    /// Whether the new key is in use, and the old one was not used for so long that nothing is
    /// likely to.
    fn is_quiet(&self) -> bool {
        self.is_verified() && self.old.used.is_none_or(|old| old.is_past(QUIET))
    }

    /// Whether the new key was used last, and not the old one. Something that asks more seldom may
    /// still have the old one.
    fn is_verified(&self) -> bool {
        let new = self.new.as_ref().and_then(|new| new.used);
        new.is_some_and(|new| self.old.used.is_none_or(|old| old.is_before(new)))
    }

    /// Whether the new key was used at all.
    fn is_new_used(&self) -> bool {
        self.new.as_ref().is_some_and(|new| new.used.is_some())
    }
}

pub(super) async fn show(visit: &Visit<'_>, id: &ApiKeyId) -> Outcome {
    let step = visit.form.text("step").parse().unwrap_or(3);
    let (overlap, life) = (Field::new("overlap", "168"), Field::new("life", "keep"));
    shown(visit, id, step, overlap, life, None, StatusCode::OK).await
}

async fn shown(
    visit: &Visit<'_>,
    id: &ApiKeyId,
    step: u8,
    overlap: Field,
    life: Field,
    problem: Option<String>,
    status: StatusCode,
) -> Outcome {
    let old = KeyView::new(visit, &find(visit, id, WRITE).await?);
    let new = match &old.successor {
        None => None,
        Some(successor) => match find(visit, successor, WRITE).await {
            Ok(kept) => Some(KeyView::new(visit, &kept)),
            // It was revoked: the rotation begins anew.
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

pub(super) async fn create(visit: &Visit<'_>, id: &ApiKeyId) -> Outcome {
    find(visit, id, WRITE).await?;
    let admin = &visit.visitor.admin;
    let (mut overlap, mut life_field) = (visit.form.field("overlap"), visit.form.field("life"));
    let hours = overlap
        .parse(|text| text.parse::<u64>().map_err(|_| "choose how long the old key stays good"));
    let life = life(&mut life_field, &mut Field::new("days", ""));
    let (Some(hours), Some(expires_in)) = (hours, life) else {
        return shown(visit, id, 1, overlap, life_field, None, StatusCode::BAD_REQUEST).await;
    };
    let rotation =
        Rotation { overlap: Some(Duration::from_secs(hours.saturating_mul(3600))), expires_in };
    match api_key::rotate(admin, id, rotation).await {
        Ok(made) => {
            visit.applied().await?;
            page_with(StatusCode::CREATED, &Shown::new(visit, &made, Some(id)))
        }
        // The page was loaded again, or somebody else was faster: the key is there, and not shown
        // again.
        Err(AdminError::Conflict(_)) if is_replaced(visit, id).await? => {
            Ok(redirect(visit.server, &format!("{}/rotate?step=2", path_of(id))))
        }
        Err(
            error @ (AdminError::Invalid(_) | AdminError::Conflict(_) | AdminError::Forbidden(_)),
        ) => {
            let problem = Some(sentence(&error.to_string()));
            shown(visit, id, 1, overlap, life_field, problem, StatusCode::CONFLICT).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn is_replaced(visit: &Visit<'_>, id: &ApiKeyId) -> Result<bool, Failure> {
    let (key, _) = find(visit, id, WRITE).await?;
    Ok(key.successor.is_some())
}
