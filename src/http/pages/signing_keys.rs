//! `/dashboard/signing-keys…`: the keys that sign tokens, and their schedule.

use askama::Template;

use super::answer::{PageResult, page};
use super::confirm::ask;
use super::display::{Badge, ShownTime, span};
use super::failure::Failure;
use super::form::FormFields;
use super::links::signing_key_path;
use super::visit::Visit;
use super::visitor::Visitor;
use crate::admin::signing_key;
use crate::clock::Timestamp;
use crate::model::key_schedule::{KeyState, ScheduledKey};
use crate::model::own_scope::OwnScope;
use crate::model::signing_key::SigningAlgorithm;

pub(super) async fn route(visit: &Visit<'_>, page: &[&str], is_post: bool) -> PageResult {
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

/// Accepts the characters of key ids alone.
fn check_kid(kid: &str) -> Result<&str, Failure> {
    let is_id = kid.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if is_id { Ok(kid) } else { Err(Failure::NotFound) }
}

/// A signing key of a page.
struct SigningKeyView {
    kid: String,
    alg: &'static str,
    state: KeyState,
    status: Badge,
    signs_from: ShownTime,
    signs_until: Option<ShownTime>,
    published_until: Option<ShownTime>,
}

impl SigningKeyView {
    fn new(key: &ScheduledKey, now: Timestamp) -> Self {
        let (shown, state) = (|at| ShownTime::new(at, now), key.term.state(now));
        Self {
            kid: key.kid.clone(),
            alg: key.algorithm.name(),
            state,
            status: match state {
                KeyState::Active => Badge::ok("Active"),
                KeyState::Next => Badge::warn("Next"),
                KeyState::Retiring => Badge::plain("Verifies only"),
                KeyState::Gone if key.term.taken_back_at.is_some() => Badge::bad("Revoked"),
                KeyState::Gone => Badge::plain("Removed"),
            },
            signs_from: shown(key.term.signs_from),
            signs_until: key.term.signs_until.map(shown),
            published_until: key.term.published_until().map(shown),
        }
    }

    fn is_gone(&self) -> bool {
        self.state == KeyState::Gone
    }

    fn path(&self) -> String {
        signing_key_path(&self.kid)
    }
}

#[derive(Template)]
#[template(path = "signing-keys.html")]
struct List<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    keys: Vec<SigningKeyView>,
    jwks: String,
}

async fn list(visit: &Visit<'_>) -> PageResult {
    let now = visit.visitor.now;
    let mut keys = signing_key::schedules(visit.admin(OwnScope::SigningKeysRead)?).await?;
    keys.sort_by_key(|key| (key.algorithm.name(), key.term.state(now), key.term.signs_from));
    page(&List {
        base: &visit.visitor.base,
        visitor: &visit.visitor,
        keys: keys.iter().map(|key| SigningKeyView::new(key, now)).collect(),
        jwks: visit.server.context.issuer.endpoint("/.well-known/jwks.json"),
    })
}

#[derive(Template)]
#[template(path = "signing-key.html")]
struct Show<'a> {
    base: &'a str,
    visitor: &'a Visitor,
    key: SigningKeyView,
    public: Option<String>,
}

async fn show(visit: &Visit<'_>, kid: &str) -> PageResult {
    let (key, public) =
        signing_key::show(visit.admin(OwnScope::SigningKeysRead)?, check_kid(kid)?).await?;
    let key = SigningKeyView::new(&key, visit.visitor.now);
    page(&Show { base: &visit.visitor.base, visitor: &visit.visitor, key, public })
}

/// The algorithm in the query; the one of the server if it names none.
fn algorithm(visit: &Visit<'_>) -> Result<SigningAlgorithm, Failure> {
    let query = FormFields::from_query(visit.request.query_string());
    match query.text("alg") {
        "" => Ok(visit.server.tokens.algorithm),
        name => name.parse().map_err(|_| Failure::NotFound),
    }
}

fn confirm_rotate(visit: &Visit<'_>) -> PageResult {
    visit.admin(OwnScope::SigningKeysWrite)?;
    let algorithm = algorithm(visit)?;
    let ahead = span(visit.server.publication.ahead);
    let text = [
        format!("A new {algorithm} key is published immediately and starts signing in {ahead}, when every verifier has fetched it."),
        "The current key signs until then, and stays published until its last token expires. Verifiers need no change."
            .to_owned(),
    ];
    let title = format!("Rotate the {algorithm} signing key?");
    ask(visit, &[("/dashboard/signing-keys", "Signing keys")], &title, &text, false, "Rotate")
}

async fn rotate(visit: &Visit<'_>) -> PageResult {
    let ahead = Some(visit.server.publication.ahead);
    signing_key::rotate(visit.admin(OwnScope::SigningKeysWrite)?, algorithm(visit)?, ahead).await?;
    visit.changed("/dashboard/signing-keys", "rotated").await
}

async fn confirm_retire(visit: &Visit<'_>, kid: &str) -> PageResult {
    let (key, _) =
        signing_key::show(visit.admin(OwnScope::SigningKeysWrite)?, check_kid(kid)?).await?;
    let view = SigningKeyView::new(&key, visit.visitor.now);
    let path = view.path();
    let crumbs = [("/dashboard/signing-keys", "Signing keys"), (path.as_str(), view.kid.as_str())];
    let text = [
        format!("{} key {}. Revoke a signing key only if it has leaked. Otherwise rotate it.", view.alg, view.kid),
        "This revokes every token the key signed, erases its private key, and starts signing with another key. This cannot be undone."
            .to_owned(),
    ];
    ask(visit, &crumbs, "Revoke this signing key?", &text, true, "Revoke signing key")
}

async fn retire(visit: &Visit<'_>, kid: &str) -> PageResult {
    signing_key::retire(
        visit.admin(OwnScope::SigningKeysWrite)?,
        check_kid(kid)?,
        visit.server.tokens.algorithm,
    )
    .await?;
    visit.changed("/dashboard/signing-keys", "retired").await
}
