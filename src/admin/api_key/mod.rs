//! API keys. Whoever may manage keys manages their own; those of others only with all the scopes of
//! the owner, as with secrets: a key of somebody makes its holder that somebody. And no key has a
//! scope that whoever makes it does not hold, or goes beyond the other limits of the key that makes
//! it.

use std::time::Duration;

use super::client::check_life;
pub use super::once::Repeatable;
use super::{Admin, AdminError, once, usage, version};
use crate::clock::Timestamp;
use crate::model::address::AddressRanges;
use crate::model::api_key::{
    ApiKey, ApiKeyId, Environment, KeyFormat, KeyLimit, KeyOwner, MAX_PER_MINUTE, MAX_RANGES,
};
use crate::model::client::{Client, MAX_SCOPE_LEN};
use crate::model::event::{Actor, Event};
use crate::model::name::DisplayName;
use crate::model::patch::Patch;
use crate::model::scope::ScopeSet;
use crate::model::usage::{Hour, HourOfKeyUse, LastUse};
use crate::model::user::User;
use crate::secret::Secret;
use crate::secret::digest::{DigestKey, SecretDigest};
use crate::secret::generated::hint;
pub use crate::store::api_key::Filter;
pub use crate::store::api_key_usage::MAX_KEYS as MAX_KEYS_OF_DAYS;
use crate::store::transaction::Tx;
use crate::store::{StoreError, api_key, api_key_usage, client, revocation, user};

/// What API keys are like here.
#[derive(Debug, Clone)]
pub struct ApiKeyPolicy {
    /// The key of their digests.
    pub digests: DigestKey,
    /// What they look like.
    pub format: KeyFormat,
    /// The longest life of one; any with zero.
    pub max_ttl: Duration,
}

/// What a key is made of.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// Whose it is.
    pub owner: KeyOwner,
    /// What people call it.
    pub name: DisplayName,
    /// What it is for.
    pub environment: Environment,
    /// What it allows; when absent all that its owner gets who asks for nothing.
    pub scopes: Option<ScopeSet>,
    /// From where it may be used; from everywhere when there is none.
    pub allowed: AddressRanges,
    /// How many requests it is good for in a minute.
    pub max_per_minute: Option<u32>,
    /// After how long it expires; what is usual when nobody says.
    pub expires_in: Patch<Duration>,
}

/// A change of a key: what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct ApiKeyUpdate {
    /// See [`NewApiKey::name`].
    pub name: Option<DisplayName>,
    /// See [`NewApiKey::scopes`].
    pub scopes: Option<ScopeSet>,
    /// See [`NewApiKey::allowed`].
    pub allowed: Option<AddressRanges>,
    /// See [`NewApiKey::max_per_minute`].
    pub max_per_minute: Patch<u32>,
    /// After how long from now on it expires.
    pub expires_in: Patch<Duration>,
    /// The [`version()`] of the key that whoever changes it has seen: the change is refused when
    /// there is another by now.
    pub seen: Option<String>,
}

/// How a key is replaced by another.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rotation {
    /// How long the old one stays good; [`USUAL_OVERLAP`] when absent.
    pub overlap: Option<Duration>,
    /// After how long the new one expires; as long as the old one lives when nobody says.
    pub expires_in: Patch<Duration>,
}

/// How long a key that was replaced stays good when nobody says.
pub const USUAL_OVERLAP: Duration = Duration::from_hours(24);

/// How long it may stay good.
pub const MAX_OVERLAP: Duration = Duration::from_hours(24 * 30);

/// The most keys that are revoked in one change.
pub const MAX_AT_ONCE: usize = 200;

/// A key that was made, and its text, which is shown this once.
#[derive(Debug)]
pub struct CreatedApiKey {
    /// The key, as it is kept.
    pub key: ApiKey,
    /// Its text.
    pub plain: Secret,
}

/// What came of a request to make a key.
#[derive(Debug)]
pub enum Creation {
    /// A key was made.
    New(Box<CreatedApiKey>),
    /// It was made when the request was sent before. It is not shown again.
    Repeated(Box<KeptApiKey>),
}

/// A key as it is kept, and when it was last used, but for the last few seconds.
pub type KeptApiKey = (ApiKey, Option<LastUse>);

/// Which keys are revoked.
#[derive(Debug, Clone)]
pub enum Selection {
    /// All keys of an owner.
    Owner(KeyOwner),
    /// These. One that is gone already is no error.
    Ids(Vec<ApiKeyId>),
}

/// Makes a key.
///
/// # Errors
/// As [`create_once`], but that no request was sent before.
pub async fn create(admin: &Admin, new: NewApiKey) -> Result<CreatedApiKey, AdminError> {
    make(admin, new, None).await
}

/// Makes a key. A request that may be sent again makes it once.
///
/// # Errors
/// [`AdminError::Unknown`] when there is no such owner, [`AdminError::Forbidden`] when the caller
/// does not hold the scopes, [`AdminError::Beyond`] when the caller is a key with closer limits,
/// [`AdminError::Conflict`] when the request was sent before and asked for something else.
pub async fn create_once(
    admin: &Admin,
    new: NewApiKey,
    repeatable: Option<Repeatable>,
) -> Result<Creation, AdminError> {
    if let Some(before) = repeated(admin, repeatable.as_ref()).await? {
        return Ok(before);
    }
    match make(admin, new, repeatable.clone()).await {
        // The same request was sent twice at once, and the other was first.
        Err(AdminError::Store(StoreError::Conflict)) if repeatable.is_some() => {
            let before = repeated(admin, repeatable.as_ref()).await?;
            before.ok_or(AdminError::Store(StoreError::Conflict))
        }
        done => done.map(|made| Creation::New(Box::new(made))),
    }
}

/// What came of the request when it was sent before.
async fn repeated(
    admin: &Admin,
    repeatable: Option<&Repeatable>,
) -> Result<Option<Creation>, AdminError> {
    let Some(id) = once::before(admin, repeatable).await? else { return Ok(None) };
    let id = ApiKeyId::parse(&id).map_err(|_| StoreError::Corrupt("id of an API key"))?;
    match show(admin, &id).await {
        Err(AdminError::NotFound(_)) => Err(AdminError::Conflict(format!(
            "the API key {id} that this request has made is gone"
        ))),
        shown => Ok(Some(Creation::Repeated(Box::new(shown?)))),
    }
}

async fn make(
    admin: &Admin,
    new: NewApiKey,
    repeatable: Option<Repeatable>,
) -> Result<CreatedApiKey, AdminError> {
    let policy = &admin.api_keys;
    let life = policy.life(new.expires_in, None)?;
    let (now, id) = (admin.clock.now(), ApiKeyId::generate(&*admin.random));
    let Minted { plain, hint, digest } = admin.mint(new.environment);
    let caller = admin.clone();
    let change = admin.store.change::<ApiKey, AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            let owner = lock_owner(tx, &new.owner).await?;
            let key = ApiKey {
                id,
                name: new.name,
                owner: new.owner,
                environment: new.environment,
                hint,
                scopes: new.scopes.unwrap_or_else(|| owner.default_scopes()),
                allowed: new.allowed,
                max_per_minute: new.max_per_minute,
                successor: None,
                created_at: now,
                expires_at: life.map(|life| now.plus(life)),
                disabled_at: None,
                leaked_at: None,
            };
            validate(&key, &owner)?;
            caller.may_manage_keys_of(&owner, &key.owner)?;
            caller.may_grant(&key.scopes)?;
            caller.may_make(tx, &key).await?;
            api_key::insert(tx, &key, &digest).await?;
            once::keep(tx, &caller, repeatable, key.id.as_str(), now).await?;
            let event = Event::ApiKeyCreated {
                key: key.id.clone(),
                name: key.name.clone(),
                owner: key.owner.clone(),
                environment: key.environment,
            };
            Ok((key, event))
        })
    });
    let (key, _) = change.await?;
    Ok(CreatedApiKey { key, plain })
}

/// A key with its last use.
///
/// # Errors
/// [`AdminError::NotFound`] when there is none.
pub async fn show(admin: &Admin, id: &ApiKeyId) -> Result<KeptApiKey, AdminError> {
    api_key::by_id(admin.store.database(), id).await?.ok_or_else(|| not_found(id))
}

/// Up to `limit` keys after the one with the id `after`, by id.
///
/// # Errors
/// When the store fails.
pub async fn page(
    admin: &Admin,
    after: &str,
    limit: i64,
    filter: &Filter,
) -> Result<Vec<KeptApiKey>, AdminError> {
    Ok(api_key::page(admin.store.database(), after, limit, filter).await?)
}

/// Up to `limit` keys that were made before another one, of which date and id are known, or the
/// last ones that were made; the newest first.
///
/// # Errors
/// When the store fails.
pub async fn newest(
    admin: &Admin,
    before: Option<(Timestamp, ApiKeyId)>,
    limit: i64,
    filter: &Filter,
) -> Result<Vec<KeptApiKey>, AdminError> {
    Ok(api_key::newest(admin.store.database(), before, limit, filter).await?)
}

/// Up to `limit` keys that were found in public and are not over, the last one found first, each
/// with its last use.
///
/// # Errors
/// When the store fails.
pub async fn leaked(
    admin: &Admin,
    limit: i64,
    filter: &Filter,
) -> Result<Vec<KeptApiKey>, AdminError> {
    Ok(api_key::leaked(admin.store.database(), admin.clock.now(), limit, filter).await?)
}

/// How often each of some keys, at most [`MAX_KEYS_OF_DAYS`], was good for a request on each of the
/// last `days` days, the oldest first.
///
/// # Errors
/// When the store fails.
pub async fn daily_uses(
    admin: &Admin,
    keys: &[&ApiKeyId],
    days: usize,
) -> Result<Vec<Vec<i64>>, AdminError> {
    let first = usage::first_day(admin, days);
    let counted = api_key_usage::days(admin.store.database(), keys, first).await?;
    Ok(usage::by_day(keys, counted, first, days))
}

/// Up to `limit` hours in which a key was used, or refused, before the hour `before`, the newest
/// first. They are known for a while after the key is gone.
///
/// # Errors
/// [`AdminError::NotFound`] when nothing is known of such a key.
pub async fn usage(
    admin: &Admin,
    id: &ApiKeyId,
    before: Hour,
    limit: i64,
) -> Result<Vec<HourOfKeyUse>, AdminError> {
    let hours = api_key_usage::page(admin.store.database(), id, before, limit).await?;
    if hours.is_empty() {
        show(admin, id).await?;
    }
    Ok(hours)
}

/// Changes what a key allows.
///
/// # Errors
/// [`AdminError::NotFound`] when there is none, [`AdminError::Forbidden`] when the caller does not
/// hold all scopes that it has or gets, [`AdminError::Beyond`] when the caller is a key with closer
/// limits than it gets, [`AdminError::Conflict`] when it is not as the caller has seen it.
pub async fn update(
    admin: &Admin,
    id: &ApiKeyId,
    update: ApiKeyUpdate,
) -> Result<ApiKey, AdminError> {
    let (policy, now) = (admin.api_keys.clone(), admin.clock.now());
    change(admin, id, move |caller, mut key, owner| {
        // Whoever changes a key decides what it is from now on: as much as making it anew. What its
        // owner has lost it does not allow.
        caller.may_grant(&owner.most_of(&key.scopes))?;
        version::check(update.seen.as_deref(), &version(&key), "API key")?;
        let before = key.clone();
        key.name = update.name.unwrap_or(key.name);
        key.scopes = update.scopes.unwrap_or(key.scopes);
        key.allowed = update.allowed.unwrap_or(key.allowed);
        key.max_per_minute = update.max_per_minute.apply(key.max_per_minute);
        if update.expires_in != Patch::Keep {
            // Its whole life, or it would live for ever by small steps.
            let lived = now.since(key.created_at);
            key.expires_at =
                policy.life(update.expires_in, Some(lived))?.map(|life| now.plus(life));
        }
        validate(&key, owner)?;
        caller.may_grant(&key.scopes)?;
        let event = Event::ApiKeyUpdated {
            key: key.id.clone(),
            revokes_tokens: key.allows_less_than(&before),
        };
        Ok((event, key))
    })
    .await
}

/// What tells what a key allows from what it allowed before a change.
#[must_use]
pub fn version(key: &ApiKey) -> String {
    version::of(&(&key.name, &key.scopes, &key.allowed, key.max_per_minute, key.expires_at))
}

/// Lets a key be used, or stops it from being used. It is no error when that is so already.
///
/// # Errors
/// [`AdminError::NotFound`] when there is none; [`AdminError::Forbidden`] and
/// [`AdminError::Beyond`] as [`update`], where it is to be used again.
pub async fn set_enabled(
    admin: &Admin,
    id: &ApiKeyId,
    enabled: bool,
) -> Result<ApiKey, AdminError> {
    let now = admin.clock.now();
    if enabled {
        return change(admin, id, move |caller, mut key, _| {
            caller.may_grant(&key.scopes)?;
            key.disabled_at = None;
            Ok((Event::ApiKeyEnabled { key: key.id.clone() }, key))
        })
        .await;
    }
    // To stop somebody in a hurry takes less: not even the scopes of the owner.
    let id = id.clone();
    let change = admin.store.change::<ApiKey, AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            let mut key = api_key::lock(tx, &id).await?.ok_or_else(|| not_found(&id))?;
            key.disabled_at = key.disabled_at.or(Some(now));
            api_key::update(tx, &key).await?;
            Ok((key, Event::ApiKeyDisabled { key: id }))
        })
    });
    change.await.map(|(key, _)| key)
}

/// Makes another key that takes the place of one, which stays good for a while.
///
/// # Errors
/// [`AdminError::NotFound`] when there is none, [`AdminError::Conflict`] when it was replaced
/// already or is disabled, [`AdminError::Invalid`] when the old one would stay good for too long,
/// [`AdminError::Beyond`] when the caller is a key with closer limits than the new one gets.
pub async fn rotate(
    admin: &Admin,
    id: &ApiKeyId,
    rotation: Rotation,
) -> Result<CreatedApiKey, AdminError> {
    let overlap = rotation.overlap.unwrap_or(USUAL_OVERLAP);
    if overlap > MAX_OVERLAP {
        let days = MAX_OVERLAP.as_secs() / (24 * 60 * 60);
        return Err(AdminError::Invalid(format!("an old key stays good for at most {days} days")));
    }
    let (before, _) = show(admin, id).await?;
    let policy = &admin.api_keys;
    // The environment of a key never changes.
    let Minted { plain, hint, digest } = admin.mint(before.environment);
    let (now, policy, caller, id) = (admin.clock.now(), policy.clone(), admin.clone(), id.clone());
    let successor = ApiKeyId::generate(&*admin.random);
    let change = admin.store.change::<ApiKey, AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            let owner = lock_owner(tx, &before.owner).await?;
            let mut old = api_key::lock(tx, &id).await?.ok_or_else(|| not_found(&id))?;
            caller.may_manage_keys_of(&owner, &old.owner)?;
            // What the owner has lost since does not come back with another key.
            let scopes = owner.most_of(&old.scopes);
            caller.may_grant(&scopes)?;
            if let Some(other) = &old.successor
                && api_key::exists(tx, other).await?
            {
                return Err(AdminError::Conflict(format!(
                    "the API key {id} was replaced by {other} already"
                )));
            }
            if !old.is_enabled() {
                return Err(AdminError::Conflict(format!(
                    "the API key {id} is disabled; enable it first"
                )));
            }
            let lifetime =
                old.expires_at.map(|end| end.since(old.created_at).max(Duration::from_secs(1)));
            let life = match (rotation.expires_in, lifetime) {
                (Patch::Keep, Some(same)) => Some(policy.cap(same)),
                (wanted, _) => policy.life(wanted, None)?,
            };
            let new = ApiKey {
                id: successor,
                hint,
                scopes,
                successor: None,
                created_at: now,
                expires_at: life.map(|life| now.plus(life)),
                leaked_at: None,
                ..old.clone()
            };
            caller.may_make(tx, &new).await?;
            api_key::insert(tx, &new, &digest).await?;
            let ends_at = now.plus(overlap);
            // Whoever uses the old one to get tokens has no need of new ones, unless theirs would
            // outlive it.
            let ends_earlier = old.expires_at.is_none_or(|expires_at| ends_at < expires_at);
            let revokes_tokens = ends_earlier && overlap < revocation::longest_life(tx).await?;
            old.expires_at =
                Some(old.expires_at.map_or(ends_at, |expires_at| expires_at.min(ends_at)));
            old.successor = Some(new.id.clone());
            api_key::update(tx, &old).await?;
            let event = Event::ApiKeyRotated {
                key: id,
                successor: new.id.clone(),
                expires_at: old.expires_at.unwrap_or(ends_at),
                revokes_tokens,
            };
            Ok((new, event))
        })
    });
    let (key, _) = change.await?;
    Ok(CreatedApiKey { key, plain })
}

/// Takes a key back: from now on it is no key.
///
/// # Errors
/// [`AdminError::NotFound`] when there is none, [`AdminError::Forbidden`] when it is somebody
/// else's whose scopes the caller does not hold.
pub async fn revoke(admin: &Admin, id: &ApiKeyId) -> Result<(), AdminError> {
    let (before, _) = show(admin, id).await?;
    let (id, caller) = (id.clone(), admin.clone());
    let change = admin.store.change::<(), AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            let owner = lock_owner(tx, &before.owner).await?;
            caller.may_manage_keys_of(&owner, &before.owner)?;
            if !api_key::delete(tx, &id).await? {
                return Err(not_found(&id));
            }
            Ok(((), Event::ApiKeyRevoked { key: id }))
        })
    });
    change.await.map(drop)
}

/// Takes keys back, many at once; gives those that were. Keys of an owner who has very many go in
/// several changes.
///
/// # Errors
/// [`AdminError::Unknown`] when there is no such owner, [`AdminError::Invalid`] when too many are
/// named, [`AdminError::Forbidden`] when the caller may not revoke one of them: then none is.
pub async fn revoke_all(admin: &Admin, selection: Selection) -> Result<Vec<ApiKeyId>, AdminError> {
    match selection {
        Selection::Owner(owner) => {
            let mut revoked = Vec::new();
            loop {
                let some = revoke_some_of(admin, &owner).await?;
                let is_last = some.len() < MAX_AT_ONCE;
                revoked.extend(some);
                if is_last {
                    return Ok(revoked);
                }
            }
        }
        Selection::Ids(ids) if ids.len() > MAX_AT_ONCE => {
            Err(AdminError::Invalid(format!("at most {MAX_AT_ONCE} API keys are revoked at once")))
        }
        Selection::Ids(ids) => revoke_ids(admin, ids).await,
    }
}

async fn revoke_some_of(admin: &Admin, owner: &KeyOwner) -> Result<Vec<ApiKeyId>, AdminError> {
    let (owner, caller) = (owner.clone(), admin.clone());
    let change =
        admin.store.change::<Vec<ApiKeyId>, AdminError, _>(admin.actor.clone(), move |tx| {
            Box::pin(async move {
                let client = lock_owner(tx, &owner).await?;
                caller.may_manage_keys_of(&client, &owner)?;
                let some = i64::try_from(MAX_AT_ONCE).unwrap_or(i64::MAX);
                let keys = api_key::ids_of(tx, &owner, some).await?;
                delete_all(tx, keys).await
            })
        });
    none_is_fine(change.await.map(|(keys, _)| keys))
}

async fn revoke_ids(admin: &Admin, mut ids: Vec<ApiKeyId>) -> Result<Vec<ApiKeyId>, AdminError> {
    ids.sort_unstable();
    ids.dedup();
    let mut owners = Vec::new();
    for id in &ids {
        if let Some((key, _)) = api_key::by_id(admin.store.database(), id).await? {
            owners.push(key.owner);
        }
    }
    // Whoever locks several does so in the same order.
    owners.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
    owners.dedup();
    let caller = admin.clone();
    let change =
        admin.store.change::<Vec<ApiKeyId>, AdminError, _>(admin.actor.clone(), move |tx| {
            Box::pin(async move {
                for owner in &owners {
                    let client = lock_owner(tx, owner).await?;
                    caller.may_manage_keys_of(&client, owner)?;
                }
                delete_all(tx, ids).await
            })
        });
    none_is_fine(change.await.map(|(keys, _)| keys))
}

/// Deletes those keys that there are.
async fn delete_all(tx: &mut Tx, ids: Vec<ApiKeyId>) -> Result<(Vec<ApiKeyId>, Event), AdminError> {
    let mut gone = Vec::new();
    for id in ids {
        if api_key::delete(tx, &id).await? {
            gone.push(id);
        }
    }
    if gone.is_empty() {
        // Nothing has happened, so there is nothing to tell.
        return Err(not_found_at_all());
    }
    Ok((gone.clone(), Event::ApiKeysRevoked { keys: gone }))
}

const NONE: &str = "such API key";

fn not_found_at_all() -> AdminError {
    AdminError::NotFound(NONE.to_owned())
}

/// That there was nothing to revoke is as good.
fn none_is_fine(revoked: Result<Vec<ApiKeyId>, AdminError>) -> Result<Vec<ApiKeyId>, AdminError> {
    match revoked {
        Err(AdminError::NotFound(what)) if what == NONE => Ok(Vec::new()),
        revoked => revoked,
    }
}

/// Changes a key, of whose owner all keys may be managed by the caller.
async fn change<F>(admin: &Admin, id: &ApiKeyId, change: F) -> Result<ApiKey, AdminError>
where
    F: FnOnce(&Admin, ApiKey, &Owner) -> Result<(Event, ApiKey), AdminError> + Send + 'static,
{
    // The owner of a key never changes, and is locked first, as where it is deleted.
    let (before, _) = show(admin, id).await?;
    let (id, caller) = (id.clone(), admin.clone());
    let change = admin.store.change::<ApiKey, AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            let owner = lock_owner(tx, &before.owner).await?;
            let key = api_key::lock(tx, &id).await?.ok_or_else(|| not_found(&id))?;
            caller.may_manage_keys_of(&owner, &key.owner)?;
            let (event, key) = change(&caller, key, &owner)?;
            caller.may_make(tx, &key).await?;
            api_key::update(tx, &key).await?;
            Ok((key, event))
        })
    });
    change.await.map(|(key, _)| key)
}

/// The owner of a key.
enum Owner {
    Client(Client),
    User(User),
}

/// The owner, whom nobody else changes or deletes until this ends.
async fn lock_owner(tx: &mut Tx, owner: &KeyOwner) -> Result<Owner, AdminError> {
    match owner {
        KeyOwner::Client(id) => {
            let found = client::lock(tx, id).await?;
            let (client, _) = found.ok_or_else(|| AdminError::Unknown(format!("client {id}")))?;
            Ok(Owner::Client(client))
        }
        KeyOwner::User(id) => {
            let found = user::lock(tx, id).await?;
            let (user, _) = found.ok_or_else(|| AdminError::Unknown(format!("user {id}")))?;
            Ok(Owner::User(user))
        }
    }
}

impl Owner {
    /// What a key of theirs allows when nobody says.
    fn default_scopes(&self) -> ScopeSet {
        match self {
            Self::Client(client) => client.terms.effective_default_scopes(),
            // What somebody holds by their role is Mintery's own, and never a default.
            Self::User(user) => user.scopes.clone(),
        }
    }

    /// What of `scopes` they hold themselves.
    fn most_of(&self, scopes: &ScopeSet) -> ScopeSet {
        match self {
            Self::Client(client) => scopes.intersection(&client.terms.scopes),
            Self::User(user) => user.most_of(scopes),
        }
    }

    /// What of `scopes` they do not hold themselves.
    fn lacks(&self, scopes: &ScopeSet) -> ScopeSet {
        scopes.minus(&self.most_of(scopes))
    }
}

/// A key that is being made.
struct Minted {
    plain: Secret,
    hint: String,
    digest: SecretDigest,
}

impl Admin {
    fn mint(&self, environment: Environment) -> Minted {
        let plain = self.api_keys.format.generate(environment, &*self.random);
        Minted { hint: hint(&plain), digest: self.api_keys.digest(plain.expose()), plain }
    }

    /// A key makes none that could do what it cannot: neither anew, nor of another one.
    async fn may_make(&self, tx: &mut Tx, made: &ApiKey) -> Result<(), AdminError> {
        let Actor::ApiKey { key, .. } = &self.actor else { return Ok(()) };
        // As it is now; one that is gone was good when the request began.
        let own = api_key::find(tx, key).await?.ok_or(AdminError::Beyond(KeyLimit::End))?;
        made.goes_beyond(&own).map_or(Ok(()), |limit| Err(AdminError::Beyond(limit)))
    }

    /// Whoever has a key of somebody acts as them.
    fn may_manage_keys_of(&self, owner: &Owner, id: &KeyOwner) -> Result<(), AdminError> {
        if self.actor.principal().is_some_and(|own| own == *id) {
            return Ok(());
        }
        match owner {
            Owner::Client(client) => self.may_grant(&client.terms.scopes),
            Owner::User(user) => self.may_decide_about(user),
        }
    }
}

impl ApiKeyPolicy {
    /// What keys are like when no setting says otherwise.
    #[must_use]
    pub fn usual(digests: DigestKey) -> Self {
        Self { digests, format: KeyFormat::default(), max_ttl: Duration::ZERO }
    }

    /// What a key is recognised by. The prefix is that of all keys; without it the rest fits into
    /// one block of the hash, and every request with a key has one less to wait for.
    #[must_use]
    pub fn digest(&self, key: &str) -> SecretDigest {
        self.digests.digest_text(key.split_once('_').map_or(key, |(_prefix, rest)| rest))
    }

    /// How long a key lives from now on, that has lived for some time already; for ever when
    /// nothing.
    fn life(
        &self,
        wanted: Patch<Duration>,
        lived: Option<Duration>,
    ) -> Result<Option<Duration>, AdminError> {
        let most = (!self.max_ttl.is_zero())
            .then(|| self.max_ttl.saturating_sub(lived.unwrap_or_default()));
        let too_long = || {
            let most = self.max_ttl.as_secs();
            AdminError::Invalid(format!(
                "an API key lives for at most {most} seconds here (`api_keys.max_ttl`)"
            ))
        };
        match (wanted, most) {
            (Patch::Keep, most) => Ok(most),
            (Patch::Clear, Some(_)) => Err(too_long()),
            (Patch::Clear, None) => Ok(None),
            (Patch::Set(life), Some(most)) if life > most => Err(too_long()),
            (Patch::Set(life), _) => {
                check_life(Some(life))?;
                Ok(Some(life))
            }
        }
    }

    fn cap(&self, life: Duration) -> Duration {
        if self.max_ttl.is_zero() { life } else { life.min(self.max_ttl) }
    }
}

/// Checks what goes together.
fn validate(key: &ApiKey, owner: &Owner) -> Result<(), AdminError> {
    let invalid = |reason: String| Err(AdminError::Invalid(reason));
    if key.scopes.as_str().len() > MAX_SCOPE_LEN {
        return invalid(format!("the scopes of an API key have at most {MAX_SCOPE_LEN} bytes"));
    }
    let missing = owner.lacks(&key.scopes);
    if !missing.is_empty() {
        return invalid(format!("the scope {missing} is none of the owner's scopes"));
    }
    if key.allowed.iter().count() > MAX_RANGES {
        return invalid(format!("an API key has at most {MAX_RANGES} ranges of addresses"));
    }
    if key.max_per_minute.is_some_and(|limit| !(1..=MAX_PER_MINUTE).contains(&limit)) {
        return invalid(format!("a limit is from 1 to {MAX_PER_MINUTE} requests in a minute"));
    }
    Ok(())
}

pub(super) fn not_found(id: &ApiKeyId) -> AdminError {
    AdminError::NotFound(format!("API key {id}"))
}

/// In one word, whether a key may be used at `now`, as far as its owner may.
#[must_use]
pub fn status(key: &ApiKey, now: Timestamp) -> &'static str {
    if !key.is_enabled() {
        "disabled"
    } else if key.is_expired(now) {
        "expired"
    } else if key.leaked_at.is_some() {
        "leaked"
    } else {
        "enabled"
    }
}
