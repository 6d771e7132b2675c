//! People. Nobody manages somebody who may do what they may not do themselves; and there is always
//! an administrator left who can log in.

use std::sync::Arc;

use super::api::{added, must_exist};
use super::{Admin, AdminError, version};
use crate::model::client::{MAX_RESOURCES, MAX_SCOPE_LEN};
use crate::model::event::{Event, UserPermissions};
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;
use crate::model::session::SessionId;
use crate::model::user::{Role, User, UserId, Username};
use crate::secret::hash::SecretHash;
use crate::secret::password::{Password, UnacceptablePassword};
use crate::secret::pool::{Busy, Lane};
use crate::store::transaction::Tx;
pub use crate::store::user::Filter;
use crate::store::{StoreError, session, user};

/// What a user is made of.
#[derive(Debug)]
pub struct NewUser {
    /// What they log in with.
    pub username: Username,
    /// What they are here for.
    pub role: Role,
    /// What they may do at APIs.
    pub scopes: ScopeSet,
    /// The APIs that they may use beside the default one.
    pub resources: Vec<ResourceUri>,
    /// What they log in with besides.
    pub password: Password,
}

/// A change of a user: what is absent stays.
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
    /// The [`version()`] of the user that whoever changes them has seen: the change is refused
    /// when there is another by now.
    pub seen: Option<String>,
}

impl UserUpdate {
    /// Somebody new, as far as it says what they are called and what they are here for.
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

/// Makes somebody known.
///
/// # Errors
/// [`AdminError::Exists`] when the name is taken, [`AdminError::Forbidden`] when the caller does
/// not hold what goes with the role, or the scopes, [`AdminError::Unknown`] when there is no such
/// API, [`AdminError::Invalid`] when the password is easy to guess, or a scope is Mintery's own.
pub async fn create(admin: &Admin, new: NewUser) -> Result<User, AdminError> {
    let user = User {
        id: UserId::generate(&*admin.random),
        username: new.username,
        role: new.role,
        scopes: new.scopes,
        resources: new.resources,
        created_at: admin.clock.now(),
        disabled_at: None,
        second_factor_at: None,
    };
    validate(&user)?;
    admin.may_decide_about(&user)?;
    admin.may_give_apis(&user.resources, &[])?;
    must_exist(admin, user.resources.iter()).await?;
    let (row, password) =
        (user.clone(), hash(admin, new.password, &user.username, Lane::Administration).await?);
    let change = admin.store.change::<(), AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            let inserted = user::insert(tx, &row, &password).await;
            inserted.map_err(|error| taken(error, &row.username))?;
            let permissions =
                UserPermissions { role: row.role, scopes: row.scopes, resources: row.resources };
            Ok(((), Event::UserCreated { user: row.id, username: row.username, permissions }))
        })
    });
    change.await?;
    Ok(user)
}

/// Somebody.
///
/// # Errors
/// [`AdminError::NotFound`] when there is nobody of this id.
pub async fn show(admin: &Admin, id: &UserId) -> Result<User, AdminError> {
    user::by_id(admin.store.database(), id).await?.ok_or_else(|| not_found(id))
}

/// Somebody by the name that they log in with.
///
/// # Errors
/// [`AdminError::NotFound`] when there is nobody of this name.
pub async fn show_by_name(admin: &Admin, username: &Username) -> Result<User, AdminError> {
    let found = user::by_username(admin.store.database(), username).await?;
    found.map(|(user, _)| user).ok_or_else(|| AdminError::NotFound(format!("user {username}")))
}

/// Up to `limit` users after the one with the id `after`, by id.
///
/// # Errors
/// When the store fails.
pub async fn page(
    admin: &Admin,
    after: &str,
    limit: i64,
    filter: &Filter,
) -> Result<Vec<User>, AdminError> {
    Ok(user::page(admin.store.database(), after, limit, filter).await?)
}

/// The same by name: up to `limit` users after the one of the name `after`, in lower case.
///
/// # Errors
/// When the store fails.
pub async fn by_name(
    admin: &Admin,
    after: &str,
    limit: i64,
    filter: &Filter,
) -> Result<Vec<User>, AdminError> {
    Ok(user::by_name(admin.store.database(), after, limit, filter).await?)
}

/// Gives somebody another name or another role, or lets them do more or less at APIs.
///
/// # Errors
/// [`AdminError::NotFound`] when there is nobody of this id, [`AdminError::Exists`] when the name
/// is taken, [`AdminError::Forbidden`] when the caller does not hold what goes with the role they
/// have or get, or the scopes, [`AdminError::Unknown`] when there is no such
/// API, [`AdminError::Invalid`] when a scope is Mintery's own, [`AdminError::Conflict`] when no
/// administrator would be left, or they are not as the caller has seen them.
pub async fn update(admin: &Admin, id: &UserId, update: UserUpdate) -> Result<User, AdminError> {
    if let Some(resources) = &update.resources {
        must_exist(admin, added(resources, &show(admin, id).await?.resources)).await?;
    }
    act(admin, id, Act::Update(update)).await
}

/// The version of what [`update`] changes.
#[must_use]
pub fn version(user: &User) -> String {
    let resources: Vec<&str> = user.resources.iter().map(ResourceUri::as_str).collect();
    version::of(&(user.username.as_str(), user.role.name(), user.scopes.as_str(), resources))
}

/// Lets somebody log in, or stops them from doing so: they are logged out everywhere, and their
/// keys are good for nothing, until they are enabled again. It is no error when that is so already.
///
/// # Errors
/// [`AdminError::NotFound`] when there is nobody of this id, [`AdminError::Forbidden`] when the
/// caller does not hold what goes with their role, [`AdminError::Conflict`] when no administrator
/// would be left.
pub async fn set_enabled(admin: &Admin, id: &UserId, enabled: bool) -> Result<User, AdminError> {
    act(admin, id, if enabled { Act::Enable } else { Act::Disable }).await
}

/// Deletes somebody, with their sessions and keys.
///
/// # Errors
/// [`AdminError::NotFound`] when there is nobody of this id, [`AdminError::Forbidden`] when the
/// caller does not hold what goes with their role, [`AdminError::Conflict`] when no administrator
/// would be left.
pub async fn delete(admin: &Admin, id: &UserId) -> Result<(), AdminError> {
    act(admin, id, Act::Delete).await.map(drop)
}

/// Gives somebody another password, which is hashed when it is the turn of `lane`. They are logged
/// out everywhere but in the session `kept`. Whoever does that to themselves has shown the old one
/// before (`oauth::log_in`), and waits in line with those who log in.
///
/// # Errors
/// [`AdminError::NotFound`] when there is nobody of this id, [`AdminError::Forbidden`] when they
/// are somebody else and the caller does not hold what goes with their role,
/// [`AdminError::Invalid`] when the password is easy to guess.
pub async fn set_password(
    admin: &Admin,
    id: &UserId,
    password: Password,
    kept: Option<SessionId>,
    lane: Lane,
) -> Result<User, AdminError> {
    // Before the work of a hash.
    let before = show(admin, id).await?;
    admin.may_manage_user(&before)?;
    let password = hash(admin, password, &before.username, lane).await?;
    let (id, caller) = (id.clone(), admin.clone());
    let change = admin.store.change::<User, AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            let (user, _) = user::lock(tx, &id).await?.ok_or_else(|| not_found(&id))?;
            caller.may_manage_user(&user)?;
            user::set_password(tx, &id, &password).await?;
            session::delete_all(tx, &id, kept.as_ref()).await?;
            Ok((user, Event::UserPasswordSet { user: id, kept }))
        })
    });
    change.await.map(|(user, _)| user)
}

/// What may take an administrator away.
enum Act {
    Update(UserUpdate),
    Enable,
    Disable,
    Delete,
}

/// Does it, unless no administrator would be left; gives who the user is then, or was.
async fn act(admin: &Admin, id: &UserId, act: Act) -> Result<User, AdminError> {
    let (id, caller) = (id.clone(), admin.clone());
    let change = admin.store.change::<User, AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            user::take_turn_with_administrators(tx).await?;
            let (user, _) = user::lock(tx, &id).await?.ok_or_else(|| not_found(&id))?;
            act.check(&caller, &user)?;
            let was_needed = user.may_administer();
            let is_deleted = matches!(act, Act::Delete);
            let (user, event) = act.apply(&caller, tx, user).await?;
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
    /// Who may do it. To stop somebody in a hurry takes less: not what they may do at APIs.
    fn check(&self, caller: &Admin, user: &User) -> Result<(), AdminError> {
        match self {
            Self::Disable => caller.may_manage_role(user.role),
            Self::Update(_) | Self::Enable | Self::Delete => caller.may_decide_about(user),
        }
    }

    async fn apply(
        self,
        caller: &Admin,
        tx: &mut Tx,
        mut user: User,
    ) -> Result<(User, Event), AdminError> {
        let id = user.id.clone();
        let event = match self {
            Self::Update(update) => {
                version::check(update.seen.as_deref(), &version(&user), "user")?;
                let before = user.clone();
                user.username = update.username.unwrap_or(user.username);
                user.role = update.role.unwrap_or(user.role);
                user.scopes = update.scopes.unwrap_or(user.scopes);
                user.resources = update.resources.unwrap_or(user.resources);
                validate(&user)?;
                caller.may_decide_about(&user)?;
                caller.may_give_apis(&user.resources, &before.resources)?;
                Event::UserUpdated {
                    user: id,
                    username: user.username.clone(),
                    permissions: UserPermissions {
                        role: user.role,
                        scopes: user.scopes.clone(),
                        resources: user.resources.clone(),
                    },
                    revokes_tokens: user.may_less_than(&before),
                }
            }
            Self::Enable => {
                user.disabled_at = None;
                Event::UserEnabled { user: id }
            }
            Self::Disable => {
                user.disabled_at = user.disabled_at.or_else(|| Some(caller.clock.now()));
                session::delete_all(tx, &id, None).await?;
                Event::UserDisabled { user: id }
            }
            Self::Delete => {
                user::delete(tx, &id).await?;
                return Ok((
                    user.clone(),
                    Event::UserDeleted { user: id, username: user.username },
                ));
            }
        };
        let updated = user::update(tx, &user).await;
        updated.map_err(|error| taken(error, &user.username))?;
        Ok((user, event))
    }
}

const LAST: &str =
    "this is the last administrator who can log in; create another administrator first";

impl Admin {
    /// Nobody gives a role that goes with more than they hold, or decides about somebody who has
    /// it.
    pub(super) fn may_manage_role(&self, role: Role) -> Result<(), AdminError> {
        match role {
            // Who has it may give any scope to anybody.
            Role::Admin if self.grantable.is_some() => Err(AdminError::Forbidden(role.scopes())),
            role => self.may_grant(&role.scopes()),
        }
    }

    /// Nobody logs out somebody else of a role that goes with more than they hold: as to disable
    /// them.
    pub(super) fn may_log_out(&self, user: &User) -> Result<(), AdminError> {
        if self.actor.is_user(&user.id) { Ok(()) } else { self.may_manage_role(user.role) }
    }

    /// Nobody decides about somebody who may do what they may not: as with a client, that is as
    /// much as making them anew.
    pub(super) fn may_decide_about(&self, user: &User) -> Result<(), AdminError> {
        self.may_manage_role(user.role)?;
        self.may_grant(&user.scopes)
    }

    /// The same of a user, who may be whoever calls.
    pub(super) fn may_manage_user(&self, user: &User) -> Result<(), AdminError> {
        if self.actor.is_user(&user.id) { Ok(()) } else { self.may_decide_about(user) }
    }
}

/// Checks what somebody is to be allowed at APIs.
fn validate(user: &User) -> Result<(), AdminError> {
    check_scopes(&user.scopes)?;
    if user.resources.len() > MAX_RESOURCES {
        return Err(AdminError::Invalid(format!(
            "a user can have at most {MAX_RESOURCES} resources"
        )));
    }
    Ok(())
}

/// Checks what scopes somebody is to be given.
///
/// # Errors
/// [`AdminError::Invalid`] when they are too many, or one is Mintery's own.
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

/// Judges a password, and hashes it, where that keeps nobody waiting who does not hash.
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
