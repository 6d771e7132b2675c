//! Users. A caller manages only users who hold nothing that the caller lacks. One administrator who
//! can log in always remains.

use std::sync::Arc;

use super::api::{added, must_exist};
use super::{Admin, AdminError, version};
use crate::model::authority::{Authority, Principal as _};
use crate::model::client::{MAX_RESOURCES, MAX_SCOPE_LEN};
use crate::model::event::{Event, EventNumber, UserPermissions};
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;
use crate::model::session::SessionId;
use crate::model::user::{Role, User, UserId, Username};
use crate::secret::hash::SecretHash;
use crate::secret::password::{Password, UnacceptablePassword};
use crate::secret::pool::{Busy, Lane};
use crate::store::transaction::Tx;
pub use crate::store::user::Filter;
use crate::store::{StoreError, event, session, user};

/// The properties of a new user.
#[derive(Debug)]
pub struct NewUser {
    /// The username.
    pub username: Username,
    /// The role.
    pub role: Role,
    /// The API scopes.
    pub scopes: ScopeSet,
    /// The allowed APIs, besides the default one.
    pub resources: Vec<ResourceUri>,
    /// The password.
    pub password: Password,
}

/// A change of a user. Absent fields stay as they are.
#[derive(Debug, Clone, Default)]
pub struct UserUpdate {
    /// See [`NewUser::username`].
    pub username: Option<Username>,
    /// See [`NewUser::role`].
    pub role: Option<Role>,
    /// See [`NewUser::scopes`].
    pub scopes: Option<ScopeSet>,
    /// See [`NewUser::resources`].
    pub resources: Option<Vec<ResourceUri>>,
    /// Grants the user each scope at each API anew, also those that an API got since.
    pub regrant: bool,
    /// The [`version()`] that the caller has seen. The change is rejected if the current one
    /// differs.
    pub seen: Option<String>,
}

impl UserUpdate {
    /// A new user with a name and a role.
    #[must_use]
    pub fn into_new(self, password: Password) -> Option<NewUser> {
        Some(NewUser {
            username: self.username?,
            role: self.role?,
            scopes: self.scopes.unwrap_or_default(),
            resources: self.resources.unwrap_or_default(),
            password,
        })
    }
}

/// Creates a user.
///
/// # Errors
/// [`AdminError::Exists`] if the name is taken, [`AdminError::Forbidden`] if the caller does not
/// hold the scopes or those of the role, [`AdminError::Unknown`] if an API does not exist,
/// [`AdminError::Invalid`] if the password is easy to guess or a scope is Mintery's own.
pub async fn create(admin: &Admin, new: NewUser) -> Result<User, AdminError> {
    let user = User {
        id: UserId::generate(&*admin.random),
        username: new.username,
        role: new.role,
        scopes: new.scopes,
        resources: new.resources,
        granted_as_of: EventNumber::default(),
        created_at: admin.clock.now(),
        disabled_at: None,
        second_factor_at: None,
    };
    validate(&user)?;
    // Before the work of a hash.
    admin.precheck(user.clone()).await?;
    must_exist(admin, user.resources.iter()).await?;
    let password = hash(admin, new.password, &user.username, Lane::Administration).await?;
    let (mut row, caller) = (user, admin.clone());
    let change = admin.store.change::<User, AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            let authority = caller.authority_to_give(tx).await?;
            row.granted_as_of = event::last_number(tx).await?.next();
            let row = authority.to_create(row)?;
            let inserted = user::insert(tx, &row, &password).await;
            inserted.map_err(|error| taken(error, &row.username))?;
            let row = row.into_inner();
            let event = Event::UserCreated {
                user: row.id.clone(),
                username: row.username.clone(),
                permissions: permissions(&row),
            };
            Ok((row, event))
        })
    });
    change.await.map(|(user, _)| user)
}

/// A user by id.
///
/// # Errors
/// [`AdminError::NotFound`] if the user does not exist.
pub async fn show(admin: &Admin, id: &UserId) -> Result<User, AdminError> {
    user::by_id(admin.store.database(), id).await?.ok_or_else(|| not_found(id))
}

/// A user by name.
///
/// # Errors
/// [`AdminError::NotFound`] if the user does not exist.
pub async fn show_by_name(admin: &Admin, username: &Username) -> Result<User, AdminError> {
    let found = user::by_username(admin.store.database(), username).await?;
    found.map(|(user, _)| user).ok_or_else(|| AdminError::NotFound(format!("user {username}")))
}

/// Up to `limit` users after the id `after`, sorted by id.
///
/// # Errors
/// If the store fails.
pub async fn page(
    admin: &Admin,
    after: &str,
    limit: i64,
    filter: &Filter,
) -> Result<Vec<User>, AdminError> {
    Ok(user::page(admin.store.database(), after, limit, filter).await?)
}

/// Up to `limit` users after the lower-case name `after`, sorted by name.
///
/// # Errors
/// If the store fails.
pub async fn by_name(
    admin: &Admin,
    after: &str,
    limit: i64,
    filter: &Filter,
) -> Result<Vec<User>, AdminError> {
    Ok(user::by_name(admin.store.database(), after, limit, filter).await?)
}

/// Changes the name, role, scopes or APIs of a user.
///
/// # Errors
/// [`AdminError::NotFound`] if the user does not exist, [`AdminError::Exists`] if the name is
/// taken, [`AdminError::Forbidden`] if the caller does not hold the scopes, or those of the old or
/// new role, [`AdminError::Unknown`] if an API does not exist, [`AdminError::Invalid`] if a scope
/// is Mintery's own, [`AdminError::Conflict`] if no administrator would remain or the caller has
/// seen another version.
pub async fn update(admin: &Admin, id: &UserId, update: UserUpdate) -> Result<User, AdminError> {
    if let Some(resources) = &update.resources {
        must_exist(admin, added(resources, &show(admin, id).await?.resources)).await?;
    }
    act(admin, id, Act::Update(update)).await
}

/// The version of the properties that [`update`] changes.
#[must_use]
pub fn version(user: &User) -> String {
    let resources: Vec<&str> = user.resources.iter().map(ResourceUri::as_str).collect();
    version::of(&(user.username.as_str(), user.role.name(), user.scopes.as_str(), resources))
}

/// Enables a user, or disables one: this ends their sessions, and their API keys are rejected until
/// they are enabled again. Accepts the current state.
///
/// # Errors
/// [`AdminError::NotFound`] if the user does not exist, [`AdminError::Forbidden`] if the caller
/// does not hold the scopes of their role, [`AdminError::Conflict`] if no administrator would
/// remain.
pub async fn set_enabled(admin: &Admin, id: &UserId, enabled: bool) -> Result<User, AdminError> {
    act(admin, id, if enabled { Act::Enable } else { Act::Disable }).await
}

/// Deletes a user with their sessions and keys.
///
/// # Errors
/// [`AdminError::NotFound`] if the user does not exist, [`AdminError::Forbidden`] if the caller
/// does not hold the scopes of their role, [`AdminError::Conflict`] if no administrator would
/// remain.
pub async fn delete(admin: &Admin, id: &UserId) -> Result<(), AdminError> {
    act(admin, id, Act::Delete).await.map(drop)
}

/// Sets the password of a user and ends their sessions except `kept`. The password is hashed in
/// `lane`. Users who change their own have proved the old one (`authn::log_in`), and queue with
/// those who log in.
///
/// # Errors
/// [`AdminError::NotFound`] if the user does not exist, [`AdminError::Forbidden`] if the user is
/// not the caller and the caller does not hold the scopes of their role, [`AdminError::Invalid`] if
/// the password is easy to guess.
pub async fn set_password(
    admin: &Admin,
    id: &UserId,
    password: Password,
    kept: Option<SessionId>,
    lane: Lane,
) -> Result<User, AdminError> {
    // Before the expensive hash.
    let before = show(admin, id).await?;
    admin.precheck(before.clone()).await?;
    let password = hash(admin, password, &before.username, lane).await?;
    let (id, caller) = (id.clone(), admin.clone());
    let change = admin.store.change::<User, AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            let user = caller.acting_for_user(tx, &id).await?;
            user::set_password(tx, &user, &password).await?;
            session::delete_all(tx, &id, kept.as_ref()).await?;
            Ok((user.into_inner(), Event::UserPasswordSet { user: id, kept }))
        })
    });
    change.await.map(|(user, _)| user)
}

/// An act that may remove the last administrator.
enum Act {
    Update(UserUpdate),
    Enable,
    Disable,
    Delete,
}

/// Performs the act, unless no administrator would remain. Returns the user after it, or before a
/// deletion.
async fn act(admin: &Admin, id: &UserId, act: Act) -> Result<User, AdminError> {
    let (id, caller) = (id.clone(), admin.clone());
    let change = admin.store.change_if_any::<User, AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            let authority = caller.authority_to_give(tx).await?;
            let (user, _) = user::lock(tx, &id).await?.ok_or_else(|| not_found(&id))?;
            let was_needed = user.may_administer();
            let is_deleted = matches!(act, Act::Delete);
            let (user, event) = act.apply(&caller, &authority, tx, user).await?;
            let is_gone = is_deleted || !user.may_administer();
            if was_needed && is_gone && !user::is_other_administrator(tx, &id).await? {
                return Err(AdminError::Conflict(LAST.to_owned()));
            }
            Ok((user, event))
        })
    });
    change.await.map(|(user, _)| user)
}

impl Act {
    async fn apply(
        self,
        caller: &Admin,
        authority: &Authority,
        tx: &mut Tx,
        user: User,
    ) -> Result<(User, Option<Event>), AdminError> {
        let id = user.id.clone();
        match self {
            Self::Update(update) => apply_update(authority, tx, user, update).await,
            Self::Enable => {
                let enabled = User { disabled_at: None, ..user.clone() };
                let user = authority.to_change(authority.over(user)?, enabled, false)?;
                user::update(tx, &user).await?;
                Ok((user.into_inner(), Some(Event::UserEnabled { user: id })))
            }
            // An emergency stop takes less: not what they may do at APIs.
            Self::Disable => {
                authority.over_role(user.role)?;
                let now = caller.clock.now();
                user::disable(tx, &id, now).await?;
                session::delete_all(tx, &id, None).await?;
                let user = User { disabled_at: user.disabled_at.or(Some(now)), ..user };
                Ok((user, Some(Event::UserDisabled { user: id })))
            }
            Self::Delete => {
                let user = authority.over(user)?;
                user::delete(tx, &user).await?;
                let user = user.into_inner();
                let username = user.username.clone();
                Ok((user, Some(Event::UserDeleted { user: id, username })))
            }
        }
    }
}

async fn apply_update(
    authority: &Authority,
    tx: &mut Tx,
    user: User,
    update: UserUpdate,
) -> Result<(User, Option<Event>), AdminError> {
    version::check(update.seen.as_deref(), &version(&user), "user")?;
    let before = user.clone();
    let mut after = User {
        username: update.username.unwrap_or(user.username),
        role: update.role.unwrap_or(user.role),
        scopes: update.scopes.unwrap_or(user.scopes),
        resources: update.resources.unwrap_or(user.resources),
        ..before.clone()
    };
    validate(&after)?;
    let is_pending = update.regrant
        && !super::api::are_as_of(tx, &before.resources, before.granted_as_of).await?;
    if !is_pending && version(&after) == version(&before) {
        authority.over(before.clone())?;
        return Ok((before, None));
    }
    if update.regrant || after.gets_more_than(&before) {
        after.granted_as_of = event::last_number(tx).await?.next();
    }
    let own = authority.over(before.clone())?;
    let user = authority.to_change(own, after, update.regrant)?;
    let updated = user::update(tx, &user).await;
    updated.map_err(|error| taken(error, &user.username))?;
    let user = user.into_inner();
    let event = Event::UserUpdated {
        user: user.id.clone(),
        username: user.username.clone(),
        permissions: permissions(&user),
        revokes_tokens: user.may_less_than(&before),
    };
    Ok((user, Some(event)))
}

fn permissions(user: &User) -> UserPermissions {
    UserPermissions {
        role: user.role,
        scopes: user.scopes.clone(),
        resources: user.resources.clone(),
    }
}

const LAST: &str =
    "this is the last administrator who can log in; create another administrator first";

/// Checks the grants of a user.
fn validate(user: &User) -> Result<(), AdminError> {
    check_scopes(&user.scopes)?;
    if user.resources.len() > MAX_RESOURCES {
        return Err(AdminError::Invalid(format!(
            "a user can have at most {MAX_RESOURCES} resources"
        )));
    }
    Ok(())
}

/// Checks the scopes of a user.
///
/// # Errors
/// [`AdminError::Invalid`] if they are too long, or one is Mintery's own.
pub fn check_scopes(scopes: &ScopeSet) -> Result<(), AdminError> {
    if scopes.as_str().len() > MAX_SCOPE_LEN {
        return Err(AdminError::Invalid(format!(
            "the scopes of a user must have at most {MAX_SCOPE_LEN} bytes"
        )));
    }
    if scopes.has_own() {
        return Err(AdminError::Invalid(
            "Mintery's own scopes come with the role; remove them".to_owned(),
        ));
    }
    Ok(())
}

pub(super) fn not_found(id: &UserId) -> AdminError {
    AdminError::NotFound(format!("user {id}"))
}

fn taken(error: StoreError, username: &Username) -> AdminError {
    match error {
        StoreError::Conflict => AdminError::Exists(format!("user {username}")),
        other => other.into(),
    }
}

/// Checks and hashes a password, in a lane that does not delay other requests.
async fn hash(
    admin: &Admin,
    password: Password,
    username: &Username,
    lane: Lane,
) -> Result<SecretHash, AdminError> {
    let (random, username) = (Arc::clone(&admin.random), username.clone());
    let hash = move |memory: &mut _| {
        password
            .check_strength(&[username.as_str(), "mintery"])
            .map_err(|reason| unacceptable(&reason))?;
        Ok(SecretHash::of(password.secret(), &*random, memory)?)
    };
    let outcome = admin.hashing.submit(lane, hash)?;
    outcome.await.map_err(|_| Busy)?
}

fn unacceptable(reason: &UnacceptablePassword) -> AdminError {
    AdminError::Invalid(reason.to_string())
}
