//! API keys as pages show them, and the rule for whose keys a user may see or change: their own,
//! and all with a scope.

use super::display::{Badge, SOON, ShownTime};
use super::failure::Failure;
use super::links;
use super::party;
use super::visit::Visit;
use super::visitor::Visitor;
use crate::admin::api_key::{self, KeptApiKey};
use crate::clock::Timestamp;
use crate::model::api_key::{ApiKey, ApiKeyId, KeyOwner};
use crate::model::own_scope::OwnScope;
use crate::model::scope::ScopeSet;

/// The user of a page, as an owner of keys.
pub fn own_owner(visit: &Visit<'_>) -> KeyOwner {
    KeyOwner::User(visit.visitor.signed_in.user.clone())
}

/// The only owner whose keys the user may see or change; `None` for all, with `scope`.
pub fn only_owner(visit: &Visit<'_>, scope: OwnScope) -> Option<KeyOwner> {
    (!visit.visitor.may(scope)).then(|| own_owner(visit))
}

/// The only owner whose keys the user may see, as a filter takes it.
pub fn only_seen_owner(visit: &Visit<'_>) -> Option<String> {
    only_owner(visit, OwnScope::KeysRead).map(|own| own.as_str().to_owned())
}

/// A key that the user may see or change with `scope`.
///
/// # Errors
/// If they may not; a key that they may not even see is not found.
pub async fn find_key(
    visit: &Visit<'_>,
    id: &ApiKeyId,
    scope: OwnScope,
) -> Result<KeptApiKey, Failure> {
    let kept = api_key::show(&visit.visitor.admin, id).await?;
    let may = |scope| only_owner(visit, scope).is_none_or(|own| own == kept.0.owner);
    if may(scope) {
        return Ok(kept);
    }
    Err(if may(OwnScope::KeysRead) { Failure::lacking(scope) } else { Failure::NotFound })
}

/// A key of a page.
pub struct KeyView {
    pub id: ApiKeyId,
    pub name: String,
    pub masked: String,
    pub owner: KeyOwner,
    /// Filled by [`KeyView::name_owners`].
    pub owner_name: Option<String>,
    /// `true` if the user may change it.
    pub may_change: bool,
    pub environment: &'static str,
    pub status: Badge,
    pub created: ShownTime,
    pub expires: Option<ShownTime>,
    pub used: Option<ShownTime>,
    pub used_from: Option<String>,
    pub is_enabled: bool,
    /// The time at which it was found in public.
    pub leaked: Option<ShownTime>,
    pub successor: Option<ApiKeyId>,
    pub scopes: ScopeSet,
    pub allowed: Vec<String>,
    pub limit: Option<u32>,
}

impl KeyView {
    pub fn new(visit: &Visit<'_>, (key, used): &KeptApiKey) -> Self {
        let (admin, now) = (&visit.visitor.admin, visit.visitor.now);
        Self {
            id: key.id.clone(),
            name: key.name.as_str().to_owned(),
            masked: format!(
                "{}_{}_…{}…",
                admin.api_keys.format.prefix(),
                key.environment.name(),
                key.hint
            ),
            owner: key.owner.clone(),
            owner_name: None,
            may_change: only_owner(visit, OwnScope::KeysWrite).is_none_or(|own| own == key.owner),
            environment: key.environment.name(),
            status: status(key, now),
            created: ShownTime::new(key.created_at, now),
            expires: key.expires_at.map(|at| ShownTime::new(at, now)),
            used: used.map(|used| ShownTime::new(used.at, now)),
            used_from: used.and_then(|used| used.from).map(|address| address.to_string()),
            is_enabled: key.is_enabled(),
            leaked: key.leaked_at.map(|at| ShownTime::new(at, now)),
            successor: key.successor.clone(),
            scopes: key.scopes.clone(),
            allowed: key.allowed.iter().map(ToString::to_string).collect(),
            limit: key.max_per_minute,
        }
    }

    /// Fills in the names of the owners, as far as the user may see them.
    pub async fn name_owners(visit: &Visit<'_>, keys: &mut [&mut Self]) -> Result<(), Failure> {
        let own = own_owner(visit);
        let ids = keys.iter().map(|key| party::named_owner(&key.owner)).collect();
        let names = party::visible_names(visit, ids).await?;
        for key in keys {
            let (kind, id) = party::named_owner(&key.owner);
            key.owner_name = match names.of(kind, &id) {
                _ if key.owner == own => Some(visit.visitor.name().to_owned()),
                name => name.map(ToOwned::to_owned),
            };
        }
        Ok(())
    }

    /// The page of the owner, for a user who may see it.
    pub fn owner_path(&self, visitor: &Visitor) -> Option<String> {
        match &self.owner {
            KeyOwner::Client(id) => {
                visitor.may(OwnScope::ClientsRead).then(|| links::client_path(id))
            }
            KeyOwner::User(id) => visitor.may(OwnScope::UsersRead).then(|| links::user_path(id)),
        }
    }
}

fn status(key: &ApiKey, now: Timestamp) -> Badge {
    let is_soon = |at: Timestamp| at.since(now) < SOON;
    if !key.is_enabled() {
        Badge::plain("Disabled")
    } else if key.is_expired(now) {
        Badge::bad("Expired")
    } else if key.leaked_at.is_some() {
        Badge::bad("Leaked")
    } else if key.successor.is_some() {
        Badge::warn("Rotating")
    } else if key.expires_at.is_some_and(is_soon) {
        Badge::warn("Expires soon")
    } else {
        Badge::ok("Active")
    }
}
