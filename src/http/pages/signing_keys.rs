//! `/dashboard/signing-keys…`: what tokens are signed with, and when the next key follows.

use askama::Template;

use super::confirm::ask;
use super::failure::Failure;
use super::show::{Moment, Status, span};
use super::visit::Visit;
use super::visitor::Visitor;
use super::{Outcome, encoded, page, redirect};
use crate::admin::signing_key;
use crate::clock::Timestamp;
use crate::model::key_schedule::{KeyState, ScheduledKey};
use crate::model::signing_key::SigningAlgorithm;

const READ: &str = "mintery:signing-keys:read";
const WRITE: &str = "mintery:signing-keys:write";

pub(super) async fn route(visit: &Visit<'_>, page: &[&str], is_post: bool) -> Outcome {
    match (is_post, page) {
        (false, []) => list(visit).await,
        (false, ["rotate"]) => confirm_rotate(visit),
        (true, ["rotate"]) => rotate(visit).await,
        (false, [kid]) => show(visit, kid).await,
        (false, [kid, "retire"]) => confirm_retire(visit, kid).await,
        (true, [kid, "retire"]) => retire(visit, kid).await,
        _ => Err(Failure::NotFound),
    }
}

/// What is no id of a key names none.
fn checked(kid: &str) -> Result<&str, Failure> {
    let is_id = kid.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if is_id { Ok(kid) } else { Err(Failure::NotFound) }
}

/// A key, as it is shown.
struct KeyView {
    kid: String,
    alg: &'static str,
    state: KeyState,
    status: Status,
    signs_from: Moment,
    signs_until: Option<Moment>,
    published_until: Option<Moment>,
}

impl KeyView {
    fn new(key: &ScheduledKey, now: Timestamp) -> Self {
        let (moment, state) = (|at| Moment::new(at, now), key.term.state(now));
        Self {
            kid: key.kid.clone(),
            alg: key.algorithm.name(),
            state,
            status: match state {
                KeyState::Active => Status::ok("Signs"),
                KeyState::Next => Status::warn("Next"),
                KeyState::Retiring => Status::plain("Verifies only"),
                KeyState::Gone if key.term.taken_back_at.is_some() => Status::bad("Taken back"),
                KeyState::Gone => Status::plain("Gone"),
            },
            signs_from: moment(key.term.signs_from),
            signs_until: key.term.signs_until.map(moment),
            published_until: key.term.published_until().map(moment),
        }
    }

    fn is_gone(&self) -> bool {
        self.state == KeyState::Gone
    }

    fn path(&self) -> String {
        format!("/dashboard/signing-keys/{}", encoded(&self.kid))
    }
}

#[derive(Template)]
#[template(path = "signing-keys.html")]
struct List<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    keys: Vec<KeyView>,
    jwks: String,
}

async fn list(visit: &Visit<'_>) -> Outcome {
    let now = visit.visitor.now;
    let mut keys = signing_key::schedules(visit.admin(READ)?).await?;
    keys.sort_by_key(|key| (key.algorithm.name(), key.term.state(now), key.term.signs_from));
    page(&List {
        base: &visit.visitor.base,
        visitor: &visit.visitor,
        keys: keys.iter().map(|key| KeyView::new(key, now)).collect(),
        jwks: visit.server.issuer.endpoint("/.well-known/jwks.json"),
    })
}

#[derive(Template)]
#[template(path = "signing-key.html")]
struct Show<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    key: KeyView,
    public: Option<String>,
}

async fn show(visit: &Visit<'_>, kid: &str) -> Outcome {
    let (key, public) = signing_key::show(visit.admin(READ)?, checked(kid)?).await?;
    let key = KeyView::new(&key, visit.visitor.now);
    page(&Show { base: &visit.visitor.base, visitor: &visit.visitor, key, public })
}

/// The algorithm that a form or an address names.
fn algorithm(visit: &Visit<'_>) -> Result<SigningAlgorithm, Failure> {
    let query = super::form::Form::of_query(visit.request.query_string());
    match query.text("alg") {
        "" => Ok(visit.server.token_alg),
        name => name.parse().map_err(|_| Failure::NotFound),
    }
}

fn confirm_rotate(visit: &Visit<'_>) -> Outcome {
    visit.admin(WRITE)?;
    let algorithm = algorithm(visit)?;
    let ahead = span(visit.server.keys_publish_ahead);
    let text = [
        format!("Another {algorithm} key is made and published at once, and signs in {ahead}: until then every verifier has learned of it."),
        "The key that signs now goes on until then, and stays published until the last token that it signed has expired. Nobody has to \
         do anything."
            .to_owned(),
    ];
    let title = format!("Rotate the {algorithm} key?");
    ask(visit, &[("/dashboard/signing-keys", "Signing keys")], &title, &text, false, "Rotate")
}

async fn rotate(visit: &Visit<'_>) -> Outcome {
    let ahead = Some(visit.server.keys_publish_ahead);
    signing_key::rotate(visit.admin(WRITE)?, algorithm(visit)?, ahead).await?;
    visit.applied().await?;
    Ok(redirect(visit.server, "/dashboard/signing-keys?done=rotated"))
}

async fn confirm_retire(visit: &Visit<'_>, kid: &str) -> Outcome {
    let (key, _) = signing_key::show(visit.admin(WRITE)?, checked(kid)?).await?;
    let view = KeyView::new(&key, visit.visitor.now);
    let path = view.path();
    let crumbs = [("/dashboard/signing-keys", "Signing keys"), (path.as_str(), view.kid.as_str())];
    let text = [
        format!("{} key {}: for when it has leaked. Routine is to rotate it instead.", view.alg, view.kid),
        "Every token that it signed is void at once, another key signs from now on, and its private half is erased. This cannot be undone."
            .to_owned(),
    ];
    ask(visit, &crumbs, "Take this key back?", &text, true, "Take it back")
}

async fn retire(visit: &Visit<'_>, kid: &str) -> Outcome {
    signing_key::retire(visit.admin(WRITE)?, checked(kid)?, visit.server.token_alg).await?;
    visit.applied().await?;
    Ok(redirect(visit.server, "/dashboard/signing-keys?done=retired"))
}
